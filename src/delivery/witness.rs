//! What a receiving server's own log says that it took: JSON lines, as `byline demo sink` writes them, or the log of
//! a Postfix. It knows nothing of our rows, so each can be held against the other.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

/// Reads a log line by line.
#[derive(Debug, Default)]
pub struct Witness {
    taken: BTreeMap<String, usize>,
    /// Letters that a Postfix has begun to take, by its queue id.
    queue: HashMap<String, Queued>,
    understood: usize,
}

#[derive(Debug)]
struct Queued {
    message_id: String,
    is_taken: bool,
}

#[derive(Deserialize)]
struct Line {
    message_id: String,
}

impl Witness {
    /// One line of the log, of either kind; others are passed over.
    pub fn line(&mut self, line: &str) {
        let line = line.trim();
        if line.starts_with('{') {
            if let Ok(Line { message_id }) = serde_json::from_str(line) {
                self.take(bare(&message_id).to_string());
            }
        } else {
            let _ = self.postfix(line);
        }
    }

    /// How often each letter was taken, by its Message-ID without the angle brackets.
    pub fn taken(&self) -> &BTreeMap<String, usize> {
        &self.taken
    }

    /// How many lines said something.
    pub fn understood(&self) -> usize {
        self.understood
    }

    fn take(&mut self, message_id: String) {
        self.understood += 1;
        *self.taken.entry(message_id).or_default() += 1;
    }

    /// `… postfix/cleanup[7]: 4XYZ: message-id=<…>` says which letter it is; that it was taken, only
    /// `… postfix/qmgr[8]: 4XYZ: from=<…>, size=…, nrcpt=1 (queue active)`: whoever hangs up before the final
    /// dot has a Message-ID too. Queue ids are used again once they are removed.
    fn postfix(&mut self, line: &str) -> Option<()> {
        let at = line.find("postfix")?;
        let (program, rest) = line[at..].split_once("]: ")?;
        let program = program.rsplit('/').next()?.split('[').next()?;
        let (id, rest) = rest.split_once(": ")?;
        if !(6..=30).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        match program {
            "cleanup" => {
                let message_id = bare(rest.strip_prefix("message-id=")?).to_string();
                self.queue.insert(id.to_string(), Queued { message_id, is_taken: false });
            }
            "qmgr" if rest == "removed" => {
                self.queue.remove(id);
            }
            "qmgr" if rest.contains("(queue active)") => {
                let queued = self.queue.get_mut(id)?;
                if !std::mem::replace(&mut queued.is_taken, true) {
                    let message_id = queued.message_id.clone();
                    self.take(message_id);
                }
            }
            _ => {}
        }
        Some(())
    }
}

fn bare(message_id: &str) -> &str {
    message_id.trim().trim_start_matches('<').trim_end_matches('>')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOG: &str = "\
Nov 28 19:41:33 mail postfix/smtpd[17165]: 684019CE105: client=unknown[127.0.0.1]
Nov 28 19:41:33 mail postfix/cleanup[17203]: 684019CE105: message-id=<1.a@far-bank.example>
Nov 28 19:41:33 mail postfix/qmgr[17163]: 684019CE105: from=<shirin@far-bank.example>, size=11588, nrcpt=1 (queue active)
Nov 28 19:41:33 mail postfix/cleanup[17203]: 695889CE114: message-id=<1.b@far-bank.example>
Nov 28 19:41:34 mail postfix/smtpd[17200]: lost connection after DATA (3021 bytes) from unknown[127.0.0.1]
Nov 28 19:41:34 mail postfix/pipe[17207]: 684019CE105: to=<a@example.org>, relay=maildir, dsn=4.0.0, status=deferred (x)
Nov 28 19:46:34 mail postfix/qmgr[17163]: 684019CE105: from=<shirin@far-bank.example>, size=11588, nrcpt=1 (queue active)
Nov 28 19:46:34 mail postfix/qmgr[17163]: 684019CE105: removed
2026-11-28T19:46:35.1+00:00 mail postfix-out/cleanup[3]: 684019CE105: message-id=<1.a@far-bank.example>
2026-11-28T19:46:35.2+00:00 mail postfix-out/qmgr[4]: 684019CE105: from=<shirin@far-bank.example>, size=1, nrcpt=1 (queue active)
{\"sequence\":1,\"recipient\":\"c@example.org\",\"message_id\":\"<1.c@far-bank.example>\",\"replied\":false}
{\"half
";

    #[test]
    fn a_letter_counts_when_the_server_took_responsibility_for_it() {
        let mut witness = Witness::default();
        LOG.lines().for_each(|line| witness.line(line));
        let taken: Vec<(&str, usize)> =
            witness.taken().iter().map(|(id, times)| (id.as_str(), *times)).collect();
        assert_eq!(taken, [("1.a@far-bank.example", 2), ("1.c@far-bank.example", 1)]);
        assert_eq!(witness.understood(), 3);
    }

    proptest! {
        #[test]
        fn any_line_may_come(line in "(postfix|/qmgr|\\[7\\]: |ABCDEF1: |message-id=<|>|\\{|.){0,12}") {
            Witness::default().line(&line);
        }
    }
}
