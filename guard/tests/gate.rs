//! Which requests pass the gate, and what the others are told.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use poem::{Request, error::ResponseError, http::header};
use rolecall_guard::{Clock, Gate, Invalid, Key, Limits, Problem, Refusal, Revocations, Subject, Verifier};
use serde_json::{Value, json};
use uuid::Uuid;

const ISSUER: &str = "https://id.example";
const NOW: i64 = 1_800_000_000;

/// An issuer whose key `k` the gate knows.
struct Issuer {
    signing: EncodingKey,
    verifying: DecodingKey,
}

impl Issuer {
    fn new() -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|half| URL_SAFE_NO_PAD.encode(half));
        let verifying = DecodingKey::from_ec_components(&x, &y).unwrap();
        Self { signing: EncodingKey::from_ec_der(pkcs8.as_ref()), verifying }
    }

    fn sign(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.signing).unwrap()
    }

    fn token(&self) -> String {
        self.sign(&header(), &claims())
    }
}

fn header() -> Header {
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some("at+jwt".into());
    header.kid = Some("k".into());
    header
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": ISSUER, "sub": Uuid::from_u128(1), "client_id": "rolecall",
        "iat": NOW, "exp": NOW + 900, "jti": Uuid::from_u128(2), "sid": Uuid::from_u128(3),
        "roles": ["reader"], "permissions": ["articles:read"], "rev": 7,
    })
}

struct Stage {
    issuer: Issuer,
    revocations: Arc<Revocations>,
    micros: Arc<AtomicI64>,
    gate: Gate,
}

/// A gate with a clock that stands still; the role `reader` gives `comments:read` by now.
fn stage() -> Stage {
    let issuer = Issuer::new();
    let key = Key { kid: "k".into(), algorithm: Algorithm::ES256, key: issuer.verifying.clone() };
    let verifier = Arc::new(Verifier::new(ISSUER, ISSUER, [key]));
    let (revocations, micros) = (Arc::new(Revocations::new(1000)), Arc::new(AtomicI64::new(NOW * 1_000_000)));
    let today = |claims: &rolecall_guard::Claims, permission: &str| {
        claims.roles.contains("reader") && permission == "comments:read"
    };
    let limits = Limits { staleness: 5, token_age: 900 };
    let gate = Gate::new(verifier, Arc::clone(&revocations), Clock::Manual(Arc::clone(&micros)), limits, today);
    Stage { issuer, revocations, micros, gate }
}

impl Stage {
    fn bring(&self, token: &str) -> Result<(), Refusal> {
        self.gate.sign_in(request(&format!("Bearer {token}")).headers()).map(drop)
    }

    fn at(&self, seconds: i64) {
        self.micros.store(seconds * 1_000_000, Ordering::Relaxed);
        self.gate.hear();
    }
}

fn request(authorization: &str) -> Request {
    Request::builder().header(header::AUTHORIZATION, authorization).finish()
}

const MALFORMED: Result<(), Refusal> = Err(Refusal::Invalid(Invalid::Malformed));

#[test]
fn a_good_token_passes_again_and_again() {
    let stage = stage();
    let token = stage.issuer.token();
    for _ in 0..3 {
        assert_eq!(stage.bring(&token), Ok(()));
    }
    let claims = stage.gate.sign_in(request(&format!("bearer {token}")).headers()).unwrap();
    assert_eq!((stage.gate.carries(&claims, "articles:read"), claims.rev), (Ok(()), 7));
}

#[test]
fn without_a_bearer_token_one_is_anonymous() {
    let stage = stage();
    let token = stage.issuer.token();
    let twice = Request::builder().header(header::AUTHORIZATION, format!("Bearer {token}"));
    let twice = twice.header(header::AUTHORIZATION, format!("Bearer {token}")).finish();
    for request in [Request::default(), request(&format!("Basic {token}")), request(&token), twice] {
        assert_eq!(stage.gate.sign_in(request.headers()).map(drop), Err(Refusal::Anonymous));
    }
}

#[test]
fn each_required_claim_is_required_and_right() {
    let stage = stage();
    for member in ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "roles", "permissions", "rev"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(member);
        assert_eq!(stage.bring(&stage.issuer.sign(&header(), &claims)), MALFORMED, "without {member}");
    }
    for (member, value) in
        [("iss", json!("https://other")), ("aud", json!("other")), ("sub", json!("alice")), ("exp", json!("soon"))]
    {
        let mut claims = claims();
        claims[member] = value;
        assert_eq!(stage.bring(&stage.issuer.sign(&header(), &claims)), MALFORMED, "with another {member}");
    }
}

#[test]
fn the_header_is_right_or_the_token_is_not() {
    let stage = stage();
    let change = |change: fn(&mut Header)| {
        let mut header = header();
        change(&mut header);
        stage.bring(&stage.issuer.sign(&header, &claims()))
    };
    assert_eq!(change(|header| header.typ = Some("application/AT+JWT".into())), Ok(()));
    assert_eq!(change(|header| header.typ = Some("JWT".into())), MALFORMED);
    assert_eq!(change(|header| header.typ = None), MALFORMED);
    assert_eq!(change(|header| header.kid = Some("other".into())), MALFORMED);
    assert_eq!(change(|header| header.kid = None), MALFORMED);
    assert_eq!(change(|header| header.crit = Some(vec!["exp".into()])), MALFORMED);
}

#[test]
fn only_the_issuers_own_signature_counts() {
    let stage = stage();
    assert_eq!(stage.bring(&Issuer::new().token()), MALFORMED, "another key under the same name");
    let token = stage.issuer.token();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (_, payload) = signed.split_once('.').unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"none","kid":"k"}"#);
    let hmac = URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"HS256","kid":"k"}"#);
    let forged = [
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{hmac}.{payload}.{signature}"),
        format!("{signed}."),
        format!("{signed}.{signature}A"),
        format!("{token}="),
        format!("{token}."),
        signed.to_owned(),
        String::new(),
        "a".repeat(600_000),
    ];
    for token in forged {
        assert_eq!(stage.bring(&token), MALFORMED, "{}", &token[..token.len().min(80)]);
    }
}

#[test]
fn a_token_may_begin_five_seconds_early_and_ends_when_it_says_also_when_it_was_seen_before() {
    let stage = stage();
    let token = stage.issuer.token();
    for (seconds, result) in [
        (NOW - 6, Err(Refusal::Invalid(Invalid::Early))),
        (NOW - 5, Ok(())),
        (NOW + 899, Ok(())),
        (NOW + 900, Err(Refusal::Invalid(Invalid::Expired))),
        (NOW - 6, Err(Refusal::Invalid(Invalid::Early))),
    ] {
        stage.at(seconds);
        assert_eq!(stage.bring(&token), result, "{}", seconds - NOW);
    }
    let mut later = claims();
    later["nbf"] = json!(NOW + 60);
    let later = stage.issuer.sign(&header(), &later);
    stage.at(NOW + 54);
    assert_eq!(stage.bring(&later), Err(Refusal::Invalid(Invalid::Early)));
    stage.at(NOW + 55);
    assert_eq!(stage.bring(&later), Ok(()));
}

#[test]
fn a_token_older_than_any_may_get_today_has_expired_whatever_it_says() {
    let stage = stage();
    let mut long = claims();
    long["exp"] = json!(NOW + 9000);
    let long = stage.issuer.sign(&header(), &long);
    stage.at(NOW + 899);
    assert_eq!(stage.bring(&long), Ok(()));
    stage.at(NOW + 900);
    assert_eq!(stage.bring(&long), Err(Refusal::Invalid(Invalid::Expired)));
}

#[test]
fn what_is_taken_away_stops_a_token_that_was_seen_before() {
    let stage = stage();
    let token = stage.issuer.token();
    assert_eq!(stage.bring(&token), Ok(()));
    stage.revocations.mark(&[Subject::Role("reader".into())], 8, NOW);
    assert_eq!(stage.bring(&token), Err(Refusal::Stale));
}

#[test]
fn who_lacks_a_permission_is_told_to_come_back_only_if_that_helps() {
    let stage = stage();
    let bring = |token: &str, permission: &'static str| {
        let claims = stage.gate.sign_in(request(&format!("Bearer {token}")).headers())?;
        stage.gate.carries(&claims, permission)
    };
    let token = stage.issuer.token();
    assert_eq!(bring(&token, "articles:delete"), Err(Refusal::Lacks("articles:delete".into())));
    assert_eq!(bring(&token, "comments:read"), Err(Refusal::Stale), "its role gives that by now");
    let mut narrowed = claims();
    narrowed["scope"] = json!("articles:read");
    let narrowed = stage.issuer.sign(&header(), &narrowed);
    assert_eq!(
        bring(&narrowed, "comments:read"),
        Err(Refusal::Lacks("comments:read".into())),
        "a new one would be as narrow"
    );
}

#[test]
fn a_gate_that_has_heard_nothing_for_too_long_trusts_nobody() {
    let stage = stage();
    let token = stage.issuer.token();
    let at = |seconds: i64| stage.micros.store((NOW + seconds) * 1_000_000, Ordering::Relaxed);
    at(5);
    assert_eq!(stage.bring(&token), Ok(()));
    at(6);
    assert_eq!(stage.bring(&token), Err(Refusal::Silent));
    assert_eq!(stage.gate.sign_in(Request::default().headers()).map(drop), Err(Refusal::Anonymous));
    stage.gate.hear();
    assert_eq!(stage.bring(&token), Ok(()));
}

#[test]
fn new_keys_replace_old_ones_at_once() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let key = |issuer: &Issuer| Key { kid: "k".into(), algorithm: Algorithm::ES256, key: issuer.verifying.clone() };
    let verifier = Verifier::new(ISSUER, ISSUER, [key(&old)]);
    assert!(verifier.verify(&old.token(), NOW).is_ok());
    verifier.set_keys([key(&new)]);
    assert_eq!(verifier.verify(&old.token(), NOW).map(drop), Err(Invalid::Malformed));
    assert!(verifier.verify(&new.token(), NOW).is_ok());
}

#[test]
fn a_problem_says_what_it_is() {
    let problem = Problem::unavailable("overloaded", "Try again.", 7).with_header(header::ALLOW, "bad\nvalue");
    assert_eq!((problem.status().as_u16(), problem.detail()), (503, "Try again."));
    assert!(problem.as_response().headers().get(header::ALLOW).is_none(), "what can't stand in a header is left out");
}

/// RFC 6750 §3: the challenge says what is wrong, and nothing where there was no token.
#[test]
fn refusals_are_problems_with_a_challenge() {
    let said = |refusal: Refusal| {
        let response = Problem::from(refusal).as_response();
        let header = |name| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        (response.status().as_u16(), header(header::WWW_AUTHENTICATE), header(header::RETRY_AFTER))
    };
    assert_eq!(said(Refusal::Anonymous), (401, "Bearer".into(), String::new()));
    for refusal in [Refusal::Stale, Refusal::Invalid(Invalid::Expired)] {
        let (status, challenge, _) = said(refusal);
        assert_eq!(status, 401);
        assert!(challenge.starts_with(r#"Bearer error="invalid_token", error_description=""#), "{challenge}");
    }
    let (status, challenge, _) = said(Refusal::Lacks("articles:delete".into()));
    assert_eq!((status, challenge.as_str()), (403, r#"Bearer error="insufficient_scope", scope="articles:delete""#));
    assert_eq!(said(Refusal::Silent), (503, String::new(), "1".into()));
}
