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
    /// An application, by its `client_id`.
    Client(String),
    /// A session that goes on with other roles, by its `sid`.
    Session(Uuid),
    /// A signing key, by its `kid`. It is gone for good, so a token's `rev`, which whoever stole the key may have
    /// written, doesn't matter.
    Key(String),
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
    clients: HashMap<String, Mark>,
    sessions: HashMap<Uuid, Mark>,
    keys: HashMap<String, Mark>,
    /// Sessions (`sid`), and tokens without one (`jti`).
    ended: HashMap<Uuid, i64>,
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
                Subject::Client(id) => entries.clients.insert(id.clone(), mark),
                Subject::Session(id) => entries.sessions.insert(*id, mark),
                Subject::Key(kid) => entries.keys.insert(kid.clone(), mark),
            };
        }
        entries.forget(at - self.window);
    }

    /// Notes that sessions (`sid`), or tokens without one (`jti`), have ended, each with when (seconds since 1970); that
    /// is final. Most of them are known already, since nodes read them again and again.
    pub fn end(&self, ended: impl IntoIterator<Item = (Uuid, i64)>) {
        let news: Vec<_> = {
            let entries = self.read();
            ended.into_iter().filter(|(id, _)| !entries.ended.contains_key(id)).collect()
        };
        let Some(latest) = news.iter().map(|(_, at)| *at).max() else { return };
        let mut entries = self.write();
        entries.ended.extend(news);
        entries.forget(latest - self.window);
    }

    /// Whether the token was issued before something it rests on was taken away.
    #[must_use]
    pub fn revoked(&self, claims: &Claims) -> bool {
        let entries = self.read();
        let newer = |mark: &Mark| mark.revision > claims.rev;
        entries.users.get(&claims.sub).is_some_and(newer)
            || entries.ended.contains_key(&claims.sid.unwrap_or(claims.jti))
            || entries.clients.get(&claims.client_id).is_some_and(newer)
            || claims.sid.is_some_and(|sid| entries.sessions.get(&sid).is_some_and(newer))
            || entries.keys.contains_key(&claims.kid)
            || (!entries.roles.is_empty() && claims.roles.iter().any(|role| entries.roles.get(role).is_some_and(newer)))
    }

    /// Whether this signing key was retired lately.
    #[must_use]
    pub fn key_retired(&self, kid: &str) -> bool {
        self.read().keys.contains_key(kid)
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
        self.clients.retain(|_, mark| mark.at >= before);
        self.sessions.retain(|_, mark| mark.at >= before);
        self.keys.retain(|_, mark| mark.at >= before);
        self.ended.retain(|_, at| *at >= before);
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
            kid: "k".into(),
        }
    }

    #[test]
    fn a_token_older_than_the_last_loss_of_its_user_role_client_or_session_is_revoked() {
        let (user, session) = (Subject::User(Uuid::from_u128(1)), Subject::Session(Uuid::from_u128(3)));
        for subject in [user, session, Subject::Role("reader".into()), Subject::Client("c".into())] {
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
        let others = [
            Subject::User(Uuid::from_u128(9)),
            Subject::Role("writer".into()),
            Subject::Client("d".into()),
            Subject::Session(Uuid::from_u128(1)),
            Subject::Key("l".into()),
        ];
        revocations.mark(&others, 5, 0);
        assert!(!revocations.revoked(&token(4)));
    }

    #[test]
    fn a_retired_keys_token_is_revoked_whatever_revision_it_claims() {
        let revocations = Revocations::new(900);
        revocations.mark(&[Subject::Key("k".into())], 5, 0);
        assert!(revocations.revoked(&token(i64::MAX)));
        assert!(revocations.key_retired("k") && !revocations.key_retired("l"));
    }

    #[test]
    fn a_token_of_a_session_ends_with_the_session_and_another_by_itself() {
        let revocations = Revocations::new(900);
        revocations.end([(Uuid::from_u128(2), 0)]);
        assert!(!revocations.revoked(&token(4)), "its jti, but it has a session");
        assert!(revocations.revoked(&Claims { sid: None, ..token(4) }));
    }

    #[test]
    fn a_token_of_an_ended_session_is_revoked_whatever_its_revision() {
        let revocations = Revocations::new(900);
        revocations.end([(Uuid::from_u128(3), 0)]);
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
        revocations.end([(Uuid::from_u128(3), 1000)]);
        revocations.end([(Uuid::from_u128(9), 1900)]);
        assert!(revocations.revoked(&token(4)), "still inside the window");
        revocations.end([(Uuid::from_u128(10), 1961)]);
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
