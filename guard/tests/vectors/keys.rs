//! From the moment that keys are replaced nothing that the old ones signed is accepted.

use std::sync::Barrier;

use rolecall_guard::Verifier;

use crate::support::{ISSUER, MALFORMED, NOW, STAGE, Signer};

/// Also not the token that was being checked just then: it mustn't be remembered after everything was forgotten.
#[test]
fn a_token_that_is_being_checked_does_not_outlive_its_key() {
    let token = STAGE.ed.token();
    for _ in 0..300 {
        let verifier = Verifier::new(ISSUER, ISSUER, [STAGE.ed.key()]);
        let start = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                drop(verifier.verify(&token, NOW));
            });
            start.wait();
            verifier.set_keys([STAGE.es.key()]);
        });
        assert_eq!(verifier.verify(&token, NOW).map(drop), MALFORMED);
    }
}

#[test]
fn without_keys_nothing_is_accepted() {
    let verifier = Verifier::new(ISSUER, ISSUER, []);
    for signer in STAGE.signers() {
        assert_eq!(verifier.verify(&signer.token(), NOW).map(drop), MALFORMED);
    }
}

/// Two keys of one kind, as while one is replaced by the next: each is asked for its own tokens only.
#[test]
fn keys_of_one_kind_stand_side_by_side() {
    let (old, new) = (Signer { kid: "old", ..Signer::es256() }, Signer { kid: "new", ..Signer::es256() });
    let verifier = Verifier::new(ISSUER, ISSUER, [old.key(), new.key()]);
    for (signer, other) in [(&old, &new), (&new, &old)] {
        assert_eq!(verifier.verify(&signer.token(), NOW).map(|claims| claims.kid.clone()), Ok(signer.kid.to_owned()));
        assert_eq!(verifier.verify(&signer.sign_header(&other.header()), NOW).map(drop), MALFORMED);
    }
}
