use std::{io, time::Duration};

use http_body_util::{BodyExt, LengthLimitError, Limited, combinators::BoxBody};
use hyper::body::Bytes;
use poem::{Body, Endpoint, IntoResponse, Middleware, Request, Response, Result, http::StatusCode};

use crate::problem::Problem;

/// A body on the token endpoint may be so long.
const TOKEN_BODY: usize = 64 * 1024;
/// Any other body.
const BODY: usize = 1024 * 1024;
/// A request is given up after this, its body included.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// Bounds what a request may take: the body's length, however it is sent, and time.
#[derive(Clone, Copy, Debug)]
pub struct Limits;

impl<E: Endpoint> Middleware<E> for Limits {
    type Output = Limiting<E>;

    fn transform(&self, inner: E) -> Limiting<E> {
        Limiting(inner)
    }
}

/// An endpoint within [`Limits`].
pub struct Limiting<E>(E);

impl<E: Endpoint> Endpoint for Limiting<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let longest = if request.uri().path().starts_with("/oauth/") { TOKEN_BODY } else { BODY };
        let body = request.take_body();
        request.set_body(limited(body, longest));
        let answered = tokio::time::timeout(LONGEST_REQUEST, self.0.call(request)).await;
        answered.map_or_else(|_| Err(gave_up().into()), |result| result.map(IntoResponse::into_response))
    }
}

fn gave_up() -> Problem {
    let detail = "The request took too long and was given up.";
    Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail)
}

/// The body is read only after the guard; what is over the limit shows then.
fn limited(body: Body, longest: usize) -> Body {
    let body: BoxBody<Bytes, io::Error> = body.into();
    Limited::new(body, longest).map_err(io::Error::other).boxed().into()
}

/// Whether reading a body failed because it is too long.
pub(super) fn is_too_long(error: &io::Error) -> bool {
    let Some(cause) = error.get_ref() else { return false };
    // Whoever reads the body may wrap the error in one of its own.
    cause.is::<LengthLimitError>() || cause.downcast_ref::<io::Error>().is_some_and(is_too_long)
}
