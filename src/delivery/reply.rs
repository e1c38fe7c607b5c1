//! What a mail server's refusal is about: the reader, the moment, or us.
//!
//! By the enhanced status code (RFC 3463, RFC 5248) where there is one, which says more than the three
//! digits before it. Never by the text, which is anybody's prose, but for one thing: limits of rate.

/// Whom a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The address: nobody is there.
    Reader,
    /// The mailbox, for now: full, or resting.
    Mailbox,
    /// Us: our signature, our name, our content, our address on the network.
    Sender,
    /// It does not say.
    Unsaid,
}

impl Blame {
    /// Its name in the store and in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Mailbox => "mailbox",
            Self::Sender => "sender",
            Self::Unsaid => "unsaid",
        }
    }

    /// Of a reply, as `550 5.7.26 this mail is unauthenticated`.
    pub fn of(reply: &str) -> Self {
        let Some((class, subject, detail)) = enhanced(reply) else { return Self::Unsaid };
        match (class, subject, detail) {
            // RFC 3463 §3.8, and what providers number onwards from it: authentication, policy, reputation.
            // And a sender's address that is bad.
            (_, 7, _) | (5, 1, 7 | 8) => Self::Sender,
            (5, 1, 1 | 2 | 3 | 6 | 10) | (5, 2, 1) => Self::Reader,
            (_, 2, _) | (5, 3, 4) => Self::Mailbox,
            _ => Self::Unsaid,
        }
    }
}

/// Whether the server says that we are too fast, and not that this reader's turn has not come.
pub fn is_about_rate(reply: &str) -> bool {
    if is_about_the_connection(reply) {
        return false;
    }
    // RFC 3463 §3.5: a bad connection, as when it was idle for too long.
    if matches!(enhanced(reply), Some((4, 4, 2))) {
        return false;
    }
    if reply.starts_with("421") {
        return true;
    }
    if !reply.starts_with('4') {
        return false;
    }
    // RFC 5248's registry, and Google's and Microsoft's own numbers.
    if matches!(enhanced(reply), Some((4, 7, 28 | 650 | 500 | 0) | (4, 3, 2) | (4, 4, 5))) {
        return true;
    }
    let words = reply.to_ascii_lowercase();
    ["too many", "too much", "too fast", "rate limit", "throttl"].iter().any(|sign| words.contains(sign))
}

/// Whether the server has had enough of this connection alone: a Postfix after twenty refusals, for one.
pub fn is_about_the_connection(reply: &str) -> bool {
    reply.starts_with("421") && reply.to_ascii_lowercase().contains("too many errors")
}

/// `5.7.26` of `550 5.7.26 …` or `550-5.7.26 …`.
fn enhanced(reply: &str) -> Option<(u16, u16, u16)> {
    let words = reply.get(4..)?;
    let code = words.split(|c: char| c.is_whitespace() || c == '-').find(|word| !word.is_empty())?;
    let mut numbers = code.trim_end_matches([':', ';', ',']).split('.').map(str::parse::<u16>);
    let code = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    (numbers.next().is_none() && matches!(code.0, 2 | 4 | 5)).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_whom_it_is_about() {
        for (reply, blame) in [
            ("550 5.1.1 no such user", Blame::Reader),
            ("550 5.2.1 disabled", Blame::Reader),
            ("550 5.1.0 address rejected", Blame::Unsaid),
            ("552 5.2.2 full", Blame::Mailbox),
            ("452 4.2.2 full", Blame::Mailbox),
            ("550 5.7.515 Access denied", Blame::Sender),
            ("550-5.7.26 unauthenticated", Blame::Sender),
            ("554 5.7.1: <host> blocked", Blame::Sender),
            ("550 no such user", Blame::Unsaid),
            ("550", Blame::Unsaid),
            ("554 10.0.0.1 is listed", Blame::Unsaid),
        ] {
            assert_eq!(Blame::of(reply), blame, "{reply}");
        }
    }

    #[test]
    fn limits_of_rate_are_told_from_greylisting() {
        for reply in ["421 4.7.28 slow down", "450 4.7.28 rate", "450 4.7.1 Error: too much mail from host"] {
            assert!(is_about_rate(reply), "{reply}");
        }
        for reply in [
            "451 4.7.1 greylisted, try again later",
            "452 4.2.2 full",
            "450 4.2.1 this mailbox gets mail too quickly",
            "550 5.7.28 rate",
            "450",
            "421 4.7.0 mail.example.org Error: too many errors",
            "421 4.4.2 mail.example.org Error: timeout exceeded",
        ] {
            assert!(!is_about_rate(reply), "{reply}");
        }
    }
}
