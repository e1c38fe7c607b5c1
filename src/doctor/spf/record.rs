//! The text of an SPF record (RFC 7208 §4.6 and §12), read without asking anybody.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a match means (RFC 7208 §4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qualifier {
    /// `+`, or nothing: may send.
    Pass,
    /// `-`: may not send.
    Fail,
    /// `~`: probably may not send.
    SoftFail,
    /// `?`: nothing is said.
    Neutral,
}

/// Which addresses are meant (RFC 7208 §5). A `host` that is `None` is the domain itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mechanism {
    /// Every address.
    All,
    /// Those for which another domain's record says pass.
    Include(String),
    /// The addresses of a host.
    A(Option<String>, Nearness),
    /// The addresses of a domain's mail exchanges.
    Mx(Option<String>, Nearness),
    /// Those whose names lie in a domain.
    Ptr(Option<String>),
    /// A network, by its address and how many leading bits count.
    Ip(IpAddr, u8),
    /// Every address, if a name exists.
    Exists(String),
}

/// How many leading bits have to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nearness {
    v4: u8,
    v6: u8,
}

impl Nearness {
    /// Whether `address` is as near to `other` as is asked for.
    pub fn covers(self, other: IpAddr, address: IpAddr) -> bool {
        lies_in(address, other, if other.is_ipv4() { self.v4 } else { self.v6 })
    }
}

/// One mechanism with what its match means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// What a match means.
    pub qualifier: Qualifier,
    /// Which addresses are meant.
    pub mechanism: Mechanism,
    /// As it is written.
    pub text: String,
}

/// A record that can be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpfRecord {
    /// As it is published.
    pub text: String,
    /// In their order.
    pub directives: Vec<Directive>,
    /// Whose record goes on where this one ends (RFC 7208 §6.1).
    pub redirect: Option<String>,
    /// Where the words stand that explain a refusal (RFC 7208 §6.2).
    pub explanation: Option<String>,
    /// `include=` and the like: they are modifiers that nobody knows, so they say nothing.
    pub idle: Vec<String>,
}

/// A word that makes the whole record useless. `Display` is a sentence without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{term}` {why}")]
pub struct Mistake {
    /// The word.
    pub term: String,
    why: String,
}

/// Whether a TXT record is meant to be read as SPF (RFC 7208 §4.5).
pub fn is_spf(text: &str) -> bool {
    let version = text.split(' ').next().unwrap_or_default();
    version.eq_ignore_ascii_case("v=spf1")
}

impl SpfRecord {
    /// Reads all of it: one mistake anywhere spoils the whole (RFC 7208 §4.6).
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let mut record = Self {
            text: text.to_string(),
            directives: Vec::new(),
            redirect: None,
            explanation: None,
            idle: Vec::new(),
        };
        for term in text.split(' ').skip(1).filter(|term| !term.is_empty()) {
            match modifier(term) {
                Some((name, value)) => record.add_modifier(term, &name.to_ascii_lowercase(), value)?,
                None => record.directives.push(directive(term)?),
            }
        }
        Ok(record)
    }

    /// The `all`, which ends the record.
    pub fn all(&self) -> Option<&Directive> {
        self.directives.iter().find(|directive| directive.mechanism == Mechanism::All)
    }

    /// The mechanisms up to the first `all`: the others are never reached (RFC 7208 §5.1).
    pub fn reached(&self) -> impl Iterator<Item = &Directive> {
        self.directives.iter().take_while(|directive| directive.mechanism != Mechanism::All)
    }

    /// The record with one more word at its beginning.
    pub fn with(&self, term: &str) -> String {
        format!("v=spf1 {term} {}", self.text.split_once(' ').map_or("", |(_, rest)| rest.trim()))
            .trim_end()
            .to_string()
    }

    /// The record with `~all` at its end, and without any other `all`.
    pub fn closed(&self) -> String {
        format!("{} ~all", self.open())
    }

    /// The record without any `all`.
    pub fn open(&self) -> String {
        let is_all = |term: &&str| term.trim_start_matches(['+', '-', '~', '?']).eq_ignore_ascii_case("all");
        self.text.split_whitespace().filter(|term| !is_all(term)).collect::<Vec<_>>().join(" ")
    }

    /// The record with its faults put right, and without the words in `gone`: colons for the `=` that say
    /// nothing, no `all` beside a `redirect=`, and else one that says something, at the end.
    #[must_use]
    pub fn mended(&self, gone: &[&str]) -> Self {
        let word = |word: &str| match self.idle.iter().any(|idle| idle == word) {
            true => word.replacen('=', ":", 1),
            false => word.to_string(),
        };
        let words = self.text.split_whitespace().filter(|word| !gone.contains(word));
        let text = words.map(word).collect::<Vec<_>>().join(" ");
        let record = Self { text, ..self.clone() };
        let text = match (self.all(), &self.redirect) {
            (Some(_), Some(_)) => record.open(),
            (None, Some(_)) => return record,
            (Some(all), None) if matches!(all.qualifier, Qualifier::Fail | Qualifier::SoftFail) => {
                format!("{} {}", record.open(), all.text)
            }
            (_, None) => record.closed(),
        };
        Self { text, ..record }
    }

    fn add_modifier(&mut self, term: &str, name: &str, value: &str) -> Result<(), Mistake> {
        match name {
            "redirect" if self.redirect.is_some() => return Err(mistake(term, "is a second `redirect=`")),
            "redirect" => self.redirect = Some(domain(term, value)?),
            "exp" if self.explanation.is_some() => return Err(mistake(term, "is a second `exp=`")),
            "exp" => self.explanation = Some(domain(term, value)?),
            "include" | "a" | "mx" | "ptr" | "ip4" | "ip6" | "ipv4" | "ipv6" | "exists" | "all" => {
                self.idle.push(term.to_string());
            }
            // RFC 7208 §6: unknown modifiers are skipped.
            _ => {}
        }
        Ok(())
    }
}

fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    is_name.then_some((name, value))
}

fn directive(term: &str) -> Result<Directive, Mistake> {
    let (qualifier, unsigned) = match term.split_at_checked(1) {
        Some(("+", rest)) => (Qualifier::Pass, rest),
        Some(("-", rest)) => (Qualifier::Fail, rest),
        Some(("~", rest)) => (Qualifier::SoftFail, rest),
        Some(("?", rest)) => (Qualifier::Neutral, rest),
        _ => (Qualifier::Pass, term),
    };
    Ok(Directive { qualifier, mechanism: mechanism(term, unsigned)?, text: term.to_string() })
}

fn mechanism(term: &str, unsigned: &str) -> Result<Mechanism, Mistake> {
    let name_end = unsigned.find([':', '/']).unwrap_or(unsigned.len());
    let (name, rest) = unsigned.split_at(name_end);
    Ok(match name.to_ascii_lowercase().as_str() {
        "all" if rest.is_empty() => Mechanism::All,
        "include" => Mechanism::Include(needed(term, rest)?),
        "exists" => Mechanism::Exists(needed(term, rest)?),
        "a" => {
            let (host, near) = host_and_nearness(term, rest)?;
            Mechanism::A(host, near)
        }
        "mx" => {
            let (host, near) = host_and_nearness(term, rest)?;
            Mechanism::Mx(host, near)
        }
        "ptr" if rest.is_empty() => Mechanism::Ptr(None),
        "ptr" => Mechanism::Ptr(Some(needed(term, rest)?)),
        "ip4" => network(term, rest, 32, |text| text.parse::<Ipv4Addr>().ok().map(IpAddr::V4))?,
        "ip6" => network(term, rest, 128, |text| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6))?,
        "ipv4" => return Err(mistake(term, &format!("should be `ip4{rest}`"))),
        "ipv6" => return Err(mistake(term, &format!("should be `ip6{rest}`"))),
        "redirect" => {
            return Err(mistake(term, &format!("should be `redirect={}`", rest.trim_start_matches(':'))));
        }
        _ => return Err(unknown(term, unsigned)),
    })
}

fn unknown(term: &str, unsigned: &str) -> Mistake {
    let bare = unsigned.trim_end_matches([',', ';']);
    match bare.split('/').next().map(str::parse::<IpAddr>) {
        _ if bare != unsigned => {
            mistake(term, "ends with a sign that SPF does not know; words end with a space")
        }
        Some(Ok(IpAddr::V4(_))) => mistake(term, &format!("should be `ip4:{bare}`")),
        Some(Ok(IpAddr::V6(_))) => mistake(term, &format!("should be `ip6:{bare}`")),
        _ if bare.contains('.') && !bare.contains(':') => {
            mistake(term, &format!("is a name without a word before it, such as `include:{bare}`"))
        }
        _ => mistake(term, "is not a word of SPF"),
    }
}

fn needed(term: &str, rest: &str) -> Result<String, Mistake> {
    match rest.strip_prefix(':') {
        Some(host) => domain(term, host),
        None => Err(mistake(term, "needs a colon and a domain, as in `include:provider.example`")),
    }
}

/// RFC 7208 §5.3: `a:host/24//64`, each part optional.
fn host_and_nearness(term: &str, rest: &str) -> Result<(Option<String>, Nearness), Mistake> {
    let (host, bits) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.strip_prefix(':').map(|host| domain(term, host)).transpose()?;
    let (v4, v6) = match bits.split_once("//") {
        Some((v4, v6)) => (v4, Some(v6)),
        None => (bits, None),
    };
    let v4 = v4.strip_prefix('/').map_or(Ok(32), |text| prefix(term, text, 32))?;
    let v6 = v6.map_or(Ok(128), |text| prefix(term, text, 128))?;
    Ok((host, Nearness { v4, v6 }))
}

fn network(
    term: &str,
    rest: &str,
    prefix_max: u8,
    parse: impl Fn(&str) -> Option<IpAddr>,
) -> Result<Mechanism, Mistake> {
    let text = rest.strip_prefix(':').unwrap_or_default();
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let network = parse(address).ok_or_else(|| mistake(term, "does not hold an address of that kind"))?;
    let prefix = bits.map_or(Ok(prefix_max), |bits| prefix(term, bits, prefix_max))?;
    Ok(Mechanism::Ip(network, prefix))
}

fn prefix(term: &str, text: &str, prefix_max: u8) -> Result<u8, Mistake> {
    let plain = text.chars().all(|c| c.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse()
        .ok()
        .filter(|bits| plain && *bits <= prefix_max)
        .ok_or_else(|| mistake(term, &format!("needs a number up to {prefix_max} after the `/`")))
}

/// RFC 7208 §7.1: a name with a dot whose last label is no number, or one with macros in it.
fn domain(term: &str, text: &str) -> Result<String, Mistake> {
    if text.contains('%') {
        return match are_macros(text) {
            true => Ok(text.to_string()),
            false => Err(mistake(term, "has a `%` that begins no macro, such as `%{i}`")),
        };
    }
    if let Ok(IpAddr::V4(_)) = text.parse() {
        return Err(mistake(term, &format!("has an address where a name belongs; write `ip4:{text}`")));
    }
    let plain = text.trim_end_matches('.').to_ascii_lowercase();
    let last = plain.rsplit_once('.').map(|(_, last)| last);
    let is_name = last.is_some_and(|last| last.chars().any(|c| !c.is_ascii_digit()));
    if is_name && !plain.contains([':', '/', ',', ';', '"', '@']) && !plain.split('.').any(str::is_empty) {
        Ok(plain)
    } else {
        Err(mistake(term, "does not hold a domain name"))
    }
}

/// RFC 7208 §7.1: after each `%` stands `%`, `_`, `-` or a letter with its changes in braces.
fn are_macros(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('%') {
        rest = match after.strip_prefix(['%', '_', '-']) {
            Some(rest) => rest,
            None => match after.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
                Some((inside, rest)) if is_macro(inside) => rest,
                _ => return false,
            },
        };
    }
    true
}

fn is_macro(inside: &str) -> bool {
    let mut characters = inside.chars();
    let letter = characters.next().is_some_and(|c| "slodiphvcrt".contains(c.to_ascii_lowercase()));
    let changes = characters.as_str().trim_start_matches(|c: char| c.is_ascii_digit());
    let separators = changes.strip_prefix(['r', 'R']).unwrap_or(changes);
    letter && separators.chars().all(|c| ".-+,/_=".contains(c))
}

fn mistake(term: &str, why: &str) -> Mistake {
    Mistake { term: term.to_string(), why: why.to_string() }
}

/// Whether the first `prefix` bits agree; addresses of different families never do.
pub fn lies_in(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            (a.to_bits() ^ n.to_bits()).checked_shr(32 - u32::from(prefix)).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            (a.to_bits() ^ n.to_bits()).checked_shr(128 - u32::from(prefix)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_first_word_makes_a_record() {
        for text in ["v=spf1", "v=spf1 -all", "V=SPF1 -all"] {
            assert!(is_spf(text), "{text}");
        }
        for text in ["v=spf10 -all", "v=spf1; -all", "\"v=spf1 -all\"", " v=spf1 -all", "spf2.0/pra"] {
            assert!(!is_spf(text), "{text}");
        }
    }

    #[test]
    fn every_mechanism_is_read() {
        let text = "v=spf1 +a mx:Mail.b.example/24//64 -include:c.example ~ip4:192.0.2.0/24 \
            ip6:2001:db8::/32 ?exists:%{i}.d.example a//96 ptr:e.example exp=f.example x=y -ALL";
        let record = SpfRecord::parse(text).unwrap();
        let mechanisms: Vec<Mechanism> = record.directives.iter().map(|d| d.mechanism.clone()).collect();
        let network = |text: &str, prefix| Mechanism::Ip(text.parse().unwrap(), prefix);
        assert_eq!(
            mechanisms,
            [
                Mechanism::A(None, Nearness { v4: 32, v6: 128 }),
                Mechanism::Mx(Some("mail.b.example".into()), Nearness { v4: 24, v6: 64 }),
                Mechanism::Include("c.example".into()),
                network("192.0.2.0", 24),
                network("2001:db8::", 32),
                Mechanism::Exists("%{i}.d.example".into()),
                Mechanism::A(None, Nearness { v4: 32, v6: 96 }),
                Mechanism::Ptr(Some("e.example".into())),
                Mechanism::All,
            ]
        );
        assert_eq!(record.all().unwrap().qualifier, Qualifier::Fail);
        assert!(record.idle.is_empty());
    }

    #[test]
    fn a_mistake_says_what_to_write() {
        for (term, says) in [
            ("ipv4:192.0.2.1", "`ipv4:192.0.2.1` should be `ip4:192.0.2.1`"),
            ("include", "`include` needs a colon and a domain, as in `include:provider.example`"),
            ("b.example", "`b.example` is a name without a word before it, such as `include:b.example`"),
            ("192.0.2.0/24", "`192.0.2.0/24` should be `ip4:192.0.2.0/24`"),
            ("a:192.0.2.1", "`a:192.0.2.1` has an address where a name belongs; write `ip4:192.0.2.1`"),
            ("redirect:b.example", "`redirect:b.example` should be `redirect=b.example`"),
            ("-all;", "`-all;` ends with a sign that SPF does not know; words end with a space"),
            ("ip4:192.0.2.1/33", "`ip4:192.0.2.1/33` needs a number up to 32 after the `/`"),
            ("ip4:2001:db8::1", "`ip4:2001:db8::1` does not hold an address of that kind"),
            ("include:", "`include:` does not hold a domain name"),
            ("a:b.example/", "`a:b.example/` needs a number up to 32 after the `/`"),
            ("all:b.example", "`all:b.example` is not a word of SPF"),
            ("-", "`-` is not a word of SPF"),
            ("exists:%i.b.example", "`exists:%i.b.example` has a `%` that begins no macro, such as `%{i}`"),
            ("a:%{x}.b.example", "`a:%{x}.b.example` has a `%` that begins no macro, such as `%{i}`"),
        ] {
            let mistake = SpfRecord::parse(&format!("v=spf1 mx {term} -all")).unwrap_err();
            assert_eq!(mistake.to_string(), says);
        }
    }

    #[test]
    fn an_equals_sign_for_a_colon_says_nothing() {
        let record = SpfRecord::parse("v=spf1 include=b.example -all").unwrap();
        assert_eq!(record.idle, ["include=b.example"]);
        assert_eq!(record.directives.len(), 1);
    }

    #[test]
    fn a_second_redirect_or_explanation_is_a_mistake() {
        assert!(SpfRecord::parse("v=spf1 exp=a.example exp=b.example -all").is_err());
        assert!(SpfRecord::parse("v=spf1 redirect=a.example redirect=b.example").is_err());
    }

    #[test]
    fn a_word_is_added_at_the_beginning() {
        let with = |text: &str| SpfRecord::parse(text).unwrap().with("a:mail.a.example");
        assert_eq!(with("v=spf1 mx  -all"), "v=spf1 a:mail.a.example mx  -all");
        assert_eq!(with("v=spf1"), "v=spf1 a:mail.a.example");
    }

    #[test]
    fn all_faults_are_mended_at_once() {
        let mended = |text: &str, gone: &[&str]| SpfRecord::parse(text).unwrap().mended(gone).text;
        assert_eq!(
            mended("v=spf1 include=b.example a:gone.example -all mx", &["a:gone.example"]),
            "v=spf1 include:b.example mx -all"
        );
        assert_eq!(mended("v=spf1 mx include=b.example", &[]), "v=spf1 mx include:b.example ~all");
        assert_eq!(mended("v=spf1 redirect=b.example -all", &[]), "v=spf1 redirect=b.example");
        assert_eq!(mended("v=spf1 mx -all", &[]), "v=spf1 mx -all");
    }

    #[test]
    fn a_record_is_closed_once() {
        let closed = |text: &str| SpfRecord::parse(text).unwrap().closed();
        assert_eq!(closed("v=spf1 +all"), "v=spf1 ~all");
        assert_eq!(closed("v=spf1 ?ALL mx a:all.example"), "v=spf1 mx a:all.example ~all");
        assert_eq!(closed("v=spf1 mx "), "v=spf1 mx ~all");
    }

    #[test]
    fn macros_are_read_as_the_rfc_writes_them() {
        for text in ["%{s}", "%{L1r-+}._spf.%{d2}", "%{ir}.%{v}.arpa", "100%%.%_.%-.a.example"] {
            assert!(are_macros(text), "{text}");
        }
        for text in ["%", "%{}", "%{d", "%(d)", "%{dq}"] {
            assert!(!are_macros(text), "{text}");
        }
    }

    #[test]
    fn networks_are_compared_by_their_first_bits() {
        let lies = |a: &str, n: &str, prefix| lies_in(a.parse().unwrap(), n.parse().unwrap(), prefix);
        assert!(lies("192.0.2.129", "192.0.2.0", 24) && !lies("192.0.3.1", "192.0.2.0", 24));
        assert!(lies("203.0.113.9", "192.0.2.0", 0) && lies("192.0.2.1", "192.0.2.1", 32));
        assert!(lies("2001:db8::1", "2001:db8::", 127) && !lies("2001:db8::2", "2001:db8::", 127));
        assert!(!lies("::1", "192.0.2.0", 0));
    }
}
