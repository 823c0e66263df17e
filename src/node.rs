//! Bringing up a node: database, schema, keys, the first administrator.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
};

use rolecall_guard::Clock;
use sea_orm::{DatabaseConnection, DbErr};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    api::{Cursors, State},
    app::{App, revocation_window},
    catalogue::{ADMIN, CATALOGUE},
    config::{Config, Secret},
    policy::{InvalidName, Username},
    random,
    store::{
        Actor, Preparing, Refused, Store, UserId,
        commands::{CreateUser, Initialise},
        connect, prepare,
    },
    tokens::{
        KeyEncryptionKey, KeyError, Keyring, Lifetimes, Tokens, Unusable,
        password::{self, BrokenRule, Hasher, Overloaded},
    },
};

/// SQLite's file in the data directory.
const DATABASE_FILE: &str = "rolecall.db";

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
    #[error("the database can't be used: {0}")]
    Database(#[from] DbErr),
    /// The store refused.
    #[error("the database can't be used: {0}")]
    Store(#[from] Refused),
    /// The key-encryption key is unusable.
    #[error("ROLECALL_KEY_ENCRYPTION_KEY: {0}")]
    KeyEncryptionKey(#[from] KeyError),
    /// The signing key is unusable.
    #[error("{0}")]
    SigningKey(#[from] Unusable),
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
    let file = config.data_dir.join(DATABASE_FILE);
    if config.database_url.is_none() && !file.exists() {
        return Err(StartError::Nothing(file.display().to_string()));
    }
    database(config).await
}

async fn database(config: &Config) -> Result<DatabaseConnection, StartError> {
    let url = database_url(config)?;
    let failed = |error| StartError::NoDatabase(url.redacted_url(), error);
    connect(url.0.expose_secret(), config.database_connections.0).await.map_err(failed)
}

/// Connects, applies migrations, and makes what is built in. One node at a time does so.
pub async fn open(config: &Config, clock: Clock) -> Result<Prepared, StartError> {
    let db = database(config).await?;
    let alone = prepare(&db, &config.data_dir.join("prepare.lock")).await?;
    let store = Store::open(db, clock.clone(), revocation_window(config)).await?;
    let command = Initialise { admin: ADMIN.parse()?, catalogue: CATALOGUE, clock };
    store.write(&Actor::System, None, &command).await?;
    let kek = match &config.key_encryption_key {
        Some(Secret(key)) => KeyEncryptionKey::from_base64(key.expose_secret())?,
        None => KeyEncryptionKey::from_data_dir(&config.data_dir)?,
    };
    if store.signing_keys().await?.is_empty() {
        let key = Keyring::generate(&kek, store.clock().micros()).ok_or(Unusable::Unknown)?;
        store.insert_signing_key(key).await?;
    }
    let keyring = Keyring::open(&store.signing_keys().await?, &kek)?;
    Ok(Prepared { _alone: alone, store, hasher: Hasher::new(config.argon2), kek, keyring })
}

/// SQLite in the data directory, unless another database is set; on PostgreSQL nothing is kept in files.
fn database_url(config: &Config) -> Result<Secret, StartError> {
    if !config.is_postgres() {
        make_private(&config.data_dir)
            .map_err(|error| StartError::DataDir(config.data_dir.display().to_string(), error))?;
    }
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
        App::new(config, self.store, self.keyring, &self.kek, self.hasher, issuer)
    }
}

/// What describes the API, without a database or a key that lasts.
pub fn detached(params: password::Params) -> Result<State, StartError> {
    let (clock, kek) = (Clock::System, KeyEncryptionKey::generate());
    let key = Keyring::generate(&kek, clock.micros()).ok_or(Unusable::Unknown)?;
    let (store, keyring) = (Store::detached(clock), Keyring::open(&[key], &kek)?);
    let lifetimes = Lifetimes { access_token: 0, session_idle: 0, session_max: 0 };
    let tokens = Tokens::new(store.clone(), Hasher::new(params), keyring, "", lifetimes);
    Ok(State { store, tokens, cursors: Cursors::new(kek.derived("page cursors")), readiness: Arc::default() })
}
