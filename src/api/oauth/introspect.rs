use poem_openapi::{
    Enum, Object,
    types::{Example, Password},
};
use rolecall_guard::{Claims, Refusal};
use secrecy::SecretString;
use uuid::Uuid;

use super::{Failure, form::Form};
use crate::{
    api::State,
    tokens::{Asking, LiveRefreshToken},
};

/// A token to look at or to revoke.
#[derive(Debug, Object)]
#[oai(example, skip_serializing_if_is_none)]
pub(super) struct TokenToCheck {
    /// An access token or a refresh token.
    #[oai(validator(min_length = 1))]
    token: Password,
    /// Not needed: the two can be told apart.
    token_type_hint: Option<String>,
    /// The client, unless it is named in the header.
    client_id: Option<String>,
    /// Its secret.
    client_secret: Option<Password>,
}

impl Example for TokenToCheck {
    fn example() -> Self {
        let token = Password("eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9…".into());
        Self { token, token_type_hint: None, client_id: None, client_secret: None }
    }
}

/// What kind of token it is.
#[derive(Clone, Copy, Debug, Enum)]
enum IntrospectedType {
    /// An access token.
    Bearer,
    #[oai(rename = "refresh_token")]
    RefreshToken,
}

/// What a token says, if it is good (RFC 7662 §2.2).
#[derive(Debug, Default, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct Introspection {
    /// Whether it is good now. If it isn't, this is all that is said.
    active: bool,
    token_type: Option<IntrospectedType>,
    iss: Option<String>,
    aud: Option<String>,
    /// The user's id.
    sub: Option<Uuid>,
    client_id: Option<String>,
    iat: Option<i64>,
    exp: Option<i64>,
    jti: Option<Uuid>,
    sid: Option<Uuid>,
    scope: Option<String>,
    roles: Option<Vec<String>>,
    permissions: Option<Vec<String>>,
    rev: Option<i64>,
}

impl From<&Claims> for Introspection {
    fn from(claims: &Claims) -> Self {
        Self {
            active: true,
            token_type: Some(IntrospectedType::Bearer),
            iss: Some(claims.iss.clone()),
            aud: Some(claims.aud.clone()),
            sub: Some(claims.sub),
            client_id: Some(claims.client_id.clone()),
            iat: Some(claims.iat),
            exp: Some(claims.exp),
            jti: Some(claims.jti),
            sid: claims.sid,
            scope: claims.scope.clone(),
            roles: Some(claims.roles.iter().cloned().collect()),
            permissions: Some(claims.permissions.iter().cloned().collect()),
            rev: Some(claims.rev),
        }
    }
}

impl From<LiveRefreshToken> for Introspection {
    fn from(LiveRefreshToken { id, session }: LiveRefreshToken) -> Self {
        Self {
            active: true,
            token_type: Some(IntrospectedType::RefreshToken),
            sub: Some(session.user.0),
            client_id: Some(session.client_id),
            exp: Some(session.expires_at / 1_000_000),
            sid: Some(id.0),
            scope: session.scopes.map(|scopes| scopes.join(" ")),
            ..Self::default()
        }
    }
}

/// A JWT has dots, a refresh token has none.
fn is_access_token(token: &str) -> bool {
    token.contains('.')
}

impl State {
    /// What a token says, for any confidential client; a refresh token only for its own.
    pub(super) async fn introspect(
        &self,
        asking: &Asking,
        form: &Form<TokenToCheck>,
    ) -> Result<Introspection, Failure> {
        if !asking.is_confidential() {
            return Err(Failure::InvalidClient);
        }
        let token = form.required("token")?;
        if is_access_token(token) {
            return match self.gate.inspect(token) {
                Ok(claims) => Ok(Introspection::from(&*claims)),
                Err(Refusal::Silent) => Err(Refusal::Silent.into()),
                Err(_) => Ok(Introspection::default()),
            };
        }
        let live = self.tokens.live_refresh_token(asking, &SecretString::from(token)).await?;
        Ok(live.map(Introspection::from).unwrap_or_default())
    }

    /// Revokes a token. One that is refused by now, because it ran out or rights have changed, still signs out: its session
    /// may be alive. What is no token needs no revoking (RFC 7009 §2.2).
    pub(super) async fn revoke(&self, asking: &Asking, form: &Form<TokenToCheck>) -> Result<(), Failure> {
        let token = form.required("token")?;
        if !is_access_token(token) {
            return Ok(self.tokens.revoke_refresh_token(asking, &SecretString::from(token)).await?);
        }
        match self.gate.recognise(token) {
            Some(claims) => Ok(self.tokens.revoke_access_token(asking, &claims).await?),
            None => Ok(()),
        }
    }
}
