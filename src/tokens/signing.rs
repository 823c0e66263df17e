use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use rolecall_guard::{Claims, Key};
use secrecy::ExposeSecret;

use super::sealing::KeyEncryptionKey;
use crate::store::StoredKey;

/// The one JWS algorithm keys are made for so far (RFC 7518 §3.4).
pub const ALGORITHM: &str = "ES256";

/// A public signing key as it is published (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq, poem_openapi::Object)]
pub struct Jwk {
    /// Key type: `EC`.
    kty: String,
    /// Curve: `P-256`.
    crv: String,
    /// The point's x coordinate, base64url.
    x: String,
    /// The point's y coordinate, base64url.
    y: String,
    /// Its RFC 7638 thumbprint; a token's header names it.
    kid: String,
    /// The only algorithm it verifies.
    alg: String,
    /// What it is for: `sig`.
    #[oai(rename = "use")]
    usage: String,
}

/// A key that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It was encrypted under another key.
    #[error("the signing key can't be decrypted: it was encrypted under another ROLECALL_KEY_ENCRYPTION_KEY")]
    Sealed,
    /// It is none this release knows.
    #[error("the signing key in the database is not one this release can use")]
    Unknown,
}

impl Jwk {
    fn of_point(point: &[u8]) -> Option<Self> {
        let (x, y) = match point {
            [0x04, xy @ ..] if xy.len() == 64 => xy.split_at(32),
            _ => return None,
        };
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let thumbprint = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, thumbprint.as_bytes()));
        let [kty, crv, alg, usage] = ["EC", "P-256", ALGORITHM, "sig"].map(str::to_owned);
        Some(Self { kty, crv, x, y, kid, alg, usage })
    }

    /// The key's name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    fn verifying(&self) -> Option<Key> {
        let key = DecodingKey::from_ec_components(&self.x, &self.y).ok()?;
        Some(Key { kid: self.kid.clone(), algorithm: Algorithm::ES256, key })
    }
}

/// The key that signs, and those that verify.
#[derive(Clone)]
pub struct Keyring {
    signing: EncodingKey,
    header: Header,
    published: Vec<Jwk>,
}

impl Keyring {
    /// Makes a new key, encrypted for storage.
    #[must_use]
    pub fn generate(kek: &KeyEncryptionKey, now: i64) -> Option<StoredKey> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).ok()?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).ok()?;
        let public_key = pair.public_key().as_ref().to_vec();
        let kid = Jwk::of_point(&public_key)?.kid;
        let sealed_private_key = kek.seal(&kid, pkcs8.as_ref())?;
        Some(StoredKey { kid, algorithm: ALGORITHM.into(), public_key, sealed_private_key, created_at: now })
    }

    /// The newest of the stored keys signs; all of them verify.
    pub fn open(stored: &[StoredKey], kek: &KeyEncryptionKey) -> Result<Self, Unusable> {
        let newest = stored.last().filter(|key| key.algorithm == ALGORITHM).ok_or(Unusable::Unknown)?;
        let private = kek.open(&newest.kid, &newest.sealed_private_key).ok_or(Unusable::Sealed)?;
        // Whoever can write to the database but hasn't the key-encryption key adds no key of its own: a private half
        // opens only under its own name, and the name is the public half's thumbprint.
        let ours = |key: &StoredKey| {
            kek.open(&key.kid, &key.sealed_private_key)?;
            Jwk::of_point(&key.public_key).filter(|jwk| jwk.kid == key.kid)
        };
        let published: Option<Vec<_>> = stored.iter().map(ours).collect();
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some("at+jwt".into());
        header.kid = Some(newest.kid.clone());
        let signing = EncodingKey::from_ec_der(private.expose_secret());
        Ok(Self { signing, header, published: published.ok_or(Unusable::Sealed)? })
    }

    /// What anyone may know of the keys.
    #[must_use]
    pub fn published(&self) -> &[Jwk] {
        &self.published
    }

    /// What a verifier needs.
    pub fn verifying(&self) -> impl Iterator<Item = Key> + '_ {
        self.published.iter().filter_map(Jwk::verifying)
    }

    /// A signed access token.
    pub fn sign(&self, claims: &Claims) -> jsonwebtoken::errors::Result<String> {
        jsonwebtoken::encode(&self.header, claims, &self.signing)
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("published", &self.published).finish_non_exhaustive()
    }
}
