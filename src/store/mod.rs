//! The only code that speaks to the database.
//!
//! Reading is a method a question ([`Store`]'s `users`, `roles`, …). Changing policy is a [`Command`],
//! which goes through [`Store::write`] and nowhere else.

mod bootstrap;
mod check;
mod clients;
pub mod commands;
mod connect;
mod current;
mod effect;
mod ending;
pub(crate) mod entity;
mod follow;
mod forecast;
mod holders;
mod ids;
mod keys;
pub mod ledger;
mod losing;
mod page;
mod permissions;
mod plan;
mod policy_file;
mod queue;
mod refused;
mod replica;
mod roles;
mod rows;
mod rules;
mod schedule;
mod separation_sets;
mod sessions;
mod too_many;
mod touch;
mod users;
mod words;
mod write;

use std::sync::Arc;

use rolecall_guard::{Clock, Revocations};
use sea_orm::{DatabaseConnection, DbBackend, DbErr};
use tokio::sync::{Semaphore, SemaphorePermit};

pub use bootstrap::{Preparing, prepare};
pub use check::{Checks, Decision};
pub use clients::{Client, GrantType, UnknownGrantType, secret_hash};
pub use connect::connect;
pub use ending::{Ending, EndingKey};
pub use forecast::{Forecast, UserChange};
pub use holders::{Holder, Holders};
pub use ids::{ClientKey, PermissionId, RoleId, SecretId, SessionId, SetId, UserId};
pub use keys::StoredKey;
pub use page::Page;
pub use permissions::Permission;
pub use refused::Refused;
pub use replica::Snapshot;
pub use roles::Role;
pub use schedule::{KeySchedule, KeyState};
pub use separation_sets::{SeparationSet, SetRef};
pub use sessions::{NewSession, Refreshable, Rotated, Rotation, Session, Verified};
pub use users::{Assignee, Credentials, Status, User, UserFilter, UserRef};
pub use write::{Actor, Command, IfMatch};

use crate::policy::Bounds;
use current::CatchUp;
use queue::Queue;
use replica::Replica;

/// The database, and this node's picture of the role graph.
#[derive(Clone)]
pub struct Store {
    db: DatabaseConnection,
    /// Connections for following alone, so that no flood of requests keeps a node from hearing what was revoked.
    tail: DatabaseConnection,
    clock: Clock,
    queue: Arc<Queue>,
    catch_up: Arc<CatchUp>,
    replica: Arc<Replica>,
    bounds: Bounds,
    /// Looking ahead reads much, so few do at once.
    forecasts: Arc<Semaphore>,
}

fn forecasts() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(4))
}

impl Store {
    /// Loads the role graph and the revocations of the last `window` seconds (see [`Revocations::new`]).
    ///
    /// `tail` needs three connections of its own: one to read the ledger, one to be woken by, one to read the signing keys.
    pub async fn open(
        db: DatabaseConnection,
        tail: DatabaseConnection,
        clock: Clock,
        window: i64,
        bounds: Bounds,
    ) -> Result<Self, DbErr> {
        let replica = Arc::new(Replica::load(&db, &clock, window).await?);
        Ok(Self {
            db,
            tail,
            clock,
            queue: Arc::default(),
            catch_up: Arc::default(),
            replica,
            bounds,
            forecasts: forecasts(),
        })
    }

    /// A store without a database, for what needs none: the OpenAPI document.
    #[must_use]
    pub fn detached(clock: Clock) -> Self {
        let none = DatabaseConnection::default;
        Self {
            db: none(),
            tail: none(),
            clock,
            queue: Arc::default(),
            catch_up: Arc::default(),
            replica: Arc::default(),
            bounds: Bounds::default(),
            forecasts: forecasts(),
        }
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
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("revision", &self.snapshot().revision).finish_non_exhaustive()
    }
}
