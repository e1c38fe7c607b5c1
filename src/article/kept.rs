//! A manuscript as it is kept over a restart, so that a file that did not change is not read again.

use std::ops::Range;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Announce, Desk, Manuscript, Picture,
    attribution::{Attribution, Kind},
    identity::{Guid, Slug},
    when::When,
};
use crate::language::Language;

/// The same fields; an outlet by its id, as it stands in the config.
#[derive(Serialize, Deserialize)]
struct Kept {
    path: String,
    content: String,
    language: Language,
    title: String,
    slug: Slug,
    aliases: Vec<Slug>,
    guid: Option<Guid>,
    date: Option<When>,
    updated: Option<DateTime<Utc>>,
    expires: Option<DateTime<Utc>>,
    draft: bool,
    summary: String,
    authors: Vec<String>,
    tags: Vec<String>,
    image: Option<Picture>,
    enclosure: Option<String>,
    attributions: Vec<KeptAttribution>,
    announce: Announce,
    translation: Option<String>,
    media: Vec<String>,
    text_bytes: usize,
    slug_span: Range<usize>,
    attribution_span: Range<usize>,
}

#[derive(Serialize, Deserialize)]
struct KeptAttribution {
    outlet: String,
    kind: Kind,
    url: Option<String>,
    date: Option<When>,
    title: Option<String>,
    changes: Option<String>,
    cleared: bool,
}

impl Manuscript {
    /// It as bytes; nothing if there is something to say about it, which needs the file.
    pub fn to_kept(&self) -> Option<Vec<u8>> {
        if !self.remarks.is_empty() {
            return None;
        }
        let attributions = self.attributions.iter().map(|attribution| KeptAttribution {
            outlet: attribution.outlet.id.clone(),
            kind: attribution.kind,
            url: attribution.url.clone(),
            date: attribution.date,
            title: attribution.title.clone(),
            changes: attribution.changes.clone(),
            cleared: attribution.cleared,
        });
        let kept = Kept {
            attributions: attributions.collect(),
            path: self.path.clone(),
            content: self.content.clone(),
            language: self.language.clone(),
            title: self.title.clone(),
            slug: self.slug.clone(),
            aliases: self.aliases.clone(),
            guid: self.guid.clone(),
            date: self.date,
            updated: self.updated,
            expires: self.expires,
            draft: self.draft,
            summary: self.summary.clone(),
            authors: self.authors.clone(),
            tags: self.tags.clone(),
            image: self.image.clone(),
            enclosure: self.enclosure.clone(),
            announce: self.announce,
            translation: self.translation.clone(),
            media: self.media.clone(),
            text_bytes: self.text_bytes,
            slug_span: self.slug_span.clone(),
            attribution_span: self.attribution_span.clone(),
        };
        serde_json::to_vec(&kept).ok()
    }

    /// The manuscript that these bytes were, with the outlets of `desk`; nothing if they are not whole or
    /// an outlet is gone.
    pub fn from_kept(bytes: &[u8], desk: &Desk<'_>) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(bytes).ok()?;
        let attributions = kept.attributions.into_iter().map(|attribution| {
            Some(Attribution {
                outlet: desk.outlets.get(&attribution.outlet)?.clone(),
                kind: attribution.kind,
                url: attribution.url,
                date: attribution.date,
                title: attribution.title,
                changes: attribution.changes,
                cleared: attribution.cleared,
            })
        });
        Some(Self {
            attributions: attributions.collect::<Option<_>>()?,
            path: kept.path,
            content: kept.content,
            language: kept.language,
            title: kept.title,
            slug: kept.slug,
            aliases: kept.aliases,
            guid: kept.guid,
            date: kept.date,
            updated: kept.updated,
            expires: kept.expires,
            draft: kept.draft,
            summary: kept.summary,
            authors: kept.authors,
            tags: kept.tags,
            image: kept.image,
            enclosure: kept.enclosure,
            announce: kept.announce,
            translation: kept.translation,
            media: kept.media,
            text_bytes: kept.text_bytes,
            remarks: Vec::new(),
            slug_span: kept.slug_span,
            attribution_span: kept.attribution_span,
        })
    }
}
