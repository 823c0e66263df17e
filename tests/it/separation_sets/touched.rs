//! Whom a set touches, and what is left to those whom it keeps from what they had.

use serde_json::json;

use super::{SET, SETS, set, stage};
use crate::support::{PASSWORD, claims};

const EXCEEDS: &str = "would_exceed_own_permissions";

#[tokio::test]
async fn who_holds_more_is_not_shut_out_by_a_dynamic_set() {
    let (server, _admin) = stage().await;
    let manager =
        server.person("manager", &["separation-sets:create", "separation-sets:update", "policy:update"]).await;
    let robot =
        server.application(json!({ "name": "R", "client_id": "robot", "grants": ["client_credentials"] })).await;
    for user in ["robot", "admin"] {
        for role in ["admin", "a", "boss"] {
            // Its own tokens stop, too, where it is the administrator who gets one.
            server.admin().await.put(&format!("/v1/users/{user}/roles/{role}")).await.assert(204);
        }
    }
    let token = robot.token(&server, &[]).await.assert(200);
    server.admin().await.delete("/v1/me/sessions").await.assert(204);
    let revision = server.revision();
    // The second would keep them from naming what they have by way of another role.
    for roles in [["a", "boss"], ["a", "b"]] {
        manager.post(SETS, set("dynamic", 2, &roles)).await.assert_problem(403, EXCEEDS);
        let file = json!({ "separation_sets": [set("dynamic", 2, &roles)] });
        manager.post("/v1/policy/apply", file).await.assert_problem(403, EXCEEDS);
    }
    assert_eq!(server.revision(), revision);
    server.bearing(token.token()).get("/v1/users").await.assert(200);
    server.admin().await.get("/v1/users").await.assert(200);
    manager.post(SETS, set("dynamic", 2, &["c", "d"])).await.assert(201);
    manager.put(&format!("{SET}/roles/a")).await.assert(204);
    manager.put(&format!("{SET}/roles/boss")).await.assert_problem(403, EXCEEDS);
}

#[tokio::test]
async fn a_dynamic_set_stops_the_tokens_of_its_roles_only_where_someone_could_activate_too_many() {
    let (server, admin) = stage().await;
    server.user("alice", &["a"]).await;
    server.user("bob", &["boss"]).await;
    let alice = server.sign_in("alice", PASSWORD).await;
    admin.post(SETS, set("dynamic", 2, &["a", "b"])).await.assert(201);
    alice.get("/v1/me").await.assert(200);
    admin.delete(SET).await.assert(204);
    admin.put("/v1/users/bob/roles/a").await.assert(204);
    admin.post(SETS, set("dynamic", 2, &["a", "b"])).await.assert(201);
    alice.get("/v1/me").await.assert_invalid_token();
}

#[tokio::test]
async fn a_service_whose_roles_are_kept_apart_names_those_to_activate() {
    let (server, admin) = stage().await;
    let robot =
        server.application(json!({ "name": "R", "client_id": "robot", "grants": ["client_credentials"] })).await;
    for role in ["a", "c", "boss"] {
        admin.put(&format!("/v1/users/robot/roles/{role}")).await.assert(204);
    }
    admin.post(SETS, set("dynamic", 2, &["a", "c"])).await.assert(201);
    robot.token(&server, &[]).await.assert_oauth_error(400, "invalid_request");
    robot.token(&server, &[("roles", "a c")]).await.assert_oauth_error(400, "invalid_request");
    robot.token(&server, &[("roles", "a d")]).await.assert_oauth_error(400, "invalid_request");
    robot.token(&server, &[("roles", "none")]).await.assert_oauth_error(400, "invalid_request");
    let some = robot.token(&server, &[("roles", "a b")]).await.assert(200);
    assert_eq!(claims(some.token())["roles"], json!(["a", "b"]));
    // It loses one by way of which it had the other.
    admin.delete("/v1/roles/boss/juniors/b").await.assert(204);
    server.bearing(some.token()).get("/v1/me").await.assert_invalid_token();
}

#[tokio::test]
async fn a_refresh_takes_no_roles() {
    let (server, _admin) = stage().await;
    server.user("alice", &["a", "b"]).await;
    let signed_in = server.token("alice", PASSWORD, &[]).await.assert(200);
    for roles in ["a", "none"] {
        let refused = server.refresh(signed_in.refresh_token(), &[("roles", roles)]).await;
        refused.assert_oauth_error(400, "invalid_request");
    }
    server.refresh(signed_in.refresh_token(), &[("roles", "")]).await.assert(200);
}

#[tokio::test]
async fn a_file_takes_a_role_away_and_keeps_it_apart_at_once() {
    let (server, admin) = stage().await;
    for user in ["alice", "bob"] {
        server.user(user, &["a", "b"]).await;
    }
    let alice = server.token("alice", PASSWORD, &[]).await.assert(200);
    let bob = server.token("bob", PASSWORD, &[("roles", "a b")]).await.assert(200);
    let has = |user: &str, role: &str| json!({ "user": user, "role": role });
    let file = |assigned: serde_json::Value| json!({ "separation_sets": [set("dynamic", 2, &["a", "b"])], "assignments": assigned });
    let own = has("admin", "admin");
    let prune = "/v1/policy/apply?prune=true";
    let one = file(json!([own, has("alice", "a"), has("bob", "a"), has("bob", "b")]));
    admin.post(prune, one).await.assert_problem(409, "separation_of_duty");
    let more = file(json!([own, has("alice", "a"), has("alice", "b"), has("alice", "c"), has("bob", "a")]));
    admin.post(prune, more).await.assert_problem(409, "separation_of_duty");
    admin.post(prune, file(json!([own, has("alice", "a"), has("bob", "b")]))).await.assert(200);
    for (token, role) in [(alice, "a"), (bob, "b")] {
        let refreshed = server.refresh(token.refresh_token(), &[]).await.assert(200);
        assert_eq!(claims(refreshed.token())["roles"], json!([role]));
    }
}

#[tokio::test]
async fn a_member_that_is_or_is_not_one_already_needs_but_the_guard() {
    let (server, admin) = stage().await;
    server.role("above", &["secret:read"]).await;
    admin.post(SETS, set("static", 2, &["a", "b", "above"])).await.assert(201);
    let manager = server.person("manager", &["separation-sets:update"]).await;
    let revision = server.revision();
    manager.put(&format!("{SET}/roles/above")).await.assert(204);
    manager.delete(&format!("{SET}/roles/c")).await.assert(204);
    manager.patch(SET, json!({})).await.assert_problem(403, EXCEEDS);
    assert_eq!(server.revision(), revision);
}
