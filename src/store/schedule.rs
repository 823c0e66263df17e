use std::cmp::Ordering;

use super::StoredKey;

/// What a signing key does at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is published, so that verifiers know it when it signs.
    Next,
    /// It signs.
    Signing,
    /// It signs no more, but its tokens may still be about.
    Published {
        /// Until when, in microseconds since 1970.
        until: i64,
    },
    /// Nothing it signed is accepted any more.
    Past,
}

/// When each signing key signs, and for how long it is published.
///
/// The key that signs at a time is the one with the greatest `signs_from` until then. It is published from when it is
/// made until everything that it signed has run out, which begins when its successor signs.
#[derive(Clone, Debug, Default)]
pub struct KeySchedule {
    keys: Vec<StoredKey>,
    window: i64,
}

impl KeySchedule {
    /// Of these keys, whose tokens are accepted for `window` seconds at most.
    #[must_use]
    pub fn new(mut keys: Vec<StoredKey>, window: i64) -> Self {
        keys.sort_by(|one, other| (one.signs_from, &one.kid).cmp(&(other.signs_from, &other.kid)));
        Self { keys, window: window * 1_000_000 }
    }

    /// Each key and what it does, in the order in which they sign.
    pub fn states(&self, now: i64) -> impl Iterator<Item = (&StoredKey, KeyState)> {
        // Before the first begins it signs all the same: another node's clock may be ahead of this one's.
        let signing = self.keys.partition_point(|key| key.signs_from <= now).saturating_sub(1);
        self.keys.iter().enumerate().map(move |(index, key)| {
            let until = self.keys.get(index + 1).map_or(i64::MAX, |next| next.signs_from.saturating_add(self.window));
            let state = match index.cmp(&signing) {
                Ordering::Greater => KeyState::Next,
                Ordering::Equal => KeyState::Signing,
                Ordering::Less if until > now => KeyState::Published { until },
                Ordering::Less => KeyState::Past,
            };
            (key, state)
        })
    }

    /// The key that signs.
    #[must_use]
    pub fn signing(&self, now: i64) -> Option<&StoredKey> {
        self.states(now).find(|(_, state)| *state == KeyState::Signing).map(|(key, _)| key)
    }

    /// The key that will sign next.
    #[must_use]
    pub fn next(&self, now: i64) -> Option<&StoredKey> {
        self.states(now).find(|(_, state)| *state == KeyState::Next).map(|(key, _)| key)
    }

    /// The keys that a token may name.
    pub fn published(&self, now: i64) -> impl Iterator<Item = &StoredKey> {
        self.states(now).filter(|(_, state)| *state != KeyState::Past).map(|(key, _)| key)
    }

    /// The keys nobody needs any more.
    pub fn past(&self, now: i64) -> impl Iterator<Item = &StoredKey> {
        self.states(now).filter(|(_, state)| *state == KeyState::Past).map(|(key, _)| key)
    }

    /// Whether it is time for a new key: there is none, or none waits and the newest is older than `age` seconds or for
    /// another algorithm. Without an age it always is, unless one waits.
    #[must_use]
    pub fn is_due(&self, age: Option<i64>, algorithm: &str, now: i64) -> bool {
        let Some(newest) = self.keys.last() else { return true };
        let old = age.is_none_or(|age| newest.created_at.saturating_add(age * 1_000_000) <= now);
        newest.signs_from <= now && (old || newest.algorithm != algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn key(kid: &str, signs_from: i64) -> StoredKey {
        StoredKey {
            kid: kid.into(),
            algorithm: "ES256".into(),
            public_key: Vec::new(),
            sealed_private_key: Vec::new(),
            created_at: signs_from * SECOND,
            signs_from: signs_from * SECOND,
        }
    }

    fn states(keys: &[(&str, i64)], now: i64) -> Vec<(String, KeyState)> {
        let schedule = KeySchedule::new(keys.iter().map(|(kid, from)| key(kid, *from)).collect(), 60);
        schedule.states(now * SECOND).map(|(key, state)| (key.kid.clone(), state)).collect()
    }

    fn are(states: &[(&str, KeyState)]) -> Vec<(String, KeyState)> {
        states.iter().map(|(kid, state)| ((*kid).to_owned(), *state)).collect()
    }

    #[test]
    fn a_key_waits_signs_is_kept_until_its_tokens_ran_out_and_is_past() {
        use KeyState::{Next, Past, Published, Signing};
        let keys = [("b", 200), ("a", 100)];
        let until = 260 * SECOND;
        assert_eq!(states(&keys, 199), are(&[("a", Signing), ("b", Next)]));
        assert_eq!(states(&keys, 200), are(&[("a", Published { until }), ("b", Signing)]));
        assert_eq!(states(&keys, 259), are(&[("a", Published { until }), ("b", Signing)]));
        assert_eq!(states(&keys, 260), are(&[("a", Past), ("b", Signing)]));
    }

    #[test]
    fn of_two_keys_from_one_moment_the_same_one_signs_everywhere() {
        let signing =
            |keys: [StoredKey; 2]| KeySchedule::new(keys.into(), 60).signing(100 * SECOND).unwrap().kid.clone();
        assert_eq!(signing([key("a", 100), key("b", 100)]), "b");
        assert_eq!(signing([key("b", 100), key("a", 100)]), "b");
    }

    #[test]
    fn the_first_key_signs_also_where_the_clock_is_behind() {
        assert_eq!(states(&[("a", 100), ("b", 200)], 99), are(&[("a", KeyState::Signing), ("b", KeyState::Next)]));
        assert!(KeySchedule::default().signing(0).is_none());
    }

    #[test]
    fn a_new_key_is_due_when_the_newest_is_old_or_for_another_algorithm_and_none_waits() {
        let due =
            |age, algorithm: &str, now| KeySchedule::new(vec![key("a", 100)], 60).is_due(age, algorithm, now * SECOND);
        assert!(KeySchedule::default().is_due(Some(50), "ES256", 0));
        assert!(!due(Some(50), "ES256", 149));
        assert!(due(Some(50), "ES256", 150));
        assert!(due(Some(50), "EdDSA", 100));
        assert!(due(None, "ES256", 100));
        assert!(!due(None, "EdDSA", 99), "one waits");
    }
}
