use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, TransactionTrait};

/// Held while a node prepares the database, so that others wait and then find it ready.
#[derive(Debug)]
pub struct Preparing {
    _postgres: Option<DatabaseTransaction>,
    _sqlite: Option<File>,
}

/// Waits until no other node prepares this database, then connects and brings its schema up to date.
///
/// On SQLite the lock is the file `lock`; on PostgreSQL, without one, an advisory lock, which ends with the transaction.
pub async fn prepare<E: From<DbErr>>(
    lock: Option<&Path>,
    connecting: impl Future<Output = Result<DatabaseConnection, E>>,
) -> Result<(DatabaseConnection, Preparing), E> {
    // Before connecting: of two that turn a new file to WAL at once SQLite refuses one, and lets it wait for nothing.
    let sqlite = lock.map(locked).transpose()?;
    let db = connecting.await?;
    let postgres = if db.get_database_backend() == DbBackend::Postgres { Some(advisory(&db).await?) } else { None };
    Migrator::up(&db, None).await.map_err(unless_newer)?;
    Ok((db, Preparing { _postgres: postgres, _sqlite: sqlite }))
}

/// Of a migration that isn't here the library speaks to whoever writes migrations, not to whoever runs the server.
fn unless_newer(error: DbErr) -> DbErr {
    match error {
        DbErr::Custom(text) if text.contains("its file is missing") => DbErr::Custom(
            "a newer release has changed it, and there is no way back: start that release, or restore a backup".into(),
        ),
        error => error,
    }
}

fn locked(lock: &Path) -> Result<File, DbErr> {
    let cant = |error| DbErr::Custom(format!("can't lock {}: {error}", lock.display()));
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(lock).map_err(cant)?;
    file.lock().map_err(cant)?;
    Ok(file)
}

async fn advisory(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let txn = db.begin().await?;
    txn.execute_unprepared("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
        .await?;
    txn.execute_unprepared("SELECT pg_advisory_xact_lock(7237123168202191154)").await?;
    Ok(txn)
}
