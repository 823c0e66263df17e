//! The OpenAPI document: what the handlers say, made into what generators and people can use.

mod answers;
mod dry_runs;
mod tidy;

use poem_openapi::OpenApiService;
use rolecall_guard::document::{describe_guards, operations};
use serde_json::{Map, Value, json};

use super::State;
use crate::catalogue::{ADMIN, CATALOGUE};

const ABOUT: &str = "Who may do what, as one server: people and services sign in, admins say who may do what, and everyone \
                     gets a token that carries roles and permissions.\n\nErrors are RFC 9457 problems with a stable \
                     `code`. Lists come in pages: send `next` as `cursor` until there is none. Whatever changes policy \
                     stands below `/v1/dry-run/`, too, and there only tells what would change.";

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
    answers::describe_shared(&mut document);
    for (path, method, operation) in operations(&mut document) {
        answers::describe_common(&path, &method, operation);
        describe_parameters(&method, operation);
        tidy::operation(operation);
    }
    tidy::schemas(&mut document);
    mark_clearable(&mut document);
    bound_cardinalities(&mut document);
    close_bodies(&mut document);
    dry_runs::separate(&mut document);
    order_tags(&mut document);
    let parts = ["openapi", "info", "servers", "tags", "paths", "components"];
    Ok(parts.into_iter().map(|part| (part.to_owned(), document[part].take())).collect())
}

/// The document as YAML.
pub fn yaml(state: &State) -> Result<String, String> {
    serde_yaml::to_string(&document(state)?).map_err(|error| error.to_string())
}

/// What a fresh server has: who only looks need not make something first.
const AT_FIRST: [(&str, &str); 3] = [("user", "admin"), ("role", ADMIN), ("permission", "users:read")];

/// What a parameter means wherever it stands.
fn describe_parameters(method: &str, operation: &mut Map<String, Value>) {
    let shared = [
        ("limit", "How many items a page has at most."),
        ("cursor", "The `next` of the page before; none for the first."),
        ("role", "A role's name."),
        ("junior", "The name of the role to inherit from."),
        ("set", "A separation set's name or id."),
        ("permission", "A permission's name."),
        ("client", "A client's `client_id`."),
        ("session", "A session's `id`; a token's `sid` names its own."),
    ];
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter["name"] == "junior" {
            // A role is not its own junior.
            parameter["example"] = json!("reader");
        }
        if let Some((_, there)) = AT_FIRST.iter().find(|(name, _)| method == "get" && parameter["name"] == *name) {
            parameter["example"] = json!(there);
        }
        if let Some((_, description)) = shared.iter().find(|(name, _)| parameter["name"] == *name) {
            parameter["description"] = json!(description);
        }
    }
}

/// The members of a patch that `null` clears.
fn mark_clearable(document: &mut Value) {
    let schemas = document["components"]["schemas"].as_object_mut().into_iter().flatten();
    for (_, schema) in schemas.filter(|(name, _)| name.ends_with("Patch")) {
        for member in ["email", "display_name", "description", "audience", "scopes"] {
            if let Some(member) = schema["properties"].get_mut(member) {
                member["nullable"] = json!(true);
            }
        }
    }
}

/// A separation set is about two roles at least.
fn bound_cardinalities(document: &mut Value) {
    for (_, schema) in document["components"]["schemas"].as_object_mut().into_iter().flatten() {
        if let Some(cardinality) = schema.pointer_mut("/properties/cardinality") {
            cardinality["minimum"] = json!(2);
        }
    }
}

/// A JSON body's unknown members are refused below `/v1/`, so the document says so.
fn close_bodies(document: &mut Value) {
    let bodies: Vec<String> = operations(document)
        .filter(|(path, ..)| path.starts_with("/v1/"))
        .filter_map(|(_, _, operation)| {
            let schema = &operation.get("requestBody")?["content"]["application/json"]["schema"]["$ref"];
            Some(schema.as_str()?.trim_start_matches('#').to_owned())
        })
        .collect();
    for body in bodies {
        if let Some(schema) = document.pointer_mut(&body) {
            schema["additionalProperties"] = json!(false);
        }
    }
}

/// Tags stand in the order in which a person needs them.
fn order_tags(document: &mut Value) {
    let order = [
        "Me",
        "Users",
        "Roles",
        "Permissions",
        "Assignments",
        "Policy",
        "Dry runs",
        "Access",
        "Separation sets",
        "Sessions",
        "Clients",
        "Sign in",
        "Ledger",
        "Operations",
    ];
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.sort_by_key(|tag| order.iter().position(|name| tag["name"] == *name).unwrap_or(order.len()));
    }
}
