use std::collections::BTreeMap;

use poem_openapi::{Object, OpenApi, param::Query, payload::Json};
use rolecall_guard::{Problem, Require};
use serde_json::Value;
use time::OffsetDateTime;

use super::{
    State, Tag,
    as_it_is::AsItIs,
    responses::{page, shown},
    text::{Limit, Line},
};
use crate::{
    catalogue::ledger as permission,
    store::ledger::{Entry, Filter},
};

/// What something was or became: its members are those of what was changed.
type Recorded = AsItIs<BTreeMap<String, Value>>;

/// One policy change.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct LedgerRow {
    /// Its number: without gaps, in commit order.
    revision: i64,
    at: OffsetDateTime,
    /// Who: a username as it was then, or `system` for the machine itself.
    actor: String,
    /// The actor's id.
    actor_id: Option<String>,
    /// What was done.
    action: String,
    /// To what, as a path below `/v1/`.
    target: String,
    /// What it was; of e-mail and display name only that they changed.
    before: Option<Recorded>,
    /// What it became.
    after: Option<Recorded>,
    /// SHA-256 over this row and the hash before it, in hex.
    hash: String,
    /// The hash of the row before; empty in the first.
    previous_hash: String,
}

impl From<Entry> for LedgerRow {
    fn from(entry: Entry) -> Self {
        Self {
            revision: entry.revision,
            at: shown(entry.at),
            actor: entry.actor,
            actor_id: entry.actor_id,
            action: entry.action,
            target: entry.target,
            before: entry.before.map(AsItIs::new),
            after: entry.after.map(AsItIs::new),
            hash: entry.hash,
            previous_hash: entry.previous_hash,
        }
    }
}

page! {
    /// A page of the ledger.
    LedgerPage of LedgerRow
}

pub(super) struct Ledger(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Ledger")]
impl Ledger {
    /// Read the ledger
    ///
    /// Every policy change, by revision. A page has fewer rows than its limit where they are long. `rolecall ledger verify`
    /// checks that none was altered.
    #[oai(path = "/ledger", method = "get", operation_id = "list_ledger")]
    async fn list(
        &self,
        _caller: Require<permission::Read>,
        /// Only what this one did: a username at that time, or an id.
        actor: Query<Option<Line<128>>>,
        /// Only this action, such as `assign_role`.
        action: Query<Option<Line<64>>>,
        /// Only what was done to this, such as `users/alice`.
        target: Query<Option<Line<300>>>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<LedgerPage>, Problem> {
        let [actor, action, target] =
            [actor.0.map(|line| line.0), action.0.map(|line| line.0), target.0.map(|line| line.0)];
        let filter = Filter { actor, action, target };
        let paging = self.0.cursors.paging(format!("ledger {filter:?}"), limit.0, cursor.0)?;
        let (entries, more) = self.0.store.ledger(&filter, paging.page()?).await?;
        Ok(Json(paging.ended(entries, more, |entry| entry.revision.to_string()).into()))
    }
}
