//! What a service needs to trust a Rolecall token.
//!
//! * [`Verifier`] checks a token's signature and claims, offline.
//! * [`Revocations`] remembers who lost something, so that an older token is refused at once.
//! * [`Gate`] is both together; [`Require`], [`SignedIn`] and [`Public`] ask it, and stand in a
//!   handler's signature. That signature is the only place that names a permission: the check, the
//!   documented scopes and the documented 401 and 403 follow from it ([`document::describe_guards`]).
//!
//! ```
//! rolecall_guard::permissions! {
//!     /// Articles people read.
//!     articles = "articles" {
//!         /// Write an article
//!         Create = "create",
//!     }
//! }
//! use rolecall_guard::Permission;
//! assert_eq!(articles::Create::NAME, "articles:create");
//! ```

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
pub use service::{BadSettings, Service, Trouble};
pub use verify::{Invalid, Key, LEEWAY, Verifier};
