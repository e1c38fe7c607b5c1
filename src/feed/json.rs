//! JSON Feed 1.1.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::Serialize;

use super::{Entry, Feed, Format, Place};

/// The document.
pub fn document(feed: &Feed) -> Vec<u8> {
    let masthead = &feed.masthead;
    let address = feed.address(Format::Json);
    let document = Document {
        version: "https://jsonfeed.org/version/1.1",
        title: &masthead.title,
        home_page_url: masthead.home.as_str(),
        user_comment: format!(
            "This is a feed: a feed reader that is given its address, {}, shows what is new on {}.",
            feed.current(Format::Json),
            masthead.home
        ),
        next_url: feed.older().map(|older| feed.archive(older, Format::Json)),
        feed_url: address,
        icon: feed.on_site("assets/icon.png"),
        favicon: feed.on_site("assets/favicon.png"),
        description: &masthead.description,
        language: masthead.language.as_str(),
        authors: vec![Author { name: &masthead.author }],
        hubs: hubs(feed),
        items: feed.entries.iter().map(|entry| item(entry, feed)).collect(),
    };
    let mut bytes = Vec::with_capacity(feed.bytes_about());
    serde_json::to_writer_pretty(&mut bytes, &document).expect("strings and lists serialise");
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
    user_comment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_url: Option<String>,
    icon: String,
    favicon: String,
    language: &'f str,
    authors: Vec<Author<'f>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hubs: Vec<Hub<'f>>,
    items: Vec<Item<'f>>,
}

/// Nobody needs to be told of an archive, which does not change.
fn hubs(feed: &Feed) -> Vec<Hub<'_>> {
    let hubs = feed.masthead.hubs.iter().filter(|_| matches!(feed.place, Place::Current { .. }));
    hubs.map(|url| Hub { r#type: "WebSub", url: url.as_str() }).collect()
}

#[derive(Serialize)]
struct Hub<'f> {
    r#type: &'static str,
    url: &'f str,
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
    #[serde(rename = "_byline", skip_serializing_if = "Option::is_none")]
    byline: Option<Byline<'f>>,
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
    /// A page for whoever wonders what this is.
    about: String,
    #[serde(flatten)]
    first: Written<'f>,
    /// A piece may have run at several outlets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<Written<'f>>,
}

#[derive(Serialize)]
struct Written<'f> {
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

fn byline<'f>(entry: &'f Entry, feed: &Feed) -> Option<Byline<'f>> {
    let mut written = entry.credits.iter().map(|credit| Written {
        attribution: &credit.sentence,
        outlet: &credit.outlet,
        original_url: credit.url.as_deref(),
        original_date: credit.date,
        changes: credit.changes.as_deref(),
        licence: credit.licence.as_deref(),
    });
    let first = written.next()?;
    Some(Byline { about: feed.on_site("outlets/"), first, also: written.collect() })
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
        language: (entry.language != feed.masthead.language).then(|| entry.language.as_str()),
        attachments: entry
            .enclosure
            .iter()
            .map(|enclosure| Attachment {
                url: &enclosure.url,
                mime_type: &enclosure.media_type,
                size_in_bytes: enclosure.bytes,
            })
            .collect(),
        byline: byline(entry, feed),
    }
}

fn moment(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}
