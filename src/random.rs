//! Randomness, from one place.

use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::{Builder, Uuid};

use rolecall_guard::Clock;

/// Random bytes that nobody can guess.
///
/// # Panics
/// When the operating system has no randomness to give: nothing safe can be done then.
#[must_use]
#[expect(clippy::expect_used, reason = "without randomness nothing safe can be done")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// A random text of letters, digits, `-` and `_`, made from `N` random bytes.
#[must_use]
pub fn text<const N: usize>() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<N>())
}

/// A new id: a `UUIDv7`, so that ids are in the order of their making, to the millisecond (RFC 9562 §5.7).
#[must_use]
pub fn id(clock: &Clock) -> Uuid {
    let millis = u64::try_from(clock.micros() / 1000).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &bytes()).into_uuid()
}
