//! Gives what a change concerns the revision of that change.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait, sea_query::Expr,
};

use super::{
    ClientKey, PermissionId, RoleId, UserId,
    entity::{clients, grants, inheritances, roles, separation_set_roles, separation_sets, users},
    rows::done,
};

pub(super) async fn user(txn: &impl ConnectionTrait, user: UserId, revision: i64) -> Result<(), DbErr> {
    let update = users::Entity::update_many().filter(users::Column::Id.eq(user));
    done(update.col_expr(users::Column::Revision, Expr::value(revision)).exec(txn).await)
}

pub(super) async fn role(txn: &impl ConnectionTrait, role: RoleId, revision: i64) -> Result<(), DbErr> {
    let update = roles::Entity::update_many().filter(roles::Column::Id.eq(role));
    done(update.col_expr(roles::Column::Revision, Expr::value(revision)).exec(txn).await)
}

pub(super) async fn client(txn: &impl ConnectionTrait, client: ClientKey, revision: i64) -> Result<(), DbErr> {
    let update = clients::Entity::update_many().filter(clients::Column::Id.eq(client));
    done(update.col_expr(clients::Column::Revision, Expr::value(revision)).exec(txn).await)
}

pub(super) async fn seniors(txn: &impl ConnectionTrait, junior: RoleId, revision: i64) -> Result<(), DbErr> {
    let seniors = inheritances::Entity::find()
        .select_only()
        .column(inheritances::Column::SeniorId)
        .filter(inheritances::Column::JuniorId.eq(junior))
        .into_query();
    let update = roles::Entity::update_many().filter(roles::Column::Id.in_subquery(seniors));
    done(update.col_expr(roles::Column::Revision, Expr::value(revision)).exec(txn).await)
}

pub(super) async fn sets(txn: &impl ConnectionTrait, role: RoleId, revision: i64) -> Result<(), DbErr> {
    let sets = separation_set_roles::Entity::find()
        .select_only()
        .column(separation_set_roles::Column::SetId)
        .filter(separation_set_roles::Column::RoleId.eq(role))
        .into_query();
    let update = separation_sets::Entity::update_many().filter(separation_sets::Column::Id.in_subquery(sets));
    done(update.col_expr(separation_sets::Column::Revision, Expr::value(revision)).exec(txn).await)
}

pub(super) async fn granted(txn: &impl ConnectionTrait, permission: PermissionId, revision: i64) -> Result<(), DbErr> {
    let granted = grants::Entity::find()
        .select_only()
        .column(grants::Column::RoleId)
        .filter(grants::Column::PermissionId.eq(permission))
        .into_query();
    let update = roles::Entity::update_many().filter(roles::Column::Id.in_subquery(granted));
    done(update.col_expr(roles::Column::Revision, Expr::value(revision)).exec(txn).await)
}
