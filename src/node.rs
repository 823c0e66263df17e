//! Bringing up a node: database, schema, keys, the first administrator.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use rolecall_guard::{Clock, Gate, Limits, Verifier};
use sea_orm::{DatabaseConnection, DbErr};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    api::{Cursors, State},
    app::{App, revocation_window},
    catalogue::{ADMIN, CATALOGUE},
    config::{Config, Secret},
    policy::{Bounds, InvalidName, Username},
    random,
    store::{
        Actor, Preparing, Refused, Store, UserId,
        commands::{CreateUser, Initialise},
        connect, prepare,
    },
    tokens::{
        KeyEncryptionKey, KeyError, KeySettings, KeyTrouble, Keyring, Lifetimes, LiveKeys, SigningAlgorithm,
        SigningKeys, Tokens,
        password::{self, BrokenRule, Hasher, Overloaded},
    },
};

/// SQLite's file in the data directory.
const DATABASE_FILE: &str = "rolecall.db";

/// Connections for following other nodes, beside those for requests; what each is for: [`Store::open`].
const TAIL_CONNECTIONS: u32 = 3;

/// Why a node doesn't come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory can't be made.
    #[error("the data directory {0} (ROLECALL_DATA_DIR) can't be made: {1}")]
    DataDir(String, io::Error),
    /// Nothing to look at yet.
    #[error("there is no database at {0}; is ROLECALL_DATA_DIR right?")]
    Nothing(String),
    /// No database at this URL.
    #[error("the database {0} can't be used: {1}")]
    NoDatabase(String, DbErr),
    /// The database fails.
    #[error("the database can't be used: {}", in_words(.0))]
    Database(#[from] DbErr),
    /// The store refused.
    #[error("the database can't be used: {0}")]
    Store(#[from] Refused),
    /// The key-encryption key is unusable.
    #[error("ROLECALL_KEY_ENCRYPTION_KEY: {0}")]
    KeyEncryptionKey(#[from] KeyError),
    /// The file of the key-encryption key is gone, but not what was encrypted under it.
    #[error("{0} is missing, and ROLECALL_KEY_ENCRYPTION_KEY unset: under one of them the signing keys were encrypted")]
    NoKeyFile(String),
    /// The signing keys are unusable.
    #[error("{0}")]
    SigningKeys(#[from] KeyTrouble),
    /// The first administrator's password is too weak.
    #[error("ROLECALL_ADMIN_PASSWORD: {0}")]
    AdminPassword(BrokenRule),
    /// A password is too weak.
    #[error("{0}")]
    Password(#[from] BrokenRule),
    /// A name in the program is wrong.
    #[error("{0}")]
    Name(#[from] InvalidName),
    /// Hashing failed.
    #[error("{0}")]
    Hashing(#[from] Overloaded),
}

/// A database that is ready to be used, which no other node prepares so long as this lasts.
#[derive(Debug)]
pub struct Prepared {
    _alone: Preparing,
    /// The store.
    pub store: Store,
    /// What hashes passwords.
    pub hasher: Hasher,
    /// What private keys are encrypted under.
    pub kek: KeyEncryptionKey,
    /// The signing keys.
    pub keys: SigningKeys,
    keyring: Keyring,
}

/// A first administrator that was just made.
#[derive(Debug)]
pub struct FirstAdmin {
    /// Its name.
    pub username: Username,
    /// Its password, if it wasn't set beforehand: to be shown once.
    pub generated: Option<SecretString>,
}

/// Connects to a database that is there already, and leaves it as it is.
pub async fn existing_database(config: &Config) -> Result<DatabaseConnection, StartError> {
    is_there(config)?;
    database(config, 1).await
}

/// [`open`], but only where there is a database already.
pub async fn existing(config: &Config, clock: Clock) -> Result<Prepared, StartError> {
    is_there(config)?;
    open(config, clock).await
}

fn is_there(config: &Config) -> Result<(), StartError> {
    let file = config.data_dir.join(DATABASE_FILE);
    if config.database_url.is_none() && !file.exists() {
        return Err(StartError::Nothing(file.display().to_string()));
    }
    Ok(())
}

async fn database(config: &Config, connections: u32) -> Result<DatabaseConnection, StartError> {
    let url = database_url(config)?;
    let failed = |error| StartError::NoDatabase(url.redacted_url(), error);
    connect(url.0.expose_secret(), connections).await.map_err(failed)
}

/// Connects, applies migrations, and makes what is built in. One node at a time does so.
pub async fn open(config: &Config, clock: Clock) -> Result<Prepared, StartError> {
    let lock = lock_file(config)?;
    let (db, alone) = prepare(lock.as_deref(), database(config, config.database_connections.0)).await?;
    let tail = database(config, TAIL_CONNECTIONS).await?;
    let bounds = Bounds { form: config.hierarchy, most_roles: config.most_roles.0 };
    let store = Store::open(db, tail, clock.clone(), revocation_window(config), bounds).await?;
    let command = Initialise { admin: ADMIN.parse()?, catalogue: CATALOGUE, clock };
    store.write(&Actor::System, None, &command).await?;
    let kek = match &config.key_encryption_key {
        Some(Secret(key)) => KeyEncryptionKey::from_base64(key.expose_secret())?,
        None => key_file(config, &store).await?,
    };
    let settings = KeySettings {
        algorithm: config.signing_algorithm,
        rotation: config.key_rotation_seconds.0,
        window: revocation_window(config),
    };
    let keys = SigningKeys::new(store.clone(), kek.clone(), settings);
    let keyring = keys.at_start().await?;
    Ok(Prepared { _alone: alone, store, hasher: Hasher::new(config.argon2), kek, keys, keyring })
}

/// The key in the data directory, which is made only if nothing needs the one that was there before.
async fn key_file(config: &Config, store: &Store) -> Result<KeyEncryptionKey, StartError> {
    let file = KeyEncryptionKey::file(&config.data_dir);
    if !file.exists() && !store.signing_keys().await?.is_empty() {
        return Err(StartError::NoKeyFile(file.display().to_string()));
    }
    Ok(KeyEncryptionKey::from_data_dir(&config.data_dir)?)
}

/// Without the library's name for what we say ourselves.
fn in_words(error: &DbErr) -> String {
    match error {
        DbErr::Custom(text) => text.clone(),
        error => error.to_string(),
    }
}

/// What a node locks while it prepares SQLite; PostgreSQL has locks of its own, and nothing is kept in files there.
fn lock_file(config: &Config) -> Result<Option<PathBuf>, StartError> {
    if config.is_postgres() {
        return Ok(None);
    }
    make_private(&config.data_dir)
        .map_err(|error| StartError::DataDir(config.data_dir.display().to_string(), error))?;
    Ok(Some(config.data_dir.join("prepare.lock")))
}

/// SQLite in the data directory, unless another database is set.
fn database_url(config: &Config) -> Result<Secret, StartError> {
    let file = config.data_dir.join(DATABASE_FILE);
    if config.database_url.is_none() {
        // Made here, so that it is its owner's alone also where the directory isn't; SQLite's other files follow it.
        let made = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&file);
        made.map_err(|error| StartError::DataDir(file.display().to_string(), error))?;
    }
    let path = file.display().to_string();
    let path = path.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    let own = || Secret(format!("sqlite://{path}?mode=rwc").into());
    Ok(config.database_url.clone().unwrap_or_else(own))
}

/// For its owner only: the database and the key-encryption key are in it.
fn make_private(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

impl Prepared {
    /// Makes the first administrator where there is no user at all.
    pub async fn first_admin(&self, config: &Config) -> Result<Option<FirstAdmin>, StartError> {
        if self.store.has_users().await? {
            return Ok(None);
        }
        let username = config.admin_username.clone();
        let given = config.admin_password.as_ref().map(|Secret(password)| password.clone());
        if let Some(given) = &given {
            password::check(given.expose_secret(), &username).map_err(StartError::AdminPassword)?;
        }
        let generated = given.is_none().then(|| SecretString::from(random::text::<18>()));
        if let Some(password) = given.or_else(|| generated.clone()) {
            self.make_admin(username.clone(), password).await?;
        }
        Ok(Some(FirstAdmin { username, generated }))
    }

    /// Makes a user with the role that holds all built-in permissions.
    pub async fn make_admin(&self, username: Username, password: SecretString) -> Result<(), StartError> {
        password::check(password.expose_secret(), &username)?;
        let command = CreateUser {
            id: UserId(random::id(self.store.clock())),
            username,
            password_hash: Some(self.hasher.hash(password).await?),
            email: None,
            display_name: None,
            roles: [ADMIN.parse()?].into(),
        };
        self.store.write(&Actor::System, None, &command).await?;
        Ok(())
    }

    /// The node itself.
    #[must_use]
    pub fn app(self, config: &Config, issuer: &str) -> App {
        App::new(config, self.store, self.keys, self.keyring, &self.kek, self.hasher, issuer)
    }
}

/// What describes the API, without a database or a key that lasts.
#[must_use]
pub fn detached(params: password::Params) -> State {
    let (clock, kek) = (Clock::System, KeyEncryptionKey::generate());
    let store = Store::detached(clock);
    let settings = KeySettings { algorithm: SigningAlgorithm::Es256, rotation: 0, window: 0 };
    let keys = SigningKeys::new(store.clone(), kek.clone(), settings);
    let verifier = Arc::new(Verifier::new("", "", []));
    let keys = LiveKeys::new(keys, Keyring::default(), Arc::clone(&verifier));
    let lifetimes = Lifetimes { access_token: 0, session_idle: 0, session_max: 0, sessions_per_user: 1 };
    let tokens = Tokens::new(store.clone(), Hasher::new(params), keys, &kek, "", lifetimes);
    let limits = Limits { staleness: 0, token_age: 0 };
    let gate = Gate::new(verifier, store.revocations(), store.clock().clone(), limits, |_, _| false);
    State { store, tokens, gate, cursors: Cursors::new(kek.derived("page cursors")), readiness: Arc::default() }
}
