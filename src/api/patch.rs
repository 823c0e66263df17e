//! The members of a merge patch (RFC 7396).

use poem_openapi::types::MaybeUndefined;
use rolecall_guard::Problem;

use crate::{problem::bad_request, store::commands::Change};

/// A patch's member that can't be cleared.
pub(super) fn not_null<T>(member: &str, value: MaybeUndefined<T>) -> Result<Option<T>, Problem> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Value(value) => Ok(Some(value)),
        MaybeUndefined::Null => Err(bad_request(format!("{member}: can't be cleared"))),
    }
}

/// A patch's member that can.
pub(super) fn change<T, U>(value: MaybeUndefined<T>, into: impl FnOnce(T) -> U) -> Change<U> {
    match value {
        MaybeUndefined::Undefined => Change::Keep,
        MaybeUndefined::Null => Change::Clear,
        MaybeUndefined::Value(value) => Change::Set(into(value)),
    }
}
