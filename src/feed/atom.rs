//! Atom 1.0 (RFC 4287).

use std::collections::BTreeMap;

use atom_syndication::{
    Category, Content, Entry as AtomEntry, Feed as AtomFeed, Generator, Link, Person, Text, TextType,
    WriteConfig,
};

use super::{Entry, Feed, Format, GENERATOR, Place, rights};
use crate::text::replace_where;

/// The document.
pub fn document(feed: &Feed) -> Vec<u8> {
    let config = WriteConfig { write_document_declaration: false, ..WriteConfig::default() };
    let bytes = Vec::with_capacity(feed.bytes_about());
    let bytes = atom(feed).write_with_config(bytes, config).expect("writing to memory cannot fail");
    let xml = String::from_utf8(bytes).expect("the crate writes UTF-8");
    // RFC 3339 allows `+00:00`; `Z` is what the other formats and every reader's tests write.
    let xml = replace_where(&xml, "+00:00</updated>", "Z</updated>", |_| true);
    let xml = replace_where(&xml, "+00:00</published>", "Z</published>", |_| true);
    let xml = if matches!(feed.place, Place::Archive { .. }) { as_archive(&xml) } else { xml };
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{xml}\n").into_bytes()
}

/// An archive says that it is one (RFC 5005 §4), before its entries: the crate writes what it does not
/// know after them, where some readers do not look.
fn as_archive(xml: &str) -> String {
    let at = xml.find("<entry>").or_else(|| xml.rfind("</feed>")).unwrap_or(xml.len());
    format!("{}<fh:archive/>{}", &xml[..at], &xml[at..])
}

fn atom(feed: &Feed) -> AtomFeed {
    let links = feed.pointers(Format::Atom).into_iter().map(|pointer| Link {
        rel: pointer.rel.into(),
        href: pointer.href,
        mime_type: pointer.media_type.map(str::to_string),
        ..Link::default()
    });
    let masthead = &feed.masthead;
    let mut atom = AtomFeed {
        lang: Some(masthead.language.to_string()),
        id: masthead.id.clone(),
        title: Text::plain(masthead.title.as_str()),
        subtitle: (!masthead.description.is_empty()).then(|| Text::plain(masthead.description.as_str())),
        updated: feed.updated().fixed_offset(),
        authors: vec![person(&masthead.author)],
        generator: Some(Generator { value: GENERATOR.into(), ..Generator::default() }),
        icon: Some(feed.on_site("assets/icon.png")),
        logo: Some(feed.on_site("assets/logo.png")),
        links: links.collect(),
        entries: feed.entries.iter().map(|entry| self::entry(entry, feed)).collect(),
        ..AtomFeed::default()
    };
    if matches!(feed.place, Place::Archive { .. }) {
        atom.namespaces = BTreeMap::from([("fh".to_string(), super::rss::HISTORY.to_string())]);
    }
    atom
}

fn entry(entry: &Entry, feed: &Feed) -> AtomEntry {
    let lang = Some(entry.language.to_string());
    let text = |value: &str, r#type: TextType| Text {
        value: value.to_string(),
        lang: lang.clone(),
        r#type,
        ..Text::default()
    };
    let tags = entry.tags.iter().map(|tag| Category {
        term: tag.clone(),
        scheme: Some(feed.on_site("tags/")),
        label: Some(tag.clone()),
    });
    AtomEntry {
        id: iri(&entry.id, feed),
        title: text(&entry.title, TextType::Text),
        updated: entry.updated.fixed_offset(),
        published: Some(entry.published.fixed_offset()),
        // In the entry too: most readers do not inherit the feed's.
        authors: entry.authors.iter().map(|name| person(name)).collect(),
        categories: tags.collect(),
        links: links(entry),
        rights: rights(entry).map(Text::plain),
        summary: Some(text(&entry.summary, TextType::Text)),
        content: Some(Content {
            value: Some(entry.html.clone()),
            content_type: Some("html".into()),
            lang: lang.clone(),
            ..Content::default()
        }),
        ..AtomEntry::default()
    }
}

/// An id that was brought along and is no address is made one (RFC 4287 §4.2.6, RFC 4151): always the same.
fn iri(id: &str, feed: &Feed) -> String {
    let authority = feed.masthead.id.split(":feed").next().unwrap_or_default();
    match url::Url::parse(id) {
        Ok(_) => id.to_string(),
        Err(_) => format!("{authority}:{id}"),
    }
}

/// `via` says where it came from (RFC 4287 §4.2.7.2); `related` is what `NetNewsWire` shows.
fn links(entry: &Entry) -> Vec<Link> {
    let html = Some("text/html".to_string());
    let mut links = vec![Link {
        rel: "alternate".into(),
        href: entry.url.clone(),
        mime_type: html.clone(),
        ..Link::default()
    }];
    // Another alternate in another language is a translation (RFC 4287 §4.2.7.4).
    links.extend(entry.translation.iter().map(|(language, title, href)| Link {
        rel: "alternate".into(),
        href: href.clone(),
        hreflang: Some(language.to_string()),
        mime_type: html.clone(),
        title: Some(title.clone()),
        ..Link::default()
    }));
    for credit in &entry.credits {
        let Some(href) = &credit.url else { continue };
        for rel in ["via", "related"] {
            links.push(Link {
                rel: rel.into(),
                href: href.clone(),
                mime_type: html.clone(),
                title: Some(credit.outlet.clone()),
                ..Link::default()
            });
        }
    }
    links.extend(entry.enclosure.iter().map(|enclosure| Link {
        rel: "enclosure".into(),
        href: enclosure.url.clone(),
        mime_type: Some(enclosure.media_type.clone()),
        length: Some(enclosure.bytes.to_string()),
        ..Link::default()
    }));
    links
}

fn person(name: &str) -> Person {
    Person { name: name.to_string(), ..Person::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::tests::{entry, feed};

    #[test]
    fn a_document_begins_with_its_encoding_and_ends_its_dates_in_z() {
        let xml =
            String::from_utf8(document(&feed(vec![entry("a", "A & B", "2026-01-02T03:04:05Z")]))).unwrap();
        assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed"), "{}", &xml[..80]);
        assert!(xml.contains("<published>2026-01-02T03:04:05Z</published>"), "{xml}");
        roxmltree::Document::parse(&xml).unwrap();
    }
}
