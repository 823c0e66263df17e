//! The only code that speaks to the database.
//!
//! Reading is a method a question ([`Store`]'s `users`, `roles`, …). Changing policy is a [`Command`],
//! which goes through [`Store::write`] and nowhere else.

mod bootstrap;
pub mod commands;
mod connect;
mod effect;
pub(crate) mod entity;
mod follow;
mod ids;
mod keys;
pub mod ledger;
mod permissions;
mod plan;
mod queue;
mod refused;
mod replica;
mod roles;
mod sessions;
mod users;
mod write;

use std::sync::Arc;

use rolecall_guard::{Clock, Revocations};
use sea_orm::{DatabaseConnection, DbBackend, DbErr};
use tokio::sync::SemaphorePermit;

pub use bootstrap::{Preparing, prepare};
pub use connect::connect;
pub use ids::{PermissionId, RoleId, SessionId, UserId};
pub use keys::StoredKey;
pub use permissions::Permission;
pub use refused::Refused;
pub use replica::Snapshot;
pub use roles::Role;
pub use sessions::{NewSession, Verified};
pub use users::{Credentials, Status, User, UserFilter, UserRef};
pub use write::{Actor, Command, IfMatch};

use queue::Queue;
use replica::Replica;

/// The database, and this node's picture of the role graph.
#[derive(Clone)]
pub struct Store {
    db: DatabaseConnection,
    clock: Clock,
    queue: Arc<Queue>,
    replica: Arc<Replica>,
}

/// How many items, and after which.
#[derive(Clone, Copy, Debug)]
pub struct Page<K> {
    /// Begin after this one.
    pub after: Option<K>,
    /// At most this many.
    pub limit: u64,
}

impl Store {
    /// Loads the role graph and the revocations of the last `window` seconds (see [`Revocations::new`]).
    pub async fn open(db: DatabaseConnection, clock: Clock, window: i64) -> Result<Self, DbErr> {
        let replica = Arc::new(Replica::load(&db, &clock, window).await?);
        Ok(Self { db, clock, queue: Arc::default(), replica })
    }

    /// A store without a database, for what needs none: the OpenAPI document.
    #[must_use]
    pub fn detached(clock: Clock) -> Self {
        Self { db: DatabaseConnection::default(), clock, queue: Arc::default(), replica: Arc::default() }
    }

    /// The role graph this node holds, and its revision.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.replica.snapshot()
    }

    /// Who lost something lately.
    #[must_use]
    pub fn revocations(&self) -> Arc<Revocations> {
        self.replica.revocations()
    }

    /// SQLite has one writer, so whoever writes waits in line here; PostgreSQL has locks of its own.
    async fn sqlite_turn(&self) -> Result<Option<SemaphorePermit<'_>>, Refused> {
        match self.db.get_database_backend() {
            DbBackend::Sqlite => self.queue.turn().await.map(Some),
            _ => Ok(None),
        }
    }

    /// Where this store's time comes from.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether the database answers what every request asks it; a mere ping never reaches an SQLite file.
    pub async fn ping(&self) -> Result<(), DbErr> {
        ledger::head(&self.db).await.map(drop)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("revision", &self.snapshot().revision).finish_non_exhaustive()
    }
}
