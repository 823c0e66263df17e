use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};
use secrecy::SecretString;

use super::{
    ClientKey, PermissionId, RoleId, SessionId, SetId, StoredKey, UserId,
    entity::{
        assignments, client_secrets, clients, grants, inheritances, permissions, roles, separation_sets, sessions,
        signing_keys, users,
    },
    rows::{
        activate, assign, close, deassign_all, delete, delete_members, done, insert, insert_members, insert_user,
        replace, retire_secrets, set_password, update_user,
    },
    touch,
    users::ACTIVE,
};
use crate::policy::RoleName;

/// A change to rows, as data, so that a plan can be looked at without being carried out.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    InsertUser(users::Model),
    /// Replaces the row and what may be typed to sign in, but not the password: its owner changes that without waiting
    /// for policy writes, so it may be another by now.
    UpdateUser(users::Model),
    SetPassword(UserId, SecretString),
    /// Closes whatever the user has open.
    EndSessions(UserId),
    DeleteUser(UserId),
    /// In place of what there was of the two.
    Assign(assignments::Model, RoleName),
    Deassign(UserId, RoleId, RoleName),
    /// The user's sessions that follow what is assigned keep these from now on.
    PinSessions(UserId, Vec<RoleName>),
    EndSession(SessionId),
    /// The roles that a session keeps active.
    SetActive(SessionId, Vec<RoleName>),
    InsertRole(roles::Model),
    UpdateRole(roles::Model),
    DeleteRole(RoleId),
    Grant(RoleId, PermissionId),
    Revoke(RoleId, PermissionId),
    InsertPermission(permissions::Model),
    UpdatePermission(permissions::Model),
    DeletePermission(PermissionId),
    /// Senior, junior.
    Inherit(RoleId, RoleId),
    Disinherit(RoleId, RoleId),
    InsertSet(separation_sets::Model, Vec<RoleId>),
    /// Replaces the row and its roles.
    UpdateSet(separation_sets::Model, Vec<RoleId>),
    DeleteSet(SetId),
    InsertClient(clients::Model),
    UpdateClient(clients::Model),
    /// Its state is another one now, though its members are the same.
    TouchClient(ClientKey),
    /// Closes whatever people have open in an application.
    EndClientSessions(String),
    /// With its secrets, not its service user.
    DeleteClient(ClientKey),
    /// A client's first secret.
    InsertSecret(client_secrets::Model),
    /// Another one: the newest before it ends then, or now, and older ones are gone.
    ReplaceSecret(client_secrets::Model, Option<i64>),
    InsertKey(StoredKey),
    /// From then on this key signs, in microseconds since 1970.
    SignFrom(String, i64),
    DeleteKey(String),
}

impl Effect {
    /// Whether someone may have a role for less time after this than now and without end.
    pub(super) fn takes_away(&self, now: i64) -> bool {
        match self {
            Self::Deassign(..) => true,
            Self::Assign(row, _) => row.valid_from.is_some_and(|from| from > now) || row.valid_until.is_some(),
            effect => effect.shuts_out().is_some(),
        }
    }

    /// The user who can't sign in any more after this.
    pub(super) fn shuts_out(&self) -> Option<UserId> {
        match self {
            Self::DeleteUser(user) => Some(*user),
            Self::UpdateUser(user) if user.status != ACTIVE => Some(user.id),
            _ => None,
        }
    }

    /// Changes the rows. `revision` becomes that of every user, role and permission concerned, but for the users of a role
    /// that is deleted: see [`state`](super::users::state).
    pub(super) async fn apply(self, txn: &impl ConnectionTrait, revision: i64) -> Result<(), DbErr> {
        match self {
            Self::InsertUser(user) => insert_user(txn, user).await,
            Self::UpdateUser(user) => update_user(txn, user).await,
            Self::SetPassword(user, hash) => set_password(txn, user, &hash).await,
            Self::EndSessions(user) => close(txn, sessions::Column::UserId.eq(user)).await,
            Self::DeleteUser(user) => delete::<users::Entity>(txn, user).await,
            Self::Assign(row, _) => {
                let user = row.user_id;
                assign(txn, row).await?;
                touch::user(txn, user, revision).await
            }
            Self::PinSessions(user, roles) => {
                let following = sessions::Column::UserId.eq(user).and(sessions::Column::Roles.is_null());
                activate(txn, following, roles).await
            }
            Self::EndSession(session) => delete::<sessions::Entity>(txn, session).await,
            Self::SetActive(session, roles) => activate(txn, sessions::Column::Id.eq(session), roles).await,
            Self::Deassign(user, role, _) => {
                delete::<assignments::Entity>(txn, (user, role)).await?;
                touch::user(txn, user, revision).await
            }
            Self::InsertRole(role) => insert(txn, role).await,
            Self::UpdateRole(role) => replace(txn, role).await,
            Self::DeleteRole(role) => {
                deassign_all(txn, role).await?;
                touch::seniors(txn, role, revision).await?;
                touch::sets(txn, role, revision).await?;
                delete::<roles::Entity>(txn, role).await
            }
            Self::Grant(role_id, permission_id) => {
                insert(txn, grants::Model { role_id, permission_id }).await?;
                touch::role(txn, role_id, revision).await
            }
            Self::Revoke(role, permission) => {
                delete::<grants::Entity>(txn, (role, permission)).await?;
                touch::role(txn, role, revision).await
            }
            Self::InsertPermission(permission) => insert(txn, permission).await,
            Self::UpdatePermission(permission) => replace(txn, permission).await,
            Self::DeletePermission(permission) => {
                touch::granted(txn, permission, revision).await?;
                delete::<permissions::Entity>(txn, permission).await
            }
            Self::Inherit(senior_id, junior_id) => {
                insert(txn, inheritances::Model { senior_id, junior_id }).await?;
                touch::role(txn, senior_id, revision).await
            }
            Self::Disinherit(senior, junior) => {
                delete::<inheritances::Entity>(txn, (senior, junior)).await?;
                touch::role(txn, senior, revision).await
            }
            Self::InsertSet(set, roles) => {
                let id = set.id;
                insert(txn, set).await?;
                insert_members(txn, id, roles).await
            }
            Self::UpdateSet(set, roles) => {
                let id = set.id;
                replace(txn, set).await?;
                delete_members(txn, id).await?;
                insert_members(txn, id, roles).await
            }
            Self::DeleteSet(set) => delete::<separation_sets::Entity>(txn, set).await,
            Self::InsertClient(client) => insert(txn, client).await,
            Self::UpdateClient(client) => replace(txn, client).await,
            Self::TouchClient(client) => touch::client(txn, client, revision).await,
            Self::EndClientSessions(client) => close(txn, sessions::Column::ClientId.eq(client)).await,
            Self::DeleteClient(client) => delete::<clients::Entity>(txn, client).await,
            Self::InsertSecret(secret) => insert(txn, secret).await,
            Self::ReplaceSecret(secret, last_ends) => {
                let client = secret.client_id;
                retire_secrets(txn, client, last_ends).await?;
                insert(txn, secret).await?;
                touch::client(txn, client, revision).await
            }
            Self::InsertKey(key) => insert(txn, signing_keys::Model::from(key)).await,
            Self::SignFrom(kid, at) => {
                let update = signing_keys::Entity::update_many().filter(signing_keys::Column::Kid.eq(kid));
                done(update.col_expr(signing_keys::Column::SignsFrom, Expr::value(at)).exec(txn).await)
            }
            Self::DeleteKey(kid) => delete::<signing_keys::Entity>(txn, kid).await,
        }
    }
}
