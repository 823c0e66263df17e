use std::collections::BTreeSet;

use poem::IntoResponse;
use poem_openapi::{
    ApiResponse, Object,
    payload::Json,
    registry::{MetaResponses, Registry},
    types::Type,
};
use rolecall_guard::{Permission, Problem};

use crate::{
    catalogue::access,
    policy::InvalidName,
    store::{Actor, Forecast, Refused, UserChange},
    tokens::{
        Denied,
        password::{BrokenRule as BrokenPasswordRule, Overloaded},
    },
};

/// What a change would do; it has not been made.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct DryRun {
    /// Whether it would be made.
    allowed: bool,
    /// The rules that it would break.
    broken_rules: Vec<BrokenRule>,
    /// How many users would gain or lose a permission.
    users_affected: u64,
    /// Whether there may be more: no more than 10,000 are looked at.
    more_users: bool,
    /// How many sessions these users have open, and how many others would end or change.
    sessions_affected: u64,
    /// The first of these users, by age; absent where your token doesn't carry `access:read`.
    users: Option<Vec<AffectedUser>>,
}

/// A rule that a change would break, as the change itself would be refused.
#[derive(Debug, Object)]
struct BrokenRule {
    code: String,
    detail: String,
}

/// Who would gain or lose something.
#[derive(Debug, Object)]
struct AffectedUser {
    username: String,
    /// Permissions that the user doesn't have yet.
    gains: Vec<String>,
    /// Permissions that the user has now.
    loses: Vec<String>,
}

impl From<UserChange> for AffectedUser {
    fn from(change: UserChange) -> Self {
        let names = |names: BTreeSet<_>| names.into_iter().map(String::from).collect();
        Self { username: change.username, gains: names(change.gains), loses: names(change.loses) }
    }
}

impl From<Refused> for BrokenRule {
    fn from(refused: Refused) -> Self {
        let problem = Problem::from(refused);
        Self { code: problem.code().into(), detail: problem.detail().into() }
    }
}

impl DryRun {
    pub(super) fn of(actor: &Actor, forecast: Forecast) -> Self {
        let may_see = match actor {
            Actor::System => true,
            Actor::Caller { claims, .. } | Actor::Owner { claims } => claims.permissions.contains(access::Read::NAME),
        };
        Self {
            allowed: forecast.broken.is_empty(),
            broken_rules: forecast.broken.into_iter().map(BrokenRule::from).collect(),
            users_affected: forecast.users as u64,
            more_users: forecast.more_users,
            sessions_affected: forecast.sessions,
            users: may_see.then(|| forecast.changes.into_iter().map(AffectedUser::from).collect()),
        }
    }
}

/// What is answered in place of what a handler does: a problem, or, to a dry run, what would change.
#[derive(Debug)]
pub(super) enum Instead {
    Problem(Problem),
    Forecast(Box<DryRun>),
}

impl Instead {
    pub(super) fn forecast(actor: &Actor, forecast: Forecast) -> Self {
        Self::Forecast(Box::new(DryRun::of(actor, forecast)))
    }
}

macro_rules! problems {
    ($($error:ty),+) => {$(
        impl From<$error> for Instead {
            fn from(error: $error) -> Self {
                Self::Problem(error.into())
            }
        }
    )+};
}

problems!(Problem, Refused, Denied, BrokenPasswordRule, Overloaded, InvalidName);

impl From<Instead> for poem::Error {
    fn from(instead: Instead) -> Self {
        match instead {
            Instead::Problem(problem) => problem.into(),
            Instead::Forecast(forecast) => Self::from_response(Json(*forecast).into_response()),
        }
    }
}

/// The document has dry runs as operations of their own.
impl ApiResponse for Instead {
    fn meta() -> MetaResponses {
        MetaResponses { responses: Vec::new() }
    }

    fn register(registry: &mut Registry) {
        Problem::register(registry);
        DryRun::register(registry);
    }
}
