use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Query,
};

use tokio::task::yield_now;

use super::{
    Actor, Command, IfMatch, Refused, Snapshot, Store, UserId,
    connect::{PARAMETERS, begin_read},
    effect::Effect,
    entity::{assignments, clients, logins, permissions, roles, separation_sets, sessions, users},
    ledger,
    plan::{Plan, View},
    rules::{self, Assigned, changed_assignments},
    users::{ACTIVE, assignments_of_each},
};
use crate::policy::{Assignment, Delta, Graph, PermissionName, RoleName, in_force};

/// Users are looked at up to so many; whoever asks learns that there are more.
const MOST: usize = 10_000;

/// So many of those whose rights change are listed.
const LISTED: usize = 50;

/// What a change of policy would do.
#[derive(Debug, Default)]
pub struct Forecast {
    /// The rules it would break; if there are any, it wouldn't happen.
    pub broken: Vec<Refused>,
    /// The first of those who gain or lose something, by id.
    pub changes: Vec<UserChange>,
    /// How many gain or lose something.
    pub users: usize,
    /// Whether there may be more.
    pub more_users: bool,
    /// How many sessions these have open, and how many others it ends or changes.
    pub sessions: u64,
}

/// What someone would gain and lose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserChange {
    /// Who.
    pub username: String,
    /// Permissions that the user doesn't have yet.
    pub gains: BTreeSet<PermissionName>,
    /// Permissions that the user has now.
    pub loses: BTreeSet<PermissionName>,
}

impl Store {
    /// What [`Store::write`] would do: the same plan and the same rules on a snapshot that is only read.
    ///
    /// With it comes what the write would answer.
    ///
    /// What makes the request itself wrong is refused as there: nothing to change, a state that is stale, a guard. Who
    /// breaks rule 1 learns no more than that.
    pub async fn forecast<C: Command>(
        &self,
        actor: &Actor,
        if_match: Option<&IfMatch>,
        command: &C,
    ) -> Result<(Forecast, C::Output), Refused> {
        let _turn = self.forecasts.try_acquire().map_err(|_| Refused::Busy)?;
        let (txn, snapshot) = self.moment().await?;
        let now = self.clock.micros();
        let view =
            View { txn: &txn, graph: &snapshot.graph, revision: snapshot.revision + 1, now, bounds: self.bounds };
        let known = self.know(actor, &view).await?;
        let planned = command.plan(&view).await?;
        let (plan, output) = planned.accepted(if_match, &known.authority)?;
        let Some(mut plan) = plan else { return Ok((Forecast::default(), output)) };
        let mut broken = rules::broken(&view, &known.authority, &mut plan).await?;
        if matches!(broken.first(), Some(Refused::Exceeded(_) | Refused::Actor(_))) {
            return Ok((Forecast { broken, ..Forecast::default() }, output));
        }
        if is_taken(&view, &plan).await? {
            broken.push(Refused::AlreadyExists);
            // What would be done would be done to another than the one of this name.
            return Ok((Forecast { broken, ..Forecast::default() }, output));
        }
        let mut forecast = changes(&view, &mut plan).await?;
        forecast.broken = broken;
        Ok((forecast, output))
    }
}

impl Store {
    /// A transaction that only reads, and the graph as of it: another change may come in between, and then it is another.
    pub(super) async fn moment(&self) -> Result<(DatabaseTransaction, Arc<Snapshot>), Refused> {
        for _ in 0..10 {
            let txn = begin_read(&self.db).await?;
            let revision = ledger::head(&txn).await?.revision;
            self.replica.catch_up(&txn).await?;
            let snapshot = self.snapshot();
            if snapshot.revision == revision {
                return Ok((txn, snapshot));
            }
        }
        Err(Refused::Busy)
    }
}

/// The names that only the database keeps unique: a write finds out when it inserts.
async fn is_taken(view: &View<'_>, plan: &Plan) -> Result<bool, DbErr> {
    for effect in &plan.effects {
        let taken = match effect {
            Effect::InsertUser(user) | Effect::UpdateUser(user) => {
                let names = logins::Column::Name.is_in(super::rows::login_names(user));
                any(view.txn, logins::Entity::find().filter(names).filter(logins::Column::UserId.ne(user.id))).await?
            }
            Effect::InsertRole(role) => {
                any(view.txn, roles::Entity::find().filter(roles::Column::Name.eq(&role.name))).await?
            }
            Effect::InsertPermission(row) => {
                any(view.txn, permissions::Entity::find().filter(permissions::Column::Name.eq(&row.name))).await?
            }
            Effect::InsertSet(set, _) => {
                any(view.txn, separation_sets::Entity::find().filter(separation_sets::Column::Name.eq(&set.name)))
                    .await?
            }
            Effect::InsertClient(client) => {
                any(view.txn, clients::Entity::find().filter(clients::Column::ClientId.eq(&client.client_id))).await?
            }
            _ => false,
        };
        if taken {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn any<E: EntityTrait>(txn: &DatabaseTransaction, rows: sea_orm::Select<E>) -> Result<bool, DbErr> {
    Ok(rows.one(txn).await?.is_some())
}

/// Compares what everyone concerned has before and after.
async fn changes(view: &View<'_>, plan: &mut Plan) -> Result<Forecast, Refused> {
    let after = match plan.graph.take() {
        Some(graph) => graph,
        None => view.after(&plan.deltas).await?,
    };
    let plan = &*plan;
    let assigned = changed_assignments(view, plan).await?;
    let roles = changed_roles(view.graph, &after, &plan.deltas);
    let states = states(plan);
    let mut concerned: BTreeSet<UserId> = assigned.keys().copied().collect();
    concerned.extend(plan.effects.iter().filter_map(may_change_rights_of));
    concerned.extend(holders(view, &roles).await?);
    let more_users = concerned.len() > MOST;
    let mut forecast = Forecast { more_users, ..Forecast::default() };
    let mut changed: BTreeSet<UserId> = plan.effects.iter().filter_map(closes).collect();
    let concerned: Vec<UserId> = concerned.into_iter().take(MOST).collect();
    for some in concerned.chunks(PARAMETERS) {
        let people = People::load(view, some).await?;
        for user in some {
            // Many users with many roles each take a while.
            yield_now().await;
            let Some(change) = change_of(view, &after, &states, &people, *user, assigned.get(user)) else { continue };
            changed.insert(*user);
            forecast.users += 1;
            if forecast.changes.len() < LISTED {
                forecast.changes.push(change);
            }
        }
    }
    let single = |effect: &&Effect| matches!(effect, Effect::EndSession(_) | Effect::SetActive(..));
    let others = plan.effects.iter().filter(single).count() as u64;
    let changed: Vec<UserId> = changed.into_iter().collect();
    forecast.sessions = open_sessions(view, &changed).await? + others;
    Ok(forecast)
}

/// Whose rights this effect may change, other than by what is assigned.
fn may_change_rights_of(effect: &Effect) -> Option<UserId> {
    match effect {
        Effect::DeleteUser(user) => Some(*user),
        Effect::UpdateUser(user) => Some(user.id),
        _ => None,
    }
}

/// Whose sessions this effect ends, whatever the user may do afterwards.
fn closes(effect: &Effect) -> Option<UserId> {
    match effect {
        Effect::EndSessions(user) | Effect::DeleteUser(user) => Some(*user),
        _ => None,
    }
}

/// The roles that give something else than before: of those that a step names, and of the roles above them.
fn changed_roles(before: &Graph, after: &Graph, deltas: &[Delta]) -> BTreeSet<RoleName> {
    let (mut named, mut permissions) = (BTreeSet::new(), BTreeSet::new());
    for delta in deltas {
        match delta {
            Delta::RoleCreated { role, .. }
            | Delta::RoleDeleted { role }
            | Delta::Granted { role, .. }
            | Delta::Revoked { role, .. } => drop(named.insert(role.as_str())),
            Delta::Inherited { senior, .. } | Delta::Disinherited { senior, .. } => drop(named.insert(senior.as_str())),
            Delta::PermissionDeleted { permission } => drop(permissions.insert(permission.clone())),
            Delta::Separated { .. } | Delta::Unseparated { .. } => {}
        }
    }
    // Nobody gains or loses by a step what no role has that it names.
    permissions.extend(before.permissions(named.iter().copied()));
    permissions.extend(after.permissions(named));
    before.changed(after, &permissions)
}

/// Those who have one of these roles assigned, by id: one more than are looked at, if there are as many.
async fn holders(view: &View<'_>, roles: &BTreeSet<RoleName>) -> Result<Vec<UserId>, DbErr> {
    let mut holders = BTreeSet::new();
    let names: Vec<&str> = roles.iter().map(RoleName::as_str).collect();
    for some in names.chunks(PARAMETERS) {
        let roles = Query::select()
            .column(roles::Column::Id)
            .from(roles::Entity)
            .and_where(roles::Column::Name.is_in(some.iter().copied()))
            .take();
        let some: Vec<UserId> = assignments::Entity::find()
            .select_only()
            .column(assignments::Column::UserId)
            .distinct()
            .filter(assignments::Column::RoleId.in_subquery(roles))
            .order_by_asc(assignments::Column::UserId)
            .limit(MOST as u64 + 1)
            .into_tuple()
            .all(view.txn)
            .await?;
        holders.extend(some);
    }
    Ok(holders.into_iter().take(MOST + 1).collect())
}

/// Users, and what is assigned to each.
struct People {
    rows: HashMap<UserId, users::Model>,
    assignments: HashMap<UserId, Vec<Assignment>>,
}

impl People {
    async fn load(view: &View<'_>, some: &[UserId]) -> Result<Self, DbErr> {
        let rows = users::Entity::find().filter(users::Column::Id.is_in(some.iter().copied())).all(view.txn).await?;
        let rows = rows.into_iter().map(|row| (row.id, row)).collect();
        Ok(Self { rows, assignments: assignments_of_each(view.txn, some).await? })
    }
}

fn change_of(
    view: &View<'_>,
    after: &Graph,
    states: &HashMap<UserId, (Option<String>, bool)>,
    people: &People,
    user: UserId,
    assigned: Option<&Assigned>,
) -> Option<UserChange> {
    let row = people.rows.get(&user);
    let same = people.assignments.get(&user).map(Vec::as_slice).unwrap_or_default();
    let (old, new) = assigned.map_or((same, same), |assigned| (&assigned.before, &assigned.after));
    let was_active = row.is_some_and(|user| user.status == ACTIVE);
    let (new_name, is_active) = states.get(&user).cloned().unwrap_or((None, was_active));
    let username = new_name.or_else(|| row.map(|row| row.username.clone())).unwrap_or_default();
    let had = given(view, view.graph, old, was_active);
    let has = given(view, after, new, is_active);
    let (gains, loses): (BTreeSet<_>, BTreeSet<_>) = (&has - &had, &had - &has);
    (!gains.is_empty() || !loses.is_empty()).then_some(UserChange { username, gains, loses })
}

/// Of those whom a plan makes, changes or deletes: the name of who is new, and whether the user may sign in afterwards.
fn states(plan: &Plan) -> HashMap<UserId, (Option<String>, bool)> {
    let mut states: HashMap<UserId, (Option<String>, bool)> = HashMap::new();
    for effect in &plan.effects {
        match effect {
            Effect::InsertUser(new) => {
                states.insert(new.id, (Some(new.username.clone()), new.status == ACTIVE));
            }
            Effect::UpdateUser(new) => states.entry(new.id).or_default().1 = new.status == ACTIVE,
            Effect::DeleteUser(gone) => states.entry(*gone).or_default().1 = false,
            _ => {}
        }
    }
    states
}

fn given(view: &View<'_>, graph: &Graph, assignments: &[Assignment], active: bool) -> BTreeSet<PermissionName> {
    let roles = if active { in_force(assignments, view.now) } else { Vec::new() };
    graph.permissions(roles.iter().map(RoleName::as_str))
}

async fn open_sessions(view: &View<'_>, users: &[UserId]) -> Result<u64, DbErr> {
    let mut open = 0;
    for some in users.chunks(PARAMETERS) {
        let theirs = Condition::all()
            .add(sessions::Column::UserId.is_in(some.iter().copied()))
            .add(sessions::Column::ExpiresAt.gt(view.now));
        open += sessions::Entity::find().filter(theirs).count(view.txn).await?;
    }
    Ok(open)
}
