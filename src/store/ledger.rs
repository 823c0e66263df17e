//! The append-only, hash-chained table with one row per policy change.

use aws_lc_rs::digest;
use rolecall_guard::Subject;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr,
    EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Select,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    Page, Refused, Store,
    connect::begin_read,
    entity::{ledger, ledger_head},
};
use crate::policy::Delta;

/// One policy change.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its number: without gaps, in commit order.
    pub revision: i64,
    /// When, in microseconds since 1970.
    pub at: i64,
    /// Who: a username, or `system` for the machine itself.
    pub actor: String,
    /// The actor's id; the machine has none.
    pub actor_id: Option<String>,
    /// What was done.
    pub action: String,
    /// To what, as a path below `/v1/`.
    pub target: String,
    /// What it was; never a secret or something personal.
    pub before: Option<Value>,
    /// What it became; likewise.
    pub after: Option<Value>,
    /// What it did to the role graph.
    pub deltas: Vec<Delta>,
    /// Whom it took something from.
    pub subjects: Vec<Subject>,
    /// SHA-256 over this row and the hash before it, in hex.
    pub hash: String,
    /// The hash of the row before; empty in the first.
    pub previous_hash: String,
}

impl Entry {
    /// Chains the entry to the row before it.
    pub(super) fn seal(mut self) -> Self {
        self.hash = self.computed_hash();
        self
    }

    fn computed_hash(&self) -> String {
        let row = json!([
            self.revision,
            self.at,
            self.actor,
            self.actor_id,
            self.action,
            self.target,
            self.before,
            self.after,
            self.deltas,
            self.subjects,
            self.previous_hash
        ]);
        let hash = digest::digest(&digest::SHA256, row.to_string().as_bytes());
        hex::encode(hash)
    }
}

fn text(value: &impl serde::Serialize) -> Result<String, DbErr> {
    serde_json::to_string(value).map_err(|error| DbErr::Custom(error.to_string()))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, DbErr> {
    serde_json::from_str(text).map_err(|error| DbErr::Custom(format!("a ledger row can't be read: {error}")))
}

impl TryFrom<ledger::Model> for Entry {
    type Error = DbErr;

    fn try_from(row: ledger::Model) -> Result<Self, DbErr> {
        Ok(Self {
            revision: row.revision,
            at: row.at,
            actor: row.actor,
            actor_id: row.actor_id,
            action: row.action,
            target: row.target,
            before: row.before_state.as_deref().map(parse).transpose()?,
            after: row.after_state.as_deref().map(parse).transpose()?,
            deltas: parse(&row.deltas)?,
            subjects: parse(&row.subjects)?,
            hash: row.hash,
            previous_hash: row.previous_hash,
        })
    }
}

/// The newest revision.
pub(super) async fn head(db: &impl ConnectionTrait) -> Result<ledger_head::Model, DbErr> {
    ledger_head::Entity::find_by_id(1).one(db).await?.ok_or_else(no_head)
}

/// The newest revision, which nobody else moves until this transaction ends.
pub(super) async fn lock_head(txn: &impl ConnectionTrait) -> Result<ledger_head::Model, DbErr> {
    ledger_head::Entity::find_by_id(1).lock_exclusive().one(txn).await?.ok_or_else(no_head)
}

fn no_head() -> DbErr {
    DbErr::Custom("the ledger has no head; was the database migrated?".into())
}

/// Writes a row and moves the head to it.
pub(super) async fn append(txn: &impl ConnectionTrait, entry: &Entry) -> Result<(), DbErr> {
    let row = ledger::Model {
        revision: entry.revision,
        at: entry.at,
        actor: entry.actor.clone(),
        actor_id: entry.actor_id.clone(),
        action: entry.action.clone(),
        target: entry.target.clone(),
        before_state: entry.before.as_ref().map(text).transpose()?,
        after_state: entry.after.as_ref().map(text).transpose()?,
        deltas: text(&entry.deltas)?,
        subjects: text(&entry.subjects)?,
        hash: entry.hash.clone(),
        previous_hash: entry.previous_hash.clone(),
    };
    row.into_active_model().insert(txn).await?;
    let head = ledger_head::ActiveModel { id: Set(1), revision: Set(entry.revision), hash: Set(entry.hash.clone()) };
    head.update(txn).await?;
    wake_nodes(txn).await
}

/// What nodes listen to on PostgreSQL.
pub(super) const CHANNEL: &str = "rolecall";

/// Tells the other nodes to look, as soon as this transaction commits. Where the database can't tell, they look often
/// enough by themselves.
pub(super) async fn wake_nodes(txn: &impl ConnectionTrait) -> Result<(), DbErr> {
    if txn.get_database_backend() == DbBackend::Postgres {
        txn.execute_unprepared(&format!("NOTIFY {CHANNEL}")).await?;
    }
    Ok(())
}

/// What a node that reads along needs of a row: not what it says to people, which may be long.
#[derive(Debug)]
pub(super) struct News {
    pub(super) revision: i64,
    pub(super) at: i64,
    pub(super) deltas: Vec<Delta>,
    pub(super) subjects: Vec<Subject>,
}

impl From<Entry> for News {
    fn from(Entry { revision, at, deltas, subjects, .. }: Entry) -> Self {
        Self { revision, at, deltas, subjects }
    }
}

/// Up to `limit` rows after `revision`, in order.
pub(super) async fn news(db: &impl ConnectionTrait, revision: i64, limit: u64) -> Result<Vec<News>, DbErr> {
    let rows = ledger::Entity::find()
        .select_only()
        .columns([ledger::Column::Revision, ledger::Column::At, ledger::Column::Deltas, ledger::Column::Subjects])
        .filter(ledger::Column::Revision.gt(revision))
        .order_by_asc(ledger::Column::Revision)
        .limit(limit)
        .into_tuple::<(i64, i64, String, String)>()
        .all(db)
        .await?;
    let read = |(revision, at, deltas, subjects): (_, _, String, String)| {
        Ok(News { revision, at, deltas: parse(&deltas)?, subjects: parse(&subjects)? })
    };
    rows.into_iter().map(read).collect()
}

/// Whom the rows since `at` (microseconds since 1970) concern, and when: revision, time, subjects.
pub(super) async fn subjects_since(db: &impl ConnectionTrait, at: i64) -> Result<Vec<(i64, i64, Vec<Subject>)>, DbErr> {
    let rows = ledger::Entity::find()
        .select_only()
        .columns([ledger::Column::Revision, ledger::Column::At, ledger::Column::Subjects])
        .filter(ledger::Column::At.gte(at))
        .into_tuple::<(i64, i64, String)>()
        .all(db)
        .await?;
    rows.into_iter().map(|(revision, at, subjects)| Ok((revision, at, parse(&subjects)?))).collect()
}

/// Which rows of the ledger to show.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only what this one did (a username at that time, or an id).
    pub actor: Option<String>,
    /// Only this action.
    pub action: Option<String>,
    /// Only what was done to this.
    pub target: Option<String>,
}

/// What [`verify`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every row is as it was written, up to this revision.
    Sound(i64),
    /// The first row that isn't as it was written, and how that shows.
    Broken {
        /// Its revision.
        revision: i64,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Store {
    /// Rows of the ledger by revision (the audit log), and whether there are more: fewer than the page may have, where they
    /// are long.
    pub async fn ledger(&self, filter: &Filter, page: Page<i64>) -> Result<(Vec<Entry>, bool), Refused> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        let at_once = Ord::min(AT_ONCE, page.limit);
        loop {
            let after = entries.last().map(|entry: &Entry| entry.revision).or(page.after);
            let rows = filtered(filter, Page { after, limit: at_once }).all(&self.db).await?;
            let last = (rows.len() as u64) < at_once;
            for row in rows {
                if bytes >= PAGE_BYTES || entries.len() as u64 + 1 == page.limit {
                    return Ok((entries, true));
                }
                bytes +=
                    row.before_state.as_ref().map_or(0, String::len) + row.after_state.as_ref().map_or(0, String::len);
                entries.push(row.try_into()?);
            }
            if last {
                return Ok((entries, false));
            }
        }
    }
}

/// Rows are read so many at a time: one may be megabytes long, if it tells what a policy file changed.
const AT_ONCE: u64 = 16;
/// A page ends with the row that brings it to this.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

fn filtered(filter: &Filter, page: Page<i64>) -> Select<ledger::Entity> {
    let mut rows = page.of(ledger::Entity::find(), ledger::Column::Revision);
    if let Some(actor) = &filter.actor {
        rows = rows.filter(ledger::Column::Actor.eq(actor).or(ledger::Column::ActorId.eq(actor)));
    }
    if let Some(action) = &filter.action {
        rows = rows.filter(ledger::Column::Action.eq(action));
    }
    if let Some(target) = &filter.target {
        rows = rows.filter(ledger::Column::Target.eq(target));
    }
    rows
}

/// Checks every row against its hash and the row before it, and the last against the head: as of one moment, so that
/// nobody has to stop writing.
pub async fn verify(db: &DatabaseConnection) -> Result<Verdict, DbErr> {
    let txn = begin_read(db).await?;
    let (mut revision, mut hash) = (0, String::new());
    loop {
        let rows = filtered(&Filter::default(), Page { after: Some(revision), limit: AT_ONCE }).all(&txn).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let read = Entry::try_from(row);
            let why = read.as_ref().map_or(Some("it can't be read"), |entry| flaw(entry, revision, &hash));
            match (read, why) {
                (Ok(entry), None) => (revision, hash) = (entry.revision, entry.hash),
                (_, why) => return Ok(Verdict::Broken { revision: revision + 1, why: why.unwrap_or_default() }),
            }
        }
    }
    let head = head(&txn).await?;
    if head.revision > revision {
        return Ok(Verdict::Broken { revision: revision + 1, why: "the row is missing" });
    }
    if (head.revision, head.hash) != (revision, hash) {
        return Ok(Verdict::Broken { revision, why: "the ledger's head says otherwise" });
    }
    Ok(Verdict::Sound(revision))
}

fn flaw(entry: &Entry, revision: i64, hash: &str) -> Option<&'static str> {
    if entry.revision != revision + 1 {
        Some("the row is missing")
    } else if entry.previous_hash != hash {
        Some("it does not follow from the row before")
    } else if entry.hash != entry.computed_hash() {
        Some("it was changed after it was written")
    } else {
        None
    }
}
