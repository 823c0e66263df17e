use std::{str::FromStr, sync::Arc};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rolecall_guard::Problem;

use super::text::Limit;
use crate::{problem::bad_request, store::Page};

const TAG_BYTES: usize = 16;

/// Makes and reads page cursors: opaque, authenticated, bound to the list and its filters.
#[derive(Clone, Debug)]
pub struct Cursors(Arc<hmac::Key>);

/// A list that is being paged: its name with its filters.
pub(super) struct Paging<'a> {
    cursors: &'a Cursors,
    list: String,
    limit: u64,
    after: Option<String>,
}

impl Cursors {
    /// Cursors under this key; nodes that share it read each other's.
    #[must_use]
    pub fn new(key: hmac::Key) -> Self {
        Self(Arc::new(key))
    }

    /// Begins a page of `list`, a text that names the list and its filters.
    pub(super) fn paging(&self, list: String, limit: Limit, cursor: Option<String>) -> Result<Paging<'_>, Problem> {
        let after = cursor.map(|cursor| self.open(&list, &cursor).ok_or_else(|| unknown("cursor"))).transpose()?;
        Ok(Paging { cursors: self, list, limit: limit.0, after })
    }

    fn tag(&self, list: &str, key: &str) -> hmac::Tag {
        hmac::sign(&self.0, format!("{list}\0{key}").as_bytes())
    }

    /// The cursor of a place in `list`.
    pub(super) fn seal(&self, list: &str, key: &str) -> String {
        let tag = self.tag(list, key);
        URL_SAFE_NO_PAD.encode([&tag.as_ref()[..TAG_BYTES], key.as_bytes()].concat())
    }

    /// The place in `list` that a cursor is of; nothing if this list never gave it.
    pub(super) fn open(&self, list: &str, cursor: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, key) = bytes.split_at_checked(TAG_BYTES)?;
        let key = String::from_utf8(key.to_vec()).ok()?;
        let expected = self.tag(list, &key);
        aws_lc_rs::constant_time::verify_slices_are_equal(tag, &expected.as_ref()[..TAG_BYTES]).ok()?;
        Some(key)
    }
}

/// `member` is where the cursor stood.
pub(super) fn unknown(member: &str) -> Problem {
    bad_request(format!("{member}: not one that this list gave for these filters; begin again without it"))
}

impl Paging<'_> {
    /// What to ask the store for: one more than fits, to see whether there is a next page.
    pub(super) fn page<K: FromStr>(&self) -> Result<Page<K>, Problem> {
        let after = self.after.as_deref().map(|key| key.parse().map_err(|_| unknown("cursor"))).transpose()?;
        Ok(Page { after, limit: self.limit + 1 })
    }

    /// The items of this page, and the cursor of the next.
    pub(super) fn cut<T>(&self, mut items: Vec<T>, key: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
        let fits = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = items.len() > fits;
        items.truncate(fits);
        self.ended(items, more, key)
    }

    /// The items of this page, and the cursor of the next, if there are `more`.
    pub(super) fn ended<T>(&self, items: Vec<T>, more: bool, key: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
        let last = items.last().filter(|_| more);
        let next = last.map(|last| self.cursors.seal(&self.list, &key(last)));
        (items, next)
    }

    /// A page of what is at hand, in order of its keys.
    pub(super) fn of<T>(
        &self,
        all: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        let rest = all.into_iter().filter(|item| self.after.as_ref().is_none_or(|after| key(item) > *after));
        let fits = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let items = rest.take(fits + 1).collect();
        self.cut(items, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursors() -> Cursors {
        Cursors::new(hmac::Key::new(hmac::HMAC_SHA256, b"key"))
    }

    #[test]
    fn a_cursor_serves_its_own_list_only() {
        let cursor = cursors().seal("users?q=a", "key");
        assert_eq!(cursors().open("users?q=a", &cursor).as_deref(), Some("key"));
        assert_eq!(cursors().open("users?q=b", &cursor), None);
        let other = Cursors::new(hmac::Key::new(hmac::HMAC_SHA256, b"other"));
        assert_eq!(other.open("users?q=a", &cursor), None);
        for forged in ["", "AAAA", "!", &cursor[1..], &format!("{cursor}A")] {
            assert_eq!(cursors().open("users?q=a", forged), None, "{forged}");
        }
    }

    #[test]
    fn pages_of_what_is_at_hand_cover_it_once() {
        let (all, mut cursor, mut seen) = (["a", "b", "c", "d", "e"], None, Vec::new());
        loop {
            let cursors = cursors();
            let paging = cursors.paging("list".into(), Limit(2), cursor).unwrap();
            let (items, next) = paging.of(all, ToString::to_string);
            assert!(items.len() <= 2);
            seen.extend(items);
            let Some(next) = next else { break };
            cursor = Some(next);
        }
        assert_eq!(seen, all);
    }
}
