//! The one way out by HTTP: to hubs, to their subscribers, to feeds that are looked at.
//!
//! Addresses that strangers give are called only where everybody could call them: the name is resolved
//! here, what is not public is left out, and the connection goes to the very address that was looked at.
//! Redirects are not followed for strangers.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use url::{Host, Url};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For the whole exchange.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Redirects that are followed for the author.
const REDIRECTS_MAX: usize = 5;
/// What we call ourselves; a version would only tell what we do not know yet.
const USER_AGENT: &str = "Byline";

/// The clients, which keep connections open.
#[derive(Clone)]
pub struct Outbound {
    public: Client,
    private: Client,
    anywhere: Client,
}

/// Who gave the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The author: any address, and redirects are followed.
    Author,
    /// Anybody: public addresses only.
    Stranger,
    /// Anybody, on a network that the author vouches for: any address, but no redirects.
    Neighbour,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Where it came from, after redirects.
    pub url: Url,
    /// No more than was asked for.
    pub body: Vec<u8>,
}

/// Nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// It is not an address that strangers may have called.
    #[error("{0} is not a public address")]
    NotPublic(String),
    /// The name is unknown, nobody listens, it took too long.
    #[error("{0}")]
    Failed(String),
    /// More came than was asked for.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

impl Answer {
    /// 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Outbound {
    /// Ready to call.
    pub fn new() -> Result<Self, OutboundError> {
        let client = || {
            let client = Client::builder().user_agent(USER_AGENT).connect_timeout(CONNECT_TIMEOUT);
            client.timeout(TIMEOUT).no_proxy()
        };
        let public = client().dns_resolver(PublicOnly).redirect(Policy::none()).build().map_err(failed)?;
        let anywhere = client().redirect(Policy::limited(REDIRECTS_MAX)).build().map_err(failed)?;
        let private = client().redirect(Policy::none()).build().map_err(failed)?;
        Ok(Self { public, private, anywhere })
    }

    /// GET; no more than `most` bytes of the answer.
    pub async fn get(&self, url: &Url, trust: Trust, most: usize) -> Result<Answer, OutboundError> {
        let client = self.client(url, trust)?;
        receive(client.get(url.clone()), most).await
    }

    /// POST; the answer's status alone is of interest.
    pub async fn post(
        &self,
        url: &Url,
        trust: Trust,
        headers: &[(&str, String)],
        body: impl Into<reqwest::Body>,
    ) -> Result<u16, OutboundError> {
        let mut request = self.client(url, trust)?.post(url.clone()).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        Ok(request.send().await.map_err(failed)?.status().as_u16())
    }

    fn client(&self, url: &Url, trust: Trust) -> Result<&Client, OutboundError> {
        match trust {
            Trust::Author => return Ok(&self.anywhere),
            Trust::Neighbour => return Ok(&self.private),
            Trust::Stranger => {}
        }
        // An address in figures is never resolved, so it is looked at here.
        match url.host().filter(|host| !is_public_host(host)) {
            Some(host) => Err(OutboundError::NotPublic(host.to_string())),
            None => Ok(&self.public),
        }
    }
}

async fn receive(request: reqwest::RequestBuilder, most: usize) -> Result<Answer, OutboundError> {
    let mut response = request.send().await.map_err(failed)?;
    let mut answer =
        Answer { status: response.status().as_u16(), url: response.url().clone(), body: Vec::new() };
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if answer.body.len() + chunk.len() > most {
            return Err(OutboundError::TooLarge(most));
        }
        answer.body.extend_from_slice(&chunk);
    }
    Ok(answer)
}

/// With the causes: the outermost says only that it failed.
fn failed(error: reqwest::Error) -> OutboundError {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    OutboundError::Failed(words)
}

/// Resolves names to public addresses alone.
#[derive(Debug, Clone, Copy)]
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_string();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            match public.is_empty() {
                true => Err(Box::new(OutboundError::NotPublic(name)) as Box<_>),
                false => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

/// Whether a host is a name, which is looked at when it is resolved, or a public address.
pub fn is_public_host<S>(host: &Host<S>) -> bool {
    match host {
        Host::Ipv4(address) => is_public_v4(*address),
        Host::Ipv6(address) => is_public((*address).into()),
        Host::Domain(_) => true,
    }
}

/// Whether anybody on the internet could reach it. What is not known to be public is not (IANA's
/// special-purpose registries).
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b)) // shared by providers, RFC 6598
        || (a == 192 && b == 0 && c == 0) // protocol assignments, RFC 6890
        || (a == 192 && b == 88 && c == 99) // 6to4 relays, RFC 7526
        || (a == 198 && (b == 18 || b == 19)); // benchmarks, RFC 2544
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Addresses that carry one of IPv4, which must be public itself: NAT64 and 6to4.
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4(high, low),
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8, // Teredo, documentation and others
        [0x3fff, second, ..] if second < 0x1000 => false,           // documentation, RFC 9637
        // Everything that is handed out for the public begins with the bits 001.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_everybody_can_reach_is_public() {
        for public in ["93.184.216.34", "8.8.8.8", "2a00:1450::1", "64:ff9b::808:808", "::ffff:8.8.8.8"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "198.18.0.1",
            "192.0.2.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }

    #[tokio::test]
    async fn a_strangers_address_on_this_machine_is_never_called() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let outbound = Outbound::new().unwrap();
        for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0"] {
            let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
            let answer = outbound.get(&url, Trust::Stranger, 10).await;
            assert!(answer.is_err(), "{host}");
        }
        assert!(listener.accept().is_err(), "somebody called");
    }
}
