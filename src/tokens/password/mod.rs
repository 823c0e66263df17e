//! Passwords: which are good enough, and how they are hashed.

mod hasher;
mod rules;

pub use hasher::{Hasher, InvalidParams, Overloaded, Params};
pub use rules::{BrokenRule, LONGEST, SHORTEST, check, check_for_anyone};
