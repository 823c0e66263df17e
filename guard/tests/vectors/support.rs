use std::sync::LazyLock;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaEncoding,
        RsaKeyPair, RsaPublicKeyComponents,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use rolecall_guard::{Claims, Invalid, Key, Verifier};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const MALFORMED: Result<(), Invalid> = Err(Invalid::Malformed);

/// One issuer with a key of each kind, named `es`, `ed` and `rs`.
pub(crate) struct Stage {
    pub(crate) es: Signer,
    pub(crate) ed: Signer,
    pub(crate) rs: Signer,
    pub(crate) verifier: Verifier,
}

pub(crate) static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let (es, ed, rs) = (Signer::es256(), Signer::eddsa(), Signer::rs256());
    let verifier = Verifier::new(ISSUER, ISSUER, [es.key(), ed.key(), rs.key()]);
    Stage { es, ed, rs, verifier }
});

impl Stage {
    pub(crate) fn signers(&self) -> [&Signer; 3] {
        [&self.es, &self.ed, &self.rs]
    }
}

/// A private key and the name and algorithm it is published under. It signs with the primitives themselves: what is
/// tested doesn't make the tests' tokens.
pub(crate) struct Signer {
    pub(crate) kid: &'static str,
    pub(crate) algorithm: Algorithm,
    pub(crate) pair: Pair,
}

pub(crate) enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Signer {
    pub(crate) fn es256() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { kid: "es", algorithm: Algorithm::ES256, pair: Pair::Ec(pair) }
    }

    pub(crate) fn eddsa() -> Self {
        Self { kid: "ed", algorithm: Algorithm::EdDSA, pair: Pair::Ed(Ed25519KeyPair::generate().unwrap()) }
    }

    pub(crate) fn rs256() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        Self { kid: "rs", algorithm: Algorithm::RS256, pair: Pair::Rsa(pair) }
    }

    pub(crate) fn key(&self) -> Key {
        let key = match &self.pair {
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                DecodingKey::from_ec_components(&encode(x), &encode(y)).unwrap()
            }
            Pair::Ed(pair) => DecodingKey::from_ed_components(&encode(pair.public_key())).unwrap(),
            Pair::Rsa(pair) => {
                let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                DecodingKey::from_rsa_raw_components(&n, &e)
            }
        };
        Key { kid: self.kid.into(), algorithm: self.algorithm, key }
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "typ": "at+jwt", "alg": format!("{:?}", self.algorithm), "kid": self.kid })
    }

    pub(crate) fn signature(&self, message: &str) -> Vec<u8> {
        match &self.pair {
            Pair::Ec(pair) => pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
            Pair::Rsa(pair) => rsa(pair, &RSA_PKCS1_SHA256, message),
        }
    }

    /// Two segments as they stand, and the right signature of them.
    pub(crate) fn seal(&self, header: &str, payload: &str) -> String {
        let message = format!("{header}.{payload}");
        let signature = encode(self.signature(&message));
        format!("{message}.{signature}")
    }

    /// A token of this header and payload, whatever they are.
    pub(crate) fn sign(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        self.seal(&encode(header), &encode(payload))
    }

    pub(crate) fn sign_header(&self, header: &Value) -> String {
        self.sign(header.to_string(), claims().to_string())
    }

    pub(crate) fn sign_claims(&self, claims: impl AsRef<[u8]>) -> String {
        self.sign(self.header().to_string(), claims)
    }

    pub(crate) fn token(&self) -> String {
        self.sign_claims(claims().to_string())
    }

    /// A good token's three segments.
    pub(crate) fn segments(&self) -> [String; 3] {
        segments(&self.token())
    }
}

pub(crate) fn rsa(pair: &RsaKeyPair, padding: &'static dyn RsaEncoding, message: &str) -> Vec<u8> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    signature
}

pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": ISSUER, "sub": Uuid::from_u128(1), "client_id": "rolecall",
        "iat": NOW, "exp": NOW + 900, "jti": Uuid::from_u128(2), "sid": Uuid::from_u128(3),
        "roles": ["reader"], "permissions": ["articles:read"], "rev": 7,
    })
}

/// The claims, or a header, with a member set or, without a value, taken out.
pub(crate) fn with(mut object: Value, member: &str, value: impl Into<Option<Value>>) -> Value {
    match value.into() {
        Some(value) => object[member] = value,
        None => drop(object.as_object_mut().unwrap().remove(member)),
    }
    object
}

/// The object as text with more text before its closing brace, such as a member for the second time.
pub(crate) fn appended(object: &Value, more: &str) -> String {
    format!("{}{more}}}", object.to_string().strip_suffix('}').unwrap())
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(segment: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(segment).unwrap()
}

pub(crate) fn segments(token: &str) -> [String; 3] {
    token.split('.').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap()
}

pub(crate) fn read(token: &str) -> Result<Claims, Invalid> {
    STAGE.verifier.verify(token, NOW).map(|claims| Claims::clone(&claims))
}

pub(crate) fn verify(token: &str) -> Result<(), Invalid> {
    read(token).map(drop)
}

#[track_caller]
pub(crate) fn refused(what: &str, token: &str) {
    assert_eq!(verify(token), MALFORMED, "{what}: {}", token.chars().take(300).collect::<String>());
}

#[track_caller]
pub(crate) fn accepted(what: &str, token: &str) {
    assert_eq!(verify(token), Ok(()), "{what}: {token}");
}
