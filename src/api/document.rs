//! The OpenAPI document: what the handlers say, made into what generators and people can use.

use poem_openapi::OpenApiService;
use rolecall_guard::document::{answer, describe_guards, operations, problem};
use serde_json::{Map, Value, json};

use super::State;
use crate::catalogue::CATALOGUE;

const ABOUT: &str = "Who may do what. Press **Authorize**, sign in with your username and password (leave the client \
                     fields empty), and try things out.\n\nErrors are RFC 9457 problems with a stable `code`. Lists \
                     come in pages: send `next` as `cursor` until there is none.";

/// The document, complete.
///
/// # Errors
/// When an operation has no guard or several.
pub fn document(state: &State) -> Result<Value, String> {
    let service = OpenApiService::new(super::api(state), "Rolecall", env!("CARGO_PKG_VERSION")).description(ABOUT);
    let mut document: Value = serde_json::from_str(&service.spec()).map_err(|error| error.to_string())?;
    document["openapi"] = json!("3.0.3");
    document["servers"] = json!([{ "url": "/", "description": "This server" }]);
    describe_guards(&mut document, CATALOGUE, "/oauth/token").map_err(|error| error.to_string())?;
    describe_problems(&mut document);
    for (path, method, operation) in operations(&mut document) {
        describe_common_answers(&path, &method, operation);
        rename_headers(operation);
    }
    plain_media_types(&mut document);
    mark_clearable(&mut document);
    order_tags(&mut document);
    let parts = ["openapi", "info", "servers", "tags", "paths", "components"];
    Ok(parts.into_iter().map(|part| (part.to_owned(), document[part].take())).collect())
}

/// The document as YAML.
pub fn yaml(state: &State) -> Result<String, String> {
    serde_yaml::to_string(&document(state)?).map_err(|error| error.to_string())
}

fn describe_problems(document: &mut Value) {
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
}

/// What an operation may answer follows from its path, its method and what it takes.
fn describe_common_answers(path: &str, method: &str, operation: &mut Map<String, Value>) {
    if !path.starts_with("/v1/") {
        if path == "/readyz" {
            answer(operation, "503", "Unavailable");
        }
        return;
    }
    let parameters = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    let takes = |place: &str| parameters.iter().any(|parameter| parameter["in"] == place);
    let (takes_path, takes_if_match) = (takes("path"), takes("header"));
    let takes_body = operation.contains_key("requestBody");
    let writes = method != "get";
    let answers = [
        (writes || !parameters.is_empty(), "400", "BadRequest"),
        (takes_path, "404", "NotFound"),
        (writes && path != "/v1/me/password", "409", "Conflict"),
        (takes_if_match, "412", "Stale"),
        (takes_body || method == "put", "413", "TooLarge"),
        (takes_body, "415", "NotJson"),
    ];
    for (_, status, name) in answers.into_iter().filter(|(applies, ..)| *applies) {
        answer(operation, status, name);
    }
}

/// poem-openapi writes header names in capitals.
fn rename_headers(operation: &mut Map<String, Value>) {
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, response) in responses {
        let Some(headers) = response.get_mut("headers").and_then(Value::as_object_mut) else { continue };
        for (capitals, name) in [("ETAG", "ETag"), ("LOCATION", "Location"), ("CACHE-CONTROL", "Cache-Control")] {
            if let Some(header) = headers.remove(capitals) {
                headers.insert(name.into(), header);
            }
        }
    }
}

/// JSON has no charset parameter (RFC 8259 §11); a patch may also come as a merge patch (RFC 7396).
fn plain_media_types(document: &mut Value) {
    for (_, method, operation) in operations(document) {
        let bodies = operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten();
        for (_, response) in bodies {
            plain_media_type(response);
        }
        if let Some(request) = operation.get_mut("requestBody") {
            plain_media_type(request);
            if method == "patch" {
                request["content"]["application/merge-patch+json"] = request["content"]["application/json"].clone();
            }
        }
    }
}

fn plain_media_type(body: &mut Value) {
    if let Some(content) = body.get_mut("content").and_then(Value::as_object_mut)
        && let Some(json) = content.remove("application/json; charset=utf-8")
    {
        content.insert("application/json".into(), json);
    }
}

/// The members of a patch that `null` clears.
fn mark_clearable(document: &mut Value) {
    let schemas = document["components"]["schemas"].as_object_mut().into_iter().flatten();
    for (_, schema) in schemas.filter(|(name, _)| name.ends_with("Patch")) {
        for member in ["email", "display_name", "description"] {
            if let Some(member) = schema["properties"].get_mut(member) {
                member["nullable"] = json!(true);
            }
        }
    }
}

/// Tags stand in the order in which operations first use them.
fn order_tags(document: &mut Value) {
    let order = ["Sign in", "Me", "Users", "Assignments", "Roles", "Permissions", "Ledger", "Operations"];
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.sort_by_key(|tag| order.iter().position(|name| tag["name"] == *name));
    }
}
