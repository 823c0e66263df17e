//! Rolecall's database schema: one file per change, for SQLite and PostgreSQL.
//!
//! Times are microseconds since 1970, UTC. Names compare by their bytes on both databases.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

mod m0001_core;
mod m0002_sessions_and_clients;
mod m0003_hierarchy_and_separation;
mod m0004_many_users;
mod m0005_sessions_that_name_roles;

/// The migrations of these files, named like them.
macro_rules! migrations {
    ($($file:ident),* $(,)?) => {
        vec![$(Box::new(Migration { name: stringify!($file), schema: $file::SCHEMA })),*]
    };
}

/// Applies what a database doesn't have yet.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        migrations![
            m0001_core,
            m0002_sessions_and_clients,
            m0003_hierarchy_and_separation,
            m0004_many_users,
            m0005_sessions_that_name_roles,
        ]
    }
}

/// The schema of one file, which is applied as a whole or not at all.
struct Migration {
    /// What a database remembers it by: it stays as it is for good.
    name: &'static str,
    schema: &'static str,
}

impl MigrationName for Migration {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(&dialect(manager, self.schema)).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// Writes a schema in the database's own types: `{id}` for a UUID, `{bytes}`, and `{name}` for a text that compares by
/// its bytes.
fn dialect(manager: &SchemaManager, schema: &str) -> String {
    let postgres = manager.get_database_backend() == DbBackend::Postgres;
    let (id, bytes, name) = if postgres { ("uuid", "bytea", "text COLLATE \"C\"") } else { ("blob", "blob", "text") };
    // A large table takes longer than a request may.
    let begin = if postgres { "SET LOCAL statement_timeout = 0;" } else { "" };
    begin.to_owned() + &schema.replace("{id}", id).replace("{bytes}", bytes).replace("{name}", name)
}
