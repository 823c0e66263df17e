use std::collections::BTreeSet;

use fixedbitset::FixedBitSet;

use super::{Delta, Graph, PermissionName, RoleName};

/// What steps take away by themselves.
#[derive(Default)]
struct Taken<'a> {
    /// The roles that they take something from.
    from: FixedBitSet,
    permissions: BTreeSet<&'a PermissionName>,
    deleted: FixedBitSet,
}

impl Graph {
    /// The roles that may give less after these steps: those that something is taken from, and all above them.
    #[must_use]
    pub fn reached(&self, deltas: &[Delta]) -> BTreeSet<RoleName> {
        self.names(self.above_all(&self.taken(deltas).from).ones())
    }

    /// The roles of which a token may say, after these steps, what isn't so any more: that they give something, or that its
    /// user is authorized for them. A token names a role by way of an assignment; `assigned` are those of the
    /// [`reached`](Self::reached) roles that anyone has.
    #[must_use]
    pub fn losing(&self, after: &Self, deltas: &[Delta], assigned: &BTreeSet<RoleName>) -> BTreeSet<RoleName> {
        let taken = self.taken(deltas);
        let assigned: FixedBitSet = self.numbers(assigned.iter().map(RoleName::as_str)).collect();
        let mut losing = FixedBitSet::new();
        for role in self.above_all(&taken.from).ones() {
            let lost = self.lost_below(after, role, &taken.deleted);
            if !self.hierarchy.above(role).is_disjoint(&assigned) && self.gives_less(after, role, &taken, &lost) {
                losing.grow_and_insert(role);
            }
            if assigned.contains(role) {
                losing.union_with(&lost);
            }
        }
        self.names(losing.ones())
    }

    fn taken<'a>(&self, deltas: &'a [Delta]) -> Taken<'a> {
        let mut taken = Taken::default();
        for delta in deltas {
            match delta {
                Delta::RoleDeleted { role } => {
                    taken.deleted.extend(self.number(role));
                    taken.from.extend(self.number(role));
                }
                Delta::Disinherited { senior, .. } => taken.from.extend(self.number(senior)),
                Delta::Revoked { role, permission } => {
                    taken.permissions.insert(permission);
                    taken.from.extend(self.number(role));
                }
                Delta::PermissionDeleted { permission } => {
                    taken.permissions.insert(permission);
                    taken.from.extend(self.granting(permission.as_str()).filter_map(|role| self.number(role)));
                }
                _ => {}
            }
        }
        taken
    }

    pub(super) fn above_all(&self, roles: &FixedBitSet) -> FixedBitSet {
        let mut above = FixedBitSet::new();
        for role in roles.ones() {
            self.hierarchy.above(role).add_to(&mut above);
        }
        above
    }

    /// What is below a role, itself included, and will not be. A deleted role's number may be another's by then.
    fn lost_below(&self, after: &Self, role: usize, deleted: &FixedBitSet) -> FixedBitSet {
        let below = self.hierarchy.below(role);
        let mut lost = FixedBitSet::new();
        below.add_to(&mut lost);
        if deleted.contains(role) {
            return lost;
        }
        after.hierarchy.below(role).take_from(&mut lost);
        for gone in deleted.ones().filter(|gone| below.contains(*gone)) {
            lost.grow_and_insert(gone);
        }
        lost
    }

    fn gives_less(&self, after: &Self, role: usize, taken: &Taken<'_>, lost: &FixedBitSet) -> bool {
        let gave = |permission: &PermissionName| {
            self.granted.get(permission).is_some_and(|granted| !self.hierarchy.below(role).is_disjoint(granted))
        };
        let gives = |permission: &PermissionName| {
            let granted = after.granted.get(permission).filter(|_| !taken.deleted.contains(role));
            granted.is_some_and(|granted| !after.hierarchy.below(role).is_disjoint(granted))
        };
        taken.permissions.iter().any(|permission| gave(permission) && !gives(permission))
            || self.numbered(lost.ones()).any(|below| below.grants.iter().any(|permission| !gives(permission)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> RoleName {
        name.parse().unwrap()
    }

    fn created(name: &str) -> Delta {
        Delta::RoleCreated { role: role(name), built_in: false }
    }

    fn inherited(senior: &str, junior: &str) -> Delta {
        Delta::Inherited { senior: role(senior), junior: role(junior) }
    }

    fn disinherited(senior: &str, junior: &str) -> Delta {
        Delta::Disinherited { senior: role(senior), junior: role(junior) }
    }

    fn granted(name: &str) -> Delta {
        Delta::Granted { role: role(name), permission: "articles:read".parse().unwrap() }
    }

    fn revoked(name: &str) -> Delta {
        Delta::Revoked { role: role(name), permission: "articles:read".parse().unwrap() }
    }

    fn deleted(name: &str) -> Delta {
        Delta::RoleDeleted { role: role(name) }
    }

    /// chief above editor above reader; reader and editor give the same, everyone nothing.
    fn blog() -> Graph {
        let roles = ["chief", "editor", "reader", "everyone"].map(created);
        let edges = [inherited("chief", "editor"), inherited("editor", "reader"), inherited("chief", "everyone")];
        Graph::default().after(roles.iter().chain(&edges).chain(&[granted("reader"), granted("editor")]))
    }

    fn losing(deltas: &[Delta], assigned: &[&str]) -> Vec<String> {
        let (before, after) = (blog(), blog().after(deltas));
        let assigned =
            assigned.iter().map(|name| role(name)).filter(|it| before.reached(deltas).contains(it)).collect();
        before.losing(&after, deltas, &assigned).into_iter().map(String::from).collect()
    }

    #[test]
    fn who_still_gets_it_from_below_loses_nothing() {
        assert_eq!(losing(&[revoked("editor")], &["chief", "editor", "reader"]), [""; 0]);
        assert_eq!(losing(&[revoked("reader")], &["chief", "editor", "reader"]), ["reader"]);
        assert_eq!(losing(&[revoked("reader"), revoked("editor")], &["chief"]), ["chief", "editor", "reader"]);
    }

    #[test]
    fn what_nobody_has_is_nobodys_loss() {
        assert_eq!(losing(&[revoked("reader"), revoked("editor")], &["reader"]), ["reader"]);
        assert_eq!(losing(&[deleted("chief")], &["editor"]), [""; 0]);
    }

    #[test]
    fn a_role_that_is_out_of_reach_is_lost_though_it_gave_nothing() {
        assert_eq!(losing(&[disinherited("chief", "everyone")], &["chief"]), ["everyone"]);
        assert_eq!(losing(&[disinherited("chief", "everyone")], &["everyone"]), [""; 0]);
        assert_eq!(losing(&[deleted("editor")], &["editor"]), ["editor", "reader"]);
    }

    #[test]
    fn a_new_role_with_the_number_of_a_deleted_one_hides_no_loss() {
        let deltas = [deleted("everyone"), created("else"), inherited("chief", "else")];
        assert_eq!(losing(&deltas, &["chief"]), ["everyone"]);
    }
}
