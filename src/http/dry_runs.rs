use std::sync::Arc;

use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};
use rolecall_guard::document::operations;
use serde_json::Value;

use super::allow::fits;
use crate::problem::{Problem, bad_request};

/// The query parameter that asks only to be told what would change.
pub const DRY_RUN: &str = "dry_run";

/// Refuses a dry run of what can't tell beforehand what it will do, and would do it.
#[derive(Clone, Debug)]
pub struct DryRuns(Arc<Vec<(String, String)>>);

impl DryRuns {
    /// As the document says.
    #[must_use]
    pub fn of(mut document: Value) -> Self {
        let foretold = |operation: &serde_json::Map<String, Value>| {
            let parameters = operation.get("parameters").and_then(Value::as_array);
            parameters.is_some_and(|parameters| parameters.iter().any(|parameter| parameter["name"] == DRY_RUN))
        };
        let foretold = operations(&mut document).filter(|(_, _, operation)| foretold(operation));
        Self(Arc::new(foretold.map(|(path, method, _)| (path, method.to_uppercase())).collect()))
    }

    fn allow(&self, request: &Request) -> bool {
        let asks = request.uri().query().is_some_and(|query| {
            let pairs = serde_urlencoded::from_str::<Vec<(String, String)>>(query);
            let asks =
                |pairs: Vec<(String, String)>| pairs.iter().any(|(name, value)| name == DRY_RUN && value != "false");
            pairs.map_or(query.contains(DRY_RUN), asks)
        });
        let (method, path) = (request.method(), request.uri().path());
        !asks
            || method.is_safe()
            || self.0.iter().any(|(template, takes)| method.as_str() == takes && fits(template, path))
    }
}

impl<E: Endpoint> Middleware<E> for DryRuns {
    type Output = Foretelling<E>;

    fn transform(&self, inner: E) -> Foretelling<E> {
        Foretelling(self.clone(), inner)
    }
}

/// An endpoint within [`DryRuns`].
pub struct Foretelling<E>(DryRuns, E);

impl<E: Endpoint> Endpoint for Foretelling<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if self.0.allow(&request) {
            return self.1.call(request).await.map(IntoResponse::into_response);
        }
        let problem = bad_request("dry_run: this request would really do it. Send it without, or not at all.");
        Err(Problem::into(problem))
    }
}
