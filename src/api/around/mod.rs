//! What stands around every operation: limits, dry runs, and errors that all look the same.

mod allow;
mod dry_runs;
mod errors;
mod if_match;
mod limits;

pub use allow::Allowed;
pub use dry_runs::DryRuns;
pub(super) use dry_runs::{CHANGES, DRY_RUN, DRY_RUNS};
pub use errors::Errors;
pub use if_match::legible_if_match;
pub use limits::Limits;
