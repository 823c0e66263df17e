//! /v1/users

mod lists;
mod names;
mod state;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Server, claims};

const NEW_PASSWORD: &str = "another good passphrase";

#[tokio::test]
async fn a_user_is_created_read_changed_and_deleted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let new =
        json!({ "username": "Alice", "password": PASSWORD, "email": "Alice@Example.com", "display_name": "Alice L." });
    let created = admin.post("/v1/users", new).await.assert(201);
    assert_eq!(created.header("location"), "/v1/users/alice");
    assert_eq!(created.body["username"], "alice");
    assert_eq!(created.body["email"], "Alice@Example.com");
    assert_eq!(created.body["status"], "active");
    assert!(created.body.get("password").is_none());

    let read = admin.get("/v1/users/ALICE").await.assert(200);
    assert_eq!(read.body, created.body);
    assert_eq!(read.header("etag"), created.header("etag"));
    let by_id = admin.get(&format!("/v1/users/{}", created.body["id"].as_str().unwrap())).await.assert(200);
    assert_eq!(by_id.body, created.body);

    let patch = json!({ "display_name": null, "username": "alicia" });
    let changed = admin.patch("/v1/users/alice", patch).await.assert(200);
    assert_eq!(changed.body["username"], "alicia");
    assert!(changed.body.get("display_name").is_none());
    assert_eq!(changed.body["email"], "Alice@Example.com");
    admin.get("/v1/users/alice").await.assert_problem(404, "not_found");

    admin.delete("/v1/users/alicia").await.assert(204);
    admin.get("/v1/users/alicia").await.assert_problem(404, "not_found");
    admin.delete("/v1/users/alicia").await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn a_user_needs_a_username_and_nothing_else() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let user = admin.post("/v1/users", json!({ "username": "printer" })).await.assert(201).body;
    let members: Vec<_> = user.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["id", "username", "status", "created_at", "updated_at"]);
    assert!(user["created_at"].as_str().unwrap().ends_with('Z'), "{user}");
    assert!(admin.all("/v1/users/printer/roles").await.is_empty());
    server.token("printer", PASSWORD, &[]).await.assert_oauth_error(400, "invalid_grant");
    admin.post("/v1/users", json!({ "email": "a@b.example" })).await.assert_problem(400, "bad_request");
}

#[tokio::test]
async fn a_user_is_created_with_roles_or_not_at_all() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &[]).await;
    let with = |roles: Value| json!({ "username": "alice", "roles": roles });
    let before = server.revision();
    admin.post("/v1/users", with(json!(["reader", "unknown"]))).await.assert_problem(404, "not_found");
    admin.post("/v1/users", with(json!(["reader", "no role"]))).await.assert_problem(400, "bad_request");
    admin.get("/v1/users/alice").await.assert_problem(404, "not_found");
    assert_eq!(server.revision(), before);

    admin.post("/v1/users", with(json!(["reader", "Reader"]))).await.assert(201);
    assert_eq!(admin.names("/v1/users/alice/roles", "role").await, ["reader"]);
}

#[tokio::test]
async fn a_user_is_not_created_with_what_the_api_does_not_know() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for member in ["id", "status", "rolse", "password_hash"] {
        let answer = admin.post("/v1/users", json!({ "username": "alice", member: "x" })).await;
        let answer = answer.assert_problem(400, "bad_request");
        assert!(answer.body["detail"].as_str().unwrap().contains(member), "{}", answer.text);
    }
    let wrong_type = json!({ "username": "alice", "email": 7 });
    admin.post("/v1/users", wrong_type).await.assert_problem(400, "bad_request");
    assert_eq!(admin.names("/v1/users", "username").await, ["admin"]);
}

#[tokio::test]
async fn a_patch_sets_what_it_names_clears_what_is_null_and_keeps_the_rest() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let new = json!({ "username": "alice", "email": "alice@b.example", "display_name": "Alice" });
    let before = admin.post("/v1/users", new).await.assert(201).body;

    let after = admin.patch("/v1/users/alice", json!({ "email": null })).await.assert(200).body;
    assert!(after.get("email").is_none());
    for kept in ["id", "username", "display_name", "status", "created_at"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    assert_ne!(after["updated_at"], before["updated_at"]);

    let long = "李".repeat(200);
    let all = json!({ "username": "bob", "email": "bob@b.example", "display_name": long, "status": "disabled" });
    let after = admin.patch("/v1/users/alice", all.clone()).await.assert(200).body;
    for member in ["username", "email", "display_name", "status"] {
        assert_eq!(after[member], all[member]);
    }
    assert_eq!(admin.get("/v1/users/bob").await.body, after);
}

#[tokio::test]
async fn a_patch_that_can_not_be_is_refused_whole() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let before = admin.get("/v1/users/admin").await.assert(200);
    for (patch, rule) in [
        (json!({ "display_name": "x", "username": null }), "username: can't be cleared"),
        (json!({ "display_name": "x", "status": null }), "status: can't be cleared"),
        (json!({ "display_name": "x", "status": "asleep" }), "status: must be one of active, disabled"),
        (json!({ "display_name": "x", "email": "nobody" }), "must be an e-mail address"),
        (json!({ "display_name": "x", "password": PASSWORD }), "`password`"),
        (json!({ "display_name": "x".repeat(201) }), "at most 200 characters"),
        (json!({ "display_name": "李".repeat(201) }), "at most 200 characters"),
        (json!({ "display_name": "a\nb" }), "without control characters"),
    ] {
        let answer = admin.patch("/v1/users/admin", patch).await.assert_problem(400, "bad_request");
        assert!(answer.body["detail"].as_str().unwrap().contains(rule), "{rule}: {}", answer.text);
    }
    admin.patch("/v1/users/admin", json!(["display_name"])).await.assert_problem(400, "bad_request");
    let after = admin.get("/v1/users/admin").await;
    assert_eq!((after.header("etag"), &after.body), (before.header("etag"), &before.body));
}

#[tokio::test]
async fn a_patch_is_json_or_a_merge_patch_and_nothing_else() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for (content_type, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/merge-patch+json", 200),
        ("application/x-www-form-urlencoded", 415),
        ("text/plain", 415),
    ] {
        let request = admin.request(Method::PATCH, "/v1/users/admin").header("content-type", content_type);
        let answer = admin.send(request.body(r#"{"display_name":"A"}"#)).await;
        assert_eq!(answer.status, status, "{content_type}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_patch_that_changes_nothing_writes_nothing_and_marks_nobody() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &[]).await);
    let before = admin.get("/v1/users/alice").await;
    let revision = server.revision();
    for patch in [json!({}), json!({ "username": "ALICE" }), json!({ "status": "active", "email": null })] {
        let after = admin.patch("/v1/users/alice", patch).await.assert(200);
        assert_eq!((after.header("etag"), &after.body), (before.header("etag"), &before.body));
    }
    assert_eq!(server.revision(), revision);
    alice.get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn a_renamed_user_goes_on_and_the_old_name_is_free() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &["x:y"]).await);
    admin.patch("/v1/users/alice", json!({ "username": "alicia" })).await.assert(200);
    assert_eq!(alice.get("/v1/me").await.assert(200).body["username"], "alicia");
    assert_eq!(admin.names("/v1/users/alicia/roles", "role").await, ["alice"]);
    server.sign_in("alicia", PASSWORD).await;
    server.token("alice", PASSWORD, &[]).await.assert_oauth_error(400, "invalid_grant");

    admin.post("/v1/users", json!({ "username": "alice" })).await.assert(201);
    assert!(admin.all("/v1/users/alice/roles").await.is_empty());
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_comes_back_only_by_a_new_sign_in() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &[]).await);
    admin.patch("/v1/users/alice", json!({ "status": "disabled" })).await.assert(200);
    alice.get("/v1/me").await.assert_invalid_token();
    server.token("alice", PASSWORD, &[]).await.assert_oauth_error(400, "invalid_grant");

    admin.patch("/v1/users/alice", json!({ "status": "active" })).await.assert(200);
    alice.get("/v1/me").await.assert_invalid_token();
    server.sign_in("alice", PASSWORD).await.get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn a_deleted_user_is_out_at_once_and_the_name_comes_back_empty() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &["x:y"]).await);
    let old = admin.get("/v1/users/alice").await.body;
    admin.delete("/v1/users/alice").await.assert(204);
    alice.get("/v1/me").await.assert_invalid_token();
    server.token("alice", PASSWORD, &[]).await.assert_oauth_error(400, "invalid_grant");
    assert!(admin.all("/v1/roles/alice/users").await.is_empty());

    let new = admin.post("/v1/users", json!({ "username": "alice", "password": NEW_PASSWORD })).await.assert(201);
    assert_ne!(new.body["id"], old["id"]);
    alice.get("/v1/me").await.assert_invalid_token();
    server.token("alice", PASSWORD, &[]).await.assert_oauth_error(400, "invalid_grant");
    let again = server.sign_in("alice", NEW_PASSWORD).await.get("/v1/me").await.assert(200);
    assert_eq!((&again.body["roles"], &again.body["permissions"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn a_password_reset_closes_what_is_open_and_sets_the_password() {
    let server = Server::start().await;
    let (admin, alice) = (server.admin().await, server.person("alice", &[]).await);
    let elsewhere = server.sign_in("alice", PASSWORD).await;
    admin.put_json("/v1/users/alice/password", json!({ "new_password": NEW_PASSWORD })).await.assert(204);
    for session in [alice, elsewhere] {
        session.get("/v1/me").await.assert_invalid_token();
    }
    server.token("alice", PASSWORD, &[]).await.assert_oauth_error(400, "invalid_grant");
    server.sign_in("alice", NEW_PASSWORD).await.get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn disabling_resetting_and_deleting_leave_no_session_behind() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for (method, path, body) in [
        (Method::PATCH, "/v1/users/alice", json!({ "status": "disabled" })),
        (Method::PUT, "/v1/users/bob/password", json!({ "new_password": NEW_PASSWORD })),
        (Method::DELETE, "/v1/users/carol", Value::Null),
    ] {
        let name = path.split('/').nth(3).unwrap();
        server.user(name, &[]).await;
        let id = claims(server.token(name, PASSWORD, &[]).await.token())["sid"].as_str().unwrap().to_owned();
        let open = async || server.database.sessions().await.contains(&id);
        assert!(open().await, "{name}");
        admin.if_match(method, path, "*", body).await;
        assert!(!open().await, "{name}");
    }
}

#[tokio::test]
async fn a_password_reset_is_for_one_user_who_exists() {
    let server = Server::start().await;
    let (admin, bob) = (server.admin().await, server.person("bob", &[]).await);
    admin.post("/v1/users", json!({ "username": "alice" })).await.assert(201);
    let reset = json!({ "new_password": NEW_PASSWORD });
    admin.put_json("/v1/users/alice/password", reset.clone()).await.assert(204);
    server.sign_in("alice", NEW_PASSWORD).await;
    bob.get("/v1/me").await.assert(200);
    admin.put_json("/v1/users/nobody/password", reset).await.assert_problem(404, "not_found");
    admin.put_json("/v1/users/alice/password", json!({})).await.assert_problem(400, "bad_request");
}

#[tokio::test]
async fn a_password_that_breaks_a_rule_is_refused_by_name_wherever_it_is_set() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let name = "margaret.hamilton";
    server.user(name, &[]).await;
    let long = "Zq7!".repeat(129);
    let revision = server.revision();
    for (password, code) in [
        ("elevenbytes", "password_too_short"),
        (&*long, "password_too_long"),
        ("Margaret.Hamilton", "password_is_username"),
        ("Unbelievable", "password_too_common"),
    ] {
        let create = json!({ "username": if code == "password_is_username" { "Margaret.Hamilton" } else { "new" }, "password": password });
        admin.post("/v1/users", create).await.assert_problem(400, code);
        let reset = json!({ "new_password": password });
        admin.put_json(&format!("/v1/users/{name}/password"), reset).await.assert_problem(400, code);
    }
    assert_eq!(server.revision(), revision);
    server.sign_in(name, PASSWORD).await;
}

#[tokio::test]
async fn a_password_of_512_bytes_is_taken_whole() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let longest = "Zq7!".repeat(128);
    admin.post("/v1/users", json!({ "username": "alice", "password": longest })).await.assert(201);
    server.sign_in("alice", &longest).await;
    server.token("alice", &longest[..511], &[]).await.assert_oauth_error(400, "invalid_grant");
    server.token("alice", &format!("{longest}!"), &[]).await.assert_oauth_error(400, "invalid_grant");
}
