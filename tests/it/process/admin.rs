//! `rolecall admin`

use std::time::{Duration, Instant};

use serde_json::json;

use super::Program;
use crate::support::{Client, Database, PASSWORD, Server};

const NEW: &str = "a quite different one";

/// Waits until the server refuses this token, which takes a node that reads along no longer than this.
pub(super) async fn refused_soon(client: &Client) {
    let deadline = Instant::now() + Duration::from_secs(3);
    loop {
        let answer = client.get("/v1/me").await;
        if answer.status == 401 {
            answer.assert_problem(401, "invalid_token");
            return;
        }
        assert!(Instant::now() < deadline, "an old token still works");
    }
}

fn printed_password(stdout: &str) -> &str {
    stdout.lines().find_map(|line| line.strip_prefix("Password: ")).unwrap()
}

#[tokio::test]
async fn it_makes_an_administrator_on_an_empty_database() {
    let database = Database::create().await;
    let program = Program::on(&database);
    let made = program.run(&["admin", "Grace"]).await.assert(0);
    assert!(made.stdout.contains("grace"), "{}", made.stdout);
    let running = program.start().await;
    running.sign_in("grace", printed_password(&made.stdout)).await.get("/v1/users").await.assert(200);
    // There is a user by now, so no first administrator is made.
    running.token("admin", PASSWORD).await.assert(400);
}

#[tokio::test]
async fn it_lets_someone_in_again_while_the_server_runs() {
    let server = Server::start().await;
    let before = server.admin().await;
    let reset = Program::on(&server.database).run(&["admin", "admin"]).await.assert(0);
    let password = printed_password(&reset.stdout);
    server.sign_in("admin", password).await.get("/v1/users").await.assert(200);
    server.token("admin", PASSWORD, &[]).await.assert(400);
    refused_soon(&before).await;
}

#[tokio::test]
async fn it_enables_and_promotes_whoever_it_lets_in() {
    let server = Server::start().await;
    server.user("bob", &[]).await;
    let before = server.sign_in("bob", PASSWORD).await;
    server.admin().await.patch("/v1/users/bob", json!({ "status": "disabled" })).await.assert(200);
    let reset =
        Program::on(&server.database).run_with_input(&["admin", "bob", "--password-stdin"], &format!("{NEW}\n")).await;
    let reset = reset.assert(0);
    assert!(!reset.stdout.contains("Password") && !reset.stdout.contains(NEW), "{}", reset.stdout);
    let bob = server.sign_in("bob", NEW).await;
    assert_eq!(bob.get("/v1/me").await.assert(200).body["roles"], json!(["admin"]));
    bob.get("/v1/users").await.assert(200);
    refused_soon(&before).await;
}

#[tokio::test]
async fn it_refuses_a_weak_password_and_says_why() {
    let server = Server::start().await;
    let program = Program::on(&server.database);
    for username in ["admin", "grace"] {
        let refused = program.run_with_input(&["admin", username, "--password-stdin"], "short\n").await;
        let refused = refused.assert_refused(&["too short"]);
        assert!(!refused.stderr.contains("ROLECALL_ADMIN_PASSWORD"), "that is not where it came from: {refused:?}");
    }
    server.admin().await.get("/v1/users/grace").await.assert(404);
}

#[tokio::test]
async fn it_makes_no_administrator_of_a_service_user() {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.post("/v1/clients", crate::clients::service("app")).await.assert(201);
    let revision = server.revision();
    Program::on(&server.database).run(&["admin", "app"]).await.assert_refused(&["belongs to a client"]);
    assert_eq!(admin.all("/v1/ledger").await.len(), usize::try_from(revision).unwrap());
}

#[tokio::test]
async fn it_lets_someone_in_wholly_or_not_at_all() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("auditor", &[]).await;
    server.user("aud", &["auditor"]).await;
    let set = json!({ "name": "apart", "kind": "static", "cardinality": 2, "roles": ["auditor", "admin"] });
    admin.post("/v1/separation-sets", set).await.assert(201);
    let aud = server.sign_in("aud", PASSWORD).await;
    let revision = server.revision();
    Program::on(&server.database).run(&["admin", "aud"]).await.assert_refused(&["apart"]);
    assert_eq!(server.admin().await.all("/v1/ledger").await.len(), usize::try_from(revision).unwrap());
    aud.get("/v1/me").await.assert(200);
    server.sign_in("aud", PASSWORD).await;
}

#[tokio::test]
async fn it_refuses_what_is_no_username() {
    let database = Database::create().await;
    let refused = Program::on(&database).run(&["admin", "not a name"]).await.assert(2);
    assert!(refused.stderr.contains("not a name"), "{}", refused.stderr);
}
