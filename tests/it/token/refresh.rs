//! Refresh tokens: good once, for what its session is good for.

use std::{
    sync::{Arc, atomic::AtomicI64, atomic::Ordering},
    time::Duration,
};

use sea_orm::{ConnectionTrait, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::support::{Answer, PASSWORD, Server, claims};

const START: i64 = 1_800_000_000_000_000;

async fn sign_in(server: &Server, more: &[(&str, &str)]) -> Answer {
    server.token("alice", PASSWORD, more).await.assert(200)
}

#[tokio::test]
async fn a_refresh_gives_todays_rights_without_a_new_sign_in() {
    let server = Server::start().await;
    let alice = server.person("alice", &["x:y", "users:read"]).await;
    server.role("reader", &["roles:read"]).await;
    let admin = server.admin().await;
    let first = sign_in(&server, &[]).await;

    admin.delete("/v1/roles/alice/permissions/users:read").await.assert(204);
    let refused = server.bearing(first.token()).get("/v1/me").await.assert_invalid_token();
    assert!(refused.body["detail"].as_str().unwrap().contains("Get a new one"), "{}", refused.text);
    alice.get("/v1/me").await.assert_invalid_token();
    let second = server.refresh(first.refresh_token(), &[]).await.assert(200);
    server.bearing(second.token()).get("/v1/users").await.assert_problem(403, "insufficient_scope");

    admin.put("/v1/users/alice/roles/reader").await.assert(204);
    server.bearing(second.token()).get("/v1/roles").await.assert_invalid_token();
    let third = server.refresh(second.refresh_token(), &[]).await.assert(200);
    server.bearing(third.token()).get("/v1/roles").await.assert(200);

    let [before, after] = [&first, &third].map(|answer| claims(answer.token()));
    for same in ["sid", "sub", "iss", "aud", "client_id"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_ne!(before["jti"], after["jti"]);
    assert_eq!((&after["roles"], &after["permissions"]), (&json!(["alice", "reader"]), &json!(["roles:read", "x:y"])));
    let members: Vec<_> = third.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["access_token", "token_type", "expires_in", "refresh_token"]);
    assert_eq!(third.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_grant_to_a_role_reaches_a_token_by_a_refresh() {
    let server = Server::start().await;
    server.person("alice", &["x:y"]).await;
    let first = sign_in(&server, &[]).await;
    server.admin().await.put("/v1/roles/alice/permissions/users:read").await.assert(204);
    server.bearing(first.token()).get("/v1/users").await.assert_invalid_token();
    let second = server.refresh(first.refresh_token(), &[]).await.assert(200);
    server.bearing(second.token()).get("/v1/users").await.assert(200);
}

#[tokio::test]
async fn a_token_used_twice_ends_its_session_at_once() {
    let server = Server::start().await;
    server.person("alice", &[]).await;
    let (first, elsewhere) = (sign_in(&server, &[]).await, sign_in(&server, &[]).await);
    let second = server.refresh(first.refresh_token(), &[]).await.assert(200);
    let third = server.refresh(second.refresh_token(), &[]).await.assert(200);
    server.bearing(third.token()).get("/v1/me").await.assert(200);

    server.refresh(first.refresh_token(), &[]).await.assert_oauth_error(400, "invalid_grant");
    for answer in [&first, &second, &third] {
        server.bearing(answer.token()).get("/v1/me").await.assert_invalid_token();
        server.refresh(answer.refresh_token(), &[]).await.assert_oauth_error(400, "invalid_grant");
    }
    server.bearing(elsewhere.token()).get("/v1/me").await.assert(200);
    server.refresh(elsewhere.refresh_token(), &[]).await.assert(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_use_one_token_at_once_one_wins() {
    let server = Arc::new(Server::start().await);
    server.person("alice", &[]).await;
    for _ in 0..10 {
        let token = sign_in(&server, &[]).await.refresh_token().to_owned();
        let mut racing = JoinSet::new();
        for _ in 0..8 {
            let (server, token) = (Arc::clone(&server), token.clone());
            racing.spawn(async move { server.refresh(&token, &[]).await });
        }
        let (won, lost): (Vec<_>, Vec<_>) =
            racing.join_all().await.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((won.len(), lost.len()), (1, 7), "{lost:?}");
        for answer in lost {
            answer.assert_oauth_error(400, "invalid_grant");
        }
        server.bearing(won[0].token()).get("/v1/me").await.assert_invalid_token();
        server.refresh(won[0].refresh_token(), &[]).await.assert_oauth_error(400, "invalid_grant");
    }
}

#[tokio::test]
async fn what_was_made_up_is_refused_and_ends_nothing() {
    let server = Server::start().await;
    server.person("alice", &[]).await;
    let first = sign_in(&server, &[]).await;
    let real = first.refresh_token();
    let mut changed = real.to_owned();
    changed.replace_range(30..31, if &changed[30..31] == "A" { "B" } else { "A" });
    for token in ["x", "a.b.c", first.token(), &real[1..], &format!("{real}A"), &changed, &real.repeat(100)] {
        server.refresh(token, &[]).await.assert_oauth_error(400, "invalid_grant");
    }
    server.refresh("", &[]).await.assert_oauth_error(400, "invalid_request");
    server.refresh(real, &[("client_id", "other")]).await.assert_oauth_error(401, "invalid_client");
    server.refresh(real, &[]).await.assert(200);
}

#[tokio::test]
async fn scope_can_be_narrowed_by_a_refresh_but_never_widened() {
    let server = Server::start().await;
    server.person("alice", &["a:read", "b:read", "c:read"]).await;
    let first = sign_in(&server, &[("scope", "a:read b:read")]).await;
    for wider in ["c:read", "a:read c:read", "nothing:here"] {
        server.refresh(first.refresh_token(), &[("scope", wider)]).await.assert_oauth_error(400, "invalid_scope");
    }
    let narrowed = server.refresh(first.refresh_token(), &[("scope", "b:read")]).await.assert(200);
    assert_eq!(narrowed.body["scope"], "b:read");
    assert_eq!(claims(narrowed.token())["permissions"], json!(["b:read"]));
    let as_at_first = server.refresh(narrowed.refresh_token(), &[]).await.assert(200);
    assert_eq!(as_at_first.body["scope"], "a:read b:read");

    let all = sign_in(&server, &[]).await;
    server.refresh(all.refresh_token(), &[("scope", "no:such")]).await.assert_oauth_error(400, "invalid_scope");
    let one = server.refresh(all.refresh_token(), &[("scope", "c:read")]).await.assert(200);
    assert_eq!(claims(one.token())["permissions"], json!(["c:read"]));
    assert!(claims(server.refresh(one.refresh_token(), &[]).await.assert(200).token())["scope"].is_null());
}

#[tokio::test]
async fn a_session_keeps_the_roles_it_named_so_long_as_they_are_the_users() {
    let server = Server::start().await;
    for (role, permission) in [("one", "one:read"), ("two", "two:read"), ("three", "three:read")] {
        server.role(role, &[permission]).await;
    }
    server.user("alice", &["one", "two", "three"]).await;
    let first = sign_in(&server, &[("roles", "one two")]).await;
    let admin = server.admin().await;
    admin.delete("/v1/users/alice/roles/two").await.assert(204);
    let second = server.refresh(first.refresh_token(), &[]).await.assert(200);
    assert_eq!(claims(second.token())["roles"], json!(["one"]));
    admin.put("/v1/users/alice/roles/two").await.assert(204);
    let third = server.refresh(second.refresh_token(), &[]).await.assert(200);
    assert_eq!(claims(third.token())["roles"], json!(["one", "two"]));
}

/// The try that was given up may come to its end in the database while the next one is under way.
#[tokio::test]
async fn a_refresh_that_was_given_up_may_be_tried_again() {
    let server = Server::start().await;
    server.user("alice", &[]).await;
    let first = sign_in(&server, &[]).await;
    let db = server.database.connection().await;
    let immediate = Some(SqliteTransactionMode::Immediate);
    let options = TransactionOptions { sqlite_transaction_mode: immediate, ..Default::default() };
    let busy = db.begin_with_options(options).await.unwrap();
    busy.execute_unprepared("UPDATE sessions SET address = NULL").await.unwrap();
    let moment = Duration::from_millis(400);
    assert!(timeout(moment, server.refresh(first.refresh_token(), &[])).await.is_err());
    let go_on = async {
        sleep(moment).await;
        busy.rollback().await.unwrap();
    };
    let (second, ()) = tokio::join!(server.refresh(first.refresh_token(), &[]), go_on);
    let second = second.assert(200);
    server.bearing(second.token()).get("/v1/me").await.assert(200);
    server.refresh(second.refresh_token(), &[]).await.assert(200);
}

#[tokio::test]
async fn whoever_is_signed_out_refreshes_no_more() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let ways: [(&str, reqwest::Method, &str, serde_json::Value); 5] = [
        ("disabled", reqwest::Method::PATCH, "", json!({ "status": "disabled" })),
        ("deleted", reqwest::Method::DELETE, "", json!(null)),
        ("reset", reqwest::Method::PUT, "/password", json!({ "new_password": "another good passphrase" })),
        ("ended", reqwest::Method::DELETE, "/sessions", json!(null)),
        ("left", reqwest::Method::DELETE, "/v1/me/sessions", json!(null)),
    ];
    for (name, method, path, body) in ways {
        server.user(name, &[]).await;
        let answer = server.token(name, PASSWORD, &[]).await.assert(200);
        let own = path.starts_with("/v1/");
        let (who, path) = if own {
            (server.bearing(answer.token()), path.into())
        } else {
            (admin.clone(), format!("/v1/users/{name}{path}"))
        };
        let request = who.request(method, &path);
        let done = who.send(if body.is_null() { request } else { request.json(&body) }).await;
        assert!(matches!(done.status, 200 | 204), "{name}: {}", done.text);
        server.bearing(answer.token()).get("/v1/me").await.assert_invalid_token();
        server.refresh(answer.refresh_token(), &[]).await.assert_oauth_error(400, "invalid_grant");
    }
}

#[tokio::test]
async fn enabling_a_user_again_brings_no_session_back() {
    let server = Server::start().await;
    server.user("alice", &[]).await;
    let (admin, answer) = (server.admin().await, sign_in(&server, &[]).await);
    admin.patch("/v1/users/alice", json!({ "status": "disabled" })).await.assert(200);
    admin.patch("/v1/users/alice", json!({ "status": "active" })).await.assert(200);
    server.refresh(answer.refresh_token(), &[]).await.assert_oauth_error(400, "invalid_grant");
    server.bearing(answer.token()).get("/v1/me").await.assert_invalid_token();
}

#[tokio::test]
async fn my_other_sessions_refresh_no_more_once_i_change_my_password() {
    let server = Server::start().await;
    server.user("alice", &[]).await;
    let (here, elsewhere) = (sign_in(&server, &[]).await, sign_in(&server, &[]).await);
    let change = json!({ "current_password": PASSWORD, "new_password": "another good passphrase" });
    server.bearing(here.token()).put_json("/v1/me/password", change).await.assert(204);
    server.refresh(elsewhere.refresh_token(), &[]).await.assert_oauth_error(400, "invalid_grant");
    server.refresh(here.refresh_token(), &[]).await.assert(200);
}

#[tokio::test]
async fn a_session_that_is_not_used_ends_and_any_ends_at_last() {
    let clock = Arc::new(AtomicI64::new(START));
    let server = Server::with_clock(&clock).await;
    server.user("alice", &[]).await;
    let (idle, longest) = (86_400, 2_592_000);
    let at = |seconds: i64| clock.store(START + seconds * 1_000_000, Ordering::Relaxed);
    let heard = || server.app.state.gate.hear();

    let unused = sign_in(&server, &[]).await;
    at(idle - 1);
    heard();
    let used = server.refresh(unused.refresh_token(), &[]).await.assert(200);
    at(2 * idle - 1);
    server.refresh(used.refresh_token(), &[]).await.assert_oauth_error(400, "invalid_grant");

    let mut answer = sign_in(&server, &[]).await;
    let began = 2 * idle - 1;
    let mut now = began;
    while now + idle - 1 < began + longest - 10 {
        now += idle - 1;
        at(now);
        answer = server.refresh(answer.refresh_token(), &[]).await.assert(200);
    }
    at(began + longest - 10);
    answer = server.refresh(answer.refresh_token(), &[]).await.assert(200);
    assert_eq!(answer.body["expires_in"], 10, "no token outlives its session");
    at(began + longest);
    server.refresh(answer.refresh_token(), &[]).await.assert_oauth_error(400, "invalid_grant");
}

#[tokio::test]
async fn nothing_that_is_stored_can_be_used_as_a_refresh_token() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let server = Server::start().await;
    server.user("alice", &[]).await;
    let first = sign_in(&server, &[]).await;
    let sent = URL_SAFE_NO_PAD.decode(first.refresh_token()).unwrap();
    assert!(sent.len() >= 16 + 8 + 16, "at least 128 random bits");
    let rows = server.database.rows("SELECT refresh_hash FROM sessions").await;
    let hashes: Vec<Vec<u8>> = rows.iter().filter_map(|row| row.try_get("", "refresh_hash").ok()).collect();
    assert!(!hashes.is_empty());
    for hash in hashes {
        assert_eq!(hash.len(), 32);
        assert!(!sent.windows(8).any(|part| hash.windows(8).any(|stored| stored == part)));
        let stored = URL_SAFE_NO_PAD.encode(&hash);
        server.refresh(&stored, &[]).await.assert_oauth_error(400, "invalid_grant");
    }
}
