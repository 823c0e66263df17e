use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Claims;

/// Whom or what a policy change took something from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A user, by id.
    User(Uuid),
    /// A role, by name.
    Role(String),
}

/// Who lost something, and at which revision: what makes a stateless token stop at once.
///
/// An entry is kept for `window` seconds, the longest a token that it could concern is accepted;
/// so the memory is bounded by what changed within that time.
#[derive(Debug, Default)]
pub struct Revocations {
    window: i64,
    entries: RwLock<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    users: HashMap<Uuid, Mark>,
    roles: HashMap<String, Mark>,
    ended_sessions: HashMap<Uuid, i64>,
    forgotten_until: i64,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    revision: i64,
    at: i64,
}

impl Revocations {
    /// Nothing revoked; entries are kept for `window` seconds.
    #[must_use]
    pub fn new(window: i64) -> Self {
        Self { window, entries: RwLock::default() }
    }

    /// For how many seconds an entry is kept.
    #[must_use]
    pub fn window(&self) -> i64 {
        self.window
    }

    /// Notes that `subjects` lost something at `revision`, written at `at` (seconds since 1970).
    pub fn mark(&self, subjects: &[Subject], revision: i64, at: i64) {
        let mut entries = self.write();
        let mark = Mark { revision, at };
        for subject in subjects {
            match subject {
                Subject::User(id) => entries.users.insert(*id, mark),
                Subject::Role(name) => entries.roles.insert(name.clone(), mark),
            };
        }
        entries.forget(at - self.window);
    }

    /// Notes that `sessions` have ended at `at` (seconds since 1970); that is final.
    pub fn end_sessions(&self, sessions: impl IntoIterator<Item = Uuid>, at: i64) {
        let mut entries = self.write();
        entries.ended_sessions.extend(sessions.into_iter().map(|id| (id, at)));
        entries.forget(at - self.window);
    }

    /// Whether the token was issued before something it rests on was taken away.
    #[must_use]
    pub fn revoked(&self, claims: &Claims) -> bool {
        let entries = self.read();
        let newer = |mark: &Mark| mark.revision > claims.rev;
        entries.users.get(&claims.sub).is_some_and(newer)
            || claims.sid.is_some_and(|sid| entries.ended_sessions.contains_key(&sid))
            || (!entries.roles.is_empty() && claims.roles.iter().any(|role| entries.roles.get(role).is_some_and(newer)))
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// Forgets what is older than `before`, at most once a minute: it reads every entry.
    fn forget(&mut self, before: i64) {
        if before < self.forgotten_until + 60 {
            return;
        }
        self.forgotten_until = before;
        self.users.retain(|_, mark| mark.at >= before);
        self.roles.retain(|_, mark| mark.at >= before);
        self.ended_sessions.retain(|_, at| *at >= before);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn token(rev: i64) -> Claims {
        Claims {
            iss: "i".into(),
            aud: "i".into(),
            sub: Uuid::from_u128(1),
            client_id: "c".into(),
            iat: 0,
            nbf: None,
            exp: 10,
            jti: Uuid::from_u128(2),
            sid: Some(Uuid::from_u128(3)),
            scope: None,
            roles: BTreeSet::from(["reader".to_owned()]),
            permissions: BTreeSet::new(),
            rev,
        }
    }

    #[test]
    fn a_token_older_than_its_users_or_its_roles_last_loss_is_revoked() {
        for subject in [Subject::User(Uuid::from_u128(1)), Subject::Role("reader".into())] {
            let revocations = Revocations::new(900);
            revocations.mark(&[subject], 5, 0);
            assert!(revocations.revoked(&token(4)));
            assert!(!revocations.revoked(&token(5)));
            assert!(!revocations.revoked(&token(6)));
        }
    }

    #[test]
    fn losses_of_others_do_not_matter() {
        let revocations = Revocations::new(900);
        revocations.mark(&[Subject::User(Uuid::from_u128(9)), Subject::Role("writer".into())], 5, 0);
        assert!(!revocations.revoked(&token(4)));
    }

    #[test]
    fn a_token_of_an_ended_session_is_revoked_whatever_its_revision() {
        let revocations = Revocations::new(900);
        revocations.end_sessions([Uuid::from_u128(3)], 0);
        assert!(revocations.revoked(&token(99)));
    }

    #[test]
    fn an_entry_is_kept_for_the_window_and_then_forgotten() {
        let revocations = Revocations::new(900);
        revocations.mark(&[Subject::User(Uuid::from_u128(1))], 5, 1000);
        revocations.mark(&[Subject::User(Uuid::from_u128(7))], 6, 1900);
        assert!(revocations.revoked(&token(4)), "still inside the window");
        revocations.mark(&[Subject::User(Uuid::from_u128(7))], 7, 1961);
        assert!(!revocations.revoked(&token(4)), "outside the window no token of that time is left");
    }

    #[test]
    fn an_ended_session_is_kept_for_the_window_and_then_forgotten_too() {
        let revocations = Revocations::new(900);
        assert_eq!(revocations.window(), 900);
        revocations.end_sessions([Uuid::from_u128(3)], 1000);
        revocations.end_sessions([Uuid::from_u128(9)], 1900);
        assert!(revocations.revoked(&token(4)), "still inside the window");
        revocations.end_sessions([Uuid::from_u128(9)], 1961);
        assert!(!revocations.revoked(&token(4)));
    }

    #[test]
    fn looking_for_what_to_forget_is_rare() {
        let revocations = Revocations::new(900);
        revocations.mark(&[Subject::User(Uuid::from_u128(1))], 5, 1000);
        revocations.mark(&[], 6, 1900);
        revocations.mark(&[], 7, 1959);
        assert!(revocations.revoked(&token(4)), "not a minute since it was looked");
        revocations.mark(&[], 8, 1960);
        assert!(!revocations.revoked(&token(4)));
    }
}
