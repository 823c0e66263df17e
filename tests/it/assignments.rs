//! /v1/users/{user}/roles, /v1/users/{user}/permissions and /v1/roles/{role}/users

use serde_json::json;

use crate::support::{PASSWORD, Server, sorted};

#[tokio::test]
async fn roles_are_assigned_listed_by_name_and_taken_away() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for role in ["writer", "reader"] {
        server.role(role, &[]).await;
    }
    server.user("alice", &[]).await;
    admin.put("/v1/users/Alice/roles/Writer").await.assert(204);
    admin.put_json("/v1/users/alice/roles/reader", json!({})).await.assert(204);
    let listed = admin.get("/v1/users/alice/roles").await.assert(200);
    let direct = |role: &str| json!({ "role": role, "direct": true });
    assert_eq!(listed.body, json!({ "items": [direct("reader"), direct("writer")] }));
    admin.delete("/v1/users/alice/roles/reader").await.assert(204);
    assert_eq!(admin.names("/v1/users/alice/roles", "role").await, ["writer"]);
}

#[tokio::test]
async fn a_roles_users_are_those_it_is_assigned_to() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &[]).await;
    server.user("zoe", &["reader"]).await;
    server.user("bob", &[]).await;
    server.user("alice", &["reader"]).await;
    assert_eq!(sorted(admin.names("/v1/roles/READER/users", "username").await), ["alice", "zoe"]);
    admin.delete("/v1/users/zoe").await.assert(204);
    let listed = admin.get("/v1/roles/reader/users").await.assert(200);
    assert_eq!(listed.body, json!({ "items": [{ "username": "alice", "direct": true }] }));
}

#[tokio::test]
async fn a_users_permissions_are_those_of_its_roles_and_say_which_give_them() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("writer", &["articles:update", "articles:read"]).await;
    server.role("reader", &["articles:read"]).await;
    server.role("unrelated", &["x:y"]).await;
    server.user("alice", &["reader", "writer"]).await;
    let listed = admin.get("/v1/users/alice/permissions").await.assert(200);
    let expected = json!([
        { "permission": "articles:read", "via": ["reader", "writer"] },
        { "permission": "articles:update", "via": ["writer"] },
    ]);
    assert_eq!(listed.body["items"], expected);
}

#[tokio::test]
async fn assigning_what_is_assigned_and_taking_what_is_not_writes_nothing_and_marks_nobody() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &["users:read"]).await);
    server.role("reader", &[]).await;
    let (revision, tag) = (server.revision(), admin.etag("/v1/users/alice").await);
    admin.put("/v1/users/alice/roles/alice").await.assert(204);
    admin.delete("/v1/users/alice/roles/reader").await.assert(204);
    assert_eq!((server.revision(), admin.etag("/v1/users/alice").await), (revision, tag));
    alice.get("/v1/users").await.assert(200);
}

#[tokio::test]
async fn an_assignment_is_of_a_role_to_a_user_who_are_there() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user("alice", &[]).await;
    for (path, status, code) in [
        ("nobody/roles/admin", 404, "not_found"),
        ("alice/roles/nothing", 404, "not_found"),
        ("67e55044-10b1-426f-9247-bb680e5fe0c8/roles/admin", 404, "not_found"),
        ("alice/roles/a:b", 400, "bad_request"),
        ("a:b/roles/admin", 400, "bad_request"),
    ] {
        admin.put(&format!("/v1/users/{path}")).await.assert_problem(status, code);
        admin.delete(&format!("/v1/users/{path}")).await.assert_problem(status, code);
    }
    let body = json!({ "valid_for": "ever" });
    admin.put_json("/v1/users/alice/roles/admin", body).await.assert_problem(400, "bad_request");
    assert!(admin.all("/v1/users/alice/roles").await.is_empty());
}

#[tokio::test]
async fn an_empty_object_is_no_members_however_it_is_spaced() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &[]).await;
    server.user("alice", &[]).await;
    for body in ["", " ", "{}", " { } ", "{\n}"] {
        let request = admin.request(reqwest::Method::PUT, "/v1/users/alice/roles/reader").body(body);
        let answer = admin.send(request).await;
        assert_eq!(answer.status, 204, "{body:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_role_taken_away_is_out_at_once() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &["users:read"]).await);
    server.user("bob", &["alice"]).await;
    let bob = server.sign_in("bob", PASSWORD).await;
    admin.delete("/v1/users/alice/roles/alice").await.assert(204);
    alice.get("/v1/users").await.assert_invalid_token();
    bob.get("/v1/users").await.assert(200);
    let again = server.sign_in("alice", PASSWORD).await;
    again.get("/v1/users").await.assert_problem(403, "insufficient_scope");

    admin.put("/v1/users/alice/roles/alice").await.assert(204);
    alice.get("/v1/users").await.assert_invalid_token();
}

#[tokio::test]
async fn a_newly_assigned_role_sends_the_client_for_a_new_token() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &[]).await);
    server.role("reader", &["users:read"]).await;
    admin.put("/v1/users/alice/roles/reader").await.assert(204);
    alice.get("/v1/users").await.assert_invalid_token();
    server.sign_in("alice", PASSWORD).await.get("/v1/users").await.assert(200);
}
