//! What was found out, in sentences for a writer who has never set up mail.

use std::fmt;

use crate::doctor::dns::{DnsError, readable};

/// How good or bad it is. The order is that of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Good,
    /// Worth knowing; nothing has to be done.
    Note,
    /// Some letters may suffer.
    Warn,
    /// Letters will be refused or lost.
    Bad,
}

impl Level {
    /// Its name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Who may send for the domain (RFC 7208).
    Spf,
    /// The key that proves our signature (RFC 6376).
    Dkim,
    /// What becomes of forged letters (RFC 9989).
    Dmarc,
    /// Where replies and bounces go (RFC 5321 §5.1).
    Mx,
    /// The name of a server's address (RFC 1912 §2.1).
    Ptr,
    /// The server that takes our letters.
    Server,
    /// Whether the domain is there at all.
    Domain,
    /// The name servers themselves.
    Dns,
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spf => "SPF",
            Self::Dkim => "DKIM",
            Self::Dmarc => "DMARC",
            Self::Mx => "Incoming mail",
            Self::Ptr => "Reverse DNS",
            Self::Server => "Mail server",
            Self::Domain => "Domain",
            Self::Dns => "Name server",
        })
    }
}

/// A DNS record, ready to be pasted. A panel that refuses a value of more than 255 characters wants it
/// in several quoted pieces (RFC 1035 §3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The full name, without a dot at the end.
    pub name: String,
    /// The type: `TXT`.
    pub kind: &'static str,
    /// The value, in one piece and without quotes.
    pub value: String,
}

/// One thing found out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Finding {
    /// How good or bad it is.
    pub level: Level,
    /// What it is about; `says` begins with its name.
    pub about: About,
    /// One sentence, with its full stop.
    pub says: String,
    /// What to do, in one to three sentences.
    pub fix: Option<String>,
    /// What to publish.
    pub record: Option<Record>,
}

impl Finding {
    /// It is as it should be.
    pub fn good(about: About, says: impl fmt::Display) -> Self {
        Self::new(Level::Good, about, says)
    }

    /// It is worth knowing.
    pub fn note(about: About, says: impl fmt::Display) -> Self {
        Self::new(Level::Note, about, says)
    }

    /// Some letters may suffer from it.
    pub fn warn(about: About, says: impl fmt::Display) -> Self {
        Self::new(Level::Warn, about, says)
    }

    /// Letters will be refused or lost for it.
    pub fn bad(about: About, says: impl fmt::Display) -> Self {
        Self::new(Level::Bad, about, says)
    }

    /// The DNS gave no answer, so nothing is known.
    pub fn cannot_tell(about: About, error: &DnsError) -> Self {
        Self::warn(about, format_args!("cannot tell, because {error}."))
            .fix("Try again in a minute. If it stays so, ask whoever runs the DNS of that name.")
    }

    /// Adds what to do.
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(on_one_line(&fix.into()));
        self
    }

    /// Adds the TXT record to publish.
    pub fn publish(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.record = Some(Record { name: name.into(), kind: "TXT", value: value.into() });
        self
    }

    fn new(level: Level, about: About, says: impl fmt::Display) -> Self {
        Self { level, about, says: on_one_line(&format!("{about}: {says}")), fix: None, record: None }
    }
}

/// Servers' words stand in findings, and findings on a terminal, which they may not steer.
fn on_one_line(words: &str) -> String {
    readable(words.replace(['\r', '\n', '\t'], " ").as_bytes())
}

/// "a", "a and b", "a, b and c".
pub fn listed<T: fmt::Display>(things: &[T]) -> String {
    match things {
        [] => String::new(),
        [one] => one.to_string(),
        [most @ .., last] => {
            let most: Vec<String> = most.iter().map(T::to_string).collect();
            format!("{} and {last}", most.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_like_a_sentence() {
        assert_eq!(listed::<&str>(&[]), "");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn a_sentence_begins_with_what_it_is_about() {
        assert_eq!(Finding::good(About::Spf, "all is well.").says, "SPF: all is well.");
        assert_eq!(
            Finding::bad(About::Server, "550 no\r\n\u{1b}[2Jthanks.").says,
            "Mail server: 550 no  \u{fffd}[2Jthanks."
        );
        assert!(Level::Bad > Level::Warn && Level::Warn > Level::Note && Level::Note > Level::Good);
    }
}
