//! When a cadence comes: a rhythm in the newsletter's own time zone, across changes of the clocks.
//!
//! Nothing here waits: these are functions from moments to moments. croner 4 is used because it is
//! right where clocks change: a time that is skipped comes at the end of the gap, once; a time that
//! is repeated comes once.

use std::fmt;

use chrono::{DateTime, Duration, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds},
};

/// Slots that one look can find, at the most: a schedule of every second, down for a day.
const SLOTS_MAX: usize = 100_000;

/// The rhythm of a cadence.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// As soon as an article is out.
    Instant,
    /// At the instants of a cron expression.
    Cron(Box<Cron>),
}

/// Not a schedule.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// `07:30`, `Fri 08:00` and cron all failed.
    #[error("`{0}` is not a schedule")]
    Form(String),
    /// Cron's own complaint.
    #[error("{0}")]
    Cron(String),
    /// A day that never comes.
    #[error("`{0}` never comes")]
    Never(String),
}

impl Schedule {
    /// `07:30` is every day; `Fri 08:00` every Friday; anything else is cron with six fields (second,
    /// minute, hour, day, month, weekday).
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let form = || ScheduleError::Form(text.to_string());
        let expression = match words.as_slice() {
            [time] => {
                let (hour, minute) = time_of_day(time).ok_or_else(form)?;
                format!("0 {minute} {hour} * * *")
            }
            [day, time] => {
                let (hour, minute) = time_of_day(time).ok_or_else(form)?;
                format!("0 {minute} {hour} * * {}", weekday(day).ok_or_else(form)?)
            }
            [_, _, _, _, _, _] => text.to_string(),
            [_, _, _, _, _] => {
                return Err(ScheduleError::Cron("a cron schedule has six fields here, seconds first".into()));
            }
            _ => return Err(form()),
        };
        let parser = CronParser::builder().seconds(Seconds::Required).build();
        let cron = parser.parse(&expression).map_err(|why| ScheduleError::Cron(why.to_string()))?;
        cron.find_next_occurrence(&DateTime::UNIX_EPOCH, false)
            .map_err(|_| ScheduleError::Never(text.to_string()))?;
        Ok(Self::Cron(Box::new(cron)))
    }

    /// Its instants after `after` up to and including `until`, oldest first. None for instant.
    pub fn between(&self, after: DateTime<Utc>, until: DateTime<Utc>, zone: Tz) -> Vec<DateTime<Utc>> {
        let Self::Cron(cron) = self else { return Vec::new() };
        let mut instants: Vec<DateTime<Utc>> = cron
            .iter_after(after.with_timezone(&zone))
            .map(|instant| instant.with_timezone(&Utc))
            .take_while(|instant| *instant <= until)
            .filter(|instant| *instant > after)
            .take(SLOTS_MAX)
            .collect();
        instants.dedup();
        instants
    }

    /// Its first instant after `after`. None for instant.
    pub fn next(&self, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let Self::Cron(cron) = self else { return None };
        let next = cron.iter_after(after.with_timezone(&zone)).next()?;
        Some(next.with_timezone(&Utc))
    }
}

/// When it is somewhere else the time that it is in `home` at `instant`: eight in the morning there for eight in
/// the morning here.
pub fn same_time(instant: DateTime<Utc>, home: Tz, elsewhere: Tz) -> DateTime<Utc> {
    let wall = instant.with_timezone(&home).naive_local();
    let at = |wall: NaiveDateTime| wall.and_local_timezone(elsewhere).earliest();
    // A time that is skipped there comes at the end of the gap.
    at(wall).or_else(|| at(wall + Duration::hours(1))).map_or(instant, |at| at.to_utc())
}

/// How much earlier a time comes in the first of these places than in `home`; none if it is the first.
pub fn lead(home: Tz, places: &[Tz], now: DateTime<Utc>) -> Duration {
    let offset = |zone: Tz| zone.offset_from_utc_datetime(&now.naive_utc()).fix().local_minus_utc();
    let first = places.iter().map(|place| offset(*place) - offset(home)).max().unwrap_or(0);
    Duration::seconds(i64::from(first.max(0)))
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Instant => f.write_str("as soon as an article is out"),
            Schedule::Cron(cron) => f.write_str(cron.describe().trim_end_matches('.')),
        }
    }
}

fn time_of_day(text: &str) -> Option<(u32, u32)> {
    let (hour, minute) = text.split_once(':')?;
    if hour.len() > 2 || minute.len() != 2 {
        return None;
    }
    let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some((hour, minute))
}

fn weekday(text: &str) -> Option<&'static str> {
    const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let short: String = text.chars().take(3).collect::<String>().to_uppercase();
    DAYS.into_iter().find(|day| *day == short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instants(schedule: &str, zone: Tz, from: &str, until: &str) -> Vec<String> {
        Schedule::parse(schedule)
            .unwrap()
            .between(from.parse().unwrap(), until.parse().unwrap(), zone)
            .iter()
            .map(|instant| instant.format("%m-%d %H:%M").to_string())
            .collect()
    }

    #[test]
    fn a_daily_slot_keeps_its_local_time_across_summer_time() {
        let london = chrono_tz::Europe::London;
        assert_eq!(
            instants("08:30", london, "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z"),
            ["03-28 08:30", "03-29 07:30", "03-30 07:30"]
        );
        assert_eq!(
            instants("08:30", london, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"),
            ["10-25 08:30", "10-26 08:30"]
        );
    }

    #[test]
    fn a_skipped_time_comes_once_and_a_repeated_one_once() {
        let london = chrono_tz::Europe::London;
        assert_eq!(instants("01:30", london, "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z").len(), 2);
        assert_eq!(instants("01:30", london, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z").len(), 1);
        assert_eq!(
            instants("00:00", chrono_tz::Asia::Tehran, "2022-03-20T12:00:00Z", "2022-03-23T12:00:00Z").len(),
            3
        );
    }

    #[test]
    fn a_time_comes_to_each_place_when_it_is_that_time_there() {
        use chrono_tz::{America::New_York, Asia::Tehran, Europe::London};
        let moment = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let friday = moment("2026-11-27T08:00:00Z");
        assert_eq!(same_time(friday, London, Tehran), moment("2026-11-27T04:30:00Z"));
        assert_eq!(same_time(friday, London, New_York), moment("2026-11-27T13:00:00Z"));
        // 02:30 is skipped in New York on that day.
        let skipped = moment("2026-03-08T02:30:00Z");
        assert_eq!(same_time(skipped, London, New_York), moment("2026-03-08T07:30:00Z"));
        assert_eq!(lead(London, &[Tehran, New_York], friday), Duration::minutes(210));
        assert_eq!(lead(London, &[New_York], friday), Duration::zero());
    }

    #[test]
    fn friday_is_friday_and_nonsense_is_refused() {
        let tehran = chrono_tz::Asia::Tehran;
        assert_eq!(
            instants("Fri 08:00", tehran, "2026-11-01T00:00:00Z", "2026-11-14T00:00:00Z"),
            ["11-06 04:30", "11-13 04:30"]
        );
        for bad in
            ["", "7", "25:00", "Foo 08:00", "0 8 * * *", "0 0 8 31 2 *", "* * * * * * *", "0 99 8 * * *"]
        {
            assert!(Schedule::parse(bad).is_err(), "{bad}");
        }
    }
}
