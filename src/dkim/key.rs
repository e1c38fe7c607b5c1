//! Keys that sign letters: read from PEM, made anew, and the record that publishes each.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    error::{KeyRejected, Unspecified},
    rand::SystemRandom,
    rsa,
    signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};

/// RFC 8301 §3.2: signers should use at least this; the library takes no shorter key.
const RSA_BITS_MIN: usize = 2048;
/// Characters of base64 on a line of PEM (RFC 7468 §2).
const PEM_LINE: usize = 64;

/// A private key.
pub struct DkimKey(Kind);

enum Kind {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// What keys there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `rsa-sha256` (RFC 6376 §3.3.1): what every verifier knows.
    Rsa,
    /// `ed25519-sha256` (RFC 8463): short and quick; beside an RSA signature, not instead of it.
    Ed25519,
}

/// Not a key that letters can be signed with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No PEM, or an encrypted one.
    #[error("it is not a private key in PEM: it has no `BEGIN PRIVATE KEY` or `BEGIN RSA PRIVATE KEY`")]
    NotPem,
    /// PEM of something else.
    #[error("it is neither an RSA nor an Ed25519 key: {0}")]
    Rejected(String),
    /// RSA of too few bits.
    #[error("it is an RSA key of fewer than {RSA_BITS_MIN} bits, which can be broken")]
    TooShort,
}

impl Algorithm {
    /// The value of `a=`.
    pub fn tag(self) -> &'static str {
        match self {
            Algorithm::Rsa => "rsa-sha256",
            Algorithm::Ed25519 => "ed25519-sha256",
        }
    }

    /// The value of `k=` in the record.
    fn record_tag(self) -> &'static str {
        match self {
            Algorithm::Rsa => "rsa",
            Algorithm::Ed25519 => "ed25519",
        }
    }
}

impl std::fmt::Debug for DkimKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DkimKey({})", self.algorithm().tag())
    }
}

impl DkimKey {
    /// A key in PEM: PKCS#8 (`BEGIN PRIVATE KEY`) or, for RSA, PKCS#1 (`BEGIN RSA PRIVATE KEY`).
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::NotPem)?;
        let kind = match &der {
            PrivateKeyDer::Pkcs1(pkcs1) => rsa(RsaKeyPair::from_der(pkcs1.secret_pkcs1_der()))?,
            PrivateKeyDer::Pkcs8(pkcs8) => {
                let der = pkcs8.secret_pkcs8_der();
                match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
                    Ok(key) => Kind::Ed25519(key),
                    Err(_) => rsa(RsaKeyPair::from_pkcs8(der))?,
                }
            }
            _ => return Err(KeyError::Rejected("it is a key for elliptic curves (SEC1)".into())),
        };
        Ok(Self(kind))
    }

    /// A new key; RSA has 2048 bits.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let failed = |_: Unspecified| KeyError::Rejected("no key could be made".into());
        Ok(Self(match algorithm {
            Algorithm::Rsa => Kind::Rsa(RsaKeyPair::generate(rsa::KeySize::Rsa2048).map_err(failed)?),
            Algorithm::Ed25519 => Kind::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
        }))
    }

    /// The private key as PEM of PKCS#8.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let failed = |_: Unspecified| KeyError::Rejected("it cannot be written".into());
        let der: Pkcs8V1Der<'_> = match &self.0 {
            Kind::Rsa(key) => key.as_der().map_err(failed)?,
            Kind::Ed25519(key) => key.as_der().map_err(failed)?,
        };
        let base64 = STANDARD.encode(der.as_ref());
        let lines: Vec<&str> = crate::text::in_pieces(&base64, PEM_LINE).collect();
        Ok(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")))
    }

    /// Which kind of key it is.
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Kind::Rsa(_) => Algorithm::Rsa,
            Kind::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// What is published at `SELECTOR._domainkey.DOMAIN` (RFC 6376 §3.6.1, RFC 8463 §4).
    pub fn record(&self) -> String {
        let public = match &self.0 {
            Kind::Rsa(key) => {
                let der: Result<PublicKeyX509Der<'_>, Unspecified> = key.public_key().as_der();
                STANDARD.encode(der.expect("a public key that was read can be written").as_ref())
            }
            Kind::Ed25519(key) => STANDARD.encode(key.public_key().as_ref()),
        };
        format!("v=DKIM1; k={}; p={public}", self.algorithm().record_tag())
    }

    /// The signature over `data`, in base64: the same each time.
    pub(super) fn sign(&self, data: &[u8]) -> String {
        match &self.0 {
            Kind::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature)
                    .expect("the buffer has the length of the modulus");
                STANDARD.encode(signature)
            }
            // RFC 8463 §3: it is the hash that is signed.
            Kind::Ed25519(key) => STANDARD.encode(key.sign(&super::sha256(data))),
        }
    }
}

fn rsa(read: Result<RsaKeyPair, KeyRejected>) -> Result<Kind, KeyError> {
    let key = read.map_err(|why| match why.to_string().as_str() {
        "TooSmall" => KeyError::TooShort,
        why => KeyError::Rejected(why.to_string()),
    })?;
    match key.public_modulus_len() * 8 < RSA_BITS_MIN {
        true => Err(KeyError::TooShort),
        false => Ok(Kind::Rsa(key)),
    }
}
