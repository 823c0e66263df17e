//! What is held for a time is neither kept nor lent for longer, and what is given is not cut short by who only gives.

use serde_json::{Value, json};

use super::{NOW, ROLE, Stage, at};
use crate::support::{Client, PASSWORD};

const EXCEEDS: &str = "would_exceed_own_permissions";
const OTHER: &str = "another battery staple";

/// Alice, whose password is reset, and a client whose secret is rotated, have `reader` without end; the caller has it until
/// `NOW + 100`, and permissions of its own.
async fn lender(stage: &Stage) -> Client {
    stage.admin.put(ROLE).await.assert(204);
    let new =
        json!({ "name": "R", "client_id": "robot", "grants": ["client_credentials"], "scopes": ["articles:read"] });
    stage.admin.post("/v1/clients", new).await.assert(201);
    stage.admin.put("/v1/users/robot/roles/reader").await.assert(204);
    stage.server.person("bob", &["users:update", "clients:update", "clients:create"]).await;
    let until = json!({ "valid_until": at(NOW + 100) });
    stage.admin.put_json("/v1/users/bob/roles/reader", until).await.assert(204);
    stage.server.sign_in("bob", PASSWORD).await
}

/// Every way to come to be someone else, or a service.
async fn ways(stage: &Stage, caller: &Client) -> Vec<u16> {
    let (admin, password) = (&stage.admin, json!({ "new_password": OTHER }));
    admin.patch("/v1/users/alice", json!({ "status": "disabled" })).await.assert(200);
    admin.patch("/v1/users/robot", json!({ "status": "disabled" })).await.assert(200);
    let active = json!({ "status": "active" });
    let answers = [
        caller.put_json("/v1/users/alice/password", password).await,
        caller.patch("/v1/users/alice", active.clone()).await,
        caller.patch("/v1/users/robot", active).await,
        caller.post("/v1/clients/robot/secrets", json!({})).await,
        caller.patch("/v1/clients/robot", json!({ "scopes": ["articles:read", "users:update"] })).await,
        caller.patch("/v1/clients/robot", json!({ "scopes": null })).await,
        caller.patch("/v1/clients/robot", json!({ "audience": "https://else.example" })).await,
    ];
    answers.into_iter().map(|answer| answer.status).collect()
}

#[tokio::test]
async fn nobody_gets_in_as_someone_who_holds_something_for_longer() {
    let stage = Stage::new().await;
    let bob = lender(&stage).await;
    assert_eq!(ways(&stage, &bob).await, [403; 7]);
    let refused = bob.put_json("/v1/users/alice/password", json!({ "new_password": OTHER })).await;
    let refused = refused.assert_problem(403, EXCEEDS);
    assert!(refused.body["detail"].as_str().unwrap().contains("not for as long"), "{}", refused.text);
    // What gives nothing isn't kept from who holds it now.
    bob.patch("/v1/users/alice", json!({ "display_name": "Al" })).await.assert(200);
    bob.patch("/v1/clients/robot", json!({ "name": "x", "scopes": [] })).await.assert(200);
}

#[tokio::test]
async fn who_holds_it_for_as_long_gets_in() {
    let stage = Stage::new().await;
    let bob = lender(&stage).await;
    for user in ["alice", "robot"] {
        let path = format!("/v1/users/{user}/roles/reader");
        stage.admin.put_json(&path, json!({ "valid_until": at(NOW + 100) })).await.assert(204);
    }
    assert_eq!(ways(&stage, &bob).await, [204, 200, 200, 201, 200, 200, 200]);
}

#[tokio::test]
async fn who_may_escalate_for_a_time_makes_no_first_party_client() {
    let stage = Stage::new().await;
    lender(&stage).await;
    stage.server.role("root", &["roles:escalate"]).await;
    stage.admin.put_json("/v1/users/bob/roles/root", json!({ "valid_until": at(NOW + 100) })).await.assert(204);
    let bob = stage.server.sign_in("bob", PASSWORD).await;
    bob.post("/v1/clients", crate::clients::app("app")).await.assert_problem(403, EXCEEDS);
    bob.patch("/v1/clients/robot", json!({ "first_party": true })).await.assert_problem(403, EXCEEDS);
    stage.admin.put("/v1/users/bob/roles/root").await.assert(204);
    let bob = stage.server.sign_in("bob", PASSWORD).await;
    bob.post("/v1/clients", crate::clients::app("app")).await.assert(201);
}

#[tokio::test]
async fn to_shorten_an_assignment_takes_what_taking_it_away_takes() {
    let stage = Stage::new().await;
    stage.admin.put_json(ROLE, json!({ "valid_until": at(NOW + 100) })).await.assert(204);
    let only_gives = ["assignments:create", "assignments:read", "policy:update", "articles:read"];
    let giver = stage.server.person("giver", &only_gives).await;
    let both = stage.server.person("both", &[&only_gives[..], &["assignments:delete"]].concat()).await;
    let shorter =
        [json!({ "valid_until": at(NOW + 1) }), json!({ "valid_from": at(NOW + 50), "valid_until": at(NOW + 200) })];
    for times in shorter {
        giver.put_json(ROLE, times.clone()).await.assert_problem(403, "insufficient_scope");
        let mut line = times.clone();
        (line["user"], line["role"]) = (json!("alice"), json!("reader"));
        let file = json!({ "assignments": [line] });
        giver.post("/v1/policy/apply", file.clone()).await.assert_problem(403, "insufficient_scope");
        both.post("/v1/policy/apply", file).await.assert(200);
        stage.admin.put_json(ROLE, json!({ "valid_until": at(NOW + 100) })).await.assert(204);
        both.put_json(ROLE, times).await.assert(204);
        stage.admin.put_json(ROLE, json!({ "valid_until": at(NOW + 100) })).await.assert(204);
    }
    giver.put_json(ROLE, json!({ "valid_from": at(NOW - 9), "valid_until": at(NOW + 101) })).await.assert(204);
    giver.put(ROLE).await.assert(204);
}

#[tokio::test]
async fn the_last_administrator_may_have_begun_at_any_time() {
    let stage = Stage::new().await;
    let own = "/v1/users/admin/roles/admin";
    stage.admin.put_json(own, json!({ "valid_from": at(NOW - 100) })).await.assert(204);
    let admin = stage.server.admin().await;
    let later = json!({ "valid_from": at(NOW + 1) });
    admin.put_json(own, later).await.assert_problem(409, "last_administrator");
}

#[tokio::test]
async fn a_roles_users_are_listed_with_the_times_of_their_assignments() {
    let stage = Stage::new().await;
    let times = json!({ "valid_from": at(NOW + 100), "valid_until": at(NOW + 200) });
    stage.admin.put_json(ROLE, times).await.assert(204);
    let expected: Value =
        json!([{ "username": "alice", "direct": true, "valid_from": at(NOW + 100), "valid_until": at(NOW + 200) }]);
    assert_eq!(json!(stage.admin.all("/v1/roles/reader/users").await), expected);
    assert_eq!(json!(stage.admin.all("/v1/roles/reader/users?inherited=true").await), json!([]));
}
