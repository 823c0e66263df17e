//! What sign-ins open: a set of active roles and one family of refresh tokens, ended by logout.

mod end;
mod forget;
mod open;
mod refresh;
mod review;

use std::collections::BTreeSet;

use sea_orm::DbErr;

use super::{SessionId, UserId, words};
use crate::policy::RoleName;

pub(super) use forget::forget_deleted;
pub use open::{NewSession, Verified};
pub use refresh::{Refreshable, Rotated, Rotation};

/// A session, as its owner and administrators see it.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id; also its tokens' `sid`.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The application that signed in.
    pub client_id: String,
    /// Its active roles (NIST `SessionRoles`).
    pub roles: BTreeSet<RoleName>,
    /// From which address its newest token was asked for.
    pub address: Option<String>,
    /// When it began, in microseconds since 1970.
    pub created_at: i64,
    /// When its newest token was issued.
    pub last_used_at: i64,
    /// When it ends unless it is used before.
    pub expires_at: i64,
}

/// The roles that a session was told to keep active, as stored.
pub(super) fn named(roles: Option<&str>) -> Result<Option<BTreeSet<RoleName>>, DbErr> {
    roles.map(words::read).transpose()
}
