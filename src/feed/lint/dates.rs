//! The three ways in which feeds write a moment: RFC 822, RFC 3339 and W3C-DTF.

use std::ops::Range;

use chrono::{DateTime, Datelike, Duration, NaiveDate, Utc};

use super::{report::Report, rules::shared as rules, text::Text, xml::Element};

/// How far ahead of the present a date may be, for the clocks of others: in RSS, and in Atom.
const AHEAD_MAX_RSS: Duration = Duration::minutes(10);
const AHEAD_MAX_ATOM: Duration = Duration::days(1);
/// No feed is older.
const YEAR_MIN: i32 = 1990;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Zones with a name, in hours.
const ZONES: [(&str, i32); 11] = [
    ("UT", 0),
    ("GMT", 0),
    ("Z", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
];

/// A date of RSS as read: its moment, and what is to be said of how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rfc822 {
    Good(DateTime<Utc>),
    WrongDay(DateTime<Utc>, String, &'static str),
    Problematic(DateTime<Utc>, &'static str),
    Invalid,
}

/// A date of RSS, as an element.
pub fn of_rss(report: &mut Report, element: &Element) -> Option<Dated> {
    of_element(element, report.source, |text, span| check_rfc822(report, text, span))
}

/// A date of Atom, as an element.
pub fn of_atom(report: &mut Report, element: &Element) -> Option<Dated> {
    of_element(element, report.source, |text, span| {
        check_rfc3339(report, &element.name, text.trimmed(), span)
    })
}

/// Checks a date of another namespace that feeds borrow.
pub fn check_borrowed(report: &mut Report, element: &Element) {
    let text = element.text(report.source);
    match element.name.as_str() {
        "dc:date" | "dcterms:created" | "dcterms:issued" | "dcterms:modified" | "sy:updateBase" => {
            check_w3cdtf(report, &element.name, text.trimmed(), element.value_span(report.source));
        }
        "atom:updated" | "atom:published" => _ = of_atom(report, element),
        _ => {}
    }
}

fn of_element(
    element: &Element,
    source: &str,
    moment: impl FnOnce(&Text, Range<usize>) -> Option<DateTime<Utc>>,
) -> Option<Dated> {
    let (text, span) = (element.text(source), element.value_span(source));
    let moment = moment(&text, span.clone())?;
    Some(Dated { moment, written: text.trimmed().to_string(), span })
}

/// A date of RSS; reports what is wrong with it.
fn check_rfc822(report: &mut Report, text: &Text, span: Range<usize>) -> Option<DateTime<Utc>> {
    let value = text.trimmed();
    let moment = match rfc822(value) {
        Rfc822::Good(moment) => {
            check_plausible(report, value, moment, AHEAD_MAX_RSS, span);
            moment
        }
        Rfc822::WrongDay(moment, said, right) => {
            report.add(&rules::INCORRECT_DAY_OF_WEEK, span, &[value, &said, right]);
            moment
        }
        Rfc822::Problematic(moment, why) => {
            let better = moment.to_rfc2822();
            report.add(&rules::PROBLEMATICAL_RFC822_DATE, span, &[value, why, &better]);
            moment
        }
        Rfc822::Invalid => {
            let example =
                rfc3339(value).map_or("Sat, 31 Jan 2026 09:30:00 +0000".into(), |at| at.to_rfc2822());
            report.add(&rules::INVALID_RFC822_DATE, span, &[value, &example]);
            return None;
        }
    };
    Some(moment)
}

/// A date of Atom or JSON Feed; reports what is wrong with it.
pub fn check_rfc3339(
    report: &mut Report,
    field: &str,
    value: &str,
    span: Range<usize>,
) -> Option<DateTime<Utc>> {
    match rfc3339(value) {
        Some(moment) => check_plausible(report, value, moment, AHEAD_MAX_ATOM, span),
        None => report.add(&rules::INVALID_RFC3339_DATE, span, &[value, field]),
    }
    rfc3339(value)
}

/// A date of Dublin Core, which may be a year or a day only.
fn check_w3cdtf(report: &mut Report, field: &str, value: &str, span: Range<usize>) {
    if !is_w3cdtf(value) {
        report.add(&rules::INVALID_W3CDTF_DATE, span, &[value, field]);
    }
}

fn check_plausible(
    report: &mut Report,
    value: &str,
    moment: DateTime<Utc>,
    ahead: Duration,
    span: Range<usize>,
) {
    let is_ahead = report.expectation.now.is_some_and(|now| moment > now + ahead);
    let fault = match moment.year() < YEAR_MIN {
        true => "before 1990",
        false if is_ahead => "in the future",
        false => return,
    };
    report.add(&rules::IMPLAUSIBLE_DATE, span, &[value, fault]);
}

/// RFC 822 §5 as RFC 2822 narrows it. What only the older one allows is understood and remarked on.
fn rfc822(value: &str) -> Rfc822 {
    let mut words: Vec<&str> = value.split_ascii_whitespace().collect();
    let day_of_week = words.first().and_then(|word| word.strip_suffix(','));
    if day_of_week.is_some() {
        words.remove(0);
    }
    let [day, month, year, time, zone] = words[..] else { return Rfc822::Invalid };
    let date = date(day, month, year);
    let (Some(date), Some(time), Some(zone_minutes)) = (date, time_of_day(time), zone_minutes(zone)) else {
        return Rfc822::Invalid;
    };
    let Some(local) = date.and_hms_opt(time.0, time.1, time.2) else { return Rfc822::Invalid };
    let moment = (local - Duration::minutes(i64::from(zone_minutes))).and_utc();
    let right_day = DAYS[date.weekday().num_days_from_monday() as usize];
    match day_of_week {
        Some(said) if !DAYS.iter().any(|day| day.eq_ignore_ascii_case(said)) => Rfc822::Invalid,
        _ if year.len() != 4 => Rfc822::Problematic(moment, "the year has two digits"),
        Some(said) if !said.eq_ignore_ascii_case(right_day) => {
            Rfc822::WrongDay(moment, said.to_string(), right_day)
        }
        _ => problem(value, month, zone).map_or(Rfc822::Good(moment), |why| Rfc822::Problematic(moment, why)),
    }
}

fn problem(value: &str, month: &str, zone: &str) -> Option<&'static str> {
    let is_number = zone.starts_with(['+', '-']);
    // The validator's own rule: whole and half hours only.
    if is_number && !zone.ends_with("00") && !zone.ends_with("30") {
        return Some("its zone is not a whole or half hour");
    }
    let is_named = ZONES.iter().any(|(name, _)| *name == zone);
    if !is_number && !is_named {
        return Some("its zone is one of the military letters, or in small letters");
    }
    let is_usual_case =
        MONTHS.contains(&month) && value.split_once(',').is_none_or(|(day, _)| DAYS.contains(&day));
    if !is_usual_case {
        return Some("its names are not written like `Sat` and `Jan`");
    }
    value.contains("  ").then_some("it has more than one space between its parts")
}

fn date(day: &str, month: &str, year: &str) -> Option<NaiveDate> {
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? + 1;
    let number =
        |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?;
    let years: i32 = number(year)?;
    let years = match year.len() {
        4 => years,
        2 if years < 50 => years + 2000,
        2 => years + 1900,
        _ => return None,
    };
    let day = number(day).filter(|_| day.len() <= 2)?;
    NaiveDate::from_ymd_opt(years, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

/// `HH:MM` or `HH:MM:SS`.
fn time_of_day(time: &str) -> Option<(u32, u32, u32)> {
    let parts: Option<Vec<u32>> =
        time.split(':').map(|part| (part.len() == 2).then(|| part.parse().ok()).flatten()).collect();
    match parts?[..] {
        [hours, minutes] => Some((hours, minutes, 0)),
        // A leap second.
        [hours, minutes, seconds] => Some((hours, minutes, seconds.min(59))).filter(|_| seconds <= 60),
        _ => None,
    }
}

fn zone_minutes(zone: &str) -> Option<i32> {
    if let Some(digits) = zone.strip_prefix(['+', '-']).filter(|digits| digits.len() == 4) {
        let number: i32 = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        let minutes = (number / 100) * 60 + number % 100;
        return (minutes < 24 * 60).then_some(if zone.starts_with('-') { -minutes } else { minutes });
    }
    let named = ZONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(zone)).map(|(_, hours)| hours * 60);
    let is_military =
        zone.len() == 1 && zone.bytes().all(|byte| byte.is_ascii_alphabetic() && byte | 32 != b'j');
    // RFC 2822 §4.3: military zones were used so wrongly that they mean nothing.
    named.or(is_military.then_some(0))
}

/// RFC 3339 §5.6, with a capital `T` and `Z` as RFC 4287 §3.3 wants them.
pub fn rfc3339(value: &str) -> Option<DateTime<Utc>> {
    let zone = value.as_bytes().last();
    let is_shape = value.as_bytes().get(10) == Some(&b'T')
        && zone.is_some_and(|byte| *byte == b'Z' || byte.is_ascii_digit());
    let moment = DateTime::parse_from_rfc3339(value).ok().filter(|_| is_shape)?;
    Some(moment.to_utc())
}

/// <https://www.w3.org/TR/NOTE-datetime>: a year, a month, a day, or a moment with a zone.
fn is_w3cdtf(value: &str) -> bool {
    match value.len() {
        4 => value.bytes().all(|byte| byte.is_ascii_digit()),
        7 => format!("{value}-01").parse::<NaiveDate>().is_ok(),
        10 => value.parse::<NaiveDate>().is_ok(),
        _ => rfc3339(value).is_some() || rfc3339(&with_seconds(value)).is_some(),
    }
}

fn with_seconds(value: &str) -> String {
    match (value.get(..16), value.get(16..)) {
        (Some(minutes), Some(zone)) => format!("{minutes}:00{zone}"),
        _ => String::new(),
    }
}

/// Reports dates out of order: an article that changed before it came out, articles that do not
/// run from new to old, a feed that is older than what is in it.
#[derive(Debug, Default)]
pub struct Order {
    before: Option<DateTime<Utc>>,
    newest: Option<DateTime<Utc>>,
}

impl Order {
    /// The next article's dates, each with its place.
    pub fn article(&mut self, report: &mut Report, published: Option<&Dated>, updated: Option<&Dated>) {
        if let (Some(published), Some(updated)) = (published, updated)
            && updated.moment < published.moment
        {
            let found = [updated.written.as_str(), &published.written];
            report.add(&rules::UPDATED_BEFORE_PUBLISHED, updated.span.clone(), &found);
        }
        if let Some(date) = published.or(updated) {
            if self.before.is_some_and(|before| date.moment > before) {
                report.add(&rules::NOT_NEWEST_FIRST, date.span.clone(), &[]);
            }
            self.before = Some(date.moment);
        }
        let moment = |date: Option<&Dated>| date.map(|date| date.moment);
        self.newest = self.newest.max(moment(published)).max(moment(updated));
    }

    /// The feed's own date, after all its articles.
    pub fn feed(&self, report: &mut Report, updated: Option<&Dated>) {
        if let (Some(updated), Some(newest)) = (updated, self.newest)
            && updated.moment < newest
        {
            let newest = newest.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            report.add(&rules::FEED_OLDER_THAN_ENTRY, updated.span.clone(), &[&updated.written, &newest]);
        }
    }
}

/// A date and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated {
    /// When.
    pub moment: DateTime<Utc>,
    /// As the feed has it.
    pub written: String,
    /// Where.
    pub span: Range<usize>,
}
