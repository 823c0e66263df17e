use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    policy::{Delta, RoleName},
    store::{SessionId, entity::sessions},
};

/// So many sessions are looked through in one statement, which may take only so long.
const AT_ONCE: u64 = 100_000;

/// Takes roles that are deleted out of the sessions that name them: a deleted name comes back empty (rule 5).
///
/// This looks through the sessions that name roles, by an index of just those.
pub(in crate::store) async fn forget_deleted(txn: &DatabaseTransaction, deltas: &[Delta]) -> Result<(), DbErr> {
    let deleted = deltas.iter().filter_map(|delta| match delta {
        Delta::RoleDeleted { role } => Some(role),
        _ => None,
    });
    let deleted: Vec<&RoleName> = deleted.collect();
    if deleted.is_empty() {
        return Ok(());
    }
    let (words, names) = match txn.get_database_backend() {
        DbBackend::Postgres => {
            ("unnest(string_to_array(sessions.roles, ' ')) AS word(value)", "json_array_elements_text($1::json)")
        }
        // No name has a character that means something in JSON.
        _ => ("json_each('[\"' || replace(sessions.roles, ' ', '\",\"') || '\"]') AS word", "json_each($1)"),
    };
    // None named is not the same as nothing there, which means all.
    let sql = format!(
        "UPDATE sessions SET roles = COALESCE((SELECT string_agg(word.value, ' ') FROM {words}
             WHERE word.value NOT IN (SELECT value FROM {names} AS gone)), '')
         WHERE roles IS NOT NULL AND id > $2 AND id <= $3
             AND EXISTS (SELECT 1 FROM {words} WHERE word.value IN (SELECT value FROM {names} AS gone))"
    );
    let deleted = json!(deleted).to_string();
    let mut after = SessionId(Uuid::nil());
    loop {
        let last = last_of_some(txn, after).await?;
        let up_to = last.unwrap_or(SessionId(Uuid::max()));
        let values: [sea_orm::Value; 3] = [deleted.clone().into(), after.into(), up_to.into()];
        txn.execute_raw(Statement::from_sql_and_values(txn.get_database_backend(), &sql, values)).await?;
        let Some(last) = last else { return Ok(()) };
        after = last;
    }
}

async fn last_of_some(txn: &DatabaseTransaction, after: SessionId) -> Result<Option<SessionId>, DbErr> {
    sessions::Entity::find()
        .select_only()
        .column(sessions::Column::Id)
        .filter(sessions::Column::Roles.is_not_null())
        .filter(sessions::Column::Id.gt(after))
        .order_by_asc(sessions::Column::Id)
        .offset(AT_ONCE - 1)
        .limit(1)
        .into_tuple()
        .one(txn)
        .await
}
