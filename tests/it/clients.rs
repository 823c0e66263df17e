//! /v1/clients

mod lost;
mod rules;
mod secrets;
mod service_users;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Server, sorted};

/// An application that gets tokens for itself.
pub fn service(client_id: &str) -> Value {
    json!({ "name": "A service", "client_id": client_id, "grants": ["client_credentials"] })
}

/// One of our own, in which people sign in.
pub fn app(client_id: &str) -> Value {
    let grants = ["password", "refresh_token"];
    json!({ "name": "An app", "client_id": client_id, "first_party": true, "grants": grants })
}

#[tokio::test]
async fn a_client_is_created_read_changed_and_deleted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let new = json!({
        "name": "Billing", "client_id": "Billing", "grants": ["client_credentials"],
        "audience": "https://articles.example", "scopes": ["users:read", "access:read", "users:read"],
    });
    let created = admin.post("/v1/clients", new).await.assert(201);
    assert_eq!(created.header("location"), "/v1/clients/billing");
    let members: Vec<_> = created.body.as_object().unwrap().keys().map(String::as_str).collect();
    let shown =
        ["client_id", "name", "first_party", "grants", "audience", "scopes", "created_at", "updated_at"].as_slice();
    assert_eq!(members, [shown, &["client_secret"]].concat());
    assert_eq!(created.body["client_id"], "billing");
    assert_eq!(created.body["first_party"], false);
    assert_eq!(created.body["scopes"], json!(["access:read", "users:read"]));

    let read = admin.get("/v1/clients/BILLING").await.assert(200);
    let mut without_secret = created.body.clone();
    without_secret.as_object_mut().unwrap().remove("client_secret");
    assert_eq!((&read.body, read.header("etag")), (&without_secret, created.header("etag")));

    let patch = json!({ "name": "Dunning", "audience": null, "scopes": null });
    let changed = admin.patch("/v1/clients/billing", patch).await.assert(200);
    let members: Vec<_> = changed.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["client_id", "name", "first_party", "grants", "created_at", "updated_at"]);
    assert_eq!(changed.body["name"], "Dunning");
    assert_ne!(changed.body["updated_at"], read.body["updated_at"]);
    assert_ne!(changed.header("etag"), read.header("etag"));
    assert_eq!(admin.get("/v1/clients/billing").await.body, changed.body);

    admin.delete("/v1/clients/billing").await.assert(204);
    admin.get("/v1/clients/billing").await.assert_problem(404, "not_found");
    admin.patch("/v1/clients/billing", json!({})).await.assert_problem(404, "not_found");
    admin.post("/v1/clients/billing/secrets", json!({})).await.assert_problem(404, "not_found");
    admin.delete("/v1/clients/billing").await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn a_client_without_an_id_gets_one() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let new = json!({ "name": "Billing", "grants": ["client_credentials"] });
    let mut ids = Vec::new();
    for _ in 0..2 {
        let created = admin.post("/v1/clients", new.clone()).await.assert(201);
        let id = created.body["client_id"].as_str().unwrap().to_owned();
        let digits = id.strip_prefix("client-").unwrap();
        assert!(digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert_eq!(created.header("location"), format!("/v1/clients/{id}"));
        ids.push(id);
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(sorted(admin.names("/v1/clients", "client_id").await), sorted(ids));
}

/// What no client can be, and which rule says so.
fn impossible() -> Vec<(Value, &'static str)> {
    vec![
        (json!({ "client_id": "a b" }), "client_id: must be 1 to 128 of"),
        (json!({ "client_id": "67e55044-10b1-426f-9247-bb680e5fe0c8" }), "must not look like a UUID"),
        (json!({ "client_id": "System" }), "must not be system"),
        (json!({ "client_secret": "mine" }), "`client_secret`"),
        (json!({ "redirect_uris": [] }), "`redirect_uris`"),
        (json!({ "name": "x".repeat(201) }), "at most 200 characters"),
        (json!({ "name": null }), ""),
        (json!({ "first_party": "yes" }), ""),
        (json!({ "grants": null }), ""),
        (json!({ "grants": [] }), "grants: must list at least 1"),
        (json!({ "grants": ["implicit"] }), "grants[0]: must be one of"),
        (json!({ "grants": ["refresh_token"] }), "nothing to refresh"),
        (json!({ "grants": ["refresh_token", "client_credentials"] }), "nothing to refresh"),
        (json!({ "audience": "" }), "1 to 500 visible ASCII"),
        (json!({ "audience": "a b" }), "1 to 500 visible ASCII"),
        (json!({ "audience": "a".repeat(501) }), "1 to 500 visible ASCII"),
        (json!({ "scopes": ["users"] }), "must be resource:action"),
        (json!({ "scopes": vec!["users:read"; 501] }), "scopes: must list at most 500"),
    ]
}

fn merged(mut body: Value, more: &Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_client_that_can_not_be_is_refused_by_rule() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let before = admin.post("/v1/clients", service("there")).await.assert(201);
    let revision = server.revision();
    for (members, rule) in impossible() {
        let created = admin.post("/v1/clients", merged(service("new"), &members)).await;
        let patched = admin.patch("/v1/clients/there", merged(json!({ "name": "x" }), &members)).await;
        let rules = [rule, if rule.starts_with("client_id") || rule.starts_with("must not") { "" } else { rule }];
        for (answer, rule) in [created, patched].into_iter().zip(rules) {
            let answer = answer.assert_problem(400, "bad_request");
            assert!(answer.body["detail"].as_str().unwrap().contains(rule), "{rule}: {}", answer.text);
        }
    }
    for missing in ["name", "grants"] {
        let mut new = service("new");
        new.as_object_mut().unwrap().remove(missing);
        admin.post("/v1/clients", new).await.assert_problem(400, "bad_request");
    }
    admin.get("/v1/clients/a%20b").await.assert_problem(400, "bad_request");
    assert_eq!(server.revision(), revision);
    assert_eq!(admin.etag("/v1/clients/there").await, before.header("etag"));
}

#[tokio::test]
async fn only_a_first_party_client_may_have_password() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let third = json!({ "name": "X", "client_id": "x", "grants": ["password"] });
    admin.post("/v1/clients", third).await.assert_problem(400, "not_first_party");
    let (of_app, of_service) = ("/v1/clients/app", "/v1/clients/service");
    admin.post("/v1/clients", app("app")).await.assert(201);
    admin.post("/v1/clients", service("service")).await.assert(201);
    let revision = server.revision();
    let both = json!(["password", "client_credentials"]);
    for (path, patch) in [
        (of_app, json!({ "first_party": false })),
        (of_app, json!({ "first_party": false, "grants": ["password"] })),
        (of_service, json!({ "grants": ["password"] })),
        (of_service, json!({ "grants": both, "first_party": false })),
    ] {
        admin.patch(path, patch).await.assert_problem(400, "not_first_party");
    }
    assert_eq!(server.revision(), revision);
    admin.patch(of_service, json!({ "grants": both, "first_party": true })).await.assert(200);
    let other = json!({ "grants": ["client_credentials"], "first_party": false });
    assert_eq!(admin.patch(of_app, other).await.assert(200).body["first_party"], false);
}

#[tokio::test]
async fn scopes_are_permissions_and_none_of_them_is_not_any() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let with = |scopes: Value| merged(service("app"), &json!({ "scopes": scopes }));
    admin.post("/v1/clients", with(json!(["users:read", "no:such"]))).await.assert_problem(404, "not_found");
    admin.get("/v1/clients/app").await.assert_problem(404, "not_found");

    let created = admin.post("/v1/clients", with(json!([]))).await.assert(201);
    assert_eq!(created.body["scopes"], json!([]));
    assert_eq!(admin.get("/v1/clients/app").await.body["scopes"], json!([]));
    admin.patch("/v1/clients/app", json!({ "scopes": ["no:such"] })).await.assert_problem(404, "not_found");
    let patched = admin.patch("/v1/clients/app", json!({ "scopes": ["users:read"] })).await.assert(200);
    assert_eq!(patched.body["scopes"], json!(["users:read"]));
    let cleared = admin.patch("/v1/clients/app", json!({ "scopes": null })).await.assert(200);
    assert!(cleared.body.get("scopes").is_none());
}

#[tokio::test]
async fn a_client_id_is_taken_in_any_case_and_rolecall_from_the_beginning() {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.post("/v1/clients", app("app")).await.assert(201);
    let revision = server.revision();
    for new in [app("app"), service("APP"), app("rolecall"), service("Rolecall")] {
        admin.post("/v1/clients", new).await.assert_problem(409, "already_exists");
    }
    admin.get("/v1/clients/rolecall").await.assert_problem(404, "not_found");
    admin.get("/v1/users/app").await.assert_problem(404, "not_found");
    assert_eq!(server.revision(), revision);
}

#[tokio::test]
async fn a_client_patch_that_changes_nothing_writes_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let new = merged(app("app"), &json!({ "scopes": ["users:read", "access:read"] }));
    let before = admin.post("/v1/clients", new).await.assert(201);
    let revision = server.revision();
    for patch in [
        json!({}),
        json!({ "name": "An app", "audience": null }),
        json!({ "grants": ["refresh_token", "password", "password"], "first_party": true }),
        json!({ "scopes": ["users:read", "access:read"] }),
    ] {
        let after = admin.patch("/v1/clients/app", patch).await.assert(200);
        assert_eq!(after.header("etag"), before.header("etag"));
        assert_eq!(after.body["updated_at"], before.body["updated_at"]);
    }
    assert_eq!(server.revision(), revision);
}

#[tokio::test]
async fn q_is_the_beginning_of_a_client_id_taken_literally_in_any_case() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for name in ["a_b", "axb", "xa"] {
        admin.post("/v1/clients", app(name)).await.assert(201);
    }
    for (q, found) in [("a_", &["a_b"][..]), ("A", &["a_b", "axb"]), ("%25", &[]), ("%5C", &[])] {
        assert_eq!(sorted(admin.names(&format!("/v1/clients?q={q}"), "client_id").await), found, "{q}");
    }
    let next = admin.get("/v1/clients?q=a&limit=1").await.body["next"].as_str().unwrap().to_owned();
    admin.get(&format!("/v1/clients?cursor={next}")).await.assert_problem(400, "bad_request");
}

#[tokio::test]
async fn a_clients_etag_changes_with_it_and_its_secrets_and_a_stale_one_changes_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let created = admin.post("/v1/clients", service("app")).await.assert(201);
    let mut tags = vec![created.header("etag").to_owned()];
    let patched = admin.patch("/v1/clients/app", json!({ "name": "x" })).await.assert(200);
    tags.push(patched.header("etag").to_owned());
    let rotated = admin.post("/v1/clients/app/secrets", json!({})).await.assert(201);
    tags.push(rotated.header("etag").to_owned());
    assert_eq!(admin.etag("/v1/clients/app").await, tags[2]);
    assert!(tags[0] != tags[1] && tags[1] != tags[2], "{tags:?}");

    let revision = server.revision();
    let requests = [
        (Method::PATCH, "/v1/clients/app", json!({ "name": "y" })),
        (Method::POST, "/v1/clients/app/secrets", json!({})),
        (Method::DELETE, "/v1/clients/app", Value::Null),
    ];
    for (method, path, body) in requests.clone() {
        admin.if_match(method, path, &tags[1], body).await.assert_problem(412, "stale");
    }
    assert_eq!(server.revision(), revision);
    for (method, path, body) in requests {
        let tag = admin.etag("/v1/clients/app").await;
        let answer = admin.if_match(method, path, &tag, body).await;
        assert!(answer.status < 300, "{}", answer.text);
    }
}

#[tokio::test]
async fn the_first_thing_that_is_wrong_with_a_client_decides_the_answer() {
    let server = Server::start().await;
    server.admin().await.post("/v1/clients", service("app")).await.assert(201);
    let updater = server.person("updater", &["clients:update", "clients:create"]).await;
    let bystander = server.person("bystander", &[]).await;
    let patch = async |caller: &Client, client: &str, body: &Value, tag: &str| {
        caller.if_match(Method::PATCH, &format!("/v1/clients/{client}"), tag, body.clone()).await
    };
    let escalating = json!({ "first_party": true, "grants": ["client_credentials"] });
    let (malformed, third) = (json!({ "x": 1 }), json!({ "grants": ["password"] }));
    patch(&server.anonymous(), "nothing", &malformed, "\"0\"").await.assert_problem(401, "unauthenticated");
    for client in ["nothing", "app"] {
        patch(&bystander, client, &malformed, "\"0\"").await.assert_problem(403, "insufficient_scope");
        patch(&updater, client, &malformed, "\"0\"").await.assert_problem(400, "bad_request");
    }
    patch(&updater, "nothing", &third, "\"0\"").await.assert_problem(404, "not_found");
    patch(&updater, "app", &third, "\"0\"").await.assert_problem(412, "stale");
    patch(&updater, "app", &escalating, "*").await.assert_problem(403, "would_exceed_own_permissions");
    patch(&updater, "app", &third, "*").await.assert_problem(400, "not_first_party");
    let taken = merged(service("rolecall"), &json!({ "first_party": true }));
    updater.post("/v1/clients", taken).await.assert_problem(403, "would_exceed_own_permissions");
    updater.post("/v1/clients", service("rolecall")).await.assert_problem(409, "already_exists");
}
