//! /v1/roles

mod grants;
mod losses;
mod most;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Server, sorted};

#[tokio::test]
async fn a_role_is_created_read_changed_and_deleted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let created = admin.post("/v1/roles", json!({ "name": "Editor", "description": "Edits" })).await.assert(201);
    assert_eq!(created.header("location"), "/v1/roles/editor");
    let members: Vec<_> = created.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["id", "name", "description", "built_in", "created_at", "updated_at"]);
    assert_eq!(created.body["name"], "editor");
    assert_eq!(created.body["built_in"], false);

    let read = admin.get("/v1/roles/EDITOR").await.assert(200);
    assert_eq!((&read.body, read.header("etag")), (&created.body, created.header("etag")));

    let changed = admin.patch("/v1/roles/editor", json!({ "description": null })).await.assert(200);
    assert!(changed.body.get("description").is_none());
    assert_ne!(changed.body["updated_at"], created.body["updated_at"]);
    assert_ne!(changed.header("etag"), created.header("etag"));
    assert_eq!(admin.get("/v1/roles/editor").await.body, changed.body);

    admin.delete("/v1/roles/editor").await.assert(204);
    admin.get("/v1/roles/editor").await.assert_problem(404, "not_found");
    admin.patch("/v1/roles/editor", json!({})).await.assert_problem(404, "not_found");
    admin.delete("/v1/roles/editor").await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn a_role_is_created_with_permissions_or_not_at_all() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let with = |permissions: Value| json!({ "name": "editor", "permissions": permissions });
    let revision = server.revision();
    admin.post("/v1/roles", with(json!(["users:read", "no:such"]))).await.assert_problem(404, "not_found");
    admin.post("/v1/roles", with(json!(["users:read", "users"]))).await.assert_problem(400, "bad_request");
    admin.get("/v1/roles/editor").await.assert_problem(404, "not_found");
    assert_eq!(server.revision(), revision);

    admin.post("/v1/roles", with(json!(["users:read", "roles:read", "users:read"]))).await.assert(201);
    assert_eq!(admin.names("/v1/roles/editor/permissions", "permission").await, ["roles:read", "users:read"]);
}

#[tokio::test]
async fn a_role_that_can_not_be_is_refused_by_rule() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let long = "a".repeat(129);
    for name in ["", "-a", "a b", "ä", "a/b", "a:b", &long] {
        let answer = admin.post("/v1/roles", json!({ "name": name })).await.assert_problem(400, "bad_request");
        assert!(answer.body["detail"].as_str().unwrap().contains("must be 1 to 128 of"), "{}", answer.text);
    }
    admin.get("/v1/roles/a:b").await.assert_problem(400, "bad_request");
    admin.post("/v1/roles", json!({ "name": "a", "members": [] })).await.assert_problem(400, "bad_request");
    let wordy = json!({ "name": "a", "description": "x".repeat(1001) });
    admin.post("/v1/roles", wordy).await.assert_problem(400, "bad_request");
    assert_eq!(admin.names("/v1/roles", "name").await, ["admin"]);
}

#[tokio::test]
async fn a_role_name_is_taken_in_any_case() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("editor", &[]).await;
    for name in ["editor", "EDITOR", "Admin"] {
        admin.post("/v1/roles", json!({ "name": name })).await.assert_problem(409, "already_exists");
    }
}

#[tokio::test]
async fn a_role_patch_that_changes_nothing_writes_nothing_and_marks_nobody() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &[]).await);
    let before = admin.patch("/v1/roles/alice", json!({ "description": "Alice's" })).await.assert(200);
    let revision = server.revision();
    for patch in [json!({}), json!({ "description": "Alice's" })] {
        let after = admin.patch("/v1/roles/alice", patch).await.assert(200);
        assert_eq!((after.header("etag"), &after.body), (before.header("etag"), &before.body));
    }
    admin.patch("/v1/roles/alice", json!({ "name": "bob" })).await.assert_problem(400, "bad_request");
    assert_eq!(server.revision(), revision);
    alice.get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn describing_a_role_takes_nothing_from_anyone() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &[]).await);
    admin.patch("/v1/roles/alice", json!({ "description": "Alice's" })).await.assert(200);
    alice.get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn the_built_in_role_can_be_described_but_not_deleted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let described = admin.patch("/v1/roles/admin", json!({ "description": "Root" })).await.assert(200);
    assert_eq!((&described.body["built_in"], &described.body["description"]), (&json!(true), &json!("Root")));
    let revision = server.revision();
    admin.delete("/v1/roles/admin").await.assert_problem(409, "built_in");
    admin.if_match(Method::DELETE, "/v1/roles/admin", "\"0\"", Value::Null).await.assert_problem(412, "stale");
    assert_eq!(server.revision(), revision);
    admin.get("/v1/roles/admin").await.assert(200);
}

#[tokio::test]
async fn a_deleted_role_is_out_at_once_with_its_assignments_and_grants() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &["users:read"]).await);
    let bob = server.person("bob", &["users:read"]).await;
    admin.delete("/v1/roles/alice").await.assert(204);
    alice.get("/v1/users").await.assert_invalid_token();
    bob.get("/v1/users").await.assert(200);
    assert!(admin.all("/v1/users/alice/roles").await.is_empty());
    assert!(admin.all("/v1/users/alice/permissions").await.is_empty());
    let again = server.sign_in("alice", PASSWORD).await;
    assert_eq!(again.get("/v1/me").await.assert(200).body["roles"], json!([]));
    again.get("/v1/users").await.assert_problem(403, "insufficient_scope");
}

#[tokio::test]
async fn a_role_made_again_under_its_old_name_gives_nobody_anything() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &["users:read"]).await);
    let old = admin.get("/v1/roles/alice").await.body;
    admin.delete("/v1/roles/alice").await.assert(204);
    let between = server.sign_in("alice", PASSWORD).await;
    let new = admin.post("/v1/roles", json!({ "name": "alice" })).await.assert(201);
    assert_ne!(new.body["id"], old["id"]);
    assert!(admin.all("/v1/roles/alice/permissions").await.is_empty());
    assert!(admin.all("/v1/roles/alice/users").await.is_empty());
    admin.put("/v1/roles/alice/permissions/users:read").await.assert(204);
    alice.get("/v1/me").await.assert_invalid_token();
    between.get("/v1/users").await.assert_problem(403, "insufficient_scope");
    server.sign_in("alice", PASSWORD).await.get("/v1/users").await.assert_problem(403, "insufficient_scope");
}

#[tokio::test]
async fn a_roles_etag_changes_with_the_role_and_its_grants() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("editor", &["x:y"]).await;
    let mut tags = vec![admin.etag("/v1/roles/editor").await];
    let patched = admin.patch("/v1/roles/editor", json!({ "description": "Edits" })).await.assert(200);
    tags.push(patched.header("etag").to_owned());
    admin.delete("/v1/roles/editor/permissions/x:y").await.assert(204);
    tags.push(admin.etag("/v1/roles/editor").await);
    admin.put("/v1/roles/editor/permissions/x:y").await.assert(204);
    tags.push(admin.etag("/v1/roles/editor").await);
    admin.delete("/v1/permissions/x:y").await.assert(204);
    tags.push(admin.etag("/v1/roles/editor").await);
    for (n, tag) in tags.iter().enumerate() {
        assert!(!tags[..n].contains(tag), "{tags:?}");
    }
}

#[tokio::test]
async fn a_stale_if_match_on_a_role_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("editor", &["x:y"]).await;
    let stale = admin.etag("/v1/roles/editor").await;
    let current = admin.patch("/v1/roles/editor", json!({ "description": "Edits" })).await.assert(200);
    let current = current.header("etag").to_owned();
    let revision = server.revision();
    for tag in [&stale, &format!("W/{current}")] {
        for (method, path, body) in [
            (Method::PATCH, "/v1/roles/editor", json!({ "description": "x" })),
            (Method::PUT, "/v1/roles/editor/permissions/users:read", Value::Null),
            (Method::DELETE, "/v1/roles/editor/permissions/x:y", Value::Null),
            (Method::DELETE, "/v1/roles/editor", Value::Null),
        ] {
            admin.if_match(method, path, tag, body).await.assert_problem(412, "stale");
        }
    }
    assert_eq!(server.revision(), revision);
    let revoke = "/v1/roles/editor/permissions/x:y";
    admin.if_match(Method::DELETE, revoke, &current, Value::Null).await.assert(204);
    admin.if_match(Method::DELETE, "/v1/roles/editor", "*", Value::Null).await.assert(204);
}

#[tokio::test]
async fn q_is_the_beginning_of_a_roles_name_taken_literally_in_any_case() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for name in ["a_b", "axb", "xa"] {
        server.role(name, &[]).await;
    }
    for (q, found) in [("a_", &["a_b"][..]), ("A", &["a_b", "admin", "axb"]), ("%25", &[]), ("%5C", &[])] {
        assert_eq!(sorted(admin.names(&format!("/v1/roles?q={q}"), "name").await), found, "{q}");
    }
}
