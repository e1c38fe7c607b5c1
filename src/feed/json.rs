//! JSON Feed 1.1.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::Serialize;

use super::{Entry, Feed};

/// The document.
pub fn document(feed: &Feed) -> Vec<u8> {
    let document = Document {
        version: "https://jsonfeed.org/version/1.1",
        title: &feed.title,
        home_page_url: feed.home.as_str(),
        feed_url: feed.address("feed.json"),
        description: &feed.description,
        language: feed.language.as_str(),
        authors: vec![Author { name: &feed.author }],
        items: feed.entries.iter().map(|entry| item(entry, feed)).collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&document).expect("strings and lists serialise");
    bytes.push(b'\n');
    bytes
}

#[derive(Serialize)]
struct Document<'f> {
    version: &'static str,
    title: &'f str,
    home_page_url: &'f str,
    feed_url: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'f str,
    language: &'f str,
    authors: Vec<Author<'f>>,
    items: Vec<Item<'f>>,
}

#[derive(Serialize)]
struct Author<'f> {
    name: &'f str,
}

#[derive(Serialize)]
struct Item<'f> {
    id: &'f str,
    url: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_url: Option<&'f str>,
    title: &'f str,
    content_html: &'f str,
    #[serde(skip_serializing_if = "str::is_empty")]
    summary: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'f str>,
    date_published: String,
    date_modified: String,
    authors: Vec<Author<'f>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tags: &'f [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'f str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'f>>,
    #[serde(rename = "_byline", skip_serializing_if = "Vec::is_empty")]
    byline: Vec<Byline<'f>>,
}

#[derive(Serialize)]
struct Attachment<'f> {
    url: &'f str,
    mime_type: &'f str,
    size_in_bytes: u64,
}

/// For whom the piece was written: an extension of ours (JSON Feed 1.1, "Extensions").
#[derive(Serialize)]
struct Byline<'f> {
    attribution: &'f str,
    outlet: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_url: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_date: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licence: Option<&'f str>,
}

fn item<'f>(entry: &'f Entry, feed: &Feed) -> Item<'f> {
    Item {
        id: &entry.id,
        url: &entry.url,
        external_url: entry.credits.iter().find_map(|credit| credit.url.as_deref()),
        title: &entry.title,
        content_html: &entry.html,
        summary: &entry.summary,
        image: entry.image.as_deref(),
        date_published: moment(entry.published),
        date_modified: moment(entry.updated),
        authors: entry.authors.iter().map(|name| Author { name }).collect(),
        tags: &entry.tags,
        language: (entry.language != feed.language).then(|| entry.language.as_str()),
        attachments: entry
            .enclosure
            .iter()
            .map(|enclosure| Attachment {
                url: &enclosure.url,
                mime_type: &enclosure.media_type,
                size_in_bytes: enclosure.bytes,
            })
            .collect(),
        byline: entry
            .credits
            .iter()
            .map(|credit| Byline {
                attribution: &credit.sentence,
                outlet: &credit.outlet,
                original_url: credit.url.as_deref(),
                original_date: credit.date,
                changes: credit.changes.as_deref(),
                licence: credit.licence.as_deref(),
            })
            .collect(),
    }
}

fn moment(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}
