//! Where letters leave: files in `outbox/`, or a mail server.
//!
//! A [`Mailer`] is what the config says; each [`Connection`] carries one letter at a time. Neither
//! decides what an answer means for the reader's row: that is `delivery`'s and the store's.

mod outbox;
mod smtp;

use std::{fmt, path::Path};

use crate::{
    config::{Smtp, Transport},
    delivery::{InFlight, Message, Outcome},
    subscriber::address::EmailAddress,
};

/// Letters written at once to an outbox; more would only wait for the disk.
const OUTBOX_CONNECTIONS: usize = 2;

/// The server cannot be reached, or will not take anything from us. No reader's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// May pass by itself.
    #[error("{0}")]
    Passing(String),
    /// Will not pass until the author changes something.
    #[error("{0}")]
    Lasting(String),
    /// The server refuses the login.
    #[error("{0}")]
    Login(String),
}

/// How far a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reading the authorities that may vouch for the server.
    Authorities,
    /// Looking up its name.
    Looking,
    /// Reaching it.
    Connecting,
    /// Hearing its greeting, and its answer to ours.
    Greeting,
    /// Seeing that it can encrypt.
    Offering,
    /// Starting TLS.
    Encrypting,
    /// Seeing that it has a way to log in that we know.
    OfferingLogin,
    /// Logging in.
    LoggingIn,
    /// Hearing what it offers.
    Asking,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authorities => "reading `ca_file`",
            Self::Looking => "looking up its name",
            Self::Connecting => "connecting",
            Self::Greeting => "waiting for its greeting",
            Self::Offering | Self::Encrypting => "starting TLS",
            Self::OfferingLogin | Self::LoggingIn => "logging in",
            Self::Asking => "asking what it offers",
        })
    }
}

/// How a step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// No answer in time.
    Silent,
    /// May pass by itself.
    Passing,
    /// Will not pass until the author changes something.
    Lasting,
}

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{server}: {words}")]
pub struct Refusal {
    /// At which step.
    pub step: Step,
    /// In which way.
    pub how: How,
    /// Its name and port.
    pub server: String,
    /// The server's words, or the system's.
    pub words: String,
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        match refusal.how {
            How::Silent | How::Passing => Self::Passing(refusal.to_string()),
            How::Lasting if refusal.step == Step::LoggingIn => Self::Login(refusal.to_string()),
            How::Lasting => Self::Lasting(refusal.to_string()),
        }
    }
}

/// A server that would take letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it offers, a line each.
    pub offers: Vec<String>,
    /// From whom it would take none, and why, in its words.
    pub refused: Vec<(EmailAddress, String)>,
}

/// Opens a connection as if to send from each of `senders`, and takes leave.
pub async fn call(smtp: &Smtp, senders: &[EmailAddress]) -> Result<Answer, Refusal> {
    let mut connection = smtp::Servers::new(std::slice::from_ref(smtp))?.connection(0);
    connection.call_own().await?;
    let offers = connection.offers();
    let mut refused = Vec::new();
    for sender in senders {
        // One that the last sender cost is opened anew.
        connection.call_own().await?;
        if let Err(words) = connection.would_take(sender).await {
            refused.push((sender.clone(), words));
        }
    }
    connection.close().await;
    Ok(Answer { offers, refused })
}

/// What came of beginning a letter.
#[derive(Debug)]
pub enum Begun {
    /// It may come: nothing is sent yet, and only its end will be.
    Go,
    /// It may not.
    Not(Outcome),
}

/// How letters leave, as the config says.
#[derive(Clone)]
pub struct Mailer(Kind);

#[derive(Clone)]
enum Kind {
    Outbox(outbox::Outbox),
    Smtp(smtp::Servers),
}

impl Mailer {
    /// What `transport` says, with `outbox` for letters as files.
    pub fn new(transport: &Transport, outbox: &Path) -> Result<Self, Trouble> {
        Ok(Self(match transport {
            Transport::Outbox => Kind::Outbox(outbox::Outbox::new(outbox)),
            Transport::Smtp(servers) => Kind::Smtp(smtp::Servers::new(servers)?),
        }))
    }

    /// `outbox` or `smtp`.
    pub fn via(&self) -> &'static str {
        match &self.0 {
            Kind::Outbox(_) => "outbox",
            Kind::Smtp(_) => "smtp",
        }
    }

    /// How many connections to have, at the most.
    pub fn connections(&self) -> usize {
        match &self.0 {
            Kind::Outbox(_) => OUTBOX_CONNECTIONS,
            Kind::Smtp(servers) => servers.connections(),
        }
    }

    /// A connection, not yet open: the `nth` of all.
    pub fn connection(&self, nth: usize) -> Connection {
        Connection(match &self.0 {
            Kind::Outbox(outbox) => Carrier::Outbox(outbox.clone()),
            Kind::Smtp(servers) => Carrier::Smtp(Box::new(servers.connection(nth))),
        })
    }
}

/// One way out, for one letter at a time.
pub struct Connection(Carrier);

enum Carrier {
    Outbox(outbox::Outbox),
    Smtp(Box<smtp::Connection>),
}

impl Connection {
    /// Opens it if it is not open. Call before a letter is claimed, so that a server that is away costs
    /// no reader anything.
    pub async fn ready(&mut self) -> Result<(), Trouble> {
        match &mut self.0 {
            Carrier::Outbox(outbox) => outbox.ready(),
            Carrier::Smtp(connection) => connection.ready().await,
        }
    }

    /// Whether it is open, so that `ready` would do nothing.
    pub fn is_ready(&self) -> bool {
        match &self.0 {
            Carrier::Outbox(_) => true,
            Carrier::Smtp(connection) => connection.is_ready(),
        }
    }

    /// Whether it can begin a letter in the same breath in which it ends another.
    pub fn looks_ahead(&self) -> bool {
        match &self.0 {
            Carrier::Outbox(_) => false,
            Carrier::Smtp(connection) => connection.looks_ahead(),
        }
    }

    /// Announces a letter. It cannot arrive before [`Connection::end`].
    pub async fn begin(&mut self, message: &Message) -> Begun {
        match &mut self.0 {
            Carrier::Outbox(_) => Begun::Go,
            Carrier::Smtp(connection) => connection.begin(message).await,
        }
    }

    /// Hands over a letter that was begun, says what came of it, and begins `next` with it.
    pub async fn end(
        &mut self,
        in_flight: &InFlight,
        message: Message,
        next: Option<&Message>,
    ) -> (Outcome, Option<Begun>) {
        match &mut self.0 {
            Carrier::Outbox(outbox) => (outbox.send(in_flight, message).await, next.map(|_| Begun::Go)),
            Carrier::Smtp(connection) => connection.end(in_flight, message, next).await,
        }
    }

    /// Sends a letter of no issue, of which nothing is written down.
    pub async fn send(&mut self, message: Message) -> Outcome {
        match self.begin(&message).await {
            Begun::Go => self.end(&InFlight::of_no_issue(), message, None).await.0,
            Begun::Not(outcome) => outcome,
        }
    }

    /// A letter that was begun is not to be sent after all.
    pub fn abandon(&mut self) {
        match &mut self.0 {
            Carrier::Outbox(_) => {}
            Carrier::Smtp(connection) => connection.abandon(),
        }
    }

    /// Takes leave of the server.
    pub async fn close(self) {
        if let Carrier::Smtp(connection) = self.0 {
            connection.close().await;
        }
    }
}
