use std::collections::HashSet;
use std::sync::LazyLock;

use crate::policy::Username;

/// The shortest password, in bytes.
pub const SHORTEST: usize = 12;
/// The longest password, in bytes.
pub const LONGEST: usize = 512;

/// Entries of `SecLists`' lists of common passwords (MIT licence): all of its two 10,000-entry lists and
/// of the first 100,000 of its largest one, folded to lower case. The shorter ones are left out, being too short anyway.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common.txt").lines().collect());

/// Which rule a new password breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenRule {
    /// Under 12 bytes.
    #[error("The password is too short: it needs at least {SHORTEST} bytes.")]
    TooShort,
    /// Over 512 bytes.
    #[error("The password is too long: at most {LONGEST} bytes.")]
    TooLong,
    /// The username itself.
    #[error("The password must not be the username.")]
    IsUsername,
    /// On a public list of common passwords.
    #[error("The password is on a public list of common passwords. Choose another.")]
    Common,
}

impl BrokenRule {
    /// A stable word for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort => "password_too_short",
            Self::TooLong => "password_too_long",
            Self::IsUsername => "password_is_username",
            Self::Common => "password_too_common",
        }
    }
}

/// Whether someone may have this password (NIST SP 800-63B §5.1.1.2).
pub fn check(password: &str, username: &Username) -> Result<(), BrokenRule> {
    check_for_anyone(password)?;
    if password.to_lowercase() == username.as_str() { Err(BrokenRule::IsUsername) } else { Ok(()) }
}

/// Whether anyone may have this password, whoever it is.
pub fn check_for_anyone(password: &str) -> Result<(), BrokenRule> {
    if password.len() < SHORTEST {
        return Err(BrokenRule::TooShort);
    }
    if password.len() > LONGEST {
        return Err(BrokenRule::TooLong);
    }
    if COMMON.contains(password.to_lowercase().as_str()) { Err(BrokenRule::Common) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_refuses_what_it_is_for_and_nothing_else() {
        let user: Username = "margaret.hamilton".parse().unwrap();
        let at = |length: usize| "Zq7!".repeat(length).chars().take(length).collect::<String>();
        assert_eq!(check(&at(11), &user), Err(BrokenRule::TooShort));
        assert_eq!(check(&at(12), &user), Ok(()));
        assert_eq!(check(&at(512), &user), Ok(()));
        assert_eq!(check(&at(513), &user), Err(BrokenRule::TooLong));
        assert_eq!(check("Margaret.Hamilton", &user), Err(BrokenRule::IsUsername));
        for common in ["unbelievable", "1q2w3e4r5t6y", "123QWEasdzxc"] {
            assert_eq!(check(common, &user), Err(BrokenRule::Common), "{common}");
        }
    }

    #[test]
    fn length_is_counted_in_bytes() {
        let user: Username = "a".parse().unwrap();
        assert_eq!(check("ééééé", &user), Err(BrokenRule::TooShort));
        assert_eq!(check("éééééé", &user), Ok(()));
    }
}
