//! A list of readers as the author keeps it: `subscribers/NEWSLETTER.csv`.
//!
//! A list only adds. Who is taken off a file stays subscribed, and who left stays gone; both are for
//! `byline readers`.

use std::ops::Range;

use chrono_tz::Tz;

use super::address::EmailAddress;
use crate::{
    diagnostic::{Diagnostic, Problems, SourceFile, closest},
    language::Language,
    text::clean_line,
};

/// A list longer than this is for an import, not a watched file.
pub const LIST_BYTES_MAX: u64 = 256 * 1024 * 1024;
const NAME_CHARACTERS_MAX: usize = 120;
const COLUMNS: [&str; 5] = ["email", "name", "language", "cadence", "timezone"];

/// A reader as a list names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where the list says so, counted from 1.
    pub line: u64,
    /// Checked.
    pub email: EmailAddress,
    /// May be empty.
    pub name: String,
    /// One of the newsletter's.
    pub language: Option<Language>,
    /// One of the newsletter's.
    pub cadence: Option<String>,
    /// Where the reader is, if the list says so.
    pub zone: Option<Tz>,
}

/// A row that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The fields as they are in the file.
    pub fields: Vec<String>,
    /// Why, for the author.
    pub reason: String,
}

/// What a newsletter offers, to check a row against.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'n> {
    /// Languages.
    pub languages: &'n [Language],
    /// Names of cadences.
    pub cadences: &'n [&'n str],
}

/// What a list says.
#[derive(Debug, Default)]
pub struct List {
    /// Rows that can be used, in the order of the file.
    pub rows: Vec<Row>,
    /// Rows that cannot.
    pub rejected: Vec<Rejected>,
}

/// Reads a whole list. A bad row is reported and left out; the others count.
pub fn read(file: &SourceFile, offer: Offer<'_>, problems: &Problems) -> List {
    let text = file.text.trim_start_matches('\u{FEFF}');
    let offset = file.text.len() - text.len();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let Ok(header) = reader.headers().cloned() else { return List::default() };
    let Some(columns) = Columns::find(file, &header, problems) else { return List::default() };
    let mut list = List::default();
    let mut lines = Lines { text, at: 0, line: 1 };
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(why) => {
                let at = why.position().map_or(0, |position| position.byte() as usize) + offset;
                problems.push(Diagnostic::syntax(file, &(at..at), why));
                continue;
            }
        };
        if record.iter().all(str::is_empty) {
            continue;
        }
        let line = lines.of(&record);
        match columns.row(&record, offer) {
            Ok(row) => list.rows.push(Row { line, ..row }),
            Err(Refused { column, reason, hint }) => {
                let span = field_span(file, offset, &record, column);
                problems.push(Diagnostic::bad_row(file, &span, &reason, &hint));
                let fields = record.iter().map(str::to_string).collect();
                list.rejected.push(Rejected { fields, reason });
            }
        }
    }
    list
}

/// Excel writes `;` in half of Europe, and some systems tabs.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|candidate| header.bytes().filter(|byte| byte == candidate).count())
        .unwrap_or(b',')
}

struct Columns {
    email: usize,
    name: Option<usize>,
    language: Option<usize>,
    cadence: Option<usize>,
    zone: Option<usize>,
}

struct Refused {
    column: usize,
    reason: String,
    hint: String,
}

impl Columns {
    fn find(file: &SourceFile, header: &csv::StringRecord, problems: &Problems) -> Option<Self> {
        let find = |name: &str| header.iter().position(|title| title.trim().eq_ignore_ascii_case(name));
        for title in header {
            let slip = closest(title, &COLUMNS).filter(|near| !title.eq_ignore_ascii_case(near));
            if slip.is_some() && !COLUMNS.iter().any(|name| title.eq_ignore_ascii_case(name)) {
                let start = file.text.find(title).unwrap_or(0);
                let span = start..start + title.len();
                problems.push(Diagnostic::unknown_name(file, &span, "column", title, &COLUMNS));
                return None;
            }
        }
        let Some(email) = find("email") else {
            let end = file.text.lines().next().unwrap_or_default().len();
            let hint = "the first row names the columns: `email,name,language,cadence`";
            problems.push(Diagnostic::missing_key(file, &(0..end), "email", hint));
            return None;
        };
        let (name, language, cadence) = (find("name"), find("language"), find("cadence"));
        Some(Self { email, name, language, cadence, zone: find("timezone") })
    }

    fn row(&self, record: &csv::StringRecord, offer: Offer<'_>) -> Result<Row, Refused> {
        let field = |column: Option<usize>| {
            column.and_then(|column| record.get(column)).filter(|field| !field.is_empty())
        };
        let refused =
            |column: usize, reason: String, hint: &str| Refused { column, reason, hint: hint.to_string() };
        if let Some(column) = record.iter().position(|field| field.contains('\n')) {
            let reason = "a quotation mark opens here and closes on another line, if at all".to_string();
            return Err(refused(column, reason, "close it, or take it out"));
        }
        let email = record.get(self.email).unwrap_or_default();
        let email = email
            .parse::<EmailAddress>()
            .map_err(|why| refused(self.email, why.to_string(), "write it as `name@example.org`"))?;
        let language = match field(self.language) {
            None => None,
            Some(tag) => Some(offer.language(tag).ok_or_else(|| {
                let known: Vec<&str> = offer.languages.iter().map(Language::as_str).collect();
                let hint = format!("write {}, or leave it empty", crate::diagnostic::list(&known, "or"));
                let reason = format!("the newsletter has no language `{tag}`");
                refused(self.language.unwrap_or(0), reason, &hint)
            })?),
        };
        let cadence = match field(self.cadence) {
            None => None,
            Some(name) if offer.cadences.contains(&name) => Some(name.to_string()),
            Some(name) => {
                let known = crate::diagnostic::list(offer.cadences, "or");
                let hint = format!("write {known}, or leave it empty");
                let reason = format!("the newsletter has no cadence `{name}`");
                return Err(refused(self.cadence.unwrap_or(0), reason, &hint));
            }
        };
        let zone = match field(self.zone) {
            None => None,
            Some(name) => Some(name.parse::<Tz>().map_err(|_| {
                let reason = format!("there is no time zone `{name}`");
                refused(self.zone.unwrap_or(0), reason, "write a place, as `Asia/Tehran`, or leave it empty")
            })?),
        };
        let name = clean_line(field(self.name).unwrap_or_default());
        let name = name.chars().take(NAME_CHARACTERS_MAX).collect();
        Ok(Row { line: 0, email, name, language, cadence, zone })
    }
}

impl Offer<'_> {
    fn language(&self, tag: &str) -> Option<Language> {
        let tag: Language = tag.parse().ok()?;
        self.languages.iter().find(|known| known.primary() == tag.primary()).cloned()
    }
}

/// Counts lines as it goes. The crate's own count stumbles over CRLF: a record's place is before the LF
/// of the line above.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, record: &csv::StringRecord) -> u64 {
        let begins = record.position().map_or(0, |position| position.byte() as usize).max(self.at);
        let rest = &self.text[begins..];
        let begins = begins + rest.len() - rest.trim_start_matches(['\r', '\n']).len();
        self.line += self.text[self.at..begins].matches('\n').count() as u64;
        self.at = begins;
        self.line
    }
}

fn field_span(file: &SourceFile, offset: usize, record: &csv::StringRecord, column: usize) -> Range<usize> {
    let start = record.position().map_or(0, |position| position.byte() as usize) + offset;
    let field = record.get(column).unwrap_or_default();
    let within = file.text.get(start..).and_then(|rest| rest.find(field)).unwrap_or(0);
    start + within..start + within + field.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_list(text: &str) -> (List, Vec<Diagnostic>) {
        let file = SourceFile { path: "subscribers/a.csv".into(), text: text.into() };
        let languages = ["en".parse().unwrap(), "fa".parse().unwrap()];
        let offer = Offer { languages: &languages, cadences: &["daily", "weekly"] };
        let problems = Problems::default();
        (read(&file, offer, &problems), problems.into_vec())
    }

    #[test]
    fn a_bad_row_is_shown_and_the_others_count() {
        let (list, problems) = read_list(
            "\u{FEFF}email;name;language;cadence\r\nmina@example.org;Mina;fa;daily\r\nnot-an-address;X;;\r\nroya@example.org;;;\r\n\r\n",
        );
        assert_eq!(list.rows.len(), 2);
        assert_eq!(list.rows[0].cadence.as_deref(), Some("daily"));
        assert_eq!(list.rows[1].line, 4);
        assert_eq!(list.rejected.len(), 1);
        assert!(problems[0].to_string().contains("a.csv:3:1"), "{}", problems[0]);
    }

    #[test]
    fn a_slip_in_the_header_is_pointed_at() {
        let (list, problems) = read_list("emial,name\nmina@example.org,Mina\n");
        assert!(list.rows.is_empty());
        assert!(problems[0].to_string().contains("did you mean `email`?"), "{}", problems[0]);
    }
}
