use std::sync::Arc;

use poem::{
    Endpoint, IntoResponse, Middleware, Request, RequestBody, Response, Result,
    error::MethodNotAllowedError,
    http::{self, Method, Uri},
};
use poem_openapi::{ApiExtractor, ExtractParamOptions};
use rolecall_guard::{SignedIn, document::operations};
use serde_json::Value;

use super::allow::fits;
use crate::problem::{Problem, bad_request, internal};

/// The query parameter that asks only to be told what would change.
pub(in crate::api) const DRY_RUN: &str = "dry_run";

/// Where changes are only told, each below it as it is below [`CHANGES`]: the document names these paths, since there an
/// operation of a generated client has one answer.
pub(in crate::api) const DRY_RUNS: &str = "/v1/dry-run/";

/// Where changes are made.
pub(in crate::api) const CHANGES: &str = "/v1/";

/// Brings a dry run's path to the change that it is about, and refuses a dry run of what can't tell beforehand what it
/// will do, and would do it.
#[derive(Clone, Debug)]
pub struct DryRuns {
    /// The path and method of each dry run, below [`DRY_RUNS`].
    foretold: Arc<Vec<(String, String)>>,
    /// The path and method of everything.
    operations: Arc<Vec<(String, String)>>,
}

impl DryRuns {
    /// Of what the document has below `/v1/dry-run/`.
    #[must_use]
    pub fn of(mut document: Value) -> Self {
        let all = operations(&mut document).map(|(path, method, _)| (path, method.to_uppercase()));
        let operations: Vec<(String, String)> = all.collect();
        let foretold =
            |(path, method): &(String, String)| Some((path.strip_prefix(DRY_RUNS)?.to_owned(), method.clone()));
        let foretold = operations.iter().filter_map(foretold).collect();
        Self { foretold: Arc::new(foretold), operations: Arc::new(operations) }
    }

    fn direct(&self, request: &mut Request) -> Result<()> {
        let (path, method) = (request.uri().path(), request.method());
        let query = request.uri().query().unwrap_or_default();
        let Some(rest) = path.strip_prefix(DRY_RUNS) else {
            let Some(rest) = path.strip_prefix(CHANGES).filter(|_| !method.is_safe()) else { return Ok(()) };
            if asks(query)? != Some(true) {
                return Ok(());
            }
            let foretold = self.takes(rest, method) == Some(true);
            let untold = || bad_request("dry_run: this can't be tried beforehand. Nothing was done.");
            return if foretold { Ok(()) } else { Err(untold().into()) };
        };
        match self.takes(rest, method) {
            None => Ok(()),
            Some(false) => Err(MethodNotAllowedError.into()),
            Some(true) if asks(query)?.is_some() => {
                Err(bad_request("dry_run: nothing is changed at this path anyway. Leave it out.").into())
            }
            Some(true) => {
                *request.uri_mut() = change(request.uri(), rest).map_err(|error| internal(&error))?;
                Ok(())
            }
        }
    }

    /// Whether there is anything to refuse.
    fn is_operation(&self, request: &Request) -> bool {
        let (path, method) = (request.uri().path(), request.method().as_str());
        self.operations.iter().any(|(template, takes)| takes == method && fits(template, path))
    }

    /// Whether there is a dry run by this method, if there is any at the path.
    fn takes(&self, rest: &str, method: &Method) -> Option<bool> {
        let mut methods = self.foretold.iter().filter(|(template, _)| fits(template, rest)).peekable();
        methods.peek()?;
        Some(methods.any(|(_, takes)| method.as_str() == takes))
    }
}

/// Whether the query asks for a dry run, if it speaks of it; twice may mean either.
fn asks(query: &str) -> Result<Option<bool>, Problem> {
    let Ok(pairs) = serde_urlencoded::from_str::<Vec<(String, String)>>(query) else {
        return Ok(query.contains(DRY_RUN).then_some(true));
    };
    if pairs.iter().any(|(name, _)| is_nearly(name)) {
        return Err(bad_request("dry_run: this is how it is spelled."));
    }
    let mut values = pairs.iter().filter(|(name, _)| name == DRY_RUN).map(|(_, value)| value != "false");
    let asks = values.next();
    if values.next().is_some() {
        return Err(bad_request("dry_run: say it once."));
    }
    Ok(asks)
}

/// Whether someone meant [`DRY_RUN`], who would find out too late.
fn is_nearly(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase());
    name != DRY_RUN && letters.eq("dryrun".chars())
}

/// The change that a dry run is about, asked to be told only.
fn change(dry_run: &Uri, rest: &str) -> Result<Uri, http::Error> {
    let more = dry_run.query().map(|query| format!("&{query}")).unwrap_or_default();
    let mut parts = dry_run.clone().into_parts();
    parts.path_and_query = Some(format!("{CHANGES}{rest}?{DRY_RUN}=true{more}").parse()?);
    Ok(Uri::from_parts(parts)?)
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

    async fn call(&self, mut request: Request) -> Result<Response> {
        if let Err(error) = self.0.direct(&mut request) {
            if !error.is::<Problem>() {
                return Err(error);
            }
            // Whether there is such a thing, and who asks, comes first here, too.
            if self.0.is_operation(&request) {
                let options = ExtractParamOptions::default();
                SignedIn::from_request(&request, &mut RequestBody::default(), options).await?;
                return Err(error);
            }
        }
        self.1.call(request).await.map(IntoResponse::into_response)
    }
}
