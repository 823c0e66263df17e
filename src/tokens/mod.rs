//! Signing in and issuing: passwords, signing keys, access tokens.

mod algorithm;
mod client;
mod issue;
mod jwk;
mod keyring;
mod live_keys;
pub mod password;
mod refresh;
mod refresh_token;
mod revoke;
mod sealing;
mod sign_in;
mod signing_keys;
mod undelivered;

use std::sync::Arc;

use aws_lc_rs::hmac;
use rolecall_guard::Clock;

pub use algorithm::SigningAlgorithm;
pub use client::Asking;
pub use issue::Issued;
pub use jwk::Jwk;
pub use keyring::{Keyring, Unusable};
pub use live_keys::LiveKeys;
pub use refresh::RefreshGrant;
pub use revoke::LiveRefreshToken;
pub use sealing::{KeyEncryptionKey, KeyError};
pub use sign_in::{Denied, PasswordGrant};
pub use signing_keys::{JWKS_MAX_AGE, KeySettings, KeyTrouble, PUBLISHED_AHEAD, SigningKeys};

use crate::store::Store;
use password::Hasher;
use undelivered::Undelivered;

/// For how long tokens and sessions last, in seconds, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// An access token.
    pub access_token: i64,
    /// A session that isn't used.
    pub session_idle: i64,
    /// Any session.
    pub session_max: i64,
    /// Not a time: how many sessions a user may have at once.
    pub sessions_per_user: u64,
}

impl Lifetimes {
    /// When a session ends unless it is used before (all in microseconds since 1970).
    fn session_end(&self, created_at: i64, used_at: i64) -> i64 {
        (used_at + self.session_idle * 1_000_000).min(created_at + self.session_max * 1_000_000)
    }
}

/// Signs people in and issues their tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    store: Store,
    hasher: Hasher,
    keys: LiveKeys,
    issuer: Arc<str>,
    lifetimes: Lifetimes,
    refresh_key: Arc<hmac::Key>,
    undelivered: Undelivered,
    clock: Clock,
}

impl Tokens {
    /// Issues tokens as `issuer`; refresh tokens are authenticated under a key derived from `kek`.
    #[must_use]
    pub fn new(
        store: Store,
        hasher: Hasher,
        keys: LiveKeys,
        kek: &KeyEncryptionKey,
        issuer: &str,
        lifetimes: Lifetimes,
    ) -> Self {
        let clock = store.clock().clone();
        let (refresh_key, undelivered) = (Arc::new(kek.derived("refresh tokens")), Undelivered::default());
        Self { store, hasher, keys, issuer: issuer.into(), lifetimes, refresh_key, undelivered, clock }
    }

    /// Who issues: the URL that is configured.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What hashes passwords.
    #[must_use]
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// The signing keys.
    #[must_use]
    pub fn keys(&self) -> &LiveKeys {
        &self.keys
    }
}
