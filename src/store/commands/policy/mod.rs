mod draft;
mod touched;

use std::collections::BTreeSet;

use rolecall_guard::Clock;
use serde_json::{Value, json};

use self::{draft::Draft, touched::Touched};
use crate::{
    policy::{
        APPLY, ASSIGN, DEASSIGN, Graph, HierarchyForm, RoleName, Username,
        file::{Change, Document, Stated},
    },
    store::{
        Command, Refused,
        plan::{Plan, Planned, View},
        policy_file::Current,
    },
};

/// So many changes are made at once: each holds up all other writers a little longer.
const MOST_CHANGES: usize = 10_000;

/// Makes the policy into what a file states, as one change.
#[derive(Clone, Debug)]
pub struct ApplyPolicy {
    /// What it states.
    pub stated: Stated,
    /// Whether what it doesn't list is deleted.
    pub prune: bool,
    /// The digests that the policy may have now, if not any.
    pub planned_on: Option<Vec<String>>,
    /// For new ids.
    pub clock: Clock,
}

/// What a policy file changes.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The digest of the policy before.
    pub digest: String,
    /// Step by step.
    pub changes: Vec<Change>,
    /// What the file doesn't list and what stays all the same, as paths below `/v1/`.
    pub kept: Vec<String>,
}

impl Command for ApplyPolicy {
    type Output = Applied;

    async fn plan(&self, view: &View<'_>) -> Result<Planned<Applied>, Refused> {
        let stated = &self.stated.document;
        let mut current = Current::load(view.txn, view.graph, stated.assignments.is_some()).await?;
        current.look_up(view.txn, stated).await?;
        self.stated.check(|name| current.knows(name, stated, self.prune)).map_err(Refused::File)?;
        let applied = self.compared(&current.document);
        let changed: BTreeSet<_> = applied.changes.iter().filter_map(assigned).collect();
        self.stated.check_times(|assignment| changed.contains(assignment), view.now).map_err(Refused::File)?;
        if self.planned_on.as_ref().is_some_and(|digests| !digests.contains(&applied.digest)) {
            return Err(Refused::Stale);
        }
        if applied.changes.is_empty() {
            return Ok(Planned::nothing(view.revision, applied));
        }
        if applied.changes.len() > MOST_CHANGES {
            return Err(Refused::TooMany { what: "changes", most: MOST_CHANGES });
        }
        let plan = Box::pin(self.plan_of(view, current, &applied.changes)).await?;
        Ok(Planned::create(plan, applied))
    }
}

impl ApplyPolicy {
    fn compared(&self, current: &Document) -> Applied {
        let stated = &self.stated.document;
        let kept = if self.prune { Vec::new() } else { current.unlisted(stated) };
        Applied { digest: current.digest(), changes: current.changes(stated, self.prune), kept }
    }

    async fn plan_of(&self, view: &View<'_>, current: Current, changes: &[Change]) -> Result<Plan, Refused> {
        let mut draft = Draft { view, current, clock: &self.clock, plan: Plan::default(), touched: Touched::default() };
        for change in changes {
            draft.take(change)?;
        }
        draft.take_from_clients(changes).await?;
        let after = view.after(&draft.plan.deltas).await?;
        let needs = draft.touched.needs(view, &after).await?;
        let Draft { plan, touched, .. } = draft;
        Ok(Plan {
            action: "apply_policy",
            target: "policy".into(),
            after: Some(json!({ "changes": changes.iter().map(shown).collect::<Vec<_>>() })),
            needs,
            gives: touched.gives(&after),
            subjects: touched.subjects(),
            rights: rights(changes, view.now),
            impossible: impossible(view, &after, changes),
            graph: Some(after),
            ..plan
        })
    }
}

/// Who has which role is asked for apart from the rest of the policy.
fn rights(changes: &[Change], now: i64) -> BTreeSet<&'static str> {
    let mut rights = BTreeSet::from([APPLY]);
    for change in changes {
        match change {
            Change::Assign(_, role, Some(old), new) if new.of(role).is_less_than(&old.of(role), now) => {
                rights.extend([ASSIGN, DEASSIGN]);
            }
            Change::Assign(..) => drop(rights.insert(ASSIGN)),
            Change::Deassign(..) => drop(rights.insert(DEASSIGN)),
            _ => {}
        }
    }
    rights
}

/// Rule 4, and what else no file brings about.
fn impossible(view: &View<'_>, after: &Graph, changes: &[Change]) -> Option<Refused> {
    let mut seniors = changes.iter().filter_map(|change| match change {
        Change::Inherit(senior, junior) => Some((senior, junior)),
        _ => None,
    });
    // The graph takes no edge that would close a cycle.
    if seniors.clone().any(|(senior, junior)| !after.is_edge(senior, junior)) {
        return Some(Refused::Cycle);
    }
    if view.bounds.form == HierarchyForm::Limited && seniors.any(|(senior, _)| after.junior_count(senior) > 1) {
        return Some(Refused::SecondJunior);
    }
    if let Some(refused) = view.too_many_roles(after.role_count()) {
        return Some(refused);
    }
    let torn = after.sets().find(|(_, set)| !set.is_valid());
    torn.map(|(name, _)| Refused::InSet(name.clone()))
}

fn assigned(change: &Change) -> Option<(Username, RoleName)> {
    if let Change::Assign(user, role, ..) = change { Some((user.clone(), role.clone())) } else { None }
}

fn shown(change: &Change) -> Value {
    let mut shown = json!({ "change": change.sign(), "target": change.target() });
    for (member, words) in [("before", change.before()), ("after", change.after())] {
        if let Some(words) = words {
            shown[member] = json!(words);
        }
    }
    shown
}
