//! A real name server, `tests/verifiers/dns_stub.py`, that knows what a test publishes and nothing else.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// What is published: for each name, for each type, the values.
#[derive(Debug, Clone, Default)]
pub struct Zone(BTreeMap<String, BTreeMap<String, Vec<String>>>);

impl Zone {
    pub fn with(mut self, name: &str, kind: &str, value: &str) -> Self {
        self.publish(name, kind, value);
        self
    }

    pub fn publish(&mut self, name: &str, kind: &str, value: &str) {
        self.0.entry(name.into()).or_default().entry(kind.into()).or_default().push(value.into());
    }

    pub fn withdraw(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Publishes a record as the program prints it with `--json`.
    pub fn publish_printed(&mut self, record: &Value) {
        let text = |key: &str| record[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {record}"));
        self.publish(text("name"), text("type"), text("value"));
    }

    pub fn serve(&self) -> NameServer {
        let folder = tempfile::tempdir().unwrap();
        let zone = folder.path().join("zone.json");
        std::fs::write(&zone, serde_json::to_vec(&self.0).unwrap()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/dns_stub.py");
        let mut child = Command::new("python3")
            .arg(script)
            .arg(zone)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().expect("the stub prints its port");
        NameServer { address: format!("127.0.0.1:{port}"), child, _folder: folder }
    }
}

/// Answers until it is dropped.
pub struct NameServer {
    pub address: String,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Drop for NameServer {
    fn drop(&mut self) {
        // It ends when its stdin closes.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
