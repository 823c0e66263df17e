use std::borrow::Cow;

use poem::{
    IntoResponse, Response,
    error::ResponseError,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse, Object,
    registry::{MetaResponses, Registry},
    types::{ToJSON, Type},
};

/// The one error body: an RFC 9457 problem.
#[derive(Debug, Object)]
#[oai(rename = "Problem")]
struct Body {
    /// A URI for the kind of problem; `about:blank` when `code` says it all.
    #[oai(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What went wrong and what to do about it.
    detail: String,
    /// A stable word for programs.
    code: String,
}

/// An error that answers as `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    headers: HeaderMap,
}

impl Problem {
    /// The media type of its body.
    pub const CONTENT_TYPE: &'static str = "application/problem+json";

    /// A problem with a stable `code` and a `detail` that says what to do.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, detail: detail.into(), headers: HeaderMap::new() }
    }

    /// Adds a header to the answer; one whose value can't stand in a header is left out.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
        self
    }

    /// The service can't answer now: 503 with `Retry-After` in seconds (RFC 9110 §10.2.3).
    pub fn unavailable(code: &'static str, detail: impl Into<Cow<'static, str>>, retry_after: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
            .with_header(header::RETRY_AFTER, &retry_after.to_string())
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What went wrong, for people.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn as_response(&self) -> Response {
        let body = Body {
            kind: "about:blank".into(),
            title: self.status.canonical_reason().unwrap_or("Error").into(),
            status: self.status.as_u16(),
            detail: self.detail.to_string(),
            code: self.code.into(),
        };
        let mut response =
            Response::builder().status(self.status).content_type(Self::CONTENT_TYPE).body(body.to_json_string());
        response.headers_mut().extend(self.headers.clone());
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.as_response()
    }
}

/// Which statuses an operation answers with is for [`crate::document`] to say; here it only brings its schema along.
impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        MetaResponses { responses: Vec::new() }
    }

    fn register(registry: &mut Registry) {
        Body::register(registry);
    }
}
