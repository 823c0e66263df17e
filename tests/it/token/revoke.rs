//! POST /oauth/revoke (RFC 7009)

use std::sync::{Arc, atomic::AtomicI64, atomic::Ordering};

use crate::support::{Answer, PASSWORD, Server};

async fn revoke(server: &Server, parameters: &[(&str, &str)]) -> Answer {
    server.anonymous().form("/oauth/revoke", parameters).await
}

#[tokio::test]
async fn either_token_revoked_ends_the_whole_session() {
    let server = Server::start().await;
    server.user("alice", &[]).await;
    for which in ["access_token", "refresh_token"] {
        let [here, elsewhere] =
            [server.token("alice", PASSWORD, &[]).await, server.token("alice", PASSWORD, &[]).await];
        let token = here.body[which].as_str().unwrap();
        let answer = revoke(&server, &[("token", token), ("token_type_hint", which)]).await.assert(200);
        assert_eq!((answer.text.as_str(), answer.header("cache-control")), ("", "no-store"));
        server.bearing(here.token()).get("/v1/me").await.assert_invalid_token();
        server.refresh(here.refresh_token(), &[]).await.assert_oauth_error(400, "invalid_grant");
        revoke(&server, &[("token", token)]).await.assert(200);
        server.bearing(elsewhere.token()).get("/v1/me").await.assert(200);
    }
}

#[tokio::test]
async fn a_refresh_token_that_was_used_already_still_signs_out() {
    let server = Server::start().await;
    server.user("alice", &[]).await;
    let first = server.token("alice", PASSWORD, &[]).await;
    let second = server.refresh(first.refresh_token(), &[]).await.assert(200);
    revoke(&server, &[("token", first.refresh_token())]).await.assert(200);
    server.bearing(second.token()).get("/v1/me").await.assert_invalid_token();
}

#[tokio::test]
async fn an_access_token_that_is_refused_by_now_still_signs_out() {
    let clock = Arc::new(AtomicI64::new(1_800_000_000_000_000));
    let server = Server::with_clock(&clock).await;
    server.role("reader", &["articles:read"]).await;
    server.user("alice", &[]).await;
    let outdated = server.token("alice", PASSWORD, &[]).await.assert(200);
    server.admin().await.put("/v1/users/alice/roles/reader").await.assert(204);
    let expired = server.token("alice", PASSWORD, &[]).await.assert(200);
    clock.fetch_add(1_000_000_000, Ordering::Relaxed);
    server.app.state.gate.hear();
    for answer in [outdated, expired] {
        server.bearing(answer.token()).get("/v1/me").await.assert_invalid_token();
        revoke(&server, &[("token", answer.token())]).await.assert(200);
        server.refresh(answer.refresh_token(), &[]).await.assert_oauth_error(400, "invalid_grant");
    }
}

#[tokio::test]
async fn what_is_no_token_needs_no_revoking_whatever_the_hint() {
    let server = Server::start().await;
    for token in ["x", "a.b.c", "eyJ.eyJ.x"] {
        for hint in ["access_token", "refresh_token", "something"] {
            revoke(&server, &[("token", token), ("token_type_hint", hint)]).await.assert(200);
        }
    }
}

#[tokio::test]
async fn a_request_that_is_not_right_says_why() {
    let server = Server::start().await;
    revoke(&server, &[]).await.assert_oauth_error(400, "invalid_request");
    revoke(&server, &[("token", "")]).await.assert_oauth_error(400, "invalid_request");
    revoke(&server, &[("token", "x"), ("token", "x")]).await.assert_oauth_error(400, "invalid_request");
    revoke(&server, &[("token", "x"), ("client_id", "other")]).await.assert_oauth_error(401, "invalid_client");
    server.anonymous().form("/oauth/revoke?token=x", &[]).await.assert_oauth_error(400, "invalid_request");
    let answer = server.anonymous().get("/oauth/revoke").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
}
