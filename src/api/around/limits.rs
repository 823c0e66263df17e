use std::{io, time::Duration};

use http_body_util::{BodyExt, LengthLimitError, Limited, combinators::BoxBody};
use hyper::body::Bytes;
use poem::{Body, Endpoint, IntoResponse, Middleware, Request, Response, Result, http::StatusCode};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use crate::problem::Problem;

/// A body on the token endpoint may be so long.
const TOKEN_BODY: usize = 64 * 1024;
/// A policy file may be so long.
const POLICY_BODY: usize = 4 * 1024 * 1024;
/// Any other body.
const BODY: usize = 1024 * 1024;
/// A body that isn't read to its end after this is waited for no longer.
const LONGEST_BODY: Duration = Duration::from_secs(30);
/// With its body there, a request is given up after this: the database hangs, or too many wait for it.
const LONGEST_WORK: Duration = Duration::from_secs(10);

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
        let longest = match request.uri().path() {
            path if path.starts_with("/oauth/") => TOKEN_BODY,
            path if path.starts_with("/v1/policy/") => POLICY_BODY,
            _ => BODY,
        };
        let body = request.take_body();
        let (reading, read) = oneshot::channel();
        request.set_body(limited(body, longest, reading));
        tokio::select! {
            result = self.0.call(request) => result.map(IntoResponse::into_response),
            problem = too_long(read) => Err(problem.into()),
        }
    }
}

/// Waits until it has taken too long, and says what did.
async fn too_long(read: oneshot::Receiver<()>) -> Problem {
    // Nothing is ever sent: it is dropped with the body.
    if timeout(LONGEST_BODY, read).await.is_err() {
        let detail = "The request took too long and was given up.";
        return Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail);
    }
    sleep(LONGEST_WORK).await;
    Problem::unavailable("overloaded", "This took too long and was given up. Try again soon.", 1)
}

/// The body is read only after the guard; what is over the limit shows then. So long as it is there, it is `reading`.
fn limited(body: Body, longest: usize, reading: oneshot::Sender<()>) -> Body {
    let reading = (!body.is_empty()).then_some(reading);
    let body: BoxBody<Bytes, io::Error> = body.into();
    let body = body.map_frame(move |frame| {
        let _ = &reading;
        frame
    });
    Limited::new(body, longest).map_err(io::Error::other).boxed().into()
}

/// Whether reading a body failed because it is too long.
pub(super) fn is_too_long(error: &io::Error) -> bool {
    let Some(cause) = error.get_ref() else { return false };
    // Whoever reads the body may wrap the error in one of its own.
    cause.is::<LengthLimitError>() || cause.downcast_ref::<io::Error>().is_some_and(is_too_long)
}
