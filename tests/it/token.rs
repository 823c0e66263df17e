//! POST /oauth/token, and what its tokens are good for

mod claims;
mod client;
mod client_credentials;
mod forged;
mod hashing;
mod introspect;
mod metadata;
mod refresh;
mod request;
mod revoke;
mod scope;

use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Server};

#[tokio::test]
async fn a_password_is_answered_with_a_token_that_nobody_may_keep() {
    let server = Server::start().await;
    let answer = server.token("admin", PASSWORD, &[]).await.assert(200);
    let members: Vec<_> = answer.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["access_token", "token_type", "expires_in", "refresh_token"]);
    assert_eq!((&answer.body["token_type"], &answer.body["expires_in"]), (&json!("Bearer"), &json!(900)));
    assert!(answer.header("content-type").starts_with("application/json"));
    assert_eq!(answer.header("cache-control"), "no-store");
    server.bearing(answer.token()).get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn people_sign_in_by_username_or_email_in_any_case_but_not_with_a_password_in_any_case() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let new = json!({ "username": "alice", "email": "Alice.L@B.example", "password": PASSWORD });
    admin.post("/v1/users", new).await.assert(201);
    for name in ["alice", "ALICE", "alice.l@b.example", "Alice.L@B.Example"] {
        let me = server.sign_in(name, PASSWORD).await.get("/v1/me").await.assert(200);
        assert_eq!(me.body["username"], "alice");
    }
    server.token("alice", &PASSWORD.to_uppercase(), &[]).await.assert_oauth_error(400, "invalid_grant");
    let id = admin.get("/v1/users/alice").await.body["id"].as_str().unwrap().to_owned();
    server.token(&id, PASSWORD, &[]).await.assert_oauth_error(400, "invalid_grant");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_sign_in_the_answer_is_the_same() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for name in ["wrong", "disabled", "deleted"] {
        server.user(name, &[]).await;
    }
    admin.post("/v1/users", json!({ "username": "passwordless" })).await.assert(201);
    admin.patch("/v1/users/disabled", json!({ "status": "disabled" })).await.assert(200);
    admin.delete("/v1/users/deleted").await.assert(204);
    let seen = |answer: Answer| {
        let mut headers = answer.headers.clone();
        let varying = ["date", "x-request-id"].map(|name| headers.remove(name).is_some());
        assert_eq!(varying, [true, true]);
        (answer.status, headers, answer.text)
    };
    let unknown = server.token("unknown", PASSWORD, &[]).await.assert_oauth_error(400, "invalid_grant");
    let expected = seen(unknown);
    for (name, password) in [
        ("wrong", "not the password"),
        ("disabled", PASSWORD),
        ("disabled", "not the password"),
        ("deleted", PASSWORD),
        ("passwordless", PASSWORD),
        ("not a username at all", PASSWORD),
    ] {
        assert_eq!(seen(server.token(name, password, &[]).await), expected, "{name}");
    }
}

#[tokio::test]
async fn each_sign_in_is_a_session_of_its_own() {
    let server = Server::start().await;
    let [one, other] = [server.token("admin", PASSWORD, &[]).await, server.token("admin", PASSWORD, &[]).await];
    let [one, other] = [one, other].map(|answer| crate::support::claims(answer.token()));
    for claim in ["sid", "jti"] {
        assert_ne!(one[claim], other[claim], "{claim}");
    }
    assert_eq!(one["sub"], other["sub"]);
}

#[tokio::test]
async fn signing_in_is_no_change_of_policy() {
    let server = Server::start().await;
    let revision = server.revision();
    let claims = crate::support::claims(server.token("admin", PASSWORD, &[]).await.token());
    assert_eq!((server.revision(), &claims["rev"]), (revision, &Value::from(revision)));
}
