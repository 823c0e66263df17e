use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{
    PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicI64, Ordering},
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    Claims,
    feed::{Loss, LossKind},
};

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
    window: AtomicI64,
    entries: RwLock<Entries>,
    /// The number of the latest entry.
    latest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Entries {
    users: HashMap<Uuid, Mark>,
    roles: HashMap<String, Mark>,
    clients: HashMap<String, Mark>,
    sessions: HashMap<Uuid, Mark>,
    keys: HashMap<String, Mark>,
    /// Sessions (`sid`), and tokens without one (`jti`): for them the revision doesn't matter.
    ended: HashMap<Uuid, Mark>,
    forgotten_until: i64,
    latest: u64,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    revision: i64,
    at: i64,
    /// Entries are numbered as they are noted here, so that whoever reads along knows where to go on.
    number: u64,
}

impl Revocations {
    /// Nothing revoked; entries are kept for `window` seconds.
    #[must_use]
    pub fn new(window: i64) -> Self {
        let revocations = Self::default();
        revocations.set_window(window);
        revocations
    }

    /// For how many seconds an entry is kept.
    #[must_use]
    pub fn window(&self) -> i64 {
        self.window.load(Ordering::Relaxed)
    }

    /// From now on entries are kept for so many seconds.
    pub(crate) fn set_window(&self, seconds: i64) {
        self.window.store(seconds, Ordering::Relaxed);
    }

    /// Notes that `subjects` lost something at `revision`, written at `at` (seconds since 1970).
    pub fn mark(&self, subjects: &[Subject], revision: i64, at: i64) {
        let mut entries = self.write();
        for subject in subjects {
            let mark = entries.next(revision, at);
            match subject {
                Subject::User(id) => note(&mut entries.users, *id, mark),
                Subject::Role(name) => note(&mut entries.roles, name.clone(), mark),
                Subject::Client(id) => note(&mut entries.clients, id.clone(), mark),
                Subject::Session(id) => note(&mut entries.sessions, *id, mark),
                Subject::Key(kid) => note(&mut entries.keys, kid.clone(), mark),
            }
        }
        entries.forget(at - self.window());
        self.tell(entries.latest);
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
        for (id, at) in news {
            let mark = entries.next(i64::MAX, at);
            entries.ended.insert(id, mark);
        }
        entries.forget(latest - self.window());
        self.tell(entries.latest);
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

    /// What was noted after entry number `after`, oldest first, and the number to go on from; at most `limit` entries.
    /// Of what was noted several times only the last is told.
    #[must_use]
    pub fn since(&self, after: u64, limit: usize) -> (Vec<Loss>, u64) {
        let (mut news, latest) = {
            let entries = self.read();
            (entries.after(after), entries.latest)
        };
        let more = news.len() > limit;
        if more {
            news.select_nth_unstable_by_key(limit, |(number, _)| *number);
            news.truncate(limit);
        }
        news.sort_unstable_by_key(|(number, _)| *number);
        let last = if more { news.last().map_or(after, |(number, _)| *number) } else { latest };
        (news.into_iter().map(|(_, loss)| loss).collect(), last)
    }

    /// Waits until something is noted after entry number `after`.
    pub async fn noted_after(&self, after: u64) {
        // It fails only when the sender is gone, which is here.
        let _ = self.latest.subscribe().wait_for(|latest| *latest > after).await;
    }

    fn tell(&self, latest: u64) {
        self.latest.send_if_modified(|known| std::mem::replace(known, latest) != latest);
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who reads from several nodes may hear of an older loss after a newer one.
fn note<K: Eq + Hash>(marks: &mut HashMap<K, Mark>, subject: K, mark: Mark) {
    let known = marks.entry(subject).or_insert(mark);
    if known.revision <= mark.revision {
        *known = mark;
    }
}

fn later<K: ToString>(kind: LossKind, marks: &HashMap<K, Mark>, number: u64) -> impl Iterator<Item = (u64, Loss)> {
    let later = marks.iter().filter(move |(_, mark)| mark.number > number);
    later.map(move |(id, mark)| {
        let revision = (kind != LossKind::Ended).then_some(mark.revision);
        (mark.number, Loss { kind, id: id.to_string(), revision, at: mark.at })
    })
}

impl Entries {
    fn next(&mut self, revision: i64, at: i64) -> Mark {
        self.latest += 1;
        Mark { revision, at, number: self.latest }
    }

    /// In no order. It reads every entry: there are only those of the window.
    fn after(&self, number: u64) -> Vec<(u64, Loss)> {
        later(LossKind::User, &self.users, number)
            .chain(later(LossKind::Role, &self.roles, number))
            .chain(later(LossKind::Client, &self.clients, number))
            .chain(later(LossKind::Session, &self.sessions, number))
            .chain(later(LossKind::Key, &self.keys, number))
            .chain(later(LossKind::Ended, &self.ended, number))
            .collect()
    }

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
        self.ended.retain(|_, mark| mark.at >= before);
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

    /// What is told after an entry, as kind and id, and where to go on.
    fn told(revocations: &Revocations, after: u64, limit: usize) -> (Vec<(LossKind, String)>, u64) {
        let (news, last) = revocations.since(after, limit);
        (news.into_iter().map(|loss| (loss.kind, loss.id)).collect(), last)
    }

    #[test]
    fn whoever_reads_along_is_told_everything_once_in_order_and_piece_by_piece() {
        let revocations = Revocations::new(900);
        let (user, session) = (Uuid::from_u128(1), Uuid::from_u128(3));
        revocations.mark(&[Subject::User(user), Subject::Role("reader".into())], 5, 0);
        revocations.end([(session, 0)]);
        revocations.mark(&[Subject::Client("c".into()), Subject::Key("k".into()), Subject::Session(session)], 6, 0);
        let all = [
            (LossKind::User, user.to_string()),
            (LossKind::Role, "reader".into()),
            (LossKind::Ended, session.to_string()),
            (LossKind::Client, "c".into()),
            (LossKind::Key, "k".into()),
            (LossKind::Session, session.to_string()),
        ];
        for limit in 1..=7 {
            let (mut after, mut heard) = (0, Vec::new());
            loop {
                let (news, last) = told(&revocations, after, limit);
                if news.is_empty() {
                    assert_eq!(last, after);
                    break;
                }
                assert!(news.len() <= limit);
                heard.extend(news);
                after = last;
            }
            assert_eq!(heard, all, "{limit} at a time");
        }
        revocations.mark(&[Subject::Role("reader".into())], 7, 0);
        let (_, latest) = told(&revocations, 0, 100);
        assert_eq!(told(&revocations, 6, 100), (vec![(LossKind::Role, "reader".into())], latest));
        revocations.end([(session, 0)]);
        assert_eq!(told(&revocations, latest, 100), (vec![], latest), "that is known");
    }

    #[test]
    fn only_the_revision_of_what_has_one_is_told() {
        let revocations = Revocations::new(900);
        revocations.mark(&[Subject::Role("reader".into())], 5, 17);
        revocations.end([(Uuid::from_u128(3), 18)]);
        let (news, _) = revocations.since(0, 10);
        assert_eq!(news.iter().map(|loss| (loss.revision, loss.at)).collect::<Vec<_>>(), [(Some(5), 17), (None, 18)]);
    }

    #[test]
    fn an_older_loss_that_is_heard_of_later_does_not_undo_a_newer_one() {
        let revocations = Revocations::new(900);
        revocations.mark(&[Subject::User(Uuid::from_u128(1))], 5, 0);
        revocations.mark(&[Subject::User(Uuid::from_u128(1))], 3, 0);
        assert!(revocations.revoked(&token(4)));
    }

    /// Whether there is no need to wait.
    async fn is_noted_after(revocations: &Revocations, after: u64) -> bool {
        tokio::select! {
            biased;
            () = revocations.noted_after(after) => true,
            () = tokio::task::yield_now() => false,
        }
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_by_news_and_by_nothing_else() {
        let revocations = std::sync::Arc::new(Revocations::new(900));
        assert!(!is_noted_after(&revocations, 0).await);
        let waiting = {
            let revocations = std::sync::Arc::clone(&revocations);
            tokio::spawn(async move { revocations.noted_after(0).await })
        };
        tokio::task::yield_now().await;
        revocations.mark(&[Subject::Role("reader".into())], 5, 0);
        waiting.await.unwrap();
        assert!(is_noted_after(&revocations, 0).await);
        assert!(!is_noted_after(&revocations, 1).await);
        revocations.end([(Uuid::from_u128(3), 0)]);
        assert!(is_noted_after(&revocations, 1).await);
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
