//! For whom a piece was first written: the outlet, and the sentence that says so in each language.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};

use super::when::When;
use crate::{
    language::{Language, Localised},
    text::{escape_html, fold},
};

/// Where pieces first ran, as `[outlet.ID]` of the config describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlet {
    /// The table key: `bbc-online`.
    pub id: String,
    /// Its name in each language that it has one in.
    pub name: Localised,
    /// Its front page.
    pub url: Option<String>,
    /// Its feed, which RSS calls the source.
    pub feed: Option<String>,
    /// Other names it goes by.
    pub aliases: Vec<String>,
    /// Its host names.
    pub domains: Vec<String>,
    /// The author's own wording, by language and kind; the built-in wording where there is none.
    pub wording: BTreeMap<(Language, Kind), String>,
    /// Days that must pass between its date and ours.
    pub republish_after: TimeDelta,
    /// Days after which our copy must go.
    pub expires_after: Option<TimeDelta>,
    /// What our page tells search engines.
    pub search_engines: SearchEngines,
    /// The licence of what ran there, if it asks for one to be named.
    pub licence: Option<String>,
}

/// What a page says to search engines about the outlet's copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SearchEngines {
    /// The outlet's page is the one to show.
    #[default]
    Canonical,
    /// Our page must not be shown.
    NoIndex,
    /// Our page stands on its own.
    Index,
}

/// How the outlet had the piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Kind {
    /// Written for it.
    #[default]
    Written,
    /// Broadcast by it.
    Broadcast,
    /// From a talk with it.
    Interview,
    /// Written for it together with others.
    CoWritten,
    /// Our text translates what it ran.
    Translated,
    /// Our text retells what it ran.
    Adapted,
}

impl Kind {
    /// Every kind with its name in front matter.
    pub const ALL: [(Kind, &'static str); 6] = [
        (Kind::Written, "written"),
        (Kind::Broadcast, "broadcast"),
        (Kind::Interview, "interview"),
        (Kind::CoWritten, "co-written"),
        (Kind::Translated, "translated"),
        (Kind::Adapted, "adapted"),
    ];

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Kind> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// The built-in sentence, which names the outlet as `{outlet}`.
    pub fn wording(self, language: &Language) -> Option<&'static str> {
        Some(match (language.primary(), self) {
            ("en", Kind::Written) => "Written for {outlet}.",
            ("en", Kind::Broadcast) => "Broadcast by {outlet}.",
            ("en", Kind::Interview) => "From an interview with {outlet}.",
            ("en", Kind::CoWritten) => "Co-written for {outlet}.",
            ("en", Kind::Translated) => "Translated from a piece written for {outlet}.",
            ("en", Kind::Adapted) => "Adapted from a piece written for {outlet}.",
            ("fa", Kind::Written) => "این مطلب را برای {outlet} نوشته‌ام.",
            ("fa", Kind::Broadcast) => "این مطلب از {outlet} پخش شده است.",
            ("fa", Kind::Interview) => "این مطلب از گفت‌وگو با {outlet} برگرفته شده است.",
            ("fa", Kind::CoWritten) => "این مطلب را با همکاری دیگران برای {outlet} نوشته‌ام.",
            ("fa", Kind::Translated) => "این مطلب ترجمهٔ نوشته‌ای است که برای {outlet} نوشته‌ام.",
            ("fa", Kind::Adapted) => "این مطلب بازنویسی نوشته‌ای است که برای {outlet} نوشته‌ام.",
            _ => return None,
        })
    }
}

/// This piece was written (broadcast, …) for that outlet. What is not known is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// For whom: as the config described it when the file was read, so that a later config cannot take
    /// a delay or a name away from what is out.
    pub outlet: Arc<Outlet>,
    /// How the outlet had it.
    pub kind: Kind,
    /// The outlet's own page of it.
    pub url: Option<String>,
    /// The day it ran there.
    pub date: Option<When>,
    /// Its title there.
    pub title: Option<String>,
    /// What differs from it.
    pub changes: Option<String>,
    /// The outlet allowed republishing at once.
    pub cleared: bool,
}

/// An attribution in the words of one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    /// The outlet's name.
    pub outlet: String,
    /// The outlet's feed.
    pub outlet_feed: Option<String>,
    /// The outlet's page of the piece.
    pub url: Option<String>,
    /// The day it ran there.
    pub date: Option<NaiveDate>,
    /// What differs from what ran there.
    pub changes: Option<String>,
    /// The licence that the outlet asks to be named.
    pub licence: Option<String>,
    /// "Written for BBC Online."
    pub sentence: String,
    language: Language,
    before: String,
    after: String,
}

impl Outlet {
    /// Everything it may be called, folded.
    pub fn folded_names(&self) -> Vec<String> {
        let others = self.aliases.iter().chain(&self.domains).map(String::as_str);
        self.name.all().chain(others).map(fold).filter(|name| !name.is_empty()).collect()
    }

    fn wording(&self, language: &Language, kind: Kind) -> &str {
        let own = self
            .wording
            .iter()
            .find(|((tag, of), _)| *of == kind && tag.primary() == language.primary())
            .map(|(_, wording)| wording.as_str());
        own.or_else(|| kind.wording(language)).unwrap_or("{outlet}")
    }
}

impl Attribution {
    /// Says it in `language`. A wording that wants a date is not used where none is known.
    pub fn credit(&self, language: &Language) -> Credit {
        let outlet = &self.outlet;
        let name = outlet.name.for_readers_of(language).to_string();
        let mut wording = outlet.wording(language, self.kind).to_string();
        if wording.contains("{date}") {
            wording = match self.date.and_then(|date| date.day.and_hms_opt(12, 0, 0)) {
                Some(noon) => wording.replace("{date}", &language.date(&noon.and_utc())),
                None => self.kind.wording(language).unwrap_or("{outlet}").to_string(),
            };
        }
        let (before, after) = wording.split_once("{outlet}").unwrap_or((&wording, ""));
        let sentence = wording.replace("{outlet}", &name);
        Credit {
            outlet: name,
            outlet_feed: outlet.feed.clone(),
            url: self.url.clone(),
            date: self.date.map(|date| date.day),
            changes: self.changes.clone(),
            licence: outlet.licence.clone(),
            language: language.clone(),
            before: before.to_string(),
            after: after.to_string(),
            sentence,
        }
    }
}

impl Credit {
    /// The paragraph that every body opens with; `class` in pages and letters only, as feeds drop it.
    pub fn html(&self, class: Option<&str>) -> String {
        let class = class.map(|class| format!(" class=\"{class}\"")).unwrap_or_default();
        let outlet = match &self.url {
            Some(url) => format!("<a href=\"{}\">{}</a>", escape_html(url), escape_html(&self.outlet)),
            None => escape_html(&self.outlet),
        };
        format!(
            "<p{class} lang=\"{}\" dir=\"{}\">{}{outlet}{}</p>",
            self.language,
            self.language.direction().as_str(),
            escape_html(&self.before),
            escape_html(&self.after),
        )
    }

    /// "Written for BBC Online: https://…", for text.
    pub fn line(&self) -> String {
        match &self.url {
            Some(url) => format!("{}: {url}", self.sentence.trim_end_matches('.')),
            None => self.sentence.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bbc() -> Outlet {
        let name = [("en", "BBC Online"), ("fa", "وب‌سایت بی‌بی‌سی")];
        Outlet {
            id: "bbc-online".into(),
            name: Localised::new(name.map(|(tag, name)| (tag.parse().unwrap(), name.to_string())).into()),
            url: None,
            feed: None,
            aliases: vec!["BBC".into()],
            domains: vec!["bbc.com".into()],
            wording: [(("en".parse().unwrap(), Kind::Broadcast), "Heard on {outlet}, {date}.".to_string())]
                .into(),
            republish_after: TimeDelta::zero(),
            expires_after: None,
            search_engines: SearchEngines::Canonical,
            licence: None,
        }
    }

    fn attribution(kind: Kind) -> Attribution {
        Attribution {
            outlet: Arc::new(bbc()),
            kind,
            url: Some("https://www.bbc.com/a?b&c".into()),
            date: None,
            title: None,
            changes: None,
            cleared: false,
        }
    }

    #[test]
    fn the_sentence_is_said_in_each_language() {
        let credit = attribution(Kind::Written).credit(&"en".parse().unwrap());
        assert_eq!(credit.sentence, "Written for BBC Online.");
        assert_eq!(credit.line(), "Written for BBC Online: https://www.bbc.com/a?b&c");
        assert_eq!(
            credit.html(None),
            "<p lang=\"en\" dir=\"ltr\">Written for <a href=\"https://www.bbc.com/a?b&amp;c\">BBC Online</a>.</p>"
        );
        let credit = attribution(Kind::Written).credit(&"fa".parse().unwrap());
        assert_eq!(credit.sentence, "این مطلب را برای وب‌سایت بی‌بی‌سی نوشته‌ام.");
    }

    #[test]
    fn an_unknown_date_is_left_out_never_invented() {
        let english = "en".parse().unwrap();
        let mut heard = attribution(Kind::Broadcast);
        assert_eq!(heard.credit(&english).sentence, "Broadcast by BBC Online.");
        heard.date = When::read("2024-06-17", chrono_tz::Tz::UTC);
        assert_eq!(heard.credit(&english).sentence, "Heard on BBC Online, 17 June 2024.");
    }
}
