//! /v1/roles/{role}/juniors

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, Server, claims};

/// chief > editor > reader, each with a permission of its own.
async fn newspaper() -> (Server, Client) {
    let server = Server::start().await;
    let admin = server.admin().await;
    for (role, permission) in [("chief", "staff:hire"), ("editor", "articles:update"), ("reader", "articles:read")] {
        server.role(role, &[permission]).await;
    }
    admin.put("/v1/roles/chief/juniors/editor").await.assert(204);
    admin.put("/v1/roles/editor/juniors/reader").await.assert(204);
    (server, admin)
}

#[tokio::test]
async fn a_senior_has_every_permission_of_its_juniors_and_theirs() {
    let (server, admin) = newspaper().await;
    server.user("alice", &["chief"]).await;
    let names = admin.names("/v1/users/alice/permissions", "permission").await;
    assert_eq!(names, ["articles:read", "articles:update", "staff:hire"]);
    let token = server.sign_in("alice", PASSWORD).await.token.unwrap();
    assert_eq!(claims(&token)["roles"], json!(["chief"]), "without juniors");
    assert_eq!(claims(&token)["permissions"], json!(names));
    assert_eq!(admin.names("/v1/roles/chief/juniors", "role").await, ["editor"], "as stated");
    let authorized = admin.get("/v1/users/alice/roles").await.assert(200);
    let inherited = |role: &str| json!({ "role": role, "direct": false, "via": ["chief"] });
    let expected = json!([{ "role": "chief", "direct": true }, inherited("editor"), inherited("reader")]);
    assert_eq!(authorized.body["items"], expected);
    assert_eq!(admin.names("/v1/users/alice/roles?inherited=false", "role").await, ["chief"]);
}

#[tokio::test]
async fn a_role_may_be_made_between_others() {
    let (server, admin) = newspaper().await;
    server.user("alice", &["chief"]).await;
    let new =
        json!({ "name": "printer", "seniors": ["chief"], "juniors": ["reader"], "permissions": ["articles:read"] });
    admin.post("/v1/roles", new).await.assert(201);
    assert_eq!(admin.names("/v1/roles/chief/juniors", "role").await, ["editor", "printer"]);
    assert_eq!(admin.names("/v1/roles/printer/juniors", "role").await, ["reader"]);
    let circle = json!({ "name": "circle", "seniors": ["reader"], "juniors": ["chief"] });
    admin.post("/v1/roles", circle).await.assert_problem(409, "role_cycle");
    let above_admin = json!({ "name": "below", "seniors": ["admin"] });
    admin.post("/v1/roles", above_admin).await.assert_problem(409, "built_in");
    admin.post("/v1/roles", json!({ "name": "x", "juniors": ["none"] })).await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn no_role_is_above_itself() {
    let (_server, admin) = newspaper().await;
    for edge in ["chief/juniors/chief", "editor/juniors/chief", "reader/juniors/chief", "reader/juniors/editor"] {
        admin.put(&format!("/v1/roles/{edge}")).await.assert_problem(409, "role_cycle");
    }
    admin.put("/v1/roles/admin/juniors/reader").await.assert_problem(409, "built_in");
}

#[tokio::test]
async fn an_edge_is_kept_as_stated_and_goes_alone() {
    let (server, admin) = newspaper().await;
    server.user("alice", &["chief"]).await;
    let redundant = "/v1/roles/chief/juniors/reader";
    admin.put(redundant).await.assert(204);
    let revision = server.revision();
    admin.put(redundant).await.assert(204);
    admin.delete("/v1/roles/reader/juniors/chief").await.assert(204);
    assert_eq!(server.revision(), revision, "what is so already is not written");
    admin.delete("/v1/roles/editor/juniors/reader").await.assert(204);
    let names = admin.names("/v1/users/alice/permissions", "permission").await;
    assert_eq!(names, ["articles:read", "articles:update", "staff:hire"], "by way of the other edge");
    admin.delete(redundant).await.assert(204);
    assert_eq!(admin.names("/v1/users/alice/permissions", "permission").await, ["articles:update", "staff:hire"]);
}

#[tokio::test]
async fn what_a_junior_loses_its_seniors_tokens_lose_at_once() {
    let (server, admin) = newspaper().await;
    server.user("alice", &["chief"]).await;
    server.user("bob", &["reader"]).await;
    let losses = [
        (Method::DELETE, "/v1/roles/reader/permissions/articles:read"),
        (Method::PUT, "/v1/roles/reader/permissions/articles:read"),
        (Method::DELETE, "/v1/roles/editor/juniors/reader"),
        (Method::PUT, "/v1/roles/editor/juniors/reader"),
        (Method::DELETE, "/v1/permissions/articles:read"),
        (Method::DELETE, "/v1/roles/editor"),
    ];
    for (method, path) in losses {
        let alice = server.sign_in("alice", PASSWORD).await;
        alice.get("/v1/me").await.assert(200);
        let taken = method == Method::DELETE;
        admin.send(admin.request(method, path)).await.assert(204);
        let status = alice.get("/v1/me").await.status;
        assert_eq!(status, if taken { 401 } else { 200 }, "{path}");
    }
}

#[tokio::test]
async fn who_activated_a_junior_by_way_of_a_senior_loses_it_with_the_edge() {
    let (server, admin) = newspaper().await;
    server.user("alice", &["chief"]).await;
    for (undo, path) in [("/v1/roles/chief/juniors/editor", true), ("/v1/roles/chief", false)] {
        let signed_in = server.token("alice", PASSWORD, &[("roles", "reader")]).await.assert(200);
        let alice = server.bearing(signed_in.token());
        assert_eq!(claims(signed_in.token())["permissions"], json!(["articles:read"]));
        admin.delete(undo).await.assert(204);
        alice.get("/v1/me").await.assert_invalid_token();
        let again = server.refresh(signed_in.refresh_token(), &[]).await.assert(200);
        assert_eq!(claims(again.token())["roles"], json!([]), "no longer authorized for it");
        if path {
            admin.put(undo).await.assert(204);
        }
    }
}

#[tokio::test]
async fn a_right_gained_by_inheritance_needs_a_refresh_and_no_new_sign_in() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("clerk", &[]).await;
    server.role("viewer", &["users:read"]).await;
    server.user("alice", &["clerk"]).await;
    let signed_in = server.token("alice", PASSWORD, &[]).await.assert(200);
    let alice = server.bearing(signed_in.token());
    alice.get("/v1/users").await.assert_problem(403, "insufficient_scope");
    admin.put("/v1/roles/clerk/juniors/viewer").await.assert(204);
    alice.get("/v1/users").await.assert_invalid_token();
    let refreshed = server.refresh(signed_in.refresh_token(), &[]).await.assert(200);
    server.bearing(refreshed.token()).get("/v1/users").await.assert(200);
}

#[tokio::test]
async fn an_edge_gives_only_what_its_maker_holds() {
    let (server, _admin) = newspaper().await;
    server.role("low", &[]).await;
    let manager = server.person("manager", &["roles:read", "roles:update", "articles:read"]).await;
    manager.put("/v1/roles/low/juniors/reader").await.assert(204);
    manager.put("/v1/roles/low/juniors/editor").await.assert_problem(403, "would_exceed_own_permissions");
    let refused = manager.put("/v1/roles/chief/juniors/low").await;
    refused.assert_problem(403, "would_exceed_own_permissions");
    let refused = manager.delete("/v1/roles/editor/juniors/reader").await;
    refused.assert_problem(403, "would_exceed_own_permissions");
    manager.delete("/v1/roles/low/juniors/reader").await.assert(204);
}

#[tokio::test]
async fn the_administrator_may_be_one_by_inheritance_and_the_last_one_stays() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("owner", &[]).await;
    server.user("alice", &["owner"]).await;
    admin.put("/v1/roles/owner/juniors/admin").await.assert(204);
    admin.delete("/v1/users/admin/roles/admin").await.assert(204);
    let alice = server.sign_in("alice", PASSWORD).await;
    alice.get("/v1/users").await.assert(200);
    alice.delete("/v1/roles/owner/juniors/admin").await.assert_problem(409, "last_administrator");
    alice.delete("/v1/roles/owner").await.assert_problem(409, "last_administrator");
    alice.delete("/v1/users/alice/roles/owner").await.assert_problem(409, "last_administrator");
}

#[tokio::test]
async fn the_seniors_state_changes_with_its_juniors() {
    let (_server, admin) = newspaper().await;
    let old = admin.etag("/v1/roles/chief").await;
    admin.put("/v1/roles/chief/juniors/reader").await.assert(204);
    let new = admin.etag("/v1/roles/chief").await;
    assert_ne!(old, new);
    let edge = "/v1/roles/chief/juniors/reader";
    admin.if_match(Method::DELETE, edge, &old, Value::Null).await.assert_problem(412, "stale");
    admin.if_match(Method::DELETE, edge, &new, Value::Null).await.assert(204);
    let old = admin.etag("/v1/roles/editor").await;
    admin.delete("/v1/roles/reader").await.assert(204);
    assert_ne!(admin.etag("/v1/roles/editor").await, old);
}

#[tokio::test]
async fn a_deleted_role_leaves_nothing_of_its_place_behind() {
    let (server, admin) = newspaper().await;
    server.user("alice", &["chief"]).await;
    admin.delete("/v1/roles/editor").await.assert(204);
    server.role("editor", &[]).await;
    assert_eq!(admin.names("/v1/roles/chief/juniors", "role").await, [""; 0]);
    assert_eq!(admin.names("/v1/roles/editor/juniors", "role").await, [""; 0]);
    assert_eq!(admin.names("/v1/users/alice/permissions", "permission").await, ["staff:hire"]);
}

#[tokio::test]
async fn in_a_limited_hierarchy_a_role_has_one_immediate_junior() {
    let server = Server::with(&[("ROLECALL_HIERARCHY", "limited")]).await;
    let admin = server.admin().await;
    for role in ["a", "b", "c"] {
        server.role(role, &[]).await;
    }
    admin.put("/v1/roles/a/juniors/b").await.assert(204);
    admin.put("/v1/roles/a/juniors/b").await.assert(204);
    admin.put("/v1/roles/a/juniors/c").await.assert_problem(409, "limited_hierarchy");
    let two = json!({ "name": "d", "juniors": ["a", "b"] });
    admin.post("/v1/roles", two).await.assert_problem(409, "limited_hierarchy");
    let under = json!({ "name": "d", "seniors": ["a"] });
    admin.post("/v1/roles", under).await.assert_problem(409, "limited_hierarchy");
    admin.put("/v1/roles/c/juniors/b").await.assert(204);
    admin.delete("/v1/roles/a/juniors/b").await.assert(204);
    admin.put("/v1/roles/a/juniors/c").await.assert(204);
}
