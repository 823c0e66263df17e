//! A key has one algorithm, and it isn't the token that says which.

use aws_lc_rs::{
    encoding::AsDer,
    hmac,
    signature::{
        KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
        RsaEncoding,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::support::{Pair, STAGE, Signer, claims, encode, refused, rsa, with};

const NONE: [&str; 10] =
    ["none", "None", "NONE", "nOnE", "none ", " none", "", "null", "\u{ff4e}\u{ff4f}\u{ff4e}\u{ff45}", "none\0"];

#[test]
fn no_signature_is_no_token_however_none_is_spelled() {
    for signer in STAGE.signers() {
        for none in NONE {
            let header = encode(with(signer.header(), "alg", json!(none)).to_string());
            let message = format!("{header}.{}", encode(claims().to_string()));
            let right = encode(signer.signature(&message));
            for signature in ["", "A", "AA", "AAAA", "null", &right] {
                refused(none, &format!("{message}.{signature}"));
            }
            refused(none, &message);
        }
    }
}

/// The public key in every encoding someone may have taken it for a secret in.
fn public(signer: &Signer) -> Vec<Vec<u8>> {
    let (raw, der, jwk) = match &signer.pair {
        Pair::Ec(pair) => {
            let raw = pair.public_key().as_ref().to_vec();
            let (x, y) = raw[1..].split_at(32);
            let jwk = json!({ "crv": "P-256", "kty": "EC", "x": encode(x), "y": encode(y) });
            (raw, pair.public_key().as_der().unwrap().as_ref().to_vec(), jwk)
        }
        Pair::Ed(pair) => {
            let raw = pair.public_key().as_ref().to_vec();
            let jwk = json!({ "crv": "Ed25519", "kty": "OKP", "x": encode(&raw) });
            (raw, pair.public_key().as_der().unwrap().as_ref().to_vec(), jwk)
        }
        Pair::Rsa(pair) => {
            let raw = pair.public_key().as_ref().to_vec();
            let n = pair.public_key().modulus().big_endian_without_leading_zero();
            let jwk = json!({ "e": "AQAB", "kty": "RSA", "n": encode(n) });
            (raw, pair.public_key().as_der().unwrap().as_ref().to_vec(), jwk)
        }
    };
    let lines = STANDARD.encode(&der).as_bytes().chunks(64).map(<[u8]>::to_vec).collect::<Vec<_>>().join(&b'\n');
    let lines = String::from_utf8(lines).unwrap();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----");
    let set = json!({ "keys": [with(with(jwk.clone(), "kid", json!(signer.kid)), "use", json!("sig"))] });
    let mut all = vec![
        raw.get(1..).unwrap().to_vec(),
        STANDARD.encode(&raw).into_bytes(),
        STANDARD.encode(&der).into_bytes(),
        encode(&raw).into_bytes(),
        format!("{pem}\n").into_bytes(),
        pem.replace('\n', "\r\n").into_bytes(),
        pem.into_bytes(),
        jwk.to_string().into_bytes(),
        set.to_string().into_bytes(),
        signer.kid.as_bytes().to_vec(),
        Vec::new(),
    ];
    all.extend(jwk.as_object().unwrap().values().filter_map(Value::as_str).map(|text| text.as_bytes().to_vec()));
    all.extend([raw, der]);
    all
}

#[test]
fn a_public_key_is_no_secret() {
    let macs = [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
    for signer in STAGE.signers() {
        for secret in public(signer) {
            for (alg, mac) in macs {
                let header = encode(with(signer.header(), "alg", json!(alg)).to_string());
                let message = format!("{header}.{}", encode(claims().to_string()));
                let tag = hmac::sign(&hmac::Key::new(mac, &secret), message.as_bytes());
                refused(alg, &format!("{message}.{}", encode(tag)));
            }
        }
    }
}

/// Every algorithm's name over every key's signature, under every key's name: only the three right ones pass.
#[test]
fn a_key_of_one_kind_does_not_serve_an_algorithm_of_another() {
    let names = ["ES256", "EdDSA", "RS256", "ES384", "ES512", "ES256K", "RS384", "RS512", "PS256", "PS384", "PS512"];
    let mut passed = 0;
    for signer in STAGE.signers() {
        for kid in ["es", "ed", "rs"] {
            for alg in names {
                let header = with(with(signer.header(), "alg", json!(alg)), "kid", json!(kid));
                let token = signer.sign_header(&header);
                if kid == signer.kid && header["alg"] == signer.header()["alg"] {
                    passed += u8::from(crate::support::verify(&token).is_ok());
                } else {
                    refused(&format!("{alg} by {} as {kid}", signer.kid), &token);
                }
            }
        }
    }
    assert_eq!(passed, 3);
}

/// The right RSA key and a signature that is right, but by another padding or hash than the key is for.
#[test]
fn an_rsa_key_serves_only_its_own_padding_and_hash() {
    let Pair::Rsa(pair) = &STAGE.rs.pair else { unreachable!() };
    let paddings: [(&str, &'static dyn RsaEncoding); 5] = [
        ("PS256", &RSA_PSS_SHA256),
        ("PS384", &RSA_PSS_SHA384),
        ("PS512", &RSA_PSS_SHA512),
        ("RS384", &RSA_PKCS1_SHA384),
        ("RS512", &RSA_PKCS1_SHA512),
    ];
    for (name, padding) in paddings {
        for alg in [name, "RS256"] {
            let header = encode(with(STAGE.rs.header(), "alg", json!(alg)).to_string());
            let message = format!("{header}.{}", encode(claims().to_string()));
            let signature = encode(rsa(pair, padding, &message));
            refused(&format!("{name} said to be {alg}"), &format!("{message}.{signature}"));
        }
    }
    let header = encode(with(STAGE.rs.header(), "alg", json!("PS256")).to_string());
    let message = format!("{header}.{}", encode(claims().to_string()));
    let signature = encode(rsa(pair, &RSA_PKCS1_SHA256, &message));
    refused("RS256 said to be PS256", &format!("{message}.{signature}"));
}

#[test]
fn an_algorithm_has_one_spelling_and_is_a_string() {
    for signer in STAGE.signers() {
        let name = format!("{:?}", signer.algorithm);
        for alg in [
            json!(name.to_lowercase()),
            json!(name.to_uppercase()),
            json!(format!("{name} ")),
            json!(format!(" {name}")),
            json!(format!("{name}\0")),
            json!([name]),
            json!({ name.clone(): null }),
            json!({ name.clone(): {} }),
            json!({ "alg": name }),
            json!("Ed25519"),
            json!("dir"),
            json!(256),
            json!(0),
            json!(true),
            json!(null),
        ] {
            if alg != json!(name) {
                refused(&alg.to_string(), &signer.sign_header(&with(signer.header(), "alg", alg)));
            }
        }
        refused("no alg", &signer.sign_header(&with(signer.header(), "alg", None)));
    }
}

/// A key set that gives a key an algorithm of another kind opens nothing, and breaks nothing.
#[test]
fn a_key_published_for_an_algorithm_of_another_kind_verifies_nothing() {
    use crate::support::{ISSUER, MALFORMED, NOW};
    use jsonwebtoken::Algorithm;
    use rolecall_guard::{Key, Verifier};
    for signer in STAGE.signers() {
        for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256, Algorithm::HS256, Algorithm::ES384] {
            if algorithm != signer.algorithm {
                let verifier = Verifier::new(ISSUER, ISSUER, [Key { algorithm, ..signer.key() }]);
                let header = with(signer.header(), "alg", json!(format!("{algorithm:?}")));
                for token in [signer.token(), signer.sign_header(&header)] {
                    assert_eq!(verifier.verify(&token, NOW).map(drop), MALFORMED, "{} for {algorithm:?}", signer.kid);
                }
            }
        }
    }
}
