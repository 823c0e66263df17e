//! The signed examples of the standards: the signature is right, and still none of them is an access token.

use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use rolecall_guard::{Key, Verifier};

use crate::support::{MALFORMED, NOW};

struct Example {
    name: &'static str,
    algorithm: Algorithm,
    key: DecodingKey,
    token: &'static str,
}

fn examples() -> [Example; 4] {
    let a_2 = DecodingKey::from_rsa_components(
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pC\
         gNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg6\
         65xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRW\
         yuXpoQ",
        "AQAB",
    );
    let a_3 = DecodingKey::from_ec_components(
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    );
    let a_4 = DecodingKey::from_ed_components("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    let bilbo = DecodingKey::from_rsa_components(
        "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwG\
         U_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3u\
         hGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHd\
         rNP5zw",
        "AQAB",
    );
    [
        Example {
            name: "RFC 7515 A.2",
            algorithm: Algorithm::RS256,
            key: a_2.unwrap(),
            token: "eyJhbGciOiJSUzI1NiJ9.\
                eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb\
                F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383\
                LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy\
                wlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        },
        Example {
            name: "RFC 7515 A.3",
            algorithm: Algorithm::ES256,
            key: a_3.unwrap(),
            token: "eyJhbGciOiJFUzI1NiJ9.\
                eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        },
        Example {
            name: "RFC 8037 A.4",
            algorithm: Algorithm::EdDSA,
            key: a_4.unwrap(),
            token: "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
                hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        },
        Example {
            name: "RFC 7520 4.1",
            algorithm: Algorithm::RS256,
            key: bilbo.unwrap(),
            token: "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.\
                SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9h\
                ZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3\
                ZXB0IG9mZiB0by4.\
                MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB\
                -BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxn\
                t8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcI\
                e8u9ipH84ogoree7vjbU5y18kDquDg",
        },
    ]
}

#[test]
fn their_signatures_are_right_and_a_bit_less_is_wrong() {
    for Example { name, algorithm, key, token } in examples() {
        let (message, signature) = token.rsplit_once('.').unwrap();
        assert!(crypto::verify(signature, message.as_bytes(), &key, algorithm).unwrap(), "{name}");
        let other = format!("{message}x");
        assert!(!crypto::verify(signature, other.as_bytes(), &key, algorithm).unwrap(), "{name}");
    }
}

#[test]
fn none_of_them_is_an_access_token() {
    for Example { name, algorithm, key, token } in examples() {
        // Under the name that the token gives, if any, and for whom it says it is from.
        let key = Key { kid: "bilbo.baggins@hobbiton.example".into(), algorithm, key };
        let verifier = Verifier::new("joe", "joe", [key]);
        assert_eq!(verifier.verify(token, NOW).map(drop), MALFORMED, "{name}");
    }
}
