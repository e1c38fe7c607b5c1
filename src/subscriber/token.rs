//! Links that act for a reader without a login: signed, bound to one purpose and one subscription.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::SubscriptionId;

const VERSION: u8 = 1;
/// What an unsubscribe token is signed for; another purpose would be another number and another type.
const UNSUBSCRIBE: u8 = 1;
/// Bytes of the HMAC that are kept: 128 bits.
const MAC_BYTES: usize = 16;
const BODY_BYTES: usize = 11;

/// The newsroom's own key; whoever has it can sign for every reader.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

impl TokenKey {
    /// A key of 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// HMAC-SHA-256 of `message` for `purpose`.
    pub fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        // HMAC takes a key of any length (RFC 2104 §3).
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("any key length is taken");
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}

/// Leaves one newsletter. It opens nothing else, never expires, and works any number of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsubscribeToken {
    /// The consent that it ends.
    pub subscription: SubscriptionId,
}

impl UnsubscribeToken {
    /// As it stands in a link: 36 characters that no mail program breaks.
    pub fn sign(&self, key: &TokenKey) -> String {
        let body = self.body();
        let mac = key.mac("unsubscribe", &body);
        let mut bytes = body.to_vec();
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The token that `text` is, if this newsroom signed it.
    pub fn verify(text: &str, key: &TokenKey) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (body, mac) = bytes.split_at_checked(BODY_BYTES)?;
        let expected = key.mac("unsubscribe", body);
        if !bool::from(mac.ct_eq(&expected[..MAC_BYTES])) || body[..2] != [VERSION, UNSUBSCRIBE] {
            return None;
        }
        let id = i64::from_be_bytes(body[3..].try_into().ok()?);
        Some(Self { subscription: SubscriptionId(id) })
    }

    fn body(self) -> [u8; BODY_BYTES] {
        let mut body = [0; BODY_BYTES];
        (body[0], body[1]) = (VERSION, UNSUBSCRIBE); // body[2] is the key's number, 0 for now
        body[3..].copy_from_slice(&self.subscription.0.to_be_bytes());
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_one_door_and_any_flipped_bit_shuts_it() {
        let key = TokenKey::new([7; 32]);
        let token = UnsubscribeToken { subscription: SubscriptionId(42) };
        let text = token.sign(&key);
        assert_eq!(text.len(), 36);
        assert_eq!(UnsubscribeToken::verify(&text, &key), Some(token));
        assert_eq!(UnsubscribeToken::verify(&text, &TokenKey::new([8; 32])), None);
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(UnsubscribeToken::verify(&URL_SAFE_NO_PAD.encode(flipped), &key), None);
        }
        for short in 0..text.len() {
            assert_eq!(UnsubscribeToken::verify(&text[..short], &key), None);
        }
    }
}
