//! /v1/users/{user}/permissions/{permission}

use std::sync::{Arc, atomic::AtomicI64};

use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, Server};

async fn why(client: &Client, user: &str, permission: &str) -> Value {
    client.get(&format!("/v1/users/{user}/permissions/{permission}")).await.assert(200).body
}

/// Levels of two roles, each above both of the next; the last two are granted these permissions.
fn ladder(levels: usize, permissions: &[String]) -> Vec<Value> {
    let level = |level: usize| [format!("a{level}"), format!("b{level}")];
    let role = |depth: usize| level(depth).map(|name| json!({ "name": name, "juniors": level(depth + 1) }));
    let last = level(levels - 1).map(|name| json!({ "name": name, "permissions": permissions }));
    (0..levels - 1).flat_map(role).chain(last).collect()
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
    let until = json!({ "valid_until": "2100-01-01T00:00:00Z" });
    admin.put_json("/v1/users/alice/roles/reader", until).await.assert(204);
    let expected = json!({
        "username": "alice",
        "permission": "articles:read",
        "allowed": true,
        "paths": [
            { "roles": ["chief", "editor"] },
            { "roles": ["chief", "editor", "reader"] },
            { "roles": ["chief", "reader"] },
            { "roles": ["reader"], "valid_until": "2100-01-01T00:00:00Z" },
        ],
        "more_paths": false,
        "nearest": [],
    });
    assert_eq!(why(&admin, "alice", "articles:read").await, expected);
    let listed = admin.all("/v1/users/alice/permissions?explain=true").await;
    assert_eq!(listed[0]["paths"], expected["paths"], "a list says it in the same way");
}

#[tokio::test]
async fn a_list_says_of_each_whether_there_are_more_ways_and_stays_short() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let permissions: Vec<String> = (100..400).map(|number| format!("p:{number}")).collect();
    let named: Vec<Value> = permissions.iter().map(|name| json!({ "name": name })).collect();
    let policy = json!({ "permissions": named, "roles": ladder(12, &permissions) });
    admin.post("/v1/policy/apply", policy).await.assert(200);
    server.user("alice", &["a0"]).await;
    let page = admin.get("/v1/users/alice/permissions?explain=true&limit=500").await.assert(200);
    let items = page.body["items"].as_array().unwrap();
    let ways = |item: &Value| item["paths"].as_array().unwrap().len();
    assert_eq!((items.len(), ways(&items[0]), ways(&items[299])), (300, 100, 0));
    assert!(items.iter().all(|item| item["more_paths"] == true));
    assert!(page.text.len() < 500_000, "{} bytes", page.text.len());
    let few = admin.get("/v1/users/alice/permissions?explain=true&resource=users").await.assert(200);
    assert_eq!(few.body["items"], json!([]));
    assert_eq!(admin.all("/v1/users/admin/permissions?explain=true").await[0]["more_paths"], false);
    assert_eq!(admin.all("/v1/users/admin/permissions").await[0].get("more_paths"), None);
}

#[tokio::test]
async fn however_deep_the_hierarchy_an_explanation_stays_short() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let roles = ladder(300, &["deep:read".to_owned()]);
    let policy = json!({ "permissions": [{ "name": "deep:read" }], "roles": roles });
    admin.post("/v1/policy/apply", policy).await.assert(200);
    server.user("alice", &["a0"]).await;
    let alice = why(&admin, "alice", "deep:read").await;
    let paths = alice["paths"].as_array().unwrap();
    assert_eq!((&alice["allowed"], &alice["more_paths"]), (&json!(true), &json!(true)));
    assert_eq!(paths.len(), 66, "20,000 names in all");
    assert!(paths.iter().all(|path| path["roles"].as_array().unwrap().len() == 300));
}

#[tokio::test]
async fn of_many_roles_that_give_it_a_hundred_are_named() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let names: Vec<String> = (100..201).map(|number| format!("r{number}")).collect();
    let mut roles: Vec<Value> = names.iter().map(|name| json!({ "name": name, "juniors": ["reader"] })).collect();
    roles.push(json!({ "name": "reader", "permissions": ["articles:read"] }));
    let policy = json!({ "permissions": [{ "name": "articles:read" }], "roles": roles });
    admin.post("/v1/policy/apply", policy).await.assert(200);
    let alice = json!({ "username": "alice", "roles": names[..100] });
    admin.post("/v1/users", alice).await.assert(201);
    admin.put("/v1/users/alice/roles/r200").await.assert(204);
    let first = json!(names[..100]);
    let listed = admin.all("/v1/users/alice/permissions?explain=true").await;
    assert_eq!((&listed[0]["via"], &listed[0]["more_paths"]), (&first, &json!(true)), "there are 101 ways");
    assert_eq!(listed[0]["paths"].as_array().unwrap().len(), 100);
    assert_eq!(admin.all("/v1/permissions/articles:read/users").await[0]["via"], first);
    let roles = admin.all("/v1/users/alice/roles").await;
    assert_eq!((&roles[101]["role"], &roles[101]["via"]), (&json!("reader"), &first));
    let users = admin.all("/v1/roles/reader/users?inherited=true").await;
    assert_eq!(users[0]["via"], first);
    let asked = json!({
        "subject": { "type": "user", "id": "alice" },
        "action": { "name": "read" },
        "resource": { "type": "articles", "id": "1" },
    });
    let told = admin.post("/access/v1/evaluation", asked).await.assert(200).body;
    assert_eq!(told["context"]["reason"]["roles"], first);
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
    assert_eq!(nearest(&why(&clerk, "bob", "books:read").await), with(json!("insufficient_scope")));
    let giver = server.person("giver", &["access:read", "assignments:create"]).await;
    assert_eq!(nearest(&why(&giver, "bob", "books:read").await), with(json!("would_exceed_own_permissions")));
    let auditor = "/v1/users/giver/roles/auditor";
    admin.put_json(auditor, json!({ "valid_until": "2100-01-01T00:00:00Z" })).await.assert(204);
    let giver = server.sign_in("giver", PASSWORD).await;
    let told = why(&giver, "bob", "books:read").await;
    assert_eq!(nearest(&told), with(json!("would_exceed_own_permissions")));
    let refused = giver.put("/v1/users/bob/roles/auditor").await.assert_problem(403, "would_exceed_own_permissions");
    assert_eq!(told["nearest"][0]["obstacle"]["detail"], refused.body["detail"]);
    admin.put(auditor).await.assert(204);
    let giver = server.sign_in("giver", PASSWORD).await;
    assert_eq!(nearest(&why(&giver, "bob", "books:read").await), with(Value::Null));
    giver.put("/v1/users/bob/roles/auditor").await.assert(204);
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
