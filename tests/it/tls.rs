//! Servers whose TLS is not to be trusted: no login and no letter reaches them.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::support::{newsroom::CONFIG, program::Folder};

/// What a server does with STARTTLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// It has none, as if somebody on the way had taken it out.
    Stripped,
    /// It starts TLS with this certificate.
    Honest,
    /// Somebody on the way puts words in before TLS begins.
    Injected,
}

/// A server that hears everything and keeps nothing but what it heard.
struct Eavesdropper {
    port: u16,
    heard: Arc<Mutex<String>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Eavesdropper {
    fn start(guard: Guard, tls: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (heard, stopping) = (Arc::<Mutex<String>>::default(), Arc::new(AtomicBool::new(false)));
        let (hears, stops) = (heard.clone(), stopping.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stops.load(Ordering::SeqCst) {
                    break;
                }
                let _ = talk(stream.unwrap(), guard, tls.clone(), &hears);
            }
        });
        Self { port, heard, stopping, thread: Some(thread) }
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Eavesdropper {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        let _ = self.thread.take().unwrap().join();
    }
}

fn talk(
    stream: TcpStream,
    guard: Guard,
    tls: Arc<ServerConfig>,
    heard: &Mutex<String>,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10)))?;
    (&stream).write_all(b"220 localhost ESMTP\r\n")?;
    let mut lines = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        heard.lock().unwrap().push_str(&line);
        match line.split_whitespace().next().unwrap_or_default() {
            "EHLO" if guard == Guard::Stripped => {
                (&stream).write_all(b"250-localhost\r\n250 AUTH PLAIN LOGIN\r\n")?;
            }
            "EHLO" => (&stream).write_all(b"250-localhost\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n")?,
            "STARTTLS" => break,
            _ => (&stream).write_all(b"250 ok\r\n")?,
        }
    }
    let go: &[u8] = match guard {
        Guard::Injected => {
            b"220 go\r\n250-localhost\r\n250 AUTH PLAIN LOGIN\r\n235 welcome\r\n250 ok\r\n250 ok\r\n"
        }
        _ => b"220 go\r\n",
    };
    (&stream).write_all(go)?;
    let connection = ServerConnection::new(tls).map_err(std::io::Error::other)?;
    let mut secure = BufReader::new(StreamOwned::new(connection, stream));
    loop {
        let mut line = String::new();
        if secure.read_line(&mut line)? == 0 {
            return Ok(());
        }
        heard.lock().unwrap().push_str(&line);
        let answer: &[u8] = match line.split_whitespace().next().unwrap_or_default() {
            "EHLO" => b"250-localhost\r\n250 AUTH PLAIN LOGIN\r\n",
            "AUTH" => b"235 welcome\r\n",
            "DATA" => b"354 go\r\n",
            _ => b"250 ok\r\n",
        };
        secure.get_mut().write_all(answer)?;
    }
}

/// A certificate in `folder`, made by openssl.
fn certificate(folder: &Path, name: &str, subject: &str, end: &str) -> Arc<ServerConfig> {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write(
        "ca.cnf",
        "[ca]\ndefault_ca=x\n[x]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\nunique_subject=no\n\
         rand_serial=yes\n[p]\ncommonName=supplied\n[req]\ndistinguished_name=n\n[n]\n",
    );
    write("index", "");
    write("extensions", &format!("subjectAltName=DNS:{subject}\nbasicConstraints=CA:FALSE\n"));
    let openssl = |arguments: &[&str]| {
        let ended = Command::new("openssl")
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    };
    let (key, request, pem) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
    let curve = "ec_paramgen_curve:P-256";
    openssl(&[
        "req",
        "-config",
        "ca.cnf",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        curve,
        "-noenc",
        "-keyout",
        &key,
        "-out",
        &request,
        "-subj",
        &format!("/CN={subject}"),
    ]);
    openssl(&[
        "ca",
        "-config",
        "ca.cnf",
        "-batch",
        "-notext",
        "-selfsign",
        "-in",
        &request,
        "-keyfile",
        &key,
        "-out",
        &pem,
        "-startdate",
        "20200101000000Z",
        "-enddate",
        end,
        "-extfile",
        "extensions",
    ]);
    let chain = vec![CertificateDer::from_pem_file(folder.join(&pem)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join(&key)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

#[test]
fn m37_s36_no_login_reaches_a_server_that_cannot_be_trusted() {
    let keys = tempfile::tempdir().unwrap();
    let far = "20990101000000Z";
    let good = certificate(keys.path(), "good", "localhost", far);
    let expired = certificate(keys.path(), "expired", "localhost", "20210101000000Z");
    let other = certificate(keys.path(), "other", "elsewhere.example", far);
    let unknown = certificate(keys.path(), "unknown", "localhost", far);
    for (what, guard, tls, trusted, is_good) in [
        ("all is well", Guard::Honest, &good, "good", true),
        ("STARTTLS is taken out", Guard::Stripped, &good, "good", false),
        ("words are put in before TLS", Guard::Injected, &good, "good", false),
        ("the certificate has expired", Guard::Honest, &expired, "expired", false),
        ("the certificate is another's", Guard::Honest, &other, "other", false),
        ("nobody vouches for it", Guard::Honest, &unknown, "good", false),
    ] {
        let server = Eavesdropper::start(guard, tls.clone());
        let mail = format!(
            "[mail]\ntransport = \"smtp\"\nsmtp = {{ host = \"localhost\", port = {}, security = \"starttls\", \
             username = \"mina\", password = {{ env = \"BYLINE_SECRET\" }}, ca_file = \"{}\", connections = 1, timeout = \"5s\" }}",
            server.port,
            keys.path().join(format!("{trusted}.pem")).display()
        );
        let folder = Folder::with_config(&CONFIG.replace("[mail]", &mail));
        folder.write("articles/en/a.md", "---\ntitle: Wells\ndate: 2026-03-01\n---\nWater.\n");
        folder.write("subscribers/dispatches.csv", "email\nmina@example.org\n");
        let run = |arguments: &[&str]| folder.run_with(arguments, &[("BYLINE_SECRET", "s3cret")]);
        run(&["send", "dispatches", "--yes"]).done();
        let said = run(&["deliver"]);
        let heard = server.heard();
        assert_eq!(heard.contains("AUTH") || heard.contains("MAIL"), is_good, "{what}: {heard}\n{said:?}");
        assert_eq!(said.code, i32::from(!is_good), "{what}: {said:?}");
        if !is_good {
            assert!(said.last_line().ends_with("1 letter: 1 pending"), "{what}: {said:?}");
            assert!(said.stderr.contains("nothing is lost"), "{what}: {said:?}");
        }
    }
}

#[test]
fn s32_the_password_is_said_nowhere() {
    let keys = tempfile::tempdir().unwrap();
    let good = certificate(keys.path(), "good", "localhost", "20990101000000Z");
    let server = Eavesdropper::start(Guard::Honest, good);
    let mail = format!(
        "[mail]\ntransport = \"smtp\"\nsmtp = {{ host = \"localhost\", port = {}, security = \"starttls\", \
         username = \"mina\", password = {{ env = \"BYLINE_SECRET\" }}, ca_file = \"{}\" }}",
        server.port,
        keys.path().join("good.pem").display()
    );
    let folder = Folder::with_config(&CONFIG.replace("[mail]", &mail));
    folder.write("articles/en/a.md", "---\ntitle: Wells\ndate: 2026-03-01\n---\nWater.\n");
    folder.write("subscribers/dispatches.csv", "email\nmina@example.org\n");
    let secret = "s3cret-canary";
    let all = [("BYLINE_SECRET", secret), ("BYLINE_LOG", "trace"), ("RUST_BACKTRACE", "1")];
    let mut said = String::new();
    for arguments in [
        &["send", "dispatches", "--yes"][..],
        &["deliver"],
        &["audit", "1"],
        &["status", "--json"],
        &["check"],
        &["doctor", "mail", "--json"],
    ] {
        let answer = folder.run_with(arguments, &all);
        said.push_str(&format!("{}{}", answer.stdout, answer.stderr));
    }
    assert!(server.heard().contains("AUTH"), "it logged in");
    let mut files = Vec::new();
    gather(folder.root(), &mut files);
    for file in files {
        let mut bytes = Vec::new();
        fs::File::open(&file).unwrap().read_to_end(&mut bytes).unwrap();
        said.push_str(&String::from_utf8_lossy(&bytes));
    }
    // As it is, and as PLAIN and LOGIN encode it.
    for form in [secret, "AG1pbmEAczNjcmV0LWNhbmFyeQ", "czNjcmV0LWNhbmFyeQ"] {
        assert!(!said.contains(form), "{form}");
    }
}

fn gather(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            gather(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}
