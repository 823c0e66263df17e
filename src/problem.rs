//! The one error body, and how refusals become it.

use poem::http::StatusCode;
pub use rolecall_guard::Problem;

use sea_orm::{DbErr, RuntimeErr, sqlx};

use crate::{
    policy::InvalidName,
    store::Refused,
    tokens::{
        Denied,
        password::{BrokenRule, Overloaded},
    },
};

/// A request that can't be understood: 400.
pub fn bad_request(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_request", detail)
}

/// Something failed that shouldn't have: 500. The cause is logged, not echoed.
pub fn internal(cause: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%cause, "internal error");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here. It has been logged.")
}

fn overloaded() -> Problem {
    Problem::unavailable("overloaded", "Too many requests at once. Try again in a second.", 1)
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound(what) => {
                Self::new(StatusCode::NOT_FOUND, "not_found", format!("There is no such {what}."))
            }
            Refused::Stale => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "stale",
                "It has changed since you read it. Read it again, then decide.",
            ),
            Refused::Exceeded(exceeded) => Self::new(
                StatusCode::FORBIDDEN,
                "would_exceed_own_permissions",
                format!("This concerns the permission {}, which you don't hold yourself.", exceeded.0),
            ),
            Refused::LastAdministrator => Self::new(
                StatusCode::CONFLICT,
                "last_administrator",
                "After this nobody could administer: some enabled user with a password must keep roles:escalate.",
            ),
            Refused::BuiltIn => Self::new(
                StatusCode::CONFLICT,
                "built_in",
                "This is part of Rolecall itself and can't be changed or deleted.",
            ),
            Refused::AlreadyExists => {
                Self::new(StatusCode::CONFLICT, "already_exists", "The name or e-mail is taken. Choose another.")
            }
            Refused::Actor(refusal) => refusal.into(),
            Refused::Busy => overloaded(),
            Refused::Database(error) => database(&error),
        }
    }
}

/// A database that is away or busy is the caller's to wait for; any other failure is ours.
fn database(error: &DbErr) -> Problem {
    let away = match error {
        DbErr::ConnectionAcquire(_) => true,
        DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause) => is_away(cause),
        _ => false,
    };
    if away {
        tracing::warn!(%error, "the database is away");
        return Problem::unavailable("database_unavailable", "The database is out of reach. Try again soon.", 1);
    }
    internal(error)
}

fn is_away(cause: &RuntimeErr) -> bool {
    let RuntimeErr::SqlxError(error) = cause else { return true };
    match error.as_ref() {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        // SQLite: 5 busy, 6 locked, 13 disk full; PostgreSQL: class 53 out of something, 57 and 08 shut down or cut off.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            matches!(code.as_ref(), "5" | "6" | "13" | "517")
                || ["53", "57", "08"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

impl From<InvalidName> for Problem {
    fn from(invalid: InvalidName) -> Self {
        bad_request(format!("The name {invalid}."))
    }
}

impl From<BrokenRule> for Problem {
    fn from(rule: BrokenRule) -> Self {
        Self::new(StatusCode::BAD_REQUEST, rule.code(), rule.to_string())
    }
}

impl From<Overloaded> for Problem {
    fn from(_: Overloaded) -> Self {
        overloaded()
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::InvalidGrant => {
                Self::new(StatusCode::BAD_REQUEST, "wrong_password", "The current password is not right.")
            }
            Denied::InvalidScope => bad_request("There is no such scope."),
            Denied::NotAssigned => bad_request("A role to activate is not assigned to the user."),
            Denied::Overloaded => overloaded(),
            Denied::Store(refused) => refused.into(),
            Denied::Failed(cause) => internal(&cause),
        }
    }
}
