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

use base64::{Engine, engine::general_purpose::STANDARD};
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
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{How, Refusal, Step, Trouble};
use crate::{
    config::{Login, Security, Smtp},
    delivery::{Message, Outcome},
    subscriber::address::EmailAddress,
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
    pub(super) fn new(smtp: Smtp) -> Result<Self, Refusal> {
        let authorities = match &smtp.ca_file {
            None => Vec::new(),
            Some(path) => {
                let lasting = |why: &dyn fmt::Display| Refusal {
                    step: Step::Authorities,
                    how: How::Lasting,
                    server: smtp.host.clone(),
                    words: format!("{}: {why}", path.display()),
                };
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

    async fn connect(&self) -> Result<AsyncSmtpConnection, Refusal> {
        let smtp = &self.0.smtp;
        let found = self.step(Step::Looking, lookup_host((smtp.host.as_str(), smtp.port)));
        let found = found.await?.map_err(|why| self.refusal(Step::Looking, How::Passing, why.to_string()))?;
        let addresses: Vec<SocketAddr> = found.collect();
        let socket = self.step(Step::Connecting, TcpStream::connect(addresses.as_slice())).await?;
        let passing = |why: io::Error| self.refusal(Step::Connecting, How::Passing, unconnected(&why));
        let socket = socket.map_err(passing)?;
        socket.set_nodelay(true).map_err(passing)?;
        let socket: Box<dyn AsyncTokioStream> = match smtp.security {
            Security::Tls => Box::new(self.step(Step::Encrypting, self.encrypt(socket)).await??),
            Security::StartTls | Security::None => Box::new(socket),
        };
        let greeting = AsyncSmtpConnection::connect_with_transport(socket, &self.0.hello);
        let greeted = self.step(Step::Greeting, greeting).await?;
        let mut connection = greeted.map_err(|why| self.refusal(Step::Greeting, How::Passing, said(&why)))?;
        if smtp.security == Security::StartTls {
            if !connection.can_starttls() {
                let words = "it offers no STARTTLS, and nothing is sent without".to_string();
                return Err(self.refusal(Step::Offering, How::Lasting, words));
            }
            let parameters = self.tls_parameters()?;
            let encrypted =
                self.step(Step::Encrypting, connection.starttls(parameters, &self.0.hello)).await?;
            encrypted.map_err(|why| self.refusal(Step::Encrypting, How::Passing, said(&why)))?;
        }
        if let Some(login) = &smtp.login {
            let credentials = Credentials::new(login.username.clone(), login.password.expose().to_string());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let taken = self.step(Step::LoggingIn, connection.auth(&mechanisms, &credentials)).await?;
            taken.map_err(|why| {
                if why.is_client() {
                    let words = "it offers no way to log in that Byline knows (PLAIN or LOGIN)".to_string();
                    return self.refusal(Step::OfferingLogin, How::Lasting, words);
                }
                let how = if why.is_permanent() { How::Lasting } else { How::Passing };
                let words = format!("it refused the login: {}", without_secrets(login, &said(&why)));
                self.refusal(Step::LoggingIn, how, words)
            })?;
        }
        Ok(connection)
    }

    fn refusal(&self, step: Step, how: How, words: String) -> Refusal {
        let smtp = &self.0.smtp;
        Refusal { step, how, server: format!("{}:{}", smtp.host, smtp.port), words }
    }

    /// Waits for one step as long as for any answer.
    async fn step<T>(&self, step: Step, doing: impl Future<Output = T>) -> Result<T, Refusal> {
        timeout(self.0.smtp.timeout, doing)
            .await
            .map_err(|_| self.refusal(step, How::Silent, format!("no answer while {step}")))
    }

    /// lettre keeps of the server's answer only what it uses itself, so it is asked once more. A server that
    /// does not answer twice, as `OpenSMTPD`, is taken at what lettre kept.
    async fn offers(&self, connection: &mut AsyncSmtpConnection) -> Result<Vec<String>, Refusal> {
        let hello = Ehlo::new(self.0.hello.clone());
        match self.step(Step::Asking, connection.command(hello)).await? {
            Ok(answer) => Ok(answer.message().skip(1).map(str::to_string).collect()),
            Err(why) if why.is_permanent() => Ok(known(connection.server_info())),
            Err(why) => Err(self.refusal(Step::Asking, How::Passing, said(&why))),
        }
    }

    fn tls_parameters(&self) -> Result<TlsParameters, Refusal> {
        let lasting = |why: SmtpError| self.refusal(Step::Encrypting, How::Lasting, said(&why));
        let mut builder = TlsParameters::builder(self.0.smtp.host.clone());
        for authority in &self.0.authorities {
            builder =
                builder.add_root_certificate(Certificate::from_der(authority.clone()).map_err(lasting)?);
        }
        builder.build().map_err(lasting)
    }

    async fn encrypt(&self, socket: TcpStream) -> Result<Encrypted, Refusal> {
        use rustls::{ClientConfig, crypto::aws_lc_rs};
        let host = &self.0.smtp.host;
        let lasting = |why: &dyn fmt::Display| self.refusal(Step::Encrypting, How::Lasting, why.to_string());
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
            .map_err(|why| self.refusal(Step::Encrypting, How::Passing, why.to_string()))?;
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
        Ok(self.open().await?)
    }

    /// Opens it if it is not open.
    pub(super) async fn open(&mut self) -> Result<(), Refusal> {
        if self.open.is_none() {
            let mut smtp = self.server.connect().await?;
            let offers = self.server.offers(&mut smtp).await?;
            self.open = Some(Open { smtp, offers, since: Instant::now(), letters: 0 });
        }
        Ok(())
    }

    /// Whether the server would take letters from this address; if not, in its words. None is begun.
    pub(super) async fn would_take(&mut self, sender: &EmailAddress) -> Result<(), String> {
        let Ok(address) = Address::new(sender.local(), sender.domain()) else {
            return Err("the address is not one that SMTP can carry".into());
        };
        let limit = self.server.0.smtp.timeout;
        match self.command(Mail::new(Some(address), Vec::new()), limit).await {
            Ok(_) => {
                let _ = self.command(Rset, limit).await;
                Ok(())
            }
            Err(
                Failure::Later(words)
                | Failure::Never(words)
                | Failure::Closing(words)
                | Failure::Lost(words),
            ) => Err(words),
        }
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

/// Why there is no connection, in words for people where there are any.
fn unconnected(why: &io::Error) -> String {
    match why.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_string(),
        _ => why.to_string(),
    }
}

/// Some servers repeat the command that they refuse, and this one bears the password (RFC 4616 §2, and LOGIN).
fn without_secrets(login: &Login, words: &str) -> String {
    let password = login.password.expose();
    let plain = format!("\0{}\0{password}", login.username);
    let secrets = [STANDARD.encode(plain), STANDARD.encode(password), password.to_string()];
    let shown = secrets.iter().filter(|secret| !secret.is_empty());
    shown.fold(words.to_string(), |words, secret| words.replace(secret.as_str(), "…"))
}

/// The whole chain of an error, once: the server's words stand at its end. If it answered, these alone.
fn said(error: &SmtpError) -> String {
    let mut source = std::error::Error::source(error);
    if let (Some(code), Some(words)) = (error.status(), source) {
        return format!("{code} {}", words.to_string().replace('\n', " ")).trim_end().to_string();
    }
    let mut words = error.to_string();
    // lettre says so at each of its layers.
    while let Some(rest) = words.strip_prefix("Connection error: ") {
        words = rest.to_string();
    }
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

    #[test]
    fn what_a_server_repeats_of_a_login_is_not_shown() {
        let login = Login { username: "mina".into(), password: crate::config::Secret::new("s3cret".into()) };
        for words in
            ["500 unknown: AUTH PLAIN AG1pbmEAczNjcmV0", "535 czNjcmV0 is wrong", "535 no s3cret here"]
        {
            let shown = without_secrets(&login, words);
            assert!(
                shown.contains('…') && !shown.contains("czNjcmV0") && !shown.contains("s3cret"),
                "{shown}"
            );
        }
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
