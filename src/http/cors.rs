use std::sync::Arc;

use poem::{
    Endpoint, IntoResponse, Middleware, Request, Response, Result,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, If-Match, X-Request-Id, X-Requested-With");
const EXPOSED: HeaderValue = HeaderValue::from_static("ETag, Location, WWW-Authenticate, Retry-After, X-Request-Id");
/// For how many seconds a browser may remember; browsers cap it themselves.
const REMEMBER: HeaderValue = HeaderValue::from_static("7200");

/// Lets web pages of other origins call, errors included (the Fetch standard, §3.3).
///
/// An origin off the list is answered as if it were none: its browser keeps the answer from the page, and
/// Swagger UI, which calls its own origin, needs no leave.
#[derive(Clone, Debug)]
pub struct Cors(Arc<[HeaderValue]>);

impl Cors {
    /// Those of these origins.
    pub fn new<'a>(origins: impl IntoIterator<Item = &'a str>) -> Self {
        Self(origins.into_iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect())
    }
}

impl<E: Endpoint> Middleware<E> for Cors {
    type Output = Shared<E>;

    fn transform(&self, inner: E) -> Shared<E> {
        Shared { inner, origins: self.0.clone() }
    }
}

/// An endpoint that pages of other origins may call.
pub struct Shared<E> {
    inner: E,
    origins: Arc<[HeaderValue]>,
}

impl<E: Endpoint> Endpoint for Shared<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let origin = request.headers().get(header::ORIGIN).filter(|origin| self.origins.contains(origin)).cloned();
        let asks = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = match &origin {
            Some(_) if asks => preflight(),
            _ => self.inner.call(request).await?.into_response(),
        };
        give_leave(response.headers_mut(), origin);
        Ok(response)
    }
}

fn preflight() -> Response {
    Response::builder()
        .status(StatusCode::NO_CONTENT)
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS)
        .header(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS)
        .header(header::ACCESS_CONTROL_MAX_AGE, REMEMBER)
        .finish()
}

fn give_leave(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
