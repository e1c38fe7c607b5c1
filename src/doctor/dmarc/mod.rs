//! What becomes of letters that only pretend to come from a domain, and whether ours prove that they do
//! (RFC 9989).

pub mod record;
pub mod walk;

use crate::doctor::{
    dns::{Dns, DnsError},
    finding::{About, Finding, listed},
};
use record::{Alignment, DmarcRecord, Policy, PublicSuffix, destination, is_dmarc};
use walk::{Found, organizational_domain, policy, record_name};

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
            findings.extend(about_policy(domain, found));
            findings.extend(about_reports(dns, found).await);
        }
        None if own == Own::Spoilt => {}
        None => findings.push(missing(domain)),
    }
    if let Some(return_domain) = return_domain {
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

fn missing(domain: &str) -> Finding {
    Finding::bad(
        About::Dmarc,
        format_args!(
            "{domain} does not say what becomes of letters that only pretend to come from it; Gmail, Yahoo \
            and Outlook ask that of everybody who sends much."
        ),
    )
    .fix(format!(
        "Publish the record below. It asks for nothing but reports, which go to postmaster@{domain}; put \
        another address there if nobody reads that one."
    ))
    .publish(record_name(domain), format!("v=DMARC1; p=none; rua=mailto:postmaster@{domain}"))
}

fn about_policy(domain: &str, found: &Found) -> Vec<Finding> {
    let Found { domain: at, record } = found;
    let name = record_name(at);
    let policy = if at == domain { record.policy } else { record.policy_below() };
    let mut findings = vec![match policy {
        None if record.reports.is_empty() => Finding::bad(
            About::Dmarc,
            format_args!(
                "the record at {name} asks for nothing (it has neither `p=` nor `rua=` that can be read), so \
                receivers skip it."
            ),
        )
        .fix("Replace it by the one below.")
        .publish(&name, record.with("p", "none")),
        None => Finding::warn(
            About::Dmarc,
            format_args!(
                "the record at {name} has no `p=` that can be read, so it counts as `p=none`, and not every \
                receiver takes it."
            ),
        )
        .fix("Replace it by the one below.")
        .publish(&name, record.with("p", "none")),
        Some(policy) => said(domain, at, policy, record.is_test),
    }];
    let unread = record.unread.iter().filter(|piece| policy.is_some() || !piece.starts_with("p="));
    findings.extend(unread.map(|piece| unreadable(&name, piece)));
    findings.extend(given_up(&name, record));
    findings
}

fn unreadable(name: &str, piece: &str) -> Finding {
    // RFC 9989 §4.10.1: a policy for the domains below that cannot be read spoils the whole.
    let consequence = match piece.get(..2) {
        Some("sp" | "np") => "so receivers take the record for `p=none`, or skip it",
        _ => "so it counts as missing",
    };
    let fix = match piece.get(..2) {
        Some("sp" | "np") => "Write `none`, `quarantine` or `reject`, or leave it out.",
        Some("ru") => {
            "Write each address with `mailto:` before it, as in `rua=mailto:postmaster@a.example`, \
            and a comma between two."
        }
        _ => "Correct it or leave it out.",
    };
    let says = format!("`{piece}` in the record at {name} cannot be read, {consequence}.");
    Finding::warn(About::Dmarc, says).fix(fix)
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
    Some(finding.fix("Leave it out when you next change the record.").publish(name, record.without(&names)))
}

fn said(domain: &str, at: &str, policy: Policy, is_test: bool) -> Finding {
    let source =
        if at == domain { String::new() } else { format!(" (by the record of {at}, to which it belongs)") };
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
    if record.reports.is_empty()
        && record.policy.is_some()
        && !record.unread.iter().any(|p| p.starts_with("rua"))
    {
        let rua = format!("mailto:postmaster@{domain}");
        let says = format!(
            "the record of {domain} names no address for reports (`rua=`), so you will not see whether your \
            letters pass."
        );
        let finding = Finding::note(About::Dmarc, says)
            .fix(format!(
                "Replace it by the one below; put another address there if nobody reads postmaster@{domain}."
            ))
            .publish(record_name(domain), record.with("rua", &rua));
        return vec![finding];
    }
    let mut destinations: Vec<String> =
        record.reports.iter().chain(&record.failures).filter_map(|uri| destination(uri)).collect();
    destinations.sort();
    destinations.dedup();
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
