use std::time::Instant;

use poem::{
    Endpoint, IntoResponse, Middleware, Request, Response, Result,
    http::{HeaderName, HeaderValue, header},
};

use super::{ClientAddress, TrustedProxies};
use crate::random;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every response says to browsers, unless the handler says otherwise.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::CACHE_CONTROL, "no-store"),
];

/// One line a request, with an id that is in the response, too. Never a query, a header or a body.
#[derive(Clone, Debug)]
pub struct RequestLog {
    /// Whose word on the client's address is taken.
    pub proxies: TrustedProxies,
    /// Tell browsers to come back by HTTPS only (RFC 6797).
    pub https: bool,
}

impl<E: Endpoint> Middleware<E> for RequestLog {
    type Output = Logging<E>;

    fn transform(&self, inner: E) -> Logging<E> {
        Logging { inner, log: self.clone() }
    }
}

/// An endpoint whose requests are logged.
pub struct Logging<E> {
    inner: E,
    log: RequestLog,
}

impl<E: Endpoint> Endpoint for Logging<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let began = Instant::now();
        let id = request_id(&request);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let client = self.log.proxies.client(&request);
        if let Some(address) = client {
            request.set_data(ClientAddress(address));
        }
        let client = client.map(tracing::field::display);
        let mut response = self.inner.call(request).await?.into_response();
        let status = response.status().as_u16();
        let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
        let id_text = id.to_str().unwrap_or_default();
        tracing::info!(target: "rolecall::request", %method, path, status, milliseconds, client, request_id = id_text, "request");
        self.add_headers(&mut response, id);
        Ok(response)
    }
}

impl<E> Logging<E> {
    fn add_headers(&self, response: &mut Response, id: HeaderValue) {
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        if self.log.https {
            let value = HeaderValue::from_static("max-age=31536000");
            headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
        }
        headers.insert(REQUEST_ID, id);
    }
}

/// The caller's own id if it is 1 to 200 characters of visible ASCII; else a new one.
fn request_id(request: &Request) -> HeaderValue {
    let plain = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=200).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    let sent = request.headers().get(REQUEST_ID).filter(plain).cloned();
    sent.or_else(|| HeaderValue::from_str(&random::text::<12>()).ok()).unwrap_or(HeaderValue::from_static("none"))
}
