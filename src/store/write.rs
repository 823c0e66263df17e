use std::sync::Arc;

use rolecall_guard::{Claims, OwnerOr, Permission, Refusal, Require};
use sea_orm::{DatabaseTransaction, EntityTrait};

use super::{
    Refused, SessionId, Store, UserId,
    connect::begin_write,
    entity::{ended_sessions, ledger_head, sessions, users},
    ledger::{self, Entry},
    plan::{Plan, Planned, View},
    rules,
    sessions::forget_deleted,
    users::ACTIVE,
};
use crate::policy::Authority;

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
    /// Someone at something of its own, for which no permission is needed.
    Owner {
        /// What the owner's token says.
        claims: Arc<Claims>,
    },
}

impl<P: Permission> From<&Require<P>> for Actor {
    fn from(guard: &Require<P>) -> Self {
        Self::Caller { claims: Arc::clone(&guard.claims), permission: guard.permission() }
    }
}

impl Actor {
    /// Whoever owns something needs no permission for it; anyone else has passed the guard for `P`.
    #[must_use]
    pub fn at<P: Permission>(guard: &OwnerOr<P>, owner: UserId) -> Self {
        let claims = Arc::clone(&guard.claims);
        if guard.is(owner.0) { Self::Owner { claims } } else { Self::Caller { claims, permission: guard.permission() } }
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
    pub(super) fn accepts(&self, revision: i64) -> bool {
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
pub(super) struct Known {
    name: String,
    id: Option<String>,
    pub(super) authority: Authority,
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
        let view = View { txn: &txn, graph: &snapshot.graph, revision: head.revision + 1, now, bounds: self.bounds };

        let known = self.know(actor, &view).await?;
        let (plan, output) = command.plan(&view).await?.accepted(if_match, &known.authority)?;
        let Some(mut plan) = plan else { return Ok(output) };
        if let Some(first) = Box::pin(rules::broken(&view, &known.authority, &mut plan)).await?.into_iter().next() {
            return Err(first);
        }
        let entry = commit(txn, head, now, known, plan).await?;
        self.replica.apply(&[entry.into()]);
        Ok(output)
    }

    /// Reads the actor again: enabled, session alive, token still true, rights as the database has them.
    pub(super) async fn know(&self, actor: &Actor, view: &View<'_>) -> Result<Known, Refused> {
        let (claims, permission) = match actor {
            Actor::System => return Ok(Known { name: "system".into(), id: None, authority: Authority::System }),
            Actor::Caller { claims, permission } => (claims, Some(*permission)),
            Actor::Owner { claims } => (claims, None),
        };
        let id = UserId(claims.sub);
        let gone = || Refused::Actor(Refusal::Stale);
        let user = users::Entity::find_by_id(id).one(view.txn).await?.filter(|user| user.status == ACTIVE);
        let user = user.ok_or_else(gone)?;
        if self.revocations().revoked(claims) || session_ended(view.txn, claims).await? {
            return Err(gone());
        }
        let assignments = super::users::assignments_of(view.txn, id).await?;
        let authority = Authority::of(&claims.permissions, view.graph.held(&assignments, view.now));
        if let Some(permission) = permission.filter(|permission| !authority.holds(permission)) {
            return Err(Refused::Actor(Refusal::Lacks(permission.into())));
        }
        Ok(Known { name: user.username, id: Some(id.0.to_string()), authority })
    }
}

async fn session_ended(txn: &DatabaseTransaction, claims: &Claims) -> Result<bool, Refused> {
    Ok(match claims.sid {
        Some(sid) => sessions::Entity::find_by_id(SessionId(sid)).one(txn).await?.is_none(),
        None => ended_sessions::Entity::find_by_id(SessionId(claims.jti)).one(txn).await?.is_some(),
    })
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
    // After the roles are gone: a sign-in that names one holds on to it, and is then waited for and found.
    forget_deleted(&txn, &plan.deltas).await?;
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
