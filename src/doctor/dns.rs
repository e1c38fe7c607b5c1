//! Questions to the DNS. No search domains and no hosts file: every name is meant as it is written.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{DnsError as Refusal, NetError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RData, RecordType},
    system_conf::read_system_conf,
};
use tokio::time::timeout;

/// For one question, with all its retries.
const PATIENCE: Duration = Duration::from_secs(5);
/// For one try, so that a lost packet leaves time for another.
const TRY: Duration = Duration::from_secs(2);

/// A resolver: the system's name servers, or one given.
#[derive(Clone)]
pub struct Dns {
    resolver: TokioResolver,
    patience: Duration,
}

/// The DNS did not answer. That a name or a record does not exist is an answer, not an error.
/// `Display` fits after "because".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// No answer in time.
    #[error("no name server answered for {name} within {} seconds", PATIENCE.as_secs())]
    Silence {
        /// What was asked for.
        name: String,
    },
    /// The name server answers that it cannot answer: SERVFAIL, REFUSED and the like.
    #[error("the name servers of {name} do not work ({answer})")]
    Failure {
        /// What was asked for.
        name: String,
        /// The answer in the words of the DNS.
        answer: String,
    },
    /// No name server can be reached, or its answer cannot be read.
    #[error("the question for {name} did not get through ({why})")]
    Unreachable {
        /// What was asked for.
        name: String,
        /// In the words of the system.
        why: String,
    },
    /// What was to be asked for is not a name.
    #[error("`{name}` is not a domain name")]
    NotAName {
        /// What was to be asked for.
        name: String,
    },
    /// The system's own settings cannot be read.
    #[error("this computer does not say which name servers to ask ({why})")]
    System {
        /// In the words of the system.
        why: String,
    },
}

/// One server that takes mail for a domain (RFC 5321 §5.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailExchange {
    /// Lower is asked first.
    pub preference: u16,
    /// Its name, or empty: "no mail here" (RFC 7505 §3).
    pub host: String,
}

impl Dns {
    /// Asks the name servers that the system asks.
    pub fn system() -> Result<Self, DnsError> {
        let (config, _) = read_system_conf().map_err(|e| DnsError::System { why: e.to_string() })?;
        Self::asking(config.into_parts().2)
    }

    /// Asks this name server only, over UDP and, for long answers, TCP.
    pub fn at(address: SocketAddr) -> Result<Self, DnsError> {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = address.port();
            connection
        });
        Self::asking(vec![NameServerConfig::new(address.ip(), true, connections.into())])
    }

    fn asking(servers: Vec<NameServerConfig>) -> Result<Self, DnsError> {
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let mut options = ResolverOpts::default();
        options.timeout = TRY;
        options.use_hosts_file = ResolveHosts::Never;
        let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
            .map_err(|e| DnsError::System { why: e.to_string() })?;
        Ok(Self { resolver, patience: PATIENCE })
    }

    /// Whether it knows the name servers of the root, without which it knows nobody (RFC 8109 §3).
    pub async fn knows_the_world(&self) -> bool {
        self.ask(Name::root(), RecordType::NS).await.is_ok_and(|found| !found.is_empty())
    }

    /// Whether the DNS says that there is no such name, nor any below it (RFC 8020 §2).
    pub async fn denies(&self, name: &str) -> Result<bool, DnsError> {
        let mut asked = absolute(name)?;
        asked.set_fqdn(true);
        match timeout(self.patience, self.resolver.lookup(asked, RecordType::A)).await {
            Ok(Ok(_)) => Ok(false),
            Ok(Err(error)) if error.is_no_records_found() => Ok(error.is_nx_domain()),
            Ok(Err(error)) => Err(failure(name.to_string(), &error)),
            Err(_) => Err(DnsError::Silence { name: name.to_string() }),
        }
    }

    /// The TXT records, the strings of each joined (RFC 7208 §3.3). Name servers give them in any order,
    /// so they are sorted.
    pub async fn txt(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let records = self.ask(absolute(name)?, RecordType::TXT).await?;
        let mut texts: Vec<String> = records
            .iter()
            .filter_map(|data| match data {
                RData::TXT(txt) => Some(readable(&txt.txt_data.concat())),
                _ => None,
            })
            .collect();
        texts.sort();
        Ok(texts)
    }

    /// `name.domain`, if a record `is_meant` stands there: a panel that adds the domain to a name that has
    /// it already puts it there.
    pub async fn doubled(&self, name: &str, domain: &str, is_meant: impl Fn(&str) -> bool) -> Option<String> {
        let doubled = format!("{name}.{domain}");
        let texts = self.txt(&doubled).await.unwrap_or_default();
        texts.iter().any(|text| is_meant(text)).then_some(doubled)
    }

    /// The name for which a name is an alias (CNAME, RFC 1034 §3.6.2).
    pub async fn alias(&self, name: &str) -> Result<Option<String>, DnsError> {
        let records = self.ask(absolute(name)?, RecordType::CNAME).await?;
        Ok(records.iter().find_map(|data| match data {
            RData::CNAME(target) => Some(plain(&target.0)),
            _ => None,
        }))
    }

    /// The addresses of both families, in order.
    pub async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, DnsError> {
        let (v4, v6) = tokio::join!(
            self.some_addresses(name, RecordType::A),
            self.some_addresses(name, RecordType::AAAA)
        );
        Ok([v4?, v6?].concat())
    }

    /// The addresses of the family to which `like` belongs.
    pub async fn addresses_like(&self, like: IpAddr, name: &str) -> Result<Vec<IpAddr>, DnsError> {
        self.some_addresses(name, if like.is_ipv4() { RecordType::A } else { RecordType::AAAA }).await
    }

    /// The servers that take mail for a domain, first the one asked first.
    pub async fn mx(&self, name: &str) -> Result<Vec<MailExchange>, DnsError> {
        let records = self.ask(absolute(name)?, RecordType::MX).await?;
        let mut exchanges: Vec<MailExchange> = records
            .iter()
            .filter_map(|data| match data {
                RData::MX(mx) => Some(MailExchange { preference: mx.preference, host: plain(&mx.exchange) }),
                _ => None,
            })
            .collect();
        exchanges.sort();
        Ok(exchanges)
    }

    /// The names that an address is given by its owner.
    pub async fn ptr(&self, address: IpAddr) -> Result<Vec<String>, DnsError> {
        let records = self.ask(Name::from(address), RecordType::PTR).await?;
        let mut names: Vec<String> = records
            .iter()
            .filter_map(|data| match data {
                RData::PTR(ptr) => Some(plain(&ptr.0)),
                _ => None,
            })
            .collect();
        names.sort();
        Ok(names)
    }

    async fn some_addresses(&self, name: &str, kind: RecordType) -> Result<Vec<IpAddr>, DnsError> {
        let records = self.ask(absolute(name)?, kind).await?;
        let mut addresses: Vec<IpAddr> = records.iter().filter_map(RData::ip_addr).collect();
        addresses.sort();
        Ok(addresses)
    }

    async fn ask(&self, mut name: Name, kind: RecordType) -> Result<Vec<RData>, DnsError> {
        name.set_fqdn(true);
        let asked = plain(&name);
        match timeout(self.patience, self.resolver.lookup(name, kind)).await {
            Ok(Ok(found)) => Ok(found.answers().iter().map(|record| record.data.clone()).collect()),
            Ok(Err(error)) if error.is_no_records_found() => Ok(Vec::new()),
            Ok(Err(error)) => Err(failure(asked, &error)),
            Err(_) => Err(DnsError::Silence { name: asked }),
        }
    }
}

fn failure(name: String, error: &NetError) -> DnsError {
    match error {
        NetError::Timeout => DnsError::Silence { name },
        NetError::Io(why) if why.kind() == io::ErrorKind::TimedOut => DnsError::Silence { name },
        NetError::Dns(Refusal::ResponseCode(code)) => DnsError::Failure { name, answer: code.to_string() },
        other => DnsError::Unreachable { name, why: other.to_string() },
    }
}

/// A name as it is written, whether or not a dot stands at its end.
fn absolute(name: &str) -> Result<Name, DnsError> {
    let parsed = if name.is_ascii() { Name::from_ascii(name) } else { Name::from_utf8(name) };
    parsed
        .ok()
        .filter(|parsed| parsed.num_labels() > 0)
        .ok_or_else(|| DnsError::NotAName { name: name.to_string() })
}

/// What others wrote is shown on a terminal, so it may not steer it, nor turn its line around.
pub fn readable(octets: &[u8]) -> String {
    let steers = |c: char| {
        (c.is_control() && c != '\t') || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    String::from_utf8_lossy(octets).replace(steers, "\u{fffd}")
}

/// Lower case, without the last dot; the root is empty.
fn plain(name: &Name) -> String {
    name.to_lowercase().to_ascii().trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::zone::Zone;

    #[tokio::test]
    async fn the_strings_of_a_record_are_joined_without_spaces() {
        let dns = Zone::new().txt_in_pieces("a.example", &["v=spf1 ip4:192.", "0.2.10 -all"]).serve().await;
        assert_eq!(dns.txt("a.example").await.unwrap(), ["v=spf1 ip4:192.0.2.10 -all"]);
    }

    #[tokio::test]
    async fn a_record_cannot_steer_the_terminal() {
        let dns = Zone::new().txt("a.example", "v=spf1 \u{1b}[31mred -all").serve().await;
        assert_eq!(dns.txt("a.example").await.unwrap(), ["v=spf1 \u{fffd}[31mred -all"]);
    }

    #[tokio::test]
    async fn a_missing_name_and_a_missing_type_are_empty_answers() {
        let dns = Zone::new().address("a.example", "192.0.2.1").serve().await;
        assert!(dns.txt("nowhere.example").await.unwrap().is_empty());
        assert!(dns.txt("a.example").await.unwrap().is_empty());
        assert!(dns.ptr("192.0.2.9".parse().unwrap()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_long_record_comes_over_tcp() {
        let long = format!("v=DKIM1; k=rsa; p={}", "A".repeat(700));
        let dns = Zone::new().txt("k._domainkey.a.example", &long).serve().await;
        assert_eq!(dns.txt("k._domainkey.a.example").await.unwrap(), [long]);
    }

    #[tokio::test]
    async fn a_failing_name_server_is_an_error() {
        let dns = Zone::new().failing("a.example").serve().await;
        let error = dns.txt("a.example").await.unwrap_err();
        assert_eq!(error.to_string(), "the name servers of a.example do not work (Server Failure)");
    }

    #[tokio::test]
    async fn a_silent_name_server_is_not_waited_for_long() {
        let mut dns = Zone::new().silent("a.example").serve().await;
        dns.patience = Duration::from_millis(100);
        assert_eq!(dns.txt("a.example").await, Err(DnsError::Silence { name: "a.example".into() }));
    }

    #[tokio::test]
    async fn a_name_server_that_is_not_there_is_an_error() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        drop(socket);
        let mut dns = Dns::at(address).unwrap();
        dns.patience = Duration::from_millis(100);
        assert!(dns.txt("a.example").await.is_err());
    }

    #[tokio::test]
    async fn an_alias_is_followed() {
        let dns = Zone::new()
            .alias("k._domainkey.a.example", "k.provider.example")
            .txt("k.provider.example", "v=DKIM1; p=AAAA")
            .serve()
            .await;
        assert_eq!(dns.txt("k._domainkey.a.example").await.unwrap(), ["v=DKIM1; p=AAAA"]);
        let alias = dns.alias("k._domainkey.a.example").await.unwrap();
        assert_eq!(alias.as_deref(), Some("k.provider.example"));
        assert_eq!(dns.alias("k.provider.example").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_name_that_is_denied_is_told_from_one_without_records() {
        let dns = Zone::new().txt("a.example", "x").failing("b.example").serve().await;
        assert_eq!(dns.denies("a.example").await, Ok(false));
        assert_eq!(dns.denies("nowhere.example").await, Ok(true));
        assert!(dns.denies("b.example").await.is_err());
    }

    #[tokio::test]
    async fn mail_exchanges_come_in_the_order_they_are_asked() {
        let dns =
            Zone::new().mx("a.example", 20, "b.a.example").mx("a.example", 10, "C.a.example").serve().await;
        let hosts: Vec<_> = dns.mx("A.example.").await.unwrap().into_iter().map(|mx| mx.host).collect();
        assert_eq!(hosts, ["c.a.example", "b.a.example"]);
    }

    #[tokio::test]
    async fn addresses_are_of_both_families_or_of_one() {
        let dns =
            Zone::new().address("a.example", "192.0.2.1").address("a.example", "2001:db8::1").serve().await;
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(dns.addresses("a.example").await.unwrap().len(), 2);
        assert_eq!(dns.addresses_like(v6, "a.example").await.unwrap(), [v6]);
    }

    #[tokio::test]
    async fn what_is_no_name_is_not_asked_for() {
        let dns = Zone::new().serve().await;
        let long = "a".repeat(64);
        for name in ["", ".", "a..example", &long] {
            assert_eq!(dns.txt(name).await, Err(DnsError::NotAName { name: name.into() }), "{name}");
        }
    }
}
