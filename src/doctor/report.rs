//! All that the DNS says about a newsletter's mail, as a list of findings.

use std::net::IpAddr;

use futures_util::future::join_all;

use crate::doctor::{
    dkim::{self, Idle, Key},
    dmarc,
    dns::{Dns, DnsError},
    finding::{About, Finding, Level},
    mx::{self, Purpose},
    server::{self, Server},
    spf,
};

/// Whose mail is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The domain of the From address.
    pub from_domain: String,
    /// The domain of the return address, where bounces go, if it is another one.
    pub return_domain: Option<String>,
    /// Our keys.
    pub keys: Vec<Key>,
    /// Keys that are made, and sign nothing.
    pub idle: Vec<Idle>,
    /// The name or address of the server that takes our letters, and its port; none if they become files.
    pub server: Option<(String, u16)>,
}

/// Asks the DNS about everything. The findings stand in a fixed order: the domain itself if it is unknown,
/// SPF, DKIM, DMARC, incoming mail, server, reverse DNS.
pub async fn examine(dns: &Dns, question: &Question) -> Vec<Finding> {
    let from = domain(&question.from_domain);
    let return_domain = question.return_domain.as_deref().map(domain).filter(|other| *other != from);
    let mut place = None;
    let mut server = Server { host: String::new(), public: Vec::new(), is_own: false };
    if let Some((host, port)) = &question.server {
        let host = domain(host);
        let addresses = server::addresses(dns, &host).await;
        place = Some(server::place(&host, *port, &addresses));
        server = seen(dns, host, addresses, &from).await;
    }

    let (unknown, spf, dkim, dmarc, mail, names) = tokio::join!(
        unknown(dns, &from),
        spf::examine(dns, return_domain.as_deref().unwrap_or(&from), &server),
        signatures(dns, &from, question),
        dmarc::examine(dns, &from, return_domain.as_deref()),
        incoming(dns, &from, return_domain.as_deref()),
        server::names(dns, &server),
    );
    let names = if place.is_some() { names } else { Vec::new() };
    [unknown, spf, dkim, dmarc, mail, place.into_iter().collect(), names].concat()
}

async fn seen(dns: &Dns, host: String, addresses: Result<Vec<IpAddr>, DnsError>, from: &str) -> Server {
    let organization = dmarc::walk::organizational_domain(dns, from).await;
    let organization = organization.unwrap_or_else(|_| from.to_string());
    let public =
        addresses.unwrap_or_default().into_iter().filter(|address| server::is_public(*address)).collect();
    Server { is_own: spf::check::is_at_or_below(&host, &organization), host, public }
}

/// Many servers take no letter from a domain that does not exist.
async fn unknown(dns: &Dns, domain: &str) -> Vec<Finding> {
    // Whatever else the DNS answers, the other findings tell.
    if !dns.denies(domain).await.unwrap_or(false) {
        return Vec::new();
    }
    let says =
        format!("there is no {domain}: nobody has registered that name, or nothing is published in it yet.");
    vec![Finding::bad(About::Domain, says).fix(
        "Compare it, letter by letter, with the one that you own, and see whether its registration has run out. If \
        it is yours, it is there as soon as you publish the records below.",
    )]
}

async fn signatures(dns: &Dns, from: &str, question: &Question) -> Vec<Finding> {
    let Question { keys, idle, server, .. } = question;
    let level = if keys.is_empty() && server.is_some() { Level::Warn } else { Level::Note };
    let mut findings = join_all(keys.iter().map(|key| dkim::examine(dns, from, key))).await;
    findings.extend(join_all(idle.iter().map(|key| dkim::examine_idle(dns, from, key, level))).await);
    if findings.is_empty() {
        findings.push(dkim::unsigned(from, server.is_some()));
    }
    findings
}

async fn incoming(dns: &Dns, from: &str, return_domain: Option<&str>) -> Vec<Finding> {
    match return_domain {
        None => vec![mx::examine(dns, from, Purpose::Both).await],
        Some(other) => {
            let (replies, bounces) = tokio::join!(
                mx::examine(dns, from, Purpose::Replies),
                mx::examine(dns, other, Purpose::Bounces)
            );
            vec![replies, bounces]
        }
    }
}

/// As the DNS writes it in its answers.
fn domain(typed: &str) -> String {
    typed.trim().trim_end_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::zone::Zone;

    const KEY: &str = "v=DKIM1; k=rsa; p=MIIBIjANBgkq";

    fn question() -> Question {
        Question {
            from_domain: "Far-Bank.example.".into(),
            return_domain: Some("b.far-bank.example".into()),
            keys: vec![Key { selector: "s1".into(), record: KEY.into() }],
            idle: Vec::new(),
            server: Some(("mail.far-bank.example".into(), 587)),
        }
    }

    fn well_kept() -> Zone {
        Zone::new()
            .address("mail.far-bank.example", "192.0.2.10")
            .ptr("192.0.2.10", "mail.far-bank.example")
            .mx("far-bank.example", 10, "mail.far-bank.example")
            .mx("b.far-bank.example", 10, "mail.far-bank.example")
            .txt("b.far-bank.example", "v=spf1 a:mail.far-bank.example -all")
            .txt("s1._domainkey.far-bank.example", KEY)
            .txt("_dmarc.far-bank.example", "v=DMARC1; p=reject; rua=mailto:dmarc@far-bank.example")
    }

    #[tokio::test]
    async fn a_well_kept_domain_has_nothing_to_mend() {
        let findings = examine(&well_kept().serve().await, &question()).await;
        let says: Vec<&str> = findings.iter().map(|finding| finding.says.as_str()).collect();
        assert_eq!(
            says,
            [
                "SPF: b.far-bank.example says who may send for it, and 192.0.2.10 is among them.",
                "DKIM: our key is published at s1._domainkey.far-bank.example, so receivers can check our \
                signature.",
                "DMARC: far-bank.example asks receivers to refuse letters that only pretend to come from it.",
                "DMARC: the return address at b.far-bank.example belongs to far-bank.example, so SPF speaks \
                for your letters too.",
                "Incoming mail: readers' replies to far-bank.example go to mail.far-bank.example.",
                "Incoming mail: bounces (letters that come back undelivered) to b.far-bank.example go to \
                mail.far-bank.example.",
                "Mail server: letters are handed to mail.far-bank.example (port 587), which is 192.0.2.10.",
                "Reverse DNS: 192.0.2.10 is called mail.far-bank.example, and that name leads back to \
                192.0.2.10.",
            ]
        );
        assert!(findings.iter().all(|finding| finding.level == Level::Good && finding.fix.is_none()));
    }

    #[tokio::test]
    async fn an_empty_domain_is_told_everything_to_publish() {
        let dns = Zone::new().address("mail.far-bank.example", "192.0.2.10").serve().await;
        let findings = examine(&dns, &Question { return_domain: None, ..question() }).await;
        let records: Vec<String> = findings
            .iter()
            .filter_map(|finding| finding.record.as_ref())
            .map(|record| format!("{} {} {}", record.name, record.kind, record.value))
            .collect();
        assert_eq!(
            records,
            [
                "far-bank.example TXT v=spf1 a:mail.far-bank.example ~all",
                "s1._domainkey.far-bank.example TXT v=DKIM1; k=rsa; p=MIIBIjANBgkq",
                "_dmarc.far-bank.example TXT v=DMARC1; p=none; rua=mailto:postmaster@far-bank.example",
            ]
        );
        let lost = findings.iter().find(|finding| finding.about == About::Mx).unwrap();
        assert_eq!(lost.level, Level::Bad);
    }

    #[tokio::test]
    async fn without_a_key_somebody_else_has_to_sign() {
        let dns = well_kept().serve().await;
        let findings = examine(&dns, &Question { keys: Vec::new(), ..question() }).await;
        let signature = findings.iter().find(|finding| finding.about == About::Dkim).unwrap();
        assert_eq!(signature.level, Level::Warn);
        assert!(signature.says.starts_with("DKIM: no key is set up here"));
        let files = Question { keys: Vec::new(), server: None, ..question() };
        let findings = examine(&dns, &files).await;
        assert_eq!(findings.iter().find(|finding| finding.about == About::Dkim).unwrap().level, Level::Note);
    }

    #[tokio::test]
    async fn a_key_that_is_to_sign_is_more_than_a_note_only_while_none_does() {
        let idle = vec![Idle {
            key: Key { selector: "s1".into(), record: KEY.into() },
            file: "data/dkim/s1.pem".into(),
        }];
        let dns = well_kept().txt("s2._domainkey.far-bank.example", KEY).serve().await;
        let levels = async |question: Question| {
            let findings = examine(&dns, &question).await;
            let keys = findings.into_iter().filter(|finding| finding.about == About::Dkim);
            keys.map(|finding| finding.level).collect::<Vec<_>>()
        };
        let first = Question { keys: Vec::new(), idle: idle.clone(), ..question() };
        assert_eq!(levels(first).await, [Level::Warn]);
        let second =
            Question { keys: vec![Key { selector: "s2".into(), record: KEY.into() }], idle, ..question() };
        assert_eq!(levels(second).await, [Level::Good, Level::Note]);
    }

    #[tokio::test]
    async fn a_domain_that_is_not_there_is_said_first() {
        let findings = examine(&Zone::new().serve().await, &question()).await;
        assert_eq!(findings[0].level, Level::Bad);
        assert!(findings[0].says.starts_with("Domain: there is no far-bank.example:"));
        assert!(findings[0].fix.as_ref().unwrap().contains("letter by letter"));
    }

    #[tokio::test]
    async fn a_return_domain_that_is_the_same_is_no_other() {
        let dns = well_kept().serve().await;
        let same = Question { return_domain: Some("FAR-BANK.example".into()), ..question() };
        let findings = examine(&dns, &same).await;
        assert_eq!(findings.iter().filter(|finding| finding.about == About::Mx).count(), 1);
        assert!(findings[0].says.starts_with("SPF: far-bank.example does not say who may send"));
    }

    #[tokio::test]
    async fn when_nothing_answers_every_part_says_that_it_cannot_tell() {
        let dns = Zone::new()
            .failing("mail.far-bank.example")
            .failing("far-bank.example")
            .failing("s1._domainkey.far-bank.example")
            .failing("_dmarc.far-bank.example")
            .serve()
            .await;
        let findings = examine(&dns, &Question { return_domain: None, ..question() }).await;
        assert_eq!(findings.len(), 5);
        for finding in findings {
            assert_eq!(finding.level, Level::Warn);
            assert!(finding.says.contains(": cannot tell, because the name servers of "), "{}", finding.says);
        }
    }

    #[tokio::test]
    async fn a_name_that_is_none_is_a_finding() {
        let dns = Zone::new().serve().await;
        let findings =
            examine(&dns, &Question { from_domain: "far..bank".into(), return_domain: None, ..question() })
                .await;
        assert!(findings[0].says.contains("cannot tell, because `far..bank` is not a domain name"));
    }
}
