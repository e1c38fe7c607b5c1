//! The server that takes our letters: its addresses, and whether their names lead back (forward-confirmed
//! reverse DNS). It is not called; only the DNS is asked.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::future::join_all;

use crate::doctor::{
    dns::{Dns, DnsError},
    finding::{About, Finding, listed},
};

/// Addresses whose names are looked at: a large provider has many.
const ADDRESSES_MAX: usize = 4;
/// Names of one address that are followed.
const NAMES_MAX: usize = 10;

/// The configured server and what the DNS says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name, or an address.
    pub host: String,
    /// The addresses that the world can see.
    pub public: Vec<IpAddr>,
    /// Whether its name lies in the sender's own domain.
    pub is_own: bool,
}

impl Server {
    /// The word that lets it send, in an SPF record (RFC 7208 §5.3, §5.6).
    pub fn spf_term(&self) -> String {
        match self.host.parse() {
            Ok(IpAddr::V4(v4)) => format!("ip4:{v4}"),
            Ok(IpAddr::V6(v6)) => format!("ip6:{v6}"),
            Err(_) => format!("a:{}", self.host),
        }
    }
}

/// The addresses of a host, which may be an address itself.
pub async fn addresses(dns: &Dns, host: &str) -> Result<Vec<IpAddr>, DnsError> {
    match host.parse::<IpAddr>() {
        Ok(address) => Ok(vec![address]),
        // RFC 6761 §6.3: this computer, whatever the DNS says.
        Err(_) if host == "localhost" || host.ends_with(".localhost") => {
            Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])
        }
        Err(_) => dns.addresses(host).await,
    }
}

/// Whether the world can see the address; those for examples (RFC 5737, RFC 3849) count.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0b1100_0000 == 64; // RFC 6598 §7
            !(shared || v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified())
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified())
        }
    }
}

/// Where the server is.
pub fn place(host: &str, port: u16, addresses: &Result<Vec<IpAddr>, DnsError>) -> Finding {
    let addresses = match addresses {
        Ok(addresses) => addresses,
        Err(error) => return Finding::cannot_tell(About::Server, error),
    };
    let public = addresses.iter().any(|address| is_public(*address));
    match addresses.as_slice() {
        // Not bad yet: this computer may know it all the same, by its hosts file.
        [] => Finding::warn(
            About::Server,
            format_args!(
                "the DNS knows no address of {host}, so letters can be handed to it only if this computer knows one."
            ),
        )
        .fix("Compare the name in the configuration, letter by letter, with the one your provider gives."),
        _ if !public => Finding::note(
            About::Server,
            format_args!(
                "{host} (port {port}) stands on this computer or network, so it cannot be told from here \
                which address readers' servers see."
            ),
        ),
        [address] if address.to_string() == host => {
            Finding::good(About::Server, format_args!("letters are handed to {host} (port {port})."))
        }
        several => Finding::good(
            About::Server,
            format_args!("letters are handed to {host} (port {port}), which is {}.", listed(several)),
        ),
    }
}

/// What the owners of the server's addresses call them. Receivers want a name that leads back to the
/// address, but of the server that calls them, which may be another one.
pub async fn names(dns: &Dns, server: &Server) -> Vec<Finding> {
    join_all(server.public.iter().take(ADDRESSES_MAX).map(|address| named(dns, server, *address))).await
}

async fn named(dns: &Dns, server: &Server, address: IpAddr) -> Finding {
    match confirmed(dns, address).await {
        Err(error) => Finding::cannot_tell(About::Ptr, &error),
        Ok((_, Some(name))) => Finding::good(
            About::Ptr,
            format_args!("{address} is called {name}, and that name leads back to {address}."),
        ),
        Ok((names, None)) => {
            let what = match names.as_slice() {
                [] => format!("{address} has no name"),
                names => format!("{address} is called {}, which does not lead back to it", listed(names)),
            };
            let says = format!(
                "{what}; if this server itself sends to readers, Gmail and others will refuse its letters."
            );
            let fix = format!(
                "If it sends to readers itself, ask whoever rents you the server to set the reverse DNS (the \
                PTR record) of {address} to a name of the server, and give that name the address {address}. \
                If it passes letters to other servers, nothing has to be done."
            );
            if server.is_own { Finding::warn(About::Ptr, says) } else { Finding::note(About::Ptr, says) }
                .fix(fix)
        }
    }
}

/// The names of an address, and the first of them that leads back to it.
async fn confirmed(dns: &Dns, address: IpAddr) -> Result<(Vec<String>, Option<String>), DnsError> {
    let names = dns.ptr(address).await?;
    let mut failed = None;
    for name in names.iter().take(NAMES_MAX) {
        match dns.addresses_like(address, name).await {
            Ok(addresses) if addresses.contains(&address) => {
                let name = name.clone();
                return Ok((names, Some(name)));
            }
            Ok(_) => {}
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok((names, None)), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{finding::Level, zone::Zone};

    fn server(host: &str, address: &str, is_own: bool) -> Server {
        Server { host: host.into(), public: vec![address.parse().unwrap()], is_own }
    }

    #[tokio::test]
    async fn a_name_that_leads_back_is_good() {
        let dns = Zone::new()
            .ptr("192.0.2.10", "mail.a.example")
            .address("mail.a.example", "192.0.2.10")
            .serve()
            .await;
        let findings = names(&dns, &server("mail.a.example", "192.0.2.10", true)).await;
        assert_eq!(findings[0].level, Level::Good);
        let says =
            "Reverse DNS: 192.0.2.10 is called mail.a.example, and that name leads back to 192.0.2.10.";
        assert_eq!(findings[0].says, says);
    }

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_matters_only_if_the_server_sends_itself() {
        let dns = Zone::new()
            .ptr("192.0.2.10", "x.host.example")
            .address("x.host.example", "192.0.2.99")
            .serve()
            .await;
        let own = names(&dns, &server("mail.a.example", "192.0.2.10", true)).await;
        assert_eq!(own[0].level, Level::Warn);
        assert!(own[0].says.contains("is called x.host.example, which does not lead back to it"));
        let relay = names(&dns, &server("smtp.relay.example", "192.0.2.10", false)).await;
        assert_eq!(relay[0].level, Level::Note);
        assert!(relay[0].says.contains("if this server itself sends to readers"));
    }

    #[tokio::test]
    async fn an_address_without_a_name_is_told() {
        let findings =
            names(&Zone::new().serve().await, &server("mail.a.example", "2001:db8::1", true)).await;
        assert!(findings[0].says.starts_with("Reverse DNS: 2001:db8::1 has no name;"));
    }

    #[tokio::test]
    async fn a_dns_failure_is_a_finding() {
        let dns = Zone::new().failing("10.2.0.192.in-addr.arpa").serve().await;
        let findings = names(&dns, &server("mail.a.example", "192.0.2.10", true)).await;
        assert!(findings[0].says.starts_with("Reverse DNS: cannot tell, because"));
        let one_of_two = Zone::new()
            .ptr("192.0.2.10", "a.away.example")
            .ptr("192.0.2.10", "mail.a.example")
            .failing("a.away.example")
            .address("mail.a.example", "192.0.2.10");
        let findings = names(&one_of_two.serve().await, &server("mail.a.example", "192.0.2.10", true)).await;
        assert_eq!(findings[0].level, Level::Good);
        let failed = dns.addresses("10.2.0.192.in-addr.arpa").await;
        assert!(place("a.example", 25, &failed).says.starts_with("Mail server: cannot tell"));
    }

    #[tokio::test]
    async fn the_place_of_the_server_is_told() {
        let dns = Zone::new().address("smtp.a.example", "192.0.2.10").serve().await;
        for (host, level, says) in [
            (
                "smtp.a.example",
                Level::Good,
                "letters are handed to smtp.a.example (port 587), which is 192.0.2.10.",
            ),
            ("192.0.2.7", Level::Good, "letters are handed to 192.0.2.7 (port 587)."),
            ("127.0.0.1", Level::Note, "stands on this computer or network"),
            ("localhost", Level::Note, "stands on this computer or network"),
            ("stmp.a.example", Level::Warn, "the DNS knows no address of stmp.a.example"),
        ] {
            let finding = place(host, 587, &addresses(&dns, host).await);
            assert_eq!(finding.level, level, "{host}");
            assert!(finding.says.contains(says), "{}", finding.says);
        }
    }

    #[test]
    fn addresses_of_private_networks_are_not_public() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "100.64.0.1",
            "169.254.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["192.0.2.1", "100.128.0.1", "2001:db8::1"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn the_word_for_a_server_fits_its_name() {
        assert_eq!(server("mail.a.example", "192.0.2.1", true).spf_term(), "a:mail.a.example");
        assert_eq!(server("192.0.2.1", "192.0.2.1", true).spf_term(), "ip4:192.0.2.1");
        assert_eq!(server("2001:db8::1", "2001:db8::1", true).spf_term(), "ip6:2001:db8::1");
    }
}
