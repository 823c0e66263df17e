//! What isn't exactly one of the issuer's access tokens is refused: vectors by class, in the manner of Wycheproof's
//! for JSON web signatures, written from the standards.
//!
//! Wherever a vector changes a token it is signed anew by the right key, unless the signature is the point: so what is
//! refused is refused for the one thing that its name tells.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

mod algorithm;
mod claims;
mod encoding;
mod header;
mod keys;
mod mutation;
mod pkcs1;
mod published;
mod signature;
mod support;
