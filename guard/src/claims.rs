use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What an access token says (RFC 9068 §2.2, with Rolecall's own `sid`, `roles`, `permissions`, `rev`).
///
/// Times are seconds since 1970 (RFC 7519 `NumericDate`). Nothing in it is personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// The user's id.
    pub sub: Uuid,
    /// The application that asked for it.
    pub client_id: String,
    /// When it was issued.
    pub iat: i64,
    /// Not accepted before this time, if there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Not accepted from this time on.
    pub exp: i64,
    /// This token's own id.
    pub jti: Uuid,
    /// The session it belongs to; a token got with client credentials has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// What it was narrowed to, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The session's active roles.
    pub roles: BTreeSet<String>,
    /// What those roles permit, as `resource:action`.
    pub permissions: BTreeSet<String>,
    /// The policy revision it was computed from.
    pub rev: i64,
    /// Which key signed it: the `kid` in its header, not a claim.
    #[serde(skip)]
    pub kid: String,
}
