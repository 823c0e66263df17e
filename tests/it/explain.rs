//! /v1/users/{user}/permissions/{permission}

use std::sync::{Arc, atomic::AtomicI64};

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::support::{Client, Server};

async fn why(client: &Client, user: &str, permission: &str) -> Value {
    client.get(&format!("/v1/users/{user}/permissions/{permission}")).await.assert(200).body
}

#[tokio::test]
async fn it_shows_every_way_from_an_assignment_down_to_a_grant() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for (role, permissions) in [("chief", &[][..]), ("editor", &["articles:read"]), ("reader", &["articles:read"])] {
        server.role(role, permissions).await;
    }
    for edge in ["chief/juniors/editor", "chief/juniors/reader", "editor/juniors/reader"] {
        admin.put(&format!("/v1/roles/{edge}")).await.assert(204);
    }
    server.user("alice", &["chief", "reader"]).await;
    let expected = json!({
        "username": "alice",
        "permission": "articles:read",
        "allowed": true,
        "paths": [
            { "roles": ["chief", "editor"] },
            { "roles": ["chief", "editor", "reader"] },
            { "roles": ["chief", "reader"] },
            { "roles": ["reader"] },
        ],
        "more_paths": false,
        "nearest": [],
    });
    assert_eq!(why(&admin, "alice", "articles:read").await, expected);
    let listed = admin.all("/v1/users/alice/permissions?explain=true").await;
    let paths = [json!(["chief", "editor"]), json!(["chief", "editor", "reader"]), json!(["chief", "reader"])];
    assert_eq!(listed[0]["paths"].as_array().unwrap()[..3], paths);
}

#[tokio::test]
async fn of_who_may_not_it_tells_what_is_nearest_and_what_stands_in_the_way() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for (role, permissions) in [("cashier", &["till:open"][..]), ("auditor", &["books:read"]), ("boss", &[])] {
        server.role(role, permissions).await;
    }
    admin.put("/v1/roles/boss/juniors/auditor").await.assert(204);
    let set = json!({ "name": "money", "kind": "static", "cardinality": 2, "roles": ["cashier", "auditor"] });
    admin.post("/v1/separation-sets", set).await.assert(201);
    server.user("alice", &["cashier"]).await;
    server.user("bob", &[]).await;
    let alice = why(&admin, "alice", "books:read").await;
    assert_eq!((&alice["allowed"], &alice["reason"]["code"]), (&json!(false), &json!("not_granted")));
    let nearest = |body: &Value| {
        let each = body["nearest"].as_array().unwrap().iter();
        each.map(|it| (it["role"].as_str().unwrap().to_owned(), it["obstacle"]["code"].clone())).collect::<Vec<_>>()
    };
    let with = |code: Value| vec![("auditor".to_owned(), code.clone()), ("boss".to_owned(), code)];
    assert_eq!(nearest(&alice), with(json!("separation_of_duty")));
    assert_eq!(nearest(&why(&admin, "bob", "books:read").await), with(Value::Null));
    let clerk = server.person("clerk", &["access:read"]).await;
    assert_eq!(nearest(&why(&clerk, "bob", "books:read").await), with(json!("would_exceed_own_permissions")));
}

#[tokio::test]
async fn a_disabled_user_may_nothing_whatever_the_roles_say() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &["articles:read"]).await;
    server.user("alice", &["reader"]).await;
    admin.patch("/v1/users/alice", json!({ "status": "disabled" })).await.assert(200);
    let alice = why(&admin, "alice", "articles:read").await;
    assert_eq!((&alice["allowed"], &alice["reason"]["code"]), (&json!(false), &json!("user_disabled")));
    assert_eq!(alice["paths"], json!([{ "roles": ["reader"] }]), "what would be so if the user weren't disabled");
}

#[tokio::test]
async fn an_assignment_for_another_time_gives_nothing_now() {
    let now = 1_900_000_000_000_000;
    let clock = Arc::new(AtomicI64::new(now));
    let server = Server::with_clock(&clock).await;
    let admin = server.admin().await;
    server.role("reader", &["articles:read"]).await;
    server.user("alice", &[]).await;
    let tomorrow = json!({ "valid_from": "2030-03-18T17:46:40Z" });
    admin.put_json("/v1/users/alice/roles/reader", tomorrow).await.assert(204);
    let alice = why(&admin, "alice", "articles:read").await;
    assert_eq!(alice["nearest"][0]["obstacle"]["code"], "not_in_force");
    assert_eq!((&alice["allowed"], &alice["paths"]), (&json!(false), &json!([])));
}

#[tokio::test]
async fn what_there_is_not_can_not_be_explained() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user("alice", &[]).await;
    admin.get("/v1/users/alice/permissions/no:such").await.assert_problem(404, "not_found");
    admin.get("/v1/users/none/permissions/users:read").await.assert_problem(404, "not_found");
    admin.get("/v1/users/alice/permissions/nonsense").await.assert(400);
}

/// Edges, grants and assignments among four roles.
type Policy = (Vec<(u8, u8)>, Vec<u8>, Vec<u8>);

async fn run((edges, grants, assigned): Policy) {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.post("/v1/permissions", json!({ "name": "p:0" })).await.assert(201);
    for role in 0..4 {
        server.role(&format!("r{role}"), &[]).await;
    }
    server.user("u", &[]).await;
    for (senior, junior) in edges {
        // A cycle is refused.
        let _ = admin.put(&format!("/v1/roles/r{senior}/juniors/r{junior}")).await;
    }
    for role in grants {
        admin.put(&format!("/v1/roles/r{role}/permissions/p:0")).await.assert(204);
    }
    for role in assigned {
        admin.put(&format!("/v1/users/u/roles/r{role}")).await.assert(204);
    }
    let told = why(&admin, "u", "p:0").await;
    let may = |names: Vec<String>| names.contains(&"p:0".to_owned());
    assert_eq!(told["allowed"], json!(may(admin.names("/v1/users/u/permissions", "permission").await)));
    let paths = told["paths"].as_array().unwrap();
    assert_eq!(told["allowed"].as_bool().unwrap(), !paths.is_empty());
    for path in paths {
        // Each way is cut where it ends; with the last of them the right must be gone.
        let last = path["roles"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned();
        admin.delete(&format!("/v1/roles/{last}/permissions/p:0")).await.assert(204);
    }
    assert_eq!(why(&admin, "u", "p:0").await["allowed"], json!(false), "after removing {paths:?}");
}

#[test]
fn it_says_what_the_check_says_and_without_its_ways_there_is_none() {
    let cases = std::env::var("PROPERTY_CASES").map_or(12, |cases| cases.parse().unwrap());
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let some = |most: usize| prop::collection::vec(0..4_u8, 0..most);
    let policy = (prop::collection::vec((0..4_u8, 0..4_u8), 0..6), some(3), some(3));
    runner
        .run(&policy, |policy| {
            runtime.block_on(run(policy));
            Ok(())
        })
        .unwrap();
}
