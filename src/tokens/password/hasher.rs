use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::available_parallelism,
    time::Duration,
};

use argon2::{Algorithm, Argon2, Block, PasswordHash, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::random;

/// Hashes that may wait for a core, for each core: about a second's work.
const WAITING_PER_CORE: usize = 64;
const HASH_BYTES: usize = 32;
/// After so long without a hash the memory for it is given back.
const IDLE: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 5000 });

/// argon2id's cost (RFC 9106): memory in KiB, passes and lanes, written `m=19456,t=2,p=1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    memory: u32,
    passes: u32,
    lanes: u32,
}

/// OWASP's recommendation, the weakest that is used without a warning.
const RECOMMENDED: Params = Params { memory: 19_456, passes: 2, lanes: 1 };

/// Not a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be like m=19456,t=2,p=1: memory in KiB (at least 8 for each lane, at most 4194304), passes and lanes")]
pub struct InvalidParams;

impl FromStr for Params {
    type Err = InvalidParams;

    fn from_str(text: &str) -> Result<Self, InvalidParams> {
        let mut parts = text.split(',');
        let mut number = |name: &str| {
            let (key, value) = parts.next().and_then(|part| part.trim().split_once('=')).ok_or(InvalidParams)?;
            if key == name { value.parse().map_err(|_| InvalidParams) } else { Err(InvalidParams) }
        };
        let params = Self { memory: number("m")?, passes: number("t")?, lanes: number("p")? };
        let bounded = params.memory <= 4_194_304 && params.passes <= 1000 && params.lanes <= 64;
        if parts.next().is_none() && bounded && params.argon2().is_ok() { Ok(params) } else { Err(InvalidParams) }
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p={}", self.memory, self.passes, self.lanes)
    }
}

impl Params {
    /// Cheaper to guess than OWASP recommends.
    #[must_use]
    pub fn is_weak(self) -> bool {
        self.memory < RECOMMENDED.memory || self.passes < RECOMMENDED.passes
    }

    fn argon2(self) -> argon2::Result<argon2::Params> {
        argon2::Params::new(self.memory, self.passes, self.lanes, Some(HASH_BYTES))
    }
}

/// Too many hashes are waiting; try again in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once")]
pub struct Overloaded;

/// Hashes passwords: as many at once as there are cores, on threads that may block, in memory that is used again.
#[derive(Clone)]
pub struct Hasher(Arc<Inner>);

struct Inner {
    params: Params,
    cores: Arc<Semaphore>,
    places: Semaphore,
    memory: Mutex<Vec<Vec<Block>>>,
    jobs: AtomicU64,
    nobodys_hash: SecretString,
}

impl Hasher {
    /// A hasher of this cost.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self(Arc::new(Inner {
            params,
            cores: Arc::new(Semaphore::new(cores())),
            places: Semaphore::new(cores() * (1 + WAITING_PER_CORE)),
            memory: Mutex::default(),
            jobs: AtomicU64::new(0),
            // No password is known to give this: checking one against it is all the work, for nothing.
            nobodys_hash: phc(params, &random::bytes::<16>(), &random::bytes::<HASH_BYTES>()),
        }))
    }

    /// The PHC string to store for a password.
    pub async fn hash(&self, password: SecretString) -> Result<SecretString, Overloaded> {
        let params = self.0.params;
        let hashed = self.run(move |memory| hash(params, password.expose_secret().as_bytes(), memory)).await?;
        hashed.ok_or(Overloaded)
    }

    /// Whether the password is right for the stored hash. Without a stored hash it never is, for the same work.
    pub async fn verify(&self, password: SecretString, stored: Option<&SecretString>) -> Result<bool, Overloaded> {
        let cheaper = stored.filter(|stored| self.is_outdated(stored)).cloned();
        let nobodys = self.0.nobodys_hash.clone();
        let todays = stored.filter(|_| cheaper.is_none()).cloned();
        let known = todays.is_some();
        self.run(move |memory| {
            let mut check =
                |hash: &SecretString| verify(password.expose_secret().as_bytes(), hash.expose_secret(), memory);
            // A wrong password must not be told from an unknown user by how soon the answer comes.
            cheaper.is_some_and(|hash| check(&hash)) || (check(&todays.unwrap_or(nobodys)) && known)
        })
        .await
    }

    /// Refuses if a hash would have to be turned away now: then nothing else need be asked first.
    pub fn check_room(&self) -> Result<(), Overloaded> {
        if self.0.places.available_permits() == 0 { Err(Overloaded) } else { Ok(()) }
    }

    /// Whether a stored hash is cheaper to guess than one made today.
    #[must_use]
    pub fn is_outdated(&self, stored: &SecretString) -> bool {
        let mut parts = stored.expose_secret().split('$').skip(1);
        let argon2id = parts.next() == Some("argon2id");
        let cost = parts.nth(1).and_then(|params| params.parse::<Params>().ok());
        let today = self.0.params;
        !argon2id || cost.is_none_or(|cost| cost.memory < today.memory || cost.passes < today.passes)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let _place = self.0.places.try_acquire().map_err(|_| Overloaded)?;
        let core = Arc::clone(&self.0.cores).acquire_owned().await.map_err(|_| Overloaded)?;
        let inner = Arc::clone(&self.0);
        let job = move || {
            // The permit lives as long as the work, also when the caller has gone.
            let _core = core;
            let mut memory = inner.memory().pop().unwrap_or_default();
            let result = work(&mut memory);
            inner.memory().push(memory);
            result
        };
        let result = tokio::task::spawn_blocking(job).await;
        self.give_back_when_idle();
        result.map_err(|_| Overloaded)
    }

    /// Of many hashes in a row only the last leaves something to do.
    fn give_back_when_idle(&self) {
        let done = self.0.jobs.fetch_add(1, Ordering::Relaxed) + 1;
        if self.0.cores.available_permits() < cores() {
            return;
        }
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            tokio::time::sleep(IDLE).await;
            if inner.jobs.load(Ordering::Relaxed) == done {
                inner.memory().clear();
            }
        });
    }
}

impl Inner {
    fn memory(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("params", &self.0.params).finish_non_exhaustive()
    }
}

/// A hash as it is stored: the PHC string format.
fn phc(params: Params, salt: &[u8], hash: &[u8]) -> SecretString {
    let [salt, hash] = [salt, hash].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    format!("$argon2id$v=19${params}${salt}${hash}").into()
}

fn hash(params: Params, password: &[u8], memory: &mut Vec<Block>) -> Option<SecretString> {
    let salt = random::bytes::<16>();
    let out = derive(Algorithm::Argon2id, params.argon2().ok()?, password, &salt, HASH_BYTES, memory)?;
    Some(phc(params, &salt, &out))
}

/// With the cost and the salt that the stored hash names.
fn verify(password: &[u8], stored: &str, memory: &mut Vec<Block>) -> bool {
    let mut recompute = || {
        let stored = PasswordHash::new(stored).ok()?;
        let params = argon2::Params::try_from(&stored).ok()?;
        let algorithm = Algorithm::new(stored.algorithm.as_str()).ok()?;
        let (salt, expected) = (stored.salt?, stored.hash?);
        let out = derive(algorithm, params, password, salt.as_ref(), expected.as_bytes().len(), memory)?;
        verify_slices_are_equal(&out, expected.as_bytes()).ok()
    };
    recompute().is_some()
}

fn derive(
    algorithm: Algorithm,
    params: argon2::Params,
    password: &[u8],
    salt: &[u8],
    length: usize,
    memory: &mut Vec<Block>,
) -> Option<Vec<u8>> {
    let blocks = params.block_count();
    if memory.len() < blocks {
        memory.resize(blocks, Block::default());
    }
    let argon2 = Argon2::new(algorithm, Version::V0x13, params);
    let mut out = vec![0; length];
    argon2.hash_password_into_with_memory(password, salt, &mut out, &mut memory[..blocks]).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> Hasher {
        Hasher::new("m=64,t=1,p=1".parse().unwrap())
    }

    #[tokio::test]
    async fn a_hash_is_right_for_its_password_only() {
        let hash = hasher().hash("correct horse".into()).await.unwrap();
        assert!(hash.expose_secret().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert!(hasher().verify("correct horse".into(), Some(&hash)).await.unwrap());
        assert!(!hasher().verify("correct horsf".into(), Some(&hash)).await.unwrap());
        assert!(!hasher().verify("correct horse".into(), Some(&"$argon2id$nonsense".into())).await.unwrap());
    }

    #[tokio::test]
    async fn nobodys_password_is_never_right() {
        let hasher = hasher();
        let nobodys = hasher.0.nobodys_hash.clone();
        assert!(!hasher.verify(nobodys, None).await.unwrap());
    }

    /// The reference vector of the argon2 authors' command line.
    #[tokio::test]
    async fn a_hash_made_elsewhere_at_another_cost_is_right() {
        let elsewhere: SecretString =
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".into();
        let hasher = hasher();
        assert!(hasher.verify("password".into(), Some(&elsewhere)).await.unwrap());
    }

    #[tokio::test]
    async fn memory_is_kept_for_the_next_hash_and_given_back_when_idle() {
        let hasher = hasher();
        hasher.hash("password".into()).await.unwrap();
        assert_eq!(hasher.0.memory().len(), 1);
        while !hasher.0.memory().is_empty() {
            tokio::time::sleep(IDLE).await;
        }
    }

    #[test]
    fn only_a_cheaper_hash_is_outdated() {
        let stored = |cost: &str| SecretString::from(format!("$argon2id$v=19${cost}$c2FsdHNhbHQ$aGFzaA"));
        let outdated = |cost: &str| Hasher::new("m=64,t=2,p=1".parse().unwrap()).is_outdated(&stored(cost));
        assert!(outdated("m=32,t=2,p=1"));
        assert!(outdated("m=128,t=1,p=1"));
        assert!(!outdated("m=64,t=2,p=1"));
        assert!(!outdated("m=128,t=3,p=1"));
        assert!(hasher().is_outdated(&"$2b$12$bcrypt".into()));
    }

    #[tokio::test]
    async fn one_more_than_may_wait_is_turned_away() {
        let hasher = hasher();
        let _all = hasher.0.places.acquire_many(u32::try_from(hasher.0.places.available_permits()).unwrap()).await;
        assert_eq!(hasher.check_room(), Err(Overloaded));
        assert_eq!(hasher.verify("x".into(), None).await, Err(Overloaded));
    }

    #[test]
    fn a_cost_is_read_strictly() {
        assert_eq!("m=19456,t=2,p=1".parse(), Ok(RECOMMENDED));
        assert!(!RECOMMENDED.is_weak());
        for weak in ["m=19455,t=2,p=1", "m=19456,t=1,p=1"] {
            assert!(weak.parse::<Params>().unwrap().is_weak(), "{weak}");
        }
        for bad in ["", "m=19456", "t=2,m=19456,p=1", "m=19456,t=2,p=1,x=1", "m=4,t=1,p=1", "m=9999999,t=1,p=1"] {
            assert_eq!(bad.parse::<Params>(), Err(InvalidParams), "{bad}");
        }
    }
}
