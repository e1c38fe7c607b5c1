//! RSS 2.0, as the RSS Board's Best Practices Profile writes it.

use std::collections::BTreeMap;

use rss::{
    Category, Channel, Enclosure, Guid, Item, Source,
    extension::{
        Extension, ExtensionMap,
        atom::{AtomExtension, Link},
        dublincore::DublinCoreExtension,
    },
};

use super::{Entry, Feed, GENERATOR, MAX_AGE_SECONDS, rights};

/// The document.
pub fn document(feed: &Feed) -> Vec<u8> {
    let xml = channel(feed).to_string();
    // The crate's own declaration lacks nothing but the encoding.
    let body = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"utf-8\"?>").unwrap_or(&xml);
    let body = unmark(body.trim_start());
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{body}\n").into_bytes()
}

fn channel(feed: &Feed) -> Channel {
    let link = |rel: &str, media_type: &str, file: &str| Link {
        rel: rel.into(),
        href: feed.address(file),
        mime_type: Some(media_type.into()),
        ..Link::default()
    };
    let links = vec![
        link("self", "application/rss+xml", "feed.rss"),
        link("alternate", "application/atom+xml", "feed.atom"),
        link("alternate", "application/feed+json", "feed.json"),
    ];
    Channel {
        title: mark(&feed.title),
        link: feed.home.to_string(),
        description: feed.description.clone(),
        language: Some(feed.language.to_string()),
        last_build_date: Some(feed.updated().to_rfc2822()),
        generator: Some(GENERATOR.to_string()),
        docs: Some("http://www.rssboard.org/rss-specification".to_string()),
        ttl: Some((MAX_AGE_SECONDS / 60).to_string()),
        atom_ext: Some(AtomExtension { links }),
        items: feed.entries.iter().map(|entry| item(entry, feed)).collect(),
        ..Channel::default()
    }
}

fn item(entry: &Entry, feed: &Feed) -> Item {
    let other_language = (entry.language != feed.language).then(|| entry.language.to_string());
    let via = entry.credits.iter().filter_map(|credit| {
        Some(Link {
            rel: "via".into(),
            href: credit.url.clone()?,
            mime_type: Some("text/html".into()),
            title: Some(credit.outlet.clone()),
            ..Link::default()
        })
    });
    let source = entry.credits.iter().find_map(|credit| {
        Some(Source { url: credit.outlet_feed.clone()?, title: Some(credit.outlet.clone()) })
    });
    let enclosure = entry.enclosure.as_ref().map(|enclosure| Enclosure {
        url: enclosure.url.clone(),
        length: enclosure.bytes.to_string(),
        mime_type: enclosure.media_type.clone(),
    });
    let categories = entry.tags.iter().map(|tag| Category { name: tag.clone(), domain: None });
    Item {
        title: Some(mark(&entry.title)),
        link: Some(entry.url.clone()),
        guid: Some(Guid { value: entry.id.clone(), permalink: false }),
        pub_date: Some(entry.published.to_rfc2822()),
        description: Some(entry.summary.clone()),
        content: Some(entry.html.clone()),
        categories: categories.collect(),
        dublin_core_ext: Some(DublinCoreExtension {
            creators: entry.authors.clone(),
            languages: other_language.into_iter().collect(),
            rights: rights(entry).into_iter().collect(),
            ..DublinCoreExtension::default()
        }),
        atom_ext: Some(AtomExtension { links: via.collect() }),
        extensions: updated(entry),
        source,
        enclosure,
        ..Item::default()
    }
}

/// RSS has no date of change; feedparser, feed-rs and others read Atom's.
fn updated(entry: &Entry) -> ExtensionMap {
    let extension = Extension {
        name: "atom:updated".into(),
        value: Some(entry.updated.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
        ..Extension::default()
    };
    let by_name = BTreeMap::from([("updated".to_string(), vec![extension])]);
    BTreeMap::from([("atom".to_string(), by_name)])
}

const MARKED: [(char, char, &str); 3] =
    [('&', '\u{E000}', "&#x26;"), ('<', '\u{E001}', "&#x3C;"), ('>', '\u{E002}', "&#x3E;")];

/// The Profile wants `&`, `<` and `>` in titles as hexadecimal references, which "work in the widest
/// number of aggregators"; the crate writes `&amp;`. So they travel through it as private-use marks.
fn mark(title: &str) -> String {
    MARKED.iter().fold(title.to_string(), |title, (plain, mark, _)| title.replace(*plain, &mark.to_string()))
}

fn unmark(xml: &str) -> String {
    MARKED.iter().fold(xml.to_string(), |xml, (_, mark, reference)| xml.replace(*mark, reference))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::tests::{entry, feed};

    #[test]
    fn a_title_with_markup_characters_arrives_as_typed() {
        let title = "The <canvas> element & \"q\" ]]>";
        let xml =
            String::from_utf8(document(&feed(vec![entry("a", title, "2026-01-02T03:04:05Z")]))).unwrap();
        assert!(
            xml.contains("<title>The &#x3C;canvas&#x3E; element &#x26; &quot;q&quot; ]]&#x3E;</title>"),
            "{xml}"
        );
        let read = roxmltree::Document::parse(&xml).unwrap();
        let item = read.descendants().find(|node| node.has_tag_name("item")).unwrap();
        let read = item.children().find(|node| node.has_tag_name("title")).unwrap().text();
        assert_eq!(read, Some(title));
        assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss"), "{}", &xml[..80]);
        assert!(
            xml.find("<description>A summary").is_some() || xml.contains("<description><![CDATA[A summary")
        );
        assert!(
            xml.contains("<pubDate>Fri, 2 Jan 2026 03:04:05 +0000</pubDate>")
                || xml.contains("<pubDate>Fri, 02 Jan 2026 03:04:05 +0000</pubDate>"),
            "{xml}"
        );
    }
}
