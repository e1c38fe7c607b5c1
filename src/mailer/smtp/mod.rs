//! A mail server, spoken to command by command over lettre's connection on a socket of our own.
//!
//! lettre's own `send()` is not used: it cannot tell an answer lost before the message from one lost
//! after it, which is the whole difference between "not sent" and "in doubt". Its pool is not used
//! either: a cancelled send would leave a connection one reply behind. The socket is ours because
//! lettre leaves Nagle's algorithm on, which costs 40 ms a letter.
//!
//! Here a server is called; what is said for each letter is in `session`.

mod servers;
mod session;
mod socket;
mod wire;

use std::{fmt, io, net::SocketAddr, sync::Arc};

use lettre::transport::smtp::{
    Error as SmtpError,
    authentication::{Credentials, Mechanism},
    client::{AsyncSmtpConnection, AsyncTokioStream, Certificate, TlsParameters},
    commands::Ehlo,
    extension::{ClientId, Extension, ServerInfo},
};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

pub(super) use self::{servers::Servers, session::Connection};
use self::{
    socket::{Encrypted, Sent, Socket},
    wire::{said, unconnected, without_secrets},
};
use super::{How, Refusal, Step};
use crate::config::{Security, Smtp};

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

    /// A connection that is greeted, encrypted and logged in as the config wants, and how much went out on it.
    async fn connect(&self) -> Result<(AsyncSmtpConnection, Sent), Refusal> {
        let smtp = &self.0.smtp;
        let found = self.step(Step::Looking, lookup_host((smtp.host.as_str(), smtp.port)));
        let found = found.await?.map_err(|why| self.refusal(Step::Looking, How::Passing, why.to_string()))?;
        let addresses: Vec<SocketAddr> = found.collect();
        let socket = self.step(Step::Connecting, TcpStream::connect(addresses.as_slice())).await?;
        let passing = |why: io::Error| self.refusal(Step::Connecting, How::Passing, unconnected(&why));
        let socket = socket.map_err(passing)?;
        socket.set_nodelay(true).map_err(passing)?;
        let (socket, sent) = Socket::new(socket);
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
        Ok((connection, sent))
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

    async fn encrypt(&self, socket: Socket) -> Result<Encrypted, Refusal> {
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
