use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fixedbitset::FixedBitSet;

use super::{PermissionName, RoleName, SeparationSet, SetName, hierarchy::Hierarchy};

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
    pub(super) roles: Vec<Option<Arc<Role>>>,
    pub(super) numbers: Arc<BTreeMap<RoleName, usize>>,
    pub(super) hierarchy: Hierarchy,
    /// The roles that were granted a permission themselves.
    pub(super) granted: BTreeMap<PermissionName, Arc<FixedBitSet>>,
    pub(super) sets: BTreeMap<SetName, Arc<SeparationSet>>,
}

impl Graph {
    pub(super) fn number(&self, name: &RoleName) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    pub(super) fn numbers<'a>(&self, roles: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = usize> {
        roles.into_iter().filter_map(|name| self.numbers.get(name).copied())
    }

    pub(super) fn numbered(&self, numbers: impl IntoIterator<Item = usize>) -> impl Iterator<Item = &Role> {
        numbers.into_iter().filter_map(|number| self.roles.get(number)?.as_deref())
    }

    pub(super) fn name(&self, number: usize) -> Option<&RoleName> {
        self.roles.get(number)?.as_deref().map(|role| &role.name)
    }

    pub(super) fn names(&self, numbers: impl IntoIterator<Item = usize>) -> BTreeSet<RoleName> {
        self.numbered(numbers).map(|role| role.name.clone()).collect()
    }

    pub(super) fn below<'a>(&self, roles: impl IntoIterator<Item = &'a str>) -> FixedBitSet {
        let mut below = FixedBitSet::new();
        for role in self.numbers(roles) {
            self.hierarchy.below(role).add_to(&mut below);
        }
        below
    }

    /// How many roles there are.
    #[must_use]
    pub fn role_count(&self) -> usize {
        self.numbers.len()
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

    pub(super) fn giving_numbers(&self, permission: &str) -> FixedBitSet {
        let mut giving = FixedBitSet::with_capacity(self.roles.len());
        for role in self.granted.get(permission).into_iter().flat_map(|granted| granted.ones()) {
            self.hierarchy.above(role).add_to(&mut giving);
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::delta::tests::blog;

    #[test]
    fn roles_give_the_union_of_their_grants_and_unknown_roles_nothing() {
        let all = blog().permissions(["reader", "editor", "nobody"]);
        assert_eq!(all, BTreeSet::from(["articles:read".parse().unwrap(), "articles:update".parse().unwrap()]));
        assert!(blog().gives(["nobody", "reader"], "articles:read"));
        assert!(!blog().gives(["nobody", "reader"], "articles:update"));
        assert_eq!(blog().giving("articles:read").map(RoleName::as_str).collect::<Vec<_>>(), ["editor", "reader"]);
    }
}
