//! The rules that hold whatever the caller does, checked in the transaction that relies on them.

use std::collections::{BTreeMap, BTreeSet};

use rolecall_guard::{Refusal, Subject};
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter};

use super::{
    Page, Refused, UserId,
    connect::PARAMETERS,
    effect::Effect,
    entity::users,
    holders::{at_once, first_of_each},
    losing::losing,
    plan::{Plan, View},
    too_many::{broken_by_session, roles_of_who_has_too_many},
    users::{ACTIVE, assignments_of_each},
};
use crate::policy::{
    Assignment, Authority, Delta, ESCALATE, Exceeded, Graph, Kind, PermissionName, RoleName, SeparationSet, SetName,
    in_force, now_or_later,
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
    let after = match plan.graph.take() {
        Some(graph) => graph,
        None => view.after(&plan.deltas).await?,
    };
    let changed = changed_assignments(view, plan).await?;
    let mut too_wide = false;
    let (held, kept_apart) = kept_apart(view, &after, plan, &changed, &mut too_wide).await?;
    if let Err(exceeded) = authority.covers(&held) {
        return Ok(vec![exceeded.into()]);
    }
    let losing = losing(view, &after, &plan.deltas).await?;
    plan.subjects.extend(losing.union(&kept_apart).map(|role| Subject::Role(role.to_string())));
    let mut broken: Vec<Refused> = plan.impossible.take().into_iter().collect();
    if !someone_can_administer(view, &after, plan, &changed).await? {
        broken.push(Refused::LastAdministrator);
    }
    let separated = separated(view, &after, plan, &changed, &mut too_wide).await?;
    broken.extend(separated.into_iter().map(Refused::Separation));
    broken.extend(too_wide.then_some(Refused::SetTooWide));
    plan.graph = Some(after);
    Ok(broken)
}

/// Rule 1.
fn grants_what_it_holds(authority: &Authority, plan: &Plan) -> Result<(), Exceeded> {
    authority.covers(&plan.needs)?;
    plan.gives.iter().try_for_each(|(permissions, term)| authority.may_give(permissions, *term))
}

/// Rule 1, for dynamic sets: who could have had too many of its roles active can't any more, and may not get in as before.
/// So a set touches them, and its maker must hold what they do. Their tokens stop, since a sign-in meanwhile may have
/// activated too many. What they hold, and the roles whose tokens stop.
async fn kept_apart(
    view: &View<'_>,
    after: &Graph,
    plan: &Plan,
    changed: &Changed,
    too_wide: &mut bool,
) -> Result<(BTreeSet<PermissionName>, BTreeSet<RoleName>), Refused> {
    let (mut held, mut stopped) = (BTreeSet::new(), BTreeSet::new());
    for (_, set) in narrowed(after, &plan.deltas).into_iter().filter(|(_, set)| set.kind == Kind::Dynamic) {
        let Some(roles) = roles_of_who_has_too_many(view, after, set, changed).await? else {
            // Whom it touches isn't known, so it may be anybody.
            *too_wide = true;
            held.extend(ESCALATE.parse::<PermissionName>());
            continue;
        };
        if !roles.is_empty() {
            held.extend(view.graph.permissions(roles.iter().map(RoleName::as_str)));
            stopped.extend(set.roles.iter().cloned());
        }
    }
    Ok((held, stopped))
}

/// Rule 2: whether some enabled person with a password can administer after this, now and without end.
async fn someone_can_administer(view: &View<'_>, after: &Graph, plan: &Plan, changed: &Changed) -> Result<bool, DbErr> {
    let administering = |graph: &Graph| graph.giving(ESCALATE).cloned().collect::<BTreeSet<_>>();
    let left = administering(after);
    let takes_away = plan.effects.iter().any(|effect| effect.takes_away(view.now));
    if !takes_away && administering(view.graph).is_subset(&left) {
        return Ok(true);
    }
    let shut_out: BTreeSet<UserId> = plan.effects.iter().filter_map(Effect::shuts_out).collect();
    let lasting = |it: &Assignment| left.contains(&it.role) && it.is_in_force(view.now) && it.valid_until.is_none();
    let administers = |assigned: &Assigned| assigned.after.iter().any(lasting);
    let candidates = changed.iter().filter(|(user, assigned)| !shut_out.contains(user) && administers(assigned));
    let candidates: Vec<UserId> = candidates.map(|(user, _)| *user).collect();
    for some in candidates.chunks(PARAMETERS) {
        let able = able().add(users::Column::Id.is_in(some.iter().copied()));
        if users::Entity::find().filter(able).one(view.txn).await?.is_some() {
            return Ok(true);
        }
    }
    let aside = |user: &UserId| shut_out.contains(user) || changed.contains_key(user);
    // Of each role so many users at most are aside, so one more is somebody else.
    let page = Page { after: None, limit: (shut_out.len() + changed.len()) as u64 + 1 };
    for some in at_once(&left) {
        let held = first_of_each(view.txn, &some, WHO_STAYS_ABLE, page, view.now).await?;
        if held.iter().any(|held| !aside(&held.user_id)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn able() -> Condition {
    Condition::all().add(users::Column::Status.eq(ACTIVE)).add(users::Column::PasswordHash.is_not_null())
}

/// Without end, enabled, and with a password.
const WHO_STAYS_ABLE: &str = "AND valid_until IS NULL AND EXISTS (SELECT 1 FROM users WHERE users.id = user_id
    AND users.status = 'active' AND users.password_hash IS NOT NULL)";

/// Rule 3, over what is assigned now or later: of two assignments it is not asked whether they overlap. The sets that
/// would be broken.
async fn separated(
    view: &View<'_>,
    after: &Graph,
    plan: &mut Plan,
    changed: &Changed,
    too_wide: &mut bool,
) -> Result<BTreeSet<SetName>, Refused> {
    let mut broken = BTreeSet::new();
    for (user, assignments) in changed {
        let all = now_or_later(&assignments.after, view.now);
        broken.extend(after.breaks_static(all.iter().map(RoleName::as_str)).cloned());
        // Such a session would follow what is assigned; it keeps what it has instead.
        if after.breaks_dynamic(&all).is_some() {
            let active = in_force(&assignments.before, view.now);
            plan.effects.push(Effect::PinSessions(*user, active));
        }
    }
    for (name, set) in narrowed(after, &plan.deltas) {
        let is_broken = match set.kind {
            Kind::Static => {
                let roles = roles_of_who_has_too_many(view, after, set, changed).await?;
                *too_wide |= roles.is_none();
                roles.is_some_and(|roles| !roles.is_empty())
            }
            Kind::Dynamic => broken_by_session(view, after, set, changed).await?,
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

/// Those whose assignments a plan changes.
pub(super) type Changed = BTreeMap<UserId, Assigned>;

/// What users have whose assignments a plan changes.
pub(super) async fn changed_assignments(view: &View<'_>, plan: &Plan) -> Result<Changed, DbErr> {
    let steps: Vec<_> = plan.effects.iter().filter_map(assigning).collect();
    let users: BTreeSet<UserId> = steps.iter().map(|(user, ..)| *user).collect();
    let users: Vec<UserId> = users.into_iter().collect();
    let mut changed = Changed::new();
    for some in users.chunks(PARAMETERS) {
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
