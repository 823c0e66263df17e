//! How much a set may ask of the server.

use serde_json::{Value, json};

use super::{SET, SETS, set, stage};
use crate::support::Server;

#[tokio::test]
async fn each_role_of_a_set_counts_once_whether_a_role_gives_one_some_or_too_many_of_them() {
    let (server, admin) = stage().await;
    for (role, juniors) in [("two", json!(["a", "b"])), ("all", json!(["two", "c"])), ("above", json!(["a"]))] {
        admin.post("/v1/roles", json!({ "name": role, "juniors": juniors })).await.assert(201);
    }
    // Nobody has three of the three.
    server.user("alice", &["two", "above", "a", "b", "boss"]).await;
    server.user("bob", &["c", "d"]).await;
    admin.post(SETS, set("static", 3, &["a", "b", "c"])).await.assert(201);
    admin.delete(SET).await.assert(204);
    let refused = |user: &'static str, role: &'static str, times: Value| {
        let admin = &admin;
        async move {
            let path = format!("/v1/users/{user}/roles/{role}");
            admin.put_json(&path, times).await.assert(204);
            admin.post(SETS, set("static", 3, &["a", "b", "c"])).await.assert_problem(409, "separation_of_duty");
            admin.delete(&path).await.assert(204);
            admin.post(SETS, set("static", 3, &["a", "b", "c"])).await.assert(201);
            admin.delete(SET).await.assert(204);
        }
    };
    refused("alice", "c", json!({})).await;
    refused("bob", "two", json!({})).await;
    refused("bob", "all", json!({})).await;
    refused("bob", "all", json!({ "valid_from": "2999-01-01T00:00:00Z" })).await;
}

/// A file with a hierarchy of so many levels of two roles, each above both of the level below, and a set of some of them.
fn ladder(levels: usize, members: usize) -> Value {
    let role = |level: usize, side: usize| format!("r{level}-{side}");
    let juniors = |level: usize| if level == 0 { Vec::new() } else { vec![role(level - 1, 0), role(level - 1, 1)] };
    let roles: Vec<_> = (0..levels)
        .flat_map(|level| [0, 1].map(|side| json!({ "name": role(level, side), "juniors": juniors(level) })))
        .collect();
    let members: Vec<_> = (0..members).map(|number| role(number / 2, number % 2)).collect();
    json!({ "roles": roles, "separation_sets": [{ "name": "apart", "kind": "static", "cardinality": 2, "roles": members }] })
}

#[tokio::test]
async fn a_large_set_below_many_roles_is_made_unless_someone_has_one_of_them() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user("alice", &[]).await;
    admin.post("/v1/policy/apply", ladder(600, 500)).await.assert(200);
    admin.put("/v1/users/alice/roles/r0-1").await.assert(204);
    admin.put("/v1/users/alice/roles/r599-0").await.assert_problem(409, "separation_of_duty");
    admin.delete(SET).await.assert(204);
    admin.put("/v1/users/alice/roles/r599-0").await.assert(204);
    admin.post("/v1/policy/apply", ladder(600, 500)).await.assert_problem(409, "separation_of_duty");
}

#[tokio::test]
async fn a_set_below_too_many_roles_that_someone_has_is_refused_before_it_is_looked_for() {
    let server = Server::start().await;
    let admin = server.admin().await;
    // Each of 450 roles is above one less than the set takes.
    let members: Vec<_> = (0..500).map(|number| json!({ "name": format!("m{number}") })).collect();
    let names: Vec<_> = (0..500).map(|number| format!("m{number}")).collect();
    let mut roles = members;
    roles.push(json!({ "name": "most", "juniors": names[..499] }));
    roles.extend((0..450).map(|number| json!({ "name": format!("top{number}"), "juniors": ["most"] })));
    admin.post("/v1/policy/apply", json!({ "roles": roles })).await.assert(200);
    let has = |number| json!({ "user": "alice", "role": format!("top{number}") });
    let assigned: Vec<_> = (0..450).map(has).collect();
    server.user("alice", &[]).await;
    admin.post("/v1/policy/apply", json!({ "assignments": assigned })).await.assert(200);
    let all = |cardinality| json!({ "name": "apart", "kind": "static", "cardinality": cardinality, "roles": names });
    let told = admin.post(&format!("{SETS}?dry_run=true"), all(500)).await.assert(200);
    assert_eq!(told.body["broken_rules"][0]["code"], "separation_set_too_wide", "{}", told.text);
    let keeper = server.person("keeper", &["separation-sets:create"]).await;
    let mut dynamic = all(500);
    dynamic["kind"] = "dynamic".into();
    keeper.post(SETS, dynamic).await.assert_problem(403, "would_exceed_own_permissions");
    let told = admin.post(SETS, all(500)).await.assert_problem(409, "separation_set_too_wide");
    assert!(told.body["detail"].as_str().unwrap().contains("cardinality"), "{}", told.text);
    admin.post(SETS, all(499)).await.assert_problem(409, "separation_of_duty");
}

#[tokio::test]
async fn a_set_has_at_most_500_roles_by_whatever_road() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let names: Vec<_> = (0..501).map(|number| format!("m{number}")).collect();
    let file = |members: &[String]| {
        let roles: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
        json!({ "roles": roles, "separation_sets": [{ "name": "apart", "kind": "static", "cardinality": 2, "roles": members }] })
    };
    let refused = admin.post("/v1/policy/plan", file(&names)).await.assert_problem(400, "bad_policy_file");
    assert!(refused.body["detail"].as_str().unwrap().contains("at most 500 roles"), "{}", refused.text);
    admin.post("/v1/policy/apply", file(&names[..500])).await.assert(200);
    admin.put(&format!("{SET}/roles/m500")).await.assert_problem(409, "separation_set_full");
    admin.put(&format!("{SET}/roles/m499")).await.assert(204);
    admin.patch(SET, json!({ "roles": names })).await.assert(400);
    admin.delete(&format!("{SET}/roles/m0")).await.assert(204);
    admin.put(&format!("{SET}/roles/m500")).await.assert(204);
}
