//! Rolecall's database schema: one file per change, for SQLite and PostgreSQL.
//!
//! Times are microseconds since 1970, UTC. Names compare by their bytes on both databases.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m0001_core;

/// Applies what a database doesn't have yet.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_core::Migration)]
    }
}
