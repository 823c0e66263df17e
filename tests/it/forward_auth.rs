//! Gateways ask whether a request may pass.

use std::{io::Write, time::Duration};

use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tempfile::NamedTempFile;

use crate::support::{Answer, Client, PASSWORD, Server, Wire, claims};

const RULES: &str = "
    GET          /                     signed-in
    GET          /articles/secret/**   articles:review
    GET          /articles/**          articles:read
    PUT          /articles/*           articles:update
";

fn file(rules: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(rules.as_bytes()).unwrap();
    file
}

async fn server() -> Server {
    let rules = file(RULES);
    Server::with(&[("ROLECALL_FORWARD_AUTH_RULES", rules.path().to_str().unwrap())]).await
}

/// What the gateway hears about a request.
async fn ask(caller: &Client, method: &str, target: &str) -> Answer {
    forwarded(caller, &[("x-forwarded-method", method), ("x-forwarded-uri", target)]).await
}

async fn forwarded(caller: &Client, headers: &[(&str, &str)]) -> Answer {
    let request = caller.request(Method::GET, "/access/forward-auth");
    caller.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test]
async fn who_may_passes_with_headers_that_say_who_it_is() {
    let server = server().await;
    let alice = server.person("alice", &["articles:read", "articles:update"]).await;
    let claims = claims(alice.token.as_deref().unwrap());
    for (method, target) in [
        ("GET", "/articles/1?page=2"),
        ("HEAD", "/articles/1/"),
        ("PUT", "/articles/1"),
        ("GET", "/"),
        ("GET", "/articles"),
    ] {
        let passed = ask(&alice, method, target).await.assert(204);
        assert_eq!(passed.header("x-rolecall-subject"), claims["sub"].as_str().unwrap());
        assert_eq!(passed.header("x-rolecall-client"), "rolecall");
        assert_eq!(passed.header("x-rolecall-roles"), "alice");
        assert_eq!(passed.header("x-rolecall-permissions"), "articles:read articles:update");
        assert_eq!(passed.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn who_may_not_is_told_what_is_missing_and_where_no_rule_fits_nobody_passes() {
    let server = server().await;
    let bob = server.person("bob", &["articles:read"]).await;
    let refused = ask(&bob, "PUT", "/articles/1").await.assert_problem(403, "insufficient_scope");
    assert_eq!(refused.header("www-authenticate"), r#"Bearer error="insufficient_scope", scope="articles:update""#);
    assert_eq!(refused.header("x-rolecall-subject"), "");
    ask(&bob, "GET", "/articles/secret").await.assert_problem(403, "insufficient_scope");
    for (method, target) in [("DELETE", "/articles/1"), ("GET", "/admin"), ("OPTIONS", "/articles/1"), ("POST", "/")] {
        ask(&bob, method, target).await.assert_problem(403, "no_rule");
        ask(&server.admin().await, method, target).await.assert_problem(403, "no_rule");
    }
}

#[tokio::test]
async fn without_a_good_token_nobody_passes_whatever_the_request() {
    let server = server().await;
    for target in ["/", "/articles/1", "/admin", "/articles/../admin"] {
        let refused = ask(&server.anonymous(), "GET", target).await.assert_problem(401, "unauthenticated");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        ask(&server.bearing("a.b.c"), "GET", target).await.assert_invalid_token();
    }
    forwarded(&server.anonymous(), &[]).await.assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_request_that_may_be_read_in_two_ways_is_refused() {
    let server = server().await;
    let alice = server.person("alice", &["articles:read", "articles:update"]).await;
    for target in [
        "/articles/../articles/1",
        "/articles/%2e%2e/secret",
        "/articles//secret",
        "//articles/1",
        "/articles/x%2F..%2Fsecret",
        "/articles/x%252Fsecret",
        "/articles/x\\..\\secret",
        "/articles/x;y/secret",
        "/articles/1;a=b",
        "/articles/secret.",
        "/articles/secret%20",
        "/articles/secret%00",
        "/articles/Secret",
        "/articles/%73ecret",
        "/articles/%EF%BD%93ecret",
        "/articles/secret%E2%80%8B",
        "/articles/sec%C2%ADret",
        "/articles/%EF%BB%BFsecret",
        "/articles/secret::$DATA",
        "/articles/1#x",
        "http://elsewhere.example/articles/1",
        "*",
        "",
        "articles/1",
    ] {
        ask(&alice, "GET", target).await.assert_problem(403, "ambiguous_request");
    }
    for method in ["get", "Get", "GET PUT", "G\u{c9}T", ""] {
        ask(&alice, method, "/articles/1").await.assert_problem(403, "ambiguous_request");
    }
    let long = format!("/articles/{}", "a".repeat(8192));
    ask(&alice, "GET", &long).await.assert_problem(403, "ambiguous_request");
    ask(&alice, "GET", &format!("/articles?{long}")).await.assert_problem(403, "ambiguous_request");
    ask(&alice, "GET", &long[..8192]).await.assert(204);
}

#[tokio::test]
async fn what_a_gateway_leaves_out_or_lets_the_client_add_is_refused() {
    let server = server().await;
    let alice = server.person("alice", &["articles:read"]).await;
    let (method, target) = (("x-forwarded-method", "GET"), ("x-forwarded-uri", "/articles/1"));
    forwarded(&alice, &[method, target]).await.assert(204);
    for headers in [
        &[method][..],
        &[target],
        &[],
        &[method, method, target],
        &[method, target, target],
        &[method, target, ("x-forwarded-uri", "/")],
        &[method, ("x-original-uri", "/articles/1")],
    ] {
        forwarded(&alice, headers).await.assert_problem(400, "bad_request");
    }
}

#[tokio::test]
async fn nobody_passes_with_two_tokens_or_with_bytes_that_are_no_text() {
    let server = server().await;
    let alice = server.person("alice", &["articles:read"]).await;
    let token = alice.token.unwrap();
    let ask = async |headers: &[u8]| {
        let mut wire = Wire::to(&server.url).await;
        wire.say("GET /access/forward-auth HTTP/1.1\r\nHost: x\r\nX-Forwarded-Method: GET\r\n").await;
        wire.say(headers).await;
        wire.say("\r\n").await;
        wire.hear().await.unwrap().split(' ').nth(1).unwrap().to_owned()
    };
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let passes = [bearer.as_bytes(), b"X-Forwarded-Uri: /articles/1\r\n"].concat();
    assert_eq!(ask(&passes).await, "204");
    assert_eq!(ask(&[bearer.as_bytes(), &passes].concat()).await, "401");
    assert_eq!(ask(&[bearer.as_bytes(), b"X-Forwarded-Uri: /articles/\xff\r\n"].concat()).await, "403");
    assert_eq!(ask(&[bearer.as_bytes(), "X-Forwarded-Uri: /articles/é\r\n".as_bytes()].concat()).await, "403");
}

#[tokio::test]
async fn a_right_that_was_taken_or_given_is_401_and_a_new_token_knows_it() {
    let server = server().await;
    let alice = server.person("alice", &["articles:read"]).await;
    server.role("editor", &["articles:update"]).await;
    let admin = server.admin().await;
    admin.put("/v1/roles/alice/permissions/articles:update").await.assert(204);
    ask(&alice, "PUT", "/articles/1").await.assert_invalid_token();
    ask(&server.sign_in("alice", PASSWORD).await, "PUT", "/articles/1").await.assert(204);
    admin.delete("/v1/users/alice/roles/alice").await.assert(204);
    ask(&alice, "GET", "/articles/1").await.assert_invalid_token();
    ask(&server.sign_in("alice", PASSWORD).await, "GET", "/articles/1").await.assert_problem(403, "insufficient_scope");
    let narrowed = server.token("admin", PASSWORD, &[("scope", "users:read")]).await;
    let narrowed = ask(&server.bearing(narrowed.token()), "GET", "/articles/1").await;
    narrowed.assert_problem(403, "insufficient_scope");
}

#[tokio::test]
async fn a_token_for_another_audience_does_not_pass() {
    let server = server().await;
    server.role("reader", &["articles:read"]).await;
    let new = json!({ "name": "Other", "client_id": "other", "grants": ["client_credentials"], "audience": "other" });
    let other = server.application(new).await;
    server.admin().await.put("/v1/users/other/roles/reader").await.assert(204);
    let answer = other.token(&server, &[]).await.assert(200);
    ask(&server.bearing(answer.token()), "GET", "/articles/1").await.assert_invalid_token();
}

#[tokio::test]
async fn an_empty_list_is_left_out_and_so_is_one_that_no_gateway_would_take() {
    let server = server().await;
    let many: Vec<String> = (0..150).map(|number| format!("articles:read-number-{number}")).collect();
    let names: Vec<&str> = many.iter().map(String::as_str).chain(["articles:read"]).collect();
    let alice = server.person("alice", &names).await;
    let passed = ask(&alice, "GET", "/articles/1").await.assert(204);
    assert!(passed.headers.get("x-rolecall-permissions").is_none());
    assert_eq!(passed.header("x-rolecall-roles"), "alice");
    server.user("nobody", &[]).await;
    let passed = ask(&server.sign_in("nobody", PASSWORD).await, "GET", "/").await.assert(204);
    assert!(["x-rolecall-roles", "x-rolecall-permissions"].iter().all(|name| passed.headers.get(*name).is_none()));
}

#[tokio::test]
async fn without_rules_nobody_passes() {
    let server = Server::start().await;
    ask(&server.admin().await, "GET", "/").await.assert_problem(403, "no_rule");
}

#[tokio::test]
async fn out_of_touch_with_the_database_nobody_passes() {
    let rules = file(RULES);
    let settings =
        [("ROLECALL_FORWARD_AUTH_RULES", rules.path().to_str().unwrap()), ("ROLECALL_STALENESS_SECONDS", "1")];
    let server = Server::with(&settings).await;
    let admin = server.admin().await;
    let db = server.database.connection().await;
    db.execute_unprepared("ALTER TABLE ledger RENAME TO away").await.unwrap();
    let until = async |status: u16| {
        for _ in 0..600 {
            let answer = ask(&admin, "GET", "/").await;
            if answer.status == status {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it never answered {status}");
    };
    let refused = until(503).await.assert_problem(503, "out_of_touch");
    assert_eq!(refused.header("retry-after"), "1");
    db.execute_unprepared("ALTER TABLE away RENAME TO ledger").await.unwrap();
    until(204).await;
}
