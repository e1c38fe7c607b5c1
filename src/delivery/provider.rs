//! Who receives a reader's mail. Letters to one provider are paced together: it counts what we send it.

use std::fmt;

/// Domains that one company receives mail for, under the name of the first.
const FAMILIES: [&[&str]; 4] = [
    &["gmail.com", "googlemail.com"],
    &["outlook.com", "hotmail.com", "live.com", "msn.com"],
    &["yahoo.com", "ymail.com", "rocketmail.com", "aol.com"],
    &["icloud.com", "me.com", "mac.com"],
];

/// `gmail.com` for all of Google's mailboxes; else the domain itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Provider(String);

impl Provider {
    /// The provider of an address, or of a domain.
    pub fn of(address: &str) -> Self {
        let domain = address.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
        // `hotmail.co.uk`, `yahoo.com.br`: the companies keep their name in every country.
        let label = domain.split('.').next().unwrap_or_default();
        let kin = FAMILIES.iter().find(|family| {
            family.iter().any(|known| *known == domain || of_a_country(&domain, label, known))
        });
        Self(kin.map_or(domain.clone(), |family| family[0].to_string()))
    }

    /// As the store keeps it.
    pub(crate) fn named(name: String) -> Self {
        Self(name)
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `domain` is `known` in another country: the same first label, and nothing but a country's ending.
fn of_a_country(domain: &str, label: &str, known: &str) -> bool {
    const ABROAD: [&str; 4] = ["outlook", "hotmail", "live", "yahoo"];
    let ending = domain.strip_prefix(label).unwrap_or_default();
    let short = ending.split('.').skip(1).all(|part| (2..=3).contains(&part.len()));
    ABROAD.contains(&label) && known.split('.').next() == Some(label) && short && ending.len() > 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailboxes_of_one_company_are_paced_together() {
        for (address, provider) in [
            ("mina@gmail.com", "gmail.com"),
            ("mina@GoogleMail.com", "gmail.com"),
            ("mina@hotmail.co.uk", "outlook.com"),
            ("mina@live.fr", "outlook.com"),
            ("mina@yahoo.com.br", "yahoo.com"),
            ("mina@me.com", "icloud.com"),
            ("mina@live.example.org", "live.example.org"),
            ("mina@live", "live"),
            ("mina@example.org", "example.org"),
        ] {
            assert_eq!(Provider::of(address).as_str(), provider, "{address}");
        }
    }
}
