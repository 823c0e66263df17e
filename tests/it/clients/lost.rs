//! What stops when a client loses something, and that nothing is left of what is deleted.

use std::collections::BTreeSet;

use rolecall_guard::Claims;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::{app, secrets::secret, service};
use crate::support::{PASSWORD, Server, claims};

impl Server {
    /// A token of now that a client got for this user, without a session.
    pub async fn token_of(&self, client_id: &str, user: &str) -> Claims {
        let user = self.admin().await.get(&format!("/v1/users/{user}")).await.assert(200).body["id"].clone();
        Claims {
            iss: self.url.clone(),
            aud: self.url.clone(),
            sub: user.as_str().unwrap().parse().unwrap(),
            client_id: client_id.into(),
            iat: 0,
            nbf: None,
            exp: i64::MAX,
            jti: uuid::Uuid::from_u128(1),
            sid: None,
            scope: None,
            roles: BTreeSet::new(),
            permissions: BTreeSet::new(),
            rev: self.revision(),
            kid: "any".into(),
        }
    }

    /// A new user who has signed in at a client.
    pub async fn signed_in_at(&self, client_id: &str, username: &str) -> Claims {
        self.user(username, &[]).await;
        let token = claims(self.token(username, PASSWORD, &[]).await.token());
        let there = format!(
            "UPDATE sessions SET client_id = '{client_id}' WHERE user_id = (SELECT id FROM users WHERE username = '{username}')"
        );
        self.database.connection().await.execute_unprepared(&there).await.unwrap();
        let sid = token["sid"].as_str().unwrap().parse().unwrap();
        Claims { sid: Some(sid), ..self.token_of(client_id, username).await }
    }

    /// Whether a token isn't accepted any more.
    pub fn stops(&self, token: &Claims) -> bool {
        self.app.state.store.revocations().revoked(token)
    }
}

#[tokio::test]
async fn a_clients_tokens_stop_when_they_would_be_others_now() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user("alice", &[]).await;
    let mut new = app("app");
    new["grants"] = json!(["client_credentials"]);
    admin.post("/v1/clients", new).await.assert(201);
    admin.post("/v1/clients", app("other")).await.assert(201);
    for (patch, stops) in [
        (json!({ "name": "Another name" }), false),
        (json!({ "audience": "https://a.example" }), true),
        (json!({ "audience": "https://a.example" }), false),
        (json!({ "audience": null }), true),
        (json!({ "scopes": ["users:read"] }), true),
        (json!({ "scopes": [] }), true),
        (json!({ "scopes": null }), true),
        (json!({ "grants": ["password", "client_credentials"] }), true),
        (json!({ "grants": ["client_credentials"] }), true),
        (json!({ "first_party": false }), true),
    ] {
        let [token, other] = [server.token_of("app", "alice").await, server.token_of("other", "alice").await];
        admin.patch("/v1/clients/app", patch.clone()).await.assert(200);
        assert_eq!(server.stops(&token), stops, "{patch}");
        assert!(!server.stops(&other), "{patch}");
        assert!(!server.stops(&server.token_of("app", "alice").await), "{patch}: a new one");
    }
}

#[tokio::test]
async fn tokens_go_on_when_a_secret_is_rotated_unless_it_leaked() {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.post("/v1/clients", service("app")).await.assert(201);
    let token = server.token_of("app", "app").await;
    admin.post("/v1/clients/app/secrets", json!({ "overlap_seconds": 1 })).await.assert(201);
    assert!(!server.stops(&token));
    admin.post("/v1/clients/app/secrets", json!({ "overlap_seconds": 0 })).await.assert(201);
    assert!(server.stops(&token));
}

#[tokio::test]
async fn a_client_that_signs_nobody_in_any_more_has_nothing_open() {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.post("/v1/clients", app("app")).await.assert(201);
    let session = server.signed_in_at("app", "alice").await.sid.unwrap().to_string();
    let open = async || server.database.sessions().await.contains(&session);
    admin.patch("/v1/clients/app", json!({ "name": "Another name" })).await.assert(200);
    assert!(open().await);
    admin.patch("/v1/clients/app", json!({ "grants": ["client_credentials"] })).await.assert(200);
    assert!(!open().await);
}

#[tokio::test]
async fn a_deleted_client_is_out_at_once_and_leaves_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let mut new = app("app");
    new["grants"] = json!(["password", "client_credentials"]);
    let secret = secret(&admin.post("/v1/clients", new).await.assert(201));
    admin.put("/v1/users/app/roles/admin").await.assert(204);
    let (alices, own) = (server.signed_in_at("app", "alice").await, server.token_of("app", "app").await);
    let elsewhere = server.signed_in_at("rolecall", "bob").await;
    admin.delete("/v1/clients/app").await.assert(204);

    assert!(server.stops(&alices) && server.stops(&own) && !server.stops(&elsewhere));
    assert!(!server.knows("app", &secret).await);
    admin.get("/v1/users/app").await.assert_problem(404, "not_found");
    let sessions = server.database.sessions().await;
    assert!(!sessions.contains(&alices.sid.unwrap().to_string()));
    assert!(sessions.contains(&elsewhere.sid.unwrap().to_string()));
    for table in ["clients", "client_secrets"] {
        assert!(server.database.rows(&format!("SELECT id FROM {table}")).await.is_empty(), "{table}");
    }
    let row = &admin.all("/v1/ledger?action=delete_client").await[0];
    assert_eq!((&row["target"], &row["before"]["roles"]), (&json!("clients/app"), &json!(["admin"])));
}

#[tokio::test]
async fn a_client_made_again_under_its_old_name_has_nothing_of_it() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let old = json!({
        "name": "Old", "client_id": "app", "grants": ["client_credentials"], "scopes": [], "audience": "https://a.example",
    });
    let old_secret = secret(&admin.post("/v1/clients", old).await.assert(201));
    admin.put("/v1/users/app/roles/admin").await.assert(204);
    let (old_user, token) = (admin.get("/v1/users/app").await.body, server.token_of("app", "admin").await);
    admin.delete("/v1/clients/app").await.assert(204);
    let new = admin.post("/v1/clients", service("app")).await.assert(201);
    assert!(new.body.get("scopes").is_none() && new.body.get("audience").is_none());
    assert!(server.stops(&token));
    assert!(!server.knows("app", &old_secret).await && server.knows("app", &secret(&new)).await);
    assert_ne!(admin.get("/v1/users/app").await.body["id"], old_user["id"]);
    assert!(admin.all("/v1/users/app/roles").await.is_empty());
}

#[tokio::test]
async fn a_deleted_permission_is_out_of_every_clients_scopes_and_comes_back_to_none() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for permission in ["x:y", "x:yy", "ax:y", "x_:y", "xa:y"] {
        admin.post("/v1/permissions", json!({ "name": permission })).await.assert(201);
    }
    for (client_id, scopes) in [
        ("only", json!(["x:y"])),
        ("also", json!(["x:yy", "x:y", "users:read"])),
        ("alike", json!(["xa:y", "x:yy", "ax:y"])),
        ("nothing", json!([])),
    ] {
        let mut new = service(client_id);
        new["scopes"] = scopes;
        admin.post("/v1/clients", new).await.assert(201);
    }
    admin.post("/v1/clients", service("any")).await.assert(201);
    let scopes = async |client: &str| admin.get(&format!("/v1/clients/{client}")).await.body["scopes"].clone();
    let (only, alike) = (admin.etag("/v1/clients/only").await, admin.etag("/v1/clients/alike").await);
    admin.delete("/v1/permissions/x:y").await.assert(204);
    admin.post("/v1/permissions", json!({ "name": "x:y" })).await.assert(201);
    for (client, left) in [
        ("only", json!([])),
        ("also", json!(["users:read", "x:yy"])),
        ("alike", json!(["ax:y", "x:yy", "xa:y"])),
        ("nothing", json!([])),
        ("any", Value::Null),
    ] {
        assert_eq!(scopes(client).await, left, "{client}");
    }
    assert_ne!(admin.etag("/v1/clients/only").await, only);
    assert_eq!(admin.etag("/v1/clients/alike").await, alike);
    let row = &admin.all("/v1/ledger?action=delete_permission").await[0];
    assert_eq!(row["before"]["clients"], json!(["also", "only"]));
    admin.delete("/v1/permissions/x_:y").await.assert(204);
    assert_eq!(admin.etag("/v1/clients/alike").await, alike, "an underscore is no wildcard");
}
