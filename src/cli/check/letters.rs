//! The letters that the newsroom would send, looked over before anybody has one.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::{
    article::{Article, ArticleId},
    compose::{self, ComposeError, Content, Desk, Rendered},
    delivery::DeliveryId,
    diagnostic::Diagnostic,
    language::Language,
    message::{
        self, Addressee,
        lint::{self, Finding},
    },
    newsletter::{
        issue::IssueId,
        variant::{Frame, LetterKind, Variant},
    },
    newsroom::{Look, Settings},
    subscriber::{SubscriptionId, token::TokenKey},
};

/// The newest articles of each newsletter and language that are looked over one by one.
const ARTICLES_MAX: usize = 20;

/// What is wrong with the digest of the newest articles, each of these in a letter of its own, and the letters
/// about a subscription, in each language of each newsletter. A fault of many is said once.
pub(super) fn faults(
    look: &Look,
    settings: &Settings,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<Diagnostic>> {
    let live = look.live(now);
    let mut faults = Faults { said: BTreeSet::new(), found: Vec::new() };
    for newsletter in &settings.config.newsletters {
        let desk = Desk::new(settings, look, &live, newsletter, now);
        for language in &newsletter.languages {
            let newest = desk.newest(language, ARTICLES_MAX);
            // By themselves first, so that what is an article's fault is said of its file.
            for id in &newest {
                if let Some(article) = live.iter().find(|article| article.id == *id) {
                    faults.of_articles(&desk, language, (&[*id], &[]), &file_of(article))?;
                }
            }
            let digest = &newest[..newest.len().min(newsletter.start_with)];
            if digest.len() > 1 {
                let others = newsletter.languages.iter().filter(|other| *other != language);
                let also: Vec<ArticleId> = others.flat_map(|other| desk.newest(other, 1)).collect();
                faults.of_articles(&desk, language, (digest, &also), "templates/mail/digest")?;
            }
            for kind in [LetterKind::Confirm, LetterKind::Welcome, LetterKind::Goodbye] {
                let cadence = newsletter.cadences.first().map(|cadence| cadence.name.as_str());
                let place = format!("templates/mail/{}", kind.as_str());
                let rendered = compose::render_notice(&desk, kind, language, cadence);
                if let Some(variant) = faults.unless_failed(rendered, &place)? {
                    faults.of_letter(&desk, &variant, &place);
                }
            }
        }
    }
    Ok(faults.found)
}

fn file_of(article: &Article) -> String {
    format!("articles/{}", article.manuscript.path)
}

struct Faults {
    said: BTreeSet<String>,
    found: Vec<Diagnostic>,
}

impl Faults {
    fn of_articles(
        &mut self,
        desk: &Desk<'_>,
        language: &Language,
        (articles, also): (&[ArticleId], &[ArticleId]),
        place: &str,
    ) -> anyhow::Result<()> {
        let content = Content { language, articles, also, special: false };
        let rendered = self.unless_failed(compose::render(desk, content), place)?;
        let Some(Rendered { variant, cut }) = rendered else { return Ok(()) };
        self.of_letter(desk, &variant, place);
        if let Some(cut) = cut {
            self.say(cut.finding(), place);
        }
        Ok(())
    }

    /// A template that fails on one article is a fault like others; the rest is looked over all the same.
    fn unless_failed<T>(
        &mut self,
        rendered: Result<T, ComposeError>,
        made_of: &str,
    ) -> Result<Option<T>, ComposeError> {
        match rendered {
            Ok(rendered) => Ok(Some(rendered)),
            Err(ComposeError::Template(why)) => {
                self.found.push(Diagnostic::template_failed(&why.place, &why.why, made_of));
                Ok(None)
            }
            Err(why) => Err(why),
        }
    }

    fn of_letter(&mut self, desk: &Desk<'_>, variant: &Variant, place: &str) {
        let newsletter = desk.newsletter;
        let frame = Frame::new(&newsletter.id, &newsletter.sender, &desk.settings.config.site.url, desk.now);
        let delivery = DeliveryId { issue: IssueId(0), subscription: SubscriptionId(0) };
        let address = newsletter.sender.address.clone();
        let to = Addressee { address: &address, name: "" };
        // Links are compared, not followed, so any key will do.
        let contents = message::contents(&frame, variant, delivery, to, &TokenKey::new([0; 32]));
        for finding in lint::lint(variant.kind, &contents) {
            self.say(finding, place);
        }
    }

    fn say(&mut self, finding: Finding, place: &str) {
        let Finding { severity, message, hint } = finding;
        if self.said.insert(message.clone()) {
            self.found.push(Diagnostic::letter_fault(place, severity, &message, &hint));
        }
    }
}
