//! How single values are written: addresses, zones, spans of time.

use chrono::TimeDelta;
use chrono_tz::Tz;
use url::Url;

use crate::{
    subscriber::address::{Domain, EmailAddress},
    text::clean_line,
};

pub(super) const DURATION_HINT: &str = "write a number and a unit: `30s`, `10m`, `24h`, `7d`";
pub(super) const ADDRESS_HINT: &str = "write it as `name@example.org`, or `Name <name@example.org>`";

/// RFC 1035 §2.3.4, without the dot at the end.
const HOST_OCTETS_MAX: usize = 253;
/// Of a domain that letters are from or return to, so that `bounce+…@` (RFC 5321 §4.5.3.1.3), a List-Id (RFC 2919 §3)
/// and a Message-ID have room for it.
const SENDER_DOMAIN_OCTETS_MAX: usize = 189;

/// A domain that letters return to.
pub(super) fn return_domain(text: &str) -> Result<String, String> {
    let domain = text.parse::<Domain>().map(String::from).map_err(|why| why.to_string())?;
    short_enough(&domain)?;
    Ok(domain)
}

/// A name and address that letters are from.
pub(super) fn sender(text: &str) -> Result<(Option<String>, EmailAddress), String> {
    let (name, address) = mailbox(text)?;
    short_enough(address.domain())?;
    Ok((name, address))
}

fn short_enough(domain: &str) -> Result<(), String> {
    match domain.len() > SENDER_DOMAIN_OCTETS_MAX {
        true => Err(format!("the domain is longer than {SENDER_DOMAIN_OCTETS_MAX} characters")),
        false => Ok(()),
    }
}

/// What a program calls itself to a server: a domain, or an address in brackets (RFC 5321 §4.1.1.1).
pub(super) fn hello(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
    match !text.is_empty() && text.len() <= HOST_OCTETS_MAX && text.chars().all(is_plain) {
        true => Ok(text.to_string()),
        false => Err("it is not the name of a server".into()),
    }
}

pub(super) fn site_url(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text).map_err(|why| why.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("it is not a web address".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it has a name or a password in it, which every letter would show".into());
    }
    if url.host_str().is_some_and(|host| host.len() > HOST_OCTETS_MAX) {
        return Err("its domain is longer than any can be".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it has a `?` or `#` in it".into());
    }
    if url.path() != "/" {
        return Err("a site stands at the top of its domain".into());
    }
    url.set_path("/");
    Ok(url)
}

pub(super) fn web_address(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|why| why.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(url.to_string()),
        other => Err(format!("`{other}:` is not a web address")),
    }
}

/// RFC 4151 §2.1: a domain, lower case, no port.
pub(super) fn authority(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    match !text.is_empty() && text.chars().all(good) && text.contains('.') {
        true => Ok(text.to_string()),
        false => Err(format!("`{text}` is not a plain domain")),
    }
}

pub(super) fn zone(text: &str) -> Result<Tz, String> {
    text.parse::<Tz>().map_err(|_| {
        let names: Vec<&str> = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
        let near = names
            .iter()
            .map(|name| (strsim::damerau_levenshtein(name, text), name))
            .min()
            .filter(|(edits, _)| *edits <= 3);
        match near {
            Some((_, name)) => format!("there is no `{text}`; did you mean `{name}`?"),
            None => format!("there is no `{text}`"),
        }
    })
}

pub(super) fn days(text: &str) -> Result<TimeDelta, String> {
    let number = text.strip_suffix('d').and_then(|number| number.trim().parse::<u32>().ok());
    number
        .and_then(|number| TimeDelta::try_days(number.into()))
        .ok_or_else(|| format!("`{text}` is not a number of days"))
}

/// `10m`: a number and `s`, `m`, `h` or `d`.
pub(in crate::config) fn duration(text: &str) -> Result<chrono::Duration, String> {
    let wrong = || format!("`{text}` is not a time");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: i64 = text[..text.len() - unit.len_utf8()].trim().parse().map_err(|_| wrong())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        _ => return Err(wrong()),
    };
    match number {
        0..=1_000_000 => Ok(chrono::Duration::seconds(number * seconds)),
        _ => Err(wrong()),
    }
}

/// `Name <name@example.org>` or the address alone.
pub(super) fn mailbox(text: &str) -> Result<(Option<String>, EmailAddress), String> {
    let parse = |address: &str| address.parse::<EmailAddress>().map_err(|why| why.to_string());
    match text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => {
            let name = clean_line(&unquoted(name.trim()));
            Ok(((!name.is_empty()).then_some(name), parse(address)?))
        }
        None => Ok((None, parse(text)?)),
    }
}

/// The name in a quoted string (RFC 5322 §3.2.4), or as it is.
fn unquoted(name: &str) -> String {
    let Some(quoted) = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return name.to_string();
    };
    let mut escaped = false;
    let kept = quoted.chars().filter(|c| {
        escaped = *c == '\\' && !escaped;
        !escaped
    });
    kept.collect()
}

pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_keeps_the_quotes_of_a_name_and_loses_those_around_it() {
        let name = |text: &str| mailbox(text).unwrap().0.unwrap();
        assert_eq!(name("Anna \"Nan\" <a@x.example>"), "Anna \"Nan\"");
        assert_eq!(name("\"Example, \\\"A\\\"\" <a@x.example>"), "Example, \"A\"");
        assert_eq!(name("a < b <a@x.example>"), "a < b");
        assert_eq!(mailbox("a@x.example").unwrap().0, None);
    }

    #[test]
    fn what_would_not_fit_into_a_letter_is_refused() {
        let long = format!("{}.{}.{}.example", "a".repeat(63), "b".repeat(63), "c".repeat(62));
        assert!(return_domain(&long).is_err() && sender(&format!("x <a@{long}>")).is_err());
        assert!(return_domain(&long[2..]).is_err() && return_domain("b.x.example").is_ok());
        assert!(site_url("https://me:secret@x.example/").is_err());
        assert!(site_url(&format!("https://{long}.{long}/")).is_err());
        assert!(hello("a b").is_err() && hello("میل.example").is_err() && hello("[192.0.2.1]").is_ok());
    }
}
