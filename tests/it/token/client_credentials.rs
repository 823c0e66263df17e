//! Services' own tokens (RFC 6749 §4.4), and what a client's registration does to its tokens.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Application, PASSWORD, Server, claims};

#[tokio::test]
async fn a_service_gets_a_token_of_its_own_user_with_its_roles() {
    let server = Server::start().await;
    server.role("reader", &["users:read"]).await;
    let robot =
        server.application(json!({ "name": "Robot", "client_id": "robot", "grants": ["client_credentials"] })).await;
    let admin = server.admin().await;
    admin.put("/v1/users/robot/roles/reader").await.assert(204);
    let id = admin.get("/v1/users/robot").await.assert(200).body["id"].clone();
    for answer in [robot.token(&server, &[]).await, robot.token_by_body(&server, &[]).await] {
        let answer = answer.assert(200);
        let members: Vec<_> = answer.body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["access_token", "token_type", "expires_in"], "no refresh token (RFC 6749 §4.4.3)");
        let claims = claims(answer.token());
        assert_eq!((&claims["sub"], &claims["client_id"]), (&id, &json!("robot")));
        assert_eq!((&claims["roles"], &claims["permissions"]), (&json!(["reader"]), &json!(["users:read"])));
        assert!(claims["sid"].is_null() && claims["scope"].is_null());
        let robot = server.bearing(answer.token());
        robot.get("/v1/users").await.assert(200);
        robot.get("/v1/roles").await.assert_problem(403, "insufficient_scope");
        assert_eq!(robot.get("/v1/me").await.assert(200).body["username"], "robot");
    }
}

#[tokio::test]
async fn whoever_has_no_right_secret_is_no_client() {
    let server = Server::start().await;
    let robot =
        server.application(json!({ "name": "Robot", "client_id": "robot", "grants": ["client_credentials"] })).await;
    let other =
        server.application(json!({ "name": "Other", "client_id": "other", "grants": ["client_credentials"] })).await;
    for (id, secret) in [
        ("robot", "wrong"),
        ("robot", ""),
        ("robot", &*other.secret),
        ("nobody", &*robot.secret),
        ("ROBOT\0", &*robot.secret),
        ("rolecall", &*robot.secret),
    ] {
        let client = Application { id: id.into(), secret: secret.into() };
        for answer in [client.token(&server, &[]).await, client.token_by_body(&server, &[]).await] {
            answer.assert_oauth_error(401, "invalid_client");
        }
    }
    let anonymous = [("grant_type", "client_credentials")];
    server.anonymous().form("/oauth/token", &anonymous).await.assert_oauth_error(400, "unauthorized_client");
    robot.token(&server, &[]).await.assert(200);
}

#[tokio::test]
async fn a_client_uses_only_the_grants_it_has() {
    let server = Server::start().await;
    let service = server
        .application(json!({ "name": "Service", "client_id": "service", "grants": ["client_credentials"] }))
        .await;
    let front = json!({ "name": "Front", "client_id": "front", "first_party": true, "grants": ["password"] });
    let front = server.application(front).await;
    service.sign_in(&server, "admin").await.assert_oauth_error(400, "unauthorized_client");
    front.token(&server, &[]).await.assert_oauth_error(400, "unauthorized_client");
    let signed_in = front.sign_in(&server, "admin").await.assert(200);
    assert!(signed_in.body["refresh_token"].is_null(), "it may not refresh");
    let refresh = server.token("admin", PASSWORD, &[]).await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh.refresh_token())];
    front.post(&server, "/oauth/token", &refresh).await.assert_oauth_error(400, "unauthorized_client");
}

#[tokio::test]
async fn a_refresh_token_serves_its_own_client_only() {
    let server = Server::start().await;
    let grants = json!(["password", "refresh_token"]);
    let [one, other] =
        ["one", "other"].map(|id| json!({ "name": id, "client_id": id, "first_party": true, "grants": grants }));
    let (one, other) = (server.application(one).await, server.application(other).await);
    let signed_in = one.sign_in(&server, "admin").await.assert(200);
    assert_eq!(claims(signed_in.token())["client_id"], "one");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", signed_in.refresh_token())];
    other.post(&server, "/oauth/token", &refresh).await.assert_oauth_error(400, "invalid_grant");
    server.refresh(signed_in.refresh_token(), &[]).await.assert_oauth_error(400, "invalid_grant");
    one.post(&server, "/oauth/token", &refresh).await.assert(200);
}

#[tokio::test]
async fn an_audience_is_whom_the_tokens_are_for_and_rolecall_is_not_that() {
    let server = Server::start().await;
    let new = json!({ "name": "Robot", "client_id": "robot", "grants": ["client_credentials"], "audience": "https://shop.example" });
    let robot = server.application(new).await;
    let token = robot.token(&server, &[]).await.assert(200);
    assert_eq!(claims(token.token())["aud"], "https://shop.example");
    server.bearing(token.token()).get("/v1/me").await.assert_invalid_token();
}

#[tokio::test]
async fn scopes_bound_what_a_clients_tokens_carry() {
    let server = Server::start().await;
    server.role("both", &["users:read", "roles:read"]).await;
    server.role("none", &["ledger:read"]).await;
    let new =
        json!({ "name": "Robot", "client_id": "robot", "grants": ["client_credentials"], "scopes": ["users:read"] });
    let robot = server.application(new).await;
    let admin = server.admin().await;
    for role in ["both", "none"] {
        admin.put(&format!("/v1/users/robot/roles/{role}")).await.assert(204);
    }
    let all = robot.token(&server, &[]).await.assert(200);
    assert_eq!(claims(all.token())["permissions"], json!(["users:read"]));
    // What the registration keeps out is refused for good: no refresh would bring it.
    server.bearing(all.token()).get("/v1/roles").await.assert_problem(403, "insufficient_scope");
    let beyond = robot.token(&server, &[("scope", "roles:read users:read")]).await.assert(200);
    assert_eq!((&beyond.body["scope"], &claims(beyond.token())["roles"]), (&json!("users:read"), &json!(["both"])));
    robot.token(&server, &[("scope", "no:such")]).await.assert_oauth_error(400, "invalid_scope");
}

/// What of a client changes, and how.
type Change = (&'static str, Method, &'static str, Value);

#[tokio::test]
async fn a_token_stops_at_once_when_its_client_loses_something() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let changes: [Change; 7] = [
        ("scopes", Method::PATCH, "/v1/clients/", json!({ "scopes": ["users:read"] })),
        ("audience", Method::PATCH, "/v1/clients/", json!({ "audience": "https://shop.example" })),
        ("grants", Method::PATCH, "/v1/clients/", json!({ "grants": ["refresh_token", "password"] })),
        ("secret", Method::POST, "/v1/clients/{}/secrets", json!({ "overlap_seconds": 0 })),
        ("deleted", Method::DELETE, "/v1/clients/", Value::Null),
        ("disabled", Method::PATCH, "/v1/users/", json!({ "status": "disabled" })),
        ("revoked", Method::POST, "/oauth/revoke", Value::Null),
    ];
    for (name, method, path, body) in changes {
        let grants = json!(["client_credentials", "password", "refresh_token"]);
        let new = json!({ "name": name, "client_id": name, "first_party": true, "grants": grants });
        let client = server.application(new).await;
        let answer = client.token(&server, &[]).await.assert(200);
        let token = server.bearing(answer.token());
        token.get("/v1/me").await.assert(200);
        let done = if path == "/oauth/revoke" {
            client.post(&server, path, &[("token", answer.token())]).await
        } else {
            let path = if path.contains("{}") { path.replace("{}", name) } else { format!("{path}{name}") };
            let request = admin.request(method, &path);
            admin.send(if body.is_null() { request } else { request.json(&body) }).await
        };
        assert!((200..300).contains(&done.status), "{name}: {}", done.text);
        token.get("/v1/me").await.assert_invalid_token();
        let expected = match name {
            "secret" | "deleted" | "disabled" => Some((401, "invalid_client")),
            "grants" => Some((400, "unauthorized_client")),
            _ => None,
        };
        let again: Answer = client.token(&server, &[]).await;
        match expected {
            Some((status, error)) => drop(again.assert_oauth_error(status, error)),
            None => drop(again.assert(200)),
        }
    }
}

#[tokio::test]
async fn a_revoked_service_token_is_gone_alone() {
    let server = Server::start().await;
    let robot =
        server.application(json!({ "name": "Robot", "client_id": "robot", "grants": ["client_credentials"] })).await;
    let [one, other] = [robot.token(&server, &[]).await, robot.token(&server, &[]).await];
    robot.post(&server, "/oauth/revoke", &[("token", one.token())]).await.assert(200);
    server.bearing(one.token()).get("/v1/me").await.assert_invalid_token();
    server.bearing(other.token()).get("/v1/me").await.assert(200);
    server
        .anonymous()
        .form("/oauth/revoke", &[("token", other.token())])
        .await
        .assert_oauth_error(400, "invalid_grant");
    server.bearing(other.token()).get("/v1/me").await.assert(200);
}
