//! What operations answer besides success.

use poem::http::StatusCode;
use poem_openapi::{ApiResponse, registry::Registry};
use rolecall_guard::{
    Problem,
    document::{answer, problem},
};
use serde_json::{Map, Value, json};

use crate::api::dry_run::Instead;

/// The answers that many operations share, and the schema of their body.
pub(super) fn describe_shared(document: &mut Value) {
    // poem-openapi drops the schemas that no handler's success names.
    let mut registry = Registry::new();
    Instead::register(&mut registry);
    for (name, schema) in registry.schemas {
        document["components"]["schemas"][name] = json!(schema);
    }

    let shared = [
        ("BadRequest", "The request is not right: `detail` says which rule."),
        ("NotFound", "There is no such thing."),
        ("Conflict", "It would break a rule, or the name is taken: see `code`."),
        ("Stale", "It has changed since the state in If-Match."),
        ("TooLarge", "The body is too large."),
        ("NotJson", "The body is not JSON."),
    ];
    for (name, description) in shared {
        document["components"]["responses"][name] = problem(description);
    }
    describe_examples(document);
}

fn describe_examples(document: &mut Value) {
    use StatusCode as S;
    let examples = [
        ("BadRequest", S::BAD_REQUEST, "bad_request", "In the body: unknown field `nmae`."),
        ("Unauthenticated", S::UNAUTHORIZED, "unauthenticated", "Sign in first: send an access token."),
        ("Forbidden", S::FORBIDDEN, "insufficient_scope", "This needs a permission that your token does not carry."),
        ("NotFound", S::NOT_FOUND, "not_found", "There is no such role."),
        ("Conflict", S::CONFLICT, "already_exists", "The name or e-mail is taken. Choose another."),
        ("Stale", S::PRECONDITION_FAILED, "stale", "It has changed since you read it. Read it again, then decide."),
        ("TooLarge", S::PAYLOAD_TOO_LARGE, "too_large", "The body is too large."),
        ("NotJson", S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Send application/json."),
        ("Unavailable", S::SERVICE_UNAVAILABLE, "overloaded", "Too many requests at once. Try again in a second."),
    ];
    for (name, status, code, detail) in examples {
        document["components"]["responses"][name]["content"][Problem::CONTENT_TYPE]["example"] = json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": detail,
            "code": code,
        });
    }
}

/// Where what is made may name what must be there already.
const NAME_OTHERS: [&str; 4] = ["/v1/users", "/v1/roles", "/v1/separation-sets", "/v1/clients"];

/// What an operation may answer follows from its path, its method and what it takes.
pub(super) fn describe_common(path: &str, method: &str, operation: &mut Map<String, Value>) {
    if !path.starts_with("/v1/") {
        if path == "/readyz" {
            answer(operation, "503", "Unavailable");
        }
        if path == "/access/forward-auth" {
            // Which permission is for the rules to say.
            answer(operation, "400", "BadRequest");
            answer(operation, "403", "Forbidden");
        } else if path.starts_with("/access/") {
            answer(operation, "400", "BadRequest");
            answer(operation, "413", "TooLarge");
        }
        return;
    }
    let parameters = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    let takes = |place: &str| parameters.iter().any(|parameter| parameter["in"] == place);
    let (takes_path, takes_if_match) = (takes("path"), takes("header"));
    let takes_body = operation.contains_key("requestBody");
    let writes = method != "get";
    // Roles, permissions and scopes that a new one is to have must be there.
    let names_others = method == "post" && NAME_OTHERS.contains(&path);
    let answers = [
        (writes || !parameters.is_empty(), "400", "BadRequest"),
        (takes_path || names_others, "404", "NotFound"),
        (writes && path != "/v1/me/password", "409", "Conflict"),
        (takes_if_match, "412", "Stale"),
        (takes_body || method == "put", "413", "TooLarge"),
        (takes_body, "415", "NotJson"),
    ];
    for (_, status, name) in answers.into_iter().filter(|(applies, ..)| *applies) {
        answer(operation, status, name);
    }
}
