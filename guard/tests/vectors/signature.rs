//! A signature is the one that the key made, in the one form that the algorithm gives it.

use std::iter;

use serde_json::json;

use crate::support::{STAGE, Signer, accepted, claims, decode, encode, read, refused, segments, with};

/// The order of P-256's group (SEC 2), big-endian.
const N: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
/// The order of Ed25519's group (RFC 8032 §5.1), big-endian.
const L: &str = "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed";

fn hex(text: &str) -> [u8; 32] {
    let bytes: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect();
    bytes.try_into().unwrap()
}

/// `a + b`, big-endian, without what overflows.
fn add(a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
    let (mut sum, mut carry) = ([0; 32], 0);
    for i in (0..32).rev() {
        let digit = u16::from(a[i]) + u16::from(b[i]) + carry;
        (sum[i], carry) = (digit.to_be_bytes()[1], digit >> 8);
    }
    sum
}

/// `a - b`: `a + !b + 1`.
fn subtract(a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
    let mut one = [0; 32];
    one[31] = 1;
    add(add(a, b.map(|byte| !byte)), one)
}

/// A signer's token once as text before the signature, and the signature.
fn signed(signer: &Signer) -> (String, Vec<u8>) {
    let [header, payload, signature] = signer.segments();
    (format!("{header}.{payload}"), decode(&signature))
}

fn halves(signature: &[u8]) -> ([u8; 32], [u8; 32]) {
    let (first, second) = signature.split_at(32);
    (first.try_into().unwrap(), second.try_into().unwrap())
}

#[test]
fn a_signature_of_another_length_is_refused() {
    for signer in STAGE.signers() {
        let (message, signature) = signed(signer);
        let cut = (0..signature.len()).map(|length| signature[..length].to_vec());
        let cut_before = (1..signature.len()).map(|from| signature[from..].to_vec());
        let extended = [vec![0], vec![0xff], vec![0; 32], signature.clone()].into_iter();
        let extended = extended.flat_map(|more| [[&*signature, &more].concat(), [&*more, &signature].concat()]);
        for wrong in cut.chain(cut_before).chain(extended) {
            refused(&format!("{} bytes by {}", wrong.len(), signer.kid), &format!("{message}.{}", encode(wrong)));
        }
    }
}

#[test]
fn a_signature_of_all_the_same_bytes_is_refused() {
    for signer in STAGE.signers() {
        let (message, signature) = signed(signer);
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            refused("a constant", &format!("{message}.{}", encode(vec![byte; signature.len()])));
        }
        let mut one = vec![0; signature.len()];
        *one.last_mut().unwrap() = 1;
        refused("one", &format!("{message}.{}", encode(&one)));
        one.reverse();
        refused("one, the other way round", &format!("{message}.{}", encode(&one)));
        refused("backwards", &format!("{message}.{}", encode(signature.iter().rev().copied().collect::<Vec<_>>())));
    }
}

#[test]
fn every_bit_of_a_signature_counts() {
    for signer in STAGE.signers() {
        let (message, signature) = signed(signer);
        for bit in 0..signature.len() * 8 {
            let mut wrong = signature.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            refused(&format!("bit {bit} by {}", signer.kid), &format!("{message}.{}", encode(wrong)));
        }
    }
}

#[test]
fn a_signature_of_something_else_is_refused() {
    for signer in STAGE.signers() {
        let [header, payload, _] = signer.segments();
        let other = segments(&signer.sign_claims(with(claims(), "rev", json!(8)).to_string()));
        for (what, wrong) in [
            ("another token", decode(&other[2])),
            ("the header", signer.signature(&header)),
            ("the payload", signer.signature(&payload)),
            ("nothing", signer.signature("")),
            ("what is encoded", signer.signature(&format!("{}.{}", signer.header(), claims()))),
            ("a dot more", signer.signature(&format!("{header}.{payload}."))),
            ("a line more", signer.signature(&format!("{header}.{payload}\n"))),
        ] {
            refused(what, &format!("{header}.{payload}.{}", encode(wrong)));
        }
        refused("another payload", &format!("{header}.{}.{}", other[1], encode(signer.signature(&header))));
    }
}

/// CVE-2022-21449 and its like: values outside 1 to n - 1.
#[test]
fn ecdsa_numbers_out_of_range_are_refused() {
    let (message, signature) = signed(&STAGE.es);
    let (r, s) = halves(&signature);
    let n = hex(N);
    let (mut one, mut most) = ([0; 32], n);
    one[31] = 1;
    most[31] -= 1;
    let beyond = [[0; 32], n, add(n, one), add(n, n), [0xff; 32]];
    for wrong in beyond {
        for (r, s) in [(wrong, s), (r, wrong), (wrong, one), (one, wrong), (wrong, wrong), (wrong, [0; 32])] {
            refused("r or s out of range", &format!("{message}.{}", encode([r, s].concat())));
        }
    }
    for (r, s) in [(one, one), (one, most), (most, most), (s, r), (r, r), (s, s), (subtract(n, r), s)] {
        refused("other numbers", &format!("{message}.{}", encode([r, s].concat())));
    }
}

/// RFC 7518 §3.4: r and s side by side, not ASN.1.
#[test]
fn an_ecdsa_signature_in_der_is_refused() {
    let integer = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let number = &number[zeros..];
        let sign = vec![0; usize::from(number[0] >= 0x80)];
        [&[2, u8::try_from(number.len() + sign.len()).unwrap()], &*sign, number].concat()
    };
    // Its length depends on the numbers: 70 to 72 bytes, and rarely 64 as the right form has.
    for _ in 0..50 {
        let (message, signature) = signed(&STAGE.es);
        let (r, s) = halves(&signature);
        let numbers = [integer(&r), integer(&s)].concat();
        let der = [&[0x30, u8::try_from(numbers.len()).unwrap()], &*numbers].concat();
        refused("DER", &format!("{message}.{}", encode(&der)));
        refused("DER cut to the right length", &format!("{message}.{}", encode(&der[..64])));
    }
}

/// ECDSA by its standard (FIPS 186-5 §6.4.2): with (r, s) also (r, n - s) is right, and whoever has a token can write
/// its twin. Signers choose either, so neither can be refused. It is harmless: the twin says the same, ends with the
/// same session, `jti` and revision (nothing is revoked by a token's text), and takes one more place in the cache.
#[test]
fn the_twin_of_an_ecdsa_signature_says_the_same_and_nothing_else() {
    let (message, signature) = signed(&STAGE.es);
    let (r, s) = halves(&signature);
    let twin = format!("{message}.{}", encode([r, subtract(hex(N), s)].concat()));
    let token = format!("{message}.{}", encode(&signature));
    assert_ne!(token, twin);
    accepted("the twin", &twin);
    assert_eq!(read(&twin), read(&token));
}

/// RFC 8032 §5.1.7: S below L. Otherwise every token would have more than one text.
#[test]
fn an_eddsa_signature_that_is_not_canonical_is_refused() {
    let (message, signature) = signed(&STAGE.ed);
    let (r, s) = halves(&signature);
    let reversed = |mut bytes: [u8; 32]| {
        bytes.reverse();
        bytes
    };
    let (mut wrong, l) = (reversed(s), hex(L));
    // S + L, S + 2L and so on, as far as 256 bits go.
    for times in 1..15 {
        wrong = add(wrong, l);
        refused(&format!("S + {times} L"), &format!("{message}.{}", encode([r, reversed(wrong)].concat())));
    }
    for bits in [0x20, 0x40, 0x80, 0xe0] {
        let mut s = s;
        s[31] |= bits;
        refused("the high bits of S", &format!("{message}.{}", encode([r, s].concat())));
    }
    let mut minus = r;
    minus[31] ^= 0x80;
    let negative = reversed(subtract(l, reversed(s)));
    for (r, s) in [(minus, s), (r, negative), (minus, negative), (s, r), (r, r), (s, s), (r, [0; 32]), ([0; 32], s)] {
        refused("other numbers", &format!("{message}.{}", encode([r, s].concat())));
    }
    // Encodings of points of small order.
    let points = [[0; 32], iter::once(1).chain([0; 31]).collect::<Vec<_>>().try_into().unwrap(), [0xff; 32]];
    for r in points {
        refused("a small point", &format!("{message}.{}", encode([r, [0; 32]].concat())));
    }
}

/// RFC 8017 §8.2.2: a number not below the modulus, and one with zeros before it.
#[test]
fn an_rsa_signature_out_of_range_is_refused() {
    let (message, signature) = signed(&STAGE.rs);
    let crate::support::Pair::Rsa(pair) = &STAGE.rs.pair else { unreachable!() };
    let key = aws_lc_rs::signature::KeyPair::public_key(pair);
    let modulus = key.modulus().big_endian_without_leading_zero();
    let mut carry = 0;
    let sum = signature.iter().zip(modulus).rev().map(|(a, b)| {
        let digit = u16::from(*a) + u16::from(*b) + carry;
        carry = digit >> 8;
        digit.to_be_bytes()[1]
    });
    let mut sum: Vec<u8> = sum.collect();
    sum.push(u8::try_from(carry).unwrap());
    sum.reverse();
    let longer = if sum[0] == 0 { &sum[1..] } else { &sum };
    for (what, wrong) in [("the signature and the modulus", longer), ("with what overflows", &*sum), ("n", modulus)] {
        refused(what, &format!("{message}.{}", encode(wrong)));
    }
}
