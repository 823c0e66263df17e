//! Behaviour over HTTP, one file a resource. SQLite, unless `TEST_DATABASE_URL` names a PostgreSQL server.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]
#![expect(unreachable_pub, reason = "nothing in a test is reached from elsewhere")]

mod access;
mod assignments;
mod clients;
mod cluster;
mod document;
mod dry_run;
mod explain;
mod forward_auth;
mod juniors;
mod keys;
mod ledger;
mod matrix;
mod me;
mod permissions;
mod policy;
mod process;
mod properties;
mod races;
mod roles;
mod rules;
mod separation_sets;
mod services;
mod session_roles;
mod sessions;
mod standard;
mod support;
mod token;
mod users;
mod validity;
mod who_can;
mod wire;
