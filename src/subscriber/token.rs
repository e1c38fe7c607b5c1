//! Links that act for a reader without a login: signed, bound to one purpose and one subscription.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::SubscriptionId;
use crate::text::hex;

const VERSION: u8 = 1;
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

/// What a token is for: part of what is signed, so that none opens another's door.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Unsubscribe = 1,
    Confirm = 2,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Purpose::Unsubscribe => "unsubscribe",
            Purpose::Confirm => "confirm",
        }
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
        URL_SAFE_NO_PAD.encode(signed(Purpose::Unsubscribe, self.subscription, key))
    }

    /// As it stands in an address, where some servers make letters small: 54 characters.
    pub fn sign_for_mail(&self, key: &TokenKey) -> String {
        hex(&signed(Purpose::Unsubscribe, self.subscription, key))
    }

    /// The token that `text` is, if this newsroom signed it.
    pub fn verify(text: &str, key: &TokenKey) -> Option<Self> {
        Some(Self { subscription: verified(Purpose::Unsubscribe, text, key)? })
    }
}

/// Says that a subscription was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfirmToken {
    /// The consent that it begins.
    pub subscription: SubscriptionId,
}

impl ConfirmToken {
    /// As it stands in a link.
    pub fn sign(&self, key: &TokenKey) -> String {
        URL_SAFE_NO_PAD.encode(signed(Purpose::Confirm, self.subscription, key))
    }
}

fn body(purpose: Purpose, subscription: SubscriptionId) -> [u8; BODY_BYTES] {
    let mut body = [0; BODY_BYTES];
    (body[0], body[1]) = (VERSION, purpose as u8); // body[2] is the key's number, 0 for now
    body[3..].copy_from_slice(&subscription.0.to_be_bytes());
    body
}

fn signed(purpose: Purpose, subscription: SubscriptionId, key: &TokenKey) -> Vec<u8> {
    let body = body(purpose, subscription);
    let mac = key.mac(purpose.name(), &body);
    [&body[..], &mac[..MAC_BYTES]].concat()
}

fn verified(purpose: Purpose, text: &str, key: &TokenKey) -> Option<SubscriptionId> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (body, mac) = bytes.split_at_checked(BODY_BYTES)?;
    let expected = key.mac(purpose.name(), body);
    if !bool::from(mac.ct_eq(&expected[..MAC_BYTES])) || body[..2] != [VERSION, purpose as u8] {
        return None;
    }
    Some(SubscriptionId(i64::from_be_bytes(body[3..].try_into().ok()?)))
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
        let other = ConfirmToken { subscription: SubscriptionId(42) }.sign(&key);
        assert_eq!(UnsubscribeToken::verify(&other, &key), None, "signed for something else");
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
