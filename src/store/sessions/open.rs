use std::{collections::BTreeSet, net::IpAddr};

use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{LockBehavior, LockType},
};
use secrecy::{ExposeSecret, SecretString};

use super::end::end_sessions;
use crate::{
    policy::{Assignment, BUILT_IN_CLIENT, RoleName, in_force},
    store::{
        Client, Refused, RoleId, SessionId, Store, UserId,
        connect::begin_write,
        entity::{clients, roles, sessions, users},
        rows::set_password,
        users::{ACTIVE, assignments_of},
        words::join,
    },
};

/// A password that was right for a stored hash.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Whose.
    pub user: UserId,
    /// The hash it was right for; nothing is done if another one is stored by then.
    pub hash: SecretString,
    /// What to store instead: a hash of the same password by today's setting, or of a new one.
    pub replacement: Option<SecretString>,
}

/// A session to open.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// The application that asked, as it was found to be.
    pub client: Client,
    /// From which address.
    pub address: Option<IpAddr>,
    /// What the sign-in was narrowed to; nothing means all.
    pub scopes: Option<Vec<String>>,
    /// The roles it named; nothing means all.
    pub roles: Option<BTreeSet<RoleName>>,
    /// The hash of its first refresh token, if it gets one.
    pub refresh_hash: Option<Vec<u8>>,
    /// When it begins, in microseconds since 1970.
    pub created_at: i64,
    /// When it ends unless it is used before.
    pub expires_at: i64,
    /// How many its user may have at once; one more ends the one that was used longest ago.
    pub most: u64,
}

impl From<(UserId, NewSession)> for sessions::Model {
    fn from((user_id, new): (UserId, NewSession)) -> Self {
        Self {
            id: new.id,
            user_id,
            client_id: new.client.client_id,
            created_at: new.created_at,
            expires_at: new.expires_at,
            sequence: 1,
            refresh_hash: new.refresh_hash,
            last_used_at: new.created_at,
            address: new.address.map(|address| address.to_string()),
            scopes: new.scopes.map(join),
            roles: new.roles.map(join),
        }
    }
}

impl Store {
    /// Opens a session (NIST `CreateSession`). False if the user was disabled or the password
    /// changed since it was verified.
    pub async fn open_session(&self, verified: &Verified, session: NewSession) -> Result<bool, Refused> {
        let _turn = self.sqlite_turn().await?;
        let txn = begin_write(&self.db).await?;
        if !still_verified(&txn, verified).await? {
            return Ok(false);
        }
        if !still_registered(&txn, &session.client).await? {
            return Err(Refused::Busy);
        }
        if let Some(roles) = &session.roles
            && !(still_there(&txn, roles).await? && self.still_authorized(&txn, verified.user, roles).await?)
        {
            return Err(Refused::Busy);
        }
        if let Some(replacement) = &verified.replacement {
            set_password(&txn, verified.user, replacement).await?;
        }
        let surplus = least_used(&txn, verified.user, session.most).await?;
        let ended = end_sessions(&txn, sessions::Column::Id.is_in(surplus), self.clock.micros()).await?;
        sessions::Model::from((verified.user, session)).into_active_model().insert(&txn).await?;
        txn.commit().await?;
        self.note_ended(ended);
        Ok(true)
    }

    /// Whether a user has these roles now: one of them may have been made anew since it was asked, under the same name.
    async fn still_authorized(
        &self,
        txn: &DatabaseTransaction,
        user: UserId,
        names: &BTreeSet<RoleName>,
    ) -> Result<bool, DbErr> {
        self.replica.catch_up(txn).await?;
        let assigned = in_force(&assignments_of(txn, user).await?, self.clock.micros());
        Ok(names.is_subset(&self.snapshot().graph.authorized(assigned.iter().map(RoleName::as_str))))
    }

    /// Changes someone's own password and ends the user's sessions but `keep`. False as above.
    pub async fn change_password(&self, verified: &Verified, keep: Option<SessionId>) -> Result<bool, Refused> {
        let _turn = self.sqlite_turn().await?;
        let txn = begin_write(&self.db).await?;
        let Some(replacement) = &verified.replacement else { return Ok(false) };
        if !still_verified(&txn, verified).await? {
            return Ok(false);
        }
        set_password(&txn, verified.user, replacement).await?;
        let mut others = sea_orm::Condition::all().add(sessions::Column::UserId.eq(verified.user));
        if let Some(keep) = keep {
            others = others.add(sessions::Column::Id.ne(keep));
        }
        let ended = end_sessions(&txn, others, self.clock.micros()).await?;
        txn.commit().await?;
        self.note_ended(ended);
        Ok(true)
    }

    /// What is assigned to a user who may sign in; None if the user is disabled or gone.
    pub async fn assignments_of_active_user(&self, user: UserId) -> Result<Option<Vec<Assignment>>, Refused> {
        let row = users::Entity::find_by_id(user).one(&self.db).await?;
        if row.is_none_or(|user| user.status != ACTIVE) {
            return Ok(None);
        }
        Ok(Some(assignments_of(&self.db, user).await?))
    }
}

/// Locks the user's row: whoever disables the user or changes the password waits, or has won.
async fn still_verified(txn: &DatabaseTransaction, verified: &Verified) -> Result<bool, DbErr> {
    let user = users::Entity::find_by_id(verified.user).lock_exclusive().one(txn).await?;
    Ok(user.is_some_and(|user| {
        user.status == ACTIVE && user.password_hash.as_deref() == Some(verified.hash.expose_secret())
    }))
}

/// Locks the client's row: whoever deletes it or takes something from it waits and then ends this session, too, or has
/// won. Of the built-in one there is no row, and nobody changes it.
async fn still_registered(txn: &DatabaseTransaction, client: &Client) -> Result<bool, DbErr> {
    if client.client_id == BUILT_IN_CLIENT {
        return Ok(true);
    }
    let row = clients::Entity::find_by_id(client.key).lock_shared().one(txn).await?;
    Ok(row.is_some_and(|row| row.revision == client.revision))
}

/// Holds on to the roles that a session names: whoever deletes one waits, and takes it out of this session, too, or has
/// won. For that one nobody waits here, who might wait for the user.
async fn still_there(txn: &DatabaseTransaction, names: &BTreeSet<RoleName>) -> Result<bool, DbErr> {
    let there: Vec<RoleId> = roles::Entity::find()
        .select_only()
        .column(roles::Column::Id)
        .filter(roles::Column::Name.is_in(names.iter().map(RoleName::as_str)))
        .lock_with_behavior(LockType::KeyShare, LockBehavior::SkipLocked)
        .into_tuple()
        .all(txn)
        .await?;
    Ok(there.len() == names.len())
}

/// The sessions that one more would push out.
async fn least_used(txn: &DatabaseTransaction, user: UserId, most: u64) -> Result<Vec<SessionId>, DbErr> {
    sessions::Entity::find()
        .select_only()
        .column(sessions::Column::Id)
        .filter(sessions::Column::UserId.eq(user))
        .order_by_desc(sessions::Column::LastUsedAt)
        .order_by_desc(sessions::Column::Id)
        .offset(most - 1)
        // SQLite has no OFFSET without LIMIT; more than one turns up only where the bound was just lowered.
        .limit(1000)
        .into_tuple()
        .all(txn)
        .await
}
