//! Which file is which article: by its path, or after a rename by what it says.
//!
//! The ledger outlives files. An entry whose file is gone waits; a file that no entry has by path
//! takes the entry of a gone file that it must be, and keeps its guid, or gets an entry of its own.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{
    ArticleId,
    identity::{Guid, Slug},
};
use crate::language::Language;

/// What the ledger remembers of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub id: ArticleId,
    /// Its guid.
    pub guid: Guid,
    /// Its file when last seen.
    pub path: String,
    /// SHA-256 of its file when last good, as hex.
    pub content: String,
    /// Its title when last good.
    pub title: String,
    /// Its language when last good.
    pub language: Language,
    /// When its file was first seen.
    pub first_seen: DateTime<Utc>,
    /// The order in which it went live.
    pub seq: Option<i64>,
    /// When it went live.
    pub live_at: Option<DateTime<Utc>>,
    /// It was there when the newsroom was first scanned, so it is not news.
    pub is_archive: bool,
    /// Addresses it has had, the present one last.
    pub slugs: Vec<Slug>,
}

/// A good file, as the ledger needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Its path below `articles/`.
    pub path: String,
    /// SHA-256 of its bytes, as hex.
    pub content: String,
    /// The guid it would get, or brought along.
    pub guid: Guid,
    /// Whether it brought it along.
    pub brought: bool,
    /// Its title.
    pub title: String,
    /// Its language.
    pub language: Language,
    /// Those addresses it says it had, and at the end the one that it has.
    pub slugs: Vec<Slug>,
}

/// For each sighting, the entry it is, or none if it is new. `present` are all files there are, good
/// or bad: the entry of a file that is there and bad is nobody else's.
pub fn identify(
    records: &[Record],
    sightings: &[Sighting],
    present: &BTreeSet<String>,
) -> Vec<Option<ArticleId>> {
    let contents: BTreeMap<&str, &str> =
        sightings.iter().map(|sighting| (sighting.path.as_str(), sighting.content.as_str())).collect();
    let by_path: BTreeMap<&str, &Record> =
        records.iter().map(|record| (record.path.as_str(), record)).collect();
    let by_content = by(records, |record| record.content.as_str());
    let gone = || records.iter().filter(|record| !present.contains(&record.path));
    let gone_by_guid = by(gone(), |record| record.guid.as_str());
    let gone_by_title = by(gone(), |record| (record.title.as_str(), record.language.as_str()));
    let gone_by_slug = by(gone(), |record| record.slugs.last().map(Slug::as_str));
    let at_path = |sighting: &Sighting| by_path.get(sighting.path.as_str()).copied();
    // A file that says what it said is itself; where it says something else, what it said may be under
    // another name now; where it cannot be read, nobody else is that article.
    let moved_on = |record: &Record| match contents.get(record.path.as_str()) {
        Some(content) => *content != record.content,
        None => !present.contains(&record.path),
    };
    // The surest sign first, over all files, before a weaker one may take an entry.
    let signs: [Sign<'_>; 6] = [
        &|sighting| {
            at_path(sighting).filter(|record| record.content == sighting.content).into_iter().collect()
        },
        &|sighting| {
            let same = by_content.get(sighting.content.as_str()).into_iter().flatten().copied();
            same.filter(|record| moved_on(record)).collect()
        },
        &|sighting| at_path(sighting).into_iter().collect(),
        &|sighting| match sighting.brought {
            true => gone_by_guid.get(sighting.guid.as_str()).cloned().unwrap_or_default(),
            false => Vec::new(),
        },
        &|sighting| {
            let sign = (sighting.title.as_str(), sighting.language.as_str());
            gone_by_title.get(&sign).cloned().unwrap_or_default()
        },
        &|sighting| match sighting.slugs.last() {
            Some(slug) => gone_by_slug.get(&Some(slug.as_str())).cloned().unwrap_or_default(),
            None => Vec::new(),
        },
    ];
    let mut taken: BTreeSet<ArticleId> = BTreeSet::new();
    let mut found: Vec<Option<ArticleId>> = vec![None; sightings.len()];
    for sign in signs {
        for (sighting, slot) in sightings.iter().zip(&mut found).filter(|(_, slot)| slot.is_none()) {
            if let Some(record) = sign(sighting).into_iter().find(|record| !taken.contains(&record.id)) {
                taken.insert(record.id);
                *slot = Some(record.id);
            }
        }
    }
    found
}

/// Entries by what they have.
fn by<'r, K: Ord>(
    records: impl IntoIterator<Item = &'r Record>,
    key: impl Fn(&'r Record) -> K,
) -> BTreeMap<K, Vec<&'r Record>> {
    let mut by = BTreeMap::<K, Vec<&Record>>::new();
    for record in records {
        by.entry(key(record)).or_default().push(record);
    }
    by
}

/// The entries that a file may be.
type Sign<'s> = &'s dyn Fn(&Sighting) -> Vec<&'s Record>;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: i64, path: &str, content: &str, title: &str) -> Record {
        Record {
            id: ArticleId(id),
            guid: Guid::given(format!("tag:x,2026-01-01:{id}")),
            path: path.into(),
            content: content.into(),
            title: title.into(),
            language: "en".parse().unwrap(),
            first_seen: DateTime::UNIX_EPOCH,
            seq: None,
            live_at: None,
            is_archive: false,
            slugs: vec![Slug::of(title).unwrap()],
        }
    }

    fn sighting(path: &str, content: &str, title: &str) -> Sighting {
        Sighting {
            path: path.into(),
            content: content.into(),
            guid: Guid::given("tag:x,2026-01-01:new".into()),
            brought: false,
            title: title.into(),
            language: "en".parse().unwrap(),
            slugs: vec![Slug::of(title).unwrap()],
        }
    }

    fn who(records: &[Record], sightings: &[Sighting], bad: &[&str]) -> Vec<Option<i64>> {
        let mut present: BTreeSet<String> = sightings.iter().map(|s| s.path.clone()).collect();
        present.extend(bad.iter().map(|path| (*path).to_string()));
        identify(records, sightings, &present).into_iter().map(|id| id.map(|id| id.0)).collect()
    }

    #[test]
    fn a_renamed_file_keeps_its_entry_and_an_edited_one_too() {
        let ledger = [record(1, "a.md", "aa", "Alpha"), record(2, "b.md", "bb", "Beta")];
        assert_eq!(
            who(&ledger, &[sighting("c.md", "aa", "Alpha"), sighting("b.md", "b2", "Beta!")], &[]),
            [Some(1), Some(2)]
        );
        // Renamed and edited at once: the title says who it is.
        assert_eq!(who(&ledger, &[sighting("c.md", "a2", "Alpha")], &["b.md"]), [Some(1)]);
    }

    #[test]
    fn a_copy_is_a_new_article_and_two_files_never_share_an_entry() {
        let ledger = [record(1, "a.md", "aa", "Alpha")];
        assert_eq!(
            who(&ledger, &[sighting("a.md", "aa", "Alpha"), sighting("copy.md", "aa", "Alpha")], &[]),
            [Some(1), None]
        );
        assert_eq!(
            who(&ledger, &[sighting("b.md", "aa", "Alpha"), sighting("c.md", "aa", "Alpha")], &[]),
            [Some(1), None]
        );
    }

    #[test]
    fn the_entry_of_a_file_that_is_there_but_bad_is_not_taken() {
        let ledger = [record(1, "a.md", "aa", "Alpha")];
        assert_eq!(who(&ledger, &[sighting("b.md", "aa", "Alpha")], &["a.md"]), [None]);
    }

    #[test]
    fn two_files_that_swap_names_keep_who_they_are() {
        let ledger = [record(1, "a.md", "aa", "Alpha"), record(2, "b.md", "bb", "Beta")];
        let swapped = [sighting("a.md", "bb", "Beta"), sighting("b.md", "aa", "Alpha")];
        assert_eq!(who(&ledger, &swapped, &[]), [Some(2), Some(1)]);
    }

    #[test]
    fn a_new_piece_under_an_old_name_is_new_and_the_old_piece_is_the_old() {
        let ledger = [record(1, "latest.md", "january", "January")];
        let rotated =
            [sighting("january.md", "january", "January"), sighting("latest.md", "february", "February")];
        assert_eq!(who(&ledger, &rotated, &[]), [Some(1), None]);
    }
}
