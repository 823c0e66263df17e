use std::collections::HashMap;

use jsonwebtoken::{DecodingKey, EncodingKey, Header};
use rolecall_guard::{Claims, Key};
use secrecy::ExposeSecret;

use super::{Jwk, KeyEncryptionKey, SigningAlgorithm};
use crate::store::{KeySchedule, StoredKey};

/// A stored key that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It was encrypted under another key.
    #[error("the signing key can't be decrypted: it was encrypted under another ROLECALL_KEY_ENCRYPTION_KEY")]
    Sealed,
    /// It is none this release knows.
    #[error("the signing key in the database is not one this release can use")]
    Unknown,
    /// Its public half was exchanged.
    #[error("the signing key in the database is not the one that it is named after")]
    Misnamed,
}

/// A key of ours, ready for use.
#[derive(Clone)]
struct Ready {
    jwk: Jwk,
    header: Header,
    signing: EncodingKey,
    verifying: Key,
}

impl Ready {
    /// Whoever can write to the database but hasn't the key-encryption key adds no key of its own: a private half
    /// opens only under its own name, and the name is the public half's thumbprint.
    fn open(stored: &StoredKey, kek: &KeyEncryptionKey) -> Result<Self, Unusable> {
        let algorithm: SigningAlgorithm = stored.algorithm.parse().map_err(|_| Unusable::Unknown)?;
        let private = kek.open(&stored.kid, &stored.sealed_private_key).ok_or(Unusable::Sealed)?;
        let key: DecodingKey = algorithm.verifying(&stored.public_key);
        let jwk = Jwk::of(algorithm, &key).filter(|jwk| jwk.kid() == stored.kid).ok_or(Unusable::Misnamed)?;
        let kid = stored.kid.clone();
        let header = Header { typ: Some("at+jwt".into()), kid: Some(kid.clone()), ..Header::new(algorithm.jws()) };
        let signing = algorithm.signing(private.expose_secret());
        Ok(Self { jwk, header, signing, verifying: Key { kid, algorithm: algorithm.jws(), key } })
    }
}

/// The keys that are ours: which one signs, and which ones verify.
#[derive(Clone, Default)]
pub struct Keyring {
    schedule: KeySchedule,
    ready: HashMap<String, Ready>,
}

impl Keyring {
    /// Of the stored keys those that are ours, whose tokens are accepted for `window` seconds at most; and what is wrong
    /// with the others, by name.
    #[must_use]
    pub fn open(stored: Vec<StoredKey>, kek: &KeyEncryptionKey, window: i64) -> (Self, Vec<(String, Unusable)>) {
        let (mut ours, mut ready, mut others) = (Vec::new(), HashMap::new(), Vec::new());
        for key in stored {
            match Ready::open(&key, kek) {
                Ok(usable) => {
                    ready.insert(key.kid.clone(), usable);
                    ours.push(key);
                }
                Err(why) => others.push((key.kid, why)),
            }
        }
        (Self { schedule: KeySchedule::new(ours, window), ready }, others)
    }

    /// Whether a stored key is one of ours.
    pub(super) fn is_ours(stored: &StoredKey, kek: &KeyEncryptionKey) -> bool {
        Ready::open(stored, kek).is_ok()
    }

    /// Which key does what, and when.
    #[must_use]
    pub fn schedule(&self) -> &KeySchedule {
        &self.schedule
    }

    /// What anyone may know of the keys.
    pub fn published(&self, now: i64) -> impl Iterator<Item = &Jwk> {
        self.at(now).map(|ready| &ready.jwk)
    }

    /// What a verifier needs.
    pub fn verifying(&self, now: i64) -> impl Iterator<Item = Key> {
        self.at(now).map(|ready| ready.verifying.clone())
    }

    fn at(&self, now: i64) -> impl Iterator<Item = &Ready> {
        self.schedule.published(now).filter_map(|key| self.ready.get(&key.kid))
    }

    /// A signed access token; otherwise what is wrong.
    pub fn sign(&self, claims: &Claims, now: i64) -> Result<String, String> {
        let ready = self.schedule.signing(now).and_then(|key| self.ready.get(&key.kid));
        let ready = ready.ok_or("there is no key to sign with")?;
        jsonwebtoken::encode(&ready.header, claims, &ready.signing).map_err(|error| error.to_string())
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut kids: Vec<_> = self.ready.keys().collect();
        kids.sort_unstable();
        f.debug_struct("Keyring").field("keys", &kids).finish_non_exhaustive()
    }
}
