use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QuerySelect,
    sea_query::{Expr, Query},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Refused, SessionId, Store, UserId,
    connect::begin_write,
    entity::{ended_sessions, sessions, users},
    users::{ACTIVE, assigned_roles},
};
use crate::policy::RoleName;

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
    /// The application that asked.
    pub client_id: String,
    /// When it ends, in microseconds since 1970.
    pub expires_at: i64,
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
        if let Some(replacement) = &verified.replacement {
            set_password(&txn, verified.user, replacement).await?;
        }
        let NewSession { id, client_id, expires_at } = session;
        let created_at = self.clock.micros();
        let row = sessions::Model { id, user_id: verified.user, client_id, created_at, expires_at };
        row.into_active_model().insert(&txn).await?;
        txn.commit().await?;
        Ok(true)
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
        let now = self.clock.micros();
        let notice_since = now - self.revocations().window() * 1_000_000;
        let ended = end_sessions(&txn, verified.user, keep, now, notice_since).await?;
        txn.commit().await?;
        let now = self.clock.seconds();
        self.revocations().end_sessions(ended.into_iter().map(|session| session.0), now);
        Ok(true)
    }

    /// The roles to activate in a session: all that its user has assigned. None if the session has
    /// ended or its user may not sign in.
    pub async fn session_roles(&self, session: SessionId) -> Result<Option<Vec<RoleName>>, Refused> {
        let Some(session) = sessions::Entity::find_by_id(session).one(&self.db).await? else { return Ok(None) };
        let user = users::Entity::find_by_id(session.user_id).one(&self.db).await?;
        if user.is_none_or(|user| user.status != ACTIVE) {
            return Ok(None);
        }
        Ok(Some(assigned_roles(&self.db, session.user_id).await?))
    }

    /// Forgets sessions that have run out, and notices of ended ones that every node has read.
    pub(super) async fn forget_sessions(&self, before: i64) -> Result<(), Refused> {
        let _turn = self.sqlite_turn().await?;
        let expired = sessions::Entity::delete_many().filter(sessions::Column::ExpiresAt.lt(before));
        expired.exec(&self.db).await?;
        let read = ended_sessions::Entity::delete_many().filter(ended_sessions::Column::EndedAt.lt(before));
        read.exec(&self.db).await?;
        Ok(())
    }
}

/// Locks the user's row: whoever disables the user or changes the password waits, or has won.
async fn still_verified(txn: &DatabaseTransaction, verified: &Verified) -> Result<bool, DbErr> {
    let user = users::Entity::find_by_id(verified.user).lock_exclusive().one(txn).await?;
    Ok(user.is_some_and(|user| {
        user.status == ACTIVE && user.password_hash.as_deref() == Some(verified.hash.expose_secret())
    }))
}

async fn set_password(txn: &DatabaseTransaction, user: UserId, hash: &SecretString) -> Result<(), DbErr> {
    let password_hash = Set(Some(hash.expose_secret().to_owned()));
    users::ActiveModel { id: Set(user), password_hash, ..Default::default() }.update(txn).await?;
    Ok(())
}

/// Ends a user's sessions but `keep`: the rows go, and a notice tells the other nodes. However many there are, these
/// are three statements. A session older than the longest token needs no notice, because only its sign-in gave it one:
/// once sessions can be refreshed, that must go by their last token instead.
async fn end_sessions(
    txn: &impl ConnectionTrait,
    user: UserId,
    keep: Option<SessionId>,
    now: i64,
    notice_since: i64,
) -> Result<Vec<SessionId>, DbErr> {
    let mut others = Condition::all().add(sessions::Column::UserId.eq(user));
    if let Some(keep) = keep {
        others = others.add(sessions::Column::Id.ne(keep));
    }
    let recent = others.clone().add(sessions::Column::CreatedAt.gte(notice_since));
    let ended: Vec<SessionId> = sessions::Entity::find()
        .select_only()
        .column(sessions::Column::Id)
        .filter(recent.clone())
        .into_tuple()
        .all(txn)
        .await?;
    let notices = Query::select()
        .column(sessions::Column::Id)
        .expr(Expr::value(now))
        .from(sessions::Entity)
        .cond_where(recent)
        .take();
    let mut insert = Query::insert();
    insert.into_table(ended_sessions::Entity).columns([ended_sessions::Column::Id, ended_sessions::Column::EndedAt]);
    insert.select_from(notices).map_err(|error| DbErr::Custom(error.to_string()))?;
    txn.execute(&insert).await?;
    sessions::Entity::delete_many().filter(others).exec(txn).await?;
    Ok(ended)
}
