//! The OpenAPI document

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use rolecall::{api::document, catalogue::CATALOGUE, node};
use serde_json::{Map, Value, json};

use crate::support::{Answer, Client, Server, claims};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

struct Operation {
    path: String,
    method: String,
    body: Map<String, Value>,
}

fn built() -> Value {
    document::document(&node::detached("m=32,t=1,p=1".parse().unwrap())).unwrap()
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, body) in item.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{path} has {method}");
            let (path, method, body) = (path.clone(), method.clone(), body.as_object().unwrap().clone());
            operations.push(Operation { path, method, body });
        }
    }
    operations
}

/// Every value in the document, with where it stands.
fn walk<'a>(value: &'a Value, place: &str, visit: &mut impl FnMut(&str, &'a Value)) {
    visit(place, value);
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| walk(value, &format!("{place}/{name}"), visit));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| walk(value, &format!("{place}/{n}"), visit));
        }
        _ => {}
    }
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(reference) = value["$ref"].as_str() else { return value };
    document.pointer(reference.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

#[test]
fn the_document_in_the_repository_is_what_the_code_says() {
    let yaml = document::yaml(&node::detached("m=32,t=1,p=1".parse().unwrap())).unwrap();
    assert!(yaml == include_str!("../../openapi.yaml"), "write it anew: cargo run -- openapi > openapi.yaml");
}

#[tokio::test]
async fn the_document_that_is_served_is_the_same() {
    let server = Server::start().await;
    assert!(server.anonymous().get("/openapi.json").await.assert(200).body == built());
    assert!(server.anonymous().get("/openapi.yaml").await.assert(200).text == include_str!("../../openapi.yaml"));
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_a_declared_tag() {
    let document = built();
    let tags: BTreeSet<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut names = BTreeSet::new();
    for Operation { path, method, body } in operations(&document) {
        let place = format!("{method} {path}");
        assert!(names.insert(body["operationId"].as_str().unwrap().to_owned()), "{place}");
        assert!(!body["summary"].as_str().unwrap().is_empty(), "{place}");
        let [tag] = body["tags"].as_array().unwrap().as_slice() else { panic!("{place}") };
        assert!(tags.contains(tag.as_str().unwrap()), "{place}");
    }
}

#[test]
fn every_operation_has_one_guard_and_everything_said_of_it_agrees() {
    let document = built();
    let flows = &document["components"]["securitySchemes"]["rolecall"]["flows"];
    assert_eq!(flows["password"], flows["clientCredentials"]);
    let scopes = flows["password"]["scopes"].as_object();
    let catalogue: BTreeMap<_, _> = CATALOGUE.iter().map(|each| (each.name, each.description)).collect();
    let described: BTreeMap<_, _> =
        scopes.unwrap().iter().map(|(name, text)| (&**name, text.as_str().unwrap())).collect();
    assert_eq!(described, catalogue);
    for Operation { path, method, body } in operations(&document) {
        let place = format!("{method} {path}");
        let security = &body["security"];
        let permission = body.get("x-required-permission");
        let answers = |status: &str| body["responses"].get(status).is_some();
        if security == &json!([]) {
            assert!(permission.is_none() && !path.starts_with("/v1/"), "{place} is public");
            continue;
        }
        let expected: Vec<_> = permission.into_iter().collect();
        assert_eq!(security, &json!([{ "rolecall": expected }]), "{place}");
        assert!(permission.is_none_or(|name| catalogue.contains_key(name.as_str().unwrap())), "{place}");
        assert!(answers("401") && answers("503"), "{place}");
        let unless_owner = body.get("x-required-permission-unless-owner");
        assert!(unless_owner.is_none_or(|name| catalogue.contains_key(name.as_str().unwrap())), "{place}");
        // Its permission is for the operator's rules to say.
        let by_rules = path == "/access/forward-auth";
        assert_eq!(answers("403"), permission.or(unless_owner).is_some() || by_rules, "{place}");
    }
}

#[test]
fn every_reference_stands_alone_and_leads_somewhere_and_nothing_is_null() {
    let document = built();
    let mut references = 0;
    walk(&document, "", &mut |place, value| {
        assert!(!value.is_null(), "{place} is null");
        if value["$ref"].is_string() {
            references += 1;
            resolve(&document, value);
            assert_eq!(value.as_object().unwrap().len(), 1, "{place}: what stands beside a reference is not read");
        }
    });
    assert!(references > 100);
}

#[test]
fn every_error_has_the_one_shape_of_its_operation() {
    let document = built();
    for Operation { path, method, body } in operations(&document) {
        let (media_type, schema) = if path.starts_with("/oauth/") {
            ("application/json", "#/components/schemas/OAuthError")
        } else {
            ("application/problem+json", "#/components/schemas/Problem")
        };
        for (status, response) in body["responses"].as_object().unwrap() {
            if status.starts_with('2') {
                continue;
            }
            let content = resolve(&document, response)["content"].as_object().unwrap();
            assert_eq!(content.keys().collect::<Vec<_>>(), [media_type], "{method} {path}: {status}");
            assert_eq!(content[media_type]["schema"], json!({ "$ref": schema }), "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn what_may_be_left_out_of_something_new_may_be_null() {
    let server = Server::start().await;
    let (document, admin) = (built(), server.admin().await);
    for (schema, path) in [
        ("UserCreate", "/v1/users"),
        ("RoleCreate", "/v1/roles"),
        ("PermissionCreate", "/v1/permissions"),
        ("ClientCreate", "/v1/clients"),
    ] {
        let schema = &document["components"]["schemas"][schema];
        let (mut new, required) = (schema["example"].clone(), schema["required"].as_array().unwrap());
        for member in schema["properties"].as_object().unwrap().keys() {
            if !required.contains(&json!(member)) {
                new[member] = Value::Null;
            }
        }
        admin.post(path, new).await.assert(201);
    }
}

#[tokio::test]
async fn what_something_new_needs_and_is_not_there_is_404_as_documented() {
    let server = Server::start().await;
    let (document, admin) = (built(), server.admin().await);
    for (path, new) in [
        ("/v1/users", json!({ "username": "alice", "roles": ["nobody"] })),
        ("/v1/roles", json!({ "name": "editor", "juniors": ["nobody"] })),
        ("/v1/separation-sets", json!({ "name": "a", "kind": "static", "cardinality": 2, "roles": ["x", "y"] })),
        ("/v1/clients", json!({ "name": "a", "grants": ["client_credentials"], "scopes": ["not:there"] })),
    ] {
        admin.post(path, new).await.assert_problem(404, "not_found");
        assert!(document["paths"][path]["post"]["responses"]["404"].is_object(), "{path}");
    }
}

/// The order in which someone would try the examples: make, look, change, undo from the inside out.
fn rank(operation: &Operation) -> (usize, usize) {
    let rank = match (operation.method.as_str(), operation.path.as_str()) {
        ("post", path) if path.starts_with("/v1/") => 0,
        ("post", _) => 1,
        (_, "/v1/me/password") => 2,
        ("get", _) => 3,
        ("put", _) => 4,
        ("patch", _) => 5,
        _ => return (6, usize::MAX - operation.path.len()),
    };
    (rank, 0)
}

/// Sends what Swagger UI would, with nothing typed.
async fn try_out(document: &Value, operation: &Operation, caller: &Client) -> Answer {
    let (mut path, mut query) = (operation.path.clone(), Vec::new());
    if let Some(token) = &caller.token {
        // Nobody can know a session's id beforehand.
        path = path.replace("{session}", claims(token)["sid"].as_str().unwrap());
    }
    for parameter in operation.body.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        let example = parameter["example"].as_str().or(resolve(document, &parameter["schema"])["example"].as_str());
        match (parameter["in"].as_str().unwrap(), example) {
            ("path", Some(example)) => path = path.replace(&format!("{{{name}}}"), example),
            ("query", Some(example)) => query.push((name.to_owned(), example.to_owned())),
            ("path", None) if name == "session" => {}
            (_, example) => assert!(example.is_none() && parameter["required"] == false, "{path}: {name}"),
        }
    }
    let mut request = caller.request(Method::from_bytes(operation.method.to_uppercase().as_bytes()).unwrap(), &path);
    request = request.query(&query);
    let content = operation.body.get("requestBody").map(|body| body["content"].as_object().unwrap());
    if let Some((media_type, content)) = content.and_then(|content| content.iter().next()) {
        let example = &resolve(document, &content["schema"])["example"];
        assert!(example.is_object(), "{path} has no example");
        let form = media_type == "application/x-www-form-urlencoded";
        request = if form { request.form(example) } else { request.json(example) };
    }
    caller.send(request).await
}

#[tokio::test]
async fn every_example_works_as_it_stands_on_a_fresh_server() {
    let server = Server::start().await;
    let (document, mut admin) = (built(), server.admin().await);
    let mut all = operations(&document);
    all.sort_by_key(rank);
    // Roles that examples name beside the one that an example makes.
    for role in ["reader", "cashier", "approver"] {
        server.role(role, &[]).await;
    }
    let mut alice = None;
    for operation in &all {
        let caller = if operation.path == "/v1/me/password" { alice.as_ref().unwrap() } else { &admin };
        let caller = if operation.path.starts_with("/oauth/") { &server.anonymous() } else { caller };
        let before = server.revision();
        let answer = try_out(&document, operation, caller).await;
        let place = format!("{} {}", operation.method, operation.path);
        if operation.path.starts_with("/v1/dry-run/") {
            assert_eq!(server.revision(), before, "{place}");
        }
        if operation.path == "/oauth/introspect" {
            // It is for clients with a secret, and a fresh server has none.
            assert_eq!(answer.status, 401, "{place}");
            continue;
        }
        if operation.body["operationId"] == "forward_auth" {
            // It is for gateways, which say what it is about.
            answer.assert_problem(400, "bad_request");
            continue;
        }
        if operation.path.ends_with("/sessions/{session}/roles/{role}") && operation.method == "put" {
            // Nobody is authorized for the role of the examples.
            answer.assert_problem(409, "not_authorized");
            continue;
        }
        assert!((200..300).contains(&answer.status), "{place}: {} {}", answer.status, answer.text);
        assert!(operation.body["responses"].get(answer.status.to_string()).is_some(), "{place}: {}", answer.status);
        if operation.path.contains("/sessions") {
            // Some of these sign out.
            admin = server.admin().await;
        }
        if operation.path == "/oauth/token" {
            alice = Some(server.bearing(answer.token()));
        }
    }
}

/// Looking needs no making first, but where a fresh server has nothing to look at.
#[tokio::test]
async fn every_example_that_only_reads_works_on_the_first_click() {
    let server = Server::start().await;
    let (document, admin) = (built(), server.admin().await);
    let mut worked = 0;
    for operation in operations(&document).iter().filter(|operation| operation.method == "get") {
        let answer = try_out(&document, operation, &admin).await;
        if ["{set}", "{client}"].iter().any(|none| operation.path.contains(none)) {
            assert!(
                answer.assert_problem(404, "not_found").body["detail"].as_str().unwrap().starts_with("There is no")
            );
            continue;
        }
        // Only a gateway asks this; a person is told what is missing.
        if operation.path == "/access/forward-auth" {
            answer.assert_problem(400, "bad_request");
            continue;
        }
        answer.assert(200);
        worked += 1;
    }
    assert!(worked >= 25, "{worked}");
}

/// A generator has a type for each: with several, users of its client would have to tell them apart.
#[test]
fn every_operation_takes_one_media_type_and_has_one_success() {
    let document = built();
    for Operation { path, method, body } in operations(&document) {
        let successes = body["responses"].as_object().unwrap().keys().filter(|status| status.starts_with('2'));
        assert_eq!(successes.count(), 1, "{method} {path}");
        let taken = body.get("requestBody").map(|body| body["content"].as_object().unwrap().len());
        assert!(taken.is_none_or(|taken| taken == 1), "{method} {path}");
    }
}

#[test]
fn the_sections_come_in_the_order_in_which_a_person_needs_them() {
    let document = built();
    let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    assert_eq!(tags[..5], ["Me", "Users", "Roles", "Permissions", "Assignments"]);
    assert_eq!(tags.last(), Some(&"Operations"));
}

#[test]
fn every_function_of_the_standard_is_a_request_that_there_is() {
    let (document, table) = (built(), include_str!("../../docs/standard.md"));
    let requests =
        table.lines().filter(|line| line.starts_with("| ")).flat_map(|line| line.split('`').skip(1).step_by(2));
    let mut found = 0;
    for request in requests {
        let Some((method, path)) = request.split_once(' ').filter(|(_, path)| path.starts_with('/')) else { continue };
        found += 1;
        assert!(document["paths"][path][method.to_lowercase()].is_object(), "{request}");
    }
    assert!(found >= 36, "{found}");
    for function in ["AddDescendant", "UserOperationsOnObject", "DsdRoleSetCardinality", "SetSsdSetCardinality"] {
        assert!(table.contains(function));
    }
}
