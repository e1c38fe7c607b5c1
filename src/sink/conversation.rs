//! One connection to a sink, from greeting to goodbye.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::TcpStream,
    thread,
};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    Event, Moment, Shared,
    script::{Fault, Stage, Taken, Verdict},
};

/// A line longer than this is none.
const LINE_MAX: usize = 4096;

pub(super) struct Conversation<'a> {
    number: usize,
    shared: &'a Shared,
    from_client: BufReader<&'a TcpStream>,
    to_client: &'a TcpStream,
    /// Answers that wait for what the client has said already to be read.
    answers: Vec<u8>,
    sender: Option<String>,
    recipients: Vec<String>,
    is_logged_in: bool,
}

#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    HangUp,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(number: usize, stream: &'a TcpStream, shared: &'a Shared) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(shared.options.idle_max)?;
        Ok(Self {
            number,
            shared,
            from_client: BufReader::with_capacity(64 * 1024, stream),
            to_client: stream,
            answers: Vec::new(),
            sender: None,
            recipients: Vec::new(),
            is_logged_in: false,
        })
    }

    pub(super) fn hold(mut self) -> io::Result<()> {
        self.shared.reach(Moment::Connected);
        let is_full = self.shared.options.connections_max.is_some_and(|most| self.shared.open() > most);
        let greeting = if is_full { "421 4.7.0 too many connections" } else { "220 localhost ESMTP" };
        let mut then = self.answer(Stage::Banner, None, greeting)?;
        if is_full {
            then = Then::HangUp;
        }
        while then == Then::GoOn {
            let Some(command) = self.command()? else { break };
            then = self.obey(&command)?;
        }
        self.flush()
    }

    /// The next line, or `None` when the client has hung up, be it in the middle of one.
    fn command(&mut self) -> io::Result<Option<String>> {
        if self.from_client.buffer().is_empty() {
            self.flush()?;
        }
        let mut line = Vec::new();
        match io::Read::take(&mut self.from_client, LINE_MAX as u64).read_until(b'\n', &mut line) {
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => {
                self.say("421 4.4.2 timeout exceeded");
                return Ok(None);
            }
            read => read?,
        };
        let whole = line.ends_with(b"\n");
        Ok(whole.then(|| String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    fn obey(&mut self, command: &str) -> io::Result<Then> {
        let verb = command.split(' ').next().unwrap_or_default().to_uppercase();
        match verb.as_str() {
            "EHLO" => self.ehlo(),
            "HELO" => Ok(self.hello("250 localhost")),
            "AUTH" => Ok(self.auth(command)),
            "MAIL" => self.mail(command),
            "RCPT" => self.rcpt(command),
            "DATA" => self.data(),
            "RSET" => {
                self.forget();
                self.answer(Stage::Rset, None, "250 2.0.0 ok")
            }
            "NOOP" => Ok(self.say("250 2.0.0 ok")),
            "QUIT" => {
                // Not open any more before the client can know it.
                self.shared.let_go(self.number);
                self.say("221 2.0.0 bye");
                Ok(Then::HangUp)
            }
            _ => Ok(self.say("500 5.5.2 what?")),
        }
    }

    fn ehlo(&mut self) -> io::Result<Then> {
        self.shared.reach(Moment::Ehlo);
        self.forget();
        let options = &self.shared.options;
        if options.is_old {
            return self.answer(Stage::Ehlo, None, "500 5.5.1 HELO, please");
        }
        let mut offers = vec!["localhost", "8BITMIME"];
        if options.pipelining {
            offers.push("PIPELINING");
        }
        if options.login.is_some() {
            offers.push("AUTH PLAIN LOGIN");
        }
        offers.extend(options.extensions.iter().map(String::as_str));
        let lines: Vec<String> = offers.iter().map(|offer| format!("250-{offer}\r\n")).collect();
        let greeting = format!("{}250 SIZE", lines.concat());
        self.answer(Stage::Ehlo, None, &greeting)
    }

    /// HELO forgets the transaction too (RFC 5321 §4.1.4).
    fn hello(&mut self, reply: &str) -> Then {
        self.forget();
        self.say(reply)
    }

    /// PLAIN with its first response alone (RFC 4616).
    fn auth(&mut self, command: &str) -> Then {
        self.shared.state().logins += 1;
        let Some((username, password)) = self.shared.options.login.clone() else {
            return self.say("502 5.5.1 no AUTH here");
        };
        let wanted = STANDARD.encode(format!("\0{username}\0{password}"));
        self.is_logged_in = command.split(' ').nth(2) == Some(wanted.as_str());
        match self.is_logged_in {
            true => self.say("235 2.7.0 welcome"),
            false => self.say("535 5.7.8 wrong name or password"),
        }
    }

    fn mail(&mut self, command: &str) -> io::Result<Then> {
        self.shared.reach(Moment::Mail);
        if self.shared.options.login.is_some() && !self.is_logged_in {
            return Ok(self.say("530 5.7.0 log in first"));
        }
        match (&self.sender, path(command)) {
            (Some(_), _) => Ok(self.say("503 5.5.1 one MAIL at a time")),
            (None, None) => Ok(self.say("501 5.5.4 MAIL FROM:<path>")),
            (None, Some(sender)) => {
                let sender = sender.to_owned();
                let (verdict, usual) = (self.verdict(Stage::Mail, None), "250 2.1.0 ok");
                if verdict == Verdict::Usual {
                    self.sender = Some(sender);
                }
                self.follow(verdict, usual)
            }
        }
    }

    fn rcpt(&mut self, command: &str) -> io::Result<Then> {
        self.shared.reach(Moment::Rcpt);
        if self.sender.is_none() {
            return Ok(self.say("503 5.5.1 MAIL first"));
        }
        let Some(recipient) = path(command).filter(|recipient| !recipient.is_empty()) else {
            return Ok(self.say("501 5.5.4 RCPT TO:<path>"));
        };
        let recipient = recipient.to_owned();
        self.shared.happens(Event::Rcpt(recipient.clone()));
        let verdict = self.verdict(Stage::Rcpt, Some(&recipient));
        if matches!(verdict, Verdict::Usual | Verdict::Odd(Fault::Dribbles(_), _)) {
            self.recipients.push(recipient);
        }
        self.follow(verdict, "250 2.1.5 ok")
    }

    fn data(&mut self) -> io::Result<Then> {
        self.shared.reach(Moment::Data);
        let is_for_nobody = self.recipients.is_empty();
        if is_for_nobody && !self.shared.options.is_rash {
            return Ok(self.say("503 5.5.1 RCPT first"));
        }
        let recipient = self.recipients.first().cloned();
        let verdict = self.verdict(Stage::Data, recipient.as_deref());
        let goes_on = matches!(verdict, Verdict::Usual | Verdict::Odd(Fault::Dribbles(_), _));
        let then = self.follow(verdict, "354 end with a dot on a line of its own")?;
        if !goes_on || then == Then::HangUp {
            return Ok(then);
        }
        self.flush()?;
        match self.letter()? {
            None => Ok(Then::HangUp),
            Some(_) if is_for_nobody => Ok(self.say("554 5.5.1 no valid recipients")),
            Some(letter) => self.settle(&letter),
        }
    }

    /// The letter up to its final dot, or `None` if the client hung up before.
    fn letter(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut letter = Vec::new();
        let mut bare_line_ends = 0;
        let mut is_first = true;
        loop {
            let start = letter.len();
            self.from_client.read_until(b'\n', &mut letter)?;
            if !letter.ends_with(b"\n") || letter.len() == start {
                return Ok(None);
            }
            if std::mem::take(&mut is_first) {
                self.shared.reach(Moment::Body);
                if let Verdict::Odd(fault, _) = self.verdict(Stage::Body, None) {
                    self.fail(&fault, "")?;
                    return Ok(None);
                }
            }
            // A dot after a bare LF is text: only CRLF starts a line (RFC 5321 §4.1.1.4).
            let starts_line = start == 0 || letter[..start].ends_with(b"\r\n");
            let line = &letter[start..];
            if starts_line && line == b".\r\n" {
                letter.truncate(start);
                self.shared.state().bare_line_ends += bare_line_ends;
                return Ok(Some(letter));
            }
            bare_line_ends += bare(line);
            if starts_line && line.starts_with(b".") {
                letter.remove(start);
            }
        }
    }

    /// Takes the letter, or not, and says so, or not. With several recipients the first odd one decides.
    fn settle(&mut self, letter: &[u8]) -> io::Result<Then> {
        let recipients = std::mem::take(&mut self.recipients);
        let sender = self.sender.take().unwrap_or_default();
        self.shared.reach(Moment::Dot);
        self.shared.offer(&recipients, letter);
        // All are counted, not only those before the odd one.
        let verdicts: Vec<Verdict> =
            recipients.iter().map(|recipient| self.verdict(Stage::Dot, Some(recipient))).collect();
        let mut verdict =
            verdicts.into_iter().find(|verdict| *verdict != Verdict::Usual).unwrap_or(Verdict::Usual);
        if verdict == Verdict::Usual && self.shared.is_to_be_lost() {
            verdict = Verdict::Odd(Fault::HangsUp, Taken::Yes);
        }
        let is_taken = matches!(verdict, Verdict::Usual | Verdict::Odd(_, Taken::Yes));
        if is_taken {
            let replied = verdict == Verdict::Usual;
            self.shared.take(self.number, (&sender, &recipients), letter, replied)?;
            self.shared.reach(Moment::Taken);
        }
        let then = self.follow(verdict, "250 2.0.0 taken")?;
        if is_taken && self.shared.has_hook(Moment::Replied) {
            self.flush()?;
            self.shared.reach(Moment::Replied);
        }
        Ok(then)
    }

    fn verdict(&self, stage: Stage, recipient: Option<&str>) -> Verdict {
        self.shared.state().script.at(stage, recipient)
    }

    fn answer(&mut self, stage: Stage, recipient: Option<&str>, usual: &str) -> io::Result<Then> {
        let verdict = self.verdict(stage, recipient);
        let then = self.follow(verdict, usual)?;
        self.flush()?;
        Ok(then)
    }

    fn follow(&mut self, verdict: Verdict, usual: &str) -> io::Result<Then> {
        match verdict {
            Verdict::Usual => Ok(self.say(usual)),
            Verdict::Odd(fault, _) => self.fail(&fault, usual),
        }
    }

    fn fail(&mut self, fault: &Fault, usual: &str) -> io::Result<Then> {
        match fault {
            Fault::Says(words) => {
                self.say(words);
                let closes =
                    words.starts_with("421") || (usual.starts_with("220") && !words.starts_with("220"));
                return Ok(if closes { Then::HangUp } else { Then::GoOn });
            }
            Fault::Dribbles(pause) => {
                self.flush()?;
                for byte in format!("{usual}\r\n").bytes() {
                    thread::sleep(*pause);
                    self.to_client.write_all(&[byte])?;
                }
                return Ok(Then::GoOn);
            }
            Fault::HangsUp => {}
            Fault::Resets => {
                self.flush()?;
                let at_once = Some(std::time::Duration::ZERO);
                rustix::net::sockopt::set_socket_linger(self.to_client, at_once)?;
                self.shared.let_go(self.number);
            }
            Fault::IsSilent => {
                self.flush()?;
                io::copy(&mut self.from_client, &mut io::sink())?;
            }
            Fault::Babbles => {
                self.say("what is this?");
            }
            Fault::Breaks => {
                self.flush()?;
                self.to_client.write_all(&usual.as_bytes()[..usual.len() / 2])?;
            }
        }
        Ok(Then::HangUp)
    }

    fn forget(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    fn say(&mut self, reply: &str) -> Then {
        self.answers.extend_from_slice(reply.as_bytes());
        self.answers.extend_from_slice(b"\r\n");
        Then::GoOn
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.answers.is_empty() {
            return Ok(());
        }
        thread::sleep(self.shared.options.reply_delay);
        // One write, so that it is one packet.
        self.to_client.write_all(&std::mem::take(&mut self.answers))
    }
}

/// What stands between the angle brackets of MAIL or RCPT.
fn path(command: &str) -> Option<&str> {
    let (_, rest) = command.split_once('<')?;
    rest.split_once('>').map(|(path, _)| path)
}

/// How many of the line ends in this piece, which ends with an LF, are half of one (RFC 5321 §2.3.8).
fn bare(line: &[u8]) -> usize {
    let carriage_returns = |text: &[u8]| memchr::memchr_iter(b'\r', text).count();
    match line.strip_suffix(b"\r\n") {
        Some(text) => carriage_returns(text),
        None => 1 + carriage_returns(line),
    }
}
