use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use poem::{
    FromRequest, IntoResponse, Request, RequestBody, Response,
    error::ResponseError,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse, Enum, Object, OpenApi,
    payload::{Form, Json, ParsePayload, Payload},
    registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry},
    types::{Example, Password, ToJSON, Type},
};
use rolecall_guard::{Problem, Public};

use super::{State, Tag};
use crate::tokens::{BUILT_IN_CLIENT, Denied, Issued, Jwk, PasswordGrant};

/// An error of an OAuth endpoint (RFC 6749 §5.2).
#[derive(Clone, Debug, Object)]
#[oai(rename = "OAuthError", example)]
pub struct OAuthError {
    /// A word of RFC 6749 §5.2, such as `invalid_grant`.
    error: String,
    /// What went wrong and what to do about it.
    error_description: String,
}

impl Example for OAuthError {
    fn example() -> Self {
        Failure::InvalidGrant.body()
    }
}

/// Why an OAuth endpoint doesn't answer as asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The request can't be understood, and why.
    #[error("{0}")]
    InvalidRequest(String),
    /// No such client, or it isn't who it says.
    #[error("There is no such client, or its secret is wrong.")]
    InvalidClient,
    /// Unknown user, wrong password or disabled user.
    #[error("The username or the password is wrong, or the user is disabled.")]
    InvalidGrant,
    /// Not a permission.
    #[error("A scope is a permission, such as articles:read; one of these is none.")]
    InvalidScope,
    /// Not a way to get a token here.
    #[error("The grant_type must be password.")]
    UnsupportedGrantType,
    /// What would be this problem elsewhere.
    #[error("{}", .0.detail())]
    Other(Problem),
}

impl Failure {
    fn word(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidScope => "invalid_scope",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::Other(problem) if problem.status().is_client_error() => "invalid_request",
            Self::Other(problem) if problem.status() == StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
            Self::Other(_) => "server_error",
        }
    }

    fn body(&self) -> OAuthError {
        OAuthError { error: self.word().into(), error_description: self.to_string() }
    }
}

impl ResponseError for Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::Other(problem) => problem.status(),
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn as_response(&self) -> Response {
        let mut response = match self {
            Self::Other(problem) => problem.as_response(),
            _ => Response::default(),
        };
        response.set_status(self.status());
        response.set_body(self.body().to_json_string());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if matches!(self, Self::InvalidClient) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"rolecall\""));
        }
        response
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.as_response()
    }
}

impl ApiResponse for Failure {
    fn meta() -> MetaResponses {
        let answers = [
            (400, "The request is not right: see `error`."),
            (401, "No such client."),
            (413, "Over 64 KiB."),
            (415, "Not a form."),
            (503, "Too many sign-ins at once, or the database is out of reach: try again after Retry-After."),
        ];
        let response = |(status, description)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType { content_type: "application/json", schema: OAuthError::schema_ref() }],
            headers: vec![],
        };
        MetaResponses { responses: answers.map(response).into() }
    }

    fn register(registry: &mut Registry) {
        OAuthError::register(registry);
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::InvalidGrant => Self::InvalidGrant,
            Denied::InvalidScope => Self::InvalidScope,
            Denied::NotAssigned => Self::InvalidRequest("A role in roles is not assigned to you.".into()),
            other => Self::Other(other.into()),
        }
    }
}

/// How a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
enum GrantType {
    /// With a username and a password (RFC 6749 §4.3).
    Password,
}

/// A request for a token.
#[derive(Debug, Object)]
#[oai(example, skip_serializing_if_is_none)]
struct TokenRequest {
    grant_type: GrantType,
    /// A username or an e-mail.
    username: String,
    password: Password,
    /// Permissions to narrow the token to, separated by spaces; empty or absent: all.
    scope: Option<String>,
    /// Which of your roles to activate, separated by spaces; empty or absent: all.
    roles: Option<String>,
    /// Leave it out, or send `rolecall`.
    client_id: Option<String>,
    /// Leave it out.
    client_secret: Option<Password>,
}

impl Example for TokenRequest {
    fn example() -> Self {
        Self {
            grant_type: GrantType::Password,
            username: "alice".into(),
            password: Password("curiouser and curiouser".into()),
            scope: None,
            roles: None,
            client_id: None,
            client_secret: None,
        }
    }
}

/// A token request's form, each parameter at most once (RFC 6749 §3.2).
struct TokenForm(BTreeMap<String, String>);

impl Payload for TokenForm {
    const CONTENT_TYPE: &'static str = "application/x-www-form-urlencoded";

    fn check_content_type(content_type: &str) -> bool {
        Form::<TokenRequest>::check_content_type(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        TokenRequest::schema_ref()
    }

    fn register(registry: &mut Registry) {
        TokenRequest::register(registry);
    }
}

impl ParsePayload for TokenForm {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        if request.uri().query().is_some() {
            let why = "Send the parameters in the body; a URL ends up in logs.";
            return Err(Failure::InvalidRequest(why.into()).into());
        }
        let bytes = Vec::<u8>::from_request(request, body).await?;
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(&bytes)
            .map_err(|_| Failure::InvalidRequest("The body is not a form.".into()))?;
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs {
            if parameters.insert(name, value).is_some() {
                return Err(Failure::InvalidRequest("A parameter is sent twice.".into()).into());
            }
        }
        Ok(Self(parameters))
    }
}

poem_openapi::impl_apirequest_for_payload!(TokenForm,);

impl TokenForm {
    /// A parameter without a value is one that wasn't sent (RFC 6749 §3.2).
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !str::is_empty(value))
    }

    fn required(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| Failure::InvalidRequest(format!("The parameter {name} is missing.")))
    }

    /// The words of a parameter that lists some; none and empty are the same.
    fn words(&self, name: &str) -> Option<Vec<String>> {
        let words: Vec<_> = self.get(name)?.split_ascii_whitespace().map(str::to_owned).collect();
        (!words.is_empty()).then_some(words)
    }
}

/// A token.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct TokenResponse {
    /// A JWT (RFC 9068).
    access_token: String,
    /// `Bearer`
    token_type: String,
    /// Seconds until it expires.
    expires_in: i64,
    /// What it was narrowed to, if that was asked for.
    scope: Option<String>,
}

impl From<Issued> for TokenResponse {
    fn from(issued: Issued) -> Self {
        let Issued { access_token, expires_in, scope } = issued;
        Self { access_token, token_type: "Bearer".into(), expires_in, scope }
    }
}

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

/// `Authorization`, as an OAuth endpoint reads it.
struct BasicClient(Option<(String, String)>);

impl<'a> FromRequest<'a> for BasicClient {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(value), None) => Ok(Self(Some(basic(value).ok_or(Failure::InvalidClient)?))),
            _ => Err(Failure::InvalidClient.into()),
        }
    }
}

/// RFC 6749 §2.3.1: each half form-encoded, then RFC 7617.
fn basic(value: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let plain = |text: &str| {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(&format!("x={}", text.replace('&', "%26"))).ok()?;
        pairs.into_iter().next().map(|(_, value)| value)
    };
    Some((plain(id)?, plain(secret)?))
}

/// The client that asks: the built-in public one, which has no secret.
fn client(basic: BasicClient, form: &TokenForm) -> Result<&'static str, Failure> {
    let header = basic.0.filter(|(id, secret)| !(id.is_empty() && secret.is_empty()));
    let secret = form.get("client_secret");
    if header.is_some() && secret.is_some() {
        return Err(Failure::InvalidRequest("Send the client's secret once: in the header or in the body.".into()));
    }
    let is_built_in = |(id, secret): (String, String)| id == BUILT_IN_CLIENT && secret.is_empty();
    let public = secret.is_none() && form.get("client_id").is_none_or(|id| id == BUILT_IN_CLIENT);
    if public && header.is_none_or(is_built_in) { Ok(BUILT_IN_CLIENT) } else { Err(Failure::InvalidClient) }
}

pub(super) struct OAuth(pub(super) State);

#[OpenApi(tag = "Tag::SignIn")]
impl OAuth {
    /// Get a token
    ///
    /// With a username (or e-mail) and a password. This is what the Authorize button calls.
    #[oai(path = "/oauth/token", method = "post", operation_id = "token")]
    async fn token(
        &self,
        _caller: Public,
        basic: BasicClient,
        form: TokenForm,
    ) -> Result<Json<TokenResponse>, Failure> {
        let client_id = client(basic, &form)?;
        if form.required("grant_type")? != "password" {
            return Err(Failure::UnsupportedGrantType);
        }
        let grant = PasswordGrant {
            username: form.required("username")?.to_owned(),
            password: form.required("password")?.into(),
            client_id: client_id.to_owned(),
            scopes: form.words("scope"),
            roles: form.words("roles"),
        };
        Ok(Json(self.0.tokens.sign_in(grant).await?.into()))
    }

    /// The public keys
    ///
    /// Any JOSE library can check a token with them, without asking Rolecall.
    #[oai(path = "/.well-known/jwks.json", method = "get", operation_id = "jwks")]
    async fn keys(&self, _caller: Public) -> Result<Published, Problem> {
        let keys = self.0.tokens.published_keys().to_vec();
        Ok(Published::Ok(Json(Jwks { keys }), "public, max-age=300".into()))
    }
}
