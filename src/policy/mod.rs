//! The RBAC model: pure and immutable, with no I/O. Everything that decides asks here.

mod authority;
mod graph;
mod names;

pub use authority::{Authority, Exceeded};
pub use graph::{Delta, Graph, Role};
pub use names::{InvalidName, PermissionName, RoleName, Username};

/// The permission whose holders rule 1 doesn't bind, and of whom one always remains (rule 2).
pub const ESCALATE: &str = "roles:escalate";
