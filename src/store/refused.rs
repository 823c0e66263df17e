use rolecall_guard::Refusal;
use sea_orm::{DbErr, SqlErr};

use crate::policy::{Exceeded, SetName, file::Fault};

/// Why the store doesn't do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// There is nothing of this name.
    #[error("no such {0}: {1}")]
    NoSuch(&'static str, String),
    /// `If-Match` names another state.
    #[error("changed since it was read")]
    Stale,
    /// Rule 1: the actor doesn't hold this itself.
    #[error("concerns {0}")]
    Exceeded(Exceeded),
    /// Rule 2: nobody could administer any more.
    #[error("would leave no administrator")]
    LastAdministrator,
    /// Rule 3: too many roles of this separation set.
    #[error("breaks the separation set {0}")]
    Separation(SetName),
    /// Rule 4: a role would be its own junior.
    #[error("would make a cycle")]
    Cycle,
    /// In a limited hierarchy a role has one immediate junior.
    #[error("has an immediate junior already")]
    SecondJunior,
    /// A separation set has as many roles as it may.
    #[error("the separation set is full")]
    SetFull,
    /// Of a separation set too many roles are below too many that are assigned.
    #[error("the separation set is too wide")]
    SetTooWide,
    /// There may be so many roles.
    #[error("more than {0} roles")]
    TooManyRoles(usize),
    /// The role can't leave this separation set, which would be too small for its cardinality.
    #[error("is in the separation set {0}")]
    InSet(SetName),
    /// A separation set's number doesn't fit its roles.
    #[error("the cardinality doesn't fit the roles")]
    Cardinality,
    /// A time that ends before it begins.
    #[error("ends before it begins")]
    NoTime,
    /// The user isn't authorized for the role.
    #[error("not authorized for the role")]
    NotAuthorized,
    /// The policy file is wrong.
    #[error("{0}")]
    File(Fault),
    /// More than is done at once.
    #[error("more than {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// So many are done.
        most: usize,
    },
    /// Part of Rolecall itself.
    #[error("built in")]
    BuiltIn,
    /// It belongs to a client, and is changed and deleted with it.
    #[error("it belongs to a client, and is changed and deleted with it")]
    ServiceUser,
    /// Only a first-party client may ask for people's passwords.
    #[error("not a first-party client")]
    NotFirstParty,
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
