//! What a gateway may let through to a service that knows nothing of Rolecall: rules that map method and path to a
//! permission, and how a path is read before they are asked. Pure, but for reading the rules' file at the start.

mod parse;
mod path;
mod rules;

pub use parse::{InvalidRule, RulesFile};
pub use path::Ambiguous;
pub use rules::{Needs, Rules};
