//! The claims say what they must, each once, in its own type.

use rolecall_guard::{Claims, Invalid, Verifier};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{ISSUER, NOW, STAGE, accepted, appended, claims, read, refused, verify, with};

const REQUIRED: [&str; 10] = ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "roles", "permissions", "rev"];
const TIMES: [&str; 3] = ["iat", "exp", "nbf"];

fn token(claims: &Value) -> String {
    STAGE.es.sign_claims(claims.to_string())
}

fn at(token: &str, now: i64) -> Result<(), Invalid> {
    STAGE.verifier.verify(token, now).map(drop)
}

#[test]
fn every_required_claim_is_there_and_not_null() {
    for member in REQUIRED {
        refused(member, &token(&with(claims(), member, None)));
        refused(member, &token(&with(claims(), member, json!(null))));
    }
}

#[test]
fn a_claim_of_another_type_is_refused() {
    let any = [json!(true), json!({}), json!([[]]), json!(1.5), json!([1]), json!([null]), json!({ "0": "x" })];
    for member in REQUIRED.into_iter().chain(["nbf", "sid", "scope"]) {
        for value in any.iter().cloned() {
            refused(member, &token(&with(claims(), member, value)));
        }
    }
    let text = [json!(""), json!("1800000000"), json!("NaN")];
    for member in TIMES.into_iter().chain(["rev", "roles", "permissions"]) {
        for value in text.iter().cloned() {
            refused(member, &token(&with(claims(), member, value)));
        }
    }
    for member in ["iss", "aud", "sub", "client_id", "jti", "roles", "permissions", "sid", "scope"] {
        refused(member, &token(&with(claims(), member, json!(1))));
    }
}

/// Whole seconds within 64 bits, though RFC 7519 §2 would let them have a fraction: the issuer writes none.
#[test]
fn a_time_is_a_whole_number() {
    for member in TIMES.into_iter().chain(["rev"]) {
        for number in [
            "1.8e9",
            "1800000900.0",
            "1800000900.5",
            "1e9",
            "1E400",
            "-1e400",
            "1e-1",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775809",
            "99999999999999999999999999999999",
            "NaN",
            "Infinity",
            "-Infinity",
            "+1800000900",
            "01800000900",
            "0x6b49d584",
            "1_800_000_900",
            "--1",
            "-",
            "",
        ] {
            let claims = appended(&with(claims(), member, None), &format!(r#","{member}":{number}"#));
            refused(&claims, &STAGE.es.sign_claims(&claims));
        }
    }
}

#[test]
fn exp_is_kept_to_the_second() {
    let token = token(&with(claims(), "exp", json!(NOW + 100)));
    assert_eq!(at(&token, NOW + 99), Ok(()));
    assert_eq!(at(&token, NOW + 100), Err(Invalid::Expired));
    assert_eq!(at(&token, NOW + 101), Err(Invalid::Expired));
    assert_eq!(at(&token, i64::MAX), Err(Invalid::Expired));
}

#[test]
fn nbf_and_iat_are_not_in_the_future_by_more_than_the_leeway() {
    for member in ["nbf", "iat"] {
        let token = |seconds: i64| token(&with(claims(), member, json!(NOW + seconds)));
        assert_eq!(at(&token(5), NOW), Ok(()), "{member}");
        assert_eq!(at(&token(6), NOW), Err(Invalid::Early), "{member}");
        assert_eq!(at(&token(600), NOW), Err(Invalid::Early), "{member}");
        assert_eq!(at(&token(600), NOW + 595), Ok(()), "{member}");
        assert_eq!(at(&token(-100), NOW), Ok(()), "{member}");
    }
    let both = token(&with(with(claims(), "nbf", json!(NOW - 100)), "iat", json!(NOW + 6)));
    assert_eq!(at(&both, NOW), Err(Invalid::Early), "an early nbf doesn't make up for iat");
}

/// Nothing overflows at the ends of what 64 bits hold.
#[test]
fn times_at_the_ends_of_their_range() {
    let at = |member: &str, time: i64| verify(&token(&with(claims(), member, json!(time))));
    for (member, time, result) in [
        ("exp", i64::MAX, Ok(())),
        ("exp", i64::MIN, Err(Invalid::Expired)),
        ("exp", -1, Err(Invalid::Expired)),
        ("exp", 0, Err(Invalid::Expired)),
        ("iat", i64::MAX, Err(Invalid::Early)),
        ("iat", i64::MIN, Ok(())),
        ("nbf", i64::MAX, Err(Invalid::Early)),
        ("nbf", i64::MIN, Ok(())),
    ] {
        assert_eq!(at(member, time), result, "{member} {time}");
    }
    for now in [i64::MIN, -1, 0, i64::MAX] {
        assert!(self::at(&token(&claims()), now).is_err(), "{now}");
    }
}

/// RFC 7519 §4.1.3 lets `aud` be a list; the issuer writes one text, so a list is another issuer's.
#[test]
fn issuer_and_audience_are_one_text_each_and_exactly_ours() {
    for member in ["iss", "aud"] {
        for value in [
            json!([ISSUER]),
            json!([ISSUER, "https://other.example"]),
            json!(["https://other.example", ISSUER]),
            json!([]),
            json!({ ISSUER: null }),
            json!(""),
            json!("*"),
            json!(format!("{ISSUER}/")),
            json!(format!("{ISSUER} ")),
            json!(ISSUER.to_uppercase()),
            json!("http://id.example"),
            json!("https://id.example.thief.example"),
            json!("https://id.example@thief.example"),
            json!("https://other.example"),
        ] {
            refused(member, &token(&with(claims(), member, value)));
        }
    }
    let elsewhere = Verifier::new(ISSUER, "https://shop.example", [STAGE.es.key()]);
    assert!(elsewhere.verify(&token(&claims()), NOW).is_err(), "a token for one audience isn't one for another");
    let other = token(&with(claims(), "aud", json!("https://shop.example")));
    assert_eq!(elsewhere.verify(&other, NOW).map(|claims| claims.iss.clone()), Ok(ISSUER.to_owned()));
}

/// RFC 7519 §4, RFC 8725 §2.4.
#[test]
fn a_claim_that_is_there_twice_is_refused() {
    let all = with(with(claims(), "nbf", json!(NOW)), "scope", json!("articles:read"));
    accepted("once each", &token(&all));
    for (member, value) in all.as_object().unwrap() {
        refused(member, &STAGE.es.sign_claims(appended(&all, &format!(r#","{member}":{value}"#))));
        refused(member, &STAGE.es.sign_claims(appended(&all, &format!(r#","{member}":null"#))));
        let escaped = format!(r#","\u{:04x}{}":{value}"#, u32::from(member.as_bytes()[0]), &member[1..]);
        refused(&escaped, &STAGE.es.sign_claims(appended(&all, &escaped)));
        let first = all.to_string().replacen('{', &format!(r#"{{"{member}":{value},"#), 1);
        refused(&first, &STAGE.es.sign_claims(first.clone()));
    }
    for (member, value) in [("exp", json!(NOW + 90_000)), ("sub", json!(Uuid::from_u128(9))), ("rev", json!(i64::MAX))]
    {
        refused(member, &STAGE.es.sign_claims(appended(&all, &format!(r#","{member}":{value}"#))));
    }
}

#[test]
fn an_id_is_a_uuid() {
    for member in ["sub", "jti", "sid"] {
        for id in [
            "",
            "alice",
            "1",
            "00000000-0000-0000-0000-00000000000",
            "00000000-0000-0000-0000-00000000000g",
            "00000000-0000-0000-0000-0000000000010",
            " 00000000-0000-0000-0000-000000000001",
        ] {
            refused(member, &token(&with(claims(), member, json!(id))));
        }
    }
}

/// A release that adds a claim breaks no service that doesn't know it; what it says isn't read.
#[test]
fn claims_that_are_not_known_are_ignored() {
    for (member, value) in [
        ("admin", json!(true)),
        ("acr", json!(null)),
        ("EXP", json!("soon")),
        ("Permissions", json!(["roles:escalate"])),
        ("kid", json!("other")),
        ("cnf", json!({ "jkt": "AAAA" })),
        ("", json!([1, 2.5, "\u{1f600}"])),
        ("act", json!({ "sub": "someone" })),
    ] {
        assert_eq!(read(&token(&with(claims(), member, value))), read(&token(&claims())), "{member}");
    }
    let deep = format!(r#","x":{}{}"#, "[".repeat(100_000), "]".repeat(100_000));
    accepted("deep, and signed by the issuer", &STAGE.es.sign_claims(appended(&claims(), &deep)));
}

/// What may be left out may be null.
#[test]
fn what_a_token_says_is_what_is_read() {
    let full = with(with(claims(), "nbf", json!(NOW - 1)), "scope", json!("articles:read"));
    let read = read(&token(&full)).unwrap();
    let expected: Claims = serde_json::from_value(full).unwrap();
    assert_eq!(read, Claims { kid: "es".into(), ..expected });
    for member in ["nbf", "sid", "scope"] {
        let [absent, null] = [None, Some(json!(null))].map(|value| token(&with(claims(), member, value)));
        assert_eq!(crate::support::read(&absent), crate::support::read(&null), "{member}");
        accepted(member, &absent);
    }
}

#[test]
fn claims_that_are_no_json_object_in_utf_8_are_refused() {
    let good = claims().to_string();
    let in_order =
        ["iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "jti", "sid", "scope", "roles", "permissions"];
    let mut list: Vec<Value> = in_order.iter().map(|member| claims()[member].clone()).collect();
    list.push(json!(7));
    let utf_16: Vec<u8> = good.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let bytes = |more: &[u8]| {
        let mut bytes = good.clone().into_bytes();
        bytes.splice(1..1, more.iter().copied());
        bytes
    };
    accepted("a member more", &STAGE.es.sign_claims(bytes(br#""x":"y","#)));
    for wrong in [
        b"null".to_vec(),
        b"{}".to_vec(),
        b"\"\"".to_vec(),
        json!(list).to_string().into_bytes(),
        json!([claims()]).to_string().into_bytes(),
        json!(good).to_string().into_bytes(),
        [b"\xef\xbb\xbf", good.as_bytes()].concat(),
        format!("{good}{good}").into_bytes(),
        format!("{good},").into_bytes(),
        format!("{good}\0").into_bytes(),
        format!("{good}//").into_bytes(),
        good.replace('"', "'").into_bytes(),
        good.replace('}', ",}").into_bytes(),
        good.replace('}', "").into_bytes(),
        utf_16,
        bytes(b"\"x\":\"\xff\","),
        bytes(b"\"x\":\"\xc0\xaf\","),
        bytes(b"\"x\":\"\xed\xa0\x80\","),
        bytes(b"\"\xff\":1,"),
        bytes(b"\"x\":\"\n\","),
        bytes(b"\"x\":NaN,"),
        bytes(b"\"x\":\"\\x41\","),
        bytes(b"x:1,"),
    ] {
        refused(&String::from_utf8_lossy(&wrong), &STAGE.es.sign_claims(&wrong));
    }
}
