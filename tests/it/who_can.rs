//! /v1/permissions/{permission}/users and /roles, and /v1/roles/{role}/users?inherited=true

use serde_json::{Value, json};

use crate::support::{Client, Server, sorted};

/// chief > editor > reader, who may read; and `guest`, who may, too.
async fn newspaper() -> (Server, Client) {
    let server = Server::start().await;
    let admin = server.admin().await;
    for (role, permissions) in
        [("chief", &[][..]), ("editor", &[]), ("reader", &["articles:read"]), ("guest", &["articles:read"])]
    {
        server.role(role, permissions).await;
    }
    admin.put("/v1/roles/chief/juniors/editor").await.assert(204);
    admin.put("/v1/roles/editor/juniors/reader").await.assert(204);
    for (user, roles) in [("ann", &["chief", "guest"][..]), ("bob", &["reader"]), ("cat", &[]), ("dan", &["editor"])] {
        server.user(user, roles).await;
    }
    (server, admin)
}

#[tokio::test]
async fn who_may_is_whoever_has_a_role_that_gives_it() {
    let (_server, admin) = newspaper().await;
    let users = "/v1/permissions/articles:read/users";
    let expected = json!([
        { "username": "ann", "via": ["chief", "guest"] },
        { "username": "bob", "via": ["reader"] },
        { "username": "dan", "via": ["editor"] },
    ]);
    let by_name = |mut items: Vec<Value>| {
        items.sort_by_key(|item| item["username"].as_str().unwrap().to_owned());
        json!(items)
    };
    assert_eq!(by_name(admin.all(users).await), expected);
    assert_eq!(by_name(admin.all(&format!("{users}?limit=1")).await), expected, "page by page");
    admin.patch("/v1/users/bob", json!({ "status": "disabled" })).await.assert(200);
    admin.delete("/v1/roles/chief/juniors/editor").await.assert(204);
    admin.put_json("/v1/users/dan/roles/editor", json!({ "valid_from": "2999-01-01T00:00:00Z" })).await.assert(204);
    assert_eq!(admin.all(users).await, [json!({ "username": "ann", "via": ["guest"] })]);
    admin.get("/v1/permissions/no:such/users").await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn the_roles_that_give_it_are_those_it_was_granted_and_those_above_them() {
    let (_server, admin) = newspaper().await;
    let roles = "/v1/permissions/articles:read/roles";
    let item = |role: &str, direct: bool| json!({ "role": role, "direct": direct });
    let expected = [item("chief", false), item("editor", false), item("guest", true), item("reader", true)];
    assert_eq!(admin.all(&format!("{roles}?limit=3")).await, expected);
    admin.get("/v1/permissions/no:such/roles").await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn a_role_is_had_by_way_of_the_roles_above_it() {
    let (_server, admin) = newspaper().await;
    let users = "/v1/roles/editor/users";
    assert_eq!(admin.names(users, "username").await, ["dan"]);
    admin.put("/v1/users/dan/roles/chief").await.assert(204);
    let mut items = admin.all(&format!("{users}?inherited=true&limit=1")).await;
    items.sort_by_key(|item| item["username"].as_str().unwrap().to_owned());
    let expected = [
        json!({ "username": "ann", "direct": false, "via": ["chief"] }),
        json!({ "username": "dan", "direct": true, "via": ["chief"] }),
    ];
    assert_eq!(items, expected);
    let readers = admin.names("/v1/roles/reader/users?inherited=true", "username").await;
    assert_eq!(sorted(readers), ["ann", "bob", "dan"]);
}

#[tokio::test]
async fn a_role_gives_what_its_juniors_were_granted() {
    let (_server, admin) = newspaper().await;
    assert_eq!(admin.names("/v1/roles/chief/permissions?inherited=false", "permission").await, [""; 0]);
    let inherited = admin.all("/v1/roles/chief/permissions").await;
    assert_eq!(inherited, [json!({ "permission": "articles:read", "via": ["reader"] })]);
    assert_eq!(admin.all("/v1/roles/chief/permissions?resource=users").await, Vec::<Value>::new());
    assert_eq!(admin.all("/v1/users/ann/permissions?resource=users").await, Vec::<Value>::new());
    assert_eq!(admin.names("/v1/users/ann/permissions?resource=articles", "permission").await, ["articles:read"]);
}
