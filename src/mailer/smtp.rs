//! A mail server, spoken to command by command over lettre's connection on a socket of our own.
//!
//! lettre's own `send()` is not used: it cannot tell an answer lost before the message from one lost
//! after it, which is the whole difference between "not sent" and "in doubt". Its pool is not used
//! either: a cancelled send would leave a connection one reply behind. The socket is ours because
//! lettre leaves Nagle's algorithm on, which costs 40 ms a letter.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use lettre::{
    Address,
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, AsyncTokioStream, Certificate, TlsParameters},
        commands::{Data, Ehlo, Mail, Quit, Rcpt, Rset},
        extension::{ClientId, Extension, MailParameter, RcptParameter, ServerInfo},
        response::Response,
    },
};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::Trouble;
use crate::{
    config::{Security, Smtp},
    delivery::{Message, Outcome},
};

/// Letters over one connection: some servers count.
const LETTERS_MAX: u32 = 100;
/// And its age.
const AGE_MAX: Duration = Duration::from_secs(300);
/// To say good-bye; the answer does not matter.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

/// A server and how to speak to it.
#[derive(Clone)]
pub(super) struct Server(Arc<Inner>);

struct Inner {
    smtp: Smtp,
    hello: ClientId,
    /// Certificate authorities to trust besides the system's.
    authorities: Vec<Vec<u8>>,
}

impl Server {
    pub(super) fn new(smtp: Smtp) -> Result<Self, Trouble> {
        let authorities = match &smtp.ca_file {
            None => Vec::new(),
            Some(path) => {
                let lasting = |why: &dyn fmt::Display| Trouble::Lasting(format!("{}: {why}", path.display()));
                let pem = std::fs::read(path).map_err(|why| lasting(&why))?;
                CertificateDer::pem_slice_iter(&pem)
                    .map(|found| found.map(|der| der.to_vec()))
                    .collect::<Result<_, _>>()
                    .map_err(|why| lasting(&why))?
            }
        };
        let hello = smtp.hello.clone().map_or_else(ClientId::default, ClientId::Domain);
        Ok(Self(Arc::new(Inner { smtp, hello, authorities })))
    }

    pub(super) fn connections(&self) -> usize {
        self.0.smtp.connections
    }

    pub(super) fn connection(&self) -> Connection {
        Connection { server: self.clone(), open: None }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Trouble> {
        let smtp = &self.0.smtp;
        let within = |doing: &'static str| {
            move |_| Trouble::Passing(format!("{}:{}: no answer while {doing}", smtp.host, smtp.port))
        };
        let passing =
            |why: &dyn fmt::Display| Trouble::Passing(format!("{}:{}: {why}", smtp.host, smtp.port));
        let socket = timeout(smtp.timeout, TcpStream::connect((smtp.host.as_str(), smtp.port)))
            .await
            .map_err(within("connecting"))?
            .map_err(|why| passing(&why))?;
        socket.set_nodelay(true).map_err(|why| passing(&why))?;
        let socket: Box<dyn AsyncTokioStream> = match smtp.security {
            Security::Tls => {
                Box::new(timeout(smtp.timeout, self.encrypt(socket)).await.map_err(within("starting TLS"))??)
            }
            Security::StartTls | Security::None => Box::new(socket),
        };
        let greeting = AsyncSmtpConnection::connect_with_transport(socket, &self.0.hello);
        let mut connection = timeout(smtp.timeout, greeting)
            .await
            .map_err(within("waiting for its greeting"))?
            .map_err(|why| passing(&said(&why)))?;
        if smtp.security == Security::StartTls {
            if !connection.can_starttls() {
                return Err(Trouble::Lasting(format!(
                    "{} offers no STARTTLS, and nothing is sent without",
                    smtp.host
                )));
            }
            let parameters = self.tls_parameters()?;
            timeout(smtp.timeout, connection.starttls(parameters, &self.0.hello))
                .await
                .map_err(within("starting TLS"))?
                .map_err(|why| passing(&said(&why)))?;
        }
        if let Some(login) = &smtp.login {
            let credentials = Credentials::new(login.username.clone(), login.password.expose().to_string());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            timeout(smtp.timeout, connection.auth(&mechanisms, &credentials))
                .await
                .map_err(within("logging in"))?
                .map_err(|why| match why.is_permanent() || why.is_client() {
                    true => Trouble::Lasting(format!("{} refused the login: {}", smtp.host, said(&why))),
                    false => passing(&said(&why)),
                })?;
        }
        Ok(connection)
    }

    /// lettre keeps of the server's answer only what it uses itself, so it is asked once more. A server that
    /// does not answer twice, as `OpenSMTPD`, is taken at what lettre kept.
    async fn offers(&self, connection: &mut AsyncSmtpConnection) -> Result<Vec<String>, Trouble> {
        let hello = Ehlo::new(self.0.hello.clone());
        let smtp = &self.0.smtp;
        let passing = |why: String| Trouble::Passing(format!("{}:{}: {why}", smtp.host, smtp.port));
        let answer = timeout(smtp.timeout, connection.command(hello)).await;
        match answer.map_err(|_| passing("no answer to EHLO".into()))? {
            Ok(answer) => Ok(answer.message().skip(1).map(str::to_string).collect()),
            Err(why) if why.is_permanent() => Ok(known(connection.server_info())),
            Err(why) => Err(passing(said(&why))),
        }
    }

    fn tls_parameters(&self) -> Result<TlsParameters, Trouble> {
        let lasting = |why: SmtpError| Trouble::Lasting(said(&why));
        let mut builder = TlsParameters::builder(self.0.smtp.host.clone());
        for authority in &self.0.authorities {
            builder =
                builder.add_root_certificate(Certificate::from_der(authority.clone()).map_err(lasting)?);
        }
        builder.build().map_err(lasting)
    }

    async fn encrypt(&self, socket: TcpStream) -> Result<Encrypted, Trouble> {
        use rustls::{ClientConfig, crypto::aws_lc_rs};
        let host = &self.0.smtp.host;
        let lasting = |why: &dyn fmt::Display| Trouble::Lasting(format!("{host}: {why}"));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let authorities = self.0.authorities.iter().map(|der| CertificateDer::from(der.clone()));
        let verifier =
            rustls_platform_verifier::Verifier::new_with_extra_roots(authorities, provider.clone())
                .map_err(|why| lasting(&why))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|why| lasting(&why))?
            .dangerous() // this verifier is the system's own; the word covers any but the default
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        let name = ServerName::try_from(host.clone()).map_err(|why| lasting(&why))?;
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, socket)
            .await
            .map_err(|why| Trouble::Passing(format!("{host}: {why}")))?;
        Ok(Encrypted(stream))
    }
}

/// TLS from the first byte, in the form that lettre takes.
#[derive(Debug)]
struct Encrypted(TlsStream<TcpStream>);

impl AsyncTokioStream for Encrypted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().0.peer_addr()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// What lettre keeps of a server's answer to EHLO, as the server would have said it.
fn known(server: &ServerInfo) -> Vec<String> {
    let extensions = [
        (Extension::EightBitMime, "8BITMIME"),
        (Extension::SmtpUtfEight, "SMTPUTF8"),
        (Extension::StartTls, "STARTTLS"),
    ];
    let offered = extensions.into_iter().filter(|(extension, _)| server.supports_feature(*extension));
    offered.map(|(_, name)| name.to_string()).collect()
}

/// A connection that opens when it is needed and is dropped at any doubt about its state.
pub(super) struct Connection {
    server: Server,
    open: Option<Open>,
}

struct Open {
    smtp: AsyncSmtpConnection,
    /// What the server offers, a line each (RFC 5321 §4.1.1.1).
    offers: Vec<String>,
    since: Instant,
    letters: u32,
}

impl Open {
    /// Whether the server takes wishes about reports of delivery (RFC 3461).
    fn reports(&self) -> bool {
        self.offers.iter().any(|offer| offer.eq_ignore_ascii_case("DSN"))
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

/// Why a command did not get its 2yz or 3yz.
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

impl Connection {
    pub(super) async fn ready(&mut self) -> Result<(), Trouble> {
        let worn = |open: &Open| open.letters >= LETTERS_MAX || open.since.elapsed() >= AGE_MAX;
        if self.open.as_ref().is_some_and(worn)
            && let Some(open) = self.open.take()
        {
            quit(open.smtp).await;
        }
        if self.open.is_none() {
            let mut smtp = self.server.connect().await?;
            let offers = self.server.offers(&mut smtp).await?;
            self.open = Some(Open { smtp, offers, since: Instant::now(), letters: 0 });
        }
        Ok(())
    }

    /// The stages of one letter, and what each failure means (RFC 5321 §4.2.5, RFC 1047).
    pub(super) async fn send(&mut self, message: &Message) -> Outcome {
        if let Err(why) = self.ready().await {
            return Outcome::NotSent { reason: why.to_string() };
        }
        let limits = (self.server.0.smtp.timeout, self.server.0.smtp.dot_timeout);
        let (Ok(sender), Ok(recipient)) = (
            Address::new(message.sender.local(), message.sender.domain()),
            Address::new(message.recipient.local(), message.recipient.domain()),
        ) else {
            return Outcome::Refused { reply: "the address is not one that SMTP can carry".into() };
        };
        if let Some(open) = &mut self.open {
            open.letters += 1;
        }
        let (of_mail, of_rcpt) = match self.open.as_ref().is_some_and(Open::reports) {
            true => reports(message),
            false => (Vec::new(), Vec::new()),
        };
        match self.command(Mail::new(Some(sender), of_mail), limits.0).await {
            Ok(_) => {}
            Err(Failure::Later(reply)) => return self.reset(Outcome::Deferred { reply }).await,
            // The sender is refused: no reader's fault, and the next reader would fare no better.
            Err(Failure::Never(reason) | Failure::Closing(reason) | Failure::Lost(reason)) => {
                self.open = None;
                return Outcome::NotSent { reason };
            }
        }
        if let Err(failure) = self.command(Rcpt::new(recipient, of_rcpt), limits.0).await {
            return self.before_the_dot(failure).await;
        }
        if let Err(failure) = self.command(Data, limits.0).await {
            return self.before_the_dot(failure).await;
        }
        match self.command(dotted(&message.bytes), limits.1).await {
            Ok(reply) => Outcome::Accepted { reply },
            Err(Failure::Later(reply) | Failure::Closing(reply)) => Outcome::Deferred { reply },
            Err(Failure::Never(reply)) => Outcome::Refused { reply },
            // The dot may have arrived. Only the server knows.
            Err(Failure::Lost(reason)) => Outcome::InDoubt { reason },
        }
    }

    /// What a failure means while the server has no message: a lost connection sent nothing.
    async fn before_the_dot(&mut self, failure: Failure) -> Outcome {
        match failure {
            Failure::Later(reply) => self.reset(Outcome::Deferred { reply }).await,
            Failure::Never(reply) => self.reset(Outcome::Refused { reply }).await,
            Failure::Closing(reason) | Failure::Lost(reason) => Outcome::NotSent { reason },
        }
    }

    /// Clears the server's mind for the next letter, rather than paying for a new connection.
    async fn reset(&mut self, outcome: Outcome) -> Outcome {
        if self.open.is_some() && self.command(Rset, self.server.0.smtp.timeout).await.is_err() {
            self.open = None;
        }
        outcome
    }

    /// One command and its answer. A lost connection is dropped here.
    async fn command(&mut self, command: impl fmt::Display, limit: Duration) -> Result<String, Failure> {
        let Some(open) = &mut self.open else { return Err(Failure::Lost("not connected".into())) };
        let failure = match timeout(limit, open.smtp.command(command)).await {
            Ok(Ok(response)) => return Ok(reply(&response)),
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
    pub(super) fn offers(&self) -> Vec<String> {
        self.open.as_ref().map(|open| open.offers.clone()).unwrap_or_default()
    }

    pub(super) async fn close(self) {
        if let Some(open) = self.open {
            quit(open.smtp).await;
        }
    }
}

async fn quit(mut smtp: AsyncSmtpConnection) {
    let _ = timeout(QUIT_TIMEOUT, smtp.command(Quit)).await;
}

/// A message with its dots doubled and its final dot, to go out in one write (RFC 5321 §4.5.2). It is
/// CRLF throughout, or a server could be made to see the end earlier.
fn dotted(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(bytes.len() + 64);
    for line in text.lines() {
        if line.starts_with('.') {
            out.push('.');
        }
        out.push_str(&line.replace('\r', ""));
        out.push_str("\r\n");
    }
    out.push_str(".\r\n");
    out
}

fn reply(response: &Response) -> String {
    let words: Vec<&str> = response.message().collect();
    format!("{} {}", response.code(), words.join(" ")).trim().to_string()
}

/// The whole chain of an error, once: the server's words stand at its end.
fn said(error: &SmtpError) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let more = inner.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        source = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dots_are_doubled_and_the_end_is_one_dot() {
        assert_eq!(dotted(b".a\r\nb\r\n..c\r\n"), "..a\r\nb\r\n...c\r\n.\r\n");
    }

    proptest! {
        #[test]
        fn nothing_inside_a_message_ends_it(bytes: Vec<u8>) {
            let out = dotted(&bytes);
            prop_assert_eq!(out.find("\r\n.\r\n").map_or(out.len(), |at| at + 5), out.len());
            prop_assert!(!out.replace("\r\n", "").contains(['\r', '\n']));
        }
    }
}
