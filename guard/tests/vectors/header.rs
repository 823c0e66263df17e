//! The header says a token's type, algorithm and key, each once and in so many words.

use serde_json::{Value, json};

use crate::support::{STAGE, Signer, accepted, appended, claims, encode, refused, with};

/// Each key's own header with a member set or taken out, rightly signed.
fn refused_with(member: &str, value: impl Into<Option<Value>>) {
    let value = value.into();
    for signer in STAGE.signers() {
        let header = with(signer.header(), member, value.clone());
        refused(&header.to_string(), &signer.sign_header(&header));
    }
}

/// RFC 8725 §3.11, RFC 9068 §4.
#[test]
fn the_type_is_an_access_tokens() {
    for typ in ["at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "APPLICATION/AT+JWT"] {
        accepted(typ, &STAGE.es.sign_header(&with(STAGE.es.header(), "typ", json!(typ))));
    }
    for typ in [
        "",
        "JWT",
        "jwt",
        "at",
        "at+jwt ",
        " at+jwt",
        "at+jwt;x=y",
        "text/at+jwt",
        "at+JWT\0",
        "at-jwt",
        "application/application/at+jwt",
        "logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "\u{430}t+jwt",
    ] {
        refused_with("typ", json!(typ));
    }
    for typ in [json!(null), json!(["at+jwt"]), json!({ "at+jwt": null }), json!(1), json!(true)] {
        refused_with("typ", typ);
    }
    refused_with("typ", None);
}

/// RFC 7515 §4.1.11: nothing critical is understood here, and an empty list isn't one.
#[test]
fn anything_critical_is_refused() {
    for crit in [
        json!([]),
        json!(["exp"]),
        json!(["b64"]),
        json!(["alg"]),
        json!(["crit"]),
        json!(["http://example.com/UNDEFINED"]),
        json!([""]),
        json!([1]),
        json!([null]),
        json!({}),
        json!("exp"),
        json!(""),
        json!(null),
        json!(0),
        json!(false),
    ] {
        refused_with("crit", crit);
    }
}

/// RFC 8725 §3.6, RFC 7516: nothing here is compressed or encrypted.
#[test]
fn compressed_or_encrypted_content_is_refused() {
    for member in ["zip", "enc"] {
        for value in [json!("DEF"), json!("GZIP"), json!("A256GCM"), json!(""), json!(null), json!([]), json!(1)] {
            refused_with(member, value);
        }
    }
    refused_with("b64", json!(false));
}

/// RFC 8725 §3.10: the token doesn't bring the key along that it is checked with.
#[test]
fn a_key_in_the_header_opens_nothing() {
    let thief = Signer { kid: "es", ..Signer::es256() };
    let (x, y) = {
        let crate::support::Pair::Ec(pair) = &thief.pair else { unreachable!() };
        let point = aws_lc_rs::signature::KeyPair::public_key(pair).as_ref().to_vec();
        (encode(&point[1..33]), encode(&point[33..]))
    };
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "es", "alg": "ES256", "use": "sig" });
    for (member, value) in [
        ("jwk", jwk.clone()),
        ("jku", json!("https://thief.example/jwks.json")),
        ("jku", json!("file:///dev/null")),
        ("x5u", json!("https://thief.example/certificate.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("keys", json!([jwk])),
    ] {
        for kid in [json!("es"), json!("thief"), json!(null)] {
            let header = with(with(thief.header(), member, value.clone()), "kid", kid);
            refused(&header.to_string(), &thief.sign_header(&header));
        }
        let header = with(with(thief.header(), member, value.clone()), "kid", None);
        refused(&header.to_string(), &thief.sign_header(&header));
        // Also where the issuer's own key signed it: it never writes one.
        refused_with(member, value);
    }
}

#[test]
fn the_key_is_named_exactly() {
    for kid in [
        "",
        " ",
        "ES",
        "es ",
        " es",
        "es\0",
        "e",
        "ess",
        "k",
        "unknown",
        "../../../../dev/null",
        "/dev/null",
        "es/../es",
        "file:///etc/hostname",
        "https://thief.example/key",
        "' OR '1'='1",
        "es'; --",
        "$(id)",
        "%65s",
        "*",
        "\u{435}s",
    ] {
        refused_with("kid", json!(kid));
    }
    for kid in [json!(null), json!(["es"]), json!({ "es": null }), json!(0), json!(true)] {
        refused_with("kid", kid);
    }
    refused_with("kid", None);
    refused_with("kid", json!("k".repeat(300_000)));
}

#[test]
fn another_keys_name_does_not_help() {
    for signer in STAGE.signers() {
        for other in STAGE.signers() {
            if other.kid != signer.kid {
                refused(other.kid, &signer.sign_header(&other.header()));
                refused(other.kid, &signer.sign_header(&with(signer.header(), "kid", json!(other.kid))));
            }
        }
    }
    for (stranger, own) in [(Signer::es256(), &STAGE.es), (Signer::eddsa(), &STAGE.ed)] {
        accepted("its own", &own.token());
        refused("a stranger's key of the same kind and name", &stranger.token());
    }
}

/// RFC 7515 §4, RFC 8725 §2.4: two parsers may take different ones of two.
#[test]
fn a_member_that_is_there_twice_is_refused() {
    for signer in STAGE.signers() {
        let (header, kid) = (signer.header(), signer.kid);
        let alg = header["alg"].as_str().unwrap();
        let again = [
            format!(r#","alg":"{alg}""#),
            r#","alg":"none""#.into(),
            r#","alg":"HS256""#.into(),
            r#","\u0061lg":"none""#.into(),
            format!(r#","kid":"{kid}""#),
            r#","kid":"other""#.into(),
            r#","k\u0069d":"other""#.into(),
            r#","typ":"at+jwt""#.into(),
            r#","typ":"JWT""#.into(),
            r#","x":1,"x":2"#.into(),
            r#","crit":null,"crit":null"#.into(),
        ];
        for again in again {
            let header = appended(&header, &again);
            refused(&header, &signer.sign(&header, claims().to_string()));
        }
        let first = header.to_string().replacen('{', r#"{"alg":"none","#, 1);
        refused(&first, &signer.sign(&first, claims().to_string()));
    }
}

/// Names are compared to the letter.
#[test]
fn a_member_of_another_case_is_another_member() {
    for signer in STAGE.signers() {
        for member in ["alg", "kid", "typ"] {
            let value = signer.header()[member].clone();
            let header = with(with(signer.header(), member, None), &member.to_uppercase(), value);
            refused(&header.to_string(), &signer.sign_header(&header));
        }
    }
}

#[test]
fn a_header_that_is_no_json_object_in_utf_8_is_refused() {
    for signer in STAGE.signers() {
        let good = signer.header().to_string();
        let alg = signer.header()["alg"].clone();
        let utf_16: Vec<u8> = good.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let mut not_utf_8 = good.clone().into_bytes();
        not_utf_8.splice(1..1, *b"\"x\":\"\xff\",");
        let mut overlong = good.clone().into_bytes();
        overlong.splice(1..1, *b"\"x\":\"\xc0\xaf\",");
        let headers = [
            b"{}".to_vec(),
            b"null".to_vec(),
            b"\"alg\"".to_vec(),
            b"7".to_vec(),
            b"[]".to_vec(),
            json!(["at+jwt", alg, signer.kid]).to_string().into_bytes(),
            json!([signer.header()]).to_string().into_bytes(),
            [b"\xef\xbb\xbf", good.as_bytes()].concat(),
            format!("{good}{good}").into_bytes(),
            format!("{good}x").into_bytes(),
            format!("{good}\0").into_bytes(),
            format!("/**/{good}").into_bytes(),
            good.replace('"', "'").into_bytes(),
            good.replace('}', ",}").into_bytes(),
            good.replace('}', "").into_bytes(),
            good.replacen(':', "=", 1).into_bytes(),
            utf_16,
            not_utf_8,
            overlong,
        ];
        for header in headers {
            refused(&String::from_utf8_lossy(&header), &signer.sign(&header, claims().to_string()));
        }
    }
}

/// Refused in no time and without a deep stack, signed or not.
#[test]
fn a_huge_or_deep_header_is_refused() {
    for signer in STAGE.signers() {
        for more in [
            format!(r#","x":{}{}"#, "[".repeat(100_000), "]".repeat(100_000)),
            format!(r#","x":{}1{}"#, r#"{"x":"#.repeat(40_000), "}".repeat(40_000)),
            format!(r#","x":"{}""#, "x".repeat(300_000)),
            (0..30_000).fold(String::new(), |more, n| more + &format!(r#","{n}":0"#)),
            format!(r#","x":{}"#, "9".repeat(300_000)),
            format!(r#","x":1e{}"#, "9".repeat(300_000)),
        ] {
            refused("huge", &signer.sign(appended(&signer.header(), &more), claims().to_string()));
        }
    }
    refused("longer than any", &STAGE.es.sign_claims(with(claims(), "x", json!("x".repeat(600_000))).to_string()));
}
