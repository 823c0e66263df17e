use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Graph, Kind, PermissionName, Role, RoleName, SeparationSet, SetName};

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

impl Graph {
    /// The graph that comes of these steps from nothing.
    #[must_use]
    pub fn of<'a>(deltas: impl IntoIterator<Item = &'a Delta>) -> Self {
        Self::default().after(deltas)
    }

    /// The graph after these steps; they share one closure. It takes no edge that closes a cycle (rule 4).
    #[must_use]
    pub fn after<'a>(&self, deltas: impl IntoIterator<Item = &'a Delta>) -> Self {
        let mut next = self.clone();
        for delta in deltas {
            next.step(delta);
        }
        next.hierarchy.close();
        next
    }

    fn step(&mut self, delta: &Delta) {
        match delta {
            Delta::RoleCreated { role, built_in } => self.create(role, *built_in),
            Delta::RoleDeleted { role } => self.delete(role),
            Delta::Granted { role, permission } => self.grant(role, permission),
            Delta::Revoked { role, permission } => self.revoke(role, permission),
            Delta::PermissionDeleted { permission } => {
                let granted: Vec<_> = self.granting(permission.as_str()).cloned().collect();
                for role in &granted {
                    self.revoke(role, permission);
                }
            }
            Delta::Inherited { senior, junior } => {
                if let (Some(senior), Some(junior)) = (self.number(senior), self.number(junior)) {
                    self.hierarchy.link(senior, junior);
                }
            }
            Delta::Disinherited { senior, junior } => {
                if let (Some(senior), Some(junior)) = (self.number(senior), self.number(junior)) {
                    self.hierarchy.unlink(senior, junior);
                }
            }
            Delta::Separated { set, kind, cardinality, roles } => {
                let separation = SeparationSet { kind: *kind, cardinality: *cardinality, roles: roles.clone() };
                self.sets.insert(set.clone(), Arc::new(separation));
            }
            Delta::Unseparated { set } => {
                self.sets.remove(set);
            }
        }
    }

    /// Where there is one already nothing is made: the database refuses the second one of a name.
    fn create(&mut self, name: &RoleName, built_in: bool) {
        if self.numbers.contains_key(name) {
            return;
        }
        let role = Some(Arc::new(Role { name: name.clone(), built_in, grants: BTreeSet::new() }));
        let free = self.roles.len() > self.numbers.len();
        let free = free.then(|| self.roles.iter().position(Option::is_none)).flatten();
        let number = free.unwrap_or(self.roles.len());
        if number == self.roles.len() {
            self.roles.push(role);
        } else {
            self.roles[number] = role;
        }
        self.hierarchy.add(number);
        Arc::make_mut(&mut self.numbers).insert(name.clone(), number);
    }

    fn delete(&mut self, name: &RoleName) {
        let Some(number) = self.number(name) else { return };
        let grants = self.role(name).map(|role| role.grants.clone()).unwrap_or_default();
        for permission in &grants {
            self.revoke(name, permission);
        }
        self.hierarchy.remove(number);
        for set in self.sets.values_mut().filter(|set| set.roles.contains(name)) {
            Arc::make_mut(set).roles.remove(name);
        }
        self.roles[number] = None;
        Arc::make_mut(&mut self.numbers).remove(name);
    }

    fn grant(&mut self, role: &RoleName, permission: &PermissionName) {
        let Some(number) = self.number(role) else { return };
        if let Some(role) = &mut self.roles[number] {
            Arc::make_mut(role).grants.insert(permission.clone());
        }
        Arc::make_mut(self.granted.entry(permission.clone()).or_default()).grow_and_insert(number);
    }

    fn revoke(&mut self, role: &RoleName, permission: &PermissionName) {
        let Some(number) = self.number(role) else { return };
        if let Some(role) = &mut self.roles[number] {
            Arc::make_mut(role).grants.remove(permission);
        }
        let Some(granted) = self.granted.get_mut(permission).filter(|granted| granted.contains(number)) else { return };
        Arc::make_mut(granted).remove(number);
        if granted.is_clear() {
            self.granted.remove(permission);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
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

    pub(in crate::policy) fn blog() -> Graph {
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
        assert_eq!(
            again.role(&name("editor")),
            Some(&Role { name: name("editor"), built_in: true, grants: BTreeSet::new() })
        );
    }

    #[test]
    fn deltas_survive_the_ledger() {
        let delta = granted("editor", "articles:read");
        let text = serde_json::to_string(&delta).unwrap();
        assert_eq!(text, r#"{"granted":{"role":"editor","permission":"articles:read"}}"#);
        assert_eq!(serde_json::from_str::<Delta>(&text).unwrap(), delta);
    }
}
