//! RSS 2.0, as the RSS Board's Best Practices Profile writes it.

use std::collections::BTreeMap;

use rss::{
    Category, Channel, Enclosure, Guid, Image, Item, Source,
    extension::{
        Extension, ExtensionMap,
        atom::{AtomExtension, Link},
        dublincore::DublinCoreExtension,
    },
};

use super::{Entry, Feed, Format, GENERATOR, MAX_AGE_SECONDS, Place, rights};

/// RFC 5005 §2.
pub(super) const HISTORY: &str = "http://purl.org/syndication/history/1.0";
const MEDIA: &str = "http://search.yahoo.com/mrss/";
/// Width and height of the channel's picture; more than 144 is a fault (RSS 2.0).
const PICTURE_PIXELS: u32 = 144;

/// The document.
pub fn document(feed: &Feed) -> Vec<u8> {
    let xml = Vec::with_capacity(feed.bytes_about());
    let mut xml = channel(feed).write_to(xml).expect("writing to memory cannot fail");
    let declaration = b"<?xml version=\"1.0\" encoding=\"utf-8\"?>";
    if xml.starts_with(declaration) {
        xml.insert(declaration.len(), b'\n');
    }
    xml.push(b'\n');
    unmark(xml)
}

fn channel(feed: &Feed) -> Channel {
    let links = feed.pointers(Format::Rss).into_iter().map(|pointer| Link {
        rel: pointer.rel.into(),
        href: pointer.href,
        mime_type: pointer.media_type.map(str::to_string),
        ..Link::default()
    });
    // The channel's own `link` says where the page is.
    let links = links.filter(|link| link.mime_type.as_deref() != Some("text/html"));
    let masthead = &feed.masthead;
    let title = mark(&masthead.title);
    let link = masthead.home.to_string();
    let image = Image {
        url: feed.on_site("assets/feed.png"),
        title: title.clone(),
        link: link.clone(),
        width: Some(PICTURE_PIXELS.to_string()),
        height: Some(PICTURE_PIXELS.to_string()),
        ..Image::default()
    };
    let is_archive = matches!(feed.place, Place::Archive { .. });
    let namespaces = [is_archive.then_some(("fh", HISTORY)), has_pictures(feed).then_some(("media", MEDIA))];
    Channel {
        title,
        link,
        description: mark(&masthead.description),
        language: Some(masthead.language.to_string()),
        last_build_date: Some(feed.updated().to_rfc2822()),
        generator: Some(GENERATOR.to_string()),
        docs: Some("http://www.rssboard.org/rss-specification".to_string()),
        ttl: Some((MAX_AGE_SECONDS / 60).to_string()),
        image: Some(image),
        atom_ext: Some(AtomExtension { links: links.collect() }),
        items: feed.entries.iter().map(|entry| item(entry, feed)).collect(),
        extensions: if is_archive { single("fh", "archive", None) } else { ExtensionMap::new() },
        namespaces: namespaces.into_iter().flatten().map(|(n, uri)| (n.into(), uri.into())).collect(),
        ..Channel::default()
    }
}

fn has_pictures(feed: &Feed) -> bool {
    feed.entries.iter().any(|entry| entry.image.is_some())
}

fn item(entry: &Entry, feed: &Feed) -> Item {
    let other_language = (entry.language != feed.masthead.language).then(|| entry.language.to_string());
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
    let domain = feed.on_site("tags/");
    let categories = entry.tags.iter().map(|tag| Category { name: mark(tag), domain: Some(domain.clone()) });
    Item {
        title: Some(mark(&entry.title)),
        link: Some(entry.url.clone()),
        guid: Some(Guid { value: entry.id.clone(), permalink: false }),
        pub_date: Some(entry.published.to_rfc2822()),
        description: Some(as_html(&entry.summary)),
        content: Some(entry.html.clone()),
        categories: categories.collect(),
        dublin_core_ext: Some(DublinCoreExtension {
            creators: entry.authors.clone(),
            languages: other_language.into_iter().collect(),
            rights: rights(entry).into_iter().collect(),
            ..DublinCoreExtension::default()
        }),
        atom_ext: Some(AtomExtension { links: via.collect() }),
        extensions: extensions(entry),
        source,
        enclosure,
        ..Item::default()
    }
}

/// Readers take a description for HTML, so text must be written as HTML.
fn as_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn extensions(entry: &Entry) -> ExtensionMap {
    // RSS has no date of change; feedparser, feed-rs and others read Atom's.
    let updated = entry.updated.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let mut extensions = single("atom", "updated", Some(updated));
    if let Some(picture) = &entry.image {
        let media_type = mime_guess::from_path(picture).first_or_octet_stream().to_string();
        let attrs = [("medium", "image"), ("type", media_type.as_str()), ("url", picture.as_str())];
        let content = Extension {
            name: "media:content".into(),
            attrs: attrs.map(|(name, value)| (name.to_string(), value.to_string())).into(),
            ..Extension::default()
        };
        extensions.insert("media".into(), BTreeMap::from([("content".to_string(), vec![content])]));
    }
    extensions
}

/// One element of another vocabulary.
fn single(prefix: &str, name: &str, value: Option<String>) -> ExtensionMap {
    let extension = Extension { name: format!("{prefix}:{name}"), value, ..Extension::default() };
    let by_name = BTreeMap::from([(name.to_string(), vec![extension])]);
    BTreeMap::from([(prefix.to_string(), by_name)])
}

const MARKED: [(char, char, &str); 3] =
    [('&', '\u{E000}', "&#x26;"), ('<', '\u{E001}', "&#x3C;"), ('>', '\u{E002}', "&#x3E;")];

/// The first two of their three bytes, which hardly anything else has.
const MARKS_BEGIN: &[u8] = b"\xEE\x80";

/// The Profile wants `&`, `<` and `>` in titles as hexadecimal references, which "work in the widest
/// number of aggregators"; the crate writes `&amp;`. So they travel through it as private-use marks.
fn mark(title: &str) -> String {
    MARKED.iter().fold(title.to_string(), |title, (plain, mark, _)| title.replace(*plain, &mark.to_string()))
}

fn unmark(xml: Vec<u8>) -> Vec<u8> {
    let mut unmarked = Vec::new();
    let mut done = 0;
    for at in memchr::memmem::find_iter(&xml, MARKS_BEGIN) {
        let found = MARKED.iter().find(|(_, mark, _)| xml[at..].starts_with(mark.to_string().as_bytes()));
        if let Some((_, mark, reference)) = found {
            unmarked.extend_from_slice(&xml[done..at]);
            unmarked.extend_from_slice(reference.as_bytes());
            done = at + mark.len_utf8();
        }
    }
    if done == 0 {
        return xml;
    }
    unmarked.extend_from_slice(&xml[done..]);
    unmarked
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
