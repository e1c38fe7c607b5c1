//! A web server on this machine that writes down what it is asked and answers as the test says: a
//! subscriber, another hub, a site whose feed is looked at.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

/// What it was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// With its query.
    pub path: String,
    /// Lower-case names.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The values of the query, or of a form.
    pub fn values(&self) -> BTreeMap<String, String> {
        let query = self.path.split_once('?').map_or("", |(_, query)| query);
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.into_owned().chain(url::form_urlencoded::parse(&self.body).into_owned()).collect()
    }
}

/// Status, media type, body.
pub type Reply = (u16, &'static str, Vec<u8>);

pub struct WebServer {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

impl WebServer {
    pub fn start(answer: impl Fn(&Asked) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (heard, stopped) = (asked.clone(), stop.clone());
        let serving = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    // A client that goes away in the middle is its own affair.
                    let _ = exchange(stream, &heard, &answer);
                }
            }
        });
        Self { address, asked, stop, serving: Some(serving) }
    }

    /// Says to every question of a hub what the hub wants to hear.
    pub fn subscriber() -> Self {
        Self::start(|asked| match asked.values().get("hub.challenge") {
            Some(challenge) => (200, "text/plain", challenge.clone().into_bytes()),
            None => (204, "text/plain", Vec::new()),
        })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What was posted so far.
    pub fn posted(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.method == "POST").collect()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address); // wakes it
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

fn exchange(
    stream: TcpStream,
    heard: &Mutex<Vec<Asked>>,
    answer: &impl Fn(&Asked) -> Reply,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_string);
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(()) };
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_string());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let asked = Asked { method, path, headers, body };
    let (status, media_type, body) = answer(&asked);
    heard.lock().unwrap().push(asked);
    let mut stream = stream;
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}
