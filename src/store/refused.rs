use rolecall_guard::Refusal;
use sea_orm::{DbErr, SqlErr};

use crate::policy::Exceeded;

/// Why the store doesn't do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// `If-Match` names another state.
    #[error("changed since it was read")]
    Stale,
    /// Rule 1: the actor doesn't hold this permission itself.
    #[error("needs {} itself", .0.0)]
    Exceeded(Exceeded),
    /// Rule 2: nobody could administer any more.
    #[error("would leave no administrator")]
    LastAdministrator,
    /// Part of Rolecall itself.
    #[error("built in")]
    BuiltIn,
    /// Another one has this name.
    #[error("name taken")]
    AlreadyExists,
    /// The actor may no longer do this, whatever its token says.
    #[error("the actor may not")]
    Actor(Refusal),
    /// Too many are waiting.
    #[error("too many writers are waiting")]
    Busy,
    /// The database failed.
    #[error("database: {0}")]
    Database(DbErr),
}

impl From<DbErr> for Refused {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Self::AlreadyExists,
            _ => Self::Database(error),
        }
    }
}

impl From<Exceeded> for Refused {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}
