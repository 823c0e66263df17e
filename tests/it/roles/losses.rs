//! Whose tokens stop when a role loses something: nobody's where nobody lost anything.

use serde_json::json;

use crate::support::{Client, PASSWORD, Server, claims};

/// `everyone`, which gives nothing, and `staff`, which gives `articles:read`; `chief` inherits from both. Alice has the
/// first two.
async fn stage() -> (Server, Client, Client) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("everyone", &[]).await;
    server.role("staff", &["articles:read"]).await;
    admin.post("/v1/roles", json!({ "name": "chief", "juniors": ["everyone", "staff"] })).await.assert(201);
    server.user("alice", &["everyone", "staff"]).await;
    let alice = server.sign_in("alice", PASSWORD).await;
    (server, admin, alice)
}

#[tokio::test]
async fn a_role_that_nobody_has_stops_no_token_when_it_goes() {
    let (server, admin, alice) = stage().await;
    let maker = server.person("maker", &["roles:create", "roles:update", "roles:delete"]).await;
    for _ in 0..3 {
        maker.post("/v1/roles", json!({ "name": "above", "juniors": ["everyone"] })).await.assert(201);
        maker.delete("/v1/roles/above/juniors/everyone").await.assert(204);
        maker.put("/v1/roles/above/juniors/everyone").await.assert(204);
        maker.delete("/v1/roles/above").await.assert(204);
    }
    admin.delete("/v1/roles/chief/juniors/staff").await.assert(204);
    let file = json!({ "roles": [{ "name": "chief" }] });
    admin.post("/v1/policy/apply", file).await.assert(200);
    alice.get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn a_permission_that_a_role_still_has_by_another_stops_no_token() {
    let (server, admin, _alice) = stage().await;
    server.user("bob", &["chief"]).await;
    let bob = server.sign_in("bob", PASSWORD).await;
    admin.put("/v1/roles/chief/permissions/articles:read").await.assert(204);
    admin.delete("/v1/roles/chief/permissions/articles:read").await.assert(204);
    bob.get("/v1/me").await.assert(200);
    admin.delete("/v1/roles/staff/permissions/articles:read").await.assert(204);
    bob.get("/v1/me").await.assert_invalid_token();
}

#[tokio::test]
async fn an_edge_that_is_not_the_only_way_stops_no_token() {
    let (server, admin, alice) = stage().await;
    server.user("bob", &["chief"]).await;
    let bob = server.token("bob", PASSWORD, &[("roles", "everyone")]).await.assert(200);
    let bob = server.bearing(bob.token());
    admin.put("/v1/roles/staff/juniors/everyone").await.assert(204);
    admin.delete("/v1/roles/chief/juniors/everyone").await.assert(204);
    bob.get("/v1/me").await.assert(200);
    alice.get("/v1/me").await.assert(200);
    admin.delete("/v1/roles/chief/juniors/staff").await.assert(204);
    bob.get("/v1/me").await.assert_invalid_token();
}

#[tokio::test]
async fn who_had_a_role_by_way_of_another_loses_it_whatever_that_gave() {
    let (server, admin, _alice) = stage().await;
    server.user("bob", &["chief"]).await;
    for end in ["/v1/roles/chief/juniors/everyone", "/v1/roles/chief"] {
        let token = server.token("bob", PASSWORD, &[("roles", "everyone")]).await.assert(200);
        assert_eq!(claims(token.token())["roles"], json!(["everyone"]));
        let whole = server.sign_in("bob", PASSWORD).await;
        admin.delete(end).await.assert(204);
        server.bearing(token.token()).get("/v1/me").await.assert_invalid_token();
        if end == "/v1/roles/chief" {
            whole.get("/v1/me").await.assert_invalid_token();
        } else {
            whole.get("/v1/me").await.assert(200);
            admin.put(end).await.assert(204);
        }
    }
}

#[tokio::test]
async fn who_names_another_role_is_not_troubled() {
    let (server, admin, _alice) = stage().await;
    admin.put("/v1/users/admin/roles/staff").await.assert(204);
    let all = server.admin().await;
    let named = server.token("admin", PASSWORD, &[("roles", "admin")]).await.assert(200);
    let named = server.bearing(named.token());
    server.person("attacker", &["articles:read", "roles:update"]).await;
    let attacker = server.sign_in("attacker", PASSWORD).await;
    attacker.delete("/v1/roles/staff/permissions/articles:read").await.assert(204);
    all.get("/v1/users").await.assert_invalid_token();
    named.get("/v1/users").await.assert(200);
}
