use std::{collections::BTreeSet, sync::Arc};

use poem::{Request, RequestBody, http::StatusCode};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, OpenApi, param::Header};
use rolecall_guard::{Claims, Gate, Problem, Refusal, SignedIn};

use crate::{
    api::Tag,
    gateway::{Ambiguous, Needs, Rules},
    problem::bad_request,
};

const METHOD: &str = "X-Forwarded-Method";
const URI: &str = "X-Forwarded-Uri";
/// A longer list is left out: gateways refuse an answer whose headers are too long, and then nobody would pass.
const LONGEST_LIST: usize = 2048;

/// The caller's token is good, and carries what the rules want for the request that the gateway describes.
#[derive(Debug)]
struct MayPass {
    claims: Arc<Claims>,
}

impl MayPass {
    /// The same road as for every guard: a token that is too old is 401, not 403.
    fn check(request: &Request, claims: Arc<Claims>) -> Result<Self, Problem> {
        let (method, uri) = (only(request, METHOD)?, only(request, URI)?);
        // Mounted without its rules or its gate it lets nobody pass.
        let rules = request.data::<Rules>().ok_or(Refusal::Silent)?;
        match rules.needs(method, uri) {
            Ok(Needs::SignedIn) => {}
            Ok(Needs::Permission(permission)) => {
                let gate = request.data::<Gate>().ok_or(Refusal::Silent)?;
                gate.carries(&claims, permission.as_str().to_owned())?;
            }
            Ok(Needs::Nobody) => {
                let detail = "No rule lets this request pass.";
                return Err(Problem::new(StatusCode::FORBIDDEN, "no_rule", detail));
            }
            Err(why) => return Err(ambiguous(why)),
        }
        Ok(Self { claims })
    }
}

fn ambiguous(why: Ambiguous) -> Problem {
    let detail = format!("This request may be read in two ways: {why}.");
    Problem::new(StatusCode::FORBIDDEN, "ambiguous_request", detail)
}

/// The header's only value. That there is none, or a second one, is the gateway's fault: it must write its own over the client's.
fn only<'a>(request: &'a Request, name: &str) -> Result<&'a str, Problem> {
    let mut values = request.headers().get_all(name).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (Some(Ok(value)), None) => Ok(value),
        (Some(Err(_)), None) => Err(ambiguous(Ambiguous::NOT_ASCII)),
        _ => Err(bad_request(format!("{name}: the gateway must send it, once, in place of whatever the client sent."))),
    }
}

impl<'a> ApiExtractor<'a> for MayPass {
    const TYPES: &'static [ApiExtractorType] = SignedIn::TYPES;
    type ParamType = ();
    type ParamRawType = ();

    fn security_schemes() -> Vec<&'static str> {
        SignedIn::security_schemes()
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let SignedIn { claims } = SignedIn::from_request(request, body, options).await?;
        Ok(Self::check(request, claims)?)
    }
}

/// 204: let it pass, with these headers.
#[derive(ApiResponse)]
enum Passes {
    /// Let it pass, and tell the service who it is.
    #[oai(status = 204)]
    Ok(
        /// The user's id.
        #[oai(header = "X-Rolecall-Subject")]
        String,
        /// The client through which the user signed in.
        #[oai(header = "X-Rolecall-Client")]
        String,
        /// The active roles, separated by spaces; left out if there are none, or they are longer than 2048 bytes.
        #[oai(header = "X-Rolecall-Roles")]
        Option<String>,
        /// The permissions, likewise.
        #[oai(header = "X-Rolecall-Permissions")]
        Option<String>,
    ),
}

/// For the gateway in front of a service that knows nothing of Rolecall.
pub(crate) struct ForwardAuth;

#[OpenApi(tag = "Tag::Access")]
impl ForwardAuth {
    /// May this request pass?
    ///
    /// For gateways (nginx's `auth_request`, Caddy's `forward_auth`), which ask it about every request. By the rules in
    /// `ROLECALL_FORWARD_AUTH_RULES` method and path need a permission; where no rule fits, nobody passes.
    #[oai(path = "/access/forward-auth", method = "get", operation_id = "forward_auth")]
    async fn forward_auth(
        &self,
        caller: MayPass,
        /// The method of the client's request, from the gateway.
        #[oai(name = "X-Forwarded-Method")]
        _method: Header<Option<String>>,
        /// Its path and query, as the client sent them, from the gateway.
        #[oai(name = "X-Forwarded-Uri")]
        _uri: Header<Option<String>>,
    ) -> Result<Passes, Problem> {
        let Claims { sub, client_id, roles, permissions, .. } = &*caller.claims;
        Ok(Passes::Ok(sub.to_string(), client_id.clone(), list(roles), list(permissions)))
    }
}

fn list(names: &BTreeSet<String>) -> Option<String> {
    let length = names.iter().map(|name| name.len() + 1).sum::<usize>();
    (1..=LONGEST_LIST).contains(&length).then(|| names.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
}
