//! /v1/users

use serde_json::json;

use crate::support::{PASSWORD, Server};

#[tokio::test]
async fn a_user_is_created_read_changed_and_deleted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let new =
        json!({ "username": "Alice", "password": PASSWORD, "email": "Alice@Example.com", "display_name": "Alice L." });
    let created = admin.post("/v1/users", new).await.assert(201);
    assert_eq!(created.header("location"), "/v1/users/alice");
    assert_eq!(created.body["username"], "alice");
    assert_eq!(created.body["email"], "Alice@Example.com");
    assert_eq!(created.body["status"], "active");
    assert!(created.body.get("password").is_none());

    let read = admin.get("/v1/users/ALICE").await.assert(200);
    assert_eq!(read.body, created.body);
    assert_eq!(read.header("etag"), created.header("etag"));
    let by_id = admin.get(&format!("/v1/users/{}", created.body["id"].as_str().unwrap())).await.assert(200);
    assert_eq!(by_id.body, created.body);

    let patch = json!({ "display_name": null, "username": "alicia" });
    let changed = admin.patch("/v1/users/alice", patch).await.assert(200);
    assert_eq!(changed.body["username"], "alicia");
    assert!(changed.body.get("display_name").is_none());
    assert_eq!(changed.body["email"], "Alice@Example.com");
    admin.get("/v1/users/alice").await.assert_problem(404, "not_found");

    admin.delete("/v1/users/alicia").await.assert(204);
    admin.get("/v1/users/alicia").await.assert_problem(404, "not_found");
    admin.delete("/v1/users/alicia").await.assert_problem(404, "not_found");
}
