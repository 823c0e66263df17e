//! The rules that hold whatever the caller does, checked in the transaction that relies on them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rolecall_guard::Refusal;
use sea_orm::DbErr;

use super::{
    Page, Refused, UserId,
    effect::Effect,
    holders::{Held, at_once, first_of_each},
    plan::{Plan, View},
    separation_sets::{broken_by_session, broken_by_user},
    users::assignments_of_each,
};
use crate::policy::{
    Assignment, Authority, Delta, ESCALATE, Exceeded, Graph, Kind, RoleName, SeparationSet, SetName, in_force,
    now_or_later,
};

/// The rules that a plan breaks, the one that a caller is told of first; adds to the plan what the rules ask for. Whoever
/// breaks rule 1 learns nothing of the others.
pub(super) async fn broken(view: &View<'_>, authority: &Authority, plan: &mut Plan) -> Result<Vec<Refused>, Refused> {
    if let Some(right) = plan.rights.iter().find(|right| !authority.holds(right)) {
        return Ok(vec![Refused::Actor(Refusal::Lacks((*right).into()))]);
    }
    if let Err(exceeded) = grants_what_it_holds(authority, plan) {
        return Ok(vec![exceeded.into()]);
    }
    let mut broken: Vec<Refused> = plan.impossible.take().into_iter().collect();
    let after = match plan.graph.take() {
        Some(graph) => graph,
        None => view.after(&plan.deltas).await?,
    };
    if !someone_can_administer(view, &after, plan).await? {
        broken.push(Refused::LastAdministrator);
    }
    broken.extend(separated(view, &after, plan).await?.into_iter().map(Refused::Separation));
    plan.graph = Some(after);
    Ok(broken)
}

/// Rule 1.
fn grants_what_it_holds(authority: &Authority, plan: &Plan) -> Result<(), Exceeded> {
    authority.covers(&plan.needs)?;
    plan.gives.iter().try_for_each(|(permissions, term)| authority.may_give(permissions, *term))
}

/// Rule 2: whether some enabled person with a password can administer after this.
async fn someone_can_administer(view: &View<'_>, after: &Graph, plan: &Plan) -> Result<bool, DbErr> {
    let administering = |graph: &Graph| graph.giving(ESCALATE).cloned().collect::<BTreeSet<_>>();
    let left = administering(after);
    let taken: HashSet<_> = plan.effects.iter().filter_map(Effect::takes_away).collect();
    if taken.is_empty() && administering(view.graph).is_subset(&left) {
        return Ok(true);
    }
    // Of a role each takes away one user at most, so of one more somebody is left.
    let page = Page { after: None, limit: taken.len() as u64 + 1 };
    let stays =
        |held: &Held| !taken.contains(&(held.user_id, None)) && !taken.contains(&(held.user_id, Some(held.role_id)));
    for some in at_once(&left) {
        if first_of_each(view.txn, &some, WHO_STAYS_ABLE, page, view.now).await?.iter().any(stays) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Without end, enabled, and with a password.
const WHO_STAYS_ABLE: &str = "AND valid_until IS NULL AND EXISTS (SELECT 1 FROM users WHERE users.id = user_id
    AND users.status = 'active' AND users.password_hash IS NOT NULL)";

/// Rule 3, over what is assigned now or later: of two assignments it is not asked whether they overlap. The sets that
/// would be broken.
async fn separated(view: &View<'_>, after: &Graph, plan: &mut Plan) -> Result<BTreeSet<SetName>, DbErr> {
    let changed = changed_assignments(view, plan).await?;
    let mut broken = BTreeSet::new();
    for (user, assignments) in &changed {
        let all = now_or_later(&assignments.after, view.now);
        broken.extend(after.breaks_static(all.iter().map(RoleName::as_str)).cloned());
        // Such a session would follow what is assigned; it keeps what it has instead.
        if after.breaks_dynamic(&all).is_some() {
            let active = in_force(&assignments.before, view.now);
            plan.effects.push(Effect::PinSessions(*user, active));
        }
    }
    let others: BTreeSet<UserId> = changed.into_keys().collect();
    for (name, set) in narrowed(after, &plan.deltas) {
        let is_broken = match set.kind {
            Kind::Static => broken_by_user(view, after, set, &others).await?,
            Kind::Dynamic => broken_by_session(view, set).await?,
        };
        if is_broken {
            broken.insert(name.clone());
        }
    }
    Ok(broken)
}

/// What someone is assigned before and after a plan.
pub(super) struct Assigned {
    pub(super) before: Vec<Assignment>,
    pub(super) after: Vec<Assignment>,
}

/// What users have whose assignments a plan changes.
pub(super) async fn changed_assignments(view: &View<'_>, plan: &Plan) -> Result<BTreeMap<UserId, Assigned>, DbErr> {
    let steps: Vec<_> = plan.effects.iter().filter_map(assigning).collect();
    let users: BTreeSet<UserId> = steps.iter().map(|(user, ..)| *user).collect();
    let users: Vec<UserId> = users.into_iter().collect();
    let mut changed: BTreeMap<UserId, Assigned> = BTreeMap::new();
    // A statement takes only so many parameters.
    for some in users.chunks(1000) {
        let mut each = assignments_of_each(view.txn, some).await?;
        changed.extend(some.iter().map(|user| {
            let before = each.remove(user).unwrap_or_default();
            (*user, Assigned { after: before.clone(), before })
        }));
    }
    for (user, role, new) in steps {
        let Some(assigned) = changed.get_mut(&user) else { continue };
        assigned.after.retain(|assignment| assignment.role != *role);
        assigned.after.extend(new);
    }
    Ok(changed)
}

/// Who is given or loses which role by this.
fn assigning(effect: &Effect) -> Option<(UserId, &RoleName, Option<Assignment>)> {
    match effect {
        Effect::Assign(row, role) => {
            let (valid_from, valid_until) = (row.valid_from, row.valid_until);
            Some((row.user_id, role, Some(Assignment { role: role.clone(), valid_from, valid_until })))
        }
        Effect::Deassign(user, _, role) => Some((*user, role, None)),
        _ => None,
    }
}

/// The separation sets that more may break after a plan than before it.
fn narrowed<'a>(after: &'a Graph, deltas: &[Delta]) -> Vec<(&'a SetName, &'a SeparationSet)> {
    let (mut stated, mut juniors) = (BTreeSet::new(), Vec::new());
    for delta in deltas {
        match delta {
            Delta::Separated { set, .. } => drop(stated.insert(set)),
            Delta::Inherited { junior, .. } => juniors.push(junior.as_str()),
            _ => {}
        }
    }
    let passed_on = after.authorized(juniors);
    let narrowed = |(name, set): &(&SetName, &SeparationSet)| {
        stated.contains(name) || set.kind == Kind::Static && !set.roles.is_disjoint(&passed_on)
    };
    after.sets().filter(narrowed).collect()
}
