//! All that a template can see. Nothing of the config, the store or the machine is in here but what
//! is named.

mod letter;
mod page;
mod sample;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

pub use letter::*;
pub use page::*;
pub(super) use sample::{Sample, letter as sample_letter, page as sample_page};

use crate::language::{Direction, Language};

/// The site, in one language.
#[derive(Debug, Clone, Serialize)]
pub struct SiteContext {
    /// Its name.
    pub title: String,
    /// One sentence.
    pub description: String,
    /// Who writes.
    pub author: String,
    /// The front page.
    pub url: String,
    /// For letters.
    pub postal_address: Option<String>,
    /// In which days are counted: `Europe/London`.
    pub timezone: String,
}

/// One feed in its three formats.
#[derive(Debug, Clone, Serialize)]
pub struct FeedLink {
    /// Its name.
    pub title: String,
    /// Address of the RSS.
    pub rss: String,
    /// Address of the Atom.
    pub atom: String,
    /// Address of the JSON.
    pub json: String,
}

/// A newsletter, in one language.
#[derive(Debug, Clone, Serialize)]
pub struct NewsletterContext {
    /// Its name.
    pub name: String,
    /// One sentence.
    pub description: Option<String>,
    /// Its language.
    pub language: Language,
    /// Its direction.
    pub direction: Direction,
}

/// An article in a list.
#[derive(Debug, Clone, Serialize)]
pub struct Card {
    /// Its title.
    pub title: String,
    /// Its page.
    pub url: String,
    /// Its language.
    pub language: Language,
    /// Its direction.
    pub direction: Direction,
    /// When it was published, for people.
    pub date: String,
    /// The same for machines.
    pub datetime: String,
    /// Without the attribution.
    pub summary: String,
    /// For whom it was written.
    pub attributions: Vec<AttributionContext>,
    /// In the author's order.
    pub tags: Vec<TopicLink>,
    /// Its picture.
    pub image: Option<ImageContext>,
    /// In a letter with one article: all of it, as HTML.
    pub body_html: Option<String>,
    /// In a letter with one article: all of it, as text.
    pub text_body: Option<String>,
    /// Whether these are only its beginning, because the letter would be too long.
    pub shortened: bool,
}

/// One attribution.
#[derive(Debug, Clone, Serialize)]
pub struct AttributionContext {
    /// A whole paragraph.
    pub html: String,
    /// "Written for BBC Online: https://…"
    pub text: String,
}

/// A picture.
#[derive(Debug, Clone, Serialize)]
pub struct ImageContext {
    /// Its address.
    pub url: String,
    /// What it shows.
    pub alt: String,
    /// How wide it is, in pixels, if that is known.
    pub width: Option<u32>,
    /// How high it is.
    pub height: Option<u32>,
}

/// The path of every field that is given, for a hint: `site.title`, and `articles[].title` for one of each in a list.
/// Words (`t`) are left out.
pub(super) fn paths(given: &Value) -> Vec<String> {
    let mut paths = BTreeSet::new();
    gather(given, "", &mut paths);
    paths.into_iter().collect()
}

fn gather(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| !path.is_empty() || *name != "t") {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                gather(value, &path, paths);
                paths.insert(path);
            }
        }
        Value::Array(all) => all.iter().take(1).for_each(|one| gather(one, &format!("{path}[]"), paths)),
        _ => {}
    }
}
