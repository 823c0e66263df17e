//! Signing keys: /.well-known/jwks.json, and the life of a key.

mod algorithms;
mod foreign;
mod retire;
mod rotate;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use rolecall::tokens::SigningKeys;
use rolecall_guard::Clock;

use crate::support::{Database, PASSWORD, Server};

/// Nodes of one database are told the same.
const SHARED: [(&str, &str); 2] = [
    ("ROLECALL_ISSUER", "https://id.example"),
    ("ROLECALL_KEY_ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
];

/// For how long a token is accepted at most, with the settings as they come.
const WINDOW: i64 = 900 + 5 + 10;

/// A clock that stands until it is moved.
struct Time(Arc<AtomicI64>);

impl Time {
    fn stands() -> Self {
        Self(Arc::new(AtomicI64::new(1_800_000_000_000_000)))
    }

    fn clock(&self) -> Clock {
        Clock::Manual(Arc::clone(&self.0))
    }

    fn seconds(&self) -> i64 {
        self.0.load(Ordering::Relaxed) / 1_000_000
    }

    /// Moves it on. The nodes would hear from the database within their next look.
    fn pass(&self, seconds: i64, nodes: &[&Server]) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
        for node in nodes {
            node.app.state.gate.hear();
        }
    }
}

/// So many nodes of one new database.
async fn nodes(count: usize, time: &Time) -> Vec<Server> {
    let database = Arc::new(Database::create().await);
    let mut nodes = Vec::new();
    for _ in 0..count {
        nodes.push(Server::on(&database, &SHARED, time.clock()).await);
    }
    nodes
}

fn stored(server: &Server) -> &SigningKeys {
    server.app.state.tokens.keys().stored()
}

/// The names of the published keys.
async fn published(server: &Server) -> Vec<String> {
    let jwks = server.anonymous().get("/.well-known/jwks.json").await.assert(200);
    jwks.body["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// Waits until so many keys are published: a running server notices what is stored within seconds.
async fn published_soon(server: &Server, count: usize) -> Vec<String> {
    published_when(server, |kids| kids.len() == count).await
}

async fn published_when(server: &Server, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let kids = published(server).await;
        if enough(&kids) {
            return kids;
        }
        assert!(Instant::now() < deadline, "still {kids:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn token(server: &Server) -> String {
    server.token("admin", PASSWORD, &[]).await.assert(200).token().to_owned()
}

/// The key that a token names.
fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

/// Whether a server accepts a token.
async fn accepts(server: &Server, token: &str) -> bool {
    let answer = server.bearing(token).get("/v1/me").await;
    assert!(matches!(answer.status, 200 | 401), "{}", answer.text);
    answer.status == 200
}
