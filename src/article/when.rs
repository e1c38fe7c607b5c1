//! A day or a moment as an author gives it.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// Years that every format can write.
const YEARS: std::ops::RangeInclusive<i32> = 1000..=9998;

/// A moment as the author gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// The moment; midnight in the site's zone where only a day was given.
    pub at: DateTime<Utc>,
    /// The day in the site's zone.
    pub day: NaiveDate,
}

impl When {
    /// A day (`2024-06-18`), a local time (`2024-06-18 07:30`) or a moment (RFC 3339).
    pub fn read(text: &str, zone: Tz) -> Option<Self> {
        Self::parse(text, zone).filter(|when| YEARS.contains(&when.day.year()))
    }

    fn parse(text: &str, zone: Tz) -> Option<Self> {
        let text = text.trim();
        if let Ok(moment) = DateTime::parse_from_rfc3339(text)
            .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z"))
        {
            let at = moment.with_timezone(&Utc);
            return Some(Self { at, day: moment.with_timezone(&zone).date_naive() });
        }
        let local = NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(|day| day.and_time(NaiveTime::MIN))
            .or_else(|_| NaiveDateTime::parse_from_str(&text.replace('T', " "), "%Y-%m-%d %H:%M"))
            .or_else(|_| NaiveDateTime::parse_from_str(&text.replace('T', " "), "%Y-%m-%d %H:%M:%S"))
            .ok()?;
        // A time that a change of the clocks skips is taken as the first one after it.
        let at = (0..4)
            .find_map(|hour| zone.from_local_datetime(&(local + chrono::Duration::hours(hour))).earliest())?;
        Some(Self { at: at.with_timezone(&Utc), day: local.date() })
    }
}
