//! RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2): what the signature opens to is compared as a whole, never parsed.

use jsonwebtoken::{Algorithm, DecodingKey};
use rolecall_guard::{Key, Verifier};

use crate::support::{ISSUER, MALFORMED, NOW, encode};

/// A modulus (the exponent is 65537), then signatures of one token by the key it was made with, which is gone. Each is
/// the private operation on another encoding of the token's hash, 256 bytes long; the first is the right one.
const VECTORS: &str = include_str!("pkcs1.txt");
const HEADER: &str = r#"{"typ":"at+jwt","alg":"RS256","kid":"rs"}"#;
const CLAIMS: &str = concat!(
    r#"{"iss":"https://id.example","aud":"https://id.example","sub":"00000000-0000-0000-0000-000000000001","#,
    r#""client_id":"rolecall","iat":1800000000,"exp":1800000900,"jti":"00000000-0000-0000-0000-000000000002","#,
    r#""roles":[],"permissions":[],"rev":7}"#
);

#[test]
fn only_the_one_encoding_of_the_hash_is_accepted() {
    let mut vectors = VECTORS.lines().map(|line| line.split_once(": ").unwrap());
    let (_, modulus) = vectors.next().unwrap();
    let key = DecodingKey::from_rsa_components(modulus, "AQAB").unwrap();
    let verifier = Verifier::new(ISSUER, ISSUER, [Key { kid: "rs".into(), algorithm: Algorithm::RS256, key }]);
    let message = format!("{}.{}", encode(HEADER), encode(CLAIMS));
    let mut seen = 0;
    for (what, signature) in vectors {
        let result = verifier.verify(&format!("{message}.{signature}"), NOW).map(drop);
        assert_eq!(result, if what == "right" { Ok(()) } else { MALFORMED }, "{what}");
        seen += 1;
    }
    assert_eq!(seen, 21);
}
