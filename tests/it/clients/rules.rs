//! Rule 1 for clients, and what takes `roles:escalate`.

use serde_json::json;
use tokio::task::JoinSet;

use super::{app, secrets::secret, service};
use crate::support::{Client, PASSWORD, Server};

const MANAGER: &[&str] = &["clients:create", "clients:read", "clients:update", "clients:delete", "articles:read"];
const EXCEEDS: &str = "would_exceed_own_permissions";

/// A manager of clients who holds `articles:read` but not `articles:delete`; `reader` and `cleaner` are clients whose
/// service users hold the one and the other.
async fn stage() -> (Server, Client) {
    let server = Server::start().await;
    let manager = server.person("manager", MANAGER).await;
    let admin = server.admin().await;
    for (client, permission) in [("reader", "articles:read"), ("cleaner", "articles:delete")] {
        server.role(client, &[permission]).await;
        admin.post("/v1/clients", service(client)).await.assert(201);
        admin.put(&format!("/v1/users/{client}/roles/{client}")).await.assert(204);
    }
    (server, manager)
}

#[tokio::test]
async fn a_client_that_holds_more_than_oneself_one_can_not_touch() {
    let (server, manager) = stage().await;
    let revision = server.revision();
    for patch in [
        json!({}),
        json!({ "name": "x" }),
        json!({ "scopes": ["articles:delete"] }),
        json!({ "audience": "https://mine.example" }),
        json!({ "grants": ["password"], "first_party": true }),
        json!({ "grants": ["password"] }),
    ] {
        manager.patch("/v1/clients/cleaner", patch).await.assert_problem(403, EXCEEDS);
    }
    for body in [json!({}), json!({ "overlap_seconds": 0 })] {
        manager.post("/v1/clients/cleaner/secrets", body).await.assert_problem(403, EXCEEDS);
    }
    manager.delete("/v1/clients/cleaner").await.assert_problem(403, EXCEEDS);
    assert_eq!(server.revision(), revision);
    manager.get("/v1/clients/cleaner").await.assert(200);
}

#[tokio::test]
async fn a_client_that_holds_no_more_than_oneself_one_can_touch() {
    let (server, manager) = stage().await;
    manager.patch("/v1/clients/reader", json!({})).await.assert(200);
    manager.patch("/v1/clients/reader", json!({ "scopes": ["articles:delete"] })).await.assert(200);
    let rotated = manager.post("/v1/clients/reader/secrets", json!({})).await.assert(201);
    assert!(server.knows("reader", &secret(&rotated)).await);
    manager.delete("/v1/clients/reader").await.assert(204);
    manager.post("/v1/clients", service("mine")).await.assert(201);
    manager.delete("/v1/clients/mine").await.assert(204);
}

#[tokio::test]
async fn held_is_only_what_the_token_carries_for_clients_too() {
    let (server, _manager) = stage().await;
    for (scope, status) in [("clients:delete", 403), ("clients:delete articles:read", 204)] {
        let narrowed = server.token("manager", PASSWORD, &[("scope", scope)]).await.assert(200);
        let answer = server.bearing(narrowed.token()).delete("/v1/clients/reader").await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}

#[tokio::test]
async fn first_party_is_set_and_taken_back_only_by_who_may_escalate() {
    let (server, manager) = stage().await;
    let escalator = server.person("escalator", &["clients:create", "clients:update", "roles:escalate"]).await;
    manager.post("/v1/clients", app("app")).await.assert_problem(403, EXCEEDS);
    manager.patch("/v1/clients/reader", json!({ "first_party": true })).await.assert_problem(403, EXCEEDS);
    escalator.post("/v1/clients", app("app")).await.assert(201);
    let third = json!({ "first_party": false, "grants": ["client_credentials"] });
    manager.patch("/v1/clients/app", third.clone()).await.assert_problem(403, EXCEEDS);
    let same = json!({ "first_party": true, "name": "Our app" });
    manager.patch("/v1/clients/app", same).await.assert_problem(403, EXCEEDS);
    escalator.patch("/v1/clients/app", third).await.assert(200);
    escalator.patch("/v1/clients/cleaner", json!({ "first_party": true })).await.assert(200);
}

/// In it anyone may be signed in, administrators too: whoever changes it decides what their tokens are good for.
#[tokio::test]
async fn a_first_party_client_is_touched_only_by_who_may_escalate() {
    let server = Server::start().await;
    let mut new = app("app");
    new["grants"] = json!(["password", "refresh_token", "client_credentials"]);
    new["audience"] = json!("https://articles.example");
    let application = server.application(new).await;
    let signed_in = application.sign_in(&server, "admin").await.assert(200);
    let manager = server.person("manager", &["clients:update", "clients:delete", "users:update"]).await;
    for patch in [json!({ "audience": null }), json!({ "scopes": null }), json!({ "name": "x" }), json!({})] {
        manager.patch("/v1/clients/app", patch).await.assert_problem(403, EXCEEDS);
    }
    manager.post("/v1/clients/app/secrets", json!({ "overlap_seconds": 0 })).await.assert_problem(403, EXCEEDS);
    manager.delete("/v1/clients/app").await.assert_problem(403, EXCEEDS);
    manager.patch("/v1/users/app", json!({ "status": "disabled" })).await.assert_problem(403, EXCEEDS);
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", signed_in.refresh_token())];
    application.post(&server, "/oauth/token", &refresh).await.assert(200);
    server.admin().await.patch("/v1/clients/app", json!({ "name": "x" })).await.assert(200);
}

#[tokio::test]
async fn what_a_client_may_no_longer_do_does_not_come_back() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let all = json!(["password", "refresh_token", "client_credentials"]);
    for (path, away, back) in [
        ("/v1/clients/", json!({ "grants": ["password", "client_credentials"] }), json!({ "grants": all })),
        ("/v1/users/", json!({ "status": "disabled" }), json!({ "status": "active" })),
    ] {
        let name = if path == "/v1/users/" { "disabled" } else { "narrowed" };
        let mut new = app(name);
        new["grants"] = all.clone();
        let application = server.application(new).await;
        let signed_in = application.sign_in(&server, "admin").await.assert(200);
        admin.patch(&format!("{path}{name}"), away).await.assert(200);
        admin.patch(&format!("{path}{name}"), back).await.assert(200);
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", signed_in.refresh_token())];
        application.post(&server, "/oauth/token", &refresh).await.assert_oauth_error(400, "invalid_grant");
        application.sign_in(&server, "admin").await.assert(200);
    }
}

#[tokio::test]
async fn a_permission_in_a_clients_scopes_need_not_be_held() {
    let (_server, manager) = stage().await;
    let mut new = service("narrow");
    new["scopes"] = json!(["articles:delete"]);
    manager.post("/v1/clients", new).await.assert(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_creations_of_one_name_one_is_made() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for round in 0..5 {
        let name = format!("name-{round}");
        let user = json!({ "username": name });
        let mut calls = JoinSet::new();
        for (path, body) in [("/v1/clients", service(&name)), ("/v1/clients", service(&name)), ("/v1/users", user)] {
            let admin = admin.clone();
            calls.spawn(async move { admin.post(path, body).await.status });
        }
        let mut statuses = calls.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409]);
        admin.get(&format!("/v1/users/{name}")).await.assert(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_rotations_from_one_state_one_goes_through() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let tag = admin.post("/v1/clients", service("app")).await.assert(201).header("etag").to_owned();
    let mut calls = JoinSet::new();
    for _ in 0..5 {
        let (admin, tag) = (admin.clone(), tag.clone());
        calls.spawn(async move {
            admin.if_match(reqwest::Method::POST, "/v1/clients/app/secrets", &tag, json!({})).await.status
        });
    }
    let mut statuses = calls.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412, 412, 412, 412]);
    assert_eq!(server.database.rows("SELECT id FROM client_secrets").await.len(), 2);
}
