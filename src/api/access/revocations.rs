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
/// A place says of so many nodes how far they were read: behind a load balancer, questions come to one after the other.
const NODES: usize = 8;

/// What services read along to refuse a token as soon as the server does.
pub(crate) struct Revocations {
    state: State,
    /// Nodes number what they note each for itself: who comes to one for the first time begins at its beginning.
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
        let mut places = after.0.map_or(Ok(Vec::new()), |after| self.places(&after))?;
        let own = places.iter().position(|(node, _)| *node == self.node);
        let after = own.map_or(0, |own| places.remove(own).1);
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
        places.push((self.node.clone(), last));
        Ok(Json(Feed {
            more: items.len() == AT_ONCE,
            items,
            next: self.sealed(&places),
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

    /// How far each node was read, the one that was asked last at the end.
    fn places(&self, after: &str) -> Result<Vec<(String, u64)>, Problem> {
        let places = self.state.cursors.open(PATH, after);
        let place = |place: &str| {
            let (node, number) = place.split_once(' ')?;
            Some((node.to_owned(), number.parse().ok()?))
        };
        places.and_then(|places| places.split(',').map(place).collect()).ok_or_else(|| cursor::unknown("after"))
    }

    fn sealed(&self, places: &[(String, u64)]) -> String {
        let latest = &places[places.len().saturating_sub(NODES)..];
        let texts: Vec<_> = latest.iter().map(|(node, number)| format!("{node} {number}")).collect();
        self.state.cursors.seal(PATH, &texts.join(","))
    }
}
