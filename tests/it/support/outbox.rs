//! Letters as they lie in an outbox or a Maildir, read as a mail program reads them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};

/// One letter.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Lower-case names, unfolded, not decoded.
    pub headers: BTreeMap<String, String>,
    pub text: String,
    pub html: String,
}

impl Letter {
    pub fn read(bytes: &[u8]) -> Self {
        let raw = String::from_utf8(bytes.to_vec()).expect("a letter is ASCII").replace("\r\n", "\n");
        let (head, body) = raw.split_once("\n\n").expect("a head and a body");
        let headers = headers(head);
        let boundary = headers["content-type"].split("boundary=\"").nth(1).unwrap().trim_end_matches('"');
        let parts: Vec<(BTreeMap<String, String>, String)> = body
            .split(&format!("--{boundary}"))
            .skip(1)
            .filter_map(|part| part.strip_prefix('\n')?.split_once("\n\n"))
            .map(|(head, body)| (self::headers(head), body.to_string()))
            .collect();
        let part = |kind: &str| {
            let (headers, body) =
                parts.iter().find(|(headers, _)| headers["content-type"].starts_with(kind)).unwrap();
            decode(&headers["content-transfer-encoding"], body)
        };
        Self { text: part("text/plain"), html: part("text/html"), headers }
    }

    pub fn to(&self) -> &str {
        &self.headers["to"]
    }

    pub fn id(&self) -> &str {
        &self.headers["message-id"]
    }

    /// Decoded (RFC 2047).
    pub fn subject(&self) -> String {
        let raw = &self.headers["subject"];
        if !raw.contains("=?") {
            return raw.clone();
        }
        raw.split_whitespace()
            .map(|word| {
                let inner = word.strip_prefix("=?utf-8?B?").unwrap().strip_suffix("?=").unwrap();
                String::from_utf8(STANDARD.decode(inner).unwrap()).unwrap()
            })
            .collect()
    }

    /// The path of the link for leaving, without the site.
    pub fn unsubscribe_path(&self) -> String {
        let link = self.headers["list-unsubscribe"].trim_matches(['<', '>']).to_string();
        format!("/unsubscribe/{}", link.rsplit('/').next().unwrap())
    }

    /// Fails unless both parts say it.
    pub fn shows(&self, words: &str) -> &Self {
        let html = self.html.replace("&amp;", "&").replace("&quot;", "\"");
        let plain: String = byline_words(&html);
        assert!(self.text.contains(words), "the text part does not say {words:?}:\n{}", self.text);
        assert!(plain.contains(words), "the HTML part does not say {words:?}:\n{html}");
        self
    }
}

/// HTML without its tags.
fn byline_words(html: &str) -> String {
    let mut inside = false;
    html.chars()
        .filter(|c| {
            match c {
                '<' => inside = true,
                '>' => {
                    inside = false;
                    return false;
                }
                _ => {}
            }
            !inside
        })
        .collect()
}

fn headers(head: &str) -> BTreeMap<String, String> {
    let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
    unfolded
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_string()))
        .collect()
}

fn decode(encoding: &str, body: &str) -> String {
    match encoding {
        "base64" => {
            String::from_utf8(STANDARD.decode(body.replace('\n', "")).unwrap()).unwrap().replace("\r\n", "\n")
        }
        "quoted-printable" => {
            let robust = quoted_printable::decode(body, quoted_printable::ParseMode::Robust).unwrap();
            String::from_utf8(robust).unwrap().replace("\r\n", "\n")
        }
        _ => body.to_string(),
    }
}

/// Every complete letter below an outbox.
pub fn letters(outbox: &Path) -> Vec<Letter> {
    raw_letters(outbox).iter().map(|bytes| Letter::read(bytes)).collect()
}

/// The same as bytes.
pub fn raw_letters(outbox: &Path) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    gather(outbox, &mut files);
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "eml") {
            files.push(path);
        }
    }
}
