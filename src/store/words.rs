//! Sets of names as they are stored: separated by spaces, which no name contains.

use std::str::FromStr;

use sea_orm::DbErr;

use super::replica::stored;

/// The names as one text.
pub(super) fn join(names: impl IntoIterator<Item: ToString>) -> String {
    names.into_iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" ")
}

/// The names in a text.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split_ascii_whitespace()
}

/// What the names in a text name.
pub(super) fn read<T: FromStr, C: FromIterator<T>>(text: &str) -> Result<C, DbErr> {
    split(text).map(stored).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{policy::PermissionName, store::GrantType};

    #[test]
    fn what_is_joined_is_read_again_and_no_names_are_an_empty_text() {
        assert_eq!(join([""; 0]), "");
        assert_eq!(read::<PermissionName, Vec<_>>("").unwrap(), []);
        let grants = [GrantType::Password, GrantType::RefreshToken];
        assert_eq!(read::<GrantType, Vec<_>>(&join(grants.map(GrantType::as_str))).unwrap(), grants);
        assert!(read::<GrantType, Vec<_>>("password implicit").is_err());
    }
}
