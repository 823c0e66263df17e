//! How many roles there may be.

use std::sync::Arc;

use rolecall_guard::Clock;
use serde_json::{Value, json};

use crate::support::{Client, Server};

const FULL: &str = "too_many_roles";

/// A file with so many roles, beside the one that is built in.
fn file(roles: usize) -> Value {
    json!({ "roles": (0..roles).map(|number| json!({ "name": format!("r{number}") })).collect::<Vec<_>>() })
}

async fn create(admin: &Client, name: &str) -> crate::support::Answer {
    admin.post("/v1/roles", json!({ "name": name })).await
}

#[tokio::test]
async fn there_are_as_many_roles_as_the_setting_says_and_no_more_by_whatever_road() {
    let server = Server::with(&[("ROLECALL_MOST_ROLES", "100")]).await;
    let admin = server.admin().await;
    let refused = admin.post("/v1/policy/apply", file(100)).await.assert_problem(409, FULL);
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("100 roles") && detail.contains("ROLECALL_MOST_ROLES"), "{detail}");
    admin.post("/v1/policy/apply", file(98)).await.assert(200);
    create(&admin, "last").await.assert(201);
    create(&admin, "more").await.assert_problem(409, FULL);
    let told = admin.post("/v1/roles?dry_run=true", json!({ "name": "more" })).await.assert(200);
    assert!(told.text.contains(FULL), "{}", told.text);
    // One for another, by a file, too.
    admin.delete("/v1/roles/r0").await.assert(204);
    create(&admin, "more").await.assert(201);
    admin.post("/v1/policy/apply", file(99)).await.assert_problem(409, FULL);
    admin.post("/v1/policy/apply?prune=true", file(99)).await.assert(200);
}

#[tokio::test]
async fn where_the_bound_is_lowered_what_there_is_stays_and_can_be_changed() {
    let server = Server::start().await;
    server.admin().await.post("/v1/policy/apply", file(120)).await.assert(200);
    let lower = Server::on(&Arc::clone(&server.database), &[("ROLECALL_MOST_ROLES", "100")], Clock::System).await;
    let admin = lower.admin().await;
    create(&admin, "more").await.assert_problem(409, FULL);
    admin.put("/v1/roles/r1/juniors/r2").await.assert(204);
    let described = json!({ "roles": [{ "name": "r1", "description": "One", "juniors": ["r2", "r3"] }] });
    admin.post("/v1/policy/apply", described).await.assert(200);
    admin.post("/v1/policy/apply?prune=true", file(110)).await.assert(200);
    admin.delete("/v1/roles/r5").await.assert(204);
    create(&admin, "r5").await.assert_problem(409, FULL);
}
