//! What a receiving server's own log says that it took, to be held against our rows, of which nothing is known here.
//!
//! Two kinds of line are understood, mixed as they may be: JSON with a `message_id`, and what a Postfix writes to a
//! file or to syslog. A Postfix says it in pieces, tied together by its queue id:
//!
//! ```text
//! … postfix/cleanup[7]: 4XYZ: message-id=<…>                    which letter: a client that dies in DATA leaves it too
//! … postfix/qmgr[8]: 4XYZ: from=<…>, …, nrcpt=1 (queue active)  it is taken; said again at every later try
//! … postfix/smtp[9]: 4XYZ: to=<…>, …, status=sent (…)           what came of it
//! … postfix/qmgr[8]: 4XYZ: removed                              the queue id may name another letter from here on
//! ```
//!
//! A server hands letters to itself: through a content filter, by an alias or a `.forward`, when they are requeued.
//! Each time the letter gets a new queue id and keeps its Message-ID, and is no second copy. The log tells by
//! `queued as 4XYZ`, `forwarded as 4XYZ` and `orig_id=4XYZ`. A filter that hands letters back through `sendmail` leaves
//! no such trace, and makes copies of all of them. A letter on hold counts once it is released.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, BufRead, Read},
};

use serde::Deserialize;

/// What is read of a line.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// RFC 5322 §2.1.1: none of ours is longer.
const MESSAGE_ID_BYTES_MAX: usize = 998;
/// A Postfix makes them from the time and a file's number: 11 or 16 bytes, mostly.
const QUEUE_ID_BYTES: std::ops::RangeInclusive<usize> = 6..=40;
/// Letters that may be on their way in at once. Those whose client died are told from them by age alone.
const BEGUN_MAX: usize = 20_000;

/// Reads a whole log, or several, each server's in the order of time.
pub fn read(mut reader: impl BufRead) -> io::Result<Testimony> {
    let mut witness = Witness::new();
    let mut line = Vec::new();
    while reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? > 0 {
        if !line.ends_with(b"\n") {
            reader.skip_until(b'\n')?;
        }
        witness.line(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(witness.finish())
}

/// What the log says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Testimony {
    /// Each copy of each letter, in the order they were taken, by its Message-ID without the angle brackets.
    pub taken: BTreeMap<String, Vec<Taken>>,
    /// How many lines there were.
    pub lines: usize,
    /// How many of them said something about a letter, ours or not.
    pub understood: usize,
}

/// A letter that the server took responsibility for, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// As the client named them; the first that is told of, if there are several.
    pub recipient: Option<String>,
    /// What came of it so far.
    pub onward: Onward,
}

/// What the server did with a letter after it took it: what it said last, of whichever recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Onward {
    /// The log does not tell.
    #[default]
    Unknown,
    /// Handed to a mailbox, or to another server.
    Delivered,
    /// To be tried again.
    Deferred,
    /// Given up; the sender was told.
    Bounced,
}

/// Reads a log line by line. It keeps what was taken, and the letters on their way in.
#[derive(Debug, Default)]
pub struct Witness {
    lines: usize,
    understood: usize,
    letters: Vec<Letter>,
    begun: Begun,
    /// Of each queue id that is in use, its place in `letters`. The ids of several servers share this one map: names of
    /// instances are no help, since any of their programs may be told to log under another.
    queue: HashMap<String, usize>,
}

#[derive(Debug)]
struct Letter {
    message_id: String,
    /// Empty if it has none.
    queue_id: String,
    taken: Taken,
    /// Queue ids under which the letter lives on, here or elsewhere.
    handed_to: Vec<String>,
}

#[derive(Deserialize)]
struct JsonLine {
    message_id: String,
    #[serde(default)]
    recipient: serde_json::Value,
}

impl Witness {
    /// Of a log that is not read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One line of the log; one that says nothing of a letter is passed over.
    pub fn line(&mut self, line: &str) {
        self.lines += 1;
        let line = line.trim();
        let said = if line.starts_with('{') { self.json(line) } else { self.postfix(line) };
        self.understood += usize::from(said.is_some());
    }

    /// What the lines say together.
    pub fn finish(mut self) -> Testimony {
        let is_folded = fold(&mut self.letters);
        let mut taken: BTreeMap<String, Vec<Taken>> = BTreeMap::new();
        for (letter, is_folded) in self.letters.into_iter().zip(is_folded) {
            if !is_folded {
                taken.entry(letter.message_id).or_default().push(letter.taken);
            }
        }
        Testimony { taken, lines: self.lines, understood: self.understood }
    }

    fn json(&mut self, line: &str) -> Option<()> {
        let line: JsonLine = serde_json::from_str(line).ok()?;
        let message_id = bare(&line.message_id)?.to_string();
        let recipient = line.recipient.as_str().map(str::to_string);
        let taken = Taken { recipient, onward: Onward::Unknown };
        self.letters.push(Letter { message_id, queue_id: String::new(), taken, handed_to: Vec::new() });
        Some(())
    }

    fn postfix(&mut self, line: &str) -> Option<()> {
        let (program, message) = program_and_message(line)?;
        let (queue_id, event) = message.split_once(": ").filter(|(queue_id, _)| is_queue_id(queue_id))?;
        match program {
            "cleanup" => self.begin(queue_id, event.strip_prefix("message-id=")?),
            "qmgr" | "oqmgr" | "nqmgr" if event.ends_with("(queue active)") => {
                self.take(queue_id);
            }
            "qmgr" | "oqmgr" | "nqmgr" if event.ends_with("expired, returned to sender") => {
                if let Some(letter) = self.take(queue_id) {
                    letter.taken.onward = Onward::Bounced;
                }
            }
            "qmgr" | "oqmgr" | "nqmgr" | "postsuper" if event == "removed" => self.forget(queue_id),
            "pickup" => self.requeue(event.rsplit_once(" orig_id=")?.1, queue_id),
            "smtp" | "lmtp" | "local" | "virtual" | "pipe" | "error" | "discard" | "qmgr" => {
                let attempt = Attempt::parse(event)?;
                if let Some(letter) = self.take(queue_id) {
                    letter.tried(attempt);
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// A letter is coming in, and its Message-ID has come.
    fn begin(&mut self, queue_id: &str, message_id: &str) {
        let message_id = bare(message_id);
        let open = self.queue.get(queue_id).map(|&at| self.letters[at].message_id.as_str());
        if open.is_some() && open == message_id {
            return; // requeued
        }
        // Whatever had this queue id is gone, though the log may have no word of it.
        self.forget(queue_id);
        if let Some(message_id) = message_id {
            self.begun.put(queue_id, message_id);
        }
    }

    /// The letter of this queue id is in the queue, from now on or as before; none if the log begins after it came.
    /// Whoever tries to deliver it proves that too, if syslog lost the line that says so.
    fn take(&mut self, queue_id: &str) -> Option<&mut Letter> {
        if let Some(message_id) = self.begun.remove(queue_id) {
            self.queue.insert(queue_id.to_string(), self.letters.len());
            let taken = Taken { recipient: None, onward: Onward::Unknown };
            self.letters.push(Letter {
                message_id,
                queue_id: queue_id.to_string(),
                taken,
                handed_to: Vec::new(),
            });
        }
        let at = *self.queue.get(queue_id)?;
        self.letters.get_mut(at)
    }

    /// `postsuper -r`: the letter goes through the server once more, under a new queue id.
    fn requeue(&mut self, old_queue_id: &str, queue_id: &str) {
        if let Some(at) = self.queue.remove(old_queue_id) {
            self.queue.insert(queue_id.to_string(), at);
        }
    }

    fn forget(&mut self, queue_id: &str) {
        self.queue.remove(queue_id);
        self.begun.remove(queue_id);
    }
}

impl Letter {
    fn tried(&mut self, attempt: Attempt) {
        self.taken.recipient.get_or_insert_with(|| attempt.recipient.to_string());
        self.taken.onward = attempt.onward;
        if let Some(queue_id) = attempt.handed_to
            && !self.handed_to.iter().any(|known| known == queue_id)
        {
            self.handed_to.push(queue_id.to_string());
        }
    }
}

/// Letters that are coming in, by queue id: at least the last `BEGUN_MAX`, at most twice as many.
#[derive(Debug, Default)]
struct Begun {
    recent: HashMap<String, String>,
    older: HashMap<String, String>,
}

impl Begun {
    fn put(&mut self, queue_id: &str, message_id: &str) {
        if self.recent.len() >= BEGUN_MAX {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(queue_id.to_string(), message_id.to_string());
    }

    fn remove(&mut self, queue_id: &str) -> Option<String> {
        let older = self.older.remove(queue_id);
        self.recent.remove(queue_id).or(older)
    }
}

/// What came of one try at one recipient.
struct Attempt<'a> {
    recipient: &'a str,
    onward: Onward,
    handed_to: Option<&'a str>,
}

impl<'a> Attempt<'a> {
    /// `to=<new@…>, orig_to=<old@…>, relay=…, …, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4XYZ)`
    fn parse(event: &'a str) -> Option<Self> {
        // A quoted local part may hold `>, `.
        let (addresses, more) = event.strip_prefix("to=<")?.split_once(">, relay=")?;
        let (_, status) = more.split_once(", status=")?;
        let (status, reply) = status.split_once(' ').unwrap_or((status, ""));
        let onward = match status {
            "sent" => Onward::Delivered,
            // `SOFTBOUNCE` is a refusal that `soft_bounce = yes` puts off.
            "deferred" | "SOFTBOUNCE" => Onward::Deferred,
            "bounced" | "expired" => Onward::Bounced,
            _ => return None,
        };
        Some(Self {
            recipient: addresses.split_once(">, orig_to=<").map_or(addresses, |(_, original)| original),
            onward,
            handed_to: handed_to(reply).filter(|_| onward == Onward::Delivered),
        })
    }
}

/// The last queue id that is named: a filter repeats what the next server told it.
fn handed_to(reply: &str) -> Option<&str> {
    let (_, queue_id) = reply.rsplit_once("queued as ").or_else(|| reply.rsplit_once("forwarded as "))?;
    let queue_id = queue_id.split(|letter: char| !letter.is_ascii_alphanumeric()).next()?;
    is_queue_id(queue_id).then_some(queue_id)
}

/// Which letters are an earlier one under a new queue id. What came of those is what came of that one.
fn fold(letters: &mut [Letter]) -> Vec<bool> {
    let mut ancestry = Ancestry::of(letters.len());
    let mut is_handed_on = vec![false; letters.len()];
    if letters.iter().any(|letter| !letter.handed_to.is_empty()) {
        let by_ids: HashMap<(&str, &str), usize> = letters
            .iter()
            .enumerate()
            .map(|(at, letter)| ((letter.message_id.as_str(), letter.queue_id.as_str()), at))
            .collect();
        for (at, letter) in letters.iter().enumerate() {
            for queue_id in &letter.handed_to {
                let heir = by_ids.get(&(letter.message_id.as_str(), queue_id.as_str()));
                is_handed_on[at] |= heir.is_some_and(|&heir| ancestry.adopt(at, heir));
            }
        }
    }
    for at in (0..letters.len()).filter(|&at| !is_handed_on[at]) {
        letters[ancestry.eldest(at)].taken.onward = letters[at].taken.onward;
    }
    (0..letters.len()).map(|at| ancestry.eldest(at) != at).collect()
}

/// Who comes from whom, by place; without circles, whatever the log says.
struct Ancestry(Vec<usize>);

impl Ancestry {
    fn of(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn eldest(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]]; // so that long lines stay quick
            at = self.0[at];
        }
        at
    }

    /// Whether `heir` had nobody, and is not an ancestor of `at`.
    fn adopt(&mut self, at: usize, heir: usize) -> bool {
        let eldest = self.eldest(at);
        let is_free = self.0[heir] == heir && heir != eldest;
        if is_free {
            self.0[heir] = eldest;
        }
        is_free
    }
}

/// `… HOST INSTANCE/PROGRAM[PID]: MESSAGE`, whatever the date looks like; an instance may be `postfix-out/submission`.
fn program_and_message(line: &str) -> Option<(&str, &str)> {
    let (head, message) = line.split_once("]: ")?;
    let (head, pid) = head.rsplit_once('[')?;
    let (_, program) = head.rsplit_once('/')?;
    (!pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit())).then_some((program, message))
}

/// Hexadecimal, or the long kind, which has no vowels lest it spell a word: so neither `NOQUEUE` nor `warning` is one.
fn is_queue_id(text: &str) -> bool {
    let is_short = || text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    let is_long = || text.bytes().all(|byte| byte.is_ascii_alphanumeric() && !b"AEIOUaeiou".contains(&byte));
    QUEUE_ID_BYTES.contains(&text.len()) && (is_short() || is_long())
}

/// What stands between the angle brackets, or all of it if there are none.
fn bare(message_id: &str) -> Option<&str> {
    let message_id = message_id.trim();
    let bare = message_id
        .strip_prefix('<')
        .map_or(message_id, |inside| inside.split_once('>').map_or(inside, |(id, _)| id));
    (1..=MESSAGE_ID_BYTES_MAX).contains(&bare.len()).then_some(bare)
}

#[cfg(test)]
mod tests;
