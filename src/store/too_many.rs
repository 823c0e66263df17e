//! Who has too many roles of a separation set. Those whose assignments a plan changes are told apart: of them it is asked
//! what they have after it.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, Statement, Value};
use serde_json::json;
use uuid::Uuid;

use super::{
    SessionId, UserId, connect::PARAMETERS, entity::sessions, losing::assigned, plan::View, replica::stored,
    rules::Changed, sessions::named, users::assignments_of_each,
};
use crate::policy::{Assignment, Graph, RoleName, SeparationSet, Shares, in_force, now_or_later};

/// So many pairs of an assigned role and a role of a set that it authorizes for are looked at. Roles that are too much by
/// themselves make none, so only a large number has many.
const MOST_PAIRS: usize = 200_000;

/// All roles of those whose assignments, now or later, authorize for too many roles of a set; of the others. None, if the
/// set is too wide to tell.
///
/// This looks at everyone who has one of its roles. Few of the roles that authorize for one of its roles are assigned to
/// anyone: only those are looked at. Pairs go to the database as one value, since there may be more of them than a statement
/// takes parameters; as a list of one level, which no planner takes for a long one.
pub(super) async fn roles_of_who_has_too_many(
    view: &View<'_>,
    after: &Graph,
    set: &SeparationSet,
    changed: &Changed,
) -> Result<Option<BTreeSet<RoleName>>, DbErr> {
    let assigned = assigned(view, &after.authorizing_any(&set.roles)).await?;
    let Some(shares) = after.shares(set, &assigned, MOST_PAIRS) else { return Ok(None) };
    if shares == Shares::default() {
        return Ok(Some(BTreeSet::new()));
    }
    let pair = |member: String, role: &RoleName| json!({ "member": member, "role": role });
    let whole = shares.whole.iter().map(|role| pair(WHOLE.into(), role));
    let parts = shares.parts.iter().flat_map(|(role, part)| part.iter().map(move |it| pair(it.to_string(), role)));
    let pairs: Vec<_> = whole.chain(parts).collect();
    let (held, has) = match view.txn.get_database_backend() {
        DbBackend::Postgres => (HELD_BY_PAIRS_ON_POSTGRES, HAS_ON_POSTGRES),
        _ => (HELD_BY_PAIRS_ON_SQLITE, HAS_ON_SQLITE),
    };
    let others = others(view, "held.user_id");
    let sql = format!(
        "WITH broken AS MATERIALIZED (
             SELECT held.user_id FROM {held}
             WHERE (held.valid_until IS NULL OR held.valid_until > $2) AND {others}
             GROUP BY held.user_id HAVING count(DISTINCT member) >= $3 OR min(member) = '{WHOLE}')
         SELECT DISTINCT roles.name AS role FROM {has} JOIN roles ON roles.id = has.role_id
         WHERE has.valid_until IS NULL OR has.valid_until > $2"
    );
    let query = statement(view, &sql, json!(pairs).to_string(), set, changed);
    let rows = view.txn.query_all_raw(query).await?;
    rows.iter().map(|row| stored(&row.try_get::<String>("", "role")?)).collect::<Result<_, DbErr>>().map(Some)
}

/// In place of a member: too many of them. It sorts before any.
const WHOLE: &str = "";

// How many users a role has no planner knows, and so it would rather read all assignments there are: on PostgreSQL the offset,
// on SQLite the cross join keeps it to the users of one role after the other, by an index.
const HELD_BY_PAIRS_ON_POSTGRES: &str = "(SELECT value->>'member' AS member, value->>'role' AS role
    FROM json_array_elements($1::json)) AS pair JOIN roles ON roles.name = pair.role
CROSS JOIN LATERAL (SELECT user_id, valid_until FROM assignments WHERE role_id = roles.id OFFSET 0) AS held";
const HELD_BY_PAIRS_ON_SQLITE: &str =
    "(SELECT value->>'member' AS member, value->>'role' AS role FROM json_each($1)) AS pair
CROSS JOIN roles ON roles.name = pair.role CROSS JOIN assignments AS held ON held.role_id = roles.id";
const HAS_ON_POSTGRES: &str = "broken CROSS JOIN LATERAL (SELECT role_id, valid_until FROM assignments
    WHERE user_id = broken.user_id OFFSET 0) AS has";
const HAS_ON_SQLITE: &str = "broken CROSS JOIN assignments AS has ON has.user_id = broken.user_id";
const HELD_ON_POSTGRES: &str = "json_array_elements_text($1::json) AS member JOIN roles ON roles.name = member.value
CROSS JOIN LATERAL (SELECT user_id, valid_until FROM assignments WHERE role_id = roles.id OFFSET 0) AS held";
const HELD_ON_SQLITE: &str = "json_each($1) AS member CROSS JOIN roles ON roles.name = member.value
CROSS JOIN assignments AS held ON held.role_id = roles.id";

/// Whether too many roles of a dynamic set are active in some session, or will be in one that follows what is assigned.
pub(super) async fn broken_by_session(
    view: &View<'_>,
    after: &Graph,
    set: &SeparationSet,
    changed: &Changed,
) -> Result<bool, DbErr> {
    let held = match view.txn.get_database_backend() {
        DbBackend::Postgres => HELD_ON_POSTGRES,
        _ => HELD_ON_SQLITE,
    };
    let following = format!(
        "SELECT held.user_id FROM {held}
         WHERE (held.valid_until IS NULL OR held.valid_until > $2) AND {} AND EXISTS (
             SELECT 1 FROM sessions WHERE sessions.user_id = held.user_id AND sessions.roles IS NULL
                 AND sessions.expires_at > $2)
         GROUP BY held.user_id HAVING count(*) >= $3 LIMIT 1",
        others(view, "held.user_id")
    );
    let query = statement(view, &following, json!(set.roles).to_string(), set, changed);
    Ok(view.txn.query_one_raw(query).await?.is_some()
        || broken_by_named(view, after, set, changed).await?
        || broken_by_changed(view, after, set, changed).await?)
}

/// So many sessions are looked at at once: their users may have many assignments.
const SESSIONS_AT_ONCE: usize = 200;

/// The same of the sessions that name roles. A role that is named counts while its user is authorized for it.
async fn broken_by_named(
    view: &View<'_>,
    after: &Graph,
    set: &SeparationSet,
    changed: &Changed,
) -> Result<bool, DbErr> {
    let elements = match view.txn.get_database_backend() {
        DbBackend::Postgres => "json_array_elements_text($1::json)",
        _ => "json_each($1)",
    };
    // A space before and after, so that no name is found within another. In the order of the index of those that name roles.
    let sql = format!(
        "WITH member AS MATERIALIZED (SELECT value FROM {elements} AS element)
         SELECT sessions.* FROM sessions
         WHERE sessions.roles IS NOT NULL AND sessions.id > $5 AND sessions.expires_at > $2 AND {} AND (
             SELECT count(*) FROM member
             WHERE ' ' || sessions.roles || ' ' <> replace(' ' || sessions.roles || ' ', ' ' || member.value || ' ', '')
         ) >= $3 ORDER BY sessions.id LIMIT {SESSIONS_AT_ONCE}",
        others(view, "sessions.user_id")
    );
    let mut last = SessionId(Uuid::nil());
    loop {
        let mut query = statement(view, &sql, json!(set.roles).to_string(), set, changed);
        query.values.iter_mut().for_each(|values| values.0.push(last.into()));
        let found = sessions::Entity::find().from_raw_sql(query).all(view.txn).await?;
        let users: BTreeSet<UserId> = found.iter().map(|session| session.user_id).collect();
        let mut assigned = assignments_of_each(view.txn, &users.into_iter().collect::<Vec<_>>()).await?;
        for session in &found {
            let now = assigned.entry(session.user_id).or_default();
            let active = active_after(after, now, now, named(session.roles.as_deref())?, view.now);
            if set.is_broken(|role| active.contains(role)) {
                return Ok(true);
            }
        }
        match found.last() {
            Some(session) if found.len() == SESSIONS_AT_ONCE => last = session.id,
            _ => return Ok(false),
        }
    }
}

/// The same of those whose assignments the plan changes.
async fn broken_by_changed(
    view: &View<'_>,
    after: &Graph,
    set: &SeparationSet,
    changed: &Changed,
) -> Result<bool, DbErr> {
    let users: Vec<_> = changed.keys().copied().collect();
    for some in users.chunks(PARAMETERS) {
        let open = sessions::Entity::find()
            .filter(sessions::Column::UserId.is_in(some.iter().copied()))
            .filter(sessions::Column::ExpiresAt.gt(view.now));
        for session in open.all(view.txn).await? {
            let Some(assigned) = changed.get(&session.user_id) else { continue };
            let active =
                active_after(after, &assigned.before, &assigned.after, named(session.roles.as_deref())?, view.now);
            if set.is_broken(|role| active.contains(role)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What a session may come to have active after a plan, by what its user is assigned before and after it.
fn active_after(
    graph: &Graph,
    before: &[Assignment],
    after: &[Assignment],
    named: Option<BTreeSet<RoleName>>,
    now: i64,
) -> BTreeSet<RoleName> {
    let all = now_or_later(after, now);
    // One that would follow too much keeps what it has.
    let pinned = || graph.breaks_dynamic(&all).map(|_| in_force(before, now).into_iter().collect());
    match named.or_else(pinned) {
        Some(named) => &named & &graph.authorized(all.iter().map(RoleName::as_str)),
        None => all,
    }
}

/// That the user isn't one of those in the fourth value.
fn others(view: &View<'_>, user: &str) -> String {
    match view.txn.get_database_backend() {
        DbBackend::Postgres => format!("{user} NOT IN (SELECT value::uuid FROM json_array_elements_text($4::json))"),
        _ => format!("hex({user}) NOT IN (SELECT upper(replace(value, '-', '')) FROM json_each($4))"),
    }
}

fn statement(view: &View<'_>, sql: &str, elements: String, set: &SeparationSet, changed: &Changed) -> Statement {
    let most = i64::try_from(set.cardinality).unwrap_or(i64::MAX);
    let aside = json!(changed.keys().map(|user| user.0).collect::<Vec<_>>());
    let values: [Value; 4] = [elements.into(), view.now.into(), most.into(), aside.to_string().into()];
    Statement::from_sql_and_values(view.txn.get_database_backend(), sql, values)
}
