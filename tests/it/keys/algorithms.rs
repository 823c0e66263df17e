//! ES256, EdDSA and RS256

use jsonwebtoken::{
    DecodingKey, Validation,
    jwk::{Jwk, ThumbprintHash},
};
use serde_json::Value;

use super::{SHARED, Time, accepts, kid, published, published_soon, token};
use crate::support::{Server, claims};

const KINDS: [(&str, &str, &[&str]); 3] = [
    ("ES256", "EC", &["alg", "crv", "kid", "kty", "use", "x", "y"]),
    ("EdDSA", "OKP", &["alg", "crv", "kid", "kty", "use", "x"]),
    ("RS256", "RSA", &["alg", "e", "kid", "kty", "n", "use"]),
];

#[tokio::test]
async fn whatever_the_algorithm_a_token_is_good_here_and_for_anyone_with_the_published_key() {
    for (algorithm, kind, expected) in KINDS {
        let server = Server::with(&[("ROLECALL_SIGNING_ALGORITHM", algorithm)]).await;
        let token = token(&server).await;
        assert!(accepts(&server, &token).await, "{algorithm}");

        let jwks = server.anonymous().get("/.well-known/jwks.json").await.assert(200);
        let [key] = jwks.body["keys"].as_array().unwrap().as_slice() else { panic!("{}", jwks.text) };
        let mut members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, expected, "the public half only");
        assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&kind.into(), &algorithm.into(), &"sig".into()));

        let jwk: Jwk = serde_json::from_value(key.clone()).unwrap();
        assert_eq!(key["kid"], jwk.thumbprint(ThumbprintHash::SHA256).unwrap());
        assert_eq!(key["kid"], kid(&token));
        let mut validation = Validation::new(algorithm.parse().unwrap());
        validation.set_audience(&[&server.url]);
        let checked = jsonwebtoken::decode::<Value>(&token, &DecodingKey::from_jwk(&jwk).unwrap(), &validation);
        assert_eq!(checked.unwrap().claims, claims(&token));
    }
}

#[tokio::test]
async fn an_rsa_key_has_2048_bits() {
    let server = Server::with(&[("ROLECALL_SIGNING_ALGORITHM", "RS256")]).await;
    let jwks = server.anonymous().get("/.well-known/jwks.json").await.assert(200).body;
    assert_eq!((jwks["keys"][0]["n"].as_str().unwrap().len(), &jwks["keys"][0]["e"]), (342, &"AQAB".into()));
}

#[tokio::test]
async fn another_algorithm_comes_with_a_key_that_is_published_before_it_signs() {
    let time = Time::stands();
    let [before] = &super::nodes(1, &time).await[..] else { panic!() };
    let old = token(before).await;
    let settings = [SHARED[0], SHARED[1], ("ROLECALL_SIGNING_ALGORITHM", "EdDSA")];
    let server = Server::on(&before.database, &settings, time.clock()).await;
    let kids = published_soon(&server, 2).await;
    assert_eq!(kids[0], kid(&old));
    assert_eq!(kid(&token(&server).await), kids[0], "the new one isn't known everywhere yet");

    time.pass(rolecall::tokens::PUBLISHED_AHEAD, &[&server, before]);
    let new = token(&server).await;
    assert_eq!(kid(&new), kids[1]);
    assert_eq!(jsonwebtoken::decode_header(&new).unwrap().alg, jsonwebtoken::Algorithm::EdDSA);
    for token in [&old, &new] {
        assert!(accepts(&server, token).await);
    }
    assert_eq!(published(&server).await, kids);
}
