//! One document as HTTP serves it: its bytes, its validators, its compressed forms.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{
    Form, Key,
    delta::{self, Item},
};

/// Smaller ones gain nothing.
const COMPRESS_BYTES_MIN: usize = 256;
/// A little under brotli's best: the last percent would cost seconds a feed.
const BROTLI_QUALITY_KEPT: i32 = 9;
/// For what is compressed anew for each reader.
const BROTLI_QUALITY_PASSING: i32 = 4;
const BROTLI_WINDOW_BITS: i32 = 22;
/// Of each feed, how many earlier versions are known, to say what is new since.
const VERSIONS_MAX: usize = 10;

/// How bytes are wrapped for the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 7932.
    Brotli,
    /// RFC 1952.
    Gzip,
    /// As they are.
    Identity,
}

/// A page or a feed.
#[derive(Debug)]
pub struct Document {
    form: &'static Form,
    key: Key,
    etag: String,
    modified: SystemTime,
    bytes: usize,
    body: Body,
}

/// Where the bytes are.
#[derive(Debug)]
enum Body {
    /// In memory, with their compressed forms: feeds.
    Memory {
        plain: Bytes,
        brotli: OnceLock<Bytes>,
        gzip: OnceLock<Bytes>,
        /// Where its entries are, to say what is new.
        items: Vec<Item>,
        /// Versions before this one: their tags and entries, the newest last.
        earlier: Vec<(String, Arc<[u64]>)>,
    },
    /// In `public/`: pages, of which there may be very many.
    Folder(PathBuf),
}

/// What is known of a document without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// Of all that its bytes depend on.
    pub key: Key,
    /// `W/"…"`
    pub etag: String,
    /// When its bytes last changed.
    pub modified: SystemTime,
    /// How many they are.
    pub bytes: usize,
}

impl Document {
    /// A document that follows `before` at its address.
    pub(super) fn in_memory(
        form: &'static Form,
        facts: Facts,
        plain: Vec<u8>,
        before: Option<&Document>,
    ) -> Self {
        let is_xml = form.media_type.contains("xml");
        let items = std::str::from_utf8(&plain).map_or_else(
            |_| Vec::new(),
            |xml| match is_xml {
                true => delta::items(xml),
                false => Vec::new(),
            },
        );
        let mut earlier = Vec::new();
        if let Some(Document { etag, body: Body::Memory { items, earlier: before, .. }, .. }) = before {
            earlier.clone_from(before);
            if *etag != facts.etag {
                earlier.push((etag.clone(), items.iter().map(|(_, item)| *item).collect()));
            }
            earlier.drain(..earlier.len().saturating_sub(VERSIONS_MAX));
        }
        let (brotli, gzip) = (OnceLock::new(), OnceLock::new());
        Self::new(form, facts, Body::Memory { plain: plain.into(), brotli, gzip, items, earlier })
    }

    /// The document with only what is new since the version with one of these tags, if it is known.
    pub fn since(&self, had: impl Fn(&str) -> bool) -> Option<Bytes> {
        let Body::Memory { plain, items, earlier, .. } = &self.body else { return None };
        let (_, had) = earlier.iter().rev().find(|(etag, _)| had(etag))?;
        delta::without(std::str::from_utf8(plain).ok()?, items, had).map(Bytes::from)
    }

    pub(super) fn in_folder(form: &'static Form, facts: Facts, file: PathBuf) -> Self {
        Self::new(form, facts, Body::Folder(file))
    }

    fn new(form: &'static Form, facts: Facts, body: Body) -> Self {
        let Facts { key, etag, modified, bytes } = facts;
        // Whole seconds: that is all an HTTP date can say, and it is compared with one.
        let seconds = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let modified = UNIX_EPOCH + Duration::from_secs(seconds);
        Self { form, key, etag, modified, bytes, body }
    }

    pub(super) fn facts(&self) -> Facts {
        Facts { key: self.key, etag: self.etag.clone(), modified: self.modified, bytes: self.bytes }
    }

    /// `W/"…"`, of the bytes alone (RFC 9110 §8.8.3).
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// When the bytes last changed.
    pub fn modified(&self) -> SystemTime {
        self.modified
    }

    /// How it is served.
    pub fn form(&self) -> &'static Form {
        self.form
    }

    /// Of all that the bytes depend on.
    pub fn key(&self) -> Key {
        self.key
    }

    /// The bytes as they are.
    pub fn read(&self) -> io::Result<Bytes> {
        match &self.body {
            Body::Memory { plain, .. } => Ok(plain.clone()),
            Body::Folder(file) => fs::read(file).map(Bytes::from),
        }
    }

    /// The bytes in `encoding`, if they lie ready; small documents stay as they are, and say so.
    pub fn ready(&self, encoding: Encoding) -> Option<(Encoding, Bytes)> {
        let Body::Memory { plain, brotli, gzip, .. } = &self.body else { return None };
        let encoding = self.worthwhile(encoding);
        let bytes = match encoding {
            Encoding::Identity => Some(plain),
            Encoding::Gzip => gzip.get(),
            Encoding::Brotli => brotli.get(),
        };
        bytes.map(|bytes| (encoding, bytes.clone()))
    }

    /// The same, however long it takes to read and compress.
    pub fn encoded(&self, encoding: Encoding) -> io::Result<(Encoding, Bytes)> {
        let encoding = self.worthwhile(encoding);
        let bytes = match (&self.body, encoding) {
            (_, Encoding::Identity) => self.read()?,
            (Body::Memory { plain, gzip, .. }, Encoding::Gzip) => {
                gzip.get_or_init(|| compress_gzip(plain, flate2::Compression::best())).clone()
            }
            (Body::Memory { plain, brotli, .. }, Encoding::Brotli) => {
                brotli.get_or_init(|| compress_brotli(plain, BROTLI_QUALITY_KEPT)).clone()
            }
            (Body::Folder(_), Encoding::Gzip) => compress_gzip(&self.read()?, flate2::Compression::fast()),
            (Body::Folder(_), Encoding::Brotli) => compress_brotli(&self.read()?, BROTLI_QUALITY_PASSING),
        };
        Ok((encoding, bytes))
    }

    fn worthwhile(&self, encoding: Encoding) -> Encoding {
        let worthwhile = self.bytes >= COMPRESS_BYTES_MIN && self.form.compress;
        if worthwhile { encoding } else { Encoding::Identity }
    }

    /// Bytes made for one answer, in `encoding`.
    pub fn wrap(bytes: &Bytes, encoding: Encoding) -> Bytes {
        match encoding {
            Encoding::Identity => bytes.clone(),
            Encoding::Gzip => compress_gzip(bytes, flate2::Compression::fast()),
            Encoding::Brotli => compress_brotli(bytes, BROTLI_QUALITY_PASSING),
        }
    }

    /// Makes the compressed forms that are kept now, so that no reader waits for them.
    pub fn compress(&self) {
        if matches!(self.body, Body::Memory { .. }) {
            // In memory: neither can fail.
            let _ = (self.encoded(Encoding::Gzip), self.encoded(Encoding::Brotli));
        }
    }
}

/// Weak, and one for all encodings: strong ones per encoding are what broke caches.
pub(super) fn etag_of(bytes: &[u8]) -> String {
    format!("W/\"{}\"", crate::text::hex(&Sha256::digest(bytes)[..12]))
}

fn compress_gzip(bytes: &[u8], level: flate2::Compression) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory cannot fail").into()
}

fn compress_brotli(bytes: &[u8], quality: i32) -> Bytes {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality,
        lgwin: BROTLI_WINDOW_BITS,
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut out, &parameters).expect("writing to memory cannot fail");
    out.into()
}
