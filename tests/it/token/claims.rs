//! What a token says, for how long, and the keys that check it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::Jwk};
use rolecall::{policy::BUILT_IN_CLIENT, tokens::PasswordGrant};
use rolecall_guard::Clock;
use serde_json::{Value, json};

use crate::support::{Database, PASSWORD, Server, claims};

fn header(token: &str) -> Value {
    let part = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn a_token_says_who_may_do_what_and_nothing_personal() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("writer", &["articles:update", "articles:read"]).await;
    server.role("reader", &["articles:read"]).await;
    let new = json!({
        "username": "alice", "password": PASSWORD, "email": "someone@b.example", "display_name": "Somebody",
        "roles": ["writer", "reader"],
    });
    let user = admin.post("/v1/users", new).await.assert(201).body;
    let answer = server.token("alice", PASSWORD, &[]).await.assert(200);
    let claims = claims(answer.token());

    let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = ["aud", "client_id", "exp", "iat", "iss", "jti", "permissions", "rev", "roles", "sid", "sub"];
    assert_eq!(names, expected);
    for (name, value) in [
        ("iss", json!(server.url)),
        ("aud", json!(server.url)),
        ("sub", user["id"].clone()),
        ("client_id", json!("rolecall")),
        ("roles", json!(["reader", "writer"])),
        ("permissions", json!(["articles:read", "articles:update"])),
        ("rev", json!(server.revision())),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    for id in ["jti", "sid"] {
        uuid::Uuid::parse_str(claims[id].as_str().unwrap()).unwrap();
    }
    let text = claims.to_string();
    for personal in ["alice", "someone", "Somebody"] {
        assert!(!text.contains(personal), "{text}");
    }
}

#[tokio::test]
async fn roles_and_permissions_are_there_also_when_empty() {
    let server = Server::start().await;
    server.user("alice", &[]).await;
    let claims = claims(server.token("alice", PASSWORD, &[]).await.token());
    assert_eq!((&claims["roles"], &claims["permissions"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn a_token_names_the_key_that_anyone_can_check_it_with() {
    let server = Server::start().await;
    let token = server.token("admin", PASSWORD, &[]).await;
    let jwks = server.anonymous().get("/.well-known/jwks.json").await.assert(200);
    assert_eq!(jwks.header("cache-control"), "public, max-age=300");
    let [key] = jwks.body["keys"].as_array().unwrap().as_slice() else { panic!("{}", jwks.text) };
    assert_eq!(header(token.token()), json!({ "typ": "at+jwt", "alg": "ES256", "kid": key["kid"] }));

    let mut members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"], "the public half only");
    let thumbprint = json!({ "crv": key["crv"], "kty": key["kty"], "x": key["x"], "y": key["y"] }).to_string();
    let thumbprint = digest::digest(&digest::SHA256, thumbprint.as_bytes());
    assert_eq!(key["kid"], URL_SAFE_NO_PAD.encode(thumbprint), "RFC 7638");

    let jwk: Jwk = serde_json::from_value(key.clone()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[&server.url]);
    validation.set_audience(&[&server.url]);
    let key = DecodingKey::from_jwk(&jwk).unwrap();
    let checked = jsonwebtoken::decode::<Value>(token.token(), &key, &validation).unwrap();
    assert_eq!(checked.claims, claims(token.token()));
}

#[tokio::test]
async fn a_token_never_outlives_its_session() {
    for setting in ["ROLECALL_SESSION_IDLE_SECONDS", "ROLECALL_SESSION_MAX_SECONDS"] {
        // A clock that stands: between the session and its token a second may pass.
        let clock = Clock::Manual(Arc::new(AtomicI64::new(Clock::System.micros())));
        let server = Server::on(&Arc::new(Database::create().await), &[(setting, "60")], clock).await;
        let answer = server.token("admin", PASSWORD, &[]).await.assert(200);
        assert_eq!(answer.body["expires_in"], 60, "{setting}");
        let claims = claims(answer.token());
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60, "{setting}");
    }
}

#[tokio::test]
async fn a_token_lasts_as_long_as_it_is_set_to() {
    let server = Server::with(&[("ROLECALL_ACCESS_TOKEN_SECONDS", "30")]).await;
    assert_eq!(server.token("admin", PASSWORD, &[]).await.body["expires_in"], 30);
}

#[tokio::test]
async fn a_token_ends_when_it_says() {
    let start = 1_800_000_000_000_000;
    let clock = Arc::new(AtomicI64::new(start));
    let server = Server::with_clock(&clock).await;
    let admin = server.admin().await;
    for (seconds, good) in [(899, true), (900, false), (904, false), (100_000, false)] {
        clock.store(start + seconds * 1_000_000, Ordering::Relaxed);
        // The node would hear from the database within its next look; the clock has just jumped.
        server.app.state.gate.hear();
        let answer = admin.get("/v1/me").await;
        if good {
            answer.assert(200);
        } else {
            let expired = answer.assert_invalid_token();
            assert!(expired.header("www-authenticate").contains("expired"), "{}", expired.text);
        }
    }
}

/// What is taken away while a sign-in waits for its turn is forgotten when the token has run out, however long that took.
#[tokio::test]
async fn a_token_counts_from_when_it_was_asked_for_not_from_when_it_was_made() {
    let clock = Arc::new(AtomicI64::new(1_800_000_000_000_000));
    let server = Server::with_clock(&clock).await;
    let tokens = &server.app.state.tokens;
    let asking = tokens.asking(BUILT_IN_CLIENT, &"".into(), None).await.unwrap();
    clock.fetch_add(20_000_000, Ordering::Relaxed);
    let grant = PasswordGrant { username: "admin".into(), password: PASSWORD.into(), scopes: None, roles: None };
    let issued = tokens.sign_in(&asking, grant).await.unwrap();
    let claims = claims(&issued.access_token);
    assert_eq!((claims["iat"].as_i64(), claims["exp"].as_i64()), (Some(1_800_000_000), Some(1_800_000_900)));
    assert_eq!(issued.expires_in, 880);
}
