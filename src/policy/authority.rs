use std::collections::{BTreeMap, BTreeSet};

use super::{ESCALATE, PermissionName, Term};

/// What an actor may pass on, and whom it may touch (rule 1: you grant what you hold).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// The command line: holds everything.
    System,
    /// Someone who holds what its token carries and the database gives, each for how long.
    Holding(BTreeMap<PermissionName, Term>),
}

/// What would go beyond what the actor holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// This permission it doesn't hold.
    NotHeld(PermissionName),
    /// This one it holds, but not for as long.
    NotForAsLong(PermissionName),
}

impl std::fmt::Display for Exceeded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotHeld(permission) => write!(f, "the permission {permission}, which you don't hold yourself"),
            Self::NotForAsLong(permission) => {
                write!(f, "the permission {permission}, which you hold, but not for as long")
            }
        }
    }
}

impl Authority {
    /// What someone holds whose token `carries` some permissions and to whom the database `gives` some.
    #[must_use]
    pub fn of(carries: &BTreeSet<String>, gives: BTreeMap<PermissionName, Term>) -> Self {
        Self::Holding(gives.into_iter().filter(|(permission, _)| carries.contains(permission.as_str())).collect())
    }

    /// Whether it holds this permission itself.
    #[must_use]
    pub fn holds(&self, permission: &str) -> bool {
        match self {
            Self::System => true,
            Self::Holding(held) => held.contains_key(permission),
        }
    }

    /// Refuses if one of `permissions` isn't held, unless it may escalate.
    pub fn covers<'a>(&self, permissions: impl IntoIterator<Item = &'a PermissionName>) -> Result<(), Exceeded> {
        if self.holds(ESCALATE) {
            return Ok(());
        }
        match permissions.into_iter().find(|permission| !self.holds(permission.as_str())) {
            Some(permission) => Err(Exceeded::NotHeld(permission.clone())),
            None => Ok(()),
        }
    }

    /// Refuses if one of `permissions` isn't held for as long as `term`, unless it may escalate for that long.
    pub fn may_give<'a>(
        &self,
        permissions: impl IntoIterator<Item = &'a PermissionName>,
        term: Term,
    ) -> Result<(), Exceeded> {
        let Self::Holding(held) = self else { return Ok(()) };
        let lasts = |permission: &str| held.get(permission).is_some_and(|held| *held >= term);
        if lasts(ESCALATE) {
            return Ok(());
        }
        match permissions.into_iter().find(|permission| !lasts(permission.as_str())) {
            Some(permission) if held.contains_key(permission) => Err(Exceeded::NotForAsLong(permission.clone())),
            Some(permission) => Err(Exceeded::NotHeld(permission.clone())),
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

    fn held(texts: &[&str]) -> BTreeMap<PermissionName, Term> {
        names(texts).into_iter().map(|name| (name, Term::Always)).collect()
    }

    fn carried(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn held_is_what_the_token_carries_and_the_database_gives() {
        let authority = Authority::of(&carried(&["a:read", "b:read"]), held(&["b:read", "c:read"]));
        assert_eq!(authority, Authority::Holding(held(&["b:read"])));
        assert_eq!(authority.covers(&names(&["b:read"])), Ok(()));
        assert_eq!(authority.covers(&names(&["a:read"])), Err(Exceeded::NotHeld("a:read".parse().unwrap())));
        assert!(!authority.holds("c:read"));
    }

    #[test]
    fn escalation_counts_only_when_token_and_database_agree() {
        let everything = names(&["x:y", "z:z"]);
        let both = Authority::of(&carried(&[ESCALATE]), held(&[ESCALATE]));
        assert_eq!(both.covers(&everything), Ok(()));
        assert!(!both.holds("x:y"), "to be allowed to escalate is not to hold");
        for (carries, gives) in [(&[ESCALATE][..], &[][..]), (&[][..], &[ESCALATE][..])] {
            assert!(Authority::of(&carried(carries), held(gives)).covers(&everything).is_err());
        }
    }

    #[test]
    fn nothing_is_given_for_longer_than_it_is_held() {
        let read = names(&["a:read"]);
        let until = |end| Authority::Holding(BTreeMap::from([("a:read".parse().unwrap(), Term::Until(end))]));
        assert_eq!(until(9).may_give(&read, Term::Until(9)), Ok(()));
        assert!(until(9).may_give(&read, Term::Until(10)).is_err());
        let too_long = Err(Exceeded::NotForAsLong("a:read".parse().unwrap()));
        assert_eq!(until(9).may_give(&read, Term::Always), too_long);
        assert_eq!(until(9).covers(&read), Ok(()), "to touch it must be held now");
        let escalates = Authority::Holding(BTreeMap::from([(ESCALATE.parse().unwrap(), Term::Until(9))]));
        assert_eq!(escalates.may_give(&read, Term::Until(9)), Ok(()));
        assert!(escalates.may_give(&read, Term::Always).is_err());
    }
}
