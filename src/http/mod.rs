//! HTTP, below the API: connections, limits, errors, headers and the request log.

mod allow;
mod client_address;
mod cors;
mod dry_runs;
mod errors;
mod if_match;
mod limits;
mod lingering;
mod log;
mod serve;
mod unread;

pub use allow::Allowed;
pub use client_address::{ClientAddress, TrustedProxies};
pub use cors::Cors;
pub use dry_runs::{CHANGES, DRY_RUN, DRY_RUNS, DryRuns};
pub use errors::Errors;
pub use if_match::legible_if_match;
pub use limits::Limits;
pub use log::RequestLog;
pub use serve::{Bound, Tls, TlsError};
pub use unread::Unread;
