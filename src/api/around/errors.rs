use poem::{
    Endpoint, Error, IntoResponse, Middleware, Request, Response, Result,
    error::{MethodNotAllowedError, NotFoundError, ReadBodyError, ResponseError},
    http::{StatusCode, header},
};
use poem_openapi::error::{ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError};

use super::{Allowed, limits::is_too_long};
use crate::{
    api::{Failure, sent::in_words},
    problem::{Problem, bad_request, internal},
};

/// Answers every error in one form: a problem, or RFC 6749's at `/oauth/`.
#[derive(Clone, Debug)]
pub struct Errors(pub Allowed);

impl<E: Endpoint> Middleware<E> for Errors {
    type Output = Answering<E>;

    fn transform(&self, inner: E) -> Answering<E> {
        Answering { inner, allowed: self.0.clone() }
    }
}

/// An endpoint whose errors are answers.
pub struct Answering<E> {
    inner: E,
    allowed: Allowed,
}

impl<E: Endpoint> Endpoint for Answering<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let path = request.uri().path().to_owned();
        let error = match self.inner.call(request).await {
            Ok(response) => return Ok(response.into_response()),
            Err(error) => error,
        };
        if let Some(failure) = error.downcast_ref::<Failure>() {
            return Ok(failure.as_response());
        }
        if error.is_from_response() {
            return Ok(error.into_response());
        }
        let problem = problem(&error, &path, &self.allowed);
        let oauth = path.starts_with("/oauth/");
        Ok(if oauth { Failure::Other(problem).into_response() } else { problem.into_response() })
    }
}

fn problem(error: &Error, path: &str, allowed: &Allowed) -> Problem {
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return problem.clone();
    }
    if error.is::<NotFoundError>() {
        return Problem::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path.");
    }
    if error.is::<MethodNotAllowedError>() {
        let methods = allowed.methods(path);
        let detail = format!("This path takes {methods}.");
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
            .with_header(header::ALLOW, &methods);
    }
    if error.is::<ContentTypeError>() {
        let wanted = if path.starts_with("/oauth/") { "application/x-www-form-urlencoded" } else { "application/json" };
        let detail = format!("Send the body with Content-Type: {wanted}.");
        return Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail);
    }
    if let Some(ReadBodyError::Io(error)) = error.downcast_ref() {
        if is_too_long(error) {
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large.");
        }
        return bad_request("The body could not be read to its end.");
    }
    malformed(error).unwrap_or_else(|| unexpected(error))
}

fn malformed(error: &Error) -> Option<Problem> {
    let reason = if let Some(error) = error.downcast_ref::<ParseParamError>() {
        named(error.name, in_words(&error.reason))
    } else if let Some(error) = error.downcast_ref::<ParsePathError>() {
        format!("In the path: {}", in_words(&error.reason))
    } else {
        let error = error.downcast_ref::<ParseRequestPayloadError>()?;
        format!("In the body: {}", in_words(&error.reason))
    };
    Some(bad_request(reason))
}

fn unexpected(error: &Error) -> Problem {
    let status = error.status();
    if status.is_client_error() {
        let title = status.canonical_reason().unwrap_or("Refused");
        return Problem::new(status, "refused", format!("{title}."));
    }
    internal(error)
}

/// Some rules bear the parameter's name already.
fn named(name: &str, rule: String) -> String {
    if rule.strip_prefix(name).is_some_and(|rest| rest.starts_with(": ")) { rule } else { format!("{name}: {rule}") }
}
