//! Atom 1.0 (RFC 4287).

use atom_syndication::{
    Category, Content, Entry as AtomEntry, Feed as AtomFeed, Generator, Link, Person, Text, TextType,
    WriteConfig,
};

use super::{Entry, Feed, GENERATOR, rights};

/// The document.
pub fn document(feed: &Feed) -> Vec<u8> {
    let config = WriteConfig { write_document_declaration: false, ..WriteConfig::default() };
    let bytes = atom(feed).write_with_config(Vec::new(), config).expect("writing to memory cannot fail");
    let xml = String::from_utf8(bytes).expect("the crate writes UTF-8");
    // RFC 3339 allows `+00:00`; `Z` is what the other formats and every reader's tests write.
    let xml = xml.replace("+00:00</updated>", "Z</updated>").replace("+00:00</published>", "Z</published>");
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{xml}\n").into_bytes()
}

fn atom(feed: &Feed) -> AtomFeed {
    let link = |rel: &str, media_type: &str, href: String| Link {
        rel: rel.into(),
        href,
        mime_type: Some(media_type.into()),
        ..Link::default()
    };
    AtomFeed {
        lang: Some(feed.language.to_string()),
        id: feed.home.to_string(),
        title: Text::plain(feed.title.as_str()),
        subtitle: Some(Text::plain(feed.description.as_str())),
        updated: feed.updated().fixed_offset(),
        authors: vec![person(&feed.author)],
        generator: Some(Generator { value: GENERATOR.into(), ..Generator::default() }),
        links: vec![
            link("self", "application/atom+xml", feed.address("feed.atom")),
            link("alternate", "text/html", feed.home.to_string()),
        ],
        entries: feed.entries.iter().map(entry).collect(),
        ..AtomFeed::default()
    }
}

fn entry(entry: &Entry) -> AtomEntry {
    let lang = Some(entry.language.to_string());
    let text = |value: &str, r#type: TextType| Text {
        value: value.to_string(),
        lang: lang.clone(),
        r#type,
        ..Text::default()
    };
    let tags = entry.tags.iter().map(|tag| Category {
        term: tag.clone(),
        label: Some(tag.clone()),
        ..Category::default()
    });
    AtomEntry {
        id: entry.id.clone(),
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

/// `via` says where it came from (RFC 4287 §4.2.7.2); `related` is what `NetNewsWire` shows.
fn links(entry: &Entry) -> Vec<Link> {
    let html = Some("text/html".to_string());
    let mut links = vec![Link {
        rel: "alternate".into(),
        href: entry.url.clone(),
        mime_type: html.clone(),
        ..Link::default()
    }];
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
