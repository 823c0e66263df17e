//! /v1/me

use serde_json::json;

use crate::support::{PASSWORD, Server};

const NEW_PASSWORD: &str = "another good passphrase";

#[tokio::test]
async fn me_is_my_account_and_what_my_token_carries() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let alice = server.person("alice", &["x:y", "users:read"]).await;
    let patch = json!({ "email": "a@b.example", "display_name": "Alice" });
    let account = admin.patch("/v1/users/alice", patch).await.assert(200).body;
    let mut expected = account;
    expected["roles"] = json!(["alice"]);
    expected["permissions"] = json!(["users:read", "x:y"]);
    assert_eq!(alice.get("/v1/me").await.assert(200).body, expected);
}

#[tokio::test]
async fn a_narrowed_token_shows_what_it_was_narrowed_to() {
    let server = Server::start().await;
    server.person("alice", &["x:y", "users:read"]).await;
    let token = server.token("alice", PASSWORD, &[("scope", "x:y")]).await.assert(200);
    let me = server.bearing(token.token()).get("/v1/me").await.assert(200).body;
    assert_eq!((&me["roles"], &me["permissions"]), (&json!(["alice"]), &json!(["x:y"])));
}

#[tokio::test]
async fn nobody_is_me_without_a_token() {
    let server = Server::start().await;
    let answer = server.anonymous().get("/v1/me").await.assert_problem(401, "unauthenticated");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    server.anonymous().put_json("/v1/me/password", change).await.assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn changing_my_password_keeps_this_session_and_ends_my_others() {
    let server = Server::start().await;
    let (here, bob) = (server.person("alice", &[]).await, server.person("bob", &[]).await);
    let elsewhere = [server.sign_in("alice", PASSWORD).await, server.sign_in("alice", PASSWORD).await];
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    here.put_json("/v1/me/password", change).await.assert(204);
    here.get("/v1/me").await.assert(200);
    bob.get("/v1/me").await.assert(200);
    for other in elsewhere {
        other.get("/v1/me").await.assert_invalid_token();
    }
    server.token("alice", PASSWORD, &[]).await.assert_oauth_error(400, "invalid_grant");
    server.sign_in("alice", NEW_PASSWORD).await;
    server.sign_in("bob", PASSWORD).await;
}

#[tokio::test]
async fn a_wrong_current_password_changes_nothing() {
    let server = Server::start().await;
    let here = server.person("alice", &[]).await;
    let elsewhere = server.sign_in("alice", PASSWORD).await;
    for current in ["", "wrong horse battery", NEW_PASSWORD] {
        let change = json!({ "current_password": current, "new_password": NEW_PASSWORD });
        here.put_json("/v1/me/password", change).await.assert_problem(400, "wrong_password");
    }
    elsewhere.get("/v1/me").await.assert(200);
    server.sign_in("alice", PASSWORD).await;
    server.token("alice", NEW_PASSWORD, &[]).await.assert_oauth_error(400, "invalid_grant");
}

#[tokio::test]
async fn my_new_password_follows_the_rules() {
    let server = Server::start().await;
    server.user("margaret.hamilton", &[]).await;
    let me = server.sign_in("margaret.hamilton", PASSWORD).await;
    let long = "Zq7!".repeat(129);
    for (password, code) in [
        ("elevenbytes", "password_too_short"),
        (&*long, "password_too_long"),
        ("Margaret.Hamilton", "password_is_username"),
        ("Unbelievable", "password_too_common"),
    ] {
        let change = json!({ "current_password": PASSWORD, "new_password": password });
        me.put_json("/v1/me/password", change).await.assert_problem(400, code);
    }
    for change in [json!({}), json!({ "new_password": NEW_PASSWORD }), json!({ "current_password": PASSWORD })] {
        me.put_json("/v1/me/password", change).await.assert_problem(400, "bad_request");
    }
    server.sign_in("margaret.hamilton", PASSWORD).await;
}

#[tokio::test]
async fn my_own_account_needs_no_permission_and_no_escalation() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.person("alice", &["x:y"]).await;
    let narrow = server.token("alice", PASSWORD, &[("scope", "roles:read")]).await.assert(200);
    let alice = server.bearing(narrow.token());
    let revision = server.revision();
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    alice.put_json("/v1/me/password", change).await.assert(204);
    assert_eq!(server.revision(), revision, "one's own password is no policy");
    admin.get("/v1/me").await.assert(200);
}
