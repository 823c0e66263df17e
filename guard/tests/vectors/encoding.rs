//! There is one way to write a token: three segments of base64url without padding, in its canonical form.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::support::{STAGE, accepted, claims, decode, encode, refused, with};

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[test]
fn a_good_token_of_each_kind_of_key_is_accepted() {
    for signer in STAGE.signers() {
        accepted(signer.kid, &signer.token());
    }
}

/// The token with each segment written in another way in turn; where that concerns what is signed, signed so.
fn rewritten(what: &str, rewrite: impl Fn(&str) -> String) {
    for signer in STAGE.signers() {
        let [header, payload, signature] = signer.segments();
        for (segment, token) in [
            ("header", signer.seal(&rewrite(&header), &payload)),
            ("payload", signer.seal(&header, &rewrite(&payload))),
            ("signature", format!("{header}.{payload}.{}", rewrite(&signature))),
        ] {
            refused(&format!("{what} in the {segment} by {}", signer.kid), &token);
        }
    }
}

#[test]
fn padding_is_refused() {
    for padding in ["=", "==", "===", "%3D", "%3d%3d", "."] {
        rewritten(padding, |segment| format!("{segment}{padding}"));
    }
    rewritten("the right padding, or one too many", |segment| {
        format!("{segment}{}", "=".repeat((4 - segment.len() % 4) % 4).max("=".into()))
    });
    rewritten("padding within", |segment| segment.replacen('J', "=", 1).replacen('A', "=", 1) + "=");
}

#[test]
fn white_space_and_other_bytes_are_refused() {
    for extra in [" ", "\n", "\r\n", "\t", "\0", "\u{b}", "\u{a0}", "\u{feff}", "\u{200b}", "!", "~", "é", "%0a", ","]
    {
        rewritten(extra, |segment| format!("{segment}{extra}"));
        rewritten(extra, |segment| format!("{extra}{segment}"));
        rewritten(extra, |segment| format!("{}{extra}{}", &segment[..8], &segment[8..]));
    }
}

/// The alphabet of RFC 4648 §4, which differs in two characters.
#[test]
fn the_other_alphabet_is_refused() {
    let payload = with(claims(), "note", json!("???>>>~~~???>>>~~~")).to_string();
    for signer in STAGE.signers() {
        let header = encode(signer.header().to_string());
        let url = encode(&payload);
        let standard = STANDARD.encode(&payload).trim_end_matches('=').to_owned();
        assert_ne!(url, standard);
        accepted("base64url", &signer.seal(&header, &url));
        refused("the payload in base64", &signer.seal(&header, &standard));
        // One signature in fifteen or so has neither of the two characters.
        let token = (0..).map(|rev| signer.sign_claims(with(claims(), "rev", json!(rev)).to_string()));
        let token = token.into_iter().find(|token| token.rsplit('.').next().unwrap().contains(['-', '_'])).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        accepted("base64url", &token);
        refused("the signature in base64", &format!("{message}.{}", signature.replace('-', "+").replace('_', "/")));
    }
}

/// The same bytes, but bits that stand for nothing are set in the last character.
fn uncanonical(segment: &str) -> Option<String> {
    let (rest, last) = segment.split_at(segment.len() - 1);
    let value = ALPHABET.iter().position(|character| *character == last.as_bytes()[0])?;
    let spare = match segment.len() % 4 {
        2 => 0b1111,
        3 => 0b11,
        _ => return None,
    };
    assert_eq!(value & spare, 0, "what was encoded here is canonical");
    Some(format!("{rest}{}", char::from(ALPHABET[value | spare])))
}

/// Otherwise one token could be written in sixteen ways.
#[test]
fn an_encoding_with_spare_bits_set_is_refused() {
    let mut seen = 0;
    for signer in STAGE.signers() {
        // White space after the object moves its end through all three remainders.
        for spaces in ["", " ", "  "] {
            let header = encode(signer.header().to_string() + spaces);
            let payload = encode(claims().to_string() + spaces);
            accepted("white space in the JSON", &signer.seal(&header, &payload));
            let more = [
                uncanonical(&header).map(|header| signer.seal(&header, &payload)),
                uncanonical(&payload).map(|payload| signer.seal(&header, &payload)),
            ];
            for token in more.iter().flatten() {
                refused("spare bits in what is signed", token);
                seen += 1;
            }
        }
        let [header, payload, signature] = signer.segments();
        let twin = uncanonical(&signature).unwrap();
        refused("spare bits in the signature", &format!("{header}.{payload}.{twin}"));
    }
    assert_eq!(seen, 12, "two of three remainders, header and payload, three keys");
}

#[test]
fn three_segments_and_none_of_them_empty() {
    for signer in STAGE.signers() {
        let [header, payload, signature] = signer.segments();
        let token = signer.token();
        let empty = encode("");
        for wrong in [
            String::new(),
            ".".into(),
            "..".into(),
            "...".into(),
            header.clone(),
            format!("{header}."),
            format!("{header}.{payload}"),
            format!("{header}.{payload}."),
            format!(".{payload}.{signature}"),
            signer.seal("", &payload),
            signer.seal(&header, &empty),
            signer.seal("", ""),
            format!("{header}..{signature}"),
            format!(".{token}"),
            format!("{token}."),
            format!("{token}.{signature}"),
            format!("{token}..."),
            signer.seal(&format!("{header}.{header}"), &payload),
            signer.seal(&header, &format!("{payload}.{payload}")),
            format!("{header}.{payload}.{signature}.{payload}.{signature}"),
            format!("{token}{token}"),
            format!("{token} {token}"),
            format!("{token},{token}"),
            token.replace('.', ":"),
            token.replace('.', "%2E"),
            token.replacen('.', "..", 1),
            format!("Bearer {token}"),
            format!("\"{token}\""),
        ] {
            refused("not three full segments", &wrong);
        }
    }
}

/// RFC 7516: five segments, the content encrypted.
#[test]
fn an_encrypted_token_is_refused() {
    for signer in STAGE.signers() {
        let header = json!({ "typ": "at+jwt", "alg": "dir", "enc": "A256GCM", "kid": signer.kid });
        let [_, payload, signature] = signer.segments();
        refused("JWE", &format!("{}..{payload}.{payload}.{signature}", encode(header.to_string())));
        refused("JWE with a key", &format!("{}.{payload}.AAAA.{payload}.AAAA", encode(header.to_string())));
    }
}

/// RFC 7515 §7.2.
#[test]
fn the_json_serializations_are_refused() {
    for signer in STAGE.signers() {
        let [protected, payload, signature] = signer.segments();
        let one = json!({ "protected": protected, "signature": signature });
        for object in [
            json!({ "payload": payload, "protected": protected, "signature": signature }),
            json!({ "payload": payload, "signatures": [one] }),
            json!({ "payload": payload, "signatures": [one, one] }),
            json!({ "payload": payload, "signatures": [] }),
        ] {
            refused("JSON serialization", &object.to_string());
            refused("JSON serialization, encoded", &encode(object.to_string()));
        }
    }
}

/// RFC 7515 appendix F and RFC 7797.
#[test]
fn a_detached_or_unencoded_payload_is_refused() {
    for signer in STAGE.signers() {
        let [header, payload, signature] = signer.segments();
        refused("detached", &format!("{header}..{signature}"));
        let raw = claims().to_string();
        for b64 in
            [json!({ "b64": false, "crit": ["b64"] }), json!({ "b64": false }), json!({ "b64": true, "crit": ["b64"] })]
        {
            let mut header = signer.header();
            header.as_object_mut().unwrap().extend(b64.as_object().unwrap().clone());
            let header = encode(header.to_string());
            let signed = signer.seal(&header, &raw);
            refused("unencoded", &signed);
            let signature = signed.rsplit('.').next().unwrap();
            refused("unencoded and detached", &format!("{header}..{signature}"));
            if b64["crit"].is_array() {
                refused("b64 critical", &signer.seal(&header, &payload));
            }
        }
    }
}

#[test]
fn a_token_in_base64_once_more_is_refused() {
    let token = STAGE.es.token();
    refused("encoded", &encode(&token));
    refused("encoded", &STANDARD.encode(&token));
    let [header, payload, signature] = STAGE.es.segments().map(|segment| encode(decode(&encode(segment))));
    refused("each segment encoded", &format!("{header}.{payload}.{signature}"));
}
