//! /v1/me/sessions, /v1/users/{user}/sessions

use std::sync::{Arc, atomic::AtomicI64, atomic::Ordering};

use reqwest::Method;
use rolecall_guard::Clock;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Client, Database, PASSWORD, Server, claims};

const START: i64 = 1_800_000_000_000_000;

fn sid(client: &Client) -> String {
    claims(client.token.as_deref().unwrap())["sid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn my_sessions_are_shown_with_when_and_where() {
    let clock = Arc::new(AtomicI64::new(START));
    let server = Server::with_clock(&clock).await;
    server.role("reader", &["articles:read"]).await;
    server.user("alice", &["reader"]).await;
    let answer = server.token("alice", PASSWORD, &[]).await.assert(200);
    clock.fetch_add(60_000_000, Ordering::Relaxed);
    server.app.state.gate.hear();
    let answer = server.refresh(answer.refresh_token(), &[]).await.assert(200);
    let alice = server.bearing(answer.token());
    let expected = json!({
        "id": sid(&alice),
        "user": "alice",
        "roles": ["reader"],
        "client_id": "rolecall",
        "address": "127.0.0.1",
        "created_at": "2027-01-15T08:00:00Z",
        "last_used_at": "2027-01-15T08:01:00Z",
        "expires_at": "2027-01-16T08:01:00Z",
    });
    assert_eq!(alice.get("/v1/me/sessions").await.assert(200).body, json!({ "items": [&expected] }));
    assert_eq!(alice.get(&format!("/v1/me/sessions/{}", sid(&alice))).await.assert(200).body, expected);
    let admin = server.admin().await;
    assert_eq!(admin.get("/v1/users/alice/sessions").await.assert(200).body, json!({ "items": [expected] }));
}

#[tokio::test]
async fn an_address_is_what_trusted_proxies_say_and_nobody_else() {
    for (trusted, seen) in [("", "127.0.0.1"), ("127.0.0.0/8", "198.51.100.7")] {
        let server = Server::with(&[("ROLECALL_TRUSTED_PROXIES", trusted)]).await;
        let caller = server.anonymous();
        let form = [("grant_type", "password"), ("username", "admin"), ("password", PASSWORD)];
        let request = caller.request(Method::POST, "/oauth/token").form(&form);
        let answer = caller.send(request.header("x-forwarded-for", "203.0.113.9, 198.51.100.7")).await.assert(200);
        let sessions = server.bearing(answer.token()).get("/v1/me/sessions").await.assert(200);
        assert_eq!(sessions.body["items"][0]["address"], seen);
    }
}

#[tokio::test]
async fn i_end_one_of_my_sessions_and_its_tokens_stop_at_once() {
    let server = Server::start().await;
    server.user("alice", &[]).await;
    let [here, elsewhere] = [server.sign_in("alice", PASSWORD).await, server.sign_in("alice", PASSWORD).await];
    here.delete(&format!("/v1/me/sessions/{}", sid(&elsewhere))).await.assert(204);
    elsewhere.get("/v1/me").await.assert_invalid_token();
    let left = here.names("/v1/me/sessions", "id").await;
    assert_eq!(left, [sid(&here)]);
    here.delete(&format!("/v1/me/sessions/{}", sid(&elsewhere))).await.assert_problem(404, "not_found");
    here.delete(&format!("/v1/me/sessions/{}", sid(&here))).await.assert(204);
    here.get("/v1/me").await.assert_invalid_token();
}

#[tokio::test]
async fn i_sign_out_everywhere_and_nobody_else_does() {
    let server = Server::start().await;
    server.user("alice", &[]).await;
    let [here, elsewhere] = [server.sign_in("alice", PASSWORD).await, server.sign_in("alice", PASSWORD).await];
    let admin = server.admin().await;
    here.delete("/v1/me/sessions").await.assert(204);
    for client in [here, elsewhere] {
        client.get("/v1/me").await.assert_invalid_token();
    }
    admin.get("/v1/me").await.assert(200);
    server.sign_in("alice", PASSWORD).await.get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn anothers_session_is_none_of_mine() {
    let server = Server::start().await;
    let (alice, bob) = (server.person("alice", &[]).await, server.person("bob", &[]).await);
    for path in [sid(&bob), Uuid::nil().to_string()].map(|id| format!("/v1/me/sessions/{id}")) {
        alice.get(&path).await.assert_problem(404, "not_found");
        alice.delete(&path).await.assert_problem(404, "not_found");
    }
    alice.get("/v1/me/sessions/x").await.assert_problem(400, "bad_request");
    bob.get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn an_administrator_sees_and_ends_a_users_sessions_and_the_ledger_says_so() {
    let server = Server::start().await;
    let (alice, bob) = (server.person("alice", &[]).await, server.person("bob", &[]).await);
    server.sign_in("alice", PASSWORD).await;
    let admin = server.admin().await;
    assert_eq!(admin.all("/v1/users/alice/sessions").await.len(), 2);
    admin.delete("/v1/users/alice/sessions").await.assert(204);
    assert_eq!(admin.all("/v1/users/alice/sessions").await, Vec::<Value>::new());
    alice.get("/v1/me").await.assert_invalid_token();
    bob.get("/v1/me").await.assert(200);
    let row = admin.all("/v1/ledger?action=end_sessions").await.pop().unwrap();
    assert_eq!((&row["actor"], &row["target"]), (&json!("admin"), &json!("users/alice/sessions")));
    for path in ["/v1/users/nobody/sessions"] {
        admin.get(path).await.assert_problem(404, "not_found");
        admin.delete(path).await.assert_problem(404, "not_found");
    }
    let stale = admin.if_match(Method::DELETE, "/v1/users/bob/sessions", "\"0\"", json!(null)).await;
    stale.assert_problem(412, "stale");
}

#[tokio::test]
async fn nobody_signs_out_someone_who_holds_more() {
    let server = Server::start().await;
    let helper = server.person("helper", &["sessions:read", "sessions:delete"]).await;
    server.person("more", &["sessions:delete", "x:y"]).await;
    server.person("less", &["sessions:read"]).await;
    let code = "would_exceed_own_permissions";
    helper.delete("/v1/users/more/sessions").await.assert_problem(403, code);
    helper.delete("/v1/users/admin/sessions").await.assert_problem(403, code);
    helper.delete("/v1/users/less/sessions").await.assert(204);
    server.admin().await.get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn one_session_too_many_ends_the_one_that_was_used_longest_ago() {
    let clock = Arc::new(AtomicI64::new(START));
    let database = Arc::new(Database::create().await);
    let settings = [("ROLECALL_SESSIONS_PER_USER", "3")];
    let server = Server::on(&database, &settings, Clock::Manual(Arc::clone(&clock))).await;
    server.user("alice", &[]).await;
    let mut answers: Vec<Answer> = Vec::new();
    for _ in 0..3 {
        clock.fetch_add(1_000, Ordering::Relaxed);
        answers.push(server.token("alice", PASSWORD, &[]).await.assert(200));
    }
    clock.fetch_add(1_000, Ordering::Relaxed);
    let first = server.refresh(answers[0].refresh_token(), &[]).await.assert(200);
    server.bearing(answers[1].token()).get("/v1/me").await.assert(200);
    server.sign_in("alice", PASSWORD).await;
    server.bearing(answers[1].token()).get("/v1/me").await.assert_invalid_token();
    assert_eq!(server.bearing(first.token()).all("/v1/me/sessions?limit=2").await.len(), 3);
    server.refresh(answers[2].refresh_token(), &[]).await.assert(200);
}
