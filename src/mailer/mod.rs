//! Where letters leave: files in `outbox/`, or a mail server.
//!
//! A [`Mailer`] is what the config says; each [`Connection`] carries one letter at a time. Neither
//! decides what an answer means for the reader's row: that is `delivery`'s and the store's.

mod outbox;
mod smtp;

use std::path::Path;

use crate::{
    config::{Smtp, Transport},
    delivery::{InFlight, Message, Outcome},
};

/// Letters written at once to an outbox; more would only wait for the disk.
const OUTBOX_CONNECTIONS: usize = 2;

/// The server cannot be reached, or will not take anything from us. No reader's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// May pass by itself.
    #[error("{0}")]
    Passing(String),
    /// Will not pass until the author changes something: a wrong password, a refused sender.
    #[error("{0}")]
    Lasting(String),
}

/// Opens a connection as if to send, and takes leave: what the server offers, a line each.
pub async fn call(smtp: &Smtp) -> Result<Vec<String>, Trouble> {
    let server = smtp::Server::new(smtp.clone())?;
    let mut connection = server.connection();
    connection.ready().await?;
    let offers = connection.offers();
    connection.close().await;
    Ok(offers)
}

/// How letters leave, as the config says.
#[derive(Clone)]
pub struct Mailer(Kind);

#[derive(Clone)]
enum Kind {
    Outbox(outbox::Outbox),
    Smtp(smtp::Server),
}

impl Mailer {
    /// What `transport` says, with `outbox` for letters as files.
    pub fn new(transport: &Transport, outbox: &Path) -> Result<Self, Trouble> {
        Ok(Self(match transport {
            Transport::Outbox => Kind::Outbox(outbox::Outbox::new(outbox)),
            Transport::Smtp(smtp) => Kind::Smtp(smtp::Server::new(Smtp::clone(smtp))?),
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
            Kind::Smtp(server) => server.connections(),
        }
    }

    /// A connection, not yet open.
    pub fn connection(&self) -> Connection {
        Connection(match &self.0 {
            Kind::Outbox(outbox) => Carrier::Outbox(outbox.clone()),
            Kind::Smtp(server) => Carrier::Smtp(Box::new(server.connection())),
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

    /// Hands over one letter and says what came of it.
    pub async fn send(&mut self, in_flight: &InFlight, message: &Message) -> Outcome {
        match &mut self.0 {
            Carrier::Outbox(outbox) => outbox.send(in_flight, message).await,
            Carrier::Smtp(connection) => connection.send(message).await,
        }
    }

    /// Takes leave of the server.
    pub async fn close(self) {
        if let Carrier::Smtp(connection) = self.0 {
            connection.close().await;
        }
    }
}
