//! An e-mail address that a letter may be sent to. Narrower than RFC 5321 on purpose: quoted local
//! parts and address literals have been used to misroute mail, and no reader has one.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// RFC 5321 §4.5.3.1.3 less the angle brackets.
const ADDRESS_OCTETS_MAX: usize = 254;
/// RFC 1035 §2.3.4, without the dot at the end.
const DOMAIN_OCTETS_MAX: usize = 253;
/// RFC 5321 §4.5.3.1.1.
const LOCAL_OCTETS_MAX: usize = 64;

/// `mina@example.org`: an ASCII dot-atom, and a domain in its ASCII form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct EmailAddress {
    local: String,
    domain: String,
}

/// Why it is no address for us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing before, or nothing after, the last `@`.
    #[error("`{0}` is not an address: it needs a name, an `@` and a domain")]
    Form(String),
    /// Letters that plain mail cannot carry before the `@`.
    #[error("`{0}` has characters before the `@` that mail servers do not take")]
    Local(String),
    /// No public domain.
    #[error("`{0}` is not a domain that mail can be sent to")]
    Domain(String),
    /// Longer than any server takes.
    #[error("the address is longer than {ADDRESS_OCTETS_MAX} characters")]
    Length,
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let form = || AddressError::Form(text.chars().take(80).collect());
        let (local, domain) = text.rsplit_once('@').ok_or_else(form)?;
        if local.is_empty() || domain.is_empty() {
            return Err(form());
        }
        let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
        if !local.split('.').all(|part| !part.is_empty() && part.chars().all(atom)) {
            return Err(AddressError::Local(local.chars().take(80).collect()));
        }
        let Domain(ascii) = domain.parse()?;
        if local.len() > LOCAL_OCTETS_MAX || local.len() + 1 + ascii.len() > ADDRESS_OCTETS_MAX {
            return Err(AddressError::Length);
        }
        Ok(Self { local: local.to_string(), domain: ascii })
    }
}

/// `far-bank.example`: a domain that mail can be sent to, in ASCII and lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain(String);

impl FromStr for Domain {
    type Err = AddressError;

    fn from_str(domain: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError::Domain(domain.chars().take(80).collect());
        // The parser of hosts would decode `%61`; no domain has it.
        if domain.contains('%') {
            return Err(wrong());
        }
        // UTS 46: `دامنه.example` becomes its A-label, which every server takes.
        let url::Host::Domain(ascii) = url::Host::parse(domain).map_err(|_| wrong())? else {
            return Err(wrong());
        };
        let label = |label: &str| {
            let plain = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            (1..=63).contains(&label.len()) && plain && !label.starts_with('-') && !label.ends_with('-')
        };
        if ascii.len() > DOMAIN_OCTETS_MAX || !ascii.contains('.') || !ascii.split('.').all(label) {
            return Err(wrong());
        }
        Ok(Self(ascii))
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> String {
        domain.0
    }
}

impl EmailAddress {
    /// Before the `@`.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// After the `@`, in ASCII, lower case.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Equal for two ways of typing one address.
    pub fn key(&self) -> String {
        format!("{}@{}", self.local.to_lowercase(), self.domain)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> String {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_plain_addresses_pass() {
        for good in ["a@example.org", "a.b+c@EXAMPLE.org", "o'neil@sub.example.org"] {
            assert!(good.parse::<EmailAddress>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b.example",
            "a@",
            "a@localhost",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a b@c.example",
            "\"x@evil y\"@c.example",
            "a..b@c.example",
            ".a@c.example",
            "a@c..example",
            "a@-c.example",
            "a\r\nb@c.example",
            "ا@c.example",
            "a@c.example\u{0}",
            "a@b@",
        ] {
            assert!(bad.parse::<EmailAddress>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_domain_becomes_ascii_and_case_does_not_make_another_reader() {
        let address: EmailAddress = "Mina@دامنه.example".parse().unwrap();
        assert_eq!(address.to_string(), "Mina@xn--mgbp1eef.example");
        assert_eq!(address.key(), "mina@xn--mgbp1eef.example");
    }

    proptest! {
        #[test]
        fn what_is_accepted_can_stand_in_a_header(text: String) {
            if let Ok(address) = text.parse::<EmailAddress>() {
                let shown = address.to_string();
                prop_assert!(shown.is_ascii() && !shown.contains(char::is_whitespace));
                prop_assert_eq!(shown.parse::<EmailAddress>().unwrap(), address);
            }
        }
    }
}
