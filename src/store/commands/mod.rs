//! The changes of policy, one file a kind of thing.

mod active_roles;
mod assignments;
mod client_secrets;
mod clients;
mod grants;
mod inheritance;
mod initialise;
mod keys;
mod let_in;
mod permissions;
mod policy;
mod roles;
mod separation_sets;
mod users;

pub use active_roles::{AddActiveRole, DropActiveRole, EndSession};
pub use assignments::{Assign, Deassign};
pub use client_secrets::{NewSecret, RotateSecret, Rotated};
pub use clients::{CreateClient, DeleteClient, UpdateClient};
pub use grants::{Grant, Revoke};
pub use inheritance::{AddInheritance, DeleteInheritance};
pub use initialise::Initialise;
pub use keys::{RetireKey, RotateKey};
pub use let_in::LetIn;
pub use permissions::{CreatePermission, DeletePermission, UpdatePermission};
pub use policy::{Applied, ApplyPolicy};
pub use roles::{CreateRole, DeleteRole, UpdateRole};
pub use separation_sets::{CreateSet, DeleteSet, Membership, UpdateSet};
pub use users::{CreateUser, DeleteUser, EndSessions, ResetPassword, UpdateUser};

/// What a patch does to a member: leave it, clear it, or set it (RFC 7396).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Leave it as it is.
    #[default]
    Keep,
    /// Clear it.
    Clear,
    /// Set it to this.
    Set(T),
}

impl<T: Clone> Change<T> {
    /// What comes of a member that is `old` now.
    fn of(&self, old: Option<T>) -> Option<T> {
        match self {
            Self::Keep => old,
            Self::Clear => None,
            Self::Set(new) => Some(new.clone()),
        }
    }
}
