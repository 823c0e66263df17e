//! The user that a client with `client_credentials` owns.

use serde_json::json;

use super::{app, secrets::secret, service};
use crate::support::{PASSWORD, Server};

const BOTH: [&str; 2] = ["password", "client_credentials"];

#[tokio::test]
async fn a_service_user_comes_with_its_client_and_has_no_password() {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.post("/v1/clients", service("app")).await.assert(201);
    let user = admin.get("/v1/users/app").await.assert(200);
    assert_eq!((&user.body["username"], &user.body["status"]), (&json!("app"), &json!("active")));
    assert!(user.body.get("email").is_none());
    server.token("app", PASSWORD, &[]).await.assert_oauth_error(400, "invalid_grant");
    let found = server.app.state.store.client(&"app".parse().unwrap()).await.unwrap();
    assert_eq!(found.user.unwrap().0.to_string(), user.body["id"]);

    admin.post("/v1/clients", app("other")).await.assert(201);
    admin.get("/v1/users/other").await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn a_service_users_roles_are_assigned_like_anybodys() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &["articles:read"]).await;
    admin.post("/v1/clients", service("app")).await.assert(201);
    admin.put("/v1/users/app/roles/reader").await.assert(204);
    assert_eq!(admin.names("/v1/users/app/permissions", "permission").await, ["articles:read"]);
    assert_eq!(admin.names("/v1/roles/reader/users", "username").await, ["app"]);
    admin.delete("/v1/users/app/roles/reader").await.assert(204);
    assert!(admin.all("/v1/users/app/roles").await.is_empty());
}

#[tokio::test]
async fn a_name_that_someone_signs_in_with_is_taken_for_a_service_user_only() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let alice = json!({ "username": "alice", "email": "Box@B.example" });
    admin.post("/v1/users", alice).await.assert(201);
    let revision = server.revision();
    for taken in ["alice", "box@b.example"] {
        admin.post("/v1/clients", service(taken)).await.assert_problem(409, "already_exists");
        admin.get(&format!("/v1/clients/{taken}")).await.assert_problem(404, "not_found");
    }
    assert_eq!(server.revision(), revision);

    let apart = admin.post("/v1/clients", app("alice")).await.assert(201);
    let both = json!({ "grants": BOTH });
    admin.patch("/v1/clients/alice", both.clone()).await.assert_problem(409, "already_exists");
    assert_eq!(admin.etag("/v1/clients/alice").await, apart.header("etag"));
    admin.delete("/v1/users/alice").await.assert(204);
    admin.patch("/v1/clients/alice", both).await.assert(200);
    admin.post("/v1/users", json!({ "username": "alice" })).await.assert_problem(409, "already_exists");
}

#[tokio::test]
async fn a_service_user_comes_and_goes_with_the_grant() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &["articles:read"]).await;
    let secret = secret(&admin.post("/v1/clients", app("app")).await.assert(201));
    let patch = async |grants: &[&str]| admin.patch("/v1/clients/app", json!({ "grants": grants })).await.assert(200);
    patch(&BOTH).await;
    let first = admin.get("/v1/users/app").await.assert(200).body;
    admin.put("/v1/users/app/roles/reader").await.assert(204);
    let shown = patch(&["client_credentials", "password", "refresh_token"]).await;
    assert_eq!(shown.body["grants"], json!(["password", "refresh_token", "client_credentials"]));
    assert_eq!(admin.get("/v1/users/app").await.body["id"], first["id"], "it is still the same");

    patch(&["password"]).await;
    admin.get("/v1/users/app").await.assert_problem(404, "not_found");
    assert!(admin.all("/v1/roles/reader/users").await.is_empty());
    patch(&["client_credentials"]).await;
    let second = admin.get("/v1/users/app").await.assert(200).body;
    assert_ne!(second["id"], first["id"]);
    assert!(admin.all("/v1/users/app/roles").await.is_empty());
    assert!(server.knows("app", &secret).await);
}

#[tokio::test]
async fn a_service_user_is_renamed_deleted_and_given_a_password_by_nobody() {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.post("/v1/clients", service("app")).await.assert(201);
    let before = admin.get("/v1/users/app").await.assert(200);
    let id = before.body["id"].as_str().unwrap().to_owned();
    let revision = server.revision();
    for user in ["app", &id] {
        let path = format!("/v1/users/{user}");
        let renamed = admin.patch(&path, json!({ "username": "other", "display_name": "x" })).await;
        let answer = renamed.assert_problem(409, "service_user");
        assert!(answer.body["detail"].as_str().unwrap().contains("/v1/clients"), "{}", answer.text);
        let reset = json!({ "new_password": PASSWORD });
        admin.put_json(&format!("{path}/password"), reset).await.assert_problem(409, "service_user");
        admin.delete(&path).await.assert_problem(409, "service_user");
    }
    assert_eq!((server.revision(), &admin.get("/v1/users/app").await.body), (revision, &before.body));
    let named = json!({ "username": "APP", "display_name": "The app" });
    assert_eq!(admin.patch("/v1/users/app", named).await.assert(200).body["display_name"], "The app");
    let clerk = server.person("clerk", &["users:delete"]).await;
    admin.put("/v1/users/app/roles/admin").await.assert(204);
    clerk.delete("/v1/users/app").await.assert_problem(403, "would_exceed_own_permissions");
}

#[tokio::test]
async fn a_client_is_disabled_with_its_service_user() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let mut new = app("app");
    new["grants"] = json!(BOTH);
    let secret = secret(&admin.post("/v1/clients", new).await.assert(201));
    assert!(server.knows("app", &secret).await);
    let (alices, own) = (server.signed_in_at("app", "alice").await, server.token_of("app", "app").await);
    admin.patch("/v1/users/app", json!({ "status": "disabled" })).await.assert(200);
    assert!(!server.knows("app", &secret).await);
    assert!(server.stops(&alices) && server.stops(&own));
    assert!(!server.database.sessions().await.contains(&alices.sid.unwrap().to_string()));
    admin.get("/v1/clients/app").await.assert(200);
    admin.patch("/v1/users/app", json!({ "status": "active" })).await.assert(200);
    assert!(server.knows("app", &secret).await);
}

#[tokio::test]
async fn a_service_user_is_no_administrator_that_remains() {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.post("/v1/clients", service("app")).await.assert(201);
    admin.put("/v1/users/app/roles/admin").await.assert(204);
    admin.delete("/v1/users/admin").await.assert_problem(409, "last_administrator");
    admin.delete("/v1/clients/app").await.assert(204);
}
