//! HTTP, below the API: connections, limits, errors, headers and the request log.

mod allow;
mod client_address;
mod cors;
mod errors;
mod limits;
mod log;
mod serve;

pub use allow::Allowed;
pub use client_address::TrustedProxies;
pub use cors::Cors;
pub use errors::Errors;
pub use limits::Limits;
pub use log::RequestLog;
pub use serve::{Bound, Tls, TlsError};
