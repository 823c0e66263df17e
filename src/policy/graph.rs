use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fixedbitset::FixedBitSet;

use super::{Delta, Kind, PermissionName, RoleName, SeparationSet, SetName, hierarchy::Hierarchy};

/// A role and what it was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: RoleName,
    /// Part of Rolecall itself: can't be changed or deleted.
    pub built_in: bool,
    /// Its permissions, not those of its juniors.
    pub grants: BTreeSet<PermissionName>,
}

/// The roles, what they give and what keeps them apart, as of one revision. Immutable, swapped whole; a step to the next
/// one shares all that it doesn't concern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// Roles have numbers, for the closure; a deleted one's goes to the next that is made.
    roles: Vec<Option<Arc<Role>>>,
    numbers: Arc<BTreeMap<RoleName, usize>>,
    pub(super) hierarchy: Hierarchy,
    /// The roles that were granted a permission themselves.
    pub(super) granted: BTreeMap<PermissionName, Arc<FixedBitSet>>,
    sets: BTreeMap<SetName, Arc<SeparationSet>>,
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

    pub(super) fn number(&self, name: &RoleName) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    pub(super) fn numbers<'a>(&self, roles: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = usize> {
        roles.into_iter().filter_map(|name| self.numbers.get(name).copied())
    }

    pub(super) fn numbered(&self, numbers: impl IntoIterator<Item = usize>) -> impl Iterator<Item = &Role> {
        numbers.into_iter().filter_map(|number| self.roles.get(number)?.as_deref())
    }

    fn name(&self, number: usize) -> Option<&RoleName> {
        self.roles.get(number)?.as_deref().map(|role| &role.name)
    }

    pub(super) fn names(&self, numbers: impl IntoIterator<Item = usize>) -> BTreeSet<RoleName> {
        self.numbered(numbers).map(|role| role.name.clone()).collect()
    }

    fn below<'a>(&self, roles: impl IntoIterator<Item = &'a str>) -> FixedBitSet {
        let mut below = FixedBitSet::new();
        for role in self.numbers(roles) {
            below.union_with(self.hierarchy.below(role));
        }
        below
    }

    /// The role of this name.
    #[must_use]
    pub fn role(&self, name: &RoleName) -> Option<&Role> {
        self.roles.get(self.number(name)?)?.as_deref()
    }

    /// What these roles give together, by way of their juniors, too; names of no role give nothing (NIST
    /// `UserPermissions`, `RolePermissions`).
    #[must_use]
    pub fn permissions<'a>(&self, roles: impl IntoIterator<Item = &'a str>) -> BTreeSet<PermissionName> {
        self.numbered(self.below(roles).ones()).flat_map(|role| role.grants.iter().cloned()).collect()
    }

    /// Whether one of these roles gives `permission` (NIST `CheckAccess`).
    pub fn gives<'a>(&self, roles: impl IntoIterator<Item = &'a str>, permission: &str) -> bool {
        let Some(granted) = self.granted.get(permission) else { return false };
        self.numbers(roles).any(|role| !self.hierarchy.below(role).is_disjoint(granted))
    }

    /// The roles that give `permission`, by name.
    pub fn giving(&self, permission: &str) -> impl Iterator<Item = &RoleName> {
        let giving = self.giving_numbers(permission);
        let names: BTreeSet<&RoleName> = self.numbered(giving.ones()).map(|role| &role.name).collect();
        names.into_iter()
    }

    fn giving_numbers(&self, permission: &str) -> FixedBitSet {
        let mut giving = FixedBitSet::with_capacity(self.roles.len());
        for role in self.granted.get(permission).into_iter().flat_map(|granted| granted.ones()) {
            giving.union_with(self.hierarchy.above(role));
        }
        giving
    }

    /// The roles that were granted `permission` themselves, by name.
    pub fn granting(&self, permission: &str) -> impl Iterator<Item = &RoleName> {
        let granted = self.granted.get(permission).into_iter().flat_map(|granted| granted.ones());
        let names: BTreeSet<&RoleName> = self.numbered(granted).map(|role| &role.name).collect();
        names.into_iter()
    }

    /// These roles and all their juniors (NIST `AuthorizedRoles`).
    #[must_use]
    pub fn authorized<'a>(&self, roles: impl IntoIterator<Item = &'a str>) -> BTreeSet<RoleName> {
        self.names(self.below(roles).ones())
    }

    /// The roles that give one of these permissions in one of the two graphs and not in the other.
    #[must_use]
    pub fn changed<'a>(
        &self,
        after: &Self,
        permissions: impl IntoIterator<Item = &'a PermissionName>,
    ) -> BTreeSet<RoleName> {
        // A number may have gone from one role to another.
        let most = self.roles.len().max(after.roles.len());
        let renumbered: FixedBitSet = (0..most).filter(|number| self.name(*number) != after.name(*number)).collect();
        let mut changed = FixedBitSet::with_capacity(most);
        for permission in permissions {
            let (had, has) = (self.giving_numbers(permission.as_str()), after.giving_numbers(permission.as_str()));
            changed.union_with(&(&(&had | &has) & &renumbered));
            changed.union_with(&(&had ^ &has));
        }
        self.names(changed.ones()).into_iter().chain(after.names(changed.ones())).collect()
    }

    /// The role and all its seniors: whoever has one of them is authorized for it.
    #[must_use]
    pub fn authorizing(&self, role: &RoleName) -> BTreeSet<RoleName> {
        self.number(role).map(|role| self.names(self.hierarchy.above(role).ones())).unwrap_or_default()
    }

    /// Its immediate juniors.
    #[must_use]
    pub fn juniors(&self, role: &RoleName) -> BTreeSet<RoleName> {
        self.number(role).map(|role| self.names(self.hierarchy.juniors(role).iter().copied())).unwrap_or_default()
    }

    /// Its immediate seniors.
    #[must_use]
    pub fn seniors(&self, role: &RoleName) -> BTreeSet<RoleName> {
        self.number(role).map(|role| self.names(self.hierarchy.seniors(role).iter().copied())).unwrap_or_default()
    }

    /// Whether `senior` is `junior` or has it among its juniors, however far below.
    #[must_use]
    pub fn is_above(&self, senior: &RoleName, junior: &RoleName) -> bool {
        match (self.number(senior), self.number(junior)) {
            (Some(senior), Some(junior)) => self.hierarchy.below(senior).contains(junior),
            _ => false,
        }
    }

    /// How many immediate juniors it has.
    #[must_use]
    pub fn junior_count(&self, role: &RoleName) -> usize {
        self.number(role).map_or(0, |role| self.hierarchy.juniors(role).len())
    }

    /// Whether `senior` is immediately above `junior`.
    #[must_use]
    pub fn is_edge(&self, senior: &RoleName, junior: &RoleName) -> bool {
        match (self.number(senior), self.number(junior)) {
            (Some(senior), Some(junior)) => self.hierarchy.juniors(senior).contains(&junior),
            _ => false,
        }
    }

    /// The separation set of this name.
    #[must_use]
    pub fn set(&self, name: &SetName) -> Option<&SeparationSet> {
        self.sets.get(name).map(AsRef::as_ref)
    }

    /// Every separation set, by name.
    pub fn sets(&self) -> impl Iterator<Item = (&SetName, &SeparationSet)> {
        self.sets.iter().map(|(name, set)| (name, set.as_ref()))
    }

    /// A static set of which someone with these roles assigned would be authorized for too many (rule 3).
    pub fn breaks_static<'a>(&self, assigned: impl IntoIterator<Item = &'a str>) -> Option<&SetName> {
        let below = self.below(assigned);
        self.broken(Kind::Static, |role| self.number(role).is_some_and(|role| below.contains(role)))
    }

    /// A dynamic set of which these would be too many to be active at once (rule 3).
    #[must_use]
    pub fn breaks_dynamic(&self, active: &BTreeSet<RoleName>) -> Option<&SetName> {
        self.broken(Kind::Dynamic, |role| active.contains(role))
    }

    fn broken(&self, kind: Kind, has: impl Fn(&RoleName) -> bool) -> Option<&SetName> {
        let mut sets = self.sets().filter(|(_, set)| set.kind == kind);
        sets.find(|(_, set)| set.is_broken(&has)).map(|(name, _)| name)
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
