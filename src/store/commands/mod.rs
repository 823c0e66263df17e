//! The changes of policy, one file a kind of thing.

mod assignments;
mod grants;
mod initialise;
mod permissions;
mod roles;
mod users;

pub use assignments::{Assign, Deassign};
pub use grants::{Grant, Revoke};
pub use initialise::Initialise;
pub use permissions::{CreatePermission, DeletePermission, UpdatePermission};
pub use roles::{CreateRole, DeleteRole, UpdateRole};
pub use users::{CreateUser, DeleteUser, ResetPassword, UpdateUser};

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
