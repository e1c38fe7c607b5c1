//! What is said for each letter, and what each answer means (RFC 5321 §4.2.5, RFC 1047).
//!
//! Where the server offers PIPELINING (RFC 2920), a letter costs one round trip: its body and final dot leave
//! together with MAIL, RCPT and DATA of the next. Every reply is read, in order.

use std::{
    fmt::{self, Write},
    time::{Duration, Instant},
};

use lettre::{
    Address,
    transport::smtp::{
        Error as SmtpError,
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Noop, Quit, Rcpt, Rset},
        extension::{MailParameter, RcptParameter},
        response::Response,
    },
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{error::Elapsed, timeout},
};

use super::{
    Servers,
    socket::Sent,
    wire::{FINAL_DOT, dotted, reply, said},
};
use crate::{
    config::Smtp,
    delivery::{InFlight, Message, Outcome, reply::is_about_the_connection},
    mailer::{Begun, Refusal, Trouble},
    subscriber::address::EmailAddress,
};

/// Letters over one connection: some servers count.
const LETTERS_MAX: u32 = 100;
/// And its age.
const AGE_MAX: Duration = Duration::from_secs(300);
/// A connection that was silent for so long may be closed by now: it is asked before a letter is spent on it.
const IDLE_MAX: Duration = Duration::from_secs(2);
/// To say good-bye; the answer does not matter.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that opens when it is needed and is dropped at any doubt about its state.
pub(in crate::mailer) struct Connection {
    servers: Servers,
    /// The server that it is with, or would be with first.
    at: usize,
    own: usize,
    open: Option<Open>,
}

struct Open {
    /// One of the server's connections, if they are counted.
    _place: Option<OwnedSemaphorePermit>,
    smtp: AsyncSmtpConnection,
    sent: Sent,
    /// What the server offers, a line each (RFC 5321 §4.1.1.1).
    offers: Vec<String>,
    since: Instant,
    /// When the server last said something.
    heard: Instant,
    letters: u32,
    /// The server still has the sender of a letter that was not sent.
    is_to_be_reset: bool,
}

impl Open {
    fn has(&self, extension: &str) -> bool {
        self.offers.iter().any(|offer| offer.eq_ignore_ascii_case(extension))
    }

    fn is_worn(&self) -> bool {
        self.bears() == 0
    }

    /// How many letters more it is used for.
    fn bears(&self) -> u32 {
        if self.since.elapsed() >= AGE_MAX { 0 } else { LETTERS_MAX.saturating_sub(self.letters) }
    }
}

/// Why a command did not get the answer that it wants.
enum Failure {
    /// 4yz.
    Later(String),
    /// 5yz.
    Never(String),
    /// 421: the server takes nothing more on this connection, and has not taken this.
    Closing(String),
    /// The connection is of no more use: closed, silent, talking nonsense.
    Lost(String),
}

impl Failure {
    fn words(self) -> String {
        match self {
            Self::Later(words) | Self::Never(words) | Self::Closing(words) | Self::Lost(words) => words,
        }
    }
}

type Said = Result<String, Failure>;

/// Which answer means yes (RFC 5321 §4.3.2). Any other that is no refusal is one to something else.
#[derive(Clone, Copy)]
enum Wanted {
    /// 2yz.
    Done,
    /// 354: it waits for the message.
    Message,
}

impl Wanted {
    fn is_met(self, code: u16) -> bool {
        match self {
            Self::Done => (200..300).contains(&code),
            Self::Message => code == 354,
        }
    }
}

/// What is said to begin a letter.
struct Envelope {
    mail: Mail,
    rcpt: Rcpt,
}

impl Envelope {
    /// With wishes about reports, where the server takes them.
    fn of(message: &Message, with_reports: bool) -> Option<Self> {
        let sender = Address::new(message.sender.local(), message.sender.domain()).ok()?;
        let recipient = Address::new(message.recipient.local(), message.recipient.domain()).ok()?;
        let (of_mail, of_rcpt) = if with_reports { reports(message) } else { Default::default() };
        Some(Self { mail: Mail::new(Some(sender), of_mail), rcpt: Rcpt::new(recipient, of_rcpt) })
    }
}

/// What is wished of reports (RFC 3461 §4): only of failures and delays, with the header alone, naming the
/// letter and the reader as we know them.
fn reports(message: &Message) -> (Vec<MailParameter>, Vec<RcptParameter>) {
    let mail =
        |keyword: &str, value: String| MailParameter::Other { keyword: keyword.into(), value: Some(value) };
    let rcpt =
        |keyword: &str, value: String| RcptParameter::Other { keyword: keyword.into(), value: Some(value) };
    (
        vec![mail("RET", "HDRS".into()), mail("ENVID", message.id.local().to_string())],
        vec![rcpt("NOTIFY", "FAILURE,DELAY".into()), rcpt("ORCPT", format!("rfc822;{}", message.recipient))],
    )
}

impl Connection {
    pub(super) fn new(servers: Servers, own: usize) -> Self {
        Self { servers, at: own, own, open: None }
    }

    fn config(&self) -> &Smtp {
        &self.servers.server(self.at).0.smtp
    }

    pub(in crate::mailer) fn is_ready(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !open.is_worn())
    }

    pub(in crate::mailer) async fn ready(&mut self) -> Result<(), Trouble> {
        if self.open.as_ref().is_some_and(Open::is_worn)
            && let Some(open) = self.open.take()
        {
            quit(open.smtp).await;
        }
        if self.open.as_ref().is_some_and(|open| open.heard.elapsed() >= IDLE_MAX) {
            // One that is closed is dropped by this.
            let _ = self.command(Noop).await;
        }
        let mut last = None;
        for _ in 0..self.servers.number() {
            match self.open().await {
                Ok(()) => return Ok(()),
                // Another may do, unless none is left to be asked.
                Err(why @ (Trouble::Passing(_) | Trouble::Lasting(_))) => last = last.or(Some(why)),
                Err(why) => return Err(why),
            }
        }
        last.map_or(Ok(()), Err)
    }

    /// Opens it if it is not open, at one server that is well.
    async fn open(&mut self) -> Result<(), Trouble> {
        if self.open.is_some() {
            return Ok(());
        }
        let (at, place) = self.servers.take(self.own)?;
        self.at = at;
        match self.call(Some(place)).await {
            Ok(()) => {
                self.servers.is_well(at);
                Ok(())
            }
            Err(refusal) => {
                self.servers.is_away(at, &refusal);
                Err(refusal.into())
            }
        }
    }

    /// Opens it at its own server, to ask it something.
    pub(in crate::mailer) async fn call_own(&mut self) -> Result<(), Refusal> {
        if self.open.is_some() {
            return Ok(());
        }
        self.call(None).await
    }

    async fn call(&mut self, place: Option<OwnedSemaphorePermit>) -> Result<(), Refusal> {
        let server = self.servers.server(self.at);
        let (mut smtp, sent) = server.connect().await?;
        let offers = server.offers(&mut smtp).await?;
        let now = Instant::now();
        self.open = Some(Open {
            _place: place,
            smtp,
            sent,
            offers,
            since: now,
            heard: now,
            letters: 0,
            is_to_be_reset: false,
        });
        Ok(())
    }

    /// Whether it can begin a letter in the same breath in which it ends another.
    pub(in crate::mailer) fn looks_ahead(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.has("PIPELINING") && open.bears() > 1)
    }

    /// Whether the server would take letters from this address; if not, in its words. None is begun.
    pub(in crate::mailer) async fn would_take(&mut self, sender: &EmailAddress) -> Result<(), String> {
        let Ok(address) = Address::new(sender.local(), sender.domain()) else {
            return Err("the address is not one that SMTP can carry".into());
        };
        match self.command(Mail::new(Some(address), Vec::new())).await {
            Ok(_) => {
                let _ = self.command(Rset).await;
                Ok(())
            }
            Err(failure) => Err(failure.words()),
        }
    }

    /// Begins a letter, up to the server's word that it may come.
    pub(in crate::mailer) async fn begin(&mut self, message: &Message) -> Begun {
        if let Err(why) = self.ready().await {
            return Begun::Not(Outcome::NotSent { reason: why.to_string() });
        }
        let Some(envelope) = self.envelope(message) else { return unspeakable() };
        let is_to_be_reset = self.take_reset();
        if self.open.as_ref().is_some_and(|open| open.has("PIPELINING")) {
            let reset = if is_to_be_reset { Rset.to_string() } else { String::new() };
            let said = format!("{reset}{}{}{}", envelope.mail, envelope.rcpt, Data);
            let mut first = self.exchange(&said, Wanted::Done, self.config().timeout).await;
            if is_to_be_reset {
                if let Err(failure) = first {
                    return self.not_reset(failure);
                }
                first = self.hear(Wanted::Done).await;
            }
            return self.begun(first).await;
        }
        if is_to_be_reset && let Err(failure) = self.command(Rset).await {
            return self.not_reset(failure);
        }
        match self.command(envelope.mail).await {
            Ok(_) => {}
            Err(Failure::Never(reply)) => return Begun::Not(Outcome::SenderRefused { reply }),
            Err(failure) => return not_begun(failure),
        }
        self.is_to_be_reset();
        if let Err(failure) = self.command(envelope.rcpt).await {
            return not_begun(failure);
        }
        match self.exchange(&Data.to_string(), Wanted::Message, self.config().timeout).await {
            Ok(_) => Begun::Go,
            Err(failure) => not_begun(failure),
        }
    }

    /// The server keeps the sender of a letter before: what it says to the next could be about that.
    fn not_reset(&mut self, failure: Failure) -> Begun {
        self.open = None;
        Begun::Not(Outcome::NotSent { reason: failure.words() })
    }

    /// Ends a letter that the server waits for, and begins the next, if there is one. Only now can the server
    /// come to have it.
    pub(in crate::mailer) async fn end(
        &mut self,
        _in_flight: &InFlight,
        message: Message,
        next: Option<&Message>,
    ) -> (Outcome, Option<Begun>) {
        let Some(mut said) = dotted(message.bytes) else {
            self.open = None; // it waits for a message, and there is no taking that back
            let reply = "the letter has characters or line ends that SMTP cannot carry".to_string();
            return (
                Outcome::Refused { reply },
                next.map(|_| given_back("the letter before it cannot be sent")),
            );
        };
        let length = said.len() as u64;
        let envelope = next.map(|next| self.envelope(next));
        if let Some(Some(envelope)) = &envelope {
            let _ = write!(said, "{}{}{}", envelope.mail, envelope.rcpt, Data); // a String takes everything
        }
        let Some(open) = &mut self.open else {
            let reason = "not connected".to_string();
            return (Outcome::NotSent { reason }, next.map(|_| given_back("not connected")));
        };
        open.letters += 1;
        open.is_to_be_reset = false;
        let before = open.sent.bytes();
        let (sent, limit) = (open.sent.clone(), self.config().dot_timeout);
        let outcome = match self.exchange(&said, Wanted::Done, limit).await {
            Ok(reply) => Outcome::Accepted { reply },
            Err(Failure::Later(reply) | Failure::Closing(reply)) => Outcome::Deferred { reply },
            Err(Failure::Never(reply)) => Outcome::Refused { reply },
            // Its end has not left this machine.
            Err(Failure::Lost(reason)) if sent.bytes() - before < length => Outcome::NotSent { reason },
            // The dot may have arrived. Only the server knows.
            Err(Failure::Lost(reason)) => Outcome::InDoubt { reason },
        };
        let begun = match envelope {
            None => None,
            Some(None) => Some(unspeakable()),
            Some(Some(_)) => {
                let mail = self.hear(Wanted::Done).await;
                Some(match self.begun(mail).await {
                    // The connection was lost at the letter before, or with it: no fault of this one's.
                    Begun::Not(Outcome::NotSent { reason }) => Begun::Not(Outcome::GivenBack { reason }),
                    begun => begun,
                })
            }
        };
        (outcome, begun)
    }

    /// After the answer to MAIL, hears those to RCPT and DATA, which were said with it.
    async fn begun(&mut self, mail: Said) -> Begun {
        let rcpt = self.hear(Wanted::Done).await;
        let data = self.hear(Wanted::Message).await;
        if mail.is_ok() {
            self.is_to_be_reset();
        }
        if data.is_ok() && (mail.is_err() || rcpt.is_err()) {
            self.take_back().await;
        }
        match (mail, rcpt, data) {
            (Ok(_), Ok(_), Ok(_)) => Begun::Go,
            (Err(Failure::Never(reply)), ..) => Begun::Not(Outcome::SenderRefused { reply }),
            (Err(failure), ..) | (_, Err(failure), _) | (_, _, Err(failure)) => not_begun(failure),
        }
    }

    /// RFC 2920 §3.1: a server may say 354 although it refused the recipient; a lone dot then ends what it
    /// waits for.
    async fn take_back(&mut self) {
        // If it says that it took an empty letter to nobody: better a new connection.
        if self.command(FINAL_DOT).await.is_ok() {
            self.open = None;
        }
        self.is_to_be_reset();
    }

    fn envelope(&self, message: &Message) -> Option<Envelope> {
        Envelope::of(message, self.open.as_ref().is_some_and(|open| open.has("DSN")))
    }

    fn is_to_be_reset(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_to_be_reset = true;
        }
    }

    fn take_reset(&mut self) -> bool {
        self.open.as_mut().is_some_and(|open| std::mem::take(&mut open.is_to_be_reset))
    }

    /// One command and its answer.
    async fn command(&mut self, command: impl fmt::Display) -> Said {
        self.exchange(&command.to_string(), Wanted::Done, self.config().timeout).await
    }

    /// Says something and hears the first answer. A lost connection is dropped here.
    async fn exchange(&mut self, words: &str, wanted: Wanted, limit: Duration) -> Said {
        let Some(open) = &mut self.open else { return Err(Failure::Lost("not connected".into())) };
        let answer = timeout(limit, open.smtp.command(words)).await;
        self.heard(answer, wanted, limit)
    }

    /// Hears one more answer.
    async fn hear(&mut self, wanted: Wanted) -> Said {
        let limit = self.config().timeout;
        let Some(open) = &mut self.open else { return Err(Failure::Lost("not connected".into())) };
        let answer = timeout(limit, open.smtp.read_response()).await;
        self.heard(answer, wanted, limit)
    }

    fn heard(
        &mut self,
        answer: Result<Result<Response, SmtpError>, Elapsed>,
        wanted: Wanted,
        limit: Duration,
    ) -> Said {
        if let Some(open) = &mut self.open {
            open.heard = Instant::now();
        }
        let failure = match answer {
            Ok(Ok(response)) if wanted.is_met(response.code().into()) => return Ok(reply(&response)),
            Ok(Ok(response)) => Failure::Lost(format!("an answer out of place: {}", reply(&response))),
            Ok(Err(why)) => match why.status().map(u16::from) {
                Some(421) => Failure::Closing(said(&why)),
                None => Failure::Lost(said(&why)),
                Some(400..500) => Failure::Later(said(&why)),
                Some(_) => Failure::Never(said(&why)),
            },
            Err(_) => Failure::Lost(format!("no answer within {} s", limit.as_secs())),
        };
        if matches!(failure, Failure::Lost(_) | Failure::Closing(_)) {
            // Dropped, not closed politely: a QUIT could wait as long as the answer did.
            self.open = None;
        }
        Err(failure)
    }

    /// What the server offers, once it is open.
    pub(in crate::mailer) fn offers(&self) -> Vec<String> {
        self.open.as_ref().map(|open| open.offers.clone()).unwrap_or_default()
    }

    /// Drops it, and with it a letter that was begun: a server discards what does not come to its end
    /// (RFC 5321 §4.1.1.4).
    pub(in crate::mailer) fn abandon(&mut self) {
        self.open = None;
    }

    pub(in crate::mailer) async fn close(self) {
        if let Some(open) = self.open {
            quit(open.smtp).await;
        }
    }
}

/// What a failure means while the server has no message: a lost connection sent nothing.
fn not_begun(failure: Failure) -> Begun {
    Begun::Not(match failure {
        Failure::Later(reply) => Outcome::Deferred { reply },
        Failure::Never(reply) => Outcome::Refused { reply },
        Failure::Closing(reason) if is_about_the_connection(&reason) => Outcome::GivenBack { reason },
        Failure::Closing(reason) | Failure::Lost(reason) => Outcome::NotSent { reason },
    })
}

fn given_back(reason: &str) -> Begun {
    Begun::Not(Outcome::GivenBack { reason: reason.into() })
}

fn unspeakable() -> Begun {
    Begun::Not(Outcome::Refused { reply: "the address is not one that SMTP can carry".into() })
}

async fn quit(mut smtp: AsyncSmtpConnection) {
    let _ = timeout(QUIT_TIMEOUT, smtp.command(Quit)).await;
}
