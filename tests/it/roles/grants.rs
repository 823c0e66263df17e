//! /v1/roles/{role}/permissions

use serde_json::json;

use crate::support::{PASSWORD, Server};

#[tokio::test]
async fn permissions_are_granted_listed_by_name_and_revoked() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("editor", &[]).await;
    for permission in ["users:read", "ledger:read"] {
        admin.put(&format!("/v1/roles/Editor/permissions/{permission}")).await.assert(204);
    }
    let listed = admin.get("/v1/roles/editor/permissions").await.assert(200);
    assert_eq!(listed.body, json!({ "items": [{ "permission": "ledger:read" }, { "permission": "users:read" }] }));
    admin.delete("/v1/roles/editor/permissions/ledger:read").await.assert(204);
    assert_eq!(admin.names("/v1/roles/editor/permissions", "permission").await, ["users:read"]);
}

#[tokio::test]
async fn granting_what_is_granted_and_revoking_what_is_not_writes_nothing_and_marks_nobody() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &["users:read"]).await);
    let (revision, tag) = (server.revision(), admin.etag("/v1/roles/alice").await);
    admin.put("/v1/roles/alice/permissions/users:read").await.assert(204);
    admin.put_json("/v1/roles/alice/permissions/users:read", json!({})).await.assert(204);
    admin.delete("/v1/roles/alice/permissions/ledger:read").await.assert(204);
    admin.put("/v1/roles/admin/permissions/users:read").await.assert(204);
    assert_eq!((server.revision(), admin.etag("/v1/roles/alice").await), (revision, tag));
    alice.get("/v1/users").await.assert(200);
}

#[tokio::test]
async fn a_grant_is_of_a_permission_to_a_role_that_are_there() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("editor", &[]).await;
    for (path, status, code) in [
        ("nobody/permissions/users:read", 404, "not_found"),
        ("editor/permissions/no:such", 404, "not_found"),
        ("editor/permissions/Users:read", 400, "bad_request"),
        ("editor/permissions/users", 400, "bad_request"),
    ] {
        admin.put(&format!("/v1/roles/{path}")).await.assert_problem(status, code);
        admin.delete(&format!("/v1/roles/{path}")).await.assert_problem(status, code);
    }
    for body in [json!({ "via": [] }), json!([]), json!("x")] {
        let answer = admin.put_json("/v1/roles/editor/permissions/users:read", body).await;
        answer.assert_problem(400, "bad_request");
    }
}

#[tokio::test]
async fn what_the_built_in_role_holds_is_fixed() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let before = admin.all("/v1/roles/admin/permissions").await;
    admin.post("/v1/permissions", json!({ "name": "x:y" })).await.assert(201);
    let revision = server.revision();
    admin.put("/v1/roles/admin/permissions/x:y").await.assert_problem(409, "built_in");
    admin.delete("/v1/roles/admin/permissions/users:read").await.assert_problem(409, "built_in");
    assert_eq!(server.revision(), revision);
    assert_eq!(admin.all("/v1/roles/admin/permissions").await, before);
}

#[tokio::test]
async fn a_revoked_permission_is_out_at_once() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &["users:read", "roles:read"]).await);
    let bob = server.person("bob", &["users:read"]).await;
    admin.delete("/v1/roles/alice/permissions/users:read").await.assert(204);
    alice.get("/v1/users").await.assert_invalid_token();
    alice.get("/v1/roles").await.assert_invalid_token();
    bob.get("/v1/users").await.assert(200);
    let again = server.sign_in("alice", PASSWORD).await;
    again.get("/v1/users").await.assert_problem(403, "insufficient_scope");
    again.get("/v1/roles").await.assert(200);
}

#[tokio::test]
async fn a_newly_granted_permission_sends_the_client_for_a_new_token() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &["users:read"]).await);
    alice.get("/v1/roles").await.assert_problem(403, "insufficient_scope");
    admin.put("/v1/roles/alice/permissions/roles:read").await.assert(204);
    alice.get("/v1/roles").await.assert_invalid_token();
    alice.get("/v1/users").await.assert(200);
    server.sign_in("alice", PASSWORD).await.get("/v1/roles").await.assert(200);
}

#[tokio::test]
async fn a_narrowed_token_stays_narrow_whatever_is_granted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.person("alice", &["users:read"]).await;
    let token = server.token("alice", PASSWORD, &[("scope", "users:read")]).await.assert(200);
    let alice = server.bearing(token.token());
    admin.put("/v1/roles/alice/permissions/roles:read").await.assert(204);
    alice.get("/v1/roles").await.assert_problem(403, "insufficient_scope");
    alice.get("/v1/users").await.assert(200);
}
