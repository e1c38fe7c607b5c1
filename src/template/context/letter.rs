//! What letters see, and the marks of what differs by reader.

use serde::Serialize;
use serde_json::Value;

use super::{Card, NewsletterContext, SiteContext};
use crate::{
    language::{Direction, Language},
    newsletter::variant::LetterKind,
};

/// What differs by reader stands in a rendered letter as one private-use character, filled in when it
/// is sent: a letter is rendered once for a group, never once a reader.
pub mod slot {
    /// "Dear Mina,".
    pub const GREETING: char = '\u{E003}';
    /// "Mina".
    pub const NAME: char = '\u{E004}';
    /// "mina@example.org".
    pub const EMAIL: char = '\u{E005}';
    /// Where the reader leaves.
    pub const UNSUBSCRIBE_URL: char = '\u{E006}';
    /// Where the reader says that the subscription was meant.
    pub const CONFIRM_URL: char = '\u{E007}';
    /// Each of them.
    pub const ALL: [char; 5] = [GREETING, NAME, EMAIL, UNSUBSCRIBE_URL, CONFIRM_URL];
}

/// What a letter sees.
#[derive(Debug, Clone, Serialize)]
pub struct LetterContext<'c> {
    /// The site.
    pub site: SiteContext,
    /// The newsletter.
    pub newsletter: NewsletterContext,
    /// The letter's language.
    pub language: Language,
    /// The letter's direction.
    pub direction: Direction,
    /// The words of the language.
    pub t: &'c Value,
    /// The letter itself.
    pub letter: LetterHead,
    /// Newest first.
    pub articles: Vec<Card>,
    /// The first of them.
    pub article: Option<Card>,
    /// What came out in other languages, one block a language.
    pub also: Vec<AlsoContext>,
    /// The words for the reader's rhythm, where the letter is about that.
    pub cadence: Option<String>,
    /// The page where one can subscribe.
    pub subscribe_url: String,
    /// The reader: marks, filled in when it is sent.
    pub reader: ReaderSlots,
}

/// A letter's own facts.
#[derive(Debug, Clone, Serialize)]
pub struct LetterHead {
    /// What `subject.hbs` made; empty while that is being rendered.
    pub subject: String,
    /// What a mailbox shows beside the subject.
    pub preheader: String,
    /// The day it was made, for people.
    pub date: String,
    /// Chosen articles, sent by themselves.
    pub special: bool,
    /// How many articles.
    pub count: usize,
    /// How many besides the first, in the language's digits.
    pub more: String,
    /// The title of the first.
    pub first: String,
    /// Articles left out because the letter would be too long.
    pub left_out: usize,
    /// Where everything can be read.
    pub site_url: String,
}

/// Pieces in another language than the reader's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlsoContext {
    /// Their language.
    pub language: Language,
    /// Its direction.
    pub direction: Direction,
    /// The language's own name.
    pub language_name: String,
    /// "Also in English", in the letter's language.
    pub title: String,
    /// The pieces, newest first.
    pub articles: Vec<AlsoArticle>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlsoArticle {
    /// Its title.
    pub title: String,
    /// Its page.
    pub url: String,
    /// Its language.
    pub language: Language,
    /// Its direction.
    pub direction: Direction,
}

/// The marks of `slot`, each by its name.
#[derive(Debug, Clone, Serialize)]
pub struct ReaderSlots {
    /// What was typed with the address: not for a letter that may reach somebody else.
    #[serde(flatten)]
    typed: Option<TypedSlots>,
    unsubscribe_url: char,
    confirm_url: char,
}

#[derive(Debug, Clone, Serialize)]
struct TypedSlots {
    greeting: char,
    name: char,
    email: char,
}

impl ReaderSlots {
    /// What a letter of this kind may say of its reader.
    pub fn of(kind: LetterKind) -> Self {
        let typed = TypedSlots { greeting: slot::GREETING, name: slot::NAME, email: slot::EMAIL };
        Self {
            typed: (kind != LetterKind::Confirm).then_some(typed),
            unsubscribe_url: slot::UNSUBSCRIBE_URL,
            confirm_url: slot::CONFIRM_URL,
        }
    }
}
