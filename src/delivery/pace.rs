//! How many letters may be under way to each provider: as many as it takes, and half as many once it
//! says that they are too many (additive increase, multiplicative decrease, as Postfix and TCP do).
//!
//! Time is counted from when pacing began, so that no clock's jump ends a rest or makes it a day long.

use std::{collections::HashMap, time::Duration};

use chrono::NaiveDate;

use super::{Outcome, Settled, provider::Provider, reply::is_about_rate};

/// How long a provider is left alone that says so for the first time; each time in a row twice as long.
const REST: Duration = Duration::from_secs(10);
const REST_MAX: Duration = Duration::from_secs(900);
/// A provider of whom nothing bad was heard starts with this many.
const WINDOW_START: f64 = 5.0;

/// What the author wants at the most.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// Letters under way to one provider.
    pub at_once: Option<usize>,
    /// Letters a minute to one provider.
    pub per_minute: Option<u32>,
}

/// A sender that nobody knows yet sends few letters a day to each provider, and more each day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmUp {
    /// The first day.
    pub since: NaiveDate,
    /// Letters on it, to one provider.
    pub first_day: u32,
    /// How many times as many each day.
    pub growth: f64,
}

impl WarmUp {
    /// Letters to one provider on a day, at the most.
    pub fn most(&self, day: NaiveDate) -> u32 {
        let days = (day - self.since).num_days().clamp(0, 10_000);
        let most = f64::from(self.first_day) * self.growth.powf(days as f64);
        most.min(f64::from(u32::MAX)) as u32
    }
}

/// A day, how many letters each provider has had on it, and how many it may have.
#[derive(Debug, Clone)]
pub struct Day {
    /// Letters to one provider, at the most.
    pub most: u32,
    /// Letters that each has had.
    pub had: HashMap<Provider, u32>,
}

/// What is known of each provider.
#[derive(Debug, Default)]
pub struct Pace {
    limits: Limits,
    day: Option<Day>,
    flows: HashMap<Provider, Flow>,
}

#[derive(Debug)]
struct Flow {
    under_way: usize,
    window: f64,
    /// As many were under way as the window has, when one last began.
    is_full: bool,
    /// Nothing bad was heard yet: every letter taken makes room for one more.
    is_starting: bool,
    rests: u32,
    rests_until: Duration,
    /// Letters that may begin at once, and when that was counted.
    tokens: f64,
    counted: Duration,
}

impl Pace {
    /// Within `limits`.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Other limits, from now on, and those of the day if it has any.
    pub fn limit(&mut self, limits: Limits, day: Option<Day>) {
        self.limits = limits;
        self.day = day;
    }

    /// How many more letters may begin now.
    pub fn room(&self, provider: &Provider, now: Duration) -> usize {
        self.room_now(provider, now).min(self.room_today(provider))
    }

    /// Whether it has had all its letters of the day.
    pub fn is_full_today(&self, provider: &Provider) -> bool {
        self.room_today(provider) == 0
    }

    fn room_today(&self, provider: &Provider) -> usize {
        let Some(day) = &self.day else { return usize::MAX };
        let had = day.had.get(provider).copied().unwrap_or(0);
        let under_way = self.flows.get(provider).map_or(0, |flow| flow.under_way);
        (day.most.saturating_sub(had) as usize).saturating_sub(under_way)
    }

    fn room_now(&self, provider: &Provider, now: Duration) -> usize {
        let Some(flow) = self.flows.get(provider) else {
            return self.within(WINDOW_START as usize, self.burst());
        };
        if now < flow.rests_until {
            return 0;
        }
        self.within((flow.window as usize).saturating_sub(flow.under_way), flow.tokens(&self.limits, now))
            .min(self.limits.at_once.map_or(usize::MAX, |most| most.saturating_sub(flow.under_way)))
    }

    fn within(&self, window: usize, tokens: f64) -> usize {
        let window = window.min(self.limits.at_once.unwrap_or(usize::MAX));
        if self.limits.per_minute.is_some() { window.min(tokens as usize) } else { window }
    }

    /// When there will be room again, if only time makes it: not now, and not when a letter comes back.
    pub fn opens(&self, provider: &Provider, now: Duration) -> Option<Duration> {
        let flow = self.flows.get(provider)?;
        if now < flow.rests_until {
            return Some(flow.rests_until);
        }
        let per_minute = f64::from(self.limits.per_minute?);
        let missing = 1.0 - flow.tokens(&self.limits, now);
        (missing > 0.0).then(|| now + Duration::from_secs_f64(missing * 60.0 / per_minute))
    }

    /// No letter is under way any more, whatever became of those that were.
    pub fn none_is_under_way(&mut self) {
        self.flows.values_mut().for_each(|flow| flow.under_way = 0);
    }

    /// Whether letters are under way.
    pub fn is_busy(&self) -> bool {
        self.flows.values().any(|flow| flow.under_way > 0)
    }

    /// So many letters have begun.
    pub fn began(&mut self, provider: &Provider, letters: usize, now: Duration) {
        let (limits, burst) = (&self.limits, self.burst());
        let flow = self.flows.entry(provider.clone()).or_insert_with(|| Flow::new(burst, now));
        flow.tokens = flow.tokens(limits, now) - letters as f64;
        flow.counted = now;
        flow.under_way += letters;
        flow.is_full = flow.under_way >= flow.window as usize;
    }

    /// One letter has come to an end.
    pub fn ended(&mut self, provider: &Provider, settled: &Settled, now: Duration) {
        let Some(flow) = self.flows.get_mut(provider) else { return };
        let under_way = flow.under_way as f64;
        flow.under_way = flow.under_way.saturating_sub(1);
        match settled.outcome() {
            Outcome::Accepted { .. } | Outcome::Refused { .. } => {
                if let Some(day) = &mut self.day
                    && matches!(settled.outcome(), Outcome::Accepted { .. })
                {
                    *day.had.entry(provider.clone()).or_default() += 1;
                }
                flow.rests = 0;
                // What was not tried says nothing of whether more would be taken.
                if flow.is_full {
                    flow.window += if flow.is_starting { 1.0 } else { 1.0 / flow.window };
                }
            }
            Outcome::Deferred { reply: words }
            | Outcome::NotSent { reason: words }
            | Outcome::GivenBack { reason: words }
                if is_about_rate(words) =>
            {
                flow.rest(under_way, now);
            }
            _ => {}
        }
    }

    /// Letters that may begin at once after a while of silence: those of ten seconds.
    fn burst(&self) -> f64 {
        self.limits.per_minute.map_or(0.0, |per_minute| (f64::from(per_minute) / 6.0).max(1.0))
    }
}

impl Flow {
    fn new(tokens: f64, now: Duration) -> Self {
        Self {
            under_way: 0,
            window: WINDOW_START,
            is_full: false,
            is_starting: true,
            rests: 0,
            rests_until: Duration::ZERO,
            tokens,
            counted: now,
        }
    }

    fn tokens(&self, limits: &Limits, now: Duration) -> f64 {
        let per_minute = f64::from(limits.per_minute.unwrap_or_default());
        let burst = (per_minute / 6.0).max(1.0);
        let since = now.saturating_sub(self.counted).as_secs_f64();
        (self.tokens + since * per_minute / 60.0).min(burst)
    }

    /// So many were under way when the provider complained.
    fn rest(&mut self, under_way: f64, now: Duration) {
        self.is_starting = false;
        if now < self.rests_until {
            return; // one more letter that was under way when it said so first
        }
        self.window = (self.window.min(under_way) / 2.0).max(1.0);
        self.rests_until = now + REST.saturating_mul(1 << self.rests.min(16)).min(REST_MAX);
        self.rests += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::tests::settled;

    fn taken() -> Settled {
        settled(Outcome::Accepted { reply: "250 ok".into() })
    }

    fn too_fast() -> Settled {
        settled(Outcome::Deferred { reply: "421 4.7.28 slow down".into() })
    }

    #[test]
    fn a_provider_gets_more_while_it_takes_them_and_half_when_it_complains() {
        let (provider, now) = (Provider::of("a@example.org"), Duration::from_secs(1));
        let mut pace = Pace::default();
        assert_eq!(pace.room(&provider, now), 5);
        pace.began(&provider, 5, now);
        assert_eq!(pace.room(&provider, now), 0);
        for _ in 0..5 {
            pace.ended(&provider, &taken(), now);
        }
        assert_eq!(pace.room(&provider, now), 10);
        pace.began(&provider, 10, now);
        for _ in 0..10 {
            pace.ended(&provider, &too_fast(), now);
        }
        assert_eq!((pace.room(&provider, now), pace.opens(&provider, now)), (0, Some(now + REST)));
        let later = now + REST;
        assert_eq!(pace.room(&provider, later), 5, "said ten times at once, it is one complaint");
        pace.began(&provider, 5, later);
        pace.ended(&provider, &too_fast(), later);
        assert_eq!(pace.opens(&provider, later), Some(later + REST * 2));
        assert_eq!(pace.room(&Provider::of("a@other.example"), later), 5, "others keep their pace");
    }

    #[test]
    fn a_complaint_halves_what_was_under_way_and_not_what_might_have_been() {
        let (provider, now) = (Provider::of("a@example.org"), Duration::from_secs(1));
        let mut pace = Pace::default();
        for _ in 0..1_000 {
            let letters = pace.room(&provider, now).min(10);
            pace.began(&provider, letters, now);
            (0..letters).for_each(|_| pace.ended(&provider, &taken(), now));
        }
        pace.began(&provider, 10, now);
        pace.ended(&provider, &too_fast(), now);
        (0..9).for_each(|_| pace.ended(&provider, &taken(), now));
        assert_eq!(pace.room(&provider, now + REST), 5);
    }

    #[test]
    fn a_rate_is_kept_over_any_minute() {
        let provider = Provider::of("a@example.org");
        let mut pace = Pace::new(Limits { at_once: None, per_minute: Some(60) });
        let mut begun = 0;
        for second in 0..60 {
            let now = Duration::from_secs(second);
            let letters = pace.room(&provider, now);
            pace.began(&provider, letters, now);
            (0..letters).for_each(|_| pace.ended(&provider, &taken(), now));
            begun += letters;
        }
        assert!((60..=70).contains(&begun), "{begun}");
    }

    #[test]
    fn a_warm_up_grows_by_the_day_and_counts_what_is_taken() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let warm_up = WarmUp { since: day("2026-12-01"), first_day: 50, growth: 1.5 };
        let most: Vec<u32> = ["2026-11-30", "2026-12-01", "2026-12-02", "2026-12-11"]
            .map(|text| warm_up.most(day(text)))
            .into();
        assert_eq!(most, [50, 50, 75, 2883]);
        assert_eq!(warm_up.most(day("2099-01-01")), u32::MAX);

        let (provider, now) = (Provider::of("a@example.org"), Duration::ZERO);
        let mut pace = Pace::default();
        pace.limit(Limits::default(), Some(Day { most: 3, had: HashMap::from([(provider.clone(), 1)]) }));
        assert_eq!(pace.room(&provider, now), 2);
        pace.began(&provider, 2, now);
        assert_eq!(pace.room(&provider, now), 0);
        pace.ended(&provider, &taken(), now);
        pace.ended(&provider, &too_fast(), now);
        assert_eq!(pace.room(&provider, now + REST), 1, "what was not taken does not count");
    }

    #[test]
    fn no_more_are_under_way_than_the_author_wants() {
        let (provider, now) = (Provider::of("a@example.org"), Duration::ZERO);
        let mut pace = Pace::new(Limits { at_once: Some(2), per_minute: None });
        assert_eq!(pace.room(&provider, now), 2);
        pace.began(&provider, 2, now);
        pace.ended(&provider, &taken(), now);
        assert_eq!(pace.room(&provider, now), 1);
    }
}
