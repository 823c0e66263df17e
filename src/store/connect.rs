use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
    sqlx::{
        Connection, Error, PgConnection,
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    },
};
use tokio::time::timeout;

/// On PostgreSQL, after so many milliseconds a statement is given up, and a transaction in which nothing happens. Between
/// the time that the end of a session bears and its commit there are at most seven statements, so it is less than the
/// time over which nodes read such ends again.
const LONGEST_STATEMENT: &str = "5000";

/// So many of something are named in one statement, which takes only so many parameters.
pub(super) const PARAMETERS: usize = 1000;

/// A connection that was given back so lately is taken again unasked.
const FRESH: Duration = Duration::from_secs(1);

/// A connection that doesn't answer within this after it was used is closed.
const PROOF_OF_LIFE: Duration = Duration::from_secs(2);

/// Connects to `sqlite://…` or `postgres://…` with at most `connections` connections.
pub async fn connect(url: &str, connections: u32) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(5))
        .connect_timeout(Duration::from_secs(5))
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(|postgres| {
            postgres.options([
                ("statement_timeout", LONGEST_STATEMENT),
                ("idle_in_transaction_session_timeout", LONGEST_STATEMENT),
                // What is asked here takes less time than compiling it would.
                ("jit", "off"),
            ])
        })
        // Each was found alive when it was given back; under load that is enough.
        .test_before_acquire(false)
        .map_sqlx_postgres_pool_opts(|pool| {
            pool.before_acquire(|connection, meta| {
                Box::pin(async move { Ok(meta.idle_for < FRESH || connection.ping().await.is_ok()) })
            })
            .after_release(|connection, _| Box::pin(lives(connection)))
        })
        .map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .create_if_missing(true)
                .foreign_keys(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal)
                .busy_timeout(Duration::from_secs(5))
        });
    Database::connect(options).await
}

/// Whether a connection may go back to the pool, which itself would wait for one that hangs, and so lose one after the
/// other. To close it properly hangs, too, where it is encrypted. So the task that returns it, which does nothing else,
/// is ended here, and what it holds is dropped.
async fn lives(connection: &mut PgConnection) -> Result<bool, Error> {
    let Ok(answer) = timeout(PROOF_OF_LIFE, connection.ping()).await else {
        tracing::warn!("a connection to the database hangs; it is dropped");
        std::panic::resume_unwind(Box::new("a connection hangs"));
    };
    answer.map(|()| true)
}

/// Begins in a task of its own, which comes to its end also where whoever asked has left: of a `BEGIN` that nobody waits
/// for any more sqlx knows nothing on PostgreSQL, and what is written next on that connection would never be committed.
async fn begin(db: &DatabaseConnection, options: TransactionOptions) -> Result<DatabaseTransaction, DbErr> {
    let db = db.clone();
    let begun = tokio::spawn(async move { db.begin_with_options(options).await }).await;
    begun.unwrap_or_else(|error| Err(DbErr::Custom(error.to_string())))
}

/// Begins a transaction that will write: on SQLite it holds the write lock from the start, since a
/// read that turns into a write fails at once when another wrote in between.
pub(super) async fn begin_write(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options =
        TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    begin(db, options).await
}

/// Begins a transaction all of whose reads see one moment.
pub(super) async fn begin_read(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let postgres = db.get_database_backend() == DbBackend::Postgres;
    let isolation_level = postgres.then_some(IsolationLevel::RepeatableRead);
    let access_mode = postgres.then_some(AccessMode::ReadOnly);
    begin(db, TransactionOptions { isolation_level, access_mode, ..Default::default() }).await
}
