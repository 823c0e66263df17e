//! What is taken away at the server is gone at the service.

use std::time::{Duration, Instant};

use rolecall_guard::Refusal;
use serde_json::json;

use super::Blog;
use crate::{
    cluster::report,
    support::{Client, PASSWORD, Server, claims},
};

#[tokio::test]
async fn who_may_is_let_in_and_who_may_not_is_told_why() {
    let server = Server::start().await;
    let blog = Blog::following(&server).await;
    let reader = server.person("alice", &["articles:read"]).await;
    let who = reader.get("/v1/me").await.assert(200).body["id"].clone();
    assert_eq!(blog.read(&reader).await.assert(200).body, who);
    let refused = blog.read(&server.person("bob", &["articles:create"]).await).await;
    let refused = refused.assert_problem(403, "insufficient_scope");
    assert!(refused.header("www-authenticate").contains(r#"scope="articles:read""#));
    let anonymous = blog.read(&server.anonymous()).await.assert_problem(401, "unauthenticated");
    assert_eq!(anonymous.header("www-authenticate"), "Bearer");
    blog.read(&server.bearing("no.such.token")).await.assert_invalid_token();
}

#[tokio::test]
async fn the_same_check_is_there_as_a_plain_function() {
    let server = Server::start().await;
    let blog = Blog::following(&server).await;
    let reader = server.person("alice", &["articles:read"]).await.token.unwrap();
    assert_eq!(blog.authorize(&reader, "articles:read").await, Ok(()));
    assert_eq!(blog.authorize(&reader, "articles:create").await, Err(Refusal::Lacks("articles:create".into())));
}

/// Does something that takes the right away, and waits until the service knows.
async fn loses(take: impl AsyncFn(&Server, &Client)) {
    let server = Server::start().await;
    let blog = Blog::following(&server).await;
    let reader = server.person("alice", &["articles:read"]).await;
    blog.read(&reader).await.assert(200);
    take(&server, &reader).await;
    blog.answers(&reader, 401).await.assert_invalid_token();
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_there() {
    loses(async |server, _| drop(server.admin().await.delete("/v1/users/alice/roles/alice").await.assert(204))).await;
}

#[tokio::test]
async fn a_permission_that_a_role_loses_is_gone_there() {
    loses(async |server, _| {
        server.admin().await.delete("/v1/roles/alice/permissions/articles:read").await.assert(204);
    })
    .await;
}

#[tokio::test]
async fn who_is_disabled_is_out_there() {
    loses(async |server, _| {
        server.admin().await.patch("/v1/users/alice", json!({ "status": "disabled" })).await.assert(200);
    })
    .await;
}

#[tokio::test]
async fn who_signs_out_is_out_there() {
    loses(async |server, reader| {
        server.anonymous().form("/oauth/revoke", &[("token", reader.token.as_deref().unwrap())]).await.assert(200);
    })
    .await;
}

#[tokio::test]
async fn who_changes_the_password_is_out_everywhere_else_there_too() {
    loses(async |server, _| {
        let elsewhere = server.sign_in("alice", PASSWORD).await;
        let change = json!({ "current_password": PASSWORD, "new_password": "another horse battery" });
        elsewhere.put_json("/v1/me/password", change).await.assert(204);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_drops_its_role_reads_no_more() {
    loses(async |_, reader| {
        let session = claims(reader.token.as_deref().unwrap())["sid"].clone();
        let role = format!("/v1/sessions/{}/roles/alice", session.as_str().unwrap());
        reader.delete(&role).await.assert(204);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_is_deleted_takes_its_tokens_along() {
    let server = Server::start().await;
    let blog = Blog::following(&server).await;
    server.role("reader", &["articles:read"]).await;
    let robot = server.application(json!({ "name": "Robot", "grants": ["client_credentials"] })).await;
    let admin = server.admin().await;
    admin.put(&format!("/v1/users/{}/roles/reader", robot.id)).await.assert(204);
    let robots = server.bearing(robot.token(&server, &[]).await.assert(200).token());
    blog.read(&robots).await.assert(200);
    admin.delete(&format!("/v1/clients/{}", robot.id)).await.assert(204);
    blog.answers(&robots, 401).await;
}

#[tokio::test]
async fn what_was_lost_before_the_service_began_is_lost_there() {
    let server = Server::start().await;
    let reader = server.person("alice", &["articles:read"]).await;
    let other = server.person("bob", &["articles:read"]).await;
    let admin = server.admin().await;
    admin.delete("/v1/users/alice/roles/alice").await.assert(204);
    server.anonymous().form("/oauth/revoke", &[("token", other.token.as_deref().unwrap())]).await.assert(200);
    let blog = Blog::following(&server).await;
    blog.read(&reader).await.assert_invalid_token();
    blog.read(&other).await.assert_invalid_token();
}

/// As at the server's own nodes: what was issued before is refused, what is issued after is good, also when both race.
#[tokio::test]
async fn a_right_that_comes_and_goes_is_there_and_gone_each_time() {
    let server = Server::start().await;
    let blog = Blog::following(&server).await;
    server.person("alice", &["articles:read"]).await;
    let admin = server.admin().await;
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        let reader = server.sign_in("alice", PASSWORD).await;
        blog.read(&reader).await.assert(200);
        admin.delete("/v1/users/alice/roles/alice").await.assert(204);
        let taken = Instant::now();
        blog.answers(&reader, 401).await;
        slowest = slowest.max(taken.elapsed());
        admin.put("/v1/users/alice/roles/alice").await.assert(204);
    }
    report(format!("taken away at the server, refused at the service: {slowest:?} for the slowest of 10"));
}
