use std::collections::{BTreeMap, BTreeSet};

use super::{Graph, PermissionName, RoleName};

/// How long something lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// Until then, in microseconds since 1970.
    Until(i64),
    /// Without end.
    Always,
}

/// A role that someone is assigned, and when that counts. Times are in microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Which role.
    pub role: RoleName,
    /// From when on, if not from the beginning.
    pub valid_from: Option<i64>,
    /// Until when, if it ends.
    pub valid_until: Option<i64>,
}

impl Assignment {
    /// Whether it has begun and not ended.
    #[must_use]
    pub fn is_in_force(&self, now: i64) -> bool {
        self.valid_from.is_none_or(|from| from <= now) && !self.has_ended(now)
    }

    /// Whether it never counts again.
    #[must_use]
    pub fn has_ended(&self, now: i64) -> bool {
        self.valid_until.is_some_and(|until| until <= now)
    }

    /// Whether it is ever to count from now on: an end must lie ahead, and after the beginning.
    #[must_use]
    pub fn is_possible(&self, now: i64) -> bool {
        self.valid_until.is_none_or(|until| until > self.begins(now))
    }

    /// Whether, from now on, it counts for less time than `other`: begins later, or ends earlier.
    #[must_use]
    pub fn is_less_than(&self, other: &Self, now: i64) -> bool {
        !other.has_ended(now) && (self.begins(now) > other.begins(now) || self.term() < other.term())
    }

    /// From when on it counts, of the time that is left.
    fn begins(&self, now: i64) -> i64 {
        self.valid_from.map_or(now, |from| from.max(now))
    }

    /// When it ends.
    #[must_use]
    pub fn term(&self) -> Term {
        self.valid_until.map_or(Term::Always, Term::Until)
    }
}

/// The roles of those assignments that are in force.
#[must_use]
pub fn in_force(assignments: &[Assignment], now: i64) -> Vec<RoleName> {
    assignments.iter().filter(|assignment| assignment.is_in_force(now)).map(|it| it.role.clone()).collect()
}

/// The roles of those assignments that count now or later.
#[must_use]
pub fn now_or_later(assignments: &[Assignment], now: i64) -> BTreeSet<RoleName> {
    assignments.iter().filter(|assignment| !assignment.has_ended(now)).map(|it| it.role.clone()).collect()
}

impl Graph {
    /// What someone with these assignments holds now, each for how long at the longest.
    #[must_use]
    pub fn held(&self, assignments: &[Assignment], now: i64) -> BTreeMap<PermissionName, Term> {
        let mut held = BTreeMap::new();
        for assignment in assignments.iter().filter(|assignment| assignment.is_in_force(now)) {
            for permission in self.permissions([assignment.role.as_str()]) {
                let term = held.entry(permission).or_insert(assignment.term());
                *term = assignment.term().max(*term);
            }
        }
        held
    }

    /// How long someone with these assignments stays authorized for `role`; nothing if that isn't so now.
    #[must_use]
    pub fn authorized_for(&self, role: &RoleName, assignments: &[Assignment], now: i64) -> Option<Term> {
        let authorizing = |it: &&Assignment| it.is_in_force(now) && self.is_above(&it.role, role);
        assignments.iter().filter(authorizing).map(Assignment::term).max()
    }

    /// The roles that a session has active: those named that the user is still authorized for, or all assigned.
    ///
    /// Of a dynamic set that came to be broken meanwhile none is: too little rather than too much.
    #[must_use]
    pub fn active(
        &self,
        named: Option<&BTreeSet<RoleName>>,
        assignments: &[Assignment],
        now: i64,
    ) -> BTreeSet<RoleName> {
        let assigned = in_force(assignments, now);
        let mut active: BTreeSet<RoleName> = match named {
            None => assigned.into_iter().collect(),
            Some(named) => {
                let authorized = self.authorized(assigned.iter().map(RoleName::as_str));
                named.intersection(&authorized).cloned().collect()
            }
        };
        while let Some(set) = self.breaks_dynamic(&active).and_then(|name| self.set(name)) {
            active.retain(|role| !set.roles.contains(role));
        }
        active
    }

    /// How long someone with these assignments stays authorized for all of these roles.
    #[must_use]
    pub fn term(&self, active: &BTreeSet<RoleName>, assignments: &[Assignment], now: i64) -> Term {
        let terms = active.iter().filter_map(|role| self.authorized_for(role, assignments, now));
        terms.min().unwrap_or(Term::Always)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(valid_from: Option<i64>, valid_until: Option<i64>) -> Assignment {
        Assignment { role: "a".parse().unwrap(), valid_from, valid_until }
    }

    #[test]
    fn an_end_lies_ahead_and_after_the_beginning() {
        for possible in [(None, None), (Some(30), None), (None, Some(11)), (Some(1), Some(11)), (Some(20), Some(21))] {
            assert!(times(possible.0, possible.1).is_possible(10), "{possible:?}");
        }
        for impossible in
            [(None, Some(9)), (None, Some(10)), (Some(1), Some(10)), (Some(20), Some(20)), (Some(20), Some(15))]
        {
            assert!(!times(impossible.0, impossible.1).is_possible(10), "{impossible:?}");
        }
    }

    #[test]
    fn less_time_is_a_later_beginning_or_an_earlier_end_from_now_on() {
        let always = times(None, None);
        for less in [times(Some(11), None), times(None, Some(20))] {
            assert!(less.is_less_than(&always, 10) && !always.is_less_than(&less, 10));
        }
        assert!(!times(Some(10), None).is_less_than(&always, 10), "it has begun");
        assert!(!times(Some(11), Some(20)).is_less_than(&times(None, Some(10)), 10), "there was nothing left to lose");
        assert!(times(Some(12), Some(30)).is_less_than(&times(Some(11), Some(20)), 10));
    }
}
