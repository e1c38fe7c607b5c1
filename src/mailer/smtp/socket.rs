//! The socket under a connection: it counts what went out, so that it is known how far a letter came, and
//! gives out no more than a line at a time until TLS begins.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// Bytes read at once.
const BUFFER: usize = 8 * 1024;
/// The first byte of TLS: a handshake record (RFC 8446 §5.1). No SMTP command begins with it.
const HANDSHAKE: u8 = 22;

/// How many bytes the system took from us. Under TLS they are more than those of the letters, never fewer.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent(Arc<AtomicU64>);

impl Sent {
    pub(super) fn bytes(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

#[derive(Debug)]
pub(super) struct Socket {
    tcp: TcpStream,
    sent: Sent,
    /// What was read and not given out yet.
    read: Vec<u8>,
    at: usize,
    /// Whoever reads ahead across STARTTLS would take for the server's, after the encryption began, what
    /// somebody on the way put in before it. So nobody can: what stands after the line is no TLS.
    is_plain: bool,
}

impl Socket {
    pub(super) fn new(tcp: TcpStream) -> (Self, Sent) {
        let sent = Sent::default();
        (Self { tcp, sent: sent.clone(), read: Vec::new(), at: 0, is_plain: true }, sent)
    }

    /// What may be given out of what was read.
    fn next(&self) -> &[u8] {
        let rest = &self.read[self.at..];
        match memchr::memchr(b'\n', rest) {
            Some(end) if self.is_plain => &rest[..=end],
            _ => rest,
        }
    }
}

impl AsyncTokioStream for Socket {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.at == this.read.len() {
            if !this.is_plain {
                return Pin::new(&mut this.tcp).poll_read(cx, buf);
            }
            this.read.resize(BUFFER, 0);
            let mut into = ReadBuf::new(&mut this.read);
            let read = Pin::new(&mut this.tcp).poll_read(cx, &mut into);
            let filled = into.filled().len();
            this.read.truncate(filled);
            this.at = 0;
            ready!(read)?;
        }
        let next = this.next();
        let taken = next.len().min(buf.remaining());
        buf.put_slice(&next[..taken]);
        this.at += taken;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if buf.first() == Some(&HANDSHAKE) {
            self.is_plain = false;
        }
        let written = ready!(Pin::new(&mut self.tcp).poll_write(cx, buf))?;
        self.sent.0.fetch_add(written as u64, Relaxed);
        Poll::Ready(Ok(written))
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// TLS from the first byte, in the form that lettre takes.
#[derive(Debug)]
pub(super) struct Encrypted(pub(super) TlsStream<Socket>);

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
