use secrecy::ExposeSecret;

use super::{Jwk, KeyEncryptionKey, Keyring, SigningAlgorithm, Unusable};
use crate::store::{
    Actor, KeySchedule, Refused, Store, StoredKey,
    commands::{RetireKey, RotateKey},
};

/// For how many seconds verifiers may keep the published keys.
pub const JWKS_MAX_AGE: i64 = 300;

/// For how many seconds a key is published before it signs: by then every verifier has fetched it, also from a node that
/// noticed it some seconds late, or whose clock is ahead.
pub const PUBLISHED_AHEAD: i64 = JWKS_MAX_AGE + 30;

/// How signing keys are made and kept.
#[derive(Clone, Copy, Debug)]
pub struct KeySettings {
    /// For what a new key is.
    pub algorithm: SigningAlgorithm,
    /// After how many seconds a key gets a successor.
    pub rotation: i64,
    /// For how many seconds a token is accepted at most.
    pub window: i64,
}

/// Why signing keys can't be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyTrouble {
    /// The store refused.
    #[error("the database can't be used: {0}")]
    Store(#[from] Refused),
    /// The key that signs is unusable.
    #[error("{0}")]
    Unusable(#[from] Unusable),
    /// There is no such key.
    #[error("there is no signing key {0}; see rolecall keys list")]
    NoSuchKey(String),
    /// No key could be made.
    #[error("a signing key can't be made")]
    NotMade,
}

/// The stored signing keys, and all that is done with them.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    pub(super) store: Store,
    kek: KeyEncryptionKey,
    settings: KeySettings,
}

impl SigningKeys {
    /// Those in this store, encrypted under `kek`.
    #[must_use]
    pub fn new(store: Store, kek: KeyEncryptionKey, settings: KeySettings) -> Self {
        Self { store, kek, settings }
    }

    /// For a node that starts: makes the first key where there is none, and fails if the one that signs isn't ours.
    pub async fn at_start(&self) -> Result<Keyring, KeyTrouble> {
        if self.store.signing_keys().await?.is_empty() {
            self.rotate_if_due().await?;
        }
        let stored = self.store.signing_keys().await?;
        let now = self.store.clock().micros();
        let schedule = KeySchedule::new(stored.clone(), self.settings.window);
        let signing = schedule.signing(now).map(|key| key.kid.as_str());
        let (keyring, others) = self.open(stored);
        match others.iter().find(|(kid, _)| Some(kid.as_str()) == signing) {
            Some((_, why)) => Err((*why).into()),
            None => Ok(keyring),
        }
    }

    /// Those of the stored keys that are ours, and what is wrong with the others.
    pub(super) fn open(&self, stored: Vec<StoredKey>) -> (Keyring, Vec<(String, Unusable)>) {
        Keyring::open(stored, &self.kek, self.settings.window)
    }

    /// The keys as they are stored now, and what is wrong with those that aren't ours.
    pub async fn read(&self) -> Result<(Keyring, Vec<(String, Unusable)>), KeyTrouble> {
        Ok(self.open(self.store.signing_keys().await?))
    }

    /// Whether one of these should get a successor now.
    pub(super) fn is_due(&self, keyring: &Keyring) -> bool {
        let KeySettings { algorithm, rotation, .. } = self.settings;
        keyring.schedule().is_due(Some(rotation), algorithm.as_str(), self.store.clock().micros())
    }

    /// Makes a new key if it is time; of several nodes at once, one does.
    pub async fn rotate_if_due(&self) -> Result<Option<StoredKey>, KeyTrouble> {
        self.make_next(Some(self.settings.rotation)).await
    }

    /// Makes a new key, unless one is waiting already.
    pub async fn rotate(&self) -> Result<Option<StoredKey>, KeyTrouble> {
        self.make_next(None).await
    }

    async fn make_next(&self, age: Option<i64>) -> Result<Option<StoredKey>, KeyTrouble> {
        let (key, window) = (self.generate().await?, self.settings.window);
        let ours = |key: &StoredKey| Keyring::is_ours(key, &self.kek);
        let command = RotateKey { key, age, ahead: PUBLISHED_AHEAD, window, ours };
        Ok(self.store.write(&Actor::System, None, &command).await?)
    }

    /// Takes a key out of use, and names the one that signs from now on.
    pub async fn retire(&self, kid: &str) -> Result<String, KeyTrouble> {
        let (spare, window) = (self.generate().await?, self.settings.window);
        let ours = |key: &StoredKey| Keyring::is_ours(key, &self.kek);
        let command = RetireKey { kid: kid.to_owned(), spare, window, ours };
        match self.store.write(&Actor::System, None, &command).await {
            Err(Refused::NotFound(_)) => Err(KeyTrouble::NoSuchKey(kid.to_owned())),
            result => Ok(result?),
        }
    }

    /// Outside any transaction, and off the threads that serve: RSA takes its time.
    async fn generate(&self) -> Result<StoredKey, KeyTrouble> {
        let (algorithm, kek) = (self.settings.algorithm, self.kek.clone());
        let made = tokio::task::spawn_blocking(move || sealed(algorithm, &kek)).await;
        made.ok().flatten().ok_or(KeyTrouble::NotMade)
    }
}

/// A new key, encrypted for storage.
fn sealed(algorithm: SigningAlgorithm, kek: &KeyEncryptionKey) -> Option<StoredKey> {
    let pair = algorithm.generate()?;
    let kid = Jwk::of(algorithm, &algorithm.verifying(&pair.public))?.kid().to_owned();
    Some(StoredKey {
        algorithm: algorithm.to_string(),
        sealed_private_key: kek.seal(&kid, pair.private.expose_secret())?,
        public_key: pair.public,
        kid,
        created_at: 0,
        signs_from: 0,
    })
}
