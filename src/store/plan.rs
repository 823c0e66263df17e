use std::collections::BTreeSet;

use rolecall_guard::Subject;
use sea_orm::{DatabaseTransaction, DbErr};
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::{IfMatch, Refused, effect::Effect};
use crate::policy::{Authority, Bounds, Delta, Graph, PermissionName, Term};

/// What a command sees while it plans: one moment of the database, and the graph at that moment.
#[derive(Debug)]
pub struct View<'a> {
    pub(super) txn: &'a DatabaseTransaction,
    pub(super) graph: &'a Graph,
    /// The revision the change will have.
    pub(super) revision: i64,
    /// Now, in microseconds since 1970.
    pub(super) now: i64,
    /// What the setting allows.
    pub(super) bounds: Bounds,
}

/// After more steps than so many the graph is made where it keeps nobody else waiting.
const FEW_STEPS: usize = 100;

impl View<'_> {
    /// The bound, where a change makes more roles than there may be; what there is already may stay.
    pub(super) fn too_many_roles(&self, after: usize) -> Option<Refused> {
        let (now, most) = (self.graph.role_count(), self.bounds.most_roles);
        (after > now && after > most).then_some(Refused::TooManyRoles(most))
    }

    /// The graph after these steps.
    pub(super) async fn after(&self, deltas: &[Delta]) -> Result<Graph, DbErr> {
        if deltas.len() <= FEW_STEPS {
            return Ok(self.graph.after(deltas));
        }
        let (graph, deltas) = (self.graph.clone(), deltas.to_vec());
        spawn_blocking(move || graph.after(&deltas)).await.map_err(|error| DbErr::Custom(error.to_string()))
    }
}

/// Permissions, and for how long.
pub(super) type Given = Vec<(BTreeSet<PermissionName>, Term)>;

/// A change that could be made: what it does, and what it rests on.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) action: &'static str,
    pub(super) target: String,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
    /// Rule 1: what those hold whom it touches; the actor must, too.
    pub(super) needs: BTreeSet<PermissionName>,
    /// Rule 1: what it gives to someone, and for how long; the actor must hold it for as long.
    pub(super) gives: Given,
    /// Permissions that the actor itself must hold beside the guard's.
    pub(super) rights: BTreeSet<&'static str>,
    /// Why nobody may do this; said only to who passes rule 1.
    pub(super) impossible: Option<Refused>,
    pub(super) effects: Vec<Effect>,
    pub(super) deltas: Vec<Delta>,
    /// The graph after these, where it has been made already.
    pub(super) graph: Option<Graph>,
    pub(super) subjects: Vec<Subject>,
}

/// A plan, what the caller gets for it, and the state its `If-Match` is compared with.
#[derive(Debug)]
pub struct Planned<T> {
    /// Nothing, where all is already as asked.
    pub(super) plan: Option<Plan>,
    pub(super) output: T,
    pub(super) matches: Option<i64>,
    /// Rule 1, where nothing changes but the answer shows something.
    pub(super) needs: BTreeSet<PermissionName>,
}

impl<T> Planned<T> {
    /// What is to be done, if the state is one that the caller accepts and what it gets to see is its to see.
    pub(super) fn accepted(
        self,
        if_match: Option<&IfMatch>,
        authority: &Authority,
    ) -> Result<(Option<Plan>, T), Refused> {
        if let (Some(if_match), Some(revision)) = (if_match, self.matches)
            && !if_match.accepts(revision)
        {
            return Err(Refused::Stale);
        }
        authority.covers(&self.needs)?;
        Ok((self.plan, self.output))
    }

    /// Change something that didn't exist before.
    pub(super) fn create(plan: Plan, output: T) -> Self {
        Self { plan: Some(plan), output, matches: None, needs: BTreeSet::new() }
    }

    /// Change something whose state is `revision` now.
    pub(super) fn change(revision: i64, plan: Plan, output: T) -> Self {
        Self { plan: Some(plan), output, matches: Some(revision), needs: BTreeSet::new() }
    }

    /// Change nothing, and show only to whom a change is allowed what it is: a patch is no way to read.
    pub(super) fn unchanged(revision: i64, needs: BTreeSet<PermissionName>, output: T) -> Self {
        Self { plan: None, output, matches: Some(revision), needs }
    }

    /// Change nothing; the state is `revision`.
    pub(super) fn nothing(revision: i64, output: T) -> Self {
        Self { plan: None, output, matches: Some(revision), needs: BTreeSet::new() }
    }
}
