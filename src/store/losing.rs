//! Whose tokens a change of the role graph stops.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use serde_json::json;

use super::{plan::View, replica::stored};
use crate::policy::{Delta, Graph, RoleName};

/// The roles of which a token may say what isn't so any more: that they give something, or that its user has them.
///
/// A token names a role only if its user is authorized for it, so by way of an assignment. Where nobody is assigned a role
/// or one above it, nobody loses by it: whoever was assigned it before has been marked when that was taken away.
pub(super) async fn losing(view: &View<'_>, after: &Graph, deltas: &[Delta]) -> Result<BTreeSet<RoleName>, DbErr> {
    let reached = view.graph.reached(deltas);
    let assigned = assigned(view, &reached).await?;
    Ok(view.graph.losing(after, deltas, &assigned))
}

/// A statement asks for so many roles.
const AT_ONCE: usize = 10_000;

/// Those of the roles that are assigned to anyone, whenever that counts.
pub(super) async fn assigned(view: &View<'_>, roles: &BTreeSet<RoleName>) -> Result<BTreeSet<RoleName>, DbErr> {
    let (roles, mut assigned) = (roles.iter().collect::<Vec<_>>(), BTreeSet::new());
    for some in roles.chunks(AT_ONCE) {
        assigned.extend(assigned_of(view, some).await?);
    }
    Ok(assigned)
}

async fn assigned_of(view: &View<'_>, roles: &[&RoleName]) -> Result<BTreeSet<RoleName>, DbErr> {
    let elements = match view.txn.get_database_backend() {
        DbBackend::Postgres => "json_array_elements_text($1::json)",
        _ => "json_each($1)",
    };
    let sql = format!(
        "SELECT roles.name AS role FROM {elements} AS asked JOIN roles ON roles.name = asked.value
         WHERE EXISTS (SELECT 1 FROM assignments WHERE assignments.role_id = roles.id)"
    );
    let query = Statement::from_sql_and_values(view.txn.get_database_backend(), sql, [json!(roles).to_string().into()]);
    view.txn.query_all_raw(query).await?.iter().map(|row| stored(&row.try_get::<String>("", "role")?)).collect()
}
