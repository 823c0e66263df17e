use std::{collections::BTreeSet, net::IpAddr};

use sea_orm::{ColumnTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, Statement};

use super::named;
use crate::{
    policy::{Assignment, RoleName},
    store::{
        Refused, SessionId, Store, UserId,
        entity::{sessions, users},
        replica::stored,
        users::ACTIVE,
        words,
    },
};

/// A live session of an active user.
#[derive(Clone, Debug)]
pub struct Refreshable {
    /// Whose.
    pub user: UserId,
    /// The application that signed in.
    pub client_id: String,
    /// The number of its newest refresh token.
    pub sequence: i64,
    /// That token's hash, if it has one.
    pub refresh_hash: Option<Vec<u8>>,
    /// When it ends unless it is used before, in microseconds since 1970.
    pub expires_at: i64,
    /// What its sign-in was narrowed to; nothing means all.
    pub scopes: Option<Vec<String>>,
}

/// A refresh token to take the place of another. Times are in microseconds, since 1970 where they are points in time.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// Of which session.
    pub session: SessionId,
    /// Which client uses it.
    pub client_id: String,
    /// The number of the token that is used.
    pub sequence: i64,
    /// Its hash.
    pub used: Vec<u8>,
    /// The hash of the one that follows.
    pub next: Vec<u8>,
    /// From which address it is asked for.
    pub address: Option<IpAddr>,
    /// Now.
    pub now: i64,
    /// For how long a session lasts that isn't used.
    pub idle: i64,
    /// For how long any session lasts.
    pub max: i64,
}

/// What a session is good for, once its refresh token was used.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// Whose it is.
    pub user: UserId,
    /// What its sign-in was narrowed to; nothing means all.
    pub scopes: Option<Vec<String>>,
    /// The roles it keeps active; nothing means all that are assigned.
    pub named: Option<BTreeSet<RoleName>>,
    /// What is assigned to its user and counts now.
    pub assignments: Vec<Assignment>,
    /// When it ends unless it is used before, in microseconds since 1970.
    pub expires_at: i64,
}

/// All in one statement, since this is what a busy server does most: so of several at once one wins, and what it gives is
/// as of then. Its number must still be the newest, its session and user be alive.
const ROTATE: &str = "
UPDATE sessions SET sequence = sequence + 1, refresh_hash = $1, last_used_at = $2, address = $3,
    expires_at = CASE WHEN $2 + $4 < created_at + $5 THEN $2 + $4 ELSE created_at + $5 END
WHERE id = $6 AND sequence = $7 AND refresh_hash = $8 AND client_id = $9
    AND expires_at > $2 AND created_at + $5 > $2
    AND EXISTS (SELECT 1 FROM users WHERE users.id = sessions.user_id AND users.status = 'active')
RETURNING user_id, scopes, sessions.roles AS named, expires_at,
    (SELECT string_agg(held.name || '|' || COALESCE(CAST(assignments.valid_until AS text), ''), ' ')
     FROM assignments JOIN roles AS held ON held.id = assignments.role_id
     WHERE assignments.user_id = sessions.user_id
         AND (assignments.valid_from IS NULL OR assignments.valid_from <= $2)
         AND (assignments.valid_until IS NULL OR assignments.valid_until > $2)) AS assigned";

#[derive(FromQueryResult)]
struct Row {
    user_id: UserId,
    scopes: Option<String>,
    named: Option<String>,
    expires_at: i64,
    assigned: Option<String>,
}

impl Store {
    /// The session, if it hasn't ended and its user is active.
    pub async fn refreshable(&self, session: SessionId) -> Result<Option<Refreshable>, Refused> {
        let live = sessions::Column::ExpiresAt.gt(self.clock.micros());
        let Some(row) = sessions::Entity::find_by_id(session).filter(live).one(&self.db).await? else {
            return Ok(None);
        };
        let user = users::Entity::find_by_id(row.user_id).one(&self.db).await?;
        if user.is_none_or(|user| user.status != ACTIVE) {
            return Ok(None);
        }
        Ok(Some(Refreshable {
            user: row.user_id,
            client_id: row.client_id,
            sequence: row.sequence,
            refresh_hash: row.refresh_hash,
            expires_at: row.expires_at,
            scopes: row.scopes.as_deref().map(words::read).transpose()?,
        }))
    }

    /// Puts a refresh token in the place of the one that is used. Nothing if that isn't the newest of a live session of
    /// this client and an active user.
    pub async fn rotate(&self, rotation: Rotation) -> Result<Option<Rotated>, Refused> {
        let Rotation { session, client_id, sequence, used, next, address, now, idle, max } = rotation;
        let address = address.map(|address| address.to_string());
        let values: [sea_orm::Value; 9] = [
            next.into(),
            now.into(),
            address.into(),
            idle.into(),
            max.into(),
            session.into(),
            sequence.into(),
            used.into(),
            client_id.into(),
        ];
        let _turn = self.sqlite_turn().await?;
        let update = Statement::from_sql_and_values(self.db.get_database_backend(), ROTATE, values);
        // All, though there is one at most: only after the last is it committed.
        let rows = Row::find_by_statement(update).all(&self.db).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let assigned = words::split(row.assigned.as_deref().unwrap_or_default());
        Ok(Some(Rotated {
            user: row.user_id,
            scopes: row.scopes.as_deref().map(words::read).transpose()?,
            named: named(row.named.as_deref())?,
            assignments: assigned.map(assignment).collect::<Result<_, _>>()?,
            expires_at: row.expires_at,
        }))
    }
}

/// Reads `role|end` back.
fn assignment(text: &str) -> Result<Assignment, DbErr> {
    let (role, until) = text.split_once('|').unwrap_or((text, ""));
    let valid_until = if until.is_empty() { None } else { Some(stored(until)?) };
    Ok(Assignment { role: stored(role)?, valid_from: None, valid_until })
}
