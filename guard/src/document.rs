//! Turns the guards in the handlers' signatures into what the OpenAPI document says of them.

use serde_json::{Map, Value, json};

use crate::{Described, Problem};

/// The name of the security scheme in the document.
pub const SCHEME: &str = "rolecall";
/// What [`crate::SignedIn`] leaves in an operation for [`describe_guards`] to find.
pub(crate) const SIGNED_IN: &str = "guard:signed-in";
/// What [`crate::OwnerOr`] leaves beside its permission.
pub(crate) const OR_OWNER: &str = "guard:or-owner";
/// What [`crate::Public`] leaves.
pub(crate) const PUBLIC: &str = "guard:public";

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// An operation whose handler has no guard, or more than one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{operation} has {guards} guards; its handler's first argument must be the one of Require, OwnerOr, SignedIn or Public"
)]
pub struct BadlyGuarded {
    /// Method and path.
    pub operation: String,
    /// How many guards it has.
    pub guards: usize,
}

/// Every operation of the document: its path, its method in lower case, and itself.
pub fn operations(document: &mut Value) -> impl Iterator<Item = (String, String, &mut Map<String, Value>)> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object_mut().into_iter().flatten();
        methods
            .filter(|(method, _)| METHODS.contains(&method.as_str()))
            .filter_map(move |(method, operation)| Some((path.clone(), method.clone(), operation.as_object_mut()?)))
    })
}

/// Writes each operation's `security`, `x-required-permission`, 401 and 403, and the security scheme itself.
///
/// `catalogue` gives the scopes their descriptions; `token_url` is where both flows go: a person's password, and a client's credentials.
pub fn describe_guards(document: &mut Value, catalogue: &[Described], token_url: &str) -> Result<(), BadlyGuarded> {
    for (path, method, operation) in operations(document) {
        let (guard, unless_owner) = only_guard(operation)
            .map_err(|guards| BadlyGuarded { operation: format!("{} {path}", method.to_uppercase()), guards })?;
        describe(operation, &guard);
        if let Some(permission) = unless_owner {
            operation.insert("x-required-permission-unless-owner".into(), json!(permission));
            answer(operation, "403", "Forbidden");
        }
    }
    let scopes: Map<_, _> =
        catalogue.iter().map(|described| (described.name.to_owned(), json!(described.description))).collect();
    let flow = json!({ "tokenUrl": token_url, "scopes": scopes });
    document["components"]["securitySchemes"] = json!({ SCHEME: {
        "type": "oauth2",
        "description": "Sign in with a username (or e-mail) and a password, and leave the client fields empty; or as a client, with its own secret. Scopes only narrow the token.",
        "flows": { "password": flow, "clientCredentials": flow },
    }});
    document["components"]["responses"] = responses();
    Ok(())
}

/// The guard, and the permission that the owner doesn't need.
fn only_guard(operation: &Map<String, Value>) -> Result<(String, Option<String>), usize> {
    let guards: Vec<&String> = operation
        .get("security")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(Map::keys)
        .collect();
    match guards.as_slice() {
        [guard] => Ok(((*guard).clone(), None)),
        [permission, marker] if *marker == OR_OWNER => Ok((SIGNED_IN.to_owned(), Some((*permission).clone()))),
        several => Err(several.len()),
    }
}

fn describe(operation: &mut Map<String, Value>, guard: &str) {
    let security = match guard {
        PUBLIC => json!([]),
        SIGNED_IN => json!([{ SCHEME: [] }]),
        permission => json!([{ SCHEME: [permission] }]),
    };
    operation.insert("security".into(), security);
    if guard == PUBLIC {
        return;
    }
    answer(operation, "401", "Unauthenticated");
    answer(operation, "503", "Unavailable");
    if guard != SIGNED_IN {
        operation.insert("x-required-permission".into(), json!(guard));
        answer(operation, "403", "Forbidden");
    }
}

/// Documents that an operation may answer `status` with the shared response `name`.
pub fn answer(operation: &mut Map<String, Value>, status: &str, name: &str) {
    let reference = json!({ "$ref": format!("#/components/responses/{name}") });
    if let Some(responses) = operation.entry("responses").or_insert_with(|| json!({})).as_object_mut() {
        responses.insert(status.to_owned(), reference);
    }
}

/// A shared response whose body is a problem.
#[must_use]
pub fn problem(description: &str) -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    json!({ "description": description, "content": { Problem::CONTENT_TYPE: { "schema": schema } } })
}

fn responses() -> Value {
    let with_header = |mut response: Value, name: &str, meaning: &str| {
        response["headers"] = json!({ name: { "description": meaning, "schema": { "type": "string" } } });
        response
    };
    json!({
        "Unauthenticated": with_header(
            problem("No token, or one that is no longer good: sign in."), "WWW-Authenticate", "RFC 6750 §3"),
        "Forbidden": problem("The token does not carry the permission, or a rule forbids it."),
        "Unavailable": with_header(
            problem("Too busy, or out of touch with the database."), "Retry-After", "Seconds to wait"),
    })
}
