use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::refresh_token::RefreshToken;
use crate::store::SessionId;

/// Refresh tokens that may be stored, but were never sent: the database went away while they were being stored, or the
/// client went away before the answer. To use the token before such a one again is no theft, since nobody has a newer.
///
/// This is one node's memory: where a client turns to another node after such a failure, it has to sign in again.
#[derive(Clone, Debug, Default)]
pub(super) struct Undelivered(Arc<Mutex<HashMap<SessionId, InDoubt>>>);

#[derive(Debug, Default)]
struct InDoubt {
    /// The hash of the newest token that was sent.
    delivered: Vec<u8>,
    /// Number and hash of those that may have taken its place.
    maybe_stored: Vec<(i64, Vec<u8>)>,
}

/// More than ever are in doubt at once; one more takes the place of any.
const MOST_IN_DOUBT: usize = 10_000;
/// Tries of one token that are remembered.
const MOST_TRIES: usize = 16;

/// A try to store a token. Dropped before the database has said what came of it, it leaves the token in doubt.
pub(super) struct Attempt<'a> {
    of: &'a Undelivered,
    session: SessionId,
    used: Vec<u8>,
    next: Option<(i64, Vec<u8>)>,
}

impl Undelivered {
    /// Whether the stored token is one that never was sent, and the one used is the newest that was.
    pub(super) fn is(&self, used: &RefreshToken, sequence: i64, stored: &[u8]) -> bool {
        self.lock().get(&used.session).is_some_and(|doubt| {
            doubt.delivered == used.hash()
                && doubt.maybe_stored.iter().any(|(number, hash)| *number == sequence && hash == stored)
        })
    }

    pub(super) fn attempt(&self, used: &RefreshToken, next: &RefreshToken) -> Attempt<'_> {
        Attempt { of: self, session: used.session, used: used.hash(), next: Some((next.sequence, next.hash())) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, InDoubt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// The token is stored, and is sent.
    pub(super) fn succeeded(mut self) {
        self.next = None;
        self.of.lock().remove(&self.session);
    }

    /// The token isn't stored: another one took the place before.
    pub(super) fn lost(mut self) {
        self.next = None;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let Some(next) = self.next.take() else { return };
        let mut all = self.of.lock();
        if all.len() >= MOST_IN_DOUBT
            && let Some(any) = all.keys().next().copied()
        {
            all.remove(&any);
        }
        let doubt = all.entry(self.session).or_default();
        if doubt.delivered != self.used || doubt.maybe_stored.len() >= MOST_TRIES {
            *doubt = InDoubt { delivered: self.used.clone(), maybe_stored: Vec::new() };
        }
        doubt.maybe_stored.push(next);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_a_try_that_came_to_no_end_leaves_a_doubt() {
        let session = SessionId(Uuid::from_u128(1));
        let [used, next, other] = [1, 2, 3].map(|number| RefreshToken::new(session, number));
        let undelivered = Undelivered::default();
        let in_doubt =
            |used: &RefreshToken, stored: &RefreshToken| undelivered.is(used, stored.sequence, &stored.hash());
        let attempt = undelivered.attempt(&used, &next);
        assert!(!in_doubt(&used, &next), "it is still being tried: whoever uses the token now uses it twice");
        drop(attempt);
        assert!(in_doubt(&used, &next));
        assert!(!in_doubt(&next, &next) && !in_doubt(&used, &other));

        drop(undelivered.attempt(&used, &other));
        assert!(in_doubt(&used, &next) && in_doubt(&used, &other), "either may be the one that is stored");
        undelivered.attempt(&used, &other).lost();
        assert!(in_doubt(&used, &next));
        undelivered.attempt(&used, &other).succeeded();
        assert!(!in_doubt(&used, &next) && !in_doubt(&used, &other));
    }
}
