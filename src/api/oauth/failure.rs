use poem::{
    IntoResponse, Response,
    error::ResponseError,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse, Object,
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::{Example, ToJSON, Type},
};
use rolecall_guard::{Problem, Refusal};

use crate::tokens::Denied;

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
        Failure::from(Denied::InvalidGrant).body()
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
    /// What was brought for a token is not good, and why.
    #[error("{0}")]
    InvalidGrant(&'static str),
    /// The client may not do so.
    #[error("This client may not get tokens in this way.")]
    UnauthorizedClient,
    /// Not a permission.
    #[error("A scope is a permission, such as articles:read; one of these is none, or goes beyond the first sign-in.")]
    InvalidScope,
    /// Not a way to get a token here.
    #[error("The grant_type must be password, refresh_token or client_credentials.")]
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
            Self::InvalidGrant(_) => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
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
            (401, "No such client, or its secret is wrong."),
            (413, "Over 64 KiB."),
            (415, "Not a form."),
            (503, "Too many requests at once, or the database is out of reach: try again after Retry-After."),
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
            Denied::InvalidGrant => {
                Self::InvalidGrant("The username or the password is wrong, or the user is disabled.")
            }
            Denied::InvalidRefreshToken => {
                Self::InvalidGrant("The refresh token is not good any more, or it is another client's. Sign in again.")
            }
            Denied::NotYours => Self::InvalidGrant("The token was issued to another client."),
            Denied::InvalidScope => Self::InvalidScope,
            Denied::InvalidClient => Self::InvalidClient,
            Denied::UnauthorizedClient => Self::UnauthorizedClient,
            Denied::NotAssigned => Self::InvalidRequest("A role in roles is not yours.".into()),
            Denied::Separation(set) => Self::InvalidRequest(format!(
                "The separation set {set} keeps these roles apart: name in roles which to activate."
            )),
            other => Self::Other(other.into()),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Other(refusal.into())
    }
}
