//! Client secrets, and /v1/clients/{client}/secrets.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use aws_lc_rs::digest;
use reqwest::Method;
use serde_json::{Value, json};

use super::{app, service};
use crate::support::{Answer, Client, Server};

const BEGINNING: i64 = 1_900_000_000_000_000;
const HOUR: i64 = 3_600_000_000;

impl Server {
    /// Whether a client is let in with a secret.
    pub async fn knows(&self, client_id: &str, secret: &str) -> bool {
        let found = self.app.state.store.authenticate_client(client_id, &secret.to_owned().into()).await.unwrap();
        assert!(found.as_ref().is_none_or(|client| client.client_id == client_id.to_lowercase()));
        found.is_some()
    }
}

/// The secret in an answer.
pub fn secret(answer: &Answer) -> String {
    let secret = answer.body["client_secret"].as_str().unwrap_or_else(|| panic!("no secret: {}", answer.text));
    let plain = secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    assert!(secret.len() == 43 && plain, "{secret}: not 256 bits in base64url");
    secret.to_owned()
}

async fn rotate(admin: &Client, client: &str, overlap_seconds: i64) -> Answer {
    let body = json!({ "overlap_seconds": overlap_seconds });
    admin.post(&format!("/v1/clients/{client}/secrets"), body).await.assert(201)
}

#[tokio::test]
async fn a_secret_is_shown_once_and_stored_only_as_a_hash() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let first = secret(&admin.post("/v1/clients", service("app")).await.assert(201));
    let second = secret(&rotate(&admin, "app", 60).await);
    assert_ne!(first, second);
    for path in ["/v1/clients/app", "/v1/clients", "/v1/ledger"] {
        let text = admin.get(path).await.assert(200).text;
        assert!(!text.contains(&first) && !text.contains(&second) && !text.contains("\"client_secret\":"), "{path}");
    }
    assert!(admin.patch("/v1/clients/app", json!({ "name": "x" })).await.body.get("client_secret").is_none());

    let rows = server.database.rows("SELECT hash FROM client_secrets ORDER BY expires_at IS NULL").await;
    let stored: Vec<Vec<u8>> = rows.iter().map(|row| row.try_get("", "hash").unwrap()).collect();
    let hash = |secret: &str| digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec();
    assert_eq!(stored, [hash(&first), hash(&second)]);
    let columns = "actor, action, target, before_state, after_state, deltas, subjects";
    for row in server.database.rows(&format!("SELECT {columns} FROM ledger")).await {
        for column in columns.split(", ") {
            let text: Option<String> = row.try_get("", column).unwrap();
            let text = text.unwrap_or_default();
            assert!(!text.contains(&first) && !text.contains(&hex::encode(hash(&first))), "{column}: {text}");
        }
    }
}

#[tokio::test]
async fn a_secret_lets_in_its_own_client_only() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let [one, other] = [service("one"), app("other")].map(|new| admin.post("/v1/clients", new));
    let (one, other) = (secret(&one.await), secret(&other.await));
    assert!(server.knows("one", &one).await && server.knows("ONE", &one).await && server.knows("other", &other).await);
    for (client, wrong) in [("one", &*other), ("other", &one), ("one", ""), ("one", &one[1..])] {
        assert!(!server.knows(client, wrong).await, "{client} {wrong}");
    }
    for unknown in ["nobody", "rolecall", "", "a b", "one\0", "67e55044-10b1-426f-9247-bb680e5fe0c8"] {
        assert!(!server.knows(unknown, &one).await, "{unknown}");
    }
}

#[tokio::test]
async fn a_new_secret_counts_at_once_and_the_last_one_until_the_overlap_ends() {
    let clock = Arc::new(AtomicI64::new(BEGINNING));
    let server = Server::with_clock(&clock).await;
    let admin = server.admin().await;
    let first = secret(&admin.post("/v1/clients", service("app")).await.assert(201));
    let answer = rotate(&admin, "app", 3600).await;
    let members: Vec<_> = answer.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["client_id", "client_secret", "previous_secret_expires_at"]);
    assert_eq!(answer.body["previous_secret_expires_at"], "2030-03-17T18:46:40Z");
    assert_eq!(answer.header("location"), "/v1/clients/app");
    let row = &admin.all("/v1/ledger?action=rotate_client_secret").await[0];
    assert_eq!(row["after"], json!({ "previous_secret_ends": "2030-03-17T18:46:40Z" }));
    let second = secret(&answer);
    for (moment, first_counts) in [(0, true), (HOUR - 1, true), (HOUR, false), (30 * HOUR, false)] {
        clock.store(BEGINNING + moment, Ordering::SeqCst);
        assert_eq!(server.knows("app", &first).await, first_counts, "{moment}");
        assert!(server.knows("app", &second).await, "{moment}");
    }
}

#[tokio::test]
async fn of_all_secrets_the_newest_and_the_one_before_it_count() {
    let clock = Arc::new(AtomicI64::new(BEGINNING));
    let server = Server::with_clock(&clock).await;
    let admin = server.admin().await;
    let mut secrets = vec![secret(&admin.post("/v1/clients", service("app")).await.assert(201))];
    for _ in 0..3 {
        secrets.push(secret(&rotate(&admin, "app", 604_800).await));
    }
    let mut known = Vec::new();
    for secret in &secrets {
        known.push(server.knows("app", secret).await);
    }
    assert_eq!(known, [false, false, true, true]);
    assert_eq!(server.database.rows("SELECT id FROM client_secrets").await.len(), 2);
    rotate(&admin, "app", 0).await;
    assert!(!server.knows("app", &secrets[2]).await && !server.knows("app", &secrets[3]).await);
    assert_eq!(server.database.rows("SELECT id FROM client_secrets").await.len(), 1);
}

#[tokio::test]
async fn a_rotation_needs_no_body_and_takes_a_day() {
    let clock = Arc::new(AtomicI64::new(BEGINNING));
    let server = Server::with_clock(&clock).await;
    let admin = server.admin().await;
    admin.post("/v1/clients", service("app")).await.assert(201);
    let path = "/v1/clients/app/secrets";
    let none = admin.send(admin.request(Method::POST, path)).await.assert(201);
    let typed = admin.request(Method::POST, path).header("content-type", "application/json");
    let empty = admin.post(path, json!({})).await.assert(201);
    let null = admin.post(path, Value::Null).await.assert(201);
    for answer in [none, admin.send(typed).await.assert(201), empty, null] {
        assert_eq!(answer.body["previous_secret_expires_at"], "2030-03-18T17:46:40Z");
        secret(&answer);
    }
}

#[tokio::test]
async fn a_rotation_that_can_not_be_is_refused_by_rule() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let first = secret(&admin.post("/v1/clients", service("app")).await.assert(201));
    let revision = server.revision();
    for body in [
        json!({ "overlap_seconds": -1 }),
        json!({ "overlap_seconds": 604_801 }),
        json!({ "overlap_seconds": 1.5 }),
        json!({ "overlap_seconds": "60" }),
        json!({ "client_secret": "mine" }),
        json!([]),
    ] {
        admin.post("/v1/clients/app/secrets", body).await.assert_problem(400, "bad_request");
    }
    let untyped = admin.request(Method::POST, "/v1/clients/app/secrets").body(r#"{"overlap_seconds":60}"#);
    admin.send(untyped).await.assert_problem(415, "unsupported_media_type");
    assert_eq!(server.revision(), revision);
    assert!(server.knows("app", &first).await);
}
