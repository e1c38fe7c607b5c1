//! The walk up the names of a domain to the record that counts (RFC 9989 §4.10).

use super::record::{DmarcRecord, PublicSuffix};
use crate::doctor::dns::{Dns, DnsError};

/// Names asked for in one walk (RFC 9989 §4.10).
const STEPS_MAX: usize = 8;

/// A record, and the domain that published it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The domain, without `_dmarc.`.
    pub domain: String,
    /// Its record.
    pub record: DmarcRecord,
}

/// Where the record of `domain` stands.
pub fn record_name(domain: &str) -> String {
    format!("_dmarc.{domain}")
}

/// The domain that speaks for the whole organisation (RFC 9989 §4.10.2).
pub async fn organizational_domain(dns: &Dns, domain: &str) -> Result<String, DnsError> {
    Ok(organization(domain, &walk(dns, domain).await?))
}

/// The record that counts for letters from `domain` (RFC 9989 §4.10.1): its own, that of its
/// organisation, or that of the public suffix above.
pub async fn policy(dns: &Dns, domain: &str) -> Result<Option<Found>, DnsError> {
    if let Some(record) = record_at(dns, domain).await? {
        return Ok(Some(Found { domain: domain.to_string(), record }));
    }
    let mut found = walk(dns, domain).await?;
    let organization = organization(domain, &found);
    let is_suffix = |found: &Found| found.record.public_suffix == PublicSuffix::Yes;
    let place = found
        .iter()
        .position(|found| found.domain == organization)
        .or_else(|| found.iter().position(is_suffix));
    Ok(place.map(|place| found.swap_remove(place)))
}

/// RFC 9989 §4.10, steps 2 and 6: several records are as good as none.
async fn record_at(dns: &Dns, domain: &str) -> Result<Option<DmarcRecord>, DnsError> {
    let texts = dns.txt(&record_name(domain)).await?;
    let records: Vec<DmarcRecord> = texts.iter().filter_map(|text| DmarcRecord::parse(text)).collect();
    Ok(<[DmarcRecord; 1]>::try_from(records).ok().map(|[record]| record))
}

/// The records on the way up, the lowest first.
async fn walk(dns: &Dns, domain: &str) -> Result<Vec<Found>, DnsError> {
    let mut found = Vec::new();
    for domain in steps(domain) {
        let Some(record) = record_at(dns, &domain).await? else { continue };
        let ends = record.public_suffix != PublicSuffix::Unsaid;
        found.push(Found { domain, record });
        if ends {
            break;
        }
    }
    Ok(found)
}

/// The domains asked on the way up: itself, then those above it, of at most seven labels.
fn steps(domain: &str) -> Vec<String> {
    let labels: Vec<&str> = domain.split('.').collect();
    let above = (labels.len() - 1).min(STEPS_MAX - 1);
    let mut steps = vec![domain.to_string()];
    steps.extend((1..=above).rev().map(|count| last_labels(&labels, count)));
    steps
}

fn organization(domain: &str, found: &[Found]) -> String {
    for Found { domain: at, record } in found {
        match record.public_suffix {
            PublicSuffix::No => return at.clone(),
            PublicSuffix::Yes if at != domain => {
                let labels: Vec<&str> = domain.split('.').collect();
                return last_labels(&labels, at.split('.').count() + 1);
            }
            _ => {}
        }
    }
    found.last().map_or(domain, |found| &found.domain).to_string()
}

fn last_labels(labels: &[&str], count: usize) -> String {
    labels[labels.len().saturating_sub(count)..].join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::zone::Zone;

    async fn organization_in(zone: Zone, domain: &str) -> String {
        organizational_domain(&zone.serve().await, domain).await.unwrap()
    }

    fn with(records: &[(&str, &str)]) -> Zone {
        records.iter().fold(Zone::new(), |zone, (domain, tags)| {
            zone.txt(&record_name(domain), &format!("v=DMARC1; p=none{tags}"))
        })
    }

    #[test]
    fn a_long_name_is_shortened_to_seven_labels() {
        let wanted = [
            "a.b.c.d.e.f.g.h.i.j.mail.example.com",
            "g.h.i.j.mail.example.com",
            "h.i.j.mail.example.com",
            "i.j.mail.example.com",
            "j.mail.example.com",
            "mail.example.com",
            "example.com",
            "com",
        ];
        assert_eq!(steps(wanted[0]), wanted);
    }

    #[test]
    fn names_of_up_to_eight_labels_are_walked_one_by_one() {
        assert_eq!(steps("com"), ["com"]);
        assert_eq!(
            steps("a.mail.example.com"),
            ["a.mail.example.com", "mail.example.com", "example.com", "com"]
        );
        let eight = steps("a.b.c.d.e.f.g.com");
        assert_eq!((eight.len(), eight[1].as_str()), (8, "b.c.d.e.f.g.com"));
        let nine = steps("a.b.c.d.e.f.g.h.com");
        assert_eq!((nine.len(), nine[1].as_str()), (8, "c.d.e.f.g.h.com"));
    }

    #[tokio::test]
    async fn the_examples_of_the_rfc_hold() {
        let start = "a.mail.example.com";
        let highest = with(&[("mail.example.com", ""), ("example.com", "")]);
        assert_eq!(organization_in(highest, start).await, "example.com");
        let said = with(&[("mail.example.com", "; psd=n"), ("example.com", "")]);
        assert_eq!(organization_in(said, start).await, "mail.example.com");
        let below_suffix = with(&[("com", "; psd=y")]);
        assert_eq!(organization_in(below_suffix, start).await, "example.com");
        let deeper_suffix = with(&[("example.com", "; psd=y")]);
        assert_eq!(organization_in(deeper_suffix, start).await, "mail.example.com");
    }

    #[tokio::test]
    async fn without_a_record_a_domain_is_its_own_organization() {
        assert_eq!(organization_in(Zone::new(), "a.mail.example.com").await, "a.mail.example.com");
    }

    #[tokio::test]
    async fn a_suffix_that_sends_itself_is_its_own_organization() {
        assert_eq!(organization_in(with(&[("gov.example", "; psd=y")]), "gov.example").await, "gov.example");
    }

    #[tokio::test]
    async fn two_records_at_a_name_are_as_good_as_none() {
        let zone = with(&[("example.com", "; psd=n"), ("example.com", ""), ("com", "; psd=y")]);
        assert_eq!(organization_in(zone, "mail.example.com").await, "example.com");
        let zone = with(&[("a.example.com", ""), ("a.example.com", "; psd=n")]);
        let found = policy(&zone.serve().await, "a.example.com").await.unwrap();
        assert_eq!(found, None);
    }

    #[tokio::test]
    async fn the_own_record_counts_before_that_of_the_organization() {
        let found_at = async |records: &[(&str, &str)]| {
            let dns = with(records).serve().await;
            policy(&dns, "a.mail.example.com").await.unwrap().map(|found| found.domain)
        };
        let own = [("a.mail.example.com", ""), ("example.com", "")];
        assert_eq!(found_at(&own).await.as_deref(), Some("a.mail.example.com"));
        // What stands between the domain and its organisation does not count.
        let between = [("mail.example.com", ""), ("example.com", "")];
        assert_eq!(found_at(&between).await.as_deref(), Some("example.com"));
        let suffix = [("com", "; psd=y")];
        assert_eq!(found_at(&suffix).await.as_deref(), Some("com"));
        assert_eq!(found_at(&[]).await, None);
    }

    #[tokio::test]
    async fn a_dns_failure_ends_the_walk() {
        let dns = with(&[("com", ""), ("b.example.com", "")]).failing("_dmarc.example.com").serve().await;
        assert!(organizational_domain(&dns, "a.example.com").await.is_err());
        assert!(policy(&dns, "a.example.com").await.is_err());
        // The own record counts, whatever those above would say.
        assert!(policy(&dns, "b.example.com").await.unwrap().is_some());
    }
}
