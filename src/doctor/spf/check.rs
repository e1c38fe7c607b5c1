//! May this address send for this domain? `check_host` of RFC 7208 §4, with its limits.

use std::{net::IpAddr, pin::Pin};

use futures_util::future::join_all;

use super::record::{Directive, Mechanism, Qualifier, SpfRecord, is_spf, lies_in};
use crate::doctor::dns::{Dns, DnsError};

/// Words that ask the DNS, in a record and all it includes (RFC 7208 §4.6.4).
pub const LOOKUPS_MAX: usize = 10;
/// Questions that may come back empty (RFC 7208 §4.6.4).
pub const EMPTY_ANSWERS_MAX: usize = 2;
/// Mail exchanges, or names of an address, that are looked at (RFC 7208 §4.6.4).
const NAMES_MAX: usize = 10;
/// How far lookups are counted: records may include each other in a circle.
const LOOKUPS_COUNTED_MAX: usize = 50;

/// The answer (RFC 7208 §2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// May send.
    Pass,
    /// May not send.
    Fail,
    /// Probably may not send.
    SoftFail,
    /// The record says nothing about it.
    Neutral,
    /// There is no record.
    None,
    /// The record cannot be used; why.
    PermError(String),
    /// The DNS did not answer; why.
    TempError(String),
    /// It depends on the letter: a word with a macro (RFC 7208 §7), which we do not fill in.
    CannotTell(String),
}

/// Why an evaluation ends before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// RFC 7208 §2.6.7.
    Permanent(String),
    /// RFC 7208 §2.6.6.
    Temporary(String),
}

impl From<DnsError> for Stop {
    fn from(error: DnsError) -> Self {
        match error {
            DnsError::NotAName { .. } => Self::Permanent(error.to_string()),
            _ => Self::Temporary(error.to_string()),
        }
    }
}

/// Whether `address` may send for `domain`.
pub async fn check_host(dns: &Dns, address: IpAddr, domain: &str) -> Outcome {
    let mut check = Check { dns, address: address.to_canonical(), lookups: 0, empty_answers: 0 };
    match check.host(domain.to_string()).await {
        Ok(outcome) => outcome,
        Err(Stop::Permanent(why)) => Outcome::PermError(why),
        Err(Stop::Temporary(why)) => Outcome::TempError(why),
    }
}

/// The one SPF record of a domain (RFC 7208 §4.5).
pub async fn record_of(dns: &Dns, domain: &str) -> Result<Option<SpfRecord>, Stop> {
    let mut texts: Vec<String> = dns.txt(domain).await?;
    texts.retain(|text| is_spf(text));
    match texts.as_slice() {
        [] => Ok(None),
        [text] => SpfRecord::parse(text)
            .map(Some)
            .map_err(|mistake| Stop::Permanent(format!("in the record of {domain}, {mistake}"))),
        _ => Err(Stop::Permanent(format!("{domain} has more than one SPF record"))),
    }
}

/// How many words ask the DNS, here and in all that is included; counting ends at fifty. What is wrong in
/// anything included is wrong here, also where our own server would pass before it.
pub async fn lookups_needed(dns: &Dns, record: &SpfRecord) -> Result<usize, Stop> {
    let mut count = 0;
    let mut records = vec![record.clone()];
    while let Some(record) = records.pop() {
        let redirect = record.redirect.iter().filter(|_| record.all().is_none());
        let mut elsewhere: Vec<&String> = redirect.collect();
        for directive in record.reached() {
            match &directive.mechanism {
                Mechanism::Include(host) => elsewhere.push(host),
                Mechanism::All | Mechanism::Ip(..) => {}
                _ => count += 1,
            }
        }
        count += elsewhere.len();
        if count >= LOOKUPS_COUNTED_MAX {
            break;
        }
        for host in elsewhere.into_iter().filter(|host| !host.contains('%')) {
            records.push(record_of(dns, host).await?.ok_or_else(|| without_record(host))?);
        }
    }
    Ok(count)
}

/// The words of a record that lead to no address at all: its servers are gone.
pub async fn dead_ends<'a>(dns: &Dns, domain: &str, record: &'a SpfRecord) -> Vec<&'a Directive> {
    let meant = record.reached().filter(|directive| !directive.text.contains('%')).take(LOOKUPS_MAX);
    let meant: Vec<&Directive> = meant.collect();
    let dead = join_all(meant.iter().map(|directive| is_dead_end(dns, domain, &directive.mechanism))).await;
    meant.into_iter().zip(dead).filter_map(|(directive, is_dead)| is_dead.then_some(directive)).collect()
}

async fn is_dead_end(dns: &Dns, domain: &str, mechanism: &Mechanism) -> bool {
    match mechanism {
        Mechanism::A(host, _) => {
            dns.addresses(host.as_deref().unwrap_or(domain)).await.is_ok_and(|all| all.is_empty())
        }
        Mechanism::Mx(host, _) => {
            dns.mx(host.as_deref().unwrap_or(domain)).await.is_ok_and(|all| all.is_empty())
        }
        _ => false,
    }
}

struct Check<'a> {
    dns: &'a Dns,
    address: IpAddr,
    lookups: usize,
    empty_answers: usize,
}

enum Match {
    Yes,
    No,
    CannotTell,
}

type Checking<'a> = Pin<Box<dyn Future<Output = Result<Outcome, Stop>> + Send + 'a>>;

impl Check<'_> {
    fn host(&mut self, domain: String) -> Checking<'_> {
        Box::pin(async move {
            match record_of(self.dns, &domain).await? {
                Some(record) => self.record(&record, &domain).await,
                None => Ok(Outcome::None),
            }
        })
    }

    async fn record(&mut self, record: &SpfRecord, domain: &str) -> Result<Outcome, Stop> {
        let mut untold = None;
        for directive in &record.directives {
            match self.matches(directive, domain).await? {
                Match::No => {}
                Match::Yes => return Ok(unless(untold, outcome(directive.qualifier))),
                Match::CannotTell if directive.qualifier == Qualifier::Pass => {
                    untold.get_or_insert(directive.text.clone());
                }
                Match::CannotTell => return Ok(Outcome::CannotTell(directive.text.clone())),
            }
        }
        let outcome = match &record.redirect {
            Some(host) => self.redirected(host).await?,
            None => Outcome::Neutral,
        };
        Ok(unless(untold, outcome))
    }

    /// RFC 7208 §6.1.
    async fn redirected(&mut self, host: &str) -> Result<Outcome, Stop> {
        self.count_lookup()?;
        if host.contains('%') {
            return Ok(Outcome::CannotTell(format!("redirect={host}")));
        }
        match self.host(host.to_string()).await? {
            Outcome::None => Err(without_record(host)),
            outcome => Ok(outcome),
        }
    }

    async fn matches(&mut self, directive: &Directive, domain: &str) -> Result<Match, Stop> {
        let address = self.address;
        if !matches!(directive.mechanism, Mechanism::All | Mechanism::Ip(..)) {
            self.count_lookup()?;
            if directive.text.contains('%') {
                return Ok(Match::CannotTell);
            }
        }
        let found = match &directive.mechanism {
            Mechanism::All => true,
            Mechanism::Ip(network, prefix) => lies_in(address, *network, *prefix),
            Mechanism::Include(host) => return self.include(host).await,
            Mechanism::A(host, near) => {
                let addresses = self.addresses(host.as_deref().unwrap_or(domain)).await?;
                addresses.iter().any(|other| near.covers(*other, address))
            }
            Mechanism::Mx(host, near) => {
                let addresses = self.exchanges(host.as_deref().unwrap_or(domain)).await?;
                addresses.iter().any(|other| near.covers(*other, address))
            }
            Mechanism::Ptr(host) => self.is_named_below(host.as_deref().unwrap_or(domain)).await?,
            Mechanism::Exists(host) => {
                // RFC 7208 §5.7: always an IPv4 address, whatever was asked about.
                let any = self.dns.addresses_like(IpAddr::V4([0; 4].into()), host).await?;
                self.count_if_empty(any.is_empty())?;
                !any.is_empty()
            }
        };
        Ok(if found { Match::Yes } else { Match::No })
    }

    /// RFC 7208 §5.2: only a pass matches; what is wrong there is wrong here.
    async fn include(&mut self, host: &str) -> Result<Match, Stop> {
        match self.host(host.to_string()).await? {
            Outcome::Pass => Ok(Match::Yes),
            Outcome::None => Err(without_record(host)),
            Outcome::CannotTell(_) => Ok(Match::CannotTell),
            _ => Ok(Match::No),
        }
    }

    async fn addresses(&mut self, host: &str) -> Result<Vec<IpAddr>, Stop> {
        let addresses = self.dns.addresses_like(self.address, host).await?;
        self.count_if_empty(addresses.is_empty())?;
        Ok(addresses)
    }

    async fn exchanges(&mut self, host: &str) -> Result<Vec<IpAddr>, Stop> {
        let exchanges = self.dns.mx(host).await?;
        self.count_if_empty(exchanges.is_empty())?;
        if exchanges.len() > NAMES_MAX {
            return Err(Stop::Permanent(format!("{host} has more than {NAMES_MAX} mail exchanges")));
        }
        let mut addresses = Vec::new();
        for exchange in exchanges.iter().filter(|exchange| !exchange.host.is_empty()) {
            addresses.extend(self.addresses(&exchange.host).await?);
        }
        Ok(addresses)
    }

    /// RFC 7208 §5.5: errors of the DNS only mean that nothing matches.
    async fn is_named_below(&mut self, host: &str) -> Result<bool, Stop> {
        let names = self.dns.ptr(self.address).await.unwrap_or_default();
        self.count_if_empty(names.is_empty())?;
        for name in names.iter().take(NAMES_MAX).filter(|name| is_at_or_below(name, host)) {
            let addresses = self.dns.addresses_like(self.address, name).await.unwrap_or_default();
            if addresses.contains(&self.address) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn count_lookup(&mut self) -> Result<(), Stop> {
        self.lookups += 1;
        if self.lookups > LOOKUPS_MAX {
            return Err(Stop::Permanent(format!("it takes more than {LOOKUPS_MAX} lookups to read")));
        }
        Ok(())
    }

    fn count_if_empty(&mut self, is_empty: bool) -> Result<(), Stop> {
        self.empty_answers += usize::from(is_empty);
        if self.empty_answers > EMPTY_ANSWERS_MAX {
            let kind = if self.address.is_ipv4() { "IPv4" } else { "IPv6" };
            return Err(Stop::Permanent(format!(
                "more than {EMPTY_ANSWERS_MAX} of the names in it lead to no {kind} address"
            )));
        }
        Ok(())
    }
}

/// Whether `name` is `domain` or a name in it.
pub fn is_at_or_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn outcome(qualifier: Qualifier) -> Outcome {
    match qualifier {
        Qualifier::Pass => Outcome::Pass,
        Qualifier::Fail => Outcome::Fail,
        Qualifier::SoftFail => Outcome::SoftFail,
        Qualifier::Neutral => Outcome::Neutral,
    }
}

/// A word that could not be told might have let the address pass, so only a pass is certain.
fn unless(untold: Option<String>, outcome: Outcome) -> Outcome {
    match (untold, outcome) {
        (None, outcome) | (Some(_), outcome @ Outcome::Pass) => outcome,
        (Some(term), _) => Outcome::CannotTell(term),
    }
}

fn without_record(host: &str) -> Stop {
    Stop::Permanent(format!("it points to {host}, which has no SPF record"))
}

#[cfg(test)]
mod tests;
