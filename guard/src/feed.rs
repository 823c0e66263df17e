//! What the server tells services of who lost something, so that they refuse a token as soon as the server does.

use poem_openapi::{Enum, Object};

/// Where the server has it, below the issuer.
pub const PATH: &str = "/access/revocations";

/// Who or what lost something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum LossKind {
    /// A user, by id: refuse tokens with this `sub` and a smaller `rev`.
    User,
    /// A role, by name: refuse tokens that have it among `roles`, and a smaller `rev`.
    Role,
    /// A client: refuse tokens with this `client_id` and a smaller `rev`.
    Client,
    /// A session that goes on with other roles: refuse tokens with this `sid` and a smaller `rev`.
    Session,
    /// A signing key: refuse tokens with this `kid` in their header, whatever their `rev`.
    Key,
    /// A session, or a token without one, that has ended: refuse tokens with this `sid`, and without `sid` those with this
    /// `jti`, whatever their `rev`.
    Ended,
}

/// A loss that makes tokens stop.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Loss {
    /// Whose.
    pub kind: LossKind,
    /// The id or name that tokens have of it.
    pub id: String,
    /// The revision of the policy change; tokens with a smaller `rev` are refused. Absent where `rev` doesn't matter.
    pub revision: Option<i64>,
    /// When, in seconds since 1970, as in a token.
    pub at: i64,
}

/// News of who lost something.
#[derive(Clone, Debug, Object)]
#[oai(rename = "Revocations")]
pub struct Feed {
    /// What is new, oldest first.
    pub items: Vec<Loss>,
    /// Send it as `after` next time.
    pub next: String,
    /// There is more: ask again at once.
    pub more: bool,
    /// For how many seconds to remember a loss, counted from `at`.
    pub remember_seconds: i64,
    /// For how many seconds a token is good at most, whatever its `exp`.
    pub token_seconds: i64,
    /// How many seconds ago, at most, this was all there was to tell.
    pub age_seconds: i64,
}
