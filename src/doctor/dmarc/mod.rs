//! What becomes of letters that only pretend to come from a domain, and whether ours prove that they do
//! (RFC 9989).

pub mod record;
pub mod walk;

use crate::doctor::{
    dns::{Dns, DnsError},
    finding::{About, Finding, listed},
    spf::check::is_at_or_below,
};
use record::{Alignment, DmarcRecord, Policy, PublicSuffix, destination, is_dmarc, is_tag};
use walk::{Found, organizational_domain, policy, record_name};

/// Domains that are asked whether they want our reports.
const DESTINATIONS_MAX: usize = 10;

/// What is published for letters from `domain`, and whether `return_domain` proves anything for it.
pub async fn examine(dns: &Dns, domain: &str, return_domain: Option<&str>) -> Vec<Finding> {
    let (mut findings, own) = match dns.txt(&record_name(domain)).await {
        Ok(texts) => own_records(domain, &texts),
        Err(error) => return vec![Finding::cannot_tell(About::Dmarc, &error)],
    };
    let found = match policy(dns, domain).await {
        Ok(found) => found.filter(|found| found.domain == domain || !is_suffix(found)),
        Err(error) => {
            findings.push(Finding::cannot_tell(About::Dmarc, &error));
            return findings;
        }
    };
    match &found {
        Some(found) => {
            findings.extend(about_policy(domain, found, standing(dns, domain, found).await));
            findings.extend(about_reports(dns, found).await);
        }
        None if own == Own::Spoilt => {}
        None => findings.push(misplaced(dns, domain).await.unwrap_or_else(|| missing(domain))),
    }
    // Without a record no domain belongs to another; the one to be published joins those below it.
    let is_joined_later = |other: &&str| found.is_none() && is_at_or_below(other, domain);
    if let Some(return_domain) = return_domain.filter(|other| !is_joined_later(other)) {
        let strictness = found.map_or(Alignment::Relaxed, |found| found.record.spf);
        findings.push(alignment(dns, domain, return_domain, strictness).await);
    }
    findings
}

#[derive(PartialEq, Eq)]
enum Own {
    Fine,
    Spoilt,
}

/// What is wrong with the number and the beginnings of the records at the domain itself.
fn own_records(domain: &str, texts: &[String]) -> (Vec<Finding>, Own) {
    let name = record_name(domain);
    let (records, others): (Vec<&String>, Vec<&String>) = texts.iter().partition(|text| is_dmarc(text));
    if records.len() > 1 {
        let says = format!(
            "{name} has {} DMARC records where one belongs, so receivers use none of them.",
            records.len()
        );
        let finding = Finding::bad(About::Dmarc, says)
            .fix("Delete all of them but one, for example the one below.")
            .publish(name, records[0]);
        return (vec![finding], Own::Spoilt);
    }
    let almost = others.iter().find(|text| text.to_ascii_lowercase().contains("dmarc1"));
    match almost {
        Some(text) if records.is_empty() => (vec![near_miss(&name, text)], Own::Spoilt),
        _ => (Vec::new(), Own::Fine),
    }
}

fn near_miss(name: &str, text: &str) -> Finding {
    let finding = Finding::bad(
        About::Dmarc,
        format_args!(
            "the record at {name} does not begin with `v=DMARC1;`, written exactly so, so nobody reads it."
        ),
    );
    let plain = text.replace(['"', '\\'], "");
    match plain.trim().split_at_checked("v=DMARC1".len()) {
        Some((version, rest)) if version.eq_ignore_ascii_case("v=DMARC1") => {
            let rest = rest.trim_start_matches([';', ',', ' ']);
            finding.fix("Replace it by the one below.").publish(name, format!("v=DMARC1; {rest}"))
        }
        _ => finding.fix(format!("Correct it. It is now: {text}")),
    }
}

fn is_suffix(found: &Found) -> bool {
    found.record.public_suffix == PublicSuffix::Yes
}

fn unsaid(domain: &str) -> Finding {
    Finding::bad(
        About::Dmarc,
        format_args!(
            "{domain} does not say what becomes of letters that only pretend to come from it; Gmail, Yahoo \
            and Outlook ask that of everybody who sends much."
        ),
    )
}

/// Where people put the record by mistake.
async fn misplaced(dns: &Dns, domain: &str) -> Option<Finding> {
    let name = record_name(domain);
    if let Some(doubled) = dns.doubled(&name, domain, is_dmarc).await {
        return Some(unsaid(domain).fix(format!(
            "There is such a record at {doubled}: your DNS panel adds the domain by itself. Enter only _dmarc as \
            its name."
        )));
    }
    let at_domain = dns.txt(domain).await.unwrap_or_default();
    let text = at_domain.into_iter().find(|text| is_dmarc(text))?;
    let fix = format!("There is such a record at {domain} itself, where nobody looks. Move it to {name}.");
    Some(unsaid(domain).fix(fix).publish(name, text))
}

fn missing(domain: &str) -> Finding {
    unsaid(domain)
        .fix(format!(
            "Publish the record below. It asks for nothing but reports, which go to postmaster@{domain}; put \
        another address there if nobody reads that one."
        ))
        .publish(record_name(domain), format!("v=DMARC1; p=none; rua=mailto:postmaster@{domain}"))
}

/// What a domain is to the record that counts for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is its own.
    Own,
    /// It is that of its organisation.
    Below,
    /// The same, and the DNS has neither an address nor a mail server of it (RFC 9989 §3.2.15).
    Nonexistent,
}

async fn standing(dns: &Dns, domain: &str, found: &Found) -> Standing {
    if found.domain == domain {
        return Standing::Own;
    }
    let (addresses, exchanges) = tokio::join!(dns.addresses(domain), dns.mx(domain));
    let is_empty = addresses.is_ok_and(|all| all.is_empty()) && exchanges.is_ok_and(|all| all.is_empty());
    if is_empty { Standing::Nonexistent } else { Standing::Below }
}

fn about_policy(domain: &str, found: &Found, standing: Standing) -> Vec<Finding> {
    let Found { domain: at, record } = found;
    let name = record_name(at);
    let policy = match standing {
        Standing::Own => record.policy,
        Standing::Below => record.policy_below(),
        Standing::Nonexistent => record.policy_nonexistent(),
    };
    let mut findings = vec![match (record.spoilt_by(), policy) {
        (Some(piece), _) => spoilt(&name, record, piece),
        (None, None) if record.reports.is_empty() => Finding::bad(
            About::Dmarc,
            format_args!(
                "the record at {name} asks for nothing (it has neither `p=` nor `rua=` that can be read), so \
                receivers skip it."
            ),
        )
        .fix("Replace it by the one below.")
        .publish(&name, record.mended().text),
        (None, None) => Finding::warn(
            About::Dmarc,
            format_args!(
                "the record at {name} has no `p=` that can be read, so it counts as `p=none`, and not every \
                receiver takes it."
            ),
        )
        .fix("Replace it by the one below.")
        .publish(&name, record.mended().text),
        (None, Some(policy)) => said(domain, at, policy, standing, record),
    }];
    let is_told = |piece: &&String| {
        (policy.is_none() && is_tag(piece, "p")) || record.spoilt_by() == Some(piece.as_str())
    };
    let unread = record.unread.iter().filter(|piece| !is_told(piece));
    findings.extend(unread.map(|piece| unreadable(&name, piece, at)));
    findings.extend(repeated(&name, record));
    findings.extend(suffix(&name, record, standing));
    findings.extend(given_up(&name, record));
    findings
}

/// RFC 9989 §4.7: a policy for the domains below that cannot be read makes all of them void.
fn spoilt(name: &str, record: &DmarcRecord, piece: &str) -> Finding {
    let what = format!("`{piece}` in the record at {name} cannot be read");
    let finding = match record.reports.is_empty() {
        true => Finding::bad(About::Dmarc, format_args!("{what}, so receivers skip the whole record.")),
        false => Finding::warn(
            About::Dmarc,
            format_args!("{what}, so the whole record counts as `p=none`, whatever its `p=` says."),
        ),
    };
    let tag = if is_tag(piece, "sp") { "sp" } else { "np" };
    finding
        .fix(format!("Write `none`, `quarantine` or `reject` after `{tag}=`, or leave it out, as below."))
        .publish(name, record.mended().text)
}

fn unreadable(name: &str, piece: &str, domain: &str) -> Finding {
    let fix = match is_tag(piece, "rua") || is_tag(piece, "ruf") {
        true => format!(
            "Write each address with `mailto:` before it, as in `rua=mailto:postmaster@{domain}`, and a comma \
            between two."
        ),
        false => "Correct it or leave it out.".to_string(),
    };
    let says = format!("`{piece}` in the record at {name} cannot be read, so it counts as missing.");
    Finding::warn(About::Dmarc, says).fix(fix)
}

/// RFC 6376 §3.2, which DMARC follows: a list with a name twice is none.
fn repeated(name: &str, record: &DmarcRecord) -> Option<Finding> {
    let [first, ..] = record.repeated.as_slice() else { return None };
    let says = format!(
        "`{first}=` stands more than once in the record at {name}, so some receivers skip all of it."
    );
    Some(
        Finding::warn(About::Dmarc, says)
            .fix("Replace it by the one below.")
            .publish(name, record.mended().text),
    )
}

/// RFC 9989 §4.7: `psd=y` is for the likes of `com`.
fn suffix(name: &str, record: &DmarcRecord, standing: Standing) -> Option<Finding> {
    if standing != Standing::Own || record.public_suffix != PublicSuffix::Yes {
        return None;
    }
    let says = format!(
        "the record at {name} says that the names below belong to others, as those below `com` do (`psd=y`), so \
        none of them speaks for you."
    );
    let fix = "Unless that is so, replace it by the one below.";
    Some(Finding::warn(About::Dmarc, says).fix(fix).publish(name, record.mended().without(&["psd"])))
}

fn given_up(name: &str, record: &DmarcRecord) -> Option<Finding> {
    let names: Vec<&str> = record.given_up.iter().map(String::as_str).collect();
    let tags: Vec<String> = names.iter().map(|name| format!("`{name}=`")).collect();
    let what = match tags.as_slice() {
        [] => return None,
        [tag] => format!("{tag}, in the record at {name}, was"),
        tags => format!("{}, in the record at {name}, were", listed(tags)),
    };
    let finding =
        Finding::note(About::Dmarc, format_args!("{what} given up in 2026, and new receivers skip it."));
    Some(finding.fix("Leave it out when you next change the record.").publish(name, record.mended().text))
}

fn said(domain: &str, at: &str, policy: Policy, standing: Standing, record: &DmarcRecord) -> Finding {
    let source = match standing {
        Standing::Own => String::new(),
        Standing::Nonexistent if record.nonexistent.is_some() => format!(
            " (by `np=` in the record of {at}, to which it belongs: it has neither an address nor a mail server)"
        ),
        _ => format!(" (by the record of {at}, to which it belongs)"),
    };
    let is_test = record.is_test;
    match policy {
        Policy::None => Finding::note(
            About::Dmarc,
            format_args!(
                "{domain}{source} asks receivers only to report letters that pretend to come from it \
                (`p=none`); that is right to begin with."
            ),
        )
        .fix(
            "Once the reports show for some weeks that your own letters pass, `p=quarantine` and later \
            `p=reject` keep forged ones out.",
        ),
        Policy::Quarantine | Policy::Reject => {
            let what = if policy == Policy::Reject { "refuse" } else { "treat as suspect" };
            let says = format!(
                "{domain}{source} asks receivers to {what} letters that only pretend to come from it"
            );
            if is_test {
                Finding::note(
                    About::Dmarc,
                    format_args!("{says}, but calls that a test (`t=y`), so they do one step less."),
                )
                .fix("When the reports show that your own letters pass, leave out `t=y`.")
            } else {
                Finding::good(About::Dmarc, format_args!("{says}."))
            }
        }
    }
}

async fn about_reports(dns: &Dns, found: &Found) -> Vec<Finding> {
    let Found { domain, record } = found;
    let is_told = record.spoilt_by().is_some() || record.unread.iter().any(|piece| is_tag(piece, "rua"));
    if record.reports.is_empty() && record.policy.is_some() && !is_told {
        let rua = format!("mailto:postmaster@{domain}");
        let says = format!(
            "the record of {domain} names no address for reports (`rua=`), so you will not see whether your \
            letters pass."
        );
        let finding = Finding::note(About::Dmarc, says)
            .fix(format!(
                "Replace it by the one below; put another address there if nobody reads postmaster@{domain}."
            ))
            .publish(record_name(domain), record.mended().with("rua", &rua));
        return vec![finding];
    }
    let mut destinations: Vec<String> =
        record.reports.iter().chain(&record.failures).filter_map(|uri| destination(uri)).collect();
    destinations.sort();
    destinations.dedup();
    destinations.truncate(DESTINATIONS_MAX);
    let mut findings = Vec::new();
    for destination in destinations {
        match agrees(dns, domain, &destination).await {
            Ok(true) => {}
            Ok(false) => findings.push(unwelcome(domain, &destination)),
            Err(error) => findings.push(Finding::cannot_tell(About::Dmarc, &error)),
        }
    }
    findings
}

fn consent_name(domain: &str, destination: &str) -> String {
    format!("{domain}._report._dmarc.{destination}")
}

/// RFC 9990 §4: another organisation has to say that it wants our reports.
async fn agrees(dns: &Dns, domain: &str, destination: &str) -> Result<bool, DnsError> {
    if destination == domain
        || organizational_domain(dns, domain).await? == organizational_domain(dns, destination).await?
    {
        return Ok(true);
    }
    Ok(dns.txt(&consent_name(domain, destination)).await?.iter().any(|text| is_dmarc(text)))
}

fn unwelcome(domain: &str, destination: &str) -> Finding {
    Finding::warn(
        About::Dmarc,
        format_args!(
            "reports about {domain} are to go to {destination}, which does not say that it wants them, so \
            they are not sent."
        ),
    )
    .fix(format!(
        "Whoever runs the DNS of {destination} has to publish the record below; a reporting service does so \
        for its customers. Otherwise name an address at {domain}."
    ))
    .publish(consent_name(domain, destination), "v=DMARC1")
}

/// RFC 9989 §4.4: SPF proves something only if the return domain belongs to the From domain.
async fn alignment(dns: &Dns, domain: &str, return_domain: &str, strictness: Alignment) -> Finding {
    let aligned = if domain == return_domain {
        Ok(true)
    } else if strictness == Alignment::Strict {
        Ok(false)
    } else {
        same_organization(dns, domain, return_domain).await
    };
    let name = record_name(domain);
    match aligned {
        Err(error) => Finding::cannot_tell(About::Dmarc, &error),
        Ok(true) => Finding::good(
            About::Dmarc,
            format_args!(
                "the return address at {return_domain} belongs to {domain}, so SPF speaks for your letters \
                too."
            ),
        ),
        Ok(false) if strictness == Alignment::Strict => Finding::note(
            About::Dmarc,
            format_args!(
                "the record of {domain} wants the very same domain in the return address (`aspf=s`), which \
                is {return_domain}, so only the DKIM signature speaks for your letters."
            ),
        )
        .fix("That is enough as long as the DKIM key is right. To let SPF speak too, leave out `aspf=s`."),
        Ok(false) => Finding::note(
            About::Dmarc,
            format_args!(
                "the return address at {return_domain} does not belong to {domain}, so only the DKIM \
                signature speaks for your letters."
            ),
        )
        .fix(format!(
            "That is enough as long as the DKIM key is right. To let SPF speak too, use a return address in \
            {domain}; if {return_domain} is in it, a record at {name} joins them."
        )),
    }
}

async fn same_organization(dns: &Dns, one: &str, other: &str) -> Result<bool, DnsError> {
    let (one, other) = tokio::join!(organizational_domain(dns, one), organizational_domain(dns, other));
    Ok(one? == other?)
}

#[cfg(test)]
mod tests;
