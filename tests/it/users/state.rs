//! A user's `ETag`, `If-Match`, and the order of checks.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Server;

#[tokio::test]
async fn a_users_etag_changes_with_the_user_and_its_roles() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &[]).await;
    let created = admin.post("/v1/users", json!({ "username": "alice" })).await.assert(201);
    let mut tags = vec![created.header("etag").to_owned()];
    let patched = admin.patch("/v1/users/alice", json!({ "display_name": "A" })).await.assert(200);
    tags.push(patched.header("etag").to_owned());
    assert_eq!(admin.etag("/v1/users/alice").await, tags[1]);
    admin.put("/v1/users/alice/roles/reader").await.assert(204);
    tags.push(admin.etag("/v1/users/alice").await);
    admin.delete("/v1/users/alice/roles/reader").await.assert(204);
    tags.push(admin.etag("/v1/users/alice").await);
    admin.put("/v1/users/alice/roles/reader").await.assert(204);
    tags.push(admin.etag("/v1/users/alice").await);
    admin.delete("/v1/roles/reader").await.assert(204);
    tags.push(admin.etag("/v1/users/alice").await);
    for (n, tag) in tags.iter().enumerate() {
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        assert!(!tags[..n].contains(tag), "{tags:?}");
    }
}

#[tokio::test]
async fn what_happens_to_others_leaves_a_users_etag() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &[]).await;
    server.user("alice", &["reader"]).await;
    let tag = admin.etag("/v1/users/alice").await;
    server.user("bob", &["reader"]).await;
    admin.delete("/v1/users/bob/roles/reader").await.assert(204);
    admin.delete("/v1/users/bob").await.assert(204);
    assert_eq!(admin.etag("/v1/users/alice").await, tag);
}

#[tokio::test]
async fn a_stale_if_match_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &[]).await;
    server.user("alice", &["reader"]).await;
    let stale = admin.etag("/v1/users/alice").await;
    let current = admin.patch("/v1/users/alice", json!({ "display_name": "A" })).await.assert(200);
    let revision = server.revision();
    let weak = format!("W/{}", current.header("etag"));
    let new_password = json!({ "new_password": "another good passphrase" });
    for tag in [&*stale, &weak, "\"nonsense\"", "unquoted", ""] {
        for (method, path, body) in [
            (Method::PATCH, "/v1/users/alice", json!({ "display_name": "B" })),
            (Method::PUT, "/v1/users/alice/password", new_password.clone()),
            (Method::PUT, "/v1/users/alice/roles/admin", Value::Null),
            (Method::DELETE, "/v1/users/alice/roles/reader", Value::Null),
            (Method::DELETE, "/v1/users/alice", Value::Null),
        ] {
            admin.if_match(method, path, tag, body).await.assert_problem(412, "stale");
        }
    }
    assert_eq!(server.revision(), revision);
    assert_eq!(admin.etag("/v1/users/alice").await, current.header("etag"));
    server.sign_in("alice", crate::support::PASSWORD).await;
}

#[tokio::test]
async fn an_if_match_that_names_the_state_any_state_or_several_goes_through() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &[]).await;
    server.user("alice", &[]).await;
    let role = "/v1/users/alice/roles/reader";
    for form in ["TAG", "*", "\"0\", TAG", "\"0\",TAG , \"x\""] {
        for (method, path, body) in [
            (Method::PATCH, "/v1/users/alice", json!({ "display_name": form })),
            (Method::PUT, role, Value::Null),
            (Method::DELETE, role, Value::Null),
        ] {
            let tag = form.replace("TAG", &admin.etag("/v1/users/alice").await);
            let answer = admin.if_match(method, path, &tag, body).await;
            assert!(answer.status < 300, "{tag}: {}", answer.text);
        }
    }
    admin.if_match(Method::PATCH, "/v1/users/nobody", "*", json!({})).await.assert_problem(404, "not_found");
    let tag = admin.etag("/v1/users/alice").await;
    admin.if_match(Method::DELETE, "/v1/users/alice", &tag, Value::Null).await.assert(204);
}

#[tokio::test]
async fn the_first_thing_that_is_wrong_decides_the_answer() {
    let server = Server::start().await;
    let updater = server.person("updater", &["users:update"]).await;
    let bystander = server.person("bystander", &[]).await;
    let (malformed, taken) = (json!({ "x": 1 }), json!({ "username": "bystander" }));
    let patch = async |caller: &crate::support::Client, user: &str, body: &Value, tag: &str| {
        caller.if_match(Method::PATCH, &format!("/v1/users/{user}"), tag, body.clone()).await
    };
    patch(&server.anonymous(), "nobody", &malformed, "\"0\"").await.assert_problem(401, "unauthenticated");
    for user in ["nobody", "admin"] {
        patch(&bystander, user, &malformed, "\"0\"").await.assert_problem(403, "insufficient_scope");
        patch(&updater, user, &malformed, "\"0\"").await.assert_problem(400, "bad_request");
    }
    patch(&updater, "nobody", &taken, "\"0\"").await.assert_problem(404, "not_found");
    patch(&updater, "admin", &taken, "\"0\"").await.assert_problem(412, "stale");
    patch(&updater, "admin", &taken, "*").await.assert_problem(403, "would_exceed_own_permissions");
    patch(&updater, "updater", &taken, "*").await.assert_problem(409, "already_exists");
}

#[tokio::test]
async fn a_password_that_breaks_a_rule_is_refused_before_the_user_is_looked_for() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let reset = json!({ "new_password": "short" });
    admin.put_json("/v1/users/nobody/password", reset).await.assert_problem(400, "password_too_short");
}
