//! Signing in and issuing: passwords, signing keys, access tokens.

mod issue;
pub mod password;
mod sealing;
mod sign_in;
mod signing;

use std::sync::Arc;

use rolecall_guard::Clock;

pub use issue::Issued;
pub use sealing::{KeyEncryptionKey, KeyError};
pub use sign_in::{Denied, PasswordGrant};
pub use signing::{ALGORITHM, Jwk, Keyring, Unusable};

use crate::store::Store;
use password::Hasher;

/// The built-in public client, meant when a request names none.
pub const BUILT_IN_CLIENT: &str = "rolecall";

/// For how long tokens and sessions last, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// An access token.
    pub access_token: i64,
    /// A session that isn't used.
    pub session_idle: i64,
    /// Any session.
    pub session_max: i64,
}

/// Signs people in and issues their tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    store: Store,
    hasher: Hasher,
    keyring: Arc<Keyring>,
    issuer: Arc<str>,
    lifetimes: Lifetimes,
    clock: Clock,
}

impl Tokens {
    /// Issues tokens as `issuer`.
    #[must_use]
    pub fn new(store: Store, hasher: Hasher, keyring: Keyring, issuer: &str, lifetimes: Lifetimes) -> Self {
        let clock = store.clock().clone();
        Self { store, hasher, keyring: Arc::new(keyring), issuer: issuer.into(), lifetimes, clock }
    }

    /// What hashes passwords.
    #[must_use]
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// The public keys.
    #[must_use]
    pub fn published_keys(&self) -> &[Jwk] {
        self.keyring.published()
    }
}
