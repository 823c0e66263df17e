use poem_openapi::{
    Enum, Object,
    types::{Example, Password},
};
use secrecy::ExposeSecret;

use super::{Failure, form::Form};
use crate::{
    api::State,
    store::GrantType,
    tokens::{Asking, Issued, PasswordGrant, RefreshGrant},
};

/// How a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", rename = "TokenGrantType")]
enum Grant {
    /// With a username and a password (RFC 6749 §4.3).
    Password,
    /// With a refresh token (RFC 6749 §6).
    RefreshToken,
    /// By a client for itself (RFC 6749 §4.4).
    ClientCredentials,
}

/// A request for a token.
#[derive(Debug, Object)]
#[oai(example, skip_serializing_if_is_none)]
pub(super) struct TokenRequest {
    grant_type: Grant,
    /// With `password`: a username or an e-mail.
    username: Option<String>,
    /// With `password`.
    password: Option<Password>,
    /// With `refresh_token`: the newest one; it is good once.
    refresh_token: Option<Password>,
    /// Permissions to narrow the token to, separated by spaces; empty or absent: all.
    scope: Option<String>,
    /// With `password` or `client_credentials`: which of your roles to activate, separated by spaces; empty or absent: all.
    roles: Option<String>,
    /// The client, unless it is named in the header; absent: `rolecall`, which needs no secret.
    client_id: Option<String>,
    /// Its secret.
    client_secret: Option<Password>,
}

impl Example for TokenRequest {
    fn example() -> Self {
        Self {
            grant_type: Grant::Password,
            username: Some("alice".into()),
            password: Some(Password("curiouser and curiouser".into())),
            refresh_token: None,
            scope: None,
            roles: None,
            client_id: None,
            client_secret: None,
        }
    }
}

/// How a token is sent: in `Authorization`, after this word (RFC 6750 §2.1).
#[derive(Clone, Copy, Debug, Enum)]
enum TokenType {
    Bearer,
}

/// A token.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct TokenResponse {
    /// A JWT (RFC 9068).
    access_token: String,
    token_type: TokenType,
    /// Seconds until it expires.
    expires_in: i64,
    /// What gets the next token, once.
    refresh_token: Option<String>,
    /// What it was narrowed to, if that was asked for.
    scope: Option<String>,
}

impl From<Issued> for TokenResponse {
    fn from(issued: Issued) -> Self {
        let Issued { access_token, expires_in, scope, refresh_token } = issued;
        let refresh_token = refresh_token.map(|token| token.expose_secret().to_owned());
        Self { access_token, token_type: TokenType::Bearer, expires_in, refresh_token, scope }
    }
}

impl State {
    /// Issues a token in the way that the form asks for.
    pub(super) async fn issue(&self, asking: &Asking, form: &Form<TokenRequest>) -> Result<Issued, Failure> {
        let grant = form.required("grant_type")?.parse().map_err(|_| Failure::UnsupportedGrantType)?;
        let (scopes, roles) = (form.words("scope")?, form.words("roles")?);
        let issued = match grant {
            GrantType::Password => {
                let username = form.required("username")?.to_owned();
                let password = form.required("password")?.into();
                let grant = PasswordGrant { username, password, scopes, roles };
                self.tokens.sign_in(asking, grant).await
            }
            GrantType::RefreshToken if roles.is_some() => {
                return Err(Failure::InvalidRequest(
                    "A session keeps the roles of its sign-in: leave roles out, or change them at /v1/sessions.".into(),
                ));
            }
            GrantType::RefreshToken => {
                let token = form.required("refresh_token")?.into();
                self.tokens.refresh(asking, RefreshGrant { token, scopes }).await
            }
            GrantType::ClientCredentials => {
                self.tokens.issue_to_client(asking, scopes.as_deref(), roles.as_deref()).await
            }
        };
        Ok(issued?)
    }
}
