//! Rules 1 and 2: you grant what you hold, and someone can always administer.

use serde_json::json;

use crate::support::{Client, PASSWORD, Server};

const MANAGER: &[&str] = &[
    "users:create",
    "users:read",
    "users:update",
    "users:delete",
    "roles:create",
    "roles:read",
    "roles:update",
    "roles:delete",
    "permissions:create",
    "permissions:read",
    "permissions:update",
    "permissions:delete",
    "assignments:create",
    "assignments:delete",
    "articles:read",
];

/// A manager who holds much, but not `articles:delete` nor `roles:escalate`; a `reader` role and a `cleaner`
/// role that is beyond the manager; `boss` has it, and `other` has none.
async fn stage() -> (Server, Client) {
    let server = Server::start().await;
    let manager = server.person("manager", MANAGER).await;
    server.role("reader", &["articles:read"]).await;
    server.role("cleaner", &["articles:delete"]).await;
    server.user("boss", &["cleaner"]).await;
    server.user("other", &[]).await;
    (server, manager)
}

const LAST: &str = "last_administrator";
const EXCEEDS: &str = "would_exceed_own_permissions";

#[tokio::test]
async fn what_one_holds_one_can_give() {
    let (_server, manager) = stage().await;
    manager.put("/v1/users/other/roles/reader").await.assert(204);
    manager.post("/v1/roles", json!({ "name": "r", "permissions": ["articles:read"] })).await.assert(201);
    manager.put("/v1/roles/r/permissions/users:read").await.assert(204);
    manager.post("/v1/users", json!({ "username": "u", "password": PASSWORD, "roles": ["r"] })).await.assert(201);
    manager.delete("/v1/users/u/roles/r").await.assert(204);
    manager.delete("/v1/users/u").await.assert(204);
    manager.delete("/v1/roles/r").await.assert(204);
}

#[tokio::test]
async fn what_one_does_not_hold_one_can_give_by_no_road() {
    let (_server, manager) = stage().await;
    manager.put("/v1/users/other/roles/cleaner").await.assert_problem(403, EXCEEDS);
    manager.put("/v1/users/manager/roles/cleaner").await.assert_problem(403, EXCEEDS);
    manager.put("/v1/users/manager/roles/admin").await.assert_problem(403, EXCEEDS);
    manager.put("/v1/roles/reader/permissions/articles:delete").await.assert_problem(403, EXCEEDS);
    manager.put("/v1/roles/manager/permissions/roles:escalate").await.assert_problem(403, EXCEEDS);
    let role = json!({ "name": "r", "permissions": ["articles:read", "articles:delete"] });
    manager.post("/v1/roles", role).await.assert_problem(403, EXCEEDS);
    let user = json!({ "username": "u", "password": PASSWORD, "roles": ["reader", "cleaner"] });
    manager.post("/v1/users", user).await.assert_problem(403, EXCEEDS);
    manager.get("/v1/users/u").await.assert(404);
    manager.get("/v1/roles/r").await.assert(404);
}

#[tokio::test]
async fn whom_one_does_not_reach_one_can_not_touch() {
    let (_server, manager) = stage().await;
    for patch in [json!({ "status": "disabled" }), json!({ "username": "x" }), json!({ "email": "x@example.com" })] {
        manager.patch("/v1/users/boss", patch).await.assert_problem(403, EXCEEDS);
    }
    manager.put_json("/v1/users/boss/password", json!({ "new_password": PASSWORD })).await.assert_problem(403, EXCEEDS);
    manager.delete("/v1/users/boss").await.assert_problem(403, EXCEEDS);
    manager.put("/v1/users/boss/roles/reader").await.assert_problem(403, EXCEEDS);
    manager.delete("/v1/users/boss/roles/cleaner").await.assert_problem(403, EXCEEDS);
    manager.patch("/v1/roles/cleaner", json!({ "description": "x" })).await.assert_problem(403, EXCEEDS);
    manager.put("/v1/roles/cleaner/permissions/articles:read").await.assert_problem(403, EXCEEDS);
    manager.delete("/v1/roles/cleaner/permissions/articles:delete").await.assert_problem(403, EXCEEDS);
    manager.delete("/v1/roles/cleaner").await.assert_problem(403, EXCEEDS);
    let described = json!({ "description": "x" });
    manager.patch("/v1/permissions/articles:delete", described).await.assert_problem(403, EXCEEDS);
    manager.delete("/v1/permissions/articles:delete").await.assert_problem(403, EXCEEDS);
}

#[tokio::test]
async fn a_patch_that_changes_nothing_is_no_way_to_read() {
    let (_server, manager) = stage().await;
    for path in ["/v1/users/boss", "/v1/roles/cleaner", "/v1/permissions/articles:delete"] {
        manager.patch(path, json!({})).await.assert_problem(403, EXCEEDS);
    }
    manager.patch("/v1/users/other", json!({})).await.assert(200);
    manager.patch("/v1/roles/reader", json!({})).await.assert(200);
}

#[tokio::test]
async fn a_permission_one_created_is_not_held() {
    let (server, manager) = stage().await;
    manager.post("/v1/permissions", json!({ "name": "payroll:read" })).await.assert(201);
    manager.put("/v1/roles/manager/permissions/payroll:read").await.assert_problem(403, EXCEEDS);
    manager.delete("/v1/permissions/payroll:read").await.assert_problem(403, EXCEEDS);
    server.admin().await.put("/v1/roles/manager/permissions/payroll:read").await.assert(204);
    let manager = server.sign_in("manager", PASSWORD).await;
    manager.put("/v1/roles/reader/permissions/payroll:read").await.assert(204);
}

#[tokio::test]
async fn held_is_only_what_the_token_carries() {
    let (server, _manager) = stage().await;
    let narrowed = server.token("manager", PASSWORD, &[("scope", "assignments:create")]).await.assert(200);
    let narrowed = server.bearing(narrowed.body["access_token"].as_str().unwrap());
    narrowed.put("/v1/users/other/roles/reader").await.assert_problem(403, EXCEEDS);
    let wider = server.token("manager", PASSWORD, &[("scope", "assignments:create articles:read")]).await.assert(200);
    let wider = server.bearing(wider.body["access_token"].as_str().unwrap());
    wider.put("/v1/users/other/roles/reader").await.assert(204);
}

#[tokio::test]
async fn who_may_escalate_may_give_and_touch_anything() {
    let (server, _manager) = stage().await;
    let escalator = server.person("escalator", &["roles:escalate", "assignments:create", "users:delete"]).await;
    escalator.put("/v1/users/other/roles/cleaner").await.assert(204);
    escalator.delete("/v1/users/boss").await.assert(204);
    escalator.delete("/v1/roles/cleaner").await.assert_problem(403, "insufficient_scope");
}

#[tokio::test]
async fn the_last_administrator_stays_whatever_is_tried() {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.delete("/v1/users/admin").await.assert_problem(409, LAST);
    admin.delete("/v1/users/admin/roles/admin").await.assert_problem(409, LAST);
    admin.patch("/v1/users/admin", json!({ "status": "disabled" })).await.assert_problem(409, LAST);
    admin.delete("/v1/roles/admin").await.assert_problem(409, "built_in");
    admin.delete("/v1/roles/admin/permissions/roles:escalate").await.assert_problem(409, "built_in");
    admin.get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn only_an_enabled_person_with_a_password_counts_as_an_administrator() {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.post("/v1/users", json!({ "username": "no-password", "roles": ["admin"] })).await.assert(201);
    server.user("disabled", &["admin"]).await;
    admin.patch("/v1/users/disabled", json!({ "status": "disabled" })).await.assert(200);
    admin.delete("/v1/users/admin/roles/admin").await.assert_problem(409, LAST);

    server.user("second", &["admin"]).await;
    admin.delete("/v1/users/admin/roles/admin").await.assert(204);
    let second = server.sign_in("second", PASSWORD).await;
    second.delete("/v1/users/second").await.assert_problem(409, LAST);
}

#[tokio::test]
async fn another_role_that_escalates_counts_until_it_is_taken_apart() {
    let server = Server::start().await;
    server.role("root", &["roles:escalate", "roles:update", "roles:delete", "assignments:delete"]).await;
    server.user("root", &["root"]).await;
    server.admin().await.delete("/v1/users/admin").await.assert(204);
    let root = server.sign_in("root", PASSWORD).await;
    root.delete("/v1/roles/root/permissions/roles:escalate").await.assert_problem(409, "last_administrator");
    root.delete("/v1/roles/root").await.assert_problem(409, "last_administrator");
    root.delete("/v1/users/root/roles/root").await.assert_problem(409, "last_administrator");
}

#[tokio::test]
async fn a_new_role_is_put_below_none_that_gives_more_than_one_holds() {
    let (_server, manager) = stage().await;
    let below = |senior: &str| json!({ "name": "below", "seniors": [senior] });
    manager.post("/v1/roles", below("cleaner")).await.assert_problem(403, EXCEEDS);
    manager.post("/v1/roles", below("reader")).await.assert(201);
}

#[tokio::test]
async fn a_file_hands_the_last_administration_over() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user("second", &[]).await;
    admin.post("/v1/users", json!({ "username": "no-password" })).await.assert(201);
    server.user("disabled", &[]).await;
    admin.patch("/v1/users/disabled", json!({ "status": "disabled" })).await.assert(200);
    let to = |user: &str| json!({ "assignments": [{ "user": user, "role": "admin" }] });
    let mut ends = to("second");
    ends["assignments"][0]["valid_until"] = json!("2100-01-01T00:00:00Z");
    for file in [to("no-password"), to("disabled"), ends] {
        admin.post("/v1/policy/apply?prune=true", file).await.assert_problem(409, LAST);
    }
    admin.post("/v1/policy/apply?prune=true", to("second")).await.assert(200);
    let second = server.sign_in("second", PASSWORD).await;
    second.delete("/v1/users/second").await.assert_problem(409, LAST);
    second.delete("/v1/users/admin").await.assert(204);
}

#[tokio::test]
async fn a_plan_is_not_allowed_to_who_may_not_apply_it() {
    let server = Server::start().await;
    let reader = server.person("planner", &["policy:read"]).await;
    let file = json!({ "roles": [{ "name": "new" }] });
    let plan = reader.post("/v1/policy/plan", file.clone()).await.assert(200);
    assert_eq!(plan.body["effect"]["allowed"], false);
    assert_eq!(plan.body["effect"]["broken_rules"][0]["code"], "insufficient_scope");
    assert_eq!(plan.body["changes"][0]["target"], "roles/new");
    reader.post("/v1/policy/apply", file.clone()).await.assert_problem(403, "insufficient_scope");
    let writer = server.person("writer", &["policy:read", "policy:update"]).await;
    let plan = writer.post("/v1/policy/plan", file.clone()).await.assert(200);
    assert_eq!(plan.body["effect"]["allowed"], true);
    writer.post("/v1/policy/apply", file).await.assert(200);
}
