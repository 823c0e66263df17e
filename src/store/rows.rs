//! How rows come, change and go.

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ActiveValue, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait,
    IntoActiveModel, PrimaryKeyTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, IntoCondition, OnConflict},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    ClientKey, RoleId, SetId, UserId,
    entity::{assignments, client_secrets, logins, separation_set_roles, sessions, users},
    words::join,
};
use crate::policy::RoleName;

pub(super) fn done<T>(result: Result<T, DbErr>) -> Result<(), DbErr> {
    result.map(|_| ())
}

pub(super) async fn insert<A>(txn: &impl ConnectionTrait, row: impl IntoActiveModel<A>) -> Result<(), DbErr>
where
    A: ActiveModelTrait + ActiveModelBehavior + Send,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    done(row.into_active_model().insert(txn).await)
}

/// All of the row, whatever has changed of it.
pub(super) async fn replace<A>(txn: &impl ConnectionTrait, row: impl IntoActiveModel<A>) -> Result<(), DbErr>
where
    A: ActiveModelTrait + ActiveModelBehavior + Send,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    done(row.into_active_model().reset_all().update(txn).await)
}

pub(super) async fn delete<E: EntityTrait>(
    txn: &impl ConnectionTrait,
    key: impl Into<<E::PrimaryKey as PrimaryKeyTrait>::ValueType>,
) -> Result<(), DbErr> {
    done(E::delete_by_id(key).exec(txn).await)
}

pub(super) async fn close(txn: &impl ConnectionTrait, which: impl IntoCondition) -> Result<(), DbErr> {
    done(sessions::Entity::delete_many().filter(which.into_condition()).exec(txn).await)
}

pub(super) async fn insert_user(txn: &impl ConnectionTrait, user: users::Model) -> Result<(), DbErr> {
    let (id, names) = (user.id, login_names(&user));
    insert(txn, user).await?;
    insert_logins(txn, id, names).await
}

pub(super) async fn update_user(txn: &impl ConnectionTrait, user: users::Model) -> Result<(), DbErr> {
    let (id, names) = (user.id, login_names(&user));
    let mut row = user.into_active_model().reset_all();
    row.password_hash = ActiveValue::NotSet;
    row.update(txn).await?;
    logins::Entity::delete_many().filter(logins::Column::UserId.eq(id)).exec(txn).await?;
    insert_logins(txn, id, names).await
}

pub(super) async fn set_password(txn: &impl ConnectionTrait, user: UserId, hash: &SecretString) -> Result<(), DbErr> {
    let update = users::Entity::update_many().filter(users::Column::Id.eq(user));
    done(update.col_expr(users::Column::PasswordHash, Expr::value(hash.expose_secret())).exec(txn).await)
}

/// A user may type the username or the e-mail; where both are the same, that is one name.
pub(super) fn login_names(user: &users::Model) -> Vec<String> {
    let mut names = vec![user.username.clone()];
    names.extend(user.email.as_deref().map(str::to_lowercase).filter(|email| *email != user.username));
    names
}

async fn insert_logins(txn: &impl ConnectionTrait, user_id: UserId, names: Vec<String>) -> Result<(), DbErr> {
    for name in names {
        insert(txn, logins::Model { name, user_id }).await?;
    }
    Ok(())
}

/// The newest secret is the one without an end: it gets one. Those that have one already go.
pub(super) async fn retire_secrets(
    txn: &impl ConnectionTrait,
    client: ClientKey,
    last_ends: Option<i64>,
) -> Result<(), DbErr> {
    let secrets = Condition::all().add(client_secrets::Column::ClientId.eq(client));
    let Some(end) = last_ends else {
        return done(client_secrets::Entity::delete_many().filter(secrets).exec(txn).await);
    };
    let older = secrets.clone().add(client_secrets::Column::ExpiresAt.is_not_null());
    client_secrets::Entity::delete_many().filter(older).exec(txn).await?;
    let last = client_secrets::Entity::update_many().filter(secrets);
    done(last.col_expr(client_secrets::Column::ExpiresAt, Expr::value(end)).exec(txn).await)
}

/// So many assignments go in one statement, which may take only so long.
const AT_ONCE: u64 = 100_000;

/// By the order of the index, so that nothing is passed over that is gone already.
pub(super) async fn deassign_all(txn: &impl ConnectionTrait, role: RoleId) -> Result<(), DbErr> {
    let mut rest = Condition::all().add(assignments::Column::RoleId.eq(role));
    loop {
        let last: Option<UserId> = assignments::Entity::find()
            .select_only()
            .column(assignments::Column::UserId)
            .filter(rest.clone())
            .order_by_asc(assignments::Column::UserId)
            .offset(AT_ONCE - 1)
            .limit(1)
            .into_tuple()
            .one(txn)
            .await?;
        let up_to = last.map(|last| assignments::Column::UserId.lte(last));
        let some = rest.clone().add_option(up_to);
        assignments::Entity::delete_many().filter(some).exec(txn).await?;
        let Some(last) = last else { return Ok(()) };
        rest = Condition::all().add(assignments::Column::RoleId.eq(role)).add(assignments::Column::UserId.gt(last));
    }
}

pub(super) async fn assign(txn: &impl ConnectionTrait, row: assignments::Model) -> Result<(), DbErr> {
    let columns = [assignments::Column::UserId, assignments::Column::RoleId];
    let times = [assignments::Column::ValidFrom, assignments::Column::ValidUntil];
    let replacing = OnConflict::columns(columns).update_columns(times).to_owned();
    let insert = assignments::Entity::insert(row.into_active_model()).on_conflict(replacing);
    done(insert.exec_without_returning(txn).await)
}

pub(super) async fn activate(
    txn: &impl ConnectionTrait,
    which: impl IntoCondition,
    roles: Vec<RoleName>,
) -> Result<(), DbErr> {
    let update = sessions::Entity::update_many().filter(which.into_condition());
    done(update.col_expr(sessions::Column::Roles, Expr::value(join(roles))).exec(txn).await)
}

pub(super) async fn delete_members(txn: &impl ConnectionTrait, set: SetId) -> Result<(), DbErr> {
    let members = separation_set_roles::Column::SetId.eq(set);
    done(separation_set_roles::Entity::delete_many().filter(members).exec(txn).await)
}

pub(super) async fn insert_members(txn: &impl ConnectionTrait, set_id: SetId, roles: Vec<RoleId>) -> Result<(), DbErr> {
    let members = roles.into_iter().map(|role_id| separation_set_roles::Model { set_id, role_id }.into_active_model());
    done(separation_set_roles::Entity::insert_many(members).exec_without_returning(txn).await)
}
