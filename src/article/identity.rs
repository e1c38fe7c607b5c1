//! Who an article is, whatever its file, title or address become: [`Guid`]; and its address: [`Slug`].

use std::fmt;

use chrono::NaiveDate;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::Manuscript;

/// An address longer than this (characters) is cut at a word.
const SLUG_CHARACTERS_MAX: usize = 80;
/// It becomes a folder's name, and file systems count bytes.
const SLUG_BYTES_MAX: usize = 200;

/// First path segments that are the program's own.
const RESERVED: [&str; 17] = [
    "archive",
    "assets",
    "confirm",
    "feed",
    "healthz",
    "hub",
    "issues",
    "media",
    "newsletters",
    "newsroom",
    "outlets",
    "page",
    "preferences",
    "subscribe",
    "tags",
    "unsubscribe",
    "favicon",
];

const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const IN_TAG: &AsciiSet = &IN_PATH.remove(b'/');

/// The last part of an article's address: lower-case letters and digits of any script, and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slug(String);

/// No address can be made of this.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SlugError {
    /// No letter or digit in it.
    #[error("`{0}` has no letter or digit")]
    Empty(String),
    /// One of the program's own addresses.
    #[error("`{0}` is an address of the site itself")]
    Reserved(String),
}

impl Slug {
    /// Makes an address of any words: what is neither letter nor digit becomes one hyphen.
    pub fn of(words: &str) -> Result<Self, SlugError> {
        let mut slug = String::new();
        for character in words.trim().chars().flat_map(char::to_lowercase) {
            if character.is_alphanumeric() {
                slug.push(character);
            } else if is_mark(character) {
                // Marks on letters would be written as escapes and say nothing.
            } else if !slug.ends_with('-') && !slug.is_empty() {
                slug.push('-');
            }
        }
        let mut slug: String = slug.chars().take(SLUG_CHARACTERS_MAX).collect();
        while slug.len() > SLUG_BYTES_MAX {
            slug.pop();
        }
        slug.truncate(slug.trim_end_matches('-').len());
        if slug.is_empty() {
            return Err(SlugError::Empty(words.to_string()));
        }
        if RESERVED.contains(&slug.as_str()) {
            return Err(SlugError::Reserved(slug));
        }
        Ok(Self(slug))
    }

    /// A slug that the ledger remembers.
    pub fn remembered(slug: String) -> Self {
        Self(slug)
    }

    /// The letters themselves.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address on the site: `qanats/`, percent-encoded.
    pub fn path(&self) -> String {
        format!("{}/", utf8_percent_encode(&self.0, IN_PATH))
    }
}

/// The last part of a tag's address. The Arabic letters that Persian writes its own way are taken for
/// those; nothing for a tag without a letter or digit.
pub fn tag_slug(tag: &str) -> Option<Slug> {
    match Slug::of(&tag.replace('ي', "ی").replace('ك', "ک")) {
        Ok(slug) => Some(slug),
        Err(SlugError::Reserved(slug)) => Some(Slug(slug)), // below `/tags/` nothing is in its way
        Err(SlugError::Empty(_)) => None,
    }
}

fn is_mark(character: char) -> bool {
    matches!(character, '\u{0300}'..='\u{036F}' | '\u{064B}'..='\u{065F}' | '\u{0640}' | '\'' | '’')
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What feed readers know an article by; it never changes (RFC 4287 §4.2.6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Guid(String);

impl Guid {
    /// A `tag:` URI (RFC 4151) of the site's authority, a day and the file's first name, so that
    /// losing the ledger loses no guid of a file that was never renamed.
    pub fn mint(authority: &str, date: NaiveDate, key: &str) -> Self {
        Self(format!("tag:{authority},{date}:{}", utf8_percent_encode(key, IN_TAG)))
    }

    /// The same with a number, where two files came to one key.
    #[must_use]
    pub fn numbered(&self, number: usize) -> Self {
        Self(format!("{}-{number}", self.0))
    }

    /// A guid that an article brought along from elsewhere. Characters that no address can have are
    /// escaped: Atom wants an IRI (RFC 4287 §4.2.6).
    pub fn brought(text: &str) -> Self {
        const IN_GUID: &AsciiSet = &percent_encoding::CONTROLS
            .add(b' ')
            .add(b'"')
            .add(b'<')
            .add(b'>')
            .add(b'[')
            .add(b']')
            .add(b'\\')
            .add(b'^')
            .add(b'`')
            .add(b'{')
            .add(b'|')
            .add(b'}');
        Self(utf8_percent_encode(text, IN_GUID).to_string())
    }

    /// A guid that the ledger remembers.
    pub fn given(guid: String) -> Self {
        Self(guid)
    }

    /// The characters, by which readers compare.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether one piece says that it is the other in another language.
pub fn are_translations(one: &Manuscript, other: &Manuscript) -> bool {
    let names = |one: &Manuscript, other: &Manuscript| {
        one.translation.as_ref().is_some_and(|named| {
            *named == *other.slug.as_str() || Slug::of(named).is_ok_and(|slug| slug == other.slug)
        })
    };
    one.language != other.language && (names(one, other) || names(other, one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slugs_keep_persian_letters_and_lose_what_could_escape() {
        assert_eq!(Slug::of("قنات\u{200C}های یزد").unwrap().as_str(), "قنات-های-یزد");
        assert_eq!(Slug::of("../../etc/passwd").unwrap().as_str(), "etc-passwd");
        assert_eq!(Slug::of("Tehran’s quiet — broker!").unwrap().as_str(), "tehrans-quiet-broker");
        assert_eq!(Slug::of("قنات").unwrap().path(), "%D9%82%D9%86%D8%A7%D8%AA/");
        assert_eq!(Slug::of("Feed"), Err(SlugError::Reserved("feed".into())));
        assert!(Slug::of("؟!").is_err());
    }

    #[test]
    fn a_guid_is_ascii_and_depends_on_the_first_name_only() {
        let date = NaiveDate::from_ymd_opt(2024, 6, 18).unwrap();
        let guid = Guid::mint("far-bank.example", date, "fa/قنات");
        assert_eq!(guid.as_str(), "tag:far-bank.example,2024-06-18:fa/%D9%82%D9%86%D8%A7%D8%AA");
    }

    proptest! {
        #[test]
        fn no_slug_leaves_its_folder(words: String) {
            if let Ok(slug) = Slug::of(&words) {
                prop_assert!(slug.as_str().chars().all(|c| c.is_alphanumeric() || c == '-'));
                prop_assert!(slug.path().is_ascii());
            }
        }
    }
}
