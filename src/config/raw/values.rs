//! How single values are written: addresses, zones, spans of time.

use chrono::TimeDelta;
use chrono_tz::Tz;
use url::Url;

use crate::{subscriber::address::EmailAddress, text::clean_line};

pub(super) const DURATION_HINT: &str = "write a number and a unit: `30s`, `10m`, `24h`, `7d`";
pub(super) const ADDRESS_HINT: &str = "write it as `name@example.org`, or `Name <name@example.org>`";

pub(super) fn site_url(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text).map_err(|why| why.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("it is not a web address".into());
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

pub(super) fn duration(text: &str) -> Result<chrono::Duration, String> {
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
    match text.trim().strip_suffix('>').and_then(|text| text.split_once('<')) {
        Some((name, address)) => {
            let name = clean_line(name.trim().trim_matches('"'));
            Ok(((!name.is_empty()).then_some(name), parse(address)?))
        }
        None => Ok((None, parse(text)?)),
    }
}

pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
