use std::collections::BTreeSet;

use super::{ESCALATE, PermissionName};

/// What an actor may pass on, and whom it may touch (rule 1: you grant what you hold).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// The command line: holds everything.
    System,
    /// Someone who holds what its token carries and the database gives.
    Holding(BTreeSet<PermissionName>),
}

/// The permission that would go beyond what the actor holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded(pub PermissionName);

impl Authority {
    /// What someone holds whose token `carries` some permissions and to whom the database `gives` some.
    #[must_use]
    pub fn of(carries: &BTreeSet<String>, gives: BTreeSet<PermissionName>) -> Self {
        Self::Holding(gives.into_iter().filter(|permission| carries.contains(permission.as_str())).collect())
    }

    /// Whether it holds this permission itself.
    #[must_use]
    pub fn holds(&self, permission: &str) -> bool {
        match self {
            Self::System => true,
            Self::Holding(held) => held.contains(permission),
        }
    }

    /// Refuses if one of `permissions` isn't held, unless it may escalate.
    pub fn covers<'a>(&self, permissions: impl IntoIterator<Item = &'a PermissionName>) -> Result<(), Exceeded> {
        if self.holds(ESCALATE) {
            return Ok(());
        }
        match permissions.into_iter().find(|permission| !self.holds(permission.as_str())) {
            Some(permission) => Err(Exceeded(permission.clone())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> BTreeSet<PermissionName> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn carried(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn held_is_what_the_token_carries_and_the_database_gives() {
        let authority = Authority::of(&carried(&["a:read", "b:read"]), names(&["b:read", "c:read"]));
        assert_eq!(authority, Authority::Holding(names(&["b:read"])));
        assert_eq!(authority.covers(&names(&["b:read"])), Ok(()));
        assert_eq!(authority.covers(&names(&["a:read"])), Err(Exceeded("a:read".parse().unwrap())));
        assert!(!authority.holds("c:read"));
    }

    #[test]
    fn escalation_counts_only_when_token_and_database_agree() {
        let everything = names(&["x:y", "z:z"]);
        let both = Authority::of(&carried(&[ESCALATE]), names(&[ESCALATE]));
        assert_eq!(both.covers(&everything), Ok(()));
        assert!(!both.holds("x:y"), "to be allowed to escalate is not to hold");
        for (carries, gives) in [(&[ESCALATE][..], &[][..]), (&[][..], &[ESCALATE][..])] {
            assert!(Authority::of(&carried(carries), names(gives)).covers(&everything).is_err());
        }
    }
}
