//! One document as HTTP serves it: its bytes, its validators, its compressed forms.

use std::{
    io::Write,
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sha2::{Digest, Sha256};

use super::Content;

/// Smaller ones gain nothing.
const COMPRESS_BYTES_MIN: usize = 256;
/// A little under brotli's best: the last percent would cost seconds a feed.
const BROTLI_QUALITY: i32 = 9;
const BROTLI_WINDOW_BITS: i32 = 22;

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
    content: Content,
    etag: String,
    modified: SystemTime,
    brotli: OnceLock<Vec<u8>>,
    gzip: OnceLock<Vec<u8>>,
}

impl Document {
    pub(super) fn new(content: Content, modified: SystemTime) -> Self {
        let digest = Sha256::digest(&content.bytes);
        let hex = crate::text::hex(&digest[..12]);
        // Whole seconds: that is all an HTTP date can say, and it is compared with one.
        let seconds = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self {
            content,
            // Weak, and one for all encodings: strong ones per encoding are what broke caches.
            etag: format!("W/\"{hex}\""),
            modified: UNIX_EPOCH + Duration::from_secs(seconds),
            brotli: OnceLock::new(),
            gzip: OnceLock::new(),
        }
    }

    pub(super) fn is(&self, content: &Content) -> bool {
        self.content.bytes == content.bytes
            && self.content.media_type == content.media_type
            && self.content.max_age == content.max_age
    }

    /// `W/"…"`, of the bytes alone (RFC 9110 §8.8.3).
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// When the bytes last changed.
    pub fn modified(&self) -> SystemTime {
        self.modified
    }

    /// The value of Content-Type.
    pub fn media_type(&self) -> &'static str {
        self.content.media_type
    }

    /// How long readers may keep it, in seconds.
    pub fn max_age(&self) -> u32 {
        self.content.max_age
    }

    /// The bytes as they are.
    pub fn bytes(&self) -> &[u8] {
        &self.content.bytes
    }

    /// The bytes in `encoding`, made once; small documents stay as they are, and say so.
    pub fn encoded(&self, encoding: Encoding) -> (Encoding, &[u8]) {
        if self.content.bytes.len() < COMPRESS_BYTES_MIN {
            return (Encoding::Identity, &self.content.bytes);
        }
        let bytes = match encoding {
            Encoding::Identity => &self.content.bytes,
            Encoding::Gzip => self.gzip.get_or_init(|| gzip(&self.content.bytes)),
            Encoding::Brotli => self.brotli.get_or_init(|| brotli(&self.content.bytes)),
        };
        (encoding, bytes)
    }

    /// Makes the compressed forms now, so that no reader waits for them.
    pub fn compress(&self) {
        let _ = (self.encoded(Encoding::Gzip), self.encoded(Encoding::Brotli));
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory cannot fail")
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW_BITS,
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut out, &parameters).expect("writing to memory cannot fail");
    out
}
