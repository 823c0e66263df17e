//! The RBAC model: pure and immutable, with no I/O. Everything that decides asks here.

mod assignment;
mod authority;
mod bounds;
mod delta;
mod explain;
pub mod file;
mod graph;
mod hierarchy;
mod losing;
mod names;
mod separation;

pub use assignment::{Assignment, Term, in_force, now_or_later};
pub use authority::{Authority, Exceeded};
pub use bounds::{Bounds, HierarchyForm};
pub use delta::Delta;
pub use explain::{Budget, OneMore, Path, Ways};
pub use graph::{Graph, Role};
pub use names::{ClientId, InvalidName, PermissionName, RoleName, SetName, Username, is_line};
pub use separation::{Kind, SeparationSet, Shares};

/// The permission whose holders rule 1 doesn't bind, and of whom one always remains (rule 2).
pub const ESCALATE: &str = "roles:escalate";

/// The permission that assigning takes, also by a policy file.
pub const ASSIGN: &str = "assignments:create";

/// The permission that taking a role away takes, also for some of the time that it was assigned for.
pub const DEASSIGN: &str = "assignments:delete";

/// The permission that applying a policy file takes, also where it is only planned.
pub const APPLY: &str = "policy:update";

/// The public client that is always there, without a row of its own: nobody else gets its name.
pub const BUILT_IN_CLIENT: &str = "rolecall";
