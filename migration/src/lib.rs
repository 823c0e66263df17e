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

/// Applies what a database doesn't have yet.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_core::Migration),
            Box::new(m0002_sessions_and_clients::Migration),
            Box::new(m0003_hierarchy_and_separation::Migration),
            Box::new(m0004_many_users::Migration),
            Box::new(m0005_sessions_that_name_roles::Migration),
        ]
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
