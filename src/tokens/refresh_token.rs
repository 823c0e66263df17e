use aws_lc_rs::{digest, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{random, store::SessionId};

/// A refresh token: which session it is of, its number there, 256 random bits, and a tag that only this server can make.
///
/// By the tag a token that was used before is told from one that was made up, so that only whoever really had a token
/// can end its session by using it twice. Only a hash of the whole is stored.
pub(super) struct RefreshToken {
    pub session: SessionId,
    /// 1 for the first; each use makes the next.
    pub sequence: i64,
    secret: [u8; SECRET],
}

const SECRET: usize = 32;
const TAG: usize = 16;

impl RefreshToken {
    /// A new one.
    pub(super) fn new(session: SessionId, sequence: i64) -> Self {
        Self { session, sequence, secret: random::bytes() }
    }

    /// As its client gets it.
    pub(super) fn text(&self, key: &hmac::Key) -> SecretString {
        let bytes = self.bytes();
        let tag = hmac::sign(key, &bytes);
        URL_SAFE_NO_PAD.encode([&bytes, &tag.as_ref()[..TAG]].concat()).into()
    }

    /// Reads one that this server made; whether it is still good is for the store to say.
    pub(super) fn read(text: &SecretString, key: &hmac::Key) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.expose_secret()).ok()?;
        let (bytes, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
        let expected = hmac::sign(key, bytes);
        aws_lc_rs::constant_time::verify_slices_are_equal(&expected.as_ref()[..TAG], tag).ok()?;
        let (session, rest) = bytes.split_first_chunk()?;
        let (sequence, secret) = rest.split_first_chunk()?;
        let session = SessionId(Uuid::from_bytes(*session));
        Some(Self { session, sequence: i64::from_be_bytes(*sequence), secret: secret.try_into().ok()? })
    }

    /// What is stored of it.
    pub(super) fn hash(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, &self.bytes()).as_ref().to_vec()
    }

    fn bytes(&self) -> Vec<u8> {
        [self.session.0.as_bytes(), &self.sequence.to_be_bytes()[..], &self.secret].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32])
    }

    #[test]
    fn a_token_reads_back_as_it_was_written() {
        let token = RefreshToken::new(SessionId(Uuid::from_u128(7)), 3);
        let read = RefreshToken::read(&token.text(&key(1)), &key(1)).unwrap();
        assert_eq!((read.session, read.sequence, read.hash()), (token.session, 3, token.hash()));
    }

    #[test]
    fn one_that_was_made_up_or_changed_in_any_bit_does_not_read() {
        let text = RefreshToken::new(SessionId(Uuid::from_u128(7)), 3).text(&key(1));
        assert!(RefreshToken::read(&text, &key(2)).is_none(), "another server's");
        let bytes = URL_SAFE_NO_PAD.decode(text.expose_secret()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = URL_SAFE_NO_PAD.encode(changed).into();
            assert!(RefreshToken::read(&changed, &key(1)).is_none(), "bit {bit}");
        }
        for odd in ["", "A", "x.y.z", &text.expose_secret()[1..], &format!("{}AA", text.expose_secret())] {
            assert!(RefreshToken::read(&odd.into(), &key(1)).is_none(), "{odd}");
        }
    }

    #[test]
    fn two_tokens_of_one_number_differ() {
        let [one, other] = [(); 2].map(|()| RefreshToken::new(SessionId(Uuid::from_u128(7)), 3));
        assert_ne!(one.hash(), other.hash());
    }
}
