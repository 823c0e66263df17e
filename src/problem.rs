//! The one error body, and how refusals become it.

use std::borrow::Cow;

use poem::http::StatusCode;
pub use rolecall_guard::Problem;

use sea_orm::{DbErr, RuntimeErr, sqlx};

use crate::{
    policy::{InvalidName, SeparationSet},
    store::Refused,
    tokens::{
        Denied,
        password::{BrokenRule, Overloaded},
    },
};

/// A request that can't be understood: 400.
pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Problem {
    invalid("bad_request", detail)
}

/// Something failed that shouldn't have: 500. The cause is logged, not echoed.
pub fn internal(cause: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%cause, "internal error");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here. It has been logged.")
}

fn overloaded() -> Problem {
    Problem::unavailable("overloaded", "Too many requests at once. Try again in a second.", 1)
}

fn conflict(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, detail)
}

fn invalid(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, detail)
}

fn not_found(detail: String) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound(what) => not_found(format!("There is no such {what}.")),
            Refused::NoSuch(what, name) => not_found(format!("There is no {what} {name}.")),
            Refused::Stale => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "stale",
                "It has changed since you read it. Read it again, then decide.",
            ),
            Refused::Exceeded(exceeded) => {
                Self::new(StatusCode::FORBIDDEN, "would_exceed_own_permissions", format!("This concerns {exceeded}."))
            }
            Refused::LastAdministrator => conflict(
                "last_administrator",
                "After this nobody could administer: some enabled user with a password must keep roles:escalate.",
            ),
            Refused::Separation(set) => conflict(
                "separation_of_duty",
                format!("This would bring together too many roles of the separation set {set}."),
            ),
            Refused::Cycle => conflict(
                "role_cycle",
                "The junior is the role itself or stands above it, so each would inherit from the other.",
            ),
            Refused::SecondJunior => conflict(
                "limited_hierarchy",
                "The role has an immediate junior already, and ROLECALL_HIERARCHY allows one.",
            ),
            Refused::SetFull => conflict(
                "separation_set_full",
                format!(
                    "A separation set has at most {} roles. Take one out, or make another set.",
                    SeparationSet::MOST_ROLES
                ),
            ),
            Refused::SetTooWide => conflict(
                "separation_set_too_wide",
                "Too many roles of the separation set are juniors of too many roles that people have. Put fewer roles into \
                 it, or lower its cardinality.",
            ),
            Refused::TooManyRoles(most) => conflict(
                "too_many_roles",
                format!("There may be at most {most} roles. Delete some, or raise ROLECALL_MOST_ROLES on every node."),
            ),
            Refused::InSet(set) => conflict(
                "in_separation_set",
                format!(
                    "The separation set {set} would be left with fewer roles than its cardinality. Change that first."
                ),
            ),
            Refused::Cardinality => {
                invalid("bad_cardinality", "cardinality: must be at least 2 and at most the number of roles.")
            }
            Refused::NoTime => bad_request("valid_until: must be later than valid_from and than now."),
            Refused::NotAuthorized => conflict(
                "not_authorized",
                "The session's user is not authorized for this role. Assign it, or one above it, first.",
            ),
            Refused::File(fault) => invalid("bad_policy_file", format!("{fault}.")),
            Refused::TooMany { what, most } => invalid(
                "too_many",
                format!("A policy file is for at most {most} {what}. Leave some out, and make them one by one."),
            ),
            Refused::BuiltIn => {
                conflict("built_in", "This is part of Rolecall itself and can't be changed or deleted.")
            }
            Refused::ServiceUser => conflict(
                "service_user",
                "This user belongs to the client of its name: change or delete that, at /v1/clients.",
            ),
            Refused::NotFirstParty => invalid(
                "not_first_party",
                "grants: only a first-party client may have password, since it gets to see people's passwords.",
            ),
            Refused::AlreadyExists => conflict("already_exists", "The name or e-mail is taken. Choose another."),
            Refused::Actor(refusal) => refusal.into(),
            Refused::Busy => overloaded(),
            Refused::Database(error) => database(&error),
        }
    }
}

/// A database that is away or busy is the caller's to wait for; any other failure is ours.
fn database(error: &DbErr) -> Problem {
    let away = match error {
        // Also where something that isn't the database answers in its place, and hangs up.
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(cause) | DbErr::Query(cause) => is_away(cause),
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
        sqlx::Error::Database(error) => error.code().is_some_and(|code| means_away(&code)),
        _ => false,
    }
}

/// Of SQLite's codes, numbers of four digits at most, the lowest byte says what it is: busy, locked, or a full disk. Of
/// PostgreSQL's, five letters and digits, it is the first two: out of something, shut down, cut off or given up, two
/// transactions in each other's way; and 25P03 a transaction that did nothing for too long.
fn means_away(code: &str) -> bool {
    match code.len() {
        5 => ["53", "57", "08", "40", "25P03"].iter().any(|class| code.starts_with(class)),
        _ => code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 13)),
    }
}

impl From<InvalidName> for Problem {
    fn from(invalid: InvalidName) -> Self {
        bad_request(format!("The name {invalid}."))
    }
}

impl From<BrokenRule> for Problem {
    fn from(rule: BrokenRule) -> Self {
        invalid(rule.code(), rule.to_string())
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
            Denied::InvalidGrant => invalid("wrong_password", "The current password is not right."),
            Denied::InvalidScope
            | Denied::NotAssigned
            | Denied::Separation(_)
            | Denied::InvalidRefreshToken
            | Denied::InvalidClient
            | Denied::UnauthorizedClient
            | Denied::NotYours => bad_request(format!("Not possible: {denied}.")),
            Denied::Overloaded => overloaded(),
            Denied::Store(refused) => refused.into(),
            Denied::Failed(cause) => internal(&cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_away_when_it_is_busy_full_cut_off_or_shut_down() {
        let sqlite = ["5", "261", "517", "773", "6", "262", "518", "13"];
        let postgres = ["53300", "57P01", "08006", "40001", "40P01", "25P03"];
        for code in sqlite.iter().chain(&postgres) {
            assert!(means_away(code), "{code}");
        }
        // Two of these begin like classes of PostgreSQL's.
        let sqlite = ["1", "19", "531", "5386", "2067", "8"];
        let postgres = ["23505", "42P01", "25P02", "XX000", "00005", "00013"];
        for code in sqlite.iter().chain(&postgres).chain(&[""]) {
            assert!(!means_away(code), "{code}");
        }
    }
}
