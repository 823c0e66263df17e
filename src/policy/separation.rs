use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Graph, RoleName, SetName};

/// When the roles of a separation set are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Always: among the roles that a user is authorized for.
    Static,
    /// At one time: among the roles that are active in a session.
    Dynamic,
}

impl Kind {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Dynamic => "dynamic",
        }
    }
}

/// Roles of which fewer than `cardinality` go together (NIST static and dynamic separation of duty relations).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeparationSet {
    /// Whether for users or for sessions.
    pub kind: Kind,
    /// The number that is one too many: at least two, at most all.
    pub cardinality: u64,
    /// The roles.
    pub roles: BTreeSet<RoleName>,
}

impl SeparationSet {
    /// Whether the number fits the roles: 2 ≤ n ≤ size.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.cardinality >= 2 && self.cardinality <= self.roles.len() as u64
    }

    /// Whether too many of its roles are together, of which `has` tells.
    pub fn is_broken(&self, has: impl Fn(&RoleName) -> bool) -> bool {
        self.roles.iter().filter(|role| has(role)).count() as u64 >= self.cardinality
    }
}

impl Graph {
    /// The separation set of this name.
    #[must_use]
    pub fn set(&self, name: &SetName) -> Option<&SeparationSet> {
        self.sets.get(name).map(AsRef::as_ref)
    }

    /// Every separation set, by name.
    pub fn sets(&self) -> impl Iterator<Item = (&SetName, &SeparationSet)> {
        self.sets.iter().map(|(name, set)| (name, set.as_ref()))
    }

    /// A static set of which someone with these roles assigned would be authorized for too many (rule 3).
    pub fn breaks_static<'a>(&self, assigned: impl IntoIterator<Item = &'a str>) -> Option<&SetName> {
        let below = self.below(assigned);
        self.broken(Kind::Static, |role| self.number(role).is_some_and(|role| below.contains(role)))
    }

    /// A dynamic set of which these would be too many to be active at once (rule 3).
    #[must_use]
    pub fn breaks_dynamic(&self, active: &BTreeSet<RoleName>) -> Option<&SetName> {
        self.broken(Kind::Dynamic, |role| active.contains(role))
    }

    fn broken(&self, kind: Kind, has: impl Fn(&RoleName) -> bool) -> Option<&SetName> {
        let mut sets = self.sets().filter(|(_, set)| set.kind == kind);
        sets.find(|(_, set)| set.is_broken(&has)).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<RoleName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn the_number_itself_is_one_too_many() {
        let set = SeparationSet { kind: Kind::Static, cardinality: 2, roles: names(&["a", "b", "c"]) };
        let broken = |has: &[&str]| set.is_broken(|role| names(has).contains(role));
        assert!(!broken(&[]) && !broken(&["a"]) && !broken(&["a", "d"]));
        assert!(broken(&["a", "b"]) && broken(&["a", "b", "c"]));
    }

    #[test]
    fn the_number_is_at_least_two_and_at_most_all() {
        let valid =
            |cardinality| SeparationSet { kind: Kind::Dynamic, cardinality, roles: names(&["a", "b", "c"]) }.is_valid();
        assert_eq!([0, 1, 2, 3, 4].map(valid), [false, false, true, true, false]);
    }
}
