use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rolecall_guard::{Clock, Revocations};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter};

use super::{
    connect::begin_read,
    entity::{
        ended_sessions, grants, inheritances, permissions, roles as role_rows, separation_set_roles, separation_sets,
    },
    ledger::{self, News},
    separation_sets::separated,
};
use crate::policy::{Delta, Graph, PermissionName, RoleName};

/// The role graph as of one revision.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The last revision applied.
    pub revision: i64,
    /// The graph at that revision.
    pub graph: Graph,
}

/// This node's copy of what every guarded request needs: it follows the ledger, a row at a time.
#[derive(Debug, Default)]
pub(super) struct Replica {
    snapshot: ArcSwap<Snapshot>,
    revocations: Arc<Revocations>,
    applying: Mutex<()>,
}

impl Replica {
    /// A full load: one moment of the database, and what was revoked within the window before it.
    pub(super) async fn load(db: &DatabaseConnection, clock: &Clock, window: i64) -> Result<Self, DbErr> {
        let revocations = Arc::new(Revocations::new(window));
        let txn = begin_read(db).await?;
        let revision = ledger::head(&txn).await?.revision;
        let graph = load_graph(&txn).await?;
        let since = (clock.seconds() - window) * 1_000_000;
        let mut recent = ledger::subjects_since(&txn, since).await?;
        // Here: a database that is to do it may rather read the whole ledger in this order.
        recent.sort_by_key(|(revision, ..)| *revision);
        for (revision, at, subjects) in recent {
            revocations.mark(&subjects, revision, seconds(at));
        }
        let replica = Self {
            snapshot: ArcSwap::from_pointee(Snapshot { revision, graph }),
            revocations,
            applying: Mutex::new(()),
        };
        replica.read_ended_sessions(&txn, since).await?;
        txn.commit().await?;
        Ok(replica)
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    pub(super) fn revocations(&self) -> Arc<Revocations> {
        Arc::clone(&self.revocations)
    }

    /// Reads and applies the rows this node hasn't seen.
    pub(super) async fn catch_up(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        loop {
            let revision = self.snapshot().revision;
            let news = ledger::news(db, revision, 100).await?;
            let Some(first) = news.first() else { return Ok(()) };
            if first.revision != revision + 1 && self.snapshot().revision == revision {
                return Err(DbErr::Custom(format!("the ledger has no row {}", revision + 1)));
            }
            self.apply(&news);
        }
    }

    /// Applies rows in revision order, each exactly once; revocations before the graph, so that no
    /// token of the new revision is judged by the old marks.
    pub(super) fn apply(&self, news: &[News]) {
        let _applying = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in news {
            let current = self.snapshot.load();
            if entry.revision != current.revision + 1 {
                continue;
            }
            self.revocations.mark(&entry.subjects, entry.revision, seconds(entry.at));
            let next = Snapshot { revision: entry.revision, graph: current.graph.after(&entry.deltas) };
            self.snapshot.store(Arc::new(next));
        }
    }

    /// Reads the sessions that ended since then (microseconds since 1970).
    pub(super) async fn read_ended_sessions(&self, db: &impl ConnectionTrait, since: i64) -> Result<(), DbErr> {
        let ended = ended_sessions::Entity::find().filter(ended_sessions::Column::EndedAt.gte(since));
        let ended = ended.all(db).await?;
        self.revocations.end(ended.into_iter().map(|row| (row.id.0, seconds(row.ended_at))));
        Ok(())
    }
}

async fn load_graph(db: &impl ConnectionTrait) -> Result<Graph, DbErr> {
    let mut names: HashMap<_, PermissionName> = HashMap::new();
    for permission in permissions::Entity::find().all(db).await? {
        names.insert(permission.id, stored(&permission.name)?);
    }
    let mut roles: HashMap<_, RoleName> = HashMap::new();
    let mut deltas = Vec::new();
    for role in role_rows::Entity::find().all(db).await? {
        let name: RoleName = stored(&role.name)?;
        deltas.push(Delta::RoleCreated { role: name.clone(), built_in: role.built_in });
        roles.insert(role.id, name);
    }
    for grant in grants::Entity::find().all(db).await? {
        if let (Some(role), Some(permission)) = (roles.get(&grant.role_id), names.get(&grant.permission_id)) {
            deltas.push(Delta::Granted { role: role.clone(), permission: permission.clone() });
        }
    }
    for edge in inheritances::Entity::find().all(db).await? {
        if let (Some(senior), Some(junior)) = (roles.get(&edge.senior_id), roles.get(&edge.junior_id)) {
            deltas.push(Delta::Inherited { senior: senior.clone(), junior: junior.clone() });
        }
    }
    let mut members: HashMap<_, BTreeSet<RoleName>> = HashMap::new();
    for member in separation_set_roles::Entity::find().all(db).await? {
        members.entry(member.set_id).or_default().extend(roles.get(&member.role_id).cloned());
    }
    for set in separation_sets::Entity::find().all(db).await? {
        deltas.push(separated(&set, members.remove(&set.id).unwrap_or_default())?);
    }
    Ok(Graph::of(&deltas))
}

/// Reads a name back that was valid when it was stored.
pub(super) fn stored<T: std::str::FromStr>(text: &str) -> Result<T, DbErr> {
    text.parse().map_err(|_| DbErr::Custom(format!("the stored name {text:?} is not valid")))
}

pub(super) fn seconds(micros: i64) -> i64 {
    micros.div_euclid(1_000_000)
}
