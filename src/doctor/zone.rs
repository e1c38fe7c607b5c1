//! A name server for tests, on a port of its own, over UDP and TCP.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
    sync::Arc,
};

use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{CNAME, MX, PTR, TXT},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
};

use crate::doctor::dns::Dns;

/// What fits into an answer over UDP (RFC 1035 §4.2.1).
const UDP_OCTETS_MAX: usize = 512;
/// What fits into one string of a TXT record (RFC 1035 §3.3).
const STRING_OCTETS_MAX: usize = 255;

/// The names that exist, until it is served.
#[derive(Default)]
pub struct Zone {
    records: HashMap<Name, Vec<RData>>,
    failing: BTreeSet<Name>,
    silent: BTreeSet<Name>,
}

impl Zone {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn txt(self, name: &str, value: &str) -> Self {
        let pieces: Vec<&[u8]> = value.as_bytes().chunks(STRING_OCTETS_MAX).collect();
        self.with(named(name), RData::TXT(TXT::from_bytes(pieces)))
    }

    pub fn txt_in_pieces(self, name: &str, pieces: &[&str]) -> Self {
        let pieces = pieces.iter().map(ToString::to_string).collect();
        self.with(named(name), RData::TXT(TXT::new(pieces)))
    }

    pub fn address(self, name: &str, address: &str) -> Self {
        let data = match address.parse().unwrap() {
            IpAddr::V4(v4) => RData::A(v4.into()),
            IpAddr::V6(v6) => RData::AAAA(v6.into()),
        };
        self.with(named(name), data)
    }

    pub fn mx(self, name: &str, preference: u16, host: &str) -> Self {
        self.with(named(name), RData::MX(MX::new(preference, named(host))))
    }

    pub fn ptr(self, address: &str, name: &str) -> Self {
        let address: IpAddr = address.parse().unwrap();
        self.with(Name::from(address), RData::PTR(PTR(named(name))))
    }

    pub fn alias(self, name: &str, target: &str) -> Self {
        self.with(named(name), RData::CNAME(CNAME(named(target))))
    }

    /// Answers SERVFAIL.
    pub fn failing(mut self, name: &str) -> Self {
        self.failing.insert(named(name));
        self
    }

    /// Does not answer.
    pub fn silent(mut self, name: &str) -> Self {
        self.silent.insert(named(name));
        self
    }

    fn with(mut self, mut name: Name, data: RData) -> Self {
        name.set_fqdn(true);
        self.records.entry(name).or_default().push(data);
        self
    }

    /// Serves until the test ends; the resolver asks nobody else.
    pub async fn serve(self) -> Dns {
        let zone = Arc::new(self);
        let (udp, tcp) = sockets().await;
        let address = udp.local_addr().unwrap();
        tokio::spawn(serve_udp(zone.clone(), udp));
        tokio::spawn(serve_tcp(zone, tcp));
        Dns::at(address).unwrap()
    }

    fn answer(&self, query: &[u8]) -> Option<Message> {
        let query = Message::from_vec(query).ok()?;
        let asked = query.queries.first()?;
        let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
        answer.metadata.recursion_available = true;
        answer.add_query(asked.clone());
        let name = asked.name().to_lowercase();
        if self.silent.contains(&name) {
            return None;
        }
        if self.failing.contains(&name) {
            answer.metadata.response_code = ResponseCode::ServFail;
        } else if let Some(records) = self.records.get(&name) {
            let meant = |data: &&RData| [asked.query_type(), RecordType::CNAME].contains(&data.record_type());
            for data in records.iter().filter(meant) {
                answer.add_answer(Record::from_rdata(name.clone(), 60, data.clone()));
            }
        } else {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        Some(answer)
    }
}

fn named(name: &str) -> Name {
    let mut name = Name::from_str(name).unwrap();
    name.set_fqdn(true);
    name
}

/// Two sockets at one port.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

async fn serve_udp(zone: Arc<Zone>, socket: UdpSocket) {
    let mut query = [0; UDP_OCTETS_MAX];
    loop {
        let (length, from) = socket.recv_from(&mut query).await.unwrap();
        let Some(answer) = zone.answer(&query[..length]) else { continue };
        let mut octets = answer.to_vec().unwrap();
        if octets.len() > UDP_OCTETS_MAX {
            octets = answer.truncate().to_vec().unwrap();
        }
        socket.send_to(&octets, from).await.unwrap();
    }
}

async fn serve_tcp(zone: Arc<Zone>, listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve_stream(zone.clone(), stream));
    }
}

async fn serve_stream(zone: Arc<Zone>, mut stream: TcpStream) -> io::Result<()> {
    loop {
        let mut query = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut query).await?;
        let Some(answer) = zone.answer(&query) else { continue };
        let octets = answer.to_vec().unwrap();
        stream.write_u16(octets.len().try_into().unwrap()).await?;
        stream.write_all(&octets).await?;
    }
}
