//! `[outlet.ID]`

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::{
    Reader,
    values::{days, web_address},
};
use crate::{
    article::attribution::{Kind, Outlet, SearchEngines},
    diagnostic::{
        Diagnostic,
        keys::{Key, Keys, Typed},
    },
    language::Language,
    text::clean_line,
};

impl Reader<'_> {
    pub(super) fn outlet(&self, id: &Key, mut keys: Keys<'_>, languages: &[Language]) -> Outlet {
        let texts = |typed: Vec<Typed<'_>>| typed.iter().map(|typed| clean_line(typed.text)).collect();
        let name = self.required_localised(&mut keys, "name", languages);
        let address_hint = "write the whole address, with `https://`";
        let outlet = Outlet {
            id: id.name.clone(),
            name,
            url: keys.parsed("url", "address", address_hint, web_address),
            feed: keys.parsed("feed", "address", address_hint, web_address),
            aliases: texts(keys.texts("aliases")),
            domains: texts(keys.texts("domains")),
            wording: self.wording(&mut keys, languages),
            republish_after: keys
                .parsed("republish_after", "delay", "write a number of days: `14d`", days)
                .unwrap_or(TimeDelta::zero()),
            expires_after: keys.parsed("expires_after", "time", "write a number of days: `365d`", days),
            search_engines: self.search_engines(&mut keys),
            licence: keys.text("licence").map(|typed| clean_line(typed.text)),
        };
        keys.finish();
        outlet
    }

    fn search_engines(&self, keys: &mut Keys<'_>) -> SearchEngines {
        let Some(typed) = keys.text("search_engines") else { return SearchEngines::default() };
        match typed.text {
            "canonical" => SearchEngines::Canonical,
            "noindex" => SearchEngines::NoIndex,
            "index" => SearchEngines::Index,
            _ => {
                let known = ["canonical", "noindex", "index"];
                self.unknown(typed, "value of `search_engines`", &known);
                SearchEngines::default()
            }
        }
    }

    fn wording(&self, keys: &mut Keys<'_>, languages: &[Language]) -> BTreeMap<(Language, Kind), String> {
        let mut wording = BTreeMap::new();
        let known: Vec<&str> = languages.iter().map(Language::as_str).collect();
        let kinds = Kind::ALL.map(|(_, name)| name);
        for (tag, of_language) in keys.tables("wording") {
            let Ok(language) = tag.name.parse::<Language>() else {
                let file = &of_language.node().file;
                let unknown = Diagnostic::unknown_name(file, &tag.span, "language", &tag.name, &known);
                self.problems.push(unknown);
                continue;
            };
            for (kind, node) in of_language.all() {
                match (Kind::named(&kind.name), node.as_text()) {
                    (Some(kind), Some(text)) if text.contains("{outlet}") => {
                        wording.insert((language.clone(), kind), clean_line(text));
                    }
                    (Some(_), _) => {
                        let hint = "write a sentence with `{outlet}` in it";
                        self.invalid(node, "wording", "it does not name the outlet", hint);
                    }
                    (None, _) => self
                        .problems
                        .push(Diagnostic::unknown_name(&node.file, &kind.span, "kind", &kind.name, &kinds)),
                }
            }
        }
        wording
    }
}
