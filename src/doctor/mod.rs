//! What the DNS says about a newsletter's mail, in plain words, and what it should say.

pub mod dkim;
pub mod dmarc;
pub mod dns;
pub mod finding;
pub mod mx;
pub mod report;
pub mod server;
pub mod spf;
pub mod tags;
#[cfg(test)]
mod zone;

use finding::Record;

/// The records that let letters from a domain be trusted: our keys' (selector, record), who may send, and
/// what becomes of forged ones. To be published where there is none yet; `doctor mail` knows what there is.
pub fn proposal(
    domain: &str,
    return_domain: Option<&str>,
    server: Option<&str>,
    keys: &[(String, String)],
) -> Vec<Record> {
    let txt = |name: String, value: String| Record { name, kind: "TXT", value };
    let mut records: Vec<Record> = keys
        .iter()
        .map(|(selector, record)| txt(format!("{selector}._domainkey.{domain}"), record.clone()))
        .collect();
    let sends = server.map_or("a mx".to_string(), |host| match host.parse::<std::net::IpAddr>() {
        Ok(address) if !server::is_public(address) => "a mx".to_string(),
        Ok(address) if address.is_ipv4() => format!("ip4:{address}"),
        Ok(address) => format!("ip6:{address}"),
        Err(_) => format!("a:{host}"),
    });
    let spf = format!("v=spf1 {sends} ~all");
    records
        .extend(std::iter::once(domain).chain(return_domain).map(|name| txt(name.to_string(), spf.clone())));
    records
        .push(txt(format!("_dmarc.{domain}"), format!("v=DMARC1; p=none; rua=mailto:postmaster@{domain}")));
    records
}
