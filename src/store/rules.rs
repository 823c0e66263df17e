//! The rules that hold whatever the caller does, checked in the transaction that relies on them.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use rolecall_guard::Refusal;
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, ExprTrait, QueryFilter, sea_query::Query};

use super::{
    Refused, RoleId, UserId,
    effect::Effect,
    entity::{assignments, roles, users},
    plan::{Plan, View},
    separation_sets::{broken_by_session, broken_by_user},
    users::{ACTIVE, assignments_of},
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
    let after = view.graph.after(&plan.deltas);
    if !someone_can_administer(view, &after, plan).await? {
        broken.push(Refused::LastAdministrator);
    }
    broken.extend(separated(view, &after, plan).await?.into_iter().map(Refused::Separation));
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
    let takes_away: Vec<_> = plan.effects.iter().filter_map(Effect::takes_away).collect();
    if takes_away.is_empty() && administering(view.graph).is_subset(&left) {
        return Ok(true);
    }
    Ok(remaining_administrators(&left, &takes_away, view.now).one(view.txn).await?.is_some())
}

/// Who can administer now and without end.
fn remaining_administrators(
    roles_left: &BTreeSet<RoleName>,
    takes_away: &[(UserId, Option<RoleId>)],
    now: i64,
) -> sea_orm::Select<assignments::Entity> {
    let administering = Query::select()
        .column(roles::Column::Id)
        .from(roles::Entity)
        .cond_where(roles::Column::Name.is_in(roles_left.iter().map(RoleName::as_str)))
        .to_owned();
    let able = Query::select()
        .column(users::Column::Id)
        .from(users::Entity)
        .cond_where(users::Column::Status.eq(ACTIVE).and(users::Column::PasswordHash.is_not_null()))
        .to_owned();
    let begun = assignments::Column::ValidFrom.is_null().or(assignments::Column::ValidFrom.lte(now));
    let mut remaining = assignments::Entity::find()
        .filter(assignments::Column::RoleId.in_subquery(administering))
        .filter(assignments::Column::UserId.in_subquery(able))
        .filter(begun.and(assignments::Column::ValidUntil.is_null()));
    for (user, role) in takes_away {
        let mut lost = Condition::all().add(assignments::Column::UserId.eq(*user));
        if let Some(role) = role {
            lost = lost.add(assignments::Column::RoleId.eq(*role));
        }
        remaining = remaining.filter(lost.not());
    }
    remaining
}

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
    let mut changed: BTreeMap<UserId, Assigned> = BTreeMap::new();
    for effect in &plan.effects {
        let (user, role, new) = match effect {
            Effect::Assign(row, role) => {
                let (valid_from, valid_until) = (row.valid_from, row.valid_until);
                (row.user_id, role, Some(Assignment { role: role.clone(), valid_from, valid_until }))
            }
            Effect::Deassign(user, _, role) => (*user, role, None),
            _ => continue,
        };
        let assigned = match changed.entry(user) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let before = assignments_of(view.txn, user).await?;
                unknown.insert(Assigned { after: before.clone(), before })
            }
        };
        assigned.after.retain(|assignment| assignment.role != *role);
        assigned.after.extend(new);
    }
    Ok(changed)
}

/// The separation sets that more may break after a plan than before it.
fn narrowed<'a>(after: &'a Graph, deltas: &'a [Delta]) -> impl Iterator<Item = (&'a SetName, &'a SeparationSet)> {
    after.sets().filter(|(name, set)| {
        deltas.iter().any(|delta| match delta {
            Delta::Separated { set, .. } => set == *name,
            Delta::Inherited { junior, .. } => {
                set.kind == Kind::Static && set.roles.iter().any(|role| after.is_above(junior, role))
            }
            _ => false,
        })
    })
}
