use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path};

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, TransactionTrait};

/// Held while a node prepares the database, so that others wait and then find it ready.
#[derive(Debug)]
pub struct Preparing {
    _postgres: Option<DatabaseTransaction>,
    _sqlite: Option<std::fs::File>,
}

/// Waits until no other node prepares this database, then brings its schema up to date.
///
/// On SQLite the lock is the file `lock`; on PostgreSQL an advisory lock, which ends with the transaction.
pub async fn prepare(db: &DatabaseConnection, lock: &Path) -> Result<Preparing, DbErr> {
    let held = if db.get_database_backend() == DbBackend::Postgres {
        let txn = db.begin().await?;
        txn.execute_unprepared("SELECT pg_advisory_xact_lock(7237123168202191154)").await?;
        Preparing { _postgres: Some(txn), _sqlite: None }
    } else {
        let cant = |error| DbErr::Custom(format!("can't lock {}: {error}", lock.display()));
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(lock).map_err(cant)?;
        file.lock().map_err(cant)?;
        Preparing { _postgres: None, _sqlite: Some(file) }
    };
    Migrator::up(db, None).await?;
    Ok(held)
}
