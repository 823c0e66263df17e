//! The built-in permissions, and the role that holds them.

/// The built-in role that holds exactly the permissions below.
pub const ADMIN: &str = "admin";

rolecall_guard::permissions! {
    /// People and services.
    users = "users" {
        /// Create users, also with roles
        Create = "create",
        /// See users
        Read = "read",
        /// Change, disable and reset users
        Update = "update",
        /// Delete users
        Delete = "delete",
    }
    /// Named job functions.
    roles = "roles" {
        /// Create roles, also with permissions
        Create = "create",
        /// See roles and their permissions
        Read = "read",
        /// Change roles and what they are granted
        Update = "update",
        /// Delete roles
        Delete = "delete",
        /// Give and touch more than one holds oneself
        Escalate = "escalate",
    }
    /// Actions on resource types.
    permissions = "permissions" {
        /// Create permissions
        Create = "create",
        /// See permissions
        Read = "read",
        /// Change permissions
        Update = "update",
        /// Delete permissions
        Delete = "delete",
    }
    /// Who has which role.
    assignments = "assignments" {
        /// Assign roles to users
        Create = "create",
        /// See who has which role
        Read = "read",
        /// Change assignments
        Update = "update",
        /// Take roles away from users
        Delete = "delete",
    }
    /// Applications.
    clients = "clients" {
        /// Create clients
        Create = "create",
        /// See clients
        Read = "read",
        /// Change clients and their secrets
        Update = "update",
        /// Delete clients
        Delete = "delete",
    }
    /// Separation of duty.
    separation_sets = "separation-sets" {
        /// Create separation sets
        Create = "create",
        /// See separation sets
        Read = "read",
        /// Change separation sets
        Update = "update",
        /// Delete separation sets
        Delete = "delete",
    }
    /// What sign-ins open.
    sessions = "sessions" {
        /// See others' sessions
        Read = "read",
        /// Drop roles from others' sessions
        Update = "update",
        /// End others' sessions
        Delete = "delete",
    }
    /// The policy as a whole.
    policy = "policy" {
        /// Export the policy and plan changes
        Read = "read",
        /// Apply a policy
        Update = "update",
    }
    /// The audit log.
    ledger = "ledger" {
        /// Read the ledger
        Read = "read",
    }
    /// Questions about access.
    access = "access" {
        /// Ask who may do what, and why
        Read = "read",
    }
}

#[cfg(test)]
mod tests {
    use rolecall_guard::Permission;

    use super::*;
    use crate::policy::{APPLY, ASSIGN, DEASSIGN, ESCALATE};

    #[test]
    fn the_permissions_that_the_model_names_stand_here() {
        assert_eq!(
            [APPLY, ASSIGN, DEASSIGN, ESCALATE],
            [policy::Update::NAME, assignments::Create::NAME, assignments::Delete::NAME, roles::Escalate::NAME]
        );
    }
}
