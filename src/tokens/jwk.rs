use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, Jwk as Parsed, ThumbprintHash},
};

use super::SigningAlgorithm;

/// A public signing key as it is published (RFC 7517).
#[derive(Clone, Debug, Default, PartialEq, Eq, poem_openapi::Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Jwk {
    /// Key type: `EC`, `OKP` or `RSA`.
    kty: String,
    /// Its RFC 7638 thumbprint; a token's header names it.
    kid: String,
    /// The only algorithm it verifies: `ES256`, `EdDSA` or `RS256`.
    alg: String,
    /// What it is for: `sig`.
    #[oai(rename = "use")]
    usage: String,
    /// Curve, unless it is an RSA key: `P-256` or `Ed25519`.
    crv: Option<String>,
    /// The point's x coordinate, or Ed25519's public key, base64url.
    x: Option<String>,
    /// The point's y coordinate, base64url.
    y: Option<String>,
    /// RSA's modulus, base64url.
    n: Option<String>,
    /// RSA's exponent, base64url.
    e: Option<String>,
}

impl Jwk {
    /// The key with this public half; nothing if it is no such key.
    pub(super) fn of(algorithm: SigningAlgorithm, key: &DecodingKey) -> Option<Self> {
        let parsed = Parsed::from_decoding_key(key, Some(algorithm.jws())).ok()?;
        let kid = parsed.thumbprint(ThumbprintHash::SHA256).ok()?;
        let jwk = Self { kid, alg: algorithm.to_string(), usage: "sig".into(), ..Self::default() };
        let kty = String::from;
        Some(match parsed.algorithm {
            AlgorithmParameters::EllipticCurve(point) => {
                Self { kty: kty("EC"), crv: Some("P-256".into()), x: Some(point.x), y: Some(point.y), ..jwk }
            }
            AlgorithmParameters::OctetKeyPair(pair) => {
                Self { kty: kty("OKP"), crv: Some("Ed25519".into()), x: Some(pair.x), ..jwk }
            }
            AlgorithmParameters::RSA(rsa) => Self { kty: kty("RSA"), n: Some(rsa.n), e: Some(rsa.e), ..jwk },
            _ => return None,
        })
    }

    /// The key's name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rsa_keys_name_is_its_thumbprint_as_in_rfc_7638_section_3_1() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = DecodingKey::from_rsa_components(n, "AQAB").unwrap();
        let jwk = Jwk::of(SigningAlgorithm::Rs256, &key).unwrap();
        assert_eq!(jwk.kid(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!((jwk.kty.as_str(), jwk.n.as_deref(), jwk.e.as_deref()), ("RSA", Some(n), Some("AQAB")));
    }

    #[test]
    fn an_ed25519_keys_name_is_its_thumbprint_as_in_rfc_8037_appendix_a_3() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let jwk = Jwk::of(SigningAlgorithm::EdDsa, &DecodingKey::from_ed_components(x).unwrap()).unwrap();
        assert_eq!(jwk.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!((jwk.kty.as_str(), jwk.crv.as_deref(), jwk.x.as_deref()), ("OKP", Some("Ed25519"), Some(x)));
    }

    #[test]
    fn an_elliptic_curve_keys_name_is_its_thumbprint() {
        // The key of RFC 7515 appendix A.3; computed from it with another tool.
        let (x, y) = ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
        let jwk = Jwk::of(SigningAlgorithm::Es256, &DecodingKey::from_ec_components(x, y).unwrap()).unwrap();
        assert_eq!(jwk.kid(), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
    }

    #[test]
    fn what_is_no_public_key_has_no_name() {
        for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa, SigningAlgorithm::Rs256] {
            let public = algorithm.generate().unwrap().public;
            assert!(Jwk::of(algorithm, &algorithm.verifying(&public)).is_some());
            assert!(Jwk::of(algorithm, &algorithm.verifying(&public[1..])).is_none(), "{algorithm}");
        }
    }
}
