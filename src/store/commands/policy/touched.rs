//! Whom a policy file's changes concern: what rule 1 asks of the actor, and whose tokens stop.

use std::collections::{BTreeMap, BTreeSet};

use rolecall_guard::Subject;

use crate::{
    policy::{Graph, PermissionName, RoleName, Term, now_or_later},
    store::{Refused, UserId, connect::PARAMETERS, plan::View, users::assignments_of_each},
};

/// Whom the changes concern, for rule 1.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Those that are changed, and those that are in a set that is.
    pub(super) roles: BTreeSet<RoleName>,
    pub(super) users: BTreeSet<UserId>,
    pub(super) permissions: BTreeSet<PermissionName>,
    /// Those that come into a set.
    pub(super) kept_apart: BTreeSet<RoleName>,
    pub(super) granted: BTreeSet<PermissionName>,
    /// What these give is given to others, and for how long.
    passed_on: BTreeMap<Term, BTreeSet<RoleName>>,
}

impl Touched {
    /// What everything that is touched holds or gives, now and, of sets, afterwards.
    pub(super) async fn needs(&self, view: &View<'_>, after: &Graph) -> Result<BTreeSet<PermissionName>, Refused> {
        let mut roles = self.roles.clone();
        let users: Vec<UserId> = self.users.iter().copied().collect();
        for some in users.chunks(PARAMETERS) {
            let each = assignments_of_each(view.txn, some).await?;
            roles.extend(each.values().flat_map(|assignments| now_or_later(assignments, view.now)));
        }
        let mut needs = view.graph.permissions(roles.iter().map(RoleName::as_str));
        needs.extend(after.permissions(self.kept_apart.iter().map(RoleName::as_str)));
        needs.extend(self.permissions.iter().cloned());
        Ok(needs)
    }

    pub(super) fn gives(&self, after: &Graph) -> Vec<(BTreeSet<PermissionName>, Term)> {
        let by_roles = |(term, roles): (&Term, &BTreeSet<RoleName>)| {
            (after.permissions(roles.iter().map(RoleName::as_str)), *term)
        };
        let mut gives: Vec<_> = self.passed_on.iter().map(by_roles).collect();
        gives.push((self.granted.clone(), Term::Always));
        gives
    }

    /// Who has a token that says more than is so any more, or less, of what is assigned.
    pub(super) fn subjects(&self) -> Vec<Subject> {
        self.users.iter().map(|user| Subject::User(user.0)).collect()
    }

    pub(super) fn pass_on(&mut self, role: &RoleName, term: Term) {
        self.passed_on.entry(term).or_default().insert(role.clone());
    }
}
