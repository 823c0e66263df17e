use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use rolecall_guard::{Claims, Verifier};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use super::{Denied, Jwk, KeyTrouble, Keyring, SigningKeys};
use crate::store::StoredKey;

/// How often a node reads the stored keys. They are few.
const EVERY: Duration = Duration::from_millis(500);
/// A look that takes longer is given up: a connection may be dead without a sign.
const PATIENCE: Duration = Duration::from_secs(10);

/// The signing keys of a node that serves: they follow those that are stored.
#[derive(Clone)]
pub struct LiveKeys(Arc<Live>);

struct Live {
    stored: SigningKeys,
    keyring: ArcSwap<Keyring>,
    verifier: Arc<Verifier>,
    seen: Mutex<Seen>,
}

/// What was read last: who has read nothing new changes nothing.
struct Seen {
    rows: Vec<StoredKey>,
    verifying: Vec<String>,
}

impl LiveKeys {
    /// Begins with these keys, and tells `verifier` which ones verify.
    #[must_use]
    pub fn new(stored: SigningKeys, keyring: Keyring, verifier: Arc<Verifier>) -> Self {
        let now = stored.store.clock().micros();
        verifier.set_keys(keyring.verifying(now));
        let seen = Mutex::new(Seen { rows: Vec::new(), verifying: kids(&keyring, now) });
        Self(Arc::new(Live { stored, keyring: ArcSwap::from_pointee(keyring), verifier, seen }))
    }

    /// The stored keys themselves.
    #[must_use]
    pub fn stored(&self) -> &SigningKeys {
        &self.0.stored
    }

    /// What anyone may know of the keys.
    #[must_use]
    pub fn published(&self) -> Vec<Jwk> {
        self.0.keyring.load().published(self.now()).cloned().collect()
    }

    /// A signed access token.
    ///
    /// The ledger may tell that a key was retired before the keys were read again; then that is done now.
    pub(super) async fn sign(&self, claims: &Claims) -> Result<String, Denied> {
        let retired = |kid: &str| self.0.stored.store.revocations().key_retired(kid);
        if self.0.keyring.load().schedule().signing(self.now()).is_none_or(|key| retired(&key.kid)) {
            self.refresh().await.map_err(|error| match error {
                KeyTrouble::Store(refused) => Denied::Store(refused),
                other => Denied::Failed(other.to_string()),
            })?;
        }
        self.0.keyring.load().sign(claims, self.now()).map_err(Denied::Failed)
    }

    /// Follows what is stored, and makes a new key when it is time. Never returns.
    pub async fn follow(&self) {
        loop {
            match timeout(PATIENCE, self.look()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "can't look after the signing keys; trying again"),
                Err(_) => tracing::warn!("the signing keys can't be read: no answer; trying again"),
            }
            sleep(EVERY).await;
        }
    }

    async fn look(&self) -> Result<(), KeyTrouble> {
        self.refresh().await?;
        let keyring = self.0.keyring.load_full();
        if self.0.stored.is_due(&keyring)
            && let Some(key) = self.0.stored.rotate_if_due().await?
        {
            tracing::info!(kid = key.kid, algorithm = key.algorithm, "made a new signing key");
            self.refresh().await?;
        }
        Ok(())
    }

    /// Takes what is stored now. What is to sign is known to the verifier first.
    async fn refresh(&self) -> Result<(), KeyTrouble> {
        let live = &self.0;
        let mut seen = live.seen.lock().await;
        let rows = live.stored.store.signing_keys().await?;
        let keyring = if rows == seen.rows { live.keyring.load_full() } else { Arc::new(self.open(rows.clone())) };
        let now = self.now();
        let verifying = kids(&keyring, now);
        // Not each time: the verifier forgets the tokens that it has seen.
        if verifying != seen.verifying {
            live.verifier.set_keys(keyring.verifying(now));
        }
        live.keyring.store(keyring);
        *seen = Seen { rows, verifying };
        Ok(())
    }

    fn open(&self, rows: Vec<StoredKey>) -> Keyring {
        let (keyring, others) = self.0.stored.open(rows);
        for (kid, why) in others {
            tracing::error!(kid, %why, "left out a signing key; rolecall keys retire removes it");
        }
        keyring
    }

    fn now(&self) -> i64 {
        self.0.stored.store.clock().micros()
    }
}

fn kids(keyring: &Keyring, now: i64) -> Vec<String> {
    keyring.published(now).map(|jwk| jwk.kid().to_owned()).collect()
}

impl std::fmt::Debug for LiveKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveKeys").field("keyring", &self.0.keyring.load()).finish_non_exhaustive()
    }
}
