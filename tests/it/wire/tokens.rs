//! How a token is shown, and what is said to who shows none (RFC 6750).

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, PASSWORD, Server};

async fn with_authorization(server: &Server, values: &[&[u8]]) -> Answer {
    let client = server.anonymous();
    let request = client.request(Method::GET, "/v1/me");
    let value = |bytes: &&[u8]| reqwest::header::HeaderValue::from_bytes(bytes).unwrap();
    client.send(values.iter().map(value).fold(request, |request, value| request.header("authorization", value))).await
}

#[tokio::test]
async fn who_shows_no_token_is_asked_for_one() {
    let server = Server::start().await;
    let refused = with_authorization(&server, &[]).await.assert_problem(401, "unauthenticated");
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    for value in ["Basic YWRtaW46eA==", "Bearer", "Token abc", ""] {
        let refused = with_authorization(&server, &[value.as_bytes()]).await.assert_problem(401, "unauthenticated");
        assert_eq!(refused.header("www-authenticate"), "Bearer", "no error code: RFC 6750 section 3");
    }
}

#[tokio::test]
async fn a_token_that_is_none_is_called_invalid() {
    let server = Server::start().await;
    let token = server.admin().await.token.unwrap();
    let (rest, _) = token.rsplit_once('.').unwrap();
    let unsigned = format!("Bearer eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{}.", token.split('.').nth(1).unwrap());
    let tampered = format!("Bearer {rest}.{}", "A".repeat(86));
    let values: [&[u8]; 6] =
        [b"Bearer x", b"Bearer a.b.c", b"Bearer \xe9", b"bearer a b", unsigned.as_bytes(), tampered.as_bytes()];
    for value in values {
        let refused = with_authorization(&server, &[value]).await.assert_problem(401, "invalid_token");
        let challenge = refused.header("www-authenticate");
        assert!(challenge.starts_with("Bearer ") && challenge.contains(r#"error="invalid_token""#), "{challenge}");
    }
}

#[tokio::test]
async fn the_scheme_may_be_written_in_any_case() {
    let server = Server::start().await;
    let token = server.admin().await.token.unwrap();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        with_authorization(&server, &[format!("{scheme} {token}").as_bytes()]).await.assert(200);
    }
}

#[tokio::test]
async fn who_may_not_is_told_which_permission_is_missing() {
    let server = Server::start().await;
    let reader = server.person("reader", &["users:read"]).await;
    let refused = reader.post("/v1/users", json!({ "username": "alice" })).await;
    let refused = refused.assert_problem(403, "insufficient_scope");
    assert_eq!(refused.header("www-authenticate"), r#"Bearer error="insufficient_scope", scope="users:create""#);
}

#[tokio::test]
async fn a_token_elsewhere_than_in_the_header_is_not_looked_at() {
    let server = Server::start().await;
    let token = server.admin().await.token.unwrap();
    let anonymous = server.anonymous();
    let query = anonymous.get(&format!("/v1/me?access_token={token}")).await;
    let body = anonymous.form("/v1/users", &[("access_token", &token)]).await;
    let cookie =
        anonymous.send(anonymous.request(Method::GET, "/v1/me").header("cookie", format!("access_token={token}")));
    for refused in [query, body, cookie.await] {
        assert_eq!(refused.assert_problem(401, "unauthenticated").header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn two_authorizations_are_none() {
    let server = Server::start().await;
    let bearer = format!("Bearer {}", server.admin().await.token.unwrap());
    with_authorization(&server, &[bearer.as_bytes(), bearer.as_bytes()]).await.assert(401);
    with_authorization(&server, &[b"Basic Og==", bearer.as_bytes()]).await.assert(401);
}

#[tokio::test]
async fn the_token_endpoint_takes_no_parameter_in_the_url() {
    let server = Server::start().await;
    let path = format!("/oauth/token?grant_type=password&username=admin&password={}", PASSWORD.replace(' ', "+"));
    let refused = server.anonymous().form(&path, &[]).await.assert(400);
    assert_eq!(refused.body["error"], "invalid_request");
}
