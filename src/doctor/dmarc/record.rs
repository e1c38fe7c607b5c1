//! The text of a DMARC record (RFC 9989 §4.7 and §4.8), read without asking anybody.

use std::collections::BTreeSet;

/// What receivers are asked to do with letters that do not prove where they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// `none`: only report.
    None,
    /// `quarantine`: put among the suspect.
    Quarantine,
    /// `reject`: refuse.
    Reject,
}

/// Whether names below belong to others (`psd=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicSuffix {
    /// `y`: it is a suffix, such as `com`.
    Yes,
    /// `n`: it is the domain of an organisation.
    No,
    /// Not said.
    Unsaid,
}

/// How like the From domain another has to be (`adkim=`, `aspf=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alignment {
    /// The same organisation.
    Relaxed,
    /// The same domain.
    Strict,
}

/// A record. What cannot be read in it counts as not being there (RFC 9989 §4.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DmarcRecord {
    /// As it is published.
    pub text: String,
    /// `p=`: for the domain itself, and below it if nothing else is said.
    pub policy: Option<Policy>,
    /// `sp=`: for the domains below it.
    pub below: Option<Policy>,
    /// `np=`: for domains below it that do not exist.
    pub nonexistent: Option<Policy>,
    /// `adkim=`.
    pub dkim: Alignment,
    /// `aspf=`.
    pub spf: Alignment,
    /// `rua=`: where daily reports go, as URIs.
    pub reports: Vec<String>,
    /// `ruf=`: where reports of single letters go, as URIs.
    pub failures: Vec<String>,
    /// `fo=`: which single letters are reported.
    pub failure_options: Option<String>,
    /// `psd=`.
    pub public_suffix: PublicSuffix,
    /// `t=y`: one step milder than the policy says.
    pub is_test: bool,
    /// Tags of RFC 7489 that RFC 9989 has given up: `pct`, `rf`, `ri`.
    pub given_up: Vec<String>,
    /// Names that stand there more than once. The first counts here; elsewhere perhaps nothing does.
    pub repeated: Vec<String>,
    /// Pieces that cannot be read, as they are written.
    pub unread: Vec<String>,
}

/// Whether a TXT record is a DMARC record of the current version: `v=DMARC1`, first and exactly so.
pub fn is_dmarc(text: &str) -> bool {
    let first = text.split(';').next().unwrap_or_default();
    first.split_once('=').is_some_and(|(name, value)| {
        name.trim_end().eq_ignore_ascii_case("v") && value.trim_matches([' ', '\t']) == "DMARC1"
    })
}

impl DmarcRecord {
    /// Reads what can be read; nothing, if it is not a DMARC record.
    pub fn parse(text: &str) -> Option<Self> {
        is_dmarc(text).then(|| {
            let mut record = Self::empty(text);
            let mut names = BTreeSet::from(["v".to_string()]);
            for piece in text.split(';').skip(1).map(str::trim).filter(|piece| !piece.is_empty()) {
                if let Some(name) = name_of(piece).filter(|name| !names.insert(name.clone())) {
                    record.repeated.push(name);
                } else if record.read(piece).is_none() {
                    record.unread.push(piece.to_string());
                }
            }
            record
        })
    }

    /// The policy for domains below that of the record (RFC 9989 §4.10.1).
    pub fn policy_below(&self) -> Option<Policy> {
        self.below.or(self.policy)
    }

    /// The policy for domains below that of the record of which the DNS has neither address nor mail server.
    pub fn policy_nonexistent(&self) -> Option<Policy> {
        self.nonexistent.or_else(|| self.policy_below())
    }

    /// A policy for the domains below that cannot be read: it makes all of them void (RFC 9989 §4.7).
    pub fn spoilt_by(&self) -> Option<&str> {
        self.unread.iter().map(String::as_str).find(|piece| is_tag(piece, "sp") || is_tag(piece, "np"))
    }

    /// The record with its faults put right: each tag once (the first), no policy for others that cannot be
    /// read, nothing that was given up, and a policy.
    #[must_use]
    pub fn mended(&self) -> Self {
        let mut names = BTreeSet::new();
        let pieces = self.pieces_without(&[]).into_iter();
        let pieces = pieces.filter(|piece| name_of(piece).is_none_or(|name| names.insert(name)));
        let spoilt = |piece: &&str| {
            ["sp", "np"].iter().any(|name| is_tag(piece, name)) && self.unread.iter().any(|it| it == piece)
        };
        let given_up = |piece: &&str| self.given_up.iter().any(|name| is_tag(piece, name));
        let kept: Vec<&str> = pieces.filter(|piece| !spoilt(piece) && !given_up(piece)).collect();
        let mended = Self { text: kept.join("; "), ..self.clone() };
        match self.policy {
            Some(_) => mended,
            None => Self { text: mended.with("p", "none"), ..mended },
        }
    }

    /// The record with one tag written anew.
    pub fn with(&self, name: &str, value: &str) -> String {
        let written = format!("{name}={value}");
        let mut pieces = self.pieces_without(&[name]);
        // Readers of RFC 7489 want `p=` right after the version.
        let place = if name == "p" { 1 } else { pieces.len() };
        pieces.insert(place, &written);
        pieces.join("; ")
    }

    /// The record without some of its tags.
    pub fn without(&self, names: &[&str]) -> String {
        self.pieces_without(names).join("; ")
    }

    fn pieces_without(&self, names: &[&str]) -> Vec<&str> {
        let pieces = self.text.split(';').map(str::trim).filter(|piece| !piece.is_empty());
        pieces.filter(|piece| !names.iter().any(|name| is_tag(piece, name))).collect()
    }

    fn empty(text: &str) -> Self {
        Self {
            text: text.to_string(),
            policy: None,
            below: None,
            nonexistent: None,
            dkim: Alignment::Relaxed,
            spf: Alignment::Relaxed,
            reports: Vec::new(),
            failures: Vec::new(),
            failure_options: None,
            public_suffix: PublicSuffix::Unsaid,
            is_test: false,
            given_up: Vec::new(),
            repeated: Vec::new(),
            unread: Vec::new(),
        }
    }

    fn read(&mut self, piece: &str) -> Option<()> {
        let (name, value) = piece.split_once('=')?;
        let (name, value) = (name.trim_end().to_ascii_lowercase(), value.trim_start());
        let lower = value.to_ascii_lowercase();
        match name.as_str() {
            "p" => self.policy = Some(policy(&lower)?),
            "sp" => self.below = Some(policy(&lower)?),
            "np" => self.nonexistent = Some(policy(&lower)?),
            "adkim" => self.dkim = alignment(&lower)?,
            "aspf" => self.spf = alignment(&lower)?,
            "rua" => self.reports = uris(value)?,
            "ruf" => self.failures = uris(value)?,
            "fo" => self.failure_options = Some(failure_options(&lower)?),
            "psd" => self.public_suffix = public_suffix(&lower)?,
            "t" => self.is_test = yes_or_no(&lower)?,
            "pct" | "rf" | "ri" => self.given_up.push(name),
            // RFC 9989 §4.7: unknown tags are skipped, if they are tags at all.
            _ => return name.chars().all(|c| c.is_ascii_alphabetic()).then_some(()),
        }
        Some(())
    }
}

/// Whether a piece of a record, `name=value`, bears this name.
pub fn is_tag(piece: &str, name: &str) -> bool {
    name_of(piece).is_some_and(|found| found == name)
}

fn name_of(piece: &str) -> Option<String> {
    piece.split_once('=').map(|(name, _)| name.trim().to_ascii_lowercase())
}

fn policy(value: &str) -> Option<Policy> {
    match value {
        "none" => Some(Policy::None),
        "quarantine" => Some(Policy::Quarantine),
        "reject" => Some(Policy::Reject),
        _ => None,
    }
}

fn alignment(value: &str) -> Option<Alignment> {
    match value {
        "r" => Some(Alignment::Relaxed),
        "s" => Some(Alignment::Strict),
        _ => None,
    }
}

fn public_suffix(value: &str) -> Option<PublicSuffix> {
    match value {
        "y" => Some(PublicSuffix::Yes),
        "n" => Some(PublicSuffix::No),
        "u" => Some(PublicSuffix::Unsaid),
        _ => None,
    }
}

fn yes_or_no(value: &str) -> Option<bool> {
    match value {
        "y" => Some(true),
        "n" => Some(false),
        _ => None,
    }
}

fn failure_options(value: &str) -> Option<String> {
    value.split(':').all(|option| ["0", "1", "d", "s"].contains(&option.trim())).then(|| value.to_string())
}

/// Addresses with their scheme. A size after `!`, of RFC 7489, is dropped.
fn uris(value: &str) -> Option<Vec<String>> {
    let uris = value.split(',').map(|uri| uri.trim().split('!').next().unwrap_or_default());
    uris.map(|uri| is_uri(uri).then(|| uri.to_string())).collect()
}

fn is_uri(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, rest)| {
        let is_mail = scheme.eq_ignore_ascii_case("mailto");
        let is_scheme = !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric());
        is_scheme && if is_mail { destination(uri).is_some() } else { !rest.is_empty() }
    })
}

/// The domain to which a `mailto:` leads.
pub fn destination(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let (local, domain) = rest.split('?').next()?.rsplit_once('@')?;
    let is_mail = scheme.eq_ignore_ascii_case("mailto") && !local.is_empty() && !domain.is_empty();
    is_mail.then(|| domain.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_first_and_exactly_so() {
        for text in ["v=DMARC1", "v=DMARC1;p=none", "v = DMARC1 ; p=none", "V=DMARC1;"] {
            assert!(is_dmarc(text), "{text}");
        }
        for text in
            ["v=dmarc1; p=none", "v=DMARC1 p=none", "v=DMARC2; p=none", "p=none; v=DMARC1", "\"v=DMARC1", ""]
        {
            assert!(!is_dmarc(text), "{text}");
        }
    }

    #[test]
    fn every_tag_is_read() {
        let text = "v=DMARC1; p=reject; sp=Quarantine; np=none; adkim=s; aspf=r; psd=n; t=y; fo=1:d; \
            rua=mailto:a@b.example!10m, https://c.example/x; ruf=mailto:d@E.example; later=x";
        let record = DmarcRecord::parse(text).unwrap();
        assert_eq!(
            record,
            DmarcRecord {
                text: text.into(),
                policy: Some(Policy::Reject),
                below: Some(Policy::Quarantine),
                nonexistent: Some(Policy::None),
                dkim: Alignment::Strict,
                spf: Alignment::Relaxed,
                reports: vec!["mailto:a@b.example".into(), "https://c.example/x".into()],
                failures: vec!["mailto:d@E.example".into()],
                failure_options: Some("1:d".into()),
                public_suffix: PublicSuffix::No,
                is_test: true,
                given_up: Vec::new(),
                repeated: Vec::new(),
                unread: Vec::new(),
            }
        );
    }

    #[test]
    fn what_cannot_be_read_counts_as_missing() {
        let text = "v=DMARC1; p=nothing; aspf=x; rua=a@b.example; pct=50; ri=86400; rf=afrf; stray";
        let record = DmarcRecord::parse(text).unwrap();
        assert_eq!((record.policy, record.spf, record.reports.len()), (None, Alignment::Relaxed, 0));
        assert_eq!(record.unread, ["p=nothing", "aspf=x", "rua=a@b.example", "stray"]);
        assert_eq!(record.given_up, ["pct", "ri", "rf"]);
    }

    #[test]
    fn the_policy_below_is_that_of_the_domain_unless_said() {
        let below = |text: &str| DmarcRecord::parse(text).unwrap().policy_below();
        assert_eq!(below("v=DMARC1; p=reject"), Some(Policy::Reject));
        assert_eq!(below("v=DMARC1; p=reject; sp=none"), Some(Policy::None));
        assert_eq!(below("v=DMARC1"), None);
    }

    #[test]
    fn a_name_that_stands_there_twice_is_told_and_the_first_counts() {
        let record =
            DmarcRecord::parse("v=DMARC1; p=none; P=reject; rua=mailto:a@b.example; v=DMARC1").unwrap();
        assert_eq!(
            (record.policy, record.repeated.as_slice()),
            (Some(Policy::None), &["p".into(), "v".into()][..])
        );
        assert_eq!(record.mended().text, "v=DMARC1; p=none; rua=mailto:a@b.example");
    }

    #[test]
    fn all_faults_are_mended_at_once() {
        let mended = |text: &str| DmarcRecord::parse(text).unwrap().mended().text;
        let text = "v=DMARC1; pct=50; p=nothing; sp=block; np=reject; rua=mailto:a@b.example; rua=mailto:c@d.example;";
        assert_eq!(mended(text), "v=DMARC1; p=none; np=reject; rua=mailto:a@b.example");
        assert_eq!(mended("v=DMARC1; p=reject"), "v=DMARC1; p=reject");
    }

    #[test]
    fn the_policy_of_a_domain_that_is_not_there_is_np_then_sp_then_p() {
        let policy = |text: &str| DmarcRecord::parse(text).unwrap().policy_nonexistent();
        assert_eq!(policy("v=DMARC1; p=none; sp=quarantine; np=reject"), Some(Policy::Reject));
        assert_eq!(policy("v=DMARC1; p=none; sp=quarantine"), Some(Policy::Quarantine));
        assert_eq!(policy("v=DMARC1; p=none"), Some(Policy::None));
    }

    #[test]
    fn a_tag_is_written_anew_in_its_place() {
        let record = DmarcRecord::parse("v=DMARC1; pct=5;  p=nothing; rua=mailto:a@b.example;").unwrap();
        assert_eq!(record.with("p", "none"), "v=DMARC1; p=none; pct=5; rua=mailto:a@b.example");
        assert_eq!(record.without(&["pct"]), "v=DMARC1; p=nothing; rua=mailto:a@b.example");
        assert_eq!(record.with("t", "n"), "v=DMARC1; pct=5; p=nothing; rua=mailto:a@b.example; t=n");
    }

    #[test]
    fn a_report_goes_to_the_domain_of_its_address() {
        assert_eq!(destination("mailto:a@B.example?subject=x").as_deref(), Some("b.example"));
        assert_eq!(destination("https://a@b.example/"), None);
        assert_eq!(destination("mailto:b.example"), None);
    }
}
