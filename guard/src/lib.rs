#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(feature = "service"),
    expect(rustdoc::broken_intra_doc_links, reason = "the page tells of all features")
)]

mod claims;
mod clock;
pub mod document;
mod extract;
pub mod feed;
mod gate;
mod permission;
mod problem;
mod revocations;
#[cfg(feature = "service")]
mod service;
mod verify;

pub use claims::Claims;
pub use clock::Clock;
pub use extract::{OwnerOr, Public, Require, SignedIn};
pub use gate::{Gate, Limits, Refusal};
pub use permission::{Described, Permission, policy_file};
pub use problem::Problem;
pub use revocations::{Revocations, Subject};
#[cfg(feature = "service")]
pub use service::{BadSettings, Service, Settings, Trouble};
pub use verify::{Invalid, Key, LEEWAY, Verifier};
