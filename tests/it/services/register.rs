//! A service's catalogue comes to the server.

use reqwest::Method;
use rolecall_guard::{Trouble, policy_file};
use serde_json::json;

use super::{Blog, CATALOGUE};
use crate::support::Server;

#[tokio::test]
async fn what_the_server_lacks_is_made_and_the_rest_left_alone() {
    let server = Server::start().await;
    let blog = Blog::following(&server).await;
    let admin = server.admin().await;
    admin.post("/v1/permissions", json!({ "name": "articles:read", "description": "Mine" })).await.assert(201);
    assert_eq!(blog.rolecall.register(CATALOGUE).await.unwrap(), ["articles:create"]);
    assert!(blog.rolecall.register(CATALOGUE).await.unwrap().is_empty());
    let description =
        async |name: &str| admin.get(&format!("/v1/permissions/{name}")).await.body["description"].clone();
    assert_eq!(description("articles:create").await, "Write articles");
    assert_eq!(description("articles:read").await, "Mine");
}

#[tokio::test]
async fn who_may_not_make_permissions_is_told_so() {
    let server = Server::start().await;
    let client = server.application(json!({ "name": "Blog", "grants": ["client_credentials"] })).await;
    let refused = Blog::as_client(&server, &client).await.rolecall.register(CATALOGUE).await.unwrap_err();
    assert!(matches!(refused, Trouble::Refused { status: 403, .. }), "{refused}");
    assert!(refused.to_string().contains("permissions:create"), "{refused}");
    assert!(!refused.to_string().contains(&client.secret));
}

#[tokio::test]
async fn the_printed_catalogue_is_a_policy_file() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let apply = admin.request(Method::POST, "/v1/policy/apply").header("content-type", "application/yaml");
    let done = admin.send(apply.body(policy_file(CATALOGUE))).await.assert(200);
    let targets: Vec<_> = done.body["changes"].as_array().unwrap().iter().map(|change| &change["target"]).collect();
    assert_eq!(targets, ["permissions/articles:create", "permissions/articles:read"]);
    let read = admin.get("/v1/permissions/articles:read").await.assert(200);
    assert_eq!(read.body["description"], "Read articles");
}
