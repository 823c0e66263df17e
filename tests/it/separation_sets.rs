//! /v1/separation-sets, and what they keep apart

mod bounds;
mod stale;
mod touched;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, Server, claims};

/// Roles `a` to `d`, of which `boss` inherits from `b`.
async fn stage() -> (Server, Client) {
    let server = Server::start().await;
    let admin = server.admin().await;
    for role in ["a", "b", "c", "d", "boss"] {
        server.role(role, &[]).await;
    }
    admin.put("/v1/roles/boss/juniors/b").await.assert(204);
    (server, admin)
}

fn set(kind: &str, cardinality: u64, roles: &[&str]) -> Value {
    json!({ "name": "apart", "kind": kind, "cardinality": cardinality, "roles": roles })
}

const SETS: &str = "/v1/separation-sets";
const SET: &str = "/v1/separation-sets/apart";

#[tokio::test]
async fn a_set_is_created_read_changed_listed_and_deleted() {
    let (_server, admin) = stage().await;
    let created = admin.post(SETS, set("static", 2, &["c", "a"])).await.assert(201);
    assert_eq!(created.header("location"), SET);
    let id = created.body["id"].as_str().unwrap();
    let expected = |cardinality: u64, roles: &[&str]| json!({ "id": id, "name": "apart", "kind": "static", "cardinality": cardinality, "roles": roles });
    assert_eq!(created.body, expected(2, &["a", "c"]));
    assert_eq!(admin.get(&format!("{SETS}/{id}")).await.assert(200).body, created.body);
    admin.put(&format!("{SET}/roles/b")).await.assert(204);
    assert_eq!(admin.names(&format!("{SET}/roles"), "role").await, ["a", "b", "c"]);
    let patched = admin.patch(SET, json!({ "cardinality": 3 })).await.assert(200);
    assert_eq!(patched.body, expected(3, &["a", "b", "c"]));
    admin.delete(&format!("{SET}/roles/b")).await.assert_problem(409, "in_separation_set");
    let patched = admin.patch(SET, json!({ "cardinality": 2, "roles": ["a", "d"] })).await.assert(200);
    assert_eq!(patched.body, expected(2, &["a", "d"]));
    let mut other = set("dynamic", 2, &["a", "b"]);
    other["name"] = "other".into();
    admin.post(SETS, other).await.assert(201);
    assert_eq!(admin.names(SETS, "name").await, ["apart", "other"]);
    assert_eq!(admin.names(&format!("{SETS}?kind=dynamic"), "name").await, ["other"]);
    admin.delete(SET).await.assert(204);
    admin.get(SET).await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn what_can_not_be_a_set_is_refused() {
    let (_server, admin) = stage().await;
    for (cardinality, roles) in
        [(1, &["a", "b"][..]), (0, &["a", "b"]), (3, &["a", "b"]), (2, &["a"]), (2, &["a", "a"])]
    {
        let refused = admin.post(SETS, set("static", cardinality, roles)).await;
        refused.assert_problem(400, "bad_cardinality");
    }
    admin.post(SETS, set("static", 2, &["a", "none"])).await.assert_problem(404, "not_found");
    admin.post(SETS, set("sometimes", 2, &["a", "b"])).await.assert(400);
    admin.post(SETS, set("static", 2, &["a", "b"])).await.assert(201);
    admin.post(SETS, set("dynamic", 2, &["a", "b"])).await.assert_problem(409, "already_exists");
    admin.patch(SET, json!({ "cardinality": 3 })).await.assert_problem(400, "bad_cardinality");
    for told in
        [json!({ "cardinality": 1 }), json!({ "roles": ["a"] }), json!({ "cardinality": 3, "roles": ["a", "b"] })]
    {
        admin.patch(SET, told.clone()).await.assert_problem(400, "bad_cardinality");
        admin.patch(&format!("{SETS}/none"), told).await.assert_problem(400, "bad_cardinality");
    }
    admin.post(SETS, set("static", 1, &["a", "none"])).await.assert_problem(400, "bad_cardinality");
    admin.patch(SET, json!({ "kind": "dynamic" })).await.assert(400);
    admin.patch(SET, json!({ "cardinality": null })).await.assert_problem(400, "bad_request");
    admin.patch(SET, json!({ "roles": null })).await.assert_problem(400, "bad_request");
    admin.put(&format!("{SET}/roles/none")).await.assert_problem(404, "not_found");
    let tag = admin.etag(SET).await;
    admin.put(&format!("{SET}/roles/c")).await.assert(204);
    admin.if_match(Method::DELETE, SET, &tag, Value::Null).await.assert_problem(412, "stale");
}

#[tokio::test]
async fn nobody_is_authorized_for_too_many_roles_of_a_static_set_by_whatever_road() {
    let (server, admin) = stage().await;
    admin.post(SETS, set("static", 2, &["a", "b"])).await.assert(201);
    server.user("alice", &["a"]).await;
    server.user("bob", &["boss"]).await;
    let broken = |path: &'static str| {
        let admin = &admin;
        async move { admin.put(path).await.assert_problem(409, "separation_of_duty") }
    };
    broken("/v1/users/alice/roles/b").await;
    broken("/v1/users/alice/roles/boss").await;
    broken("/v1/users/bob/roles/a").await;
    broken("/v1/roles/boss/juniors/a").await;
    broken("/v1/roles/a/juniors/boss").await;
    let both = json!({ "username": "carol", "password": PASSWORD, "roles": ["a", "boss"] });
    admin.post("/v1/users", both).await.assert_problem(409, "separation_of_duty");
    // A role that nobody could be given may be made all the same; but not with a senior who has the other.
    admin.post("/v1/roles", json!({ "name": "both", "juniors": ["a", "b"] })).await.assert(201);
    broken("/v1/users/alice/roles/both").await;
    let under = json!({ "name": "under", "seniors": ["boss"], "juniors": ["a"] });
    admin.post("/v1/roles", under).await.assert_problem(409, "separation_of_duty");
    admin.delete("/v1/users/alice/roles/a").await.assert(204);
    admin.put("/v1/users/alice/roles/b").await.assert(204);
}

#[tokio::test]
async fn fewer_than_the_number_may_go_together() {
    let (server, admin) = stage().await;
    admin.post(SETS, set("static", 3, &["a", "b", "c"])).await.assert(201);
    server.user("alice", &["a", "b"]).await;
    admin.put("/v1/users/alice/roles/c").await.assert_problem(409, "separation_of_duty");
    admin.put("/v1/users/alice/roles/d").await.assert(204);
    admin.put(&format!("{SET}/roles/d")).await.assert_problem(409, "separation_of_duty");
    admin.patch(SET, json!({ "cardinality": 2 })).await.assert_problem(409, "separation_of_duty");
    admin.delete("/v1/users/alice/roles/b").await.assert(204);
    admin.put(&format!("{SET}/roles/d")).await.assert(204);
    admin.patch(SET, json!({ "cardinality": 2 })).await.assert_problem(409, "separation_of_duty");
    admin.delete("/v1/users/alice/roles/d").await.assert(204);
    admin.patch(SET, json!({ "cardinality": 2 })).await.assert(200);
}

#[tokio::test]
async fn a_static_set_is_not_made_while_someone_has_too_many() {
    let (server, admin) = stage().await;
    server.user("alice", &["a", "boss"]).await;
    admin.post(SETS, set("static", 2, &["a", "b"])).await.assert_problem(409, "separation_of_duty");
    admin.post(SETS, set("static", 2, &["a", "c"])).await.assert(201);
    admin.patch(SET, json!({ "roles": ["a", "b"] })).await.assert_problem(409, "separation_of_duty");
}

#[tokio::test]
async fn a_role_that_a_set_can_not_do_without_is_not_deleted() {
    let (_server, admin) = stage().await;
    admin.post(SETS, set("static", 2, &["a", "b", "c"])).await.assert(201);
    admin.delete("/v1/roles/c").await.assert(204);
    assert_eq!(admin.names(&format!("{SET}/roles"), "role").await, ["a", "b"]);
    admin.delete("/v1/roles/b").await.assert_problem(409, "in_separation_set");
    admin.delete(SET).await.assert(204);
    admin.delete("/v1/roles/b").await.assert(204);
}

#[tokio::test]
async fn too_many_roles_of_a_dynamic_set_are_not_active_in_one_session() {
    let (server, admin) = stage().await;
    admin.post(SETS, set("dynamic", 2, &["a", "b"])).await.assert(201);
    server.user("alice", &["a", "b", "c"]).await;
    let all = server.token("alice", PASSWORD, &[]).await.assert_oauth_error(400, "invalid_request");
    assert!(all.body["error_description"].as_str().unwrap().contains("apart"), "{}", all.text);
    server.token("alice", PASSWORD, &[("roles", "a b")]).await.assert_oauth_error(400, "invalid_request");
    let some = server.token("alice", PASSWORD, &[("roles", "a c")]).await.assert(200);
    assert_eq!(claims(some.token())["roles"], json!(["a", "c"]));
    let again = server.refresh(some.refresh_token(), &[]).await.assert(200);
    assert_eq!(claims(again.token())["roles"], json!(["a", "c"]));
    let sid = claims(some.token())["sid"].as_str().unwrap().to_owned();
    let alice = server.bearing(again.token());
    alice.put(&format!("/v1/sessions/{sid}/roles/b")).await.assert_problem(409, "separation_of_duty");
}

#[tokio::test]
async fn juniors_of_active_roles_are_not_active() {
    let (server, admin) = stage().await;
    admin.post(SETS, set("dynamic", 2, &["a", "b"])).await.assert(201);
    server.user("alice", &["a", "boss"]).await;
    server.token("alice", PASSWORD, &[]).await.assert(200);
    server.token("alice", PASSWORD, &[("roles", "a b")]).await.assert_oauth_error(400, "invalid_request");
}

#[tokio::test]
async fn a_session_keeps_what_it_has_when_all_would_be_too_many() {
    let (server, admin) = stage().await;
    admin.post(SETS, set("dynamic", 2, &["a", "b"])).await.assert(201);
    server.user("alice", &["a"]).await;
    let signed_in = server.token("alice", PASSWORD, &[]).await.assert(200);
    admin.put("/v1/users/alice/roles/b").await.assert(204);
    let refreshed = server.refresh(signed_in.refresh_token(), &[]).await.assert(200);
    assert_eq!(claims(refreshed.token())["roles"], json!(["a"]));
    server.token("alice", PASSWORD, &[]).await.assert_oauth_error(400, "invalid_request");
}

#[tokio::test]
async fn a_dynamic_set_is_not_made_while_a_session_has_too_many_active() {
    let (server, admin) = stage().await;
    server.user("alice", &["a", "b"]).await;
    server.user("bob", &["a", "boss"]).await;
    let refused = |session: Client| {
        let admin = &admin;
        async move {
            admin.post(SETS, set("dynamic", 2, &["a", "b"])).await.assert_problem(409, "separation_of_duty");
            session.delete("/v1/me/sessions").await.assert(204);
        }
    };
    refused(server.sign_in("alice", PASSWORD).await).await;
    let named = server.token("bob", PASSWORD, &[("roles", "b a")]).await.assert(200);
    refused(server.bearing(named.token())).await;
    server.token("alice", PASSWORD, &[("roles", "b c")]).await.assert_oauth_error(400, "invalid_request");
    server.token("alice", PASSWORD, &[("roles", "b")]).await.assert(200);
    admin.post(SETS, set("dynamic", 2, &["a", "b"])).await.assert(201);
}

#[tokio::test]
async fn who_keeps_roles_apart_must_hold_what_they_give() {
    let (server, admin) = stage().await;
    server.role("above", &["secret:read"]).await;
    let permissions = ["separation-sets:create", "separation-sets:update", "separation-sets:delete"];
    let manager = server.person("manager", &permissions).await;
    let above = set("static", 2, &["a", "above"]);
    manager.post(SETS, above).await.assert_problem(403, "would_exceed_own_permissions");
    manager.post(SETS, set("static", 2, &["a", "b"])).await.assert(201);
    manager.put(&format!("{SET}/roles/above")).await.assert_problem(403, "would_exceed_own_permissions");
    admin.put(&format!("{SET}/roles/above")).await.assert(204);
    manager.delete(SET).await.assert_problem(403, "would_exceed_own_permissions");
    manager.patch(SET, json!({ "roles": ["a", "b"] })).await.assert_problem(403, "would_exceed_own_permissions");
}

#[tokio::test]
async fn of_two_roles_given_at_once_that_are_kept_apart_one_is() {
    let (server, admin) = stage().await;
    admin.post(SETS, set("static", 2, &["a", "b"])).await.assert(201);
    for round in 0..10 {
        let user = format!("user{round}");
        server.user(&user, &[]).await;
        let (one, other) = (format!("/v1/users/{user}/roles/a"), format!("/v1/users/{user}/roles/boss"));
        let (one, other) = tokio::join!(admin.put(&one), admin.put(&other));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409]);
    }
}

#[tokio::test]
async fn of_an_assignment_and_a_set_that_forbids_it_one_is_made() {
    let (server, admin) = stage().await;
    for round in 0..10 {
        let user = format!("user{round}");
        server.user(&user, &["a"]).await;
        let path = format!("/v1/users/{user}/roles/b");
        let mut new = set("static", 2, &["a", "b"]);
        new["name"] = format!("apart{round}").into();
        let (assigned, made) = tokio::join!(admin.put(&path), admin.post(SETS, new));
        assert!((assigned.status == 204) != (made.status == 201), "{} {}", assigned.status, made.status);
        admin.delete(&format!("{SETS}/apart{round}")).await;
        admin.delete(&path).await.assert(204);
    }
}
