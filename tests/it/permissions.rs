//! /v1/permissions

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Server};

#[tokio::test]
async fn a_permission_is_created_read_changed_and_deleted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let new = json!({ "name": "articles:update", "description": "Change articles" });
    let created = admin.post("/v1/permissions", new).await.assert(201);
    assert_eq!(created.header("location"), "/v1/permissions/articles:update");
    let members: Vec<_> = created.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["id", "name", "resource", "action", "description", "built_in", "created_at"]);
    assert_eq!((&created.body["resource"], &created.body["action"]), (&json!("articles"), &json!("update")));
    assert_eq!(created.body["built_in"], false);

    let read = admin.get("/v1/permissions/articles:update").await.assert(200);
    assert_eq!((&read.body, read.header("etag")), (&created.body, created.header("etag")));

    let path = "/v1/permissions/articles:update";
    let changed = admin.patch(path, json!({ "description": null })).await.assert(200);
    assert!(changed.body.get("description").is_none());
    assert_ne!(changed.header("etag"), created.header("etag"));
    assert_eq!(admin.get(path).await.body, changed.body);

    admin.delete(path).await.assert(204);
    admin.get(path).await.assert_problem(404, "not_found");
    admin.patch(path, json!({})).await.assert_problem(404, "not_found");
    admin.delete(path).await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn a_permission_that_can_not_be_is_refused_by_rule() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let before = admin.names("/v1/permissions", "name").await;
    let long = format!("{}:a", "r".repeat(65));
    for name in ["", "articles", "articles:", ":read", "a:b:c", "Articles:read", "a b:c", "ä:b", &long] {
        let answer = admin.post("/v1/permissions", json!({ "name": name })).await.assert_problem(400, "bad_request");
        assert!(answer.body["detail"].as_str().unwrap().contains("must be resource:action"), "{}", answer.text);
    }
    admin.post("/v1/permissions", json!({ "name": "a:b", "roles": [] })).await.assert_problem(400, "bad_request");
    admin.post("/v1/permissions", json!({ "name": "users:read" })).await.assert_problem(409, "already_exists");
    assert_eq!(admin.names("/v1/permissions", "name").await, before);
}

#[tokio::test]
async fn a_new_permission_is_held_by_nobody() {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.post("/v1/permissions", json!({ "name": "x:y" })).await.assert(201);
    assert!(!admin.names("/v1/users/admin/permissions", "permission").await.contains(&"x:y".into()));
    assert!(!admin.names("/v1/roles/admin/permissions", "permission").await.contains(&"x:y".into()));
}

#[tokio::test]
async fn the_built_in_permissions_are_there_and_the_admin_role_holds_exactly_them() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let all = admin.all("/v1/permissions").await;
    assert!(all.iter().all(|permission| permission["built_in"] == true && permission["description"].is_string()));
    let mut names: Vec<_> = all.iter().map(|permission| permission["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(admin.names("/v1/roles/admin/permissions", "permission").await, names);
    let mut expected = vec!["roles:escalate".to_owned(), "ledger:read".into(), "access:read".into()];
    for resource in ["users", "roles", "permissions", "assignments", "clients", "separation-sets"] {
        expected.extend(["create", "read", "update", "delete"].map(|action| format!("{resource}:{action}")));
    }
    expected.extend(["read", "update", "delete"].map(|action| format!("sessions:{action}")));
    expected.extend(["read", "update"].map(|action| format!("policy:{action}")));
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_built_in_permission_can_be_described_but_not_deleted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let path = "/v1/permissions/users:read";
    let described = admin.patch(path, json!({ "description": "See people" })).await.assert(200);
    assert_eq!(described.body["description"], "See people");
    let revision = server.revision();
    admin.delete(path).await.assert_problem(409, "built_in");
    admin.patch(path, json!({ "name": "users:see" })).await.assert_problem(400, "bad_request");
    assert_eq!(server.revision(), revision);
    admin.get(path).await.assert(200);
}

#[tokio::test]
async fn a_permission_patch_that_changes_nothing_writes_nothing() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &["x:y"]).await);
    let before = admin.get("/v1/permissions/x:y").await;
    let revision = server.revision();
    for patch in [json!({}), json!({ "description": null })] {
        let after = admin.patch("/v1/permissions/x:y", patch).await.assert(200);
        assert_eq!((after.header("etag"), &after.body), (before.header("etag"), &before.body));
    }
    assert_eq!(server.revision(), revision);
    alice.get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn a_stale_if_match_on_a_permission_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("editor", &["x:y"]).await;
    let stale = admin.etag("/v1/permissions/x:y").await;
    let patch = json!({ "description": "X" });
    let current = admin.if_match(Method::PATCH, "/v1/permissions/x:y", &stale, patch.clone()).await.assert(200);
    let revision = server.revision();
    for (method, body) in [(Method::PATCH, json!({ "description": "Y" })), (Method::DELETE, Value::Null)] {
        admin.if_match(method, "/v1/permissions/x:y", &stale, body).await.assert_problem(412, "stale");
    }
    assert_eq!(server.revision(), revision);
    let tag = current.header("etag");
    admin.if_match(Method::DELETE, "/v1/permissions/x:y", tag, Value::Null).await.assert(204);
}

#[tokio::test]
async fn a_deleted_permission_is_out_at_once_with_its_grants() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &["x:y", "users:read"]).await);
    let bob = server.person("bob", &["users:read"]).await;
    admin.delete("/v1/permissions/x:y").await.assert(204);
    alice.get("/v1/users").await.assert_invalid_token();
    bob.get("/v1/users").await.assert(200);
    assert_eq!(admin.names("/v1/roles/alice/permissions", "permission").await, ["users:read"]);
    let again = server.sign_in("alice", PASSWORD).await;
    assert_eq!(again.get("/v1/me").await.assert(200).body["permissions"], json!(["users:read"]));
}

#[tokio::test]
async fn a_permission_made_again_under_its_old_name_is_held_by_nobody() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &["x:y"]).await);
    admin.delete("/v1/permissions/x:y").await.assert(204);
    admin.post("/v1/permissions", json!({ "name": "x:y" })).await.assert(201);
    alice.get("/v1/me").await.assert_invalid_token();
    assert!(admin.all("/v1/roles/alice/permissions").await.is_empty());
    let again = server.sign_in("alice", PASSWORD).await.get("/v1/me").await.assert(200);
    assert_eq!(again.body["permissions"], json!([]));
}

#[tokio::test]
async fn q_is_the_beginning_of_a_permissions_name_taken_literally() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("any", &["p_q:x", "poq:x", "xp:q"]).await;
    for (q, found) in [("p_", &["p_q:x"][..]), ("P_Q:", &["p_q:x"]), ("poq:x", &["poq:x"]), ("%25", &[]), ("_", &[])] {
        assert_eq!(admin.names(&format!("/v1/permissions?q={q}"), "name").await, found, "{q}");
    }
}
