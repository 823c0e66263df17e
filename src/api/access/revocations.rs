use std::time::Duration;

use poem_openapi::{OpenApi, param::Query, payload::Json};
use rolecall_guard::{
    Problem, Refusal, Require,
    feed::{Feed, PATH},
};
use tokio::time::timeout;

use crate::{
    api::{State, Tag, cursor},
    catalogue::access as permission,
    random,
};

/// One answer tells of so many losses.
const AT_ONCE: usize = 10_000;

/// What services read along to refuse a token as soon as the server does.
pub(crate) struct Revocations {
    state: State,
    /// Nodes number what they note each for itself: who comes from another one begins anew.
    node: String,
}

#[OpenApi(tag = "Tag::Access")]
impl Revocations {
    /// Who has lost something?
    ///
    /// For services that check tokens by themselves: what they need to refuse one as soon as this server does. Ask without
    /// `after` first, and remember what is told as long as it says; then again and again with `after`, and `wait` to be told as soon as there
    /// is something. A service that can't reach it for some seconds should trust no token.
    #[oai(path = "/access/revocations", method = "get", operation_id = "follow_revocations")]
    async fn follow(
        &self,
        _caller: Require<permission::Read>,
        /// The `next` of the answer before; none to begin.
        after: Query<Option<String>>,
        /// For how many seconds to wait for news, if there are none.
        #[oai(default, validator(minimum(value = "0"), maximum(value = "5")))]
        wait: Query<u8>,
    ) -> Result<Json<Feed>, Problem> {
        let State { gate, store, readiness, .. } = &self.state;
        let revocations = store.revocations();
        let after = after.0.map_or(Ok(0), |after| self.number_of(&after))?;
        tokio::select! {
            _ = timeout(Duration::from_secs(wait.0.into()), revocations.noted_after(after)) => {}
            () = readiness.stopping() => {}
        }
        // Before the news are read: they are at least as new.
        let age_seconds = gate.heard_seconds_ago();
        if !gate.in_touch() {
            return Err(Refusal::Silent.into());
        }
        let (items, last) = revocations.since(after, AT_ONCE);
        Ok(Json(Feed {
            more: items.len() == AT_ONCE,
            items,
            next: self.state.cursors.seal(PATH, &format!("{} {last}", self.node)),
            remember_seconds: revocations.window(),
            token_seconds: gate.token_age(),
            age_seconds,
        }))
    }
}

impl Revocations {
    pub(crate) fn new(state: State) -> Self {
        Self { state, node: random::text::<8>() }
    }

    /// Where to go on: from the beginning, if it was another node that said so.
    fn number_of(&self, after: &str) -> Result<u64, Problem> {
        let place = self.state.cursors.open(PATH, after).ok_or_else(cursor::unknown)?;
        let (node, number) = place.split_once(' ').ok_or_else(cursor::unknown)?;
        if node == self.node { number.parse().map_err(|_| cursor::unknown()) } else { Ok(0) }
    }
}
