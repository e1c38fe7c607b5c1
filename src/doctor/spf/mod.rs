//! Who may send for a domain, and whether our server is among them (RFC 7208).

pub mod check;
pub mod record;

use std::net::IpAddr;

use futures_util::future::join_all;

use crate::doctor::{
    dns::Dns,
    finding::{About, Finding, Level, listed},
    server::Server,
};
use check::{EMPTY_ANSWERS_MAX, LOOKUPS_MAX, Outcome, Stop, check_host, dead_ends, lookups_needed};
use record::{Mechanism, Qualifier, SpfRecord, is_spf};

/// A record up to this length fits into one DNS answer (RFC 7208 §3.4).
const OCTETS_MAX: usize = 450;

/// What `domain`, that of the return address, says about who may send, and about `server`.
pub async fn examine(dns: &Dns, domain: &str, server: &Server) -> Vec<Finding> {
    let texts = match dns.txt(domain).await {
        Ok(texts) => texts,
        Err(error) => return vec![Finding::cannot_tell(About::Spf, &error)],
    };
    let (records, others): (Vec<String>, Vec<String>) = texts.into_iter().partition(|text| is_spf(text));
    match records.as_slice() {
        [] => match others.iter().find(|text| looks_like_spf(text)) {
            Some(text) => vec![near_miss(domain, text)],
            None => vec![misplaced(dns, domain).await.unwrap_or_else(|| missing(domain, server))],
        },
        [text] => examine_record(dns, domain, text, server).await,
        several => vec![several_records(domain, several)],
    }
}

async fn examine_record(dns: &Dns, domain: &str, text: &str, server: &Server) -> Vec<Finding> {
    let record = match SpfRecord::parse(text) {
        Ok(record) => record,
        Err(mistake) => {
            let says = format!(
                "the record of {domain} cannot be used, because {mistake}; receivers skip the whole of it."
            );
            return vec![Finding::bad(About::Spf, says).fix(format!("Correct it. It is now: {text}"))];
        }
    };
    let gone = gone(dns, domain, &record).await;
    let mended = record.mended(&gone);
    let mut findings = faults(domain, &record, &mended.text);
    match lookups_needed(dns, &record).await {
        Ok(count) if count > LOOKUPS_MAX => findings.push(too_many_lookups(domain, count)),
        Ok(_) => {}
        Err(Stop::Permanent(why)) => findings.push(unusable(domain, &why)),
        Err(Stop::Temporary(why)) => findings.push(untold(domain, &why)),
    }
    findings.extend(with_dead_ends(domain, &gone, &mended.text));
    if findings.iter().all(|finding| finding.level < Level::Bad) {
        findings.extend(for_server(dns, domain, &mended, server).await);
    }
    findings
}

fn unsaid(domain: &str) -> Finding {
    Finding::bad(
        About::Spf,
        format_args!(
            "{domain} does not say who may send for it, so Gmail, Yahoo and Outlook may refuse letters in \
            its name."
        ),
    )
}

async fn misplaced(dns: &Dns, domain: &str) -> Option<Finding> {
    let doubled = dns.doubled(domain, domain, is_spf).await?;
    Some(unsaid(domain).fix(format!(
        "There is such a record at {doubled}: your DNS panel adds the domain by itself. Enter `@`, or nothing, as \
        the record's name."
    )))
}

fn missing(domain: &str, server: &Server) -> Finding {
    let finding = unsaid(domain);
    if server.public.is_empty() {
        return finding
            .fix(
                "Publish the record below: it lets the domain's own web and mail servers send. If a provider \
                sends your letters, it names an `include:` to put in place of `a mx`.",
            )
            .publish(domain, "v=spf1 a mx ~all");
    }
    let term = server.spf_term();
    finding
        .fix(format!(
            "Publish the record below: it lets {} send. If that server passes letters to others, as those of \
            large providers do, its provider names an `include:` to put in place of `{term}`.",
            server.host
        ))
        .publish(domain, format!("v=spf1 {term} ~all"))
}

/// RFC 7208 §4.5: several records are an error.
fn several_records(domain: &str, texts: &[String]) -> Finding {
    let mut terms: Vec<&str> = vec!["v=spf1"];
    for term in texts.iter().flat_map(|text| text.split_whitespace().skip(1)) {
        if !terms.contains(&term) {
            terms.push(term);
        }
    }
    let says =
        format!("{domain} has {} SPF records where one belongs, so receivers use none of them.", texts.len());
    let finding = Finding::bad(About::Spf, says);
    match SpfRecord::parse(&terms.join(" ")) {
        Ok(merged) => finding
            .fix("Delete all of them, and publish the one below, which lets the same servers send.")
            .publish(domain, merged.closed()),
        Err(_) => finding.fix("Delete all of them but one."),
    }
}

fn looks_like_spf(text: &str) -> bool {
    let start: String = text.chars().filter(|c| !c.is_whitespace() && *c != '"').take(6).collect();
    let start = start.to_ascii_lowercase();
    start.starts_with("v=spf") || start.starts_with("spf1") || start.starts_with("v:spf")
}

fn near_miss(domain: &str, text: &str) -> Finding {
    let finding = Finding::bad(
        About::Spf,
        format_args!(
            "{domain} has a record that is meant to be SPF, but does not begin with `v=spf1` and a space, so \
            nobody reads it."
        ),
    );
    let plain = text.replace(['"', ';', ','], " ");
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if is_spf(&plain) && SpfRecord::parse(&plain).is_ok() {
        finding.fix("Replace it by the one below.").publish(domain, plain)
    } else {
        finding.fix(format!("Correct it. It is now: {text}"))
    }
}

/// What can be said without asking anybody.
fn faults(domain: &str, record: &SpfRecord, mended: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for term in &record.idle {
        let says =
            format!("`{term}` in the record of {domain} has `=` where `:` belongs, so it says nothing.");
        findings.push(
            Finding::warn(About::Spf, says)
                .fix("Replace the record by the one below.")
                .publish(domain, mended),
        );
    }
    findings.extend(open_end(domain, record, mended));
    if record.reached().any(|directive| matches!(directive.mechanism, Mechanism::Ptr(_))) {
        let says =
            format!("the record of {domain} uses `ptr`, which is slow, and which some receivers skip.");
        findings.push(
            Finding::warn(About::Spf, says)
                .fix("Put the addresses themselves in its place, as in `ip4:192.0.2.10`."),
        );
    }
    if record.all().is_some() && record.reached().count() + 1 < record.directives.len() {
        let says = format!("nothing that stands after `all` in the record of {domain} is read.");
        findings.push(
            Finding::warn(About::Spf, says)
                .fix("Put `all` at the end, as in the record below.")
                .publish(domain, mended),
        );
    }
    if let (Some(host), Some(all)) = (&record.redirect, record.all()) {
        let says = format!(
            "`redirect={host}` in the record of {domain} is not read, because the record has `{}` too.",
            all.text
        );
        findings.push(
            Finding::warn(About::Spf, says)
                .fix(format!(
                    "If {host} is to say who may send for you, replace the record by the one below."
                ))
                .publish(domain, mended),
        );
    }
    if record.text.len() > OCTETS_MAX {
        let says = format!(
            "the record of {domain} has {} characters; more than {OCTETS_MAX} may get lost on their way.",
            record.text.len()
        );
        findings.push(
            Finding::warn(About::Spf, says).fix("Leave out servers that do not send for you any more."),
        );
    }
    findings
}

/// What the record says about everybody else (RFC 7208 §5.1, §4.7).
fn open_end(domain: &str, record: &SpfRecord, mended: &str) -> Option<Finding> {
    let finding = match record.all().map(|all| all.qualifier) {
        Some(Qualifier::Pass) => Finding::bad(
            About::Spf,
            format_args!("`+all` in the record of {domain} lets everybody in the world send for it."),
        ),
        Some(Qualifier::Neutral) => Finding::warn(
            About::Spf,
            format_args!(
                "the record of {domain} ends with `?all`, so it says nothing about letters from elsewhere."
            ),
        ),
        None if record.redirect.is_none() => Finding::warn(
            About::Spf,
            format_args!(
                "the record of {domain} has no `all`, so it says nothing about letters from elsewhere."
            ),
        ),
        _ => return None,
    };
    let fix = "Replace the record by the one below; `~all` says that letters from elsewhere are suspect.";
    Some(finding.fix(fix).publish(domain, mended))
}

/// The words that lead to no server, if anything is to be said of them.
async fn gone<'a>(dns: &Dns, domain: &str, record: &'a SpfRecord) -> Vec<&'a str> {
    let dead = dead_ends(dns, domain, record).await;
    let mut words: Vec<&str> = dead.into_iter().map(|directive| directive.text.as_str()).collect();
    if words.len() <= EMPTY_ANSWERS_MAX {
        // A bare `a` or `mx` is of the domain itself, and comes true as soon as it has one.
        words.retain(|word| word.contains(':'));
    }
    words
}

/// RFC 7208 §4.6.4 calls them void lookups.
fn with_dead_ends(domain: &str, words: &[&str], mended: &str) -> Option<Finding> {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    let (lead, them) = match words.len() {
        0 => return None,
        1 => ("leads", "it"),
        _ => ("lead", "them"),
    };
    let what = format!("{} in the record of {domain} {lead} to no server", listed(&quoted));
    let finding = if words.len() > EMPTY_ANSWERS_MAX {
        Finding::bad(
            About::Spf,
            format_args!(
                "{what}, and receivers skip a record with more than {EMPTY_ANSWERS_MAX} such words."
            ),
        )
    } else {
        Finding::note(About::Spf, format_args!("{what}."))
    };
    let fix = format!("Leave {them} out: replace the record by the one below.");
    Some(finding.fix(fix).publish(domain, mended))
}

fn too_many_lookups(domain: &str, count: usize) -> Finding {
    Finding::bad(
        About::Spf,
        format_args!(
            "reading the record of {domain} takes {count} further questions to the DNS, and receivers give \
            up after {LOOKUPS_MAX}."
        ),
    )
    .fix(
        "Leave out each `include:`, `a` and `mx` that does not send for you any more, or write addresses \
        (`ip4:`) in their place: those cost nothing.",
    )
}

fn unusable(domain: &str, why: &str) -> Finding {
    Finding::bad(About::Spf, format_args!("the record of {domain} cannot be used, because {why}."))
        .fix("Correct or leave out that part; until then receivers skip the whole record.")
}

fn untold(domain: &str, why: &str) -> Finding {
    Finding::warn(About::Spf, format_args!("cannot read all of the record of {domain}, because {why}."))
        .fix("Try again in a minute. If it stays so, ask whoever runs the DNS of that name.")
}

async fn for_server(dns: &Dns, domain: &str, record: &SpfRecord, server: &Server) -> Vec<Finding> {
    if server.public.is_empty() {
        let says = format!(
            "{domain} says who may send for it, but the address from which your letters leave is not known \
            here."
        );
        let fix = format!("Make sure that it is in the record: {}", record.text);
        return vec![Finding::note(About::Spf, says).fix(fix)];
    }
    let outcomes = join_all(server.public.iter().map(|address| check_host(dns, *address, domain))).await;
    let mut groups: Vec<(Outcome, Vec<IpAddr>)> = Vec::new();
    for (outcome, address) in outcomes.into_iter().zip(&server.public) {
        match groups.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, addresses)) => addresses.push(*address),
            None => groups.push((outcome, vec![*address])),
        }
    }
    groups.iter().map(|(outcome, addresses)| said(domain, record, server, outcome, addresses)).collect()
}

fn said(
    domain: &str,
    record: &SpfRecord,
    server: &Server,
    outcome: &Outcome,
    addresses: &[IpAddr],
) -> Finding {
    let consequence = match outcome {
        Outcome::Pass => {
            let are = if addresses.len() == 1 { "is" } else { "are" };
            let says =
                format!("{domain} says who may send for it, and {} {are} among them.", listed(addresses));
            return Finding::good(About::Spf, says);
        }
        Outcome::PermError(why) => return unusable(domain, why),
        Outcome::TempError(why) => return untold(domain, why),
        Outcome::CannotTell(term) => {
            let says = format!(
                "whether {domain} lets {} send depends on the letter (`{term}`), so it cannot be told here.",
                listed(addresses)
            );
            return Finding::note(About::Spf, says);
        }
        Outcome::Fail => "and asks that letters from elsewhere be refused",
        Outcome::SoftFail => "and calls letters from elsewhere suspect",
        Outcome::Neutral | Outcome::None => "and says nothing about letters from elsewhere",
    };
    let says = format!(
        "{domain} does not name {} ({}) among those who may send for it, {consequence}.",
        listed(addresses),
        server.host
    );
    let term = server.spf_term();
    let fix = format!(
        "If this server itself sends to readers, replace the record by the one below. If it is a relay, \
        letters may leave from other addresses; its provider names an `include:` to put in place of \
        `{term}`."
    );
    let finding =
        if server.is_own { Finding::warn(About::Spf, says) } else { Finding::note(About::Spf, says) };
    finding.fix(fix).publish(domain, record.with(&term))
}

#[cfg(test)]
mod tests;
