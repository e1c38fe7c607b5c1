//! `[newsletter.ID]` and `[newsletter.ID.cadence]`

use std::str::FromStr;

use super::{
    House, Reader,
    values::{ADDRESS_HINT, DURATION_HINT, duration, zone},
};
use crate::{
    diagnostic::{
        Diagnostic,
        keys::{Key, Keys, Node, Typed, Value},
    },
    language::Language,
    newsletter::{Cadence, CatchUp, Newsletter, Sender, schedule::Schedule},
    subscriber::address::EmailAddress,
    text::clean_line,
};

/// Letters that go out before an issue waits, at the most.
const CANARY_MAX: i64 = 1_000_000;
/// A label of a List-Id (RFC 2919 §2).
const ID_CHARACTERS_MAX: usize = 63;
const START_WITH_DEFAULT: usize = 3;

impl Reader<'_> {
    pub(super) fn newsletter(&self, id: &Key, mut keys: Keys<'_>, house: House<'_>) -> Option<Newsletter> {
        let House { site, outlets, sender, sender_was_given } = house;
        let place = keys.node();
        let at = place.span.start..place.span.start;
        let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=ID_CHARACTERS_MAX).contains(&id.name.len()) || !id.name.chars().all(is_id) {
            let why = "it becomes part of addresses and of a file's name";
            let hint = "use at most 63 lower-case letters, digits and hyphens";
            self.problems.push(Diagnostic::invalid(&place.file, &id.span, "newsletter id", why, hint));
        }
        let name = self.required_localised(&mut keys, "name", &site.languages);
        let description = self.localised(&mut keys, "description", &site.languages);
        let site_tags: Vec<&str> = site.languages.iter().map(Language::as_str).collect();
        let known_language = |typed: Typed<'_>| {
            let found = site.languages.iter().find(|language| {
                typed.text.parse::<Language>().is_ok_and(|tag| tag.primary() == language.primary())
            });
            if found.is_none() {
                self.unknown(typed, "language", &site_tags);
            }
            found.cloned()
        };
        let language = keys.text("language").and_then(known_language);
        let language = language.unwrap_or_else(|| site.language().clone());
        let mut languages: Vec<Language> =
            keys.texts("languages").into_iter().filter_map(known_language).collect();
        if languages.is_empty() {
            languages = vec![language.clone()];
        }
        let known_outlets: Vec<&str> = outlets.keys().map(String::as_str).collect();
        let filter = keys.texts("outlets").into_iter().filter_map(|typed| {
            let found = outlets.contains_key(typed.text);
            if !found {
                self.unknown(typed, "outlet", &known_outlets);
            }
            found.then(|| typed.text.to_string())
        });
        let filter: Vec<String> = filter.collect();
        let tags = keys.texts("tags").iter().map(|typed| clean_line(typed.text)).collect();
        let zone = keys.parsed("timezone", "time zone", "write a name such as `Europe/London`", zone);
        let cadences = self.cadences(&mut keys, &at);
        let own = if keys.value("from").is_some() {
            let house = sender.and_then(|sender| sender.return_domain.clone());
            Self::sender(&mut keys, site)
                .map(|own| Sender { return_domain: own.return_domain.or(house), ..own })
        } else {
            let reply_to = keys.parsed("reply_to", "address", ADDRESS_HINT, EmailAddress::from_str);
            sender.cloned().map(|sender| Sender { reply_to: reply_to.or(sender.reply_to), ..sender })
        };
        if own.is_none() && sender.is_none() && !sender_was_given {
            let hint = "write `from = \"Name <name@example.org>\"` here or under `[mail]`";
            self.problems.push(Diagnostic::missing_key(&place.file, &at, "from", hint));
        }
        let approve = keys.flag("approve").unwrap_or(false);
        let canary = keys.number("canary", 1..CANARY_MAX).map(|letters| letters.unsigned_abs() as usize);
        let skip_if_empty = keys.flag("skip_if_empty").unwrap_or(true);
        let start_with = keys.number("start_with", 0..101);
        let catch_up = self.catch_up(&mut keys);
        let max_age = keys.parsed("max_age", "time", DURATION_HINT, duration);
        let grace = keys.parsed("grace", "time", DURATION_HINT, duration);
        keys.finish();
        Some(Newsletter {
            id: id.name.clone(),
            name,
            description,
            language,
            languages,
            outlets: filter,
            tags,
            zone: zone.unwrap_or(site.zone),
            cadences,
            approve,
            canary,
            skip_if_empty,
            start_with: start_with.map_or(START_WITH_DEFAULT, |n| n.unsigned_abs() as usize),
            catch_up,
            max_age: max_age.unwrap_or(chrono::Duration::hours(24)),
            grace: grace.unwrap_or(chrono::Duration::zero()),
            sender: own.or_else(|| sender.cloned())?,
        })
    }

    fn catch_up(&self, keys: &mut Keys<'_>) -> CatchUp {
        let Some(typed) = keys.text("catch_up") else { return CatchUp::default() };
        match typed.text {
            "latest" => CatchUp::Latest,
            "skip" => CatchUp::Skip,
            "all" => CatchUp::All,
            _ => {
                self.unknown(typed, "value of `catch_up`", &["latest", "skip", "all"]);
                CatchUp::default()
            }
        }
    }

    fn cadences(&self, keys: &mut Keys<'_>, at: &std::ops::Range<usize>) -> Vec<Cadence> {
        let file = keys.node().file.clone();
        let Some(table) = keys.table("cadence") else {
            let hint = "add `[newsletter.ID.cadence]` with, for example, `weekly = \"Fri 08:00\"`";
            self.problems.push(Diagnostic::missing_key(&file, at, "cadence", hint));
            return Vec::new();
        };
        let hint = "write `\"07:30\"`, `\"Fri 08:00\"`, or six cron fields: `\"0 30 7 * * MON-FRI\"`";
        let mut cadences: Vec<Cadence> = Vec::new();
        for (name, node) in table.all() {
            let (is_local, node) = self.local(node);
            let schedule = match (&node.value, node.as_text()) {
                (Value::Flag(true), _) => Schedule::Instant,
                (Value::Flag(false), _) => continue,
                (_, Some(text)) => match Schedule::parse(text) {
                    Ok(schedule) => schedule,
                    Err(why) => {
                        self.invalid(node, "schedule", why, hint);
                        continue;
                    }
                },
                _ => {
                    self.invalid(node, "schedule", "neither `true` nor text", hint);
                    continue;
                }
            };
            cadences.push(Cadence { name: name.name.clone(), schedule, is_local });
        }
        cadences
    }

    /// `{ at = "Fri 08:00", local = true }`: whether it is at each reader's own time, and where its schedule is.
    fn local<'n>(&'n self, node: &'n Node) -> (bool, &'n Node) {
        if !matches!(node.value, Value::Table(_)) {
            return (false, node);
        }
        let Some(mut keys) = Keys::of(node, "cadence", self.problems) else { return (false, node) };
        let at = keys.value("at");
        let is_local = keys.flag("local").unwrap_or(false);
        keys.finish();
        (is_local, at.unwrap_or(node))
    }
}
