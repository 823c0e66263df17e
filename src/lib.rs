//! Rolecall: a role-based access control server.
//!
//! A request crosses three rooms: its guard (the `rolecall-guard` crate), a handler ([`api`]), and
//! [`store`] or [`tokens`]. Whatever decides asks [`policy`], which does no I/O.

pub mod api;
pub mod app;
pub mod catalogue;
pub mod config;
pub mod gateway;
pub mod http;
pub mod node;
pub mod policy;
pub mod problem;
pub mod random;
pub mod store;
pub mod tokens;
