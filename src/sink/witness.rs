//! What a sink took, in memory and on disk: the witness of what was really handed over.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

/// The file below the sink's folder that outlives every process.
pub const LOG_NAME: &str = "accepted.log";

/// One letter taken for one recipient: a line of the log, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Counts from 1 over the log's life.
    pub sequence: usize,
    /// The connection it came on; they count from 1.
    pub connection: usize,
    /// The envelope's sender, as the client wrote it.
    pub sender: String,
    /// The envelope's recipient, as the client wrote it.
    pub recipient: String,
    /// With its angle brackets; empty if the letter has none.
    pub message_id: String,
    /// FNV-1a (64 bits) of the letter, dots unstuffed, in hexadecimal.
    pub hash: String,
    /// Whether the server meant to answer; decided before the line was written.
    pub replied: bool,
}

/// Reads a sink's log.
pub fn read_log(path: &Path) -> io::Result<Vec<Accepted>> {
    let lines = BufReader::new(File::open(path)?).lines();
    // The last line may be half of one: the sink was killed, and had not answered.
    Ok(lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok()).collect())
}

/// How much of it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// Each letter, in memory, and a line in the log that is on disk before the answer leaves.
    Everything,
    /// Only how many there were: for measuring.
    Counts,
}

/// What was taken.
pub(super) struct Witness {
    log: Option<File>,
    pub(super) kept: Vec<(Accepted, Vec<u8>)>,
    pub(super) taken: usize,
}

impl Witness {
    pub(super) fn new(folder: &Path, keeping: Keeping) -> io::Result<Self> {
        let log = match keeping {
            Keeping::Everything => {
                Some(File::options().create(true).append(true).open(folder.join(LOG_NAME))?)
            }
            Keeping::Counts => None,
        };
        Ok(Self { log, kept: Vec::new(), taken: 0 })
    }

    /// Puts a letter on disk: a line for each recipient, all in one write.
    pub(super) fn take(
        &mut self,
        connection: usize,
        (sender, recipients): (&str, &[String]),
        letter: &[u8],
        replied: bool,
    ) -> io::Result<()> {
        self.taken += recipients.len();
        let Some(log) = &mut self.log else { return Ok(()) };
        let mut lines = String::new();
        for recipient in recipients {
            let accepted = Accepted {
                sequence: self.kept.len() + 1,
                connection,
                sender: sender.to_string(),
                recipient: recipient.clone(),
                message_id: message_id(letter),
                hash: format!("{:016x}", fnv1a(letter)),
                replied,
            };
            lines.push_str(&serde_json::to_string(&accepted)?);
            lines.push('\n');
            self.kept.push((accepted, letter.to_vec()));
        }
        log.write_all(lines.as_bytes())?;
        log.sync_all()
    }
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn message_id(letter: &[u8]) -> String {
    let end = letter.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(letter.len());
    let head = String::from_utf8_lossy(&letter[..end]);
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let fields = unfolded.split("\r\n").filter_map(|field| field.split_once(':'));
    let mut ids = fields.filter(|(name, _)| name.eq_ignore_ascii_case("Message-ID"));
    ids.next().map(|(_, id)| id.trim().to_owned()).unwrap_or_default()
}
