//! How much a request may send.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::sleep;

use crate::support::{Client, Server, Wire};

const TOKEN_LIMIT: usize = 64 * 1024;
const LIMIT: usize = 1024 * 1024;

/// A request's head, but for what says how the body comes.
fn head(path: &str, content_type: &str, client: &Client) -> String {
    let token = client.token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("POST {path} HTTP/1.1\r\nhost: rolecall\r\ncontent-type: {content_type}\r\n{token}")
}

/// The status of the answer to a body of this length, sent in one piece.
async fn sent_at_once(server: &Server, head: &str, length: usize) -> String {
    let mut wire = Wire::to(&server.url).await;
    wire.say(format!("{head}content-length: {length}\r\n\r\n")).await;
    wire.say(vec![b'a'; length]).await;
    status(wire.hear().await)
}

/// The status of the answer to a body of at least this length, sent in chunks; the server can't know that more would come.
async fn sent_in_chunks(server: &Server, head: &str, length: usize) -> String {
    const CHUNK: usize = 16 * 1024;
    let mut wire = Wire::to(&server.url).await;
    wire.say(format!("{head}transfer-encoding: chunked\r\n\r\n")).await;
    let chunk = format!("{CHUNK:x}\r\n{}\r\n", "a".repeat(CHUNK));
    for _ in 0..length.div_ceil(CHUNK) {
        wire.say(&chunk).await;
    }
    status(wire.hear().await)
}

fn status(head: Option<String>) -> String {
    head.unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_token_endpoint_takes_64_kib() {
    let server = Server::start().await;
    let head = head("/oauth/token", "application/x-www-form-urlencoded", &server.anonymous());
    assert_eq!(sent_at_once(&server, &head, TOKEN_LIMIT).await, "400");
    assert_eq!(sent_at_once(&server, &head, TOKEN_LIMIT + 1).await, "413");
    assert_eq!(sent_in_chunks(&server, &head, TOKEN_LIMIT + 1).await, "413");
}

#[tokio::test]
async fn everything_else_takes_1_mib() {
    let server = Server::start().await;
    let head = head("/v1/users", "application/json", &server.admin().await);
    assert_eq!(sent_at_once(&server, &head, LIMIT).await, "400");
    assert_eq!(sent_at_once(&server, &head, LIMIT + 1).await, "413");
    assert_eq!(sent_in_chunks(&server, &head, LIMIT + 1).await, "413");
}

#[tokio::test]
async fn who_may_not_send_is_told_so_before_the_body_is_read() {
    let server = Server::start().await;
    let head = head("/v1/users", "application/json", &server.anonymous());
    let mut wire = Wire::to(&server.url).await;
    wire.say(format!("{head}content-length: {}\r\n\r\n", 100 * LIMIT)).await;
    assert_eq!(status(wire.hear().await), "401");
    assert_eq!(sent_in_chunks(&server, &head, LIMIT + 1).await, "401");
}

/// What the answer to a request says of the connection, if the body comes a moment after the head, or not at all.
async fn refused(server: &Server, length: usize, body: Option<&str>) -> (Wire, String) {
    let head = head("/v1/users", "application/json", &server.anonymous());
    let mut wire = Wire::to(&server.url).await;
    wire.say(format!("{head}content-length: {length}\r\n\r\n")).await;
    if let Some(body) = body {
        sleep(Duration::from_millis(20)).await;
        wire.say(body).await;
    }
    let answer = wire.hear().await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    (wire, answer)
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_for_the_next_request() {
    let server = Server::start().await;
    let (mut wire, answer) = refused(&server, 2, Some("{}")).await;
    assert!(!answer.contains("connection: close"), "{answer}");
    wire.say("GET /healthz HTTP/1.1\r\nhost: rolecall\r\n\r\n").await;
    let next = wire.hear().await.unwrap_or_default();
    assert!(next.contains("HTTP/1.1 200"), "{next}");
}

#[tokio::test]
async fn a_refusal_says_so_if_the_connection_ends_with_it() {
    let server = Server::start().await;
    for length in [2, 100 * LIMIT] {
        let (_wire, answer) = refused(&server, length, None).await;
        assert!(answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_waits_for_leave_to_send_keeps_its_connection_if_it_gets_it() {
    let server = Server::start().await;
    for (client, leave) in [(server.admin().await, true), (server.anonymous(), false)] {
        let head = head("/v1/users", "application/json", &client);
        let mut wire = Wire::to(&server.url).await;
        wire.say(format!("{head}transfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n")).await;
        if leave {
            assert_eq!(status(wire.hear().await), "100");
            wire.say("14\r\n{\"username\":\"alice\"}\r\n0\r\n\r\n").await;
        }
        let answer = wire.hear().await.unwrap();
        assert!(answer.starts_with(if leave { "HTTP/1.1 201" } else { "HTTP/1.1 401" }), "{answer}");
        assert_eq!(answer.contains("connection: close"), !leave, "{answer}");
    }
}

#[tokio::test]
async fn a_body_far_too_long_gets_its_answer_too() {
    let server = Server::start().await;
    let (anonymous, admin) = (server.anonymous(), server.admin().await);
    for _ in 0..5 {
        let upload = |client: &Client, path, length| {
            client.request(Method::POST, path).header("content-type", "application/json").body(vec![b' '; length])
        };
        let answer = admin.send(upload(&admin, "/v1/users", 4 * LIMIT)).await;
        answer.assert_problem(413, "too_large");
        anonymous.send(upload(&anonymous, "/v1/users", 4 * LIMIT)).await.assert(401);
        let form = anonymous.request(Method::POST, "/oauth/token").form(&[("password", "x".repeat(LIMIT))]);
        assert_eq!(anonymous.send(form).await.assert(413).body["error"], "invalid_request");
    }
}

#[tokio::test]
async fn json_may_not_nest_without_end() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let nested = format!(r#"{{"username":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let request = admin.request(Method::POST, "/v1/users").header("content-type", "application/json").body(nested);
    admin.send(request).await.assert_problem(400, "bad_request");
    admin.post("/v1/users", json!({ "username": "alice" })).await.assert(201);
}

#[tokio::test]
async fn headers_may_not_go_on_without_end() {
    let server = Server::start().await;
    let mut wire = Wire::to(&server.url).await;
    let head = format!("GET /healthz HTTP/1.1\r\nhost: rolecall\r\nx: {}\r\n\r\n", "y".repeat(8 * LIMIT));
    assert!(wire.say(head).await, "it is sent to the end, or a gateway would call it a broken connection");
    assert_eq!(status(wire.hear().await), "431");
    server.anonymous().get("/healthz").await.assert(200);
}
