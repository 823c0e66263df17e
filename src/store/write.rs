use std::{collections::BTreeSet, sync::Arc};

use rolecall_guard::{Claims, Permission, Refusal, Require};
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, sea_query::Query};

use super::{
    Refused, SessionId, Store, UserId,
    connect::begin_write,
    effect::Effect,
    entity::{assignments, ledger_head, roles, sessions, users},
    ledger::{self, Entry},
    plan::{Plan, Planned, View},
    users::ACTIVE,
};
use crate::policy::{Authority, ESCALATE, Graph, RoleName};

/// Who changes something.
#[derive(Clone, Debug)]
pub enum Actor {
    /// The machine itself: start-up and the command line.
    System,
    /// Someone whose request has passed its guard.
    Caller {
        /// What the caller's token says.
        claims: Arc<Claims>,
        /// What the guard required; it must hold in the database, too.
        permission: &'static str,
    },
}

impl<P: Permission> From<&Require<P>> for Actor {
    fn from(guard: &Require<P>) -> Self {
        Self::Caller { claims: Arc::clone(&guard.claims), permission: guard.permission() }
    }
}

/// The states a caller accepts (RFC 9110 §13.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// Whatever it is, so long as it exists.
    Any,
    /// One of these.
    OneOf(Vec<i64>),
}

impl IfMatch {
    fn accepts(&self, revision: i64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(revisions) => revisions.contains(&revision),
        }
    }
}

/// A change of policy: it plans, and [`Store::write`] decides and carries out.
pub trait Command: Send + Sync {
    /// What the caller gets to see of it.
    type Output: Send;

    /// What would have to change, seen from this moment; it changes nothing itself.
    fn plan(&self, view: &View<'_>) -> impl Future<Output = Result<Planned<Self::Output>, Refused>> + Send;
}

/// Who the actor is found to be, inside the transaction.
struct Known {
    name: String,
    id: Option<String>,
    authority: Authority,
}

impl Store {
    /// The one road for changes of policy: *plan*, then *commit*, in one transaction that holds the
    /// ledger's head from its first statement. When this returns, the change is durable, and this
    /// node refuses what it took away.
    pub async fn write<C: Command>(
        &self,
        actor: &Actor,
        if_match: Option<&IfMatch>,
        command: &C,
    ) -> Result<C::Output, Refused> {
        let _turn = self.queue.turn().await?;
        let txn = begin_write(&self.db).await?;
        let head = ledger::lock_head(&txn).await?;
        self.replica.catch_up(&txn).await?;
        let snapshot = self.snapshot();
        let now = self.clock.micros();
        let view = View { txn: &txn, graph: &snapshot.graph, revision: head.revision + 1, now };

        let known = self.know(actor, &view).await?;
        let Planned { plan, output, matches, needs } = command.plan(&view).await?;
        if let (Some(if_match), Some(revision)) = (if_match, matches)
            && !if_match.accepts(revision)
        {
            return Err(Refused::Stale);
        }
        known.authority.covers(&needs)?;
        let Some(plan) = plan else { return Ok(output) };
        known.authority.covers(&plan.needs)?;
        if plan.built_in {
            return Err(Refused::BuiltIn);
        }
        someone_can_administer(&view, &plan).await?;
        let entry = commit(txn, head, now, known, plan).await?;
        self.replica.apply(&[entry]);
        Ok(output)
    }

    /// Reads the actor again: enabled, session alive, token still true, rights as the database has them.
    async fn know(&self, actor: &Actor, view: &View<'_>) -> Result<Known, Refused> {
        let Actor::Caller { claims, permission } = actor else {
            return Ok(Known { name: "system".into(), id: None, authority: Authority::System });
        };
        let id = UserId(claims.sub);
        let gone = || Refused::Actor(Refusal::Stale);
        let user = users::Entity::find_by_id(id).one(view.txn).await?.filter(|user| user.status == ACTIVE);
        let user = user.ok_or_else(gone)?;
        if self.revocations().revoked(claims) || session_ended(view.txn, claims).await? {
            return Err(gone());
        }
        let roles = super::users::assigned_roles(view.txn, id).await?;
        let gives = view.graph.permissions(roles.iter().map(RoleName::as_str));
        let authority = Authority::of(&claims.permissions, gives);
        if !authority.holds(permission) {
            return Err(Refused::Actor(Refusal::Lacks(permission)));
        }
        Ok(Known { name: user.username, id: Some(id.0.to_string()), authority })
    }
}

async fn session_ended(txn: &DatabaseTransaction, claims: &Claims) -> Result<bool, Refused> {
    let Some(sid) = claims.sid else { return Ok(false) };
    Ok(sessions::Entity::find_by_id(SessionId(sid)).one(txn).await?.is_none())
}

async fn commit(
    txn: DatabaseTransaction,
    head: ledger_head::Model,
    now: i64,
    known: Known,
    plan: Plan,
) -> Result<Entry, Refused> {
    let revision = head.revision + 1;
    for effect in plan.effects {
        effect.apply(&txn, revision).await?;
    }
    let entry = Entry {
        revision,
        at: now,
        actor: known.name,
        actor_id: known.id,
        action: plan.action.into(),
        target: plan.target,
        before: plan.before,
        after: plan.after,
        deltas: plan.deltas,
        subjects: plan.subjects,
        hash: String::new(),
        previous_hash: head.hash,
    }
    .seal();
    ledger::append(&txn, &entry).await?;
    txn.commit().await?;
    Ok(entry)
}

/// Rule 2: refuses a plan after which no enabled person with a password could administer.
async fn someone_can_administer(view: &View<'_>, plan: &Plan) -> Result<(), Refused> {
    let after = view.graph.after(&plan.deltas);
    let administering = |graph: &Graph| graph.giving(ESCALATE).cloned().collect::<BTreeSet<_>>();
    let left = administering(&after);
    let takes_away: Vec<_> = plan.effects.iter().filter_map(Effect::takes_away).collect();
    if takes_away.is_empty() && administering(view.graph).is_subset(&left) {
        return Ok(());
    }
    let remaining = remaining_administrators(&left, &takes_away);
    if remaining.one(view.txn).await?.is_none() { Err(Refused::LastAdministrator) } else { Ok(()) }
}

fn remaining_administrators(
    roles_left: &BTreeSet<RoleName>,
    takes_away: &[(UserId, Option<super::RoleId>)],
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
    let mut remaining = assignments::Entity::find()
        .filter(assignments::Column::RoleId.in_subquery(administering))
        .filter(assignments::Column::UserId.in_subquery(able));
    for (user, role) in takes_away {
        let mut lost = Condition::all().add(assignments::Column::UserId.eq(*user));
        if let Some(role) = role {
            lost = lost.add(assignments::Column::RoleId.eq(*role));
        }
        remaining = remaining.filter(lost.not());
    }
    remaining
}
