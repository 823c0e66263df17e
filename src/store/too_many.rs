//! Who has too many roles of a separation set. Those whose assignments a plan changes are told apart: of them it is asked
//! what they have after it.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, Statement, Value};
use serde_json::json;

use super::{
    Refused,
    connect::PARAMETERS,
    entity::sessions,
    losing::assigned,
    plan::View,
    replica::stored,
    rules::{Assigned, Changed},
    sessions::named,
};
use crate::policy::{Graph, RoleName, SeparationSet, Shares, in_force, now_or_later};

/// So many pairs of an assigned role and a role of a set that it authorizes for are looked at. Roles that are too much by
/// themselves make none, so only a large number has many.
const MOST_PAIRS: usize = 200_000;

/// All roles of those whose assignments, now or later, authorize for too many roles of a set; of the others.
///
/// This looks at everyone who has one of its roles. Few of the roles that authorize for one of its roles are assigned to
/// anyone: only those are looked at. Pairs go to the database as one value, since there may be more of them than a statement
/// takes parameters; as a list of one level, which no planner takes for a long one.
pub(super) async fn roles_of_who_has_too_many(
    view: &View<'_>,
    after: &Graph,
    set: &SeparationSet,
    changed: &Changed,
) -> Result<BTreeSet<RoleName>, Refused> {
    let assigned = assigned(view, &after.authorizing_any(&set.roles)).await?;
    let shares = after.shares(set, &assigned, MOST_PAIRS).ok_or(Refused::SetTooWide)?;
    if shares == Shares::default() {
        return Ok(BTreeSet::new());
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
    Ok(rows.iter().map(|row| stored(&row.try_get::<String>("", "role")?)).collect::<Result<_, DbErr>>()?)
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
    let (elements, held) = match view.txn.get_database_backend() {
        DbBackend::Postgres => ("json_array_elements_text($1::json) AS member", HELD_ON_POSTGRES),
        _ => ("json_each($1) AS member", HELD_ON_SQLITE),
    };
    // A space before and after, so that no name is found within another.
    let named = format!(
        "SELECT sessions.id FROM sessions, {elements}
         WHERE sessions.expires_at > $2 AND {}
             AND ' ' || sessions.roles || ' ' <> replace(' ' || sessions.roles || ' ', ' ' || member.value || ' ', '')
         GROUP BY sessions.id HAVING count(*) >= $3 LIMIT 1",
        others(view, "sessions.user_id")
    );
    let following = format!(
        "SELECT held.user_id FROM {held}
         WHERE (held.valid_until IS NULL OR held.valid_until > $2) AND {} AND EXISTS (
             SELECT 1 FROM sessions WHERE sessions.user_id = held.user_id AND sessions.roles IS NULL
                 AND sessions.expires_at > $2)
         GROUP BY held.user_id HAVING count(*) >= $3 LIMIT 1",
        others(view, "held.user_id")
    );
    for sql in [named, following] {
        let query = statement(view, &sql, json!(set.roles).to_string(), set, changed);
        if view.txn.query_one_raw(query).await?.is_some() {
            return Ok(true);
        }
    }
    broken_by_changed(view, after, set, changed).await
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
            let active = active_after(after, assigned, named(session.roles.as_deref())?, view.now);
            if set.is_broken(|role| active.contains(role)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What a session may come to have active after a plan that changes what its user is assigned.
fn active_after(after: &Graph, assigned: &Assigned, named: Option<BTreeSet<RoleName>>, now: i64) -> BTreeSet<RoleName> {
    let all = now_or_later(&assigned.after, now);
    // One that would follow too much keeps what it has.
    let pinned = || after.breaks_dynamic(&all).map(|_| in_force(&assigned.before, now).into_iter().collect());
    match named.or_else(pinned) {
        Some(named) => &named & &after.authorized(all.iter().map(RoleName::as_str)),
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
