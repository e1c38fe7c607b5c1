//! What happens to a letter, by the recipient's name; and faults that are put in between from outside.

use std::{collections::HashMap, time::Duration};

/// A place in a conversation at which something can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Instead of the greeting.
    Banner,
    /// At EHLO.
    Ehlo,
    /// At MAIL.
    Mail,
    /// At RCPT.
    Rcpt,
    /// At DATA.
    Data,
    /// At RSET.
    Rset,
    /// In the middle of the letter.
    Body,
    /// After the final dot.
    Dot,
}

/// How it goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This answer instead of the usual one. After a 421, or any greeting but 220, it hangs up.
    Says(String),
    /// It hangs up.
    HangsUp,
    /// It resets the connection.
    Resets,
    /// It never answers, and never hangs up.
    IsSilent,
    /// It says something that is no answer.
    Babbles,
    /// It says half of its answer, and hangs up.
    Breaks,
    /// It says the right thing, a byte after each pause.
    Dribbles(Duration),
}

/// Whether a letter is taken before the fault at its dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is, and written down.
    Yes,
    /// It is not.
    No,
}

/// What becomes of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The usual.
    Usual,
    /// A fault; at the dot, with the letter taken or not.
    Odd(Fault, Taken),
}

/// Faults that were asked for, and how often each name came to each place.
#[derive(Debug, Default)]
pub(super) struct Script {
    faults: HashMap<Stage, Vec<(Fault, Taken, usize)>>,
    visits: HashMap<(Stage, String), usize>,
}

impl Script {
    pub(super) fn add(&mut self, stage: Stage, fault: Fault, taken: Taken, times: usize) {
        self.faults.entry(stage).or_default().push((fault, taken, times));
    }

    pub(super) fn heal(&mut self) {
        self.faults.clear();
    }

    /// What happens here now; `recipient` where there is one.
    pub(super) fn at(&mut self, stage: Stage, recipient: Option<&str>) -> Verdict {
        if let Some((fault, taken, left)) =
            self.faults.get_mut(&stage).and_then(|faults| faults.iter_mut().find(|(_, _, left)| *left > 0))
        {
            *left = left.saturating_sub(usize::from(*left != usize::MAX));
            return Verdict::Odd(fault.clone(), *taken);
        }
        let Some(recipient) = recipient else { return Verdict::Usual };
        let recipient = recipient.to_lowercase();
        let visit = self.visits.entry((stage, recipient.clone())).or_default();
        *visit += 1;
        by_name(&recipient, stage, *visit)
    }

    /// How often a recipient was named at RCPT.
    pub(super) fn attempts(&self, recipient: &str) -> usize {
        self.visits.get(&(Stage::Rcpt, recipient.to_lowercase())).copied().unwrap_or(0)
    }
}

/// The names that are known, the longer before those that they begin with.
const NAMES: [&str; 22] = [
    "nouser",
    "greyer",
    "grey",
    "full",
    "late",
    "thrice",
    "never",
    "lostno",
    "lost",
    "reset",
    "garbage",
    "half",
    "mute",
    "rate421",
    "rate450",
    "auth",
    "policy",
    "data4",
    "data5",
    "hangrcpt",
    "hangdata",
    "closedata",
];

fn by_name(recipient: &str, stage: Stage, visit: usize) -> Verdict {
    use Stage::{Data, Dot, Rcpt};
    let name = NAMES.into_iter().find(|name| recipient.starts_with(name)).unwrap_or("");
    let says = |words: &str| Verdict::Odd(Fault::Says(words.into()), Taken::No);
    let odd = |fault, taken| Verdict::Odd(fault, taken);
    match (name, stage, visit) {
        ("nouser", Rcpt, _) => says("550 5.1.1 no such user"),
        ("grey", Rcpt, 1) | ("greyer", Rcpt, 1 | 2) => says("451 4.7.1 greylisted, try again later"),
        ("full", Rcpt, _) => says("452 4.2.2 mailbox full"),
        ("rate421", Rcpt, 1 | 2) => says("421 4.7.28 too many letters from you, slow down"),
        ("rate450", Rcpt, 1 | 2) => says("450 4.7.28 too many letters from you, slow down"),
        ("policy", Rcpt, _) => says("550 5.7.26 this mail is unauthenticated"),
        ("hangrcpt", Rcpt, 1) | ("hangdata", Data, 1) | ("mute", Dot, _) => odd(Fault::IsSilent, Taken::No),
        ("closedata", Data, 1) | ("lostno", Dot, 1) => odd(Fault::HangsUp, Taken::No),
        ("data4", Data, 1) => says("451 4.3.0 not now"),
        ("data5", Data, _) => says("554 5.5.0 never"),
        ("late", Dot, 1) | ("thrice", Dot, 1 | 2) => says("451 4.3.0 try again later"),
        ("never", Dot, _) => says("554 5.6.0 not wanted here"),
        ("auth", Dot, _) => says("550 5.7.515 access denied, the sender does not meet the required level"),
        ("lost", Dot, 1) => odd(Fault::HangsUp, Taken::Yes),
        ("reset", Dot, 1) => odd(Fault::Resets, Taken::Yes),
        ("garbage", Dot, 1) => odd(Fault::Babbles, Taken::Yes),
        ("half", Dot, 1) => odd(Fault::Breaks, Taken::Yes),
        _ => Verdict::Usual,
    }
}
