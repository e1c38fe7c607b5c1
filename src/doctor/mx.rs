//! Whether letters to a domain arrive: readers' replies, and bounces from their servers (RFC 5321 §5.1).

use std::net::IpAddr;

use futures_util::future::try_join_all;

use crate::doctor::{
    dns::{Dns, DnsError, MailExchange},
    finding::{About, Finding, listed},
    server::is_public,
};

/// Which letters have to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// What readers answer.
    Replies,
    /// What their servers send back.
    Bounces,
    /// Both.
    Both,
}

impl Purpose {
    fn words(self) -> &'static str {
        match self {
            Self::Replies => "readers' replies",
            Self::Bounces => "bounces (letters that come back undelivered)",
            Self::Both => "readers' replies and bounces (letters that come back undelivered)",
        }
    }
}

/// Where letters to `domain` go.
pub async fn examine(dns: &Dns, domain: &str, purpose: Purpose) -> Finding {
    judged(dns, domain, purpose).await.unwrap_or_else(|error| Finding::cannot_tell(About::Mx, &error))
}

async fn judged(dns: &Dns, domain: &str, purpose: Purpose) -> Result<Finding, DnsError> {
    let exchanges = dns.mx(domain).await?;
    let what = purpose.words();
    if exchanges.is_empty() {
        return without_exchange(dns, domain, what).await;
    }
    // RFC 7505 §3: the name of nobody means that no mail is wanted; it stands alone.
    let (nobody, somebody): (Vec<_>, Vec<_>) =
        exchanges.into_iter().partition(|exchange| exchange.host.is_empty());
    if somebody.is_empty() {
        let says =
            format!("{domain} says that it takes no mail at all (its MX record is `.`), so {what} are lost.");
        return Ok(Finding::bad(About::Mx, says).fix(format!(
            "Delete that MX record, and publish one that names the server of your mailbox at {domain}."
        )));
    }
    if !nobody.is_empty() {
        let says = format!(
            "{domain} says both that it takes no mail (an MX record that is `.`) and where its mail goes, so \
            {what} may be lost."
        );
        return Ok(Finding::bad(About::Mx, says).fix("Delete the MX record that is `.`."));
    }
    with_exchanges(dns, domain, what, &somebody).await
}

async fn with_exchanges(
    dns: &Dns,
    domain: &str,
    what: &str,
    exchanges: &[MailExchange],
) -> Result<Finding, DnsError> {
    let lost = out_of_reach(dns, exchanges).await?;
    let aliases = aliases(dns, exchanges).await?;
    let hosts: Vec<&str> = exchanges.iter().map(|exchange| exchange.host.as_str()).collect();
    let addresses: Vec<&str> = lost.iter().copied().filter(|host| host.parse::<IpAddr>().is_ok()).collect();
    Ok(if let [address, ..] = addresses.as_slice() {
        // RFC 5321 §5.1: what an MX record names is a name.
        let says = format!(
            "an MX record of {domain} names the address {address}, where a server's name belongs, so {what} may \
            be lost."
        );
        Finding::bad(About::Mx, says).fix(format!(
            "Put the name of the server into the MX record, as in `mail.{domain}`, and publish an A record \
            that gives that name the address {address}."
        ))
    } else if lost.len() == hosts.len() {
        Finding::bad(
            About::Mx,
            format_args!(
                "mail for {domain} is to go to {}, which has no address that the world can reach, so {what} are \
                lost.",
                listed(&lost)
            ),
        )
        .fix(
            "Compare the name in the MX record (it says where a domain's mail goes) with the one your \
            mailbox provider gives.",
        )
    } else if !lost.is_empty() {
        Finding::warn(
            About::Mx,
            format_args!(
                "{what} to {domain} go to {}, but {} has no address that the world can reach.",
                listed(&hosts),
                listed(&lost)
            ),
        )
        .fix(format!("Correct or delete the MX record that names {}.", listed(&lost)))
    } else if let [(host, target), ..] = aliases.as_slice() {
        // RFC 2181 §10.3.
        Finding::warn(
            About::Mx,
            format_args!(
                "{what} to {domain} go to {}, but {host} is an alias (CNAME), which some servers do not follow.",
                listed(&hosts)
            ),
        )
        .fix(format!("Name {target} in the MX record, in the place of {host}."))
    } else {
        Finding::good(About::Mx, format_args!("{what} to {domain} go to {}.", listed(&hosts)))
    })
}

async fn without_exchange(dns: &Dns, domain: &str, what: &str) -> Result<Finding, DnsError> {
    let fix = format!(
        "Publish an MX record (it says where a domain's mail goes) for {domain}; your mailbox provider says \
        which."
    );
    Ok(match dns.addresses(domain).await?.as_slice() {
        [] => Finding::bad(
            About::Mx,
            format_args!("{domain} has neither an MX record nor an address, so {what} are lost."),
        ),
        // RFC 5321 §5.1: without an MX record the domain itself is tried.
        addresses => Finding::warn(
            About::Mx,
            format_args!(
                "{domain} has no MX record, so {what} are tried at its own address, {}; they arrive only if \
                a mail server listens there.",
                listed(addresses)
            ),
        ),
    }
    .fix(fix))
}

async fn out_of_reach<'a>(dns: &Dns, exchanges: &'a [MailExchange]) -> Result<Vec<&'a str>, DnsError> {
    let all = try_join_all(exchanges.iter().map(|exchange| dns.addresses(&exchange.host))).await?;
    let is_lost = |addresses: &Vec<IpAddr>| !addresses.iter().any(|address| is_public(*address));
    let lost = exchanges.iter().zip(all).filter(|(_, addresses)| is_lost(addresses));
    Ok(lost.map(|(exchange, _)| exchange.host.as_str()).collect())
}

/// The names that are aliases, each with its target.
async fn aliases<'a>(dns: &Dns, exchanges: &'a [MailExchange]) -> Result<Vec<(&'a str, String)>, DnsError> {
    let all = try_join_all(exchanges.iter().map(|exchange| dns.alias(&exchange.host))).await?;
    let found = exchanges.iter().zip(all);
    Ok(found.filter_map(|(exchange, target)| Some((exchange.host.as_str(), target?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{finding::Level, zone::Zone};

    async fn judge(zone: Zone) -> (Level, String) {
        let finding = examine(&zone.serve().await, "a.example", Purpose::Replies).await;
        (finding.level, finding.says)
    }

    #[tokio::test]
    async fn a_mail_exchange_with_an_address_is_good() {
        let zone = Zone::new().mx("a.example", 10, "mx.b.example").address("mx.b.example", "2001:db8::1");
        let says = "Incoming mail: readers' replies to a.example go to mx.b.example.";
        assert_eq!(judge(zone).await, (Level::Good, says.into()));
    }

    #[tokio::test]
    async fn a_mail_exchange_without_an_address_loses_mail() {
        let zone = Zone::new().mx("a.example", 10, "mx.b.example");
        let (level, says) = judge(zone).await;
        assert_eq!(level, Level::Bad);
        assert!(says.contains("is to go to mx.b.example, which has no address that the world"), "{says}");
        let (level, _) =
            judge(Zone::new().mx("a.example", 10, "mx.b.example").address("mx.b.example", "10.0.0.7")).await;
        assert_eq!(level, Level::Bad);
        let half = Zone::new()
            .mx("a.example", 10, "mx.b.example")
            .mx("a.example", 20, "old.b.example")
            .address("mx.b.example", "192.0.2.1");
        let (level, says) = judge(half).await;
        assert_eq!(level, Level::Warn);
        assert!(says.ends_with("but old.b.example has no address that the world can reach."), "{says}");
    }

    #[tokio::test]
    async fn a_null_exchange_is_bad() {
        let (level, says) = judge(Zone::new().mx("a.example", 0, ".")).await;
        assert_eq!(level, Level::Bad);
        assert!(says.contains("takes no mail at all"), "{says}");
        let both = Zone::new().mx("a.example", 0, ".").mx("a.example", 10, "mx.b.example");
        let (level, says) = judge(both).await;
        assert_eq!(level, Level::Bad);
        assert!(says.contains("says both that it takes no mail"), "{says}");
    }

    #[tokio::test]
    async fn a_mail_exchange_is_a_name_and_no_address_or_alias() {
        let (level, says) = judge(Zone::new().mx("a.example", 10, "192.0.2.1")).await;
        assert_eq!(level, Level::Bad);
        assert!(says.contains("names the address 192.0.2.1, where a server's name belongs"), "{says}");
        // As a resolver hands it on: the alias, and what its target has.
        let zone = Zone::new()
            .mx("a.example", 10, "mx.a.example")
            .alias("mx.a.example", "mx.b.example")
            .address("mx.b.example", "192.0.2.1");
        let finding = examine(&zone.serve().await, "a.example", Purpose::Replies).await;
        assert_eq!(finding.level, Level::Warn);
        assert!(finding.says.contains("mx.a.example is an alias (CNAME)"), "{}", finding.says);
        assert!(finding.fix.unwrap().starts_with("Name mx.b.example in the MX record"));
    }

    #[tokio::test]
    async fn without_an_exchange_the_domain_itself_is_tried() {
        let (level, says) = judge(Zone::new().address("a.example", "192.0.2.1")).await;
        assert_eq!(level, Level::Warn);
        assert!(says.contains("tried at its own address, 192.0.2.1;"), "{says}");
    }

    #[tokio::test]
    async fn without_exchange_and_address_nothing_arrives() {
        let says =
            "Incoming mail: a.example has neither an MX record nor an address, so readers' replies are lost.";
        assert_eq!(judge(Zone::new()).await, (Level::Bad, says.into()));
    }

    #[tokio::test]
    async fn a_dns_failure_is_a_finding() {
        let (level, says) = judge(Zone::new().failing("a.example")).await;
        assert_eq!(level, Level::Warn);
        assert!(
            says.starts_with("Incoming mail: cannot tell, because the name servers of a.example"),
            "{says}"
        );
    }
}
