use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the time comes from: the one place that asks the machine, so that tests can move it.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// Microseconds since 1970, set by whoever holds it.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// Microseconds since 1970, UTC.
    #[must_use]
    pub fn micros(&self) -> i64 {
        match self {
            Self::System => system_micros(),
            Self::Manual(micros) => micros.load(Ordering::Relaxed),
        }
    }

    /// Whole seconds since 1970, UTC.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        self.micros().div_euclid(1_000_000)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn system_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
