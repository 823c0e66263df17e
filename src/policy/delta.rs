use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Kind, PermissionName, RoleName, SetName};

/// One step from a role graph to the next; a ledger row carries those of its change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delta {
    /// A role came to be.
    RoleCreated {
        /// Its name.
        role: RoleName,
        /// Part of Rolecall itself.
        built_in: bool,
    },
    /// A role is gone, with its grants, its place in the hierarchy and in separation sets.
    RoleDeleted {
        /// Its name.
        role: RoleName,
    },
    /// A role was granted a permission.
    Granted {
        /// Which role.
        role: RoleName,
        /// Which permission.
        permission: PermissionName,
    },
    /// A permission was revoked from a role.
    Revoked {
        /// Which role.
        role: RoleName,
        /// Which permission.
        permission: PermissionName,
    },
    /// A permission is gone, from every role.
    PermissionDeleted {
        /// Its name.
        permission: PermissionName,
    },
    /// A role inherits from another.
    Inherited {
        /// Which role.
        senior: RoleName,
        /// From which.
        junior: RoleName,
    },
    /// A role inherits from another no more, at least not directly.
    Disinherited {
        /// Which role.
        senior: RoleName,
        /// From which.
        junior: RoleName,
    },
    /// A separation set is this from now on.
    Separated {
        /// Its name.
        set: SetName,
        /// Static or dynamic.
        kind: Kind,
        /// Fewer than so many of its roles go together.
        cardinality: u64,
        /// Its roles.
        roles: BTreeSet<RoleName>,
    },
    /// A separation set is gone.
    Unseparated {
        /// Its name.
        set: SetName,
    },
}
