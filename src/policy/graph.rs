use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{PermissionName, RoleName};

/// A role and what it was granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// Part of Rolecall itself: can't be changed or deleted.
    pub built_in: bool,
    /// Its permissions.
    pub grants: BTreeSet<PermissionName>,
}

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
    /// A role is gone, with its grants.
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
}

/// The roles and what they give, as of one revision. Small, immutable, swapped whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    roles: BTreeMap<RoleName, Arc<Role>>,
}

impl Graph {
    /// A graph of these roles.
    #[must_use]
    pub fn new(roles: impl IntoIterator<Item = (RoleName, Role)>) -> Self {
        Self { roles: roles.into_iter().map(|(name, role)| (name, Arc::new(role))).collect() }
    }

    /// The graph after these steps.
    #[must_use]
    pub fn after<'a>(&self, deltas: impl IntoIterator<Item = &'a Delta>) -> Self {
        let mut next = self.clone();
        for delta in deltas {
            next.step(delta);
        }
        next
    }

    fn step(&mut self, delta: &Delta) {
        match delta {
            Delta::RoleCreated { role, built_in } => {
                // Where there is one already nothing is made: the database refuses the second one of a name.
                let created = || Arc::new(Role { built_in: *built_in, grants: BTreeSet::new() });
                self.roles.entry(role.clone()).or_insert_with(created);
            }
            Delta::RoleDeleted { role } => {
                self.roles.remove(role);
            }
            Delta::Granted { role, permission } => {
                if let Some(role) = self.roles.get_mut(role) {
                    Arc::make_mut(role).grants.insert(permission.clone());
                }
            }
            Delta::Revoked { role, permission } => {
                if let Some(role) = self.roles.get_mut(role) {
                    Arc::make_mut(role).grants.remove(permission);
                }
            }
            Delta::PermissionDeleted { permission } => {
                for role in self.roles.values_mut().filter(|role| role.grants.contains(permission)) {
                    Arc::make_mut(role).grants.remove(permission);
                }
            }
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn role(&self, name: &RoleName) -> Option<&Role> {
        self.roles.get(name).map(AsRef::as_ref)
    }

    /// What these roles give together; names of no role give nothing (NIST `UserPermissions`).
    #[must_use]
    pub fn permissions<'a>(&self, roles: impl IntoIterator<Item = &'a str>) -> BTreeSet<PermissionName> {
        roles.into_iter().filter_map(|name| self.roles.get(name)).flat_map(|role| role.grants.iter().cloned()).collect()
    }

    /// Whether one of these roles gives `permission` (NIST `CheckAccess`).
    pub fn gives<'a>(&self, roles: impl IntoIterator<Item = &'a str>, permission: &str) -> bool {
        roles.into_iter().filter_map(|name| self.roles.get(name)).any(|role| role.grants.contains(permission))
    }

    /// The roles that give `permission`.
    pub fn giving<'a>(&'a self, permission: &'a str) -> impl Iterator<Item = &'a RoleName> {
        self.roles.iter().filter(move |(_, role)| role.grants.contains(permission)).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RoleName {
        text.parse().unwrap()
    }

    fn permission(text: &str) -> PermissionName {
        text.parse().unwrap()
    }

    fn granted(role: &str, what: &str) -> Delta {
        Delta::Granted { role: name(role), permission: permission(what) }
    }

    fn blog() -> Graph {
        let created = |role| Delta::RoleCreated { role: name(role), built_in: false };
        Graph::default().after(&[
            created("reader"),
            created("editor"),
            granted("reader", "articles:read"),
            granted("editor", "articles:read"),
            granted("editor", "articles:update"),
        ])
    }

    #[test]
    fn roles_give_the_union_of_their_grants_and_unknown_roles_nothing() {
        let all = blog().permissions(["reader", "editor", "nobody"]);
        assert_eq!(all, BTreeSet::from([permission("articles:read"), permission("articles:update")]));
        assert!(blog().gives(["nobody", "reader"], "articles:read"));
        assert!(!blog().gives(["nobody", "reader"], "articles:update"));
        assert_eq!(blog().giving("articles:read").map(RoleName::as_str).collect::<Vec<_>>(), ["editor", "reader"]);
    }

    #[test]
    fn a_step_makes_a_new_graph_and_leaves_the_old_one() {
        let before = blog();
        let revoked = Delta::Revoked { role: name("editor"), permission: permission("articles:update") };
        let after = before.after(&[revoked]);
        assert!(before.gives(["editor"], "articles:update"));
        assert!(!after.gives(["editor"], "articles:update"));
        assert!(after.gives(["editor"], "articles:read"));
    }

    #[test]
    fn a_deleted_permission_is_gone_from_every_role() {
        let after = blog().after(&[Delta::PermissionDeleted { permission: permission("articles:read") }]);
        assert_eq!(after.giving("articles:read").count(), 0);
        assert!(after.gives(["editor"], "articles:update"));
    }

    #[test]
    fn a_deleted_role_comes_back_empty() {
        let deleted = Delta::RoleDeleted { role: name("editor") };
        let gone = blog().after(&[deleted]);
        assert_eq!(gone.role(&name("editor")), None);
        assert_eq!(gone.after(&[granted("editor", "articles:read")]), gone, "nothing is granted to no role");
        let again = gone.after(&[Delta::RoleCreated { role: name("editor"), built_in: true }]);
        assert_eq!(again.role(&name("editor")), Some(&Role { built_in: true, grants: BTreeSet::new() }));
    }

    #[test]
    fn deltas_survive_the_ledger() {
        let delta = granted("editor", "articles:read");
        let text = serde_json::to_string(&delta).unwrap();
        assert_eq!(text, r#"{"granted":{"role":"editor","permission":"articles:read"}}"#);
        assert_eq!(serde_json::from_str::<Delta>(&text).unwrap(), delta);
    }
}
