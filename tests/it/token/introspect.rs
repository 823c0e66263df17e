//! POST /oauth/introspect (RFC 7662)

use serde_json::{Value, json};

use crate::support::{Application, PASSWORD, Server, claims};

async fn api(server: &Server) -> Application {
    let grants = json!(["client_credentials", "password", "refresh_token"]);
    server.application(json!({ "name": "API", "client_id": "api", "first_party": true, "grants": grants })).await
}

async fn introspect(server: &Server, by: &Application, token: &str) -> Value {
    let answer = by.post(server, "/oauth/introspect", &[("token", token)]).await.assert(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.body["active"] == true || answer.text == r#"{"active":false}"#, "{}", answer.text);
    answer.body
}

#[tokio::test]
async fn a_good_token_is_told_with_its_claims_whoever_got_it_and_whomever_it_is_for() {
    let server = Server::start().await;
    let api = api(&server).await;
    server.person("alice", &["x:y", "a:b"]).await;
    let elsewhere = json!({ "name": "Robot", "client_id": "robot", "grants": ["client_credentials"], "audience": "https://shop.example" });
    let robot = server.application(elsewhere).await;
    for answer in [
        server.token("alice", PASSWORD, &[]).await,
        server.token("alice", PASSWORD, &[("scope", "x:y")]).await,
        api.sign_in(&server, "alice").await,
        robot.token(&server, &[]).await,
    ] {
        let answer = answer.assert(200);
        let mut expected = claims(answer.token());
        expected["active"] = json!(true);
        expected["token_type"] = json!("Bearer");
        assert_eq!(introspect(&server, &api, answer.token()).await, expected);
    }
}

#[tokio::test]
async fn what_is_not_good_is_inactive_and_no_more_is_said() {
    let server = Server::start().await;
    let api = api(&server).await;
    let admin = server.admin().await;
    server.user("alice", &[]).await;
    let signed_in = server.token("alice", PASSWORD, &[]).await;
    let tampered = format!("{}x", signed_in.token());
    for token in ["x", "a.b.c", &tampered, signed_in.refresh_token()] {
        assert_eq!(introspect(&server, &api, token).await, json!({ "active": false }), "{token}");
    }
    for (path, body) in
        [("/v1/users/alice", json!({ "status": "disabled" })), ("/v1/users/alice", json!({ "status": "active" }))]
    {
        admin.patch(path, body).await.assert(200);
        assert_eq!(introspect(&server, &api, signed_in.token()).await, json!({ "active": false }));
    }
    let again = server.token("alice", PASSWORD, &[]).await;
    assert_eq!(introspect(&server, &api, again.token()).await["active"], true);
    server.anonymous().form("/oauth/revoke", &[("token", again.refresh_token())]).await.assert(200);
    assert_eq!(introspect(&server, &api, again.token()).await, json!({ "active": false }));
}

#[tokio::test]
async fn a_refresh_token_is_told_to_its_own_client_until_it_is_used() {
    let server = Server::start().await;
    let api = api(&server).await;
    let answer = api.sign_in(&server, "admin").await.assert(200);
    let told = introspect(&server, &api, answer.refresh_token()).await;
    assert_eq!((&told["active"], &told["token_type"]), (&json!(true), &json!("refresh_token")));
    assert_eq!(told["sid"], claims(answer.token())["sid"]);
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", answer.refresh_token())];
    api.post(&server, "/oauth/token", &refresh).await.assert(200);
    assert_eq!(introspect(&server, &api, answer.refresh_token()).await, json!({ "active": false }));
}

#[tokio::test]
async fn only_a_client_with_a_secret_may_ask() {
    let server = Server::start().await;
    let api = api(&server).await;
    let token = server.token("admin", PASSWORD, &[]).await;
    let token = [("token", token.token())];
    server.anonymous().form("/oauth/introspect", &token).await.assert_oauth_error(401, "invalid_client");
    server.admin().await.form("/oauth/introspect", &token).await.assert_oauth_error(401, "invalid_client");
    let wrong = Application { secret: "wrong".into(), ..api.clone() };
    wrong.post(&server, "/oauth/introspect", &token).await.assert_oauth_error(401, "invalid_client");
    api.post(&server, "/oauth/introspect", &[]).await.assert_oauth_error(400, "invalid_request");
    api.post(&server, "/oauth/introspect", &token).await.assert(200);
}
