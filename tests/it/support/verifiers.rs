//! What real programs make of letters: the scripts of `tests/verifiers`, each called once for many letters.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use byline::dkim::Signer;
use serde_json::{Value, json};

/// Where the letters of the tests come from, as a receiving server sees it.
const SENDER: [&str; 6] =
    ["--ip", "2001:db8::10", "--helo", "mail.far-bank.example", "--from", "bounce+x@b.far-bank.example"];

fn repository(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// Where dkimpy and `OpenSMTPD` are, installed the first time.
fn installed() -> &'static str {
    static FOLDER: OnceLock<String> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = repository("target/verifiers");
        let installed =
            Command::new("bash").arg(repository("tests/verifiers/install.sh")).arg(&folder).status();
        assert!(installed.unwrap().success());
        folder
    })
}

/// What the DNS says of far-bank.example, with these keys published.
pub fn zone(signers: &[Signer]) -> Value {
    let mut zone = json!({
        "_dmarc.far-bank.example": "v=DMARC1; p=reject; adkim=s",
        "far-bank.example": { "AAAA": ["2001:db8::10"], "MX": ["10 mail.far-bank.example"] },
        "b.far-bank.example": { "MX": ["10 mail.far-bank.example"], "TXT": ["v=spf1 mx -all"] },
        "mail.far-bank.example": { "AAAA": ["2001:db8::10"], "TXT": ["v=spf1 a -all"] },
        "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": { "PTR": ["mail.far-bank.example"] },
    });
    for signer in signers {
        zone[format!("{}._domainkey.far-bank.example", signer.selector)] = json!(signer.key.record());
    }
    zone
}

/// Python's email package: headers decoded, parts, links, defects.
pub fn email(letters: &[Vec<u8>]) -> Vec<Value> {
    verify("verify.py", &["email"], None, letters)
}

/// dkimpy: each signature of each letter.
pub fn dkimpy(zone: &Value, letters: &[Vec<u8>]) -> Vec<Value> {
    verify("verify.py", &["dkimpy"], Some(zone), letters)
}

/// `OpenDKIM`: the same.
pub fn opendkim(zone: &Value, letters: &[Vec<u8>]) -> Vec<Value> {
    verify("opendkim.py", &[], Some(zone), letters)
}

/// Whether each of them finds every signature of a letter good: `[dkimpy, opendkim]`.
pub fn signatures_hold(zone: &Value, letters: &[Vec<u8>]) -> Vec<[bool; 2]> {
    let ok = |said: Vec<Value>| said.iter().map(|said| said["ok"].as_bool().unwrap()).collect::<Vec<_>>();
    let (dkimpy, opendkim) = (ok(dkimpy(zone, letters)), ok(opendkim(zone, letters)));
    dkimpy.into_iter().zip(opendkim).map(|(one, other)| [one, other]).collect()
}

/// `SpamAssassin`, as on a server that got the letter from the newsroom's own.
pub fn spamassassin(zone: &Value, letters: &[Vec<u8>]) -> Vec<Verdict> {
    verdicts(verify("spamassassin.py", &SENDER, Some(zone), letters), "rules")
}

/// rspamd, as on a server that got the letter from the newsroom's own.
pub fn rspamd(zone: &Value, letters: &[Vec<u8>]) -> Vec<Verdict> {
    let cache = repository("target/verifiers/rspamd");
    fs::create_dir_all(&cache).unwrap();
    let arguments = [&SENDER[..], &["--rcpt", "mina@example.org", "--cache", &cache]].concat();
    verdicts(verify("rspamd.py", &arguments, Some(zone), letters), "symbols")
}

/// Dovecot, for a reader who is away: whether it would answer each letter.
pub fn answered_while_away(letters: &[Vec<u8>]) -> Vec<bool> {
    let said = verify("vacation.py", &["--rcpt", "mina@example.org"], None, letters);
    said.iter().map(|said| said["answered"].as_bool().unwrap()).collect()
}

/// What a filter says of one letter.
#[derive(Debug)]
pub struct Verdict {
    pub score: f64,
    /// Points, by rule.
    pub rules: BTreeMap<String, f64>,
}

impl Verdict {
    pub fn has(&self, rule: &str) -> bool {
        self.rules.contains_key(rule)
    }
}

fn verdicts(said: Vec<Value>, rules: &str) -> Vec<Verdict> {
    let verdict = |said: Value| Verdict {
        score: said["score"].as_f64().unwrap(),
        rules: serde_json::from_value(said[rules].clone()).unwrap(),
    };
    said.into_iter().map(verdict).collect()
}

/// What a script prints of each letter, in their order.
fn verify(script: &str, arguments: &[&str], zone: Option<&Value>, letters: &[Vec<u8>]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let python =
        if arguments == ["dkimpy"] { format!("{}/python/bin/python", installed()) } else { "python3".into() };
    let mut command = Command::new(python);
    command.arg(repository(&format!("tests/verifiers/{script}"))).args(arguments);
    if let Some(zone) = zone {
        let file = folder.path().join("zone.json");
        fs::write(&file, zone.to_string()).unwrap();
        command.arg("--zone").arg(file);
    }
    for (number, letter) in letters.iter().enumerate() {
        let file = folder.path().join(format!("{number:06}.eml"));
        fs::write(&file, letter).unwrap();
        command.arg(file);
    }
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}");
    let said: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    assert_eq!(said.len(), letters.len(), "{script}: {}", String::from_utf8_lossy(&output.stdout));
    said
}

/// A second real mail server, other than Postfix: `OpenSMTPD`, private to one folder; ends when dropped.
pub struct OpenSmtpd {
    server: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl OpenSmtpd {
    pub fn start() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        // Its users are others than ours.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut server = Command::new("python3")
            .arg(repository("tests/verifiers/opensmtpd.py"))
            .args(["--package", &format!("{}/opensmtpd", installed())])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap_or_else(|_| panic!("OpenSMTPD did not start: {line:?}"));
        Self { server, port, folder }
    }

    /// On 127.0.0.1, with neither TLS nor AUTH.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every letter that has come, as it lies in a Maildir.
    pub fn letters(&self) -> Vec<Vec<u8>> {
        let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries(&self.folder.path().join("mail"))
            .flat_map(|maildir| entries(&maildir.path().join("new")).collect::<Vec<_>>())
            .map(|file| file.path())
            .collect();
        files.sort();
        files.iter().map(|file| fs::read(file).unwrap()).collect()
    }
}

impl Drop for OpenSmtpd {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}
