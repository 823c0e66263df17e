//! HTTP, below the API: connections, headers and the request log.

mod client_address;
mod cors;
mod lingering;
mod log;
mod serve;
mod unread;

pub use client_address::{ClientAddress, TrustedProxies};
pub use cors::Cors;
pub use log::RequestLog;
pub use serve::{Bound, Tls, TlsError};
pub use unread::Unread;
