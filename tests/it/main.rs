//! Behaviour over HTTP, one file a resource. SQLite, unless `TEST_DATABASE_URL` names a PostgreSQL server.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]
#![expect(unreachable_pub, reason = "nothing in a test is reached from elsewhere")]

mod assignments;
mod document;
mod ledger;
mod matrix;
mod me;
mod permissions;
mod process;
mod properties;
mod races;
mod roles;
mod rules;
mod support;
mod token;
mod users;
mod wire;
