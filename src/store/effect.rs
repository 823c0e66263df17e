use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, IntoCondition, OnConflict},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    ClientKey, PermissionId, RoleId, SessionId, SetId, StoredKey, UserId,
    entity::{
        assignments, client_secrets, clients, grants, inheritances, logins, permissions, roles, separation_set_roles,
        separation_sets, sessions, signing_keys, users,
    },
    touch,
    users::ACTIVE,
    words::join,
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
            Self::InsertUser(user) => {
                let names = login_names(&user);
                let id = user.id;
                user.into_active_model().insert(txn).await?;
                insert_logins(txn, id, names).await
            }
            Self::UpdateUser(user) => {
                let names = login_names(&user);
                let id = user.id;
                let mut row = user.into_active_model().reset_all();
                row.password_hash = ActiveValue::NotSet;
                row.update(txn).await?;
                logins::Entity::delete_many().filter(logins::Column::UserId.eq(id)).exec(txn).await?;
                insert_logins(txn, id, names).await
            }
            Self::SetPassword(user, hash) => set_password(txn, user, &hash).await,
            Self::EndSessions(user) => {
                done(sessions::Entity::delete_many().filter(sessions::Column::UserId.eq(user)).exec(txn).await)
            }
            Self::DeleteUser(user) => done(users::Entity::delete_by_id(user).exec(txn).await),
            Self::Assign(row, _) => {
                let user = row.user_id;
                assign(txn, row).await?;
                touch::user(txn, user, revision).await
            }
            Self::PinSessions(user, roles) => {
                let following = sessions::Column::UserId.eq(user).and(sessions::Column::Roles.is_null());
                activate(txn, following, roles).await
            }
            Self::EndSession(session) => done(sessions::Entity::delete_by_id(session).exec(txn).await),
            Self::SetActive(session, roles) => activate(txn, sessions::Column::Id.eq(session), roles).await,
            Self::Deassign(user, role, _) => {
                done(assignments::Entity::delete_by_id((user, role)).exec(txn).await)?;
                touch::user(txn, user, revision).await
            }
            Self::InsertRole(role) => done(role.into_active_model().insert(txn).await),
            Self::UpdateRole(role) => done(role.into_active_model().reset_all().update(txn).await),
            Self::DeleteRole(role) => {
                deassign_all(txn, role).await?;
                touch::seniors(txn, role, revision).await?;
                touch::sets(txn, role, revision).await?;
                done(roles::Entity::delete_by_id(role).exec(txn).await)
            }
            Self::Grant(role_id, permission_id) => {
                grants::Model { role_id, permission_id }.into_active_model().insert(txn).await?;
                touch::role(txn, role_id, revision).await
            }
            Self::Revoke(role, permission) => {
                done(grants::Entity::delete_by_id((role, permission)).exec(txn).await)?;
                touch::role(txn, role, revision).await
            }
            Self::InsertPermission(permission) => done(permission.into_active_model().insert(txn).await),
            Self::UpdatePermission(permission) => done(permission.into_active_model().reset_all().update(txn).await),
            Self::DeletePermission(permission) => {
                touch::granted(txn, permission, revision).await?;
                done(permissions::Entity::delete_by_id(permission).exec(txn).await)
            }
            Self::Inherit(senior_id, junior_id) => {
                inheritances::Model { senior_id, junior_id }.into_active_model().insert(txn).await?;
                touch::role(txn, senior_id, revision).await
            }
            Self::Disinherit(senior, junior) => {
                done(inheritances::Entity::delete_by_id((senior, junior)).exec(txn).await)?;
                touch::role(txn, senior, revision).await
            }
            Self::InsertSet(set, roles) => {
                let id = set.id;
                set.into_active_model().insert(txn).await?;
                insert_members(txn, id, roles).await
            }
            Self::UpdateSet(set, roles) => {
                let id = set.id;
                set.into_active_model().reset_all().update(txn).await?;
                delete_members(txn, id).await?;
                insert_members(txn, id, roles).await
            }
            Self::DeleteSet(set) => done(separation_sets::Entity::delete_by_id(set).exec(txn).await),
            Self::InsertClient(client) => done(client.into_active_model().insert(txn).await),
            Self::UpdateClient(client) => done(client.into_active_model().reset_all().update(txn).await),
            Self::TouchClient(client) => touch::client(txn, client, revision).await,
            Self::EndClientSessions(client) => {
                done(sessions::Entity::delete_many().filter(sessions::Column::ClientId.eq(client)).exec(txn).await)
            }
            Self::DeleteClient(client) => done(clients::Entity::delete_by_id(client).exec(txn).await),
            Self::InsertSecret(secret) => done(secret.into_active_model().insert(txn).await),
            Self::ReplaceSecret(secret, last_ends) => {
                let client = secret.client_id;
                retire_secrets(txn, client, last_ends).await?;
                secret.into_active_model().insert(txn).await?;
                touch::client(txn, client, revision).await
            }
            Self::InsertKey(key) => done(signing_keys::Model::from(key).into_active_model().insert(txn).await),
            Self::SignFrom(kid, at) => {
                let update = signing_keys::Entity::update_many().filter(signing_keys::Column::Kid.eq(kid));
                done(update.col_expr(signing_keys::Column::SignsFrom, Expr::value(at)).exec(txn).await)
            }
            Self::DeleteKey(kid) => done(signing_keys::Entity::delete_by_id(kid).exec(txn).await),
        }
    }
}

pub(super) fn done<T>(result: Result<T, DbErr>) -> Result<(), DbErr> {
    result.map(|_| ())
}

async fn set_password(txn: &impl ConnectionTrait, user: UserId, hash: &SecretString) -> Result<(), DbErr> {
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
        logins::Model { name, user_id }.into_active_model().insert(txn).await?;
    }
    Ok(())
}

/// The newest secret is the one without an end: it gets one. Those that have one already go.
async fn retire_secrets(txn: &impl ConnectionTrait, client: ClientKey, last_ends: Option<i64>) -> Result<(), DbErr> {
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
async fn deassign_all(txn: &impl ConnectionTrait, role: RoleId) -> Result<(), DbErr> {
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

async fn assign(txn: &impl ConnectionTrait, row: assignments::Model) -> Result<(), DbErr> {
    let columns = [assignments::Column::UserId, assignments::Column::RoleId];
    let times = [assignments::Column::ValidFrom, assignments::Column::ValidUntil];
    let replacing = OnConflict::columns(columns).update_columns(times).to_owned();
    let insert = assignments::Entity::insert(row.into_active_model()).on_conflict(replacing);
    done(insert.exec_without_returning(txn).await)
}

async fn activate(txn: &impl ConnectionTrait, which: impl IntoCondition, roles: Vec<RoleName>) -> Result<(), DbErr> {
    let update = sessions::Entity::update_many().filter(which.into_condition());
    done(update.col_expr(sessions::Column::Roles, Expr::value(join(roles))).exec(txn).await)
}

async fn delete_members(txn: &impl ConnectionTrait, set: SetId) -> Result<(), DbErr> {
    let members = separation_set_roles::Column::SetId.eq(set);
    done(separation_set_roles::Entity::delete_many().filter(members).exec(txn).await)
}

async fn insert_members(txn: &impl ConnectionTrait, set_id: SetId, roles: Vec<RoleId>) -> Result<(), DbErr> {
    let members = roles.into_iter().map(|role_id| separation_set_roles::Model { set_id, role_id }.into_active_model());
    done(separation_set_roles::Entity::insert_many(members).exec_without_returning(txn).await)
}
