//! Tokens that Rolecall didn't issue, or not for itself.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rolecall::tokens::{KeyEncryptionKey, Keyring};
use rolecall_guard::Claims;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Server, claims};

/// By when the server's key signs, in microseconds since 1970.
const NOW: i64 = i64::MAX;

/// The server's own key, to sign what it never would.
async fn keyring(server: &Server) -> Keyring {
    let settings = server.database.settings();
    let set = settings.iter().find(|(name, _)| *name == "ROLECALL_KEY_ENCRYPTION_KEY");
    let kek = match set {
        Some((_, key)) => KeyEncryptionKey::from_base64(key),
        None => KeyEncryptionKey::from_data_dir(server.database.directory()),
    };
    Keyring::open(server.app.state.store.signing_keys().await.unwrap(), &kek.unwrap(), 60).0
}

async fn issued(server: &Server) -> (String, Claims) {
    let token = server.token("admin", PASSWORD, &[]).await.token().to_owned();
    let claims = serde_json::from_value(claims(&token)).unwrap();
    (token, claims)
}

fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

#[tokio::test]
async fn a_token_signed_with_the_right_key_is_refused_unless_it_is_from_here_for_here_and_in_time() {
    let server = Server::start().await;
    let (keys, (_, good)) = (keyring(&server).await, issued(&server).await);
    let elsewhere = || "https://elsewhere.example".to_owned();
    server.bearing(&keys.sign(&good, NOW).unwrap()).get("/v1/me").await.assert(200);
    for bad in [
        Claims { iss: elsewhere(), ..good.clone() },
        Claims { aud: elsewhere(), ..good.clone() },
        Claims { exp: good.iat - 5, ..good.clone() },
        Claims { iat: good.iat + 3600, exp: good.exp + 3600, ..good.clone() },
        Claims { nbf: Some(good.iat + 3600), ..good.clone() },
    ] {
        server.bearing(&keys.sign(&bad, NOW).unwrap()).get("/v1/me").await.assert_invalid_token();
    }
}

#[tokio::test]
async fn a_token_that_was_tampered_with_is_refused() {
    let server = Server::start().await;
    server.user("alice", &[]).await;
    let token = server.token("alice", PASSWORD, &[]).await;
    let token = token.token();
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let mut raised = claims(token);
    raised["permissions"] = json!(["users:read"]);
    let raised = encoded(&raised);
    let (_, other) = issued(&server).await;
    let other = encoded(&serde_json::to_value(other).unwrap());
    for forged in [
        format!("{header}.{raised}.{signature}"),
        format!("{header}.{other}.{signature}"),
        format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([1; 64])),
        format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        format!("{token}.{signature}"),
        token[..token.len() - 4].to_owned(),
        "x".to_owned(),
        "..".to_owned(),
    ] {
        server.bearing(&forged).get("/v1/me").await.assert_invalid_token();
    }
}

#[tokio::test]
async fn a_token_with_another_algorithm_type_or_key_is_refused() {
    let server = Server::start().await;
    let (token, claims) = issued(&server).await;
    let jwks = server.anonymous().get("/.well-known/jwks.json").await.body;
    let (kid, x) = (jwks["keys"][0]["kid"].as_str().unwrap(), jwks["keys"][0]["x"].as_str().unwrap());
    let [_, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    for header in [
        json!({ "typ": "at+jwt", "alg": "none", "kid": kid }),
        json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": kid }),
        json!({ "typ": "at+jwt", "alg": "RS256", "kid": kid }),
        json!({ "typ": "JWT", "alg": "ES256", "kid": kid }),
        json!({ "alg": "ES256", "kid": kid }),
        json!({ "typ": "at+jwt", "alg": "ES256" }),
        json!({ "typ": "at+jwt", "alg": "ES256", "kid": "another" }),
        json!({ "typ": "at+jwt", "alg": "ES256", "kid": kid, "crit": ["exp"] }),
    ] {
        for signature in [signature, ""] {
            let forged = format!("{}.{payload}.{signature}", encoded(&header));
            server.bearing(&forged).get("/v1/me").await.assert_invalid_token();
        }
    }
    // The classic: the public key taken for a shared secret.
    let header = Header { typ: Some("at+jwt".into()), kid: Some(kid.into()), ..Header::new(Algorithm::HS256) };
    let forged = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(x.as_bytes())).unwrap();
    server.bearing(&forged).get("/v1/me").await.assert_invalid_token();
}

#[tokio::test]
async fn a_token_of_another_server_is_refused() {
    let [here, elsewhere] = [Server::start().await, Server::start().await];
    let token = elsewhere.token("admin", PASSWORD, &[]).await;
    here.bearing(token.token()).get("/v1/me").await.assert_invalid_token();
}

#[tokio::test]
async fn a_token_counts_in_the_authorization_header_only() {
    let server = Server::start().await;
    let (token, _) = issued(&server).await;
    let nobody = server.anonymous();
    nobody.get(&format!("/v1/me?access_token={token}")).await.assert_problem(401, "unauthenticated");
    for value in [format!("Basic {token}"), token.clone(), format!("Token {token}"), "Bearer".into()] {
        let request = nobody.request(reqwest::Method::GET, "/v1/me").header("authorization", value);
        nobody.send(request).await.assert_problem(401, "unauthenticated");
    }
    let request = nobody.request(reqwest::Method::GET, "/v1/me").header("authorization", format!("bEARER {token}"));
    nobody.send(request).await.assert(200);
}
