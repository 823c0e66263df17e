use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which rule a name breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Not a user's or role's name.
    #[error("must be 1 to 128 of a-z 0-9 . _ @ + - and begin with a letter or a digit")]
    Name,
    /// A username that would be taken for an id.
    #[error("must not look like a UUID: that would be taken for an id")]
    Uuid,
    /// The machine's own name in the ledger.
    #[error("must not be system: that is the machine itself")]
    Reserved,
    /// Not a permission's name.
    #[error("must be resource:action, each 1 to 64 of a-z 0-9 _ . - and beginning with a letter or a digit")]
    Permission,
}

macro_rules! name {
    ($(#[$about:meta])* $type:ident, $parse:expr) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let parse: fn(&str) -> Result<String, InvalidName> = $parse;
                parse(text).map(|name| Self(name.into()))
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A user's name, folded to lower case; never one that looks like a UUID.
    Username,
    addressable
);
name!(
    /// An application's name, which may be its service user's: so the rules are a username's.
    ClientId,
    addressable
);
name!(
    /// A role's name, folded to lower case.
    RoleName,
    folded
);
name!(
    /// A separation set's name; never one that looks like a UUID.
    SetName,
    addressable
);
name!(
    /// A permission's name, `resource:action`.
    PermissionName,
    |text| {
        let (resource, action) = text.split_once(':').ok_or(InvalidName::Permission)?;
        let valid = |part: &str| is_word(part, 64, b"_.-");
        if valid(resource) && valid(action) { Ok(text.to_owned()) } else { Err(InvalidName::Permission) }
    }
);

impl PermissionName {
    /// The resource type.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.0.split_once(':').map_or("", |(resource, _)| resource)
    }

    /// The action on it.
    #[must_use]
    pub fn action(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, action)| action)
    }
}

/// A name that can't be taken for an id, nor for the machine.
fn addressable(text: &str) -> Result<String, InvalidName> {
    let name = folded(text)?;
    match name.as_str() {
        "system" => Err(InvalidName::Reserved),
        text if Uuid::try_parse(text).is_ok() => Err(InvalidName::Uuid),
        _ => Ok(name),
    }
}

fn folded(text: &str) -> Result<String, InvalidName> {
    let name = text.to_ascii_lowercase();
    if is_word(&name, 128, b"._@+-") { Ok(name) } else { Err(InvalidName::Name) }
}

/// Whether a text is one line of at most so many characters, without control characters and what Unicode parts lines with
/// (YAML would read it back as something else).
#[must_use]
pub fn is_line(text: &str, longest: usize) -> bool {
    text.chars().count() <= longest && !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

fn is_word(text: &str, longest: usize, marks: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(plain)
        && bytes.len() <= longest
        && bytes.iter().all(|byte| plain(byte) || marks.contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_and_bounded() {
        assert_eq!("Alice@Example".parse::<Username>().unwrap().as_str(), "alice@example");
        assert!("a".repeat(128).parse::<RoleName>().is_ok());
        for bad in ["", "-a", "a b", "ä", "a/b", "a:b", &"a".repeat(129)] {
            assert_eq!(bad.parse::<RoleName>(), Err(InvalidName::Name), "{bad}");
        }
    }

    #[test]
    fn a_username_never_looks_like_an_id_in_any_spelling() {
        for id in ["67e55044-10b1-426f-9247-bb680e5fe0c8", "67E5504410B1426F9247BB680E5FE0C8"] {
            assert_eq!(id.parse::<Username>(), Err(InvalidName::Uuid), "{id}");
            assert_eq!(id.parse::<ClientId>(), Err(InvalidName::Uuid), "{id}");
            assert!(id.parse::<RoleName>().is_ok());
        }
        assert_eq!("System".parse::<Username>(), Err(InvalidName::Reserved));
        assert_eq!("System".parse::<ClientId>(), Err(InvalidName::Reserved));
    }

    #[test]
    fn a_permission_is_one_resource_and_one_action() {
        let name: PermissionName = "separation-sets:read".parse().unwrap();
        assert_eq!((name.resource(), name.action()), ("separation-sets", "read"));
        let longest = format!("{}:{}", "r".repeat(64), "a".repeat(64));
        assert!(longest.parse::<PermissionName>().is_ok());
        for bad in ["", "a", "a:", ":a", "a:b:c", "A:b", "a@b:c", &format!("a{longest}"), &format!("{longest}a")] {
            assert_eq!(bad.parse::<PermissionName>(), Err(InvalidName::Permission), "{bad}");
        }
    }
}
