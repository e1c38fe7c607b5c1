//! Languages (BCP 47): direction, and how dates and numbers are written for people.
//!
//! Machine dates and the words of pages are not here: formats write their own dates, and words live
//! in `i18n/`.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike, NaiveDate, TimeZone};
use serde::{Deserialize, Serialize};

/// A language tag such as `en`, `fa` or `en-GB`, in its usual letter case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

/// The same words in several languages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Localised(Vec<(Language, String)>);

impl Localised {
    /// Words by language, the most usual first.
    pub fn new(words: Vec<(Language, String)>) -> Self {
        Self(words)
    }

    /// Those for readers of `language`, or the first.
    pub fn for_readers_of(&self, language: &Language) -> &str {
        let same = self.0.iter().find(|(tag, _)| tag.primary() == language.primary());
        same.or_else(|| self.0.first()).map_or("", |(_, words)| words)
    }

    /// In every language.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, words)| words.as_str())
    }
}

/// By which days are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calendar {
    /// January to December.
    Gregorian,
    /// Farvardin to Esfand.
    Persian,
}

/// Which way a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Direction {
    /// Left to right.
    #[serde(rename = "ltr")]
    LeftToRight,
    /// Right to left.
    #[serde(rename = "rtl")]
    RightToLeft,
}

impl Direction {
    /// The value of HTML's `dir`.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::LeftToRight => "ltr",
            Direction::RightToLeft => "rtl",
        }
    }
}

/// Not a language tag.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a language tag")]
pub struct NotALanguage(String);

impl FromStr for Language {
    type Err = NotALanguage;

    /// RFC 5646 §2.1, without extensions and private use: `language[-Script][-REGION]`.
    fn from_str(tag: &str) -> Result<Self, NotALanguage> {
        let wrong = || NotALanguage(tag.to_string());
        let mut parts = tag.split(['-', '_']);
        let primary = parts.next().unwrap_or_default();
        if !(2..=3).contains(&primary.len()) || !primary.chars().all(|c| c.is_ascii_alphabetic()) {
            return Err(wrong());
        }
        let mut normal = primary.to_ascii_lowercase();
        for part in parts {
            let letters = part.chars().all(|c| c.is_ascii_alphabetic());
            let part = match part.len() {
                4 if letters => part[..1].to_ascii_uppercase() + &part[1..].to_ascii_lowercase(),
                2 if letters => part.to_ascii_uppercase(),
                3 if part.chars().all(|c| c.is_ascii_digit()) => part.to_string(),
                _ => return Err(wrong()),
            };
            normal.push('-');
            normal.push_str(&part);
        }
        Ok(Self(normal))
    }
}

impl TryFrom<String> for Language {
    type Error = NotALanguage;
    fn try_from(tag: String) -> Result<Self, NotALanguage> {
        tag.parse()
    }
}

impl From<Language> for String {
    fn from(language: Language) -> String {
        language.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Language {
    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `fa` of `fa-IR`.
    pub fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }

    /// Which way it is written.
    pub fn direction(&self) -> Direction {
        const RIGHT_TO_LEFT: [&str; 11] = ["ar", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"];
        let script = self.0.split('-').nth(1).filter(|part| part.len() == 4);
        let right_to_left = match script {
            Some(script) => matches!(script, "Arab" | "Hebr" | "Thaa" | "Syrc" | "Nkoo"),
            None => RIGHT_TO_LEFT.contains(&self.primary()),
        };
        if right_to_left { Direction::RightToLeft } else { Direction::LeftToRight }
    }

    /// Its name in itself, for a language switch; the tag where we do not know it.
    pub fn own_name(&self) -> &str {
        match self.primary() {
            "ar" => "العربية",
            "de" => "Deutsch",
            "en" => "English",
            "es" => "Español",
            "fa" => "فارسی",
            "fr" => "Français",
            "he" => "עברית",
            "it" => "Italiano",
            "tr" => "Türkçe",
            "ur" => "اردو",
            _ => &self.0,
        }
    }

    /// `en_GB`, `fa_IR`: what Open Graph calls a locale.
    pub fn locale(&self) -> String {
        match (self.0.split_once('-'), self.primary()) {
            (Some((primary, rest)), _) => format!("{primary}_{rest}"),
            (None, "en") => "en_GB".into(),
            (None, "fa") => "fa_IR".into(),
            (None, primary) => primary.into(),
        }
    }

    /// A day as people write it: `18 June 2024`; in Persian, the Persian calendar (`۲۹ خرداد ۱۴۰۳`).
    pub fn date<Z: TimeZone>(&self, moment: &DateTime<Z>) -> String {
        self.date_in(self.calendar(), moment)
    }

    /// The calendar that its readers go by.
    pub fn calendar(&self) -> Calendar {
        if self.primary() == "fa" { Calendar::Persian } else { Calendar::Gregorian }
    }

    /// A day in a calendar, in the language's words and digits.
    pub fn date_in<Z: TimeZone>(&self, calendar: Calendar, moment: &DateTime<Z>) -> String {
        let gregorian = moment.naive_local().date();
        let months = match (self.primary(), calendar) {
            ("fa", Calendar::Gregorian) => GREGORIAN_MONTHS_IN_PERSIAN,
            ("fa", Calendar::Persian) => PERSIAN_MONTHS,
            ("en", Calendar::Gregorian) => ENGLISH_MONTHS,
            (_, Calendar::Persian) => PERSIAN_MONTHS_IN_LATIN,
            (_, Calendar::Gregorian) => return gregorian.to_string(),
        };
        let (year, month, day) = match calendar {
            Calendar::Gregorian => (gregorian.year(), gregorian.month0(), gregorian.day()),
            Calendar::Persian => match in_persian_calendar(gregorian) {
                Some(date) => date,
                None => return gregorian.to_string(),
            },
        };
        let written = format!("{day} {} {year}", months[month as usize]);
        if self.primary() == "fa" { persian_digits(&written) } else { written }
    }

    /// Whether words for one thing go with this number (CLDR's plural rules for the languages we know).
    pub fn is_singular(&self, count: usize) -> bool {
        match self.primary() {
            "fa" | "hi" => count <= 1,
            "fr" => count < 2,
            _ => count == 1,
        }
    }

    /// Names one after the other, with the language's comma.
    pub fn list(&self, names: &[String]) -> String {
        let comma = if matches!(self.primary(), "fa" | "ar" | "ur" | "ps" | "ckb") { "، " } else { ", " };
        names.join(comma)
    }

    /// A number in the language's digits.
    pub fn number(&self, number: usize) -> String {
        match self.primary() {
            "fa" => persian_digits(&number.to_string()),
            _ => number.to_string(),
        }
    }
}

/// By which words are put in order: Persian ones as in its alphabet, where پ follows ب, which Unicode's
/// numbers do not.
pub fn collation(text: &str) -> Vec<u32> {
    const ALPHABET: &str = "آاأإبپتثجچحخدذرزژسشصضطظعغفقکكگلمنوؤهةیيئى";
    let place = |letter: char| match ALPHABET.chars().position(|known| known == letter) {
        Some(place) => 0x0600 + place as u32,
        None => u32::from(letter),
    };
    text.chars().flat_map(char::to_lowercase).filter(|letter| *letter != '\u{200C}').map(place).collect()
}

/// Right-to-left letters outnumber left-to-right ones.
pub fn looks_right_to_left(text: &str) -> bool {
    use unicode_bidi::{BidiClass, bidi_class};
    let (mut right, mut left) = (0, 0);
    for character in text.chars() {
        match bidi_class(character) {
            _ if runs_right_to_left(character) => right += 1,
            BidiClass::L => left += 1,
            _ => {}
        }
    }
    right > left
}

/// A letter of a script that runs from right to left.
pub fn runs_right_to_left(character: char) -> bool {
    use unicode_bidi::{BidiClass, bidi_class};
    matches!(bidi_class(character), BidiClass::R | BidiClass::AL)
}

/// The first strong character runs left to right, so a reader with `dir=auto` would lay out the
/// whole text that way.
pub fn starts_left_to_right(text: &str) -> bool {
    use unicode_bidi::{BidiClass, bidi_class};
    text.chars().find_map(|character| match bidi_class(character) {
        BidiClass::R | BidiClass::AL => Some(false),
        BidiClass::L => Some(true),
        _ => None,
    }) == Some(true)
}

const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const PERSIAN_MONTHS: [&str; 12] =
    ["فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند"];

const PERSIAN_MONTHS_IN_LATIN: [&str; 12] = [
    "Farvardin",
    "Ordibehesht",
    "Khordad",
    "Tir",
    "Mordad",
    "Shahrivar",
    "Mehr",
    "Aban",
    "Azar",
    "Dey",
    "Bahman",
    "Esfand",
];
const GREGORIAN_MONTHS_IN_PERSIAN: [&str; 12] = [
    "ژانویه",
    "فوریه",
    "مارس",
    "آوریل",
    "مه",
    "ژوئن",
    "ژوئیه",
    "اوت",
    "سپتامبر",
    "اکتبر",
    "نوامبر",
    "دسامبر",
];

/// Year, month from 0, and day.
fn in_persian_calendar(day: NaiveDate) -> Option<(i32, u32, u32)> {
    let (month, day_of_month) = (u8::try_from(day.month()).ok()?, u8::try_from(day.day()).ok()?);
    let gregorian = icu_calendar::Date::try_new_gregorian(day.year(), month, day_of_month).ok()?;
    let persian = gregorian.to_calendar(icu_calendar::cal::Persian::new());
    let month = u32::from(persian.month().ordinal.clamp(1, 12)) - 1;
    Some((persian.year().era_year_or_related_iso(), month, u32::from(persian.day_of_month().0)))
}

/// The digits 0–9 as ۰–۹.
pub fn persian_digits(text: &str) -> String {
    text.chars()
        .map(|c| match c.to_digit(10) {
            Some(digit) => char::from_u32(0x06F0 + digit).unwrap_or(c),
            None => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;

    #[test]
    fn dates_are_written_as_people_write_them() {
        let moment = Utc.with_ymd_and_hms(2014, 6, 17, 9, 0, 0).unwrap();
        let persian: Language = "fa".parse().unwrap();
        assert_eq!(persian.date(&moment), "۲۷ خرداد ۱۳۹۳");
        assert_eq!(persian.date_in(Calendar::Gregorian, &moment), "۱۷ ژوئن ۲۰۱۴");
        let english: Language = "en-gb".parse().unwrap();
        assert_eq!(english.date(&moment), "17 June 2014");
        assert_eq!(english.as_str(), "en-GB");
    }

    #[test]
    fn direction_follows_the_script() {
        let direction = |tag: &str| tag.parse::<Language>().unwrap().direction();
        assert_eq!(direction("fa"), Direction::RightToLeft);
        assert_eq!(direction("uz-Arab"), Direction::RightToLeft);
        assert_eq!(direction("az"), Direction::LeftToRight);
        assert!("english".parse::<Language>().is_err());
    }
}
