//! A mail server that does what the recipient's name says, and is the witness of what was handed over.
//!
//! Every message it takes is a line of `accepted.log`, on disk before the `250` leaves, so the log is right even when
//! the sender is killed between the two. It is no mail server otherwise: no TLS, no AUTH, no delivery (see `postfix`).
//!
//! | local part starts with | what happens                                                              |
//! |------------------------|---------------------------------------------------------------------------|
//! | `nouser`               | `550 5.1.1` at RCPT                                                       |
//! | `grey`                 | `451 4.7.1` at the recipient's first RCPT, then fine                      |
//! | `full`                 | `452 4.2.2` at RCPT                                                       |
//! | `late`                 | `451 4.3.0` after the recipient's first final dot, then fine              |
//! | `thrice`               | as `late`, twice                                                          |
//! | `never`                | `554 5.7.1` after the final dot                                           |
//! | `lost`                 | first final dot: taken and logged, connection closed unanswered; then fine |
//! | `mute`                 | the final dot is never answered, nothing is taken                         |
//! | anything else          | taken                                                                     |

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The file below the server's folder that outlives every process in the test.
pub const LOG_NAME: &str = "accepted.log";

/// One message taken for one recipient: a line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Counts from 1 over the server's life.
    pub sequence: usize,
    /// The connection it came on; they count from 1.
    pub connection: usize,
    /// The envelope's sender, as the client wrote it; not in the log.
    pub sender: String,
    /// The envelope's recipient, as the client wrote it.
    pub recipient: String,
    /// With its angle brackets; empty if the message has none.
    pub message_id: String,
    /// FNV-1a (64 bits) of the message, dots unstuffed.
    pub hash: u64,
    /// Whether the server meant to answer; decided before the line was written.
    pub replied: bool,
}

/// A running server; dropping it closes every connection and joins every thread.
pub struct SmtpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

/// What may be chosen before a server starts.
pub struct SmtpServerBuilder {
    folder: PathBuf,
    reply_delay: Duration,
}

impl SmtpServerBuilder {
    /// The latency of a real server: slept before every reply.
    pub fn reply_delay(self, reply_delay: Duration) -> Self {
        Self { reply_delay, ..self }
    }

    /// Listens on a free port of 127.0.0.1.
    pub fn start(self) -> SmtpServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(LOG_NAME))
            .expect("the log opens");
        let shared = Arc::new(Shared {
            reply_delay: self.reply_delay,
            witness: Mutex::new(Witness::new(log)),
            taken: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        let listener = Some(thread::spawn(move || listen(&listener, &serving)));
        SmtpServer { address, shared, listener }
    }
}

impl SmtpServer {
    /// A server that answers at once and logs into `folder`, which must exist.
    pub fn start(folder: &Path) -> Self {
        Self::builder(folder).start()
    }

    /// A server with something to choose.
    pub fn builder(folder: &Path) -> SmtpServerBuilder {
        SmtpServerBuilder { folder: folder.to_owned(), reply_delay: Duration::ZERO }
    }

    /// On 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Everything taken so far, oldest first.
    pub fn accepted(&self) -> Vec<Accepted> {
        self.shared.witness().accepted()
    }

    /// Recipient and bytes (dots unstuffed) of everything taken so far, oldest first.
    pub fn messages(&self) -> Vec<(String, Vec<u8>)> {
        let witness = self.shared.witness();
        witness.kept.iter().map(|(accepted, message)| (accepted.recipient.clone(), message.clone())).collect()
    }

    /// Recipient and bytes of every message that came to its final dot, taken or not, oldest first.
    pub fn offered(&self) -> Vec<(String, Vec<u8>)> {
        self.shared.witness().offered.clone()
    }

    /// Waits until at least `count` are taken; it may come back before the sender has read its `250`.
    pub fn wait_for(&self, count: usize, deadline: Duration) -> Vec<Accepted> {
        let waiting = self.shared.witness();
        let (witness, _) = self
            .shared
            .taken
            .wait_timeout_while(waiting, deadline, |witness| witness.kept.len() < count)
            .expect("no thread panicked with the lock");
        let accepted = witness.accepted();
        drop(witness);
        assert!(accepted.len() >= count, "{count} messages wanted within {deadline:?}, got {accepted:#?}");
        accepted
    }

    /// How often this recipient was named at RCPT, refused or not.
    pub fn attempts(&self, recipient: &str) -> usize {
        self.shared.witness().rcpts.get(&recipient.to_lowercase()).copied().unwrap_or(0)
    }

    /// Connections ever opened.
    pub fn connections(&self) -> usize {
        self.shared.witness().connections
    }

    /// The most connections open at one time.
    pub fn connections_peak(&self) -> usize {
        self.shared.witness().open_peak
    }

    /// CR without LF or LF without CR in message data; RFC 5321 §2.3.8 allows neither.
    pub fn bare_line_ends(&self) -> usize {
        self.shared.witness().bare_line_ends
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.shared.witness().stop();
        // The listener sees that it must stop only when somebody connects.
        drop(TcpStream::connect(self.address));
        if let Some(listener) = self.listener.take() {
            let ended = listener.join();
            assert!(ended.is_ok() || thread::panicking(), "the mail server panicked");
        }
    }
}

struct Shared {
    reply_delay: Duration,
    witness: Mutex<Witness>,
    taken: Condvar,
}

impl Shared {
    fn witness(&self) -> MutexGuard<'_, Witness> {
        self.witness.lock().expect("no thread panicked with the lock")
    }
}

/// All that outlives a connection.
struct Witness {
    log: File,
    kept: Vec<(Accepted, Vec<u8>)>,
    offered: Vec<(String, Vec<u8>)>,
    rcpts: HashMap<String, usize>,
    dots: HashMap<String, usize>,
    connections: usize,
    open: HashMap<usize, TcpStream>,
    open_peak: usize,
    bare_line_ends: usize,
    stopping: bool,
}

impl Witness {
    fn new(log: File) -> Self {
        Self {
            log,
            kept: Vec::new(),
            offered: Vec::new(),
            rcpts: HashMap::new(),
            dots: HashMap::new(),
            connections: 0,
            open: HashMap::new(),
            open_peak: 0,
            bare_line_ends: 0,
            stopping: false,
        }
    }

    fn accepted(&self) -> Vec<Accepted> {
        self.kept.iter().map(|(accepted, _)| accepted.clone()).collect()
    }

    /// The number of a new connection, or `None` if the server is stopping.
    fn open(&mut self, stream: TcpStream) -> Option<usize> {
        if self.stopping {
            return None;
        }
        self.connections += 1;
        self.open.insert(self.connections, stream);
        self.open_peak = self.open_peak.max(self.open.len());
        Some(self.connections)
    }

    fn stop(&mut self) {
        self.stopping = true;
        for stream in self.open.values() {
            // One that its client has already closed needs no closing.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// The recipient's script at RCPT.
    fn rcpt(&mut self, recipient: &str) -> &'static str {
        match (count(&mut self.rcpts, recipient), prefix(recipient)) {
            (_, "nouser") => "550 5.1.1 no such user",
            (1, "grey") => "451 4.7.1 greylisted, try again later",
            (_, "full") => "452 4.2.2 mailbox full",
            _ => "250 2.1.5 ok",
        }
    }

    /// The recipient's script at the final dot.
    fn dot(&mut self, recipient: &str) -> Verdict {
        match (count(&mut self.dots, recipient), prefix(recipient)) {
            (1, "late") | (1 | 2, "thrice") => Verdict::Refuse("451 4.3.0 try again later"),
            (_, "never") => Verdict::Refuse("554 5.7.1 not wanted here"),
            (1, "lost") => Verdict::TakeAndHangUp,
            (_, "mute") => Verdict::SayNothing,
            _ => Verdict::Take,
        }
    }

    /// Puts the message on disk: a line for each recipient, all in one write.
    fn take(
        &mut self,
        connection: usize,
        (sender, recipients): (&str, &[String]),
        message: &[u8],
        replied: bool,
    ) {
        let mut lines = String::new();
        for recipient in recipients {
            let accepted = Accepted {
                sequence: self.kept.len() + 1,
                connection,
                sender: sender.to_string(),
                recipient: recipient.clone(),
                message_id: message_id(message),
                hash: fnv1a(message),
                replied,
            };
            lines.push_str(&accepted.line());
            self.kept.push((accepted, message.to_vec()));
        }
        self.log.write_all(lines.as_bytes()).expect("the log takes a line");
        self.log.sync_all().expect("the log reaches the disk");
    }
}

impl Accepted {
    fn line(&self) -> String {
        let replied = if self.replied { "yes" } else { "no" };
        let Self { sequence, connection, recipient, message_id, hash, .. } = self;
        format!("{sequence}\t{connection}\t{recipient}\t{message_id}\t{hash:016x}\t{replied}\n")
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Take,
    TakeAndHangUp,
    SayNothing,
    Refuse(&'static str),
}

fn count(counts: &mut HashMap<String, usize>, recipient: &str) -> usize {
    let count = counts.entry(recipient.to_lowercase()).or_default();
    *count += 1;
    *count
}

fn prefix(recipient: &str) -> &'static str {
    let known = ["nouser", "grey", "full", "late", "thrice", "never", "lost", "mute"];
    known.into_iter().find(|prefix| recipient.to_lowercase().starts_with(prefix)).unwrap_or("")
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn message_id(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let headers = text.split("\r\n\r\n").next().unwrap_or_default();
    let unfolded = headers.replace("\r\n ", " ").replace("\r\n\t", " ");
    let fields = unfolded.split("\r\n").filter_map(|field| field.split_once(':'));
    let mut ids = fields.filter(|(name, _)| name.eq_ignore_ascii_case("Message-ID"));
    ids.next().map(|(_, id)| id.trim().to_owned()).unwrap_or_default()
}

/// Accepts until told to stop, then waits for the conversations to end.
fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut conversations = Vec::new();
    for stream in listener.incoming() {
        let stream = stream.expect("a connection is accepted");
        let clone = stream.try_clone().expect("a socket clones");
        let Some(number) = shared.witness().open(clone) else { break };
        let shared = Arc::clone(shared);
        conversations.push(thread::spawn(move || {
            // A client that is killed resets its connection: for this server no more than a goodbye.
            let _ = Conversation::new(number, &stream, &shared).and_then(Conversation::hold);
            // Not open any more before the client can know it. The witness holds a clone, so that dropping
            // ours would not close it.
            shared.witness().open.remove(&number);
            let _ = stream.shutdown(Shutdown::Both);
        }));
    }
    for conversation in conversations {
        conversation.join().expect("no conversation panics");
    }
}

/// One connection from greeting to goodbye.
struct Conversation<'a> {
    number: usize,
    shared: &'a Shared,
    from_client: BufReader<&'a TcpStream>,
    to_client: &'a TcpStream,
    sender: Option<String>,
    recipients: Vec<String>,
}

#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    HangUp,
}

impl<'a> Conversation<'a> {
    fn new(number: usize, stream: &'a TcpStream, shared: &'a Shared) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let from_client = BufReader::new(stream);
        Ok(Self { number, shared, from_client, to_client: stream, sender: None, recipients: Vec::new() })
    }

    fn hold(mut self) -> io::Result<()> {
        self.reply("220 localhost ESMTP")?;
        while let Some(command) = self.command()? {
            if self.obey(&command)? == Then::HangUp {
                break;
            }
        }
        Ok(())
    }

    /// The next line, or `None` when the client has hung up, be it in the middle of one.
    fn command(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        self.from_client.read_until(b'\n', &mut line)?;
        let whole = line.ends_with(b"\n");
        Ok(whole.then(|| String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    fn obey(&mut self, command: &str) -> io::Result<Then> {
        let verb = command.split(' ').next().unwrap_or_default().to_uppercase();
        match verb.as_str() {
            "EHLO" => self.hello("250-localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE")?,
            "HELO" => self.hello("250 localhost")?,
            "MAIL" => self.mail(command)?,
            "RCPT" => self.rcpt(command)?,
            "DATA" => return self.data(),
            "RSET" => self.hello("250 2.0.0 ok")?,
            "NOOP" => self.reply("250 2.0.0 ok")?,
            "QUIT" => {
                self.reply("221 2.0.0 bye")?;
                return Ok(Then::HangUp);
            }
            _ => self.reply("500 5.5.2 what?")?,
        }
        Ok(Then::GoOn)
    }

    /// EHLO, HELO and RSET all forget the transaction (RFC 5321 §4.1.4).
    fn hello(&mut self, reply: &str) -> io::Result<()> {
        self.forget();
        self.reply(reply)
    }

    fn mail(&mut self, command: &str) -> io::Result<()> {
        match (&self.sender, path(command)) {
            (Some(_), _) => self.reply("503 5.5.1 one MAIL at a time"),
            (None, None) => self.reply("501 5.5.4 MAIL FROM:<path>"),
            (None, Some(sender)) => {
                self.sender = Some(sender.to_owned());
                self.reply("250 2.1.0 ok")
            }
        }
    }

    fn rcpt(&mut self, command: &str) -> io::Result<()> {
        if self.sender.is_none() {
            return self.reply("503 5.5.1 MAIL first");
        }
        let Some(recipient) = path(command).filter(|recipient| !recipient.is_empty()) else {
            return self.reply("501 5.5.4 RCPT TO:<path>");
        };
        let reply = self.shared.witness().rcpt(recipient);
        if reply.starts_with('2') {
            self.recipients.push(recipient.to_owned());
        }
        self.reply(reply)
    }

    fn data(&mut self) -> io::Result<Then> {
        if self.recipients.is_empty() {
            self.reply("503 5.5.1 RCPT first")?;
            return Ok(Then::GoOn);
        }
        self.reply("354 end with a dot on a line of its own")?;
        let Some(message) = self.message()? else { return Ok(Then::HangUp) };
        self.settle(&message)
    }

    /// The message up to the final dot, or `None` if the client hung up before.
    fn message(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut message = Vec::new();
        let mut bare_line_ends = 0;
        loop {
            let mut line = Vec::new();
            self.from_client.read_until(b'\n', &mut line)?;
            if !line.ends_with(b"\n") {
                return Ok(None);
            }
            // A dot after a bare LF is text: only CRLF starts a line (RFC 5321 §4.1.1.4).
            let starts_line = message.is_empty() || message.ends_with(b"\r\n");
            if starts_line && line == b".\r\n" {
                self.shared.witness().bare_line_ends += bare_line_ends;
                return Ok(Some(message));
            }
            bare_line_ends += bare(&line);
            let stuffed = starts_line && line.starts_with(b".");
            message.extend_from_slice(if stuffed { &line[1..] } else { &line });
        }
    }

    /// Takes the message, or not, and says so, or not. With several recipients the first odd one decides.
    fn settle(&mut self, message: &[u8]) -> io::Result<Then> {
        let recipients = std::mem::take(&mut self.recipients);
        let sender = self.sender.take().unwrap_or_default();
        self.forget();
        let offered = recipients.iter().map(|recipient| (recipient.clone(), message.to_vec()));
        self.shared.witness().offered.extend(offered);
        match self.verdict(&recipients) {
            Verdict::Refuse(reply) => self.reply(reply)?,
            Verdict::Take => {
                self.take((&sender, &recipients), message, true);
                self.reply("250 2.0.0 taken")?;
            }
            Verdict::TakeAndHangUp => {
                self.take((&sender, &recipients), message, false);
                return Ok(Then::HangUp);
            }
            Verdict::SayNothing => {
                io::copy(&mut self.from_client, &mut io::sink())?;
                return Ok(Then::HangUp);
            }
        }
        Ok(Then::GoOn)
    }

    fn verdict(&self, recipients: &[String]) -> Verdict {
        let mut witness = self.shared.witness();
        // All are counted, not only those before the odd one.
        let verdicts: Vec<_> = recipients.iter().map(|recipient| witness.dot(recipient)).collect();
        verdicts.into_iter().find(|verdict| *verdict != Verdict::Take).unwrap_or(Verdict::Take)
    }

    fn take(&self, envelope: (&str, &[String]), message: &[u8], replied: bool) {
        self.shared.witness().take(self.number, envelope, message, replied);
        self.shared.taken.notify_all();
    }

    fn forget(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    fn reply(&mut self, reply: &str) -> io::Result<()> {
        thread::sleep(self.shared.reply_delay);
        // One write, so that a reply is one packet.
        self.to_client.write_all(format!("{reply}\r\n").as_bytes())
    }
}

/// What stands between the angle brackets of MAIL or RCPT.
fn path(command: &str) -> Option<&str> {
    let (_, rest) = command.split_once('<')?;
    rest.split_once('>').map(|(path, _)| path)
}

/// How many of the line ends in this piece, which ends with an LF, are half of one.
fn bare(line: &[u8]) -> usize {
    let Some(text) = line.strip_suffix(b"\r\n") else {
        return 1 + carriage_returns(line);
    };
    carriage_returns(text)
}

fn carriage_returns(text: &[u8]) -> usize {
    text.split(|&byte| byte == b'\r').count() - 1
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    const SECOND: Duration = Duration::from_secs(5);
    const LETTER: &str = "Subject: x\r\nMessage-ID:\r\n <1@test>\r\n\r\n..dot\r\n.\r\n";

    struct Client(BufReader<TcpStream>);

    impl Client {
        fn of(server: &SmtpServer) -> Self {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
            stream.set_read_timeout(Some(SECOND)).unwrap();
            let mut client = Self(BufReader::new(stream));
            assert_eq!(client.reply(), "220");
            client
        }

        fn say(&mut self, words: &str) -> String {
            self.0.get_mut().write_all(words.as_bytes()).unwrap();
            self.reply()
        }

        /// The code of the next reply, its last line; empty if the server has hung up.
        fn reply(&mut self) -> String {
            loop {
                let mut line = String::new();
                self.0.read_line(&mut line).unwrap();
                if line.get(3..4) != Some("-") {
                    return line.chars().take(3).collect();
                }
            }
        }

        /// The reply at RCPT, or if that was good the one after the final dot.
        fn send(&mut self, recipient: &str) -> String {
            assert_eq!(self.say("RSET\r\n"), "250");
            assert_eq!(self.say("MAIL FROM:<desk@example.org> BODY=8BITMIME\r\n"), "250");
            let rcpt = self.say(&format!("RCPT TO:<{recipient}>\r\n"));
            if rcpt != "250" {
                return rcpt;
            }
            assert_eq!(self.say("DATA\r\n"), "354");
            self.say(LETTER)
        }
    }

    fn server() -> (SmtpServer, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (SmtpServer::start(folder.path()), folder)
    }

    #[test]
    fn a_message_is_logged_before_it_is_answered() {
        let (server, folder) = server();
        assert_eq!(Client::of(&server).send("mina@example.org"), "250");
        let log = std::fs::read_to_string(folder.path().join(LOG_NAME)).unwrap();
        let message = b"Subject: x\r\nMessage-ID:\r\n <1@test>\r\n\r\n.dot\r\n".to_vec();
        assert_eq!(log, format!("1\t1\tmina@example.org\t<1@test>\t{:016x}\tyes\n", fnv1a(&message)));
        assert_eq!(server.messages(), [("mina@example.org".to_owned(), message)]);
        assert_eq!(server.bare_line_ends(), 0);
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_recipient_gets_what_its_name_says() {
        let (server, _folder) = server();
        let mut client = Client::of(&server);
        let mut twice = |recipient| [client.send(recipient), client.send(recipient)];
        assert_eq!(twice("nouser1@example.org"), ["550", "550"]);
        assert_eq!(twice("grey1@example.org"), ["451", "250"]);
        assert_eq!(twice("full@example.org"), ["452", "452"]);
        assert_eq!(twice("late@example.org"), ["451", "250"]);
        assert_eq!(twice("never@example.org"), ["554", "554"]);
        assert_eq!(server.attempts("Grey1@example.org"), 2);
        assert_eq!(server.accepted().len(), 2);
    }

    #[test]
    fn a_lost_reply_is_logged_as_lost_once() {
        let (server, _folder) = server();
        assert_eq!(Client::of(&server).send("lost@example.org"), "");
        assert_eq!(Client::of(&server).send("lost@example.org"), "250");
        let accepted = server.wait_for(2, SECOND);
        assert_eq!(accepted.iter().map(|accepted| accepted.replied).collect::<Vec<_>>(), [false, true]);
        assert_eq!(accepted.iter().map(|accepted| accepted.connection).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_mute_server_holds_the_connection_and_still_stops() {
        let (server, _folder) = server();
        let mut client = Client::of(&server);
        client.say("EHLO test\r\n");
        client.say("MAIL FROM:<>\r\n");
        client.say("RCPT TO:<mute@example.org>\r\n");
        assert_eq!(client.say("DATA\r\n"), "354");
        let mut stream = client.0.into_inner();
        stream.write_all(LETTER.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        assert_eq!(stream.read(&mut [0; 9]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(server.accepted().is_empty());
        drop(server);
    }

    #[test]
    fn pipelined_commands_are_answered_in_order() {
        let (server, _folder) = server();
        let mut client = Client::of(&server);
        let commands = "MAIL FROM:<>\r\nRCPT TO:<nouser@example.org>\r\nRCPT TO:<a@example.org>\r\nDATA\r\n";
        assert_eq!(client.say("HELO test\r\n"), "250");
        assert_eq!(client.say(commands), "250");
        assert_eq!([client.reply(), client.reply(), client.reply()], ["550", "250", "354"]);
        assert_eq!(client.say(&format!("{LETTER}NOOP\r\nWHAT\r\nQUIT\r\n")), "250");
        assert_eq!(
            [client.reply(), client.reply(), client.reply(), client.reply()],
            ["250", "500", "221", ""]
        );
    }

    #[test]
    fn commands_out_of_order_are_refused() {
        let (server, _folder) = server();
        let mut client = Client::of(&server);
        assert_eq!(client.say("RCPT TO:<a@example.org>\r\n"), "503");
        assert_eq!(client.say("DATA\r\n"), "503");
        assert_eq!(client.say("MAIL FROM:<>\r\n"), "250");
        assert_eq!(client.say("MAIL FROM:<>\r\n"), "503");
        assert_eq!(client.say("RCPT TO:a\r\n"), "501");
    }

    #[test]
    fn half_line_ends_are_counted_and_end_nothing() {
        let (server, _folder) = server();
        let mut client = Client::of(&server);
        client.say("MAIL FROM:<>\r\n");
        client.say("RCPT TO:<a@example.org>\r\n");
        client.say("DATA\r\n");
        assert_eq!(client.say("a\rb\r\r\nc\n.\r\nd\r\n.\r\n"), "250");
        assert_eq!(server.messages()[0].1, b"a\rb\r\r\nc\n.\r\nd\r\n");
        assert_eq!(server.bare_line_ends(), 3);
    }

    #[test]
    fn connections_are_counted_and_replies_delayed() {
        let folder = tempfile::tempdir().unwrap();
        let delay = Duration::from_millis(20);
        let server = SmtpServer::builder(folder.path()).reply_delay(delay).start();
        let started = std::time::Instant::now();
        let clients = [Client::of(&server), Client::of(&server)];
        assert!(started.elapsed() >= 2 * delay);
        drop(clients);
        assert_eq!((server.connections(), server.connections_peak()), (2, 2));
    }

    #[test]
    fn a_client_killed_before_the_final_dot_handed_nothing_over() {
        let (server, _folder) = server();
        let mut client = Client::of(&server);
        client.say("MAIL FROM:<>\r\n");
        client.say("RCPT TO:<a@example.org>\r\n");
        client.say("DATA\r\n");
        let stream = client.0.get_mut();
        stream.write_all(b"Subject: x\r\n\r\n.").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.reply(), "");
        assert!(server.accepted().is_empty());
    }
}
