//! OAuth 2 (RFC 6749, 7009, 7662, 8414): getting, checking and revoking tokens.

mod client;
mod failure;
mod form;
mod introspect;
mod metadata;
mod token;

use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json};
use rolecall_guard::{Problem, Public};

pub use failure::{Failure, OAuthError};

use super::{State, Tag};
use crate::tokens::{JWKS_MAX_AGE, Jwk};
use client::Presented;
use form::Form;
use introspect::{Introspection, TokenToCheck};
use metadata::Metadata;
use token::{TokenRequest, TokenResponse};

/// The public keys (RFC 7517 §5).
#[derive(Debug, Object)]
struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(ApiResponse)]
enum Published {
    /// The keys that verify tokens.
    #[oai(status = 200)]
    Ok(
        Json<Jwks>,
        /// For how long they may be kept.
        #[oai(header = "Cache-Control")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Revoked {
    /// It is no good any more, whether it was before or not.
    #[oai(status = 200)]
    Ok,
}

pub(super) struct OAuth(pub(super) State);

#[OpenApi(tag = "Tag::SignIn")]
impl OAuth {
    /// Get a token
    ///
    /// With a username (or e-mail) and a password; with a refresh token, which is good once; or as a client for itself.
    /// This is what the Authorize button calls.
    #[oai(path = "/oauth/token", method = "post", operation_id = "get_token")]
    async fn token(
        &self,
        _caller: Public,
        presented: Presented,
        form: Form<TokenRequest>,
    ) -> Result<Json<TokenResponse>, Failure> {
        let asking = self.0.asking(presented, &form).await?;
        Ok(Json(self.0.issue(&asking, &form).await?.into()))
    }

    /// Revoke a token
    ///
    /// Signs out: the token's whole session ends, access tokens included (RFC 7009). A client revokes its own tokens.
    #[oai(path = "/oauth/revoke", method = "post", operation_id = "revoke_token")]
    async fn revoke(
        &self,
        _caller: Public,
        presented: Presented,
        form: Form<TokenToCheck>,
    ) -> Result<Revoked, Failure> {
        let asking = self.0.asking(presented, &form).await?;
        self.0.revoke(&asking, &form).await?;
        Ok(Revoked::Ok)
    }

    /// Is a token good?
    ///
    /// And what does it say (RFC 7662)? For clients with a secret.
    #[oai(path = "/oauth/introspect", method = "post", operation_id = "introspect_token")]
    async fn introspect(
        &self,
        _caller: Public,
        presented: Presented,
        form: Form<TokenToCheck>,
    ) -> Result<Json<Introspection>, Failure> {
        let asking = self.0.asking(presented, &form).await?;
        Ok(Json(self.0.introspect(&asking, &form).await?))
    }

    /// Where everything is
    ///
    /// For OAuth libraries that find their way by themselves (RFC 8414).
    #[oai(path = "/.well-known/oauth-authorization-server", method = "get", operation_id = "read_server_metadata")]
    async fn metadata(&self, _caller: Public) -> Result<Json<Metadata>, Problem> {
        Ok(Json(Metadata::of(self.0.tokens.issuer())))
    }

    /// The public keys
    ///
    /// Any JOSE library can check a token with them, without asking Rolecall.
    #[oai(path = "/.well-known/jwks.json", method = "get", operation_id = "read_keys")]
    async fn keys(&self, _caller: Public) -> Result<Published, Problem> {
        let keys = self.0.tokens.keys().published();
        Ok(Published::Ok(Json(Jwks { keys }), format!("public, max-age={JWKS_MAX_AGE}")))
    }
}
