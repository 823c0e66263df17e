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

/// What roles authorize for of a separation set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Those each of which is too much by itself.
    pub whole: Vec<RoleName>,
    /// The others that authorize for something of it, and for which of its roles, numbered.
    pub parts: Vec<(RoleName, Vec<usize>)>,
}

impl SeparationSet {
    /// A set has at most so many roles.
    pub const MOST_ROLES: usize = 500;

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

    /// These roles and all their seniors: whoever has one of them is authorized for one of these.
    #[must_use]
    pub fn authorizing_any(&self, roles: &BTreeSet<RoleName>) -> BTreeSet<RoleName> {
        let roles = self.numbers(roles.iter().map(RoleName::as_str)).collect();
        self.names(self.above_all(&roles).ones())
    }

    /// What each of these roles authorizes for of a set. Nothing if the parts have more than `most` members in all; they are
    /// counted before they are listed.
    #[must_use]
    pub fn shares(&self, set: &SeparationSet, roles: &BTreeSet<RoleName>, most: usize) -> Option<Shares> {
        let members: Vec<usize> = self.numbers(set.roles.iter().map(RoleName::as_str)).collect();
        let (mut shares, mut count) = (Shares::default(), 0);
        for (name, number) in roles.iter().filter_map(|name| Some((name, self.number(name)?))) {
            let below = self.hierarchy.below(number);
            let part: Vec<usize> = members.iter().copied().filter(|member| below.contains(*member)).collect();
            if part.len() as u64 >= set.cardinality {
                shares.whole.push(name.clone());
            } else if !part.is_empty() {
                count += part.len();
                if count > most {
                    return None;
                }
                shares.parts.push((name.clone(), part));
            }
        }
        Some(shares)
    }

    fn broken(&self, kind: Kind, has: impl Fn(&RoleName) -> bool) -> Option<&SetName> {
        let mut sets = self.sets().filter(|(_, set)| set.kind == kind);
        sets.find(|(_, set)| set.is_broken(&has)).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Delta;

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
    fn a_role_that_is_too_much_by_itself_needs_no_members_and_the_others_are_bounded() {
        let role = |name: &str| name.parse::<RoleName>().unwrap();
        let created =
            ["a", "b", "c", "two", "all", "other"].map(|it| Delta::RoleCreated { role: role(it), built_in: false });
        let edges = [("two", "a"), ("two", "b"), ("all", "two"), ("all", "c")];
        let edges = edges.map(|(senior, junior)| Delta::Inherited { senior: role(senior), junior: role(junior) });
        let graph = Graph::of(created.iter().chain(&edges));
        let set = SeparationSet { kind: Kind::Static, cardinality: 3, roles: names(&["a", "b", "c"]) };
        assert_eq!(graph.authorizing_any(&set.roles), names(&["a", "all", "b", "c", "two"]));
        let shares = |roles: &[&str], most| graph.shares(&set, &names(roles), most);
        let some = shares(&["a", "two", "all", "other"], 3).unwrap();
        assert_eq!(some.whole, [role("all")]);
        let parts: Vec<_> = some.parts.iter().map(|(name, part)| (name.as_str(), part.len())).collect();
        assert_eq!(parts, [("a", 1), ("two", 2)]);
        assert_eq!(shares(&["a", "two"], 2), None);
        assert!(shares(&["all"], 0).is_some());
    }

    #[test]
    fn the_number_is_at_least_two_and_at_most_all() {
        let valid =
            |cardinality| SeparationSet { kind: Kind::Dynamic, cardinality, roles: names(&["a", "b", "c"]) }.is_valid();
        assert_eq!([0, 1, 2, 3, 4].map(valid), [false, false, true, true, false]);
    }
}
