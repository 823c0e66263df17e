use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    QueryTrait, sea_query::Expr,
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    PermissionId, RoleId, UserId,
    entity::{assignments, grants, logins, permissions, roles, sessions, users},
    users::ACTIVE,
};

/// A change to rows, as data, so that a plan can be looked at without being carried out.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    InsertUser(users::Model),
    /// Replaces the row and what may be typed to sign in.
    UpdateUser(users::Model),
    SetPassword(UserId, SecretString),
    /// Closes whatever the user has open.
    EndSessions(UserId),
    DeleteUser(UserId),
    Assign(UserId, RoleId),
    Deassign(UserId, RoleId),
    InsertRole(roles::Model),
    UpdateRole(roles::Model),
    DeleteRole(RoleId),
    Grant(RoleId, PermissionId),
    Revoke(RoleId, PermissionId),
    InsertPermission(permissions::Model),
    UpdatePermission(permissions::Model),
    DeletePermission(PermissionId),
}

impl Effect {
    /// The user, or the user's one role, that can't administer any more after this.
    pub(super) fn takes_away(&self) -> Option<(UserId, Option<RoleId>)> {
        match self {
            Self::DeleteUser(user) => Some((*user, None)),
            Self::UpdateUser(user) if user.status != ACTIVE => Some((user.id, None)),
            Self::Deassign(user, role) => Some((*user, Some(*role))),
            _ => None,
        }
    }

    /// Changes the rows. `revision` becomes the state of every user, role and permission concerned.
    pub(super) async fn apply(self, txn: &impl ConnectionTrait, revision: i64) -> Result<(), DbErr> {
        match self {
            Self::InsertUser(user) => {
                let names = login_names(&user);
                let id = user.id;
                user.into_active_model().insert(txn).await?;
                insert_logins(txn, id, names).await
            }
            Self::UpdateUser(user) => {
                let names = login_names(&user);
                let id = user.id;
                user.into_active_model().reset_all().update(txn).await?;
                logins::Entity::delete_many().filter(logins::Column::UserId.eq(id)).exec(txn).await?;
                insert_logins(txn, id, names).await
            }
            Self::SetPassword(user, hash) => {
                let update = users::Entity::update_many().filter(users::Column::Id.eq(user));
                done(update.col_expr(users::Column::PasswordHash, Expr::value(hash.expose_secret())).exec(txn).await)
            }
            Self::EndSessions(user) => {
                done(sessions::Entity::delete_many().filter(sessions::Column::UserId.eq(user)).exec(txn).await)
            }
            Self::DeleteUser(user) => done(users::Entity::delete_by_id(user).exec(txn).await),
            Self::Assign(user_id, role_id) => {
                assignments::Model { user_id, role_id }.into_active_model().insert(txn).await?;
                touch_user(txn, user_id, revision).await
            }
            Self::Deassign(user, role) => {
                done(assignments::Entity::delete_by_id((user, role)).exec(txn).await)?;
                touch_user(txn, user, revision).await
            }
            Self::InsertRole(role) => done(role.into_active_model().insert(txn).await),
            Self::UpdateRole(role) => done(role.into_active_model().reset_all().update(txn).await),
            Self::DeleteRole(role) => {
                touch_holders(txn, role, revision).await?;
                done(roles::Entity::delete_by_id(role).exec(txn).await)
            }
            Self::Grant(role_id, permission_id) => {
                grants::Model { role_id, permission_id }.into_active_model().insert(txn).await?;
                touch_role(txn, role_id, revision).await
            }
            Self::Revoke(role, permission) => {
                done(grants::Entity::delete_by_id((role, permission)).exec(txn).await)?;
                touch_role(txn, role, revision).await
            }
            Self::InsertPermission(permission) => done(permission.into_active_model().insert(txn).await),
            Self::UpdatePermission(permission) => done(permission.into_active_model().reset_all().update(txn).await),
            Self::DeletePermission(permission) => {
                touch_granted(txn, permission, revision).await?;
                done(permissions::Entity::delete_by_id(permission).exec(txn).await)
            }
        }
    }
}

fn done<T>(result: Result<T, DbErr>) -> Result<(), DbErr> {
    result.map(|_| ())
}

/// A user may type the username or the e-mail; where both are the same, that is one name.
fn login_names(user: &users::Model) -> Vec<String> {
    let mut names = vec![user.username.clone()];
    names.extend(user.email.as_deref().map(str::to_lowercase).filter(|email| *email != user.username));
    names
}

async fn insert_logins(txn: &impl ConnectionTrait, user_id: UserId, names: Vec<String>) -> Result<(), DbErr> {
    for name in names {
        logins::Model { name, user_id }.into_active_model().insert(txn).await?;
    }
    Ok(())
}

async fn touch_user(txn: &impl ConnectionTrait, user: UserId, revision: i64) -> Result<(), DbErr> {
    let update = users::Entity::update_many().filter(users::Column::Id.eq(user));
    done(update.col_expr(users::Column::Revision, Expr::value(revision)).exec(txn).await)
}

async fn touch_role(txn: &impl ConnectionTrait, role: RoleId, revision: i64) -> Result<(), DbErr> {
    let update = roles::Entity::update_many().filter(roles::Column::Id.eq(role));
    done(update.col_expr(roles::Column::Revision, Expr::value(revision)).exec(txn).await)
}

async fn touch_holders(txn: &impl ConnectionTrait, role: RoleId, revision: i64) -> Result<(), DbErr> {
    let holders = assignments::Entity::find()
        .select_only()
        .column(assignments::Column::UserId)
        .filter(assignments::Column::RoleId.eq(role))
        .into_query();
    let update = users::Entity::update_many().filter(users::Column::Id.in_subquery(holders));
    done(update.col_expr(users::Column::Revision, Expr::value(revision)).exec(txn).await)
}

async fn touch_granted(txn: &impl ConnectionTrait, permission: PermissionId, revision: i64) -> Result<(), DbErr> {
    let granted = grants::Entity::find()
        .select_only()
        .column(grants::Column::RoleId)
        .filter(grants::Column::PermissionId.eq(permission))
        .into_query();
    let update = roles::Entity::update_many().filter(roles::Column::Id.in_subquery(granted));
    done(update.col_expr(roles::Column::Revision, Expr::value(revision)).exec(txn).await)
}
