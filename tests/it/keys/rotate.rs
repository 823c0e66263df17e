//! A new key takes over, and nobody notices.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rolecall::tokens::{JWKS_MAX_AGE, PUBLISHED_AHEAD};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{SHARED, Time, WINDOW, accepts, kid, nodes, published, published_soon, stored, token};
use crate::support::{Database, Server};

const DAY: i64 = 86400;

/// What the ledger says was done to keys.
async fn rows(server: &Server, action: &str) -> Vec<Value> {
    server.admin().await.all(&format!("/v1/ledger?action={action}")).await
}

async fn count(server: &Server) -> usize {
    server.app.state.store.signing_keys().await.unwrap().len()
}

#[tokio::test]
async fn a_new_key_is_published_then_signs_and_the_old_one_stays_until_its_tokens_ran_out() {
    let time = Time::stands();
    let [server] = &nodes(1, &time).await[..] else { panic!() };
    let old = token(server).await;
    let made = stored(server).rotate().await.unwrap().unwrap();
    let kids = published_soon(server, 2).await;
    assert_eq!(kids, [kid(&old), made.kid.clone()]);

    time.pass(PUBLISHED_AHEAD - 1, &[server]);
    let last = token(server).await;
    assert_eq!(kid(&last), kids[0]);
    time.pass(1, &[server]);
    let new = token(server).await;
    assert_eq!(kid(&new), kids[1]);

    time.pass(898, &[server]);
    assert!(accepts(server, &last).await && accepts(server, &new).await);
    time.pass(WINDOW - 899, &[server]);
    assert_eq!(published(server).await, kids);
    time.pass(1, &[server]);
    assert_eq!(published(server).await, [made.kid]);
    assert!(accepts(server, &token(server).await).await);
}

#[tokio::test]
async fn a_past_key_is_deleted_with_the_next_rotation() {
    let time = Time::stands();
    let [server] = &nodes(1, &time).await[..] else { panic!() };
    let first = published(server).await.remove(0);
    stored(server).rotate().await.unwrap().unwrap();
    time.pass(PUBLISHED_AHEAD + WINDOW, &[server]);
    assert_eq!(count(server).await, 2);
    stored(server).rotate().await.unwrap().unwrap();
    assert_eq!(count(server).await, 2);
    let [.., row] = &rows(server, "rotate_key").await[..] else { panic!() };
    assert_eq!(row["after"]["deleted"], json!([first]));
}

#[tokio::test]
async fn a_key_gets_a_successor_when_its_time_is_over() {
    let time = Time::stands();
    let [server] = &nodes(1, &time).await[..] else { panic!() };
    time.pass(90 * DAY - 1, &[server]);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(published(server).await.len(), 1);
    time.pass(1, &[server]);
    let kids = published_soon(server, 2).await;
    // Until that one signs there is no third.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(published(server).await, kids);
}

#[tokio::test]
async fn each_key_stands_in_the_ledger() {
    let server = Server::start().await;
    stored(&server).rotate().await.unwrap().unwrap();
    let kids = published_soon(&server, 2).await;
    let rows = rows(&server, "rotate_key").await;
    assert_eq!(rows.len(), 2);
    for ((row, kid), ahead) in rows.iter().zip(kids).zip([0, PUBLISHED_AHEAD]) {
        assert_eq!((&row["actor"], &row["target"]), (&json!("system"), &json!(format!("keys/{kid}"))));
        assert_eq!(row["after"], json!({ "algorithm": "ES256", "signs_in_seconds": ahead, "deleted": [] }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_nodes_that_rotate_at_once_one_makes_a_key() {
    let time = Time::stands();
    let nodes = nodes(3, &time).await;
    let mut asked = JoinSet::new();
    for node in nodes.iter().chain(&nodes) {
        let keys = stored(node).clone();
        asked.spawn(async move { keys.rotate().await.unwrap() });
    }
    let made: Vec<_> = asked.join_all().await.into_iter().flatten().collect();
    assert_eq!(made.len(), 1, "{made:?}");
    let kids = published_soon(&nodes[0], 2).await;
    for node in &nodes {
        assert_eq!(published_soon(node, 2).await, kids);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_nodes_whose_key_gets_old_one_makes_the_next() {
    let time = Time::stands();
    let nodes = nodes(3, &time).await;
    time.pass(90 * DAY, &nodes.iter().collect::<Vec<_>>());
    let kids = published_soon(&nodes[0], 2).await;
    for node in &nodes {
        assert_eq!(published_soon(node, 2).await, kids);
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!((rows(&nodes[0], "rotate_key").await.len(), count(&nodes[0]).await), (2, 2));
}

/// Someone who checks tokens with keys that are fetched as rarely as the server allows.
struct Elsewhere {
    fetched: i64,
    kids: Vec<String>,
}

impl Elsewhere {
    async fn knows(&mut self, kid: &String, server: &Server, time: &Time) -> bool {
        if time.seconds() - self.fetched > JWKS_MAX_AGE {
            *self = Self { fetched: time.seconds(), kids: published(server).await };
        }
        self.kids.contains(kid)
    }
}

/// Signs in here, and uses the tokens there, until told to stop; returns the keys that signed.
async fn use_tokens(here: Arc<Server>, there: Arc<Server>, time: Arc<Time>, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut elsewhere = Elsewhere { fetched: 0, kids: Vec::new() };
    let (mut seen, mut kept) = (Vec::new(), token(&here).await);
    while !stop.load(Ordering::Relaxed) {
        let token = token(&here).await;
        for token in [&token, &kept] {
            assert!(accepts(&here, token).await && accepts(&there, token).await, "{}", kid(token));
            assert!(elsewhere.knows(&kid(token), &there, &time).await, "{} is not published there", kid(token));
        }
        let signed = kid(&token);
        if seen.last() != Some(&signed) {
            // The last token of the key before is used on: it has its time.
            kept = token;
            seen.push(signed);
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_refused_while_keys_are_rotated() {
    let time = Arc::new(Time::stands());
    let database = Arc::new(Database::create().await);
    // Tokens outlast the test, and no jump of the clock makes a node distrust what it knows.
    let lasting = [("ROLECALL_ACCESS_TOKEN_SECONDS", "5000"), ("ROLECALL_STALENESS_SECONDS", "1000")];
    let settings: Vec<_> = SHARED.into_iter().chain(lasting).collect();
    let one = Arc::new(Server::on(&database, &settings, time.clock()).await);
    let other = Arc::new(Server::on(&database, &settings, time.clock()).await);
    let (mut users, stop) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
    for (here, there) in [(&one, &other), (&other, &one)] {
        users.spawn(use_tokens(Arc::clone(here), Arc::clone(there), Arc::clone(&time), Arc::clone(&stop)));
    }
    for _ in 0..2 {
        let made = stored(&one).rotate().await.unwrap().unwrap();
        // As long as real nodes may take to notice, by the clock and by the wall.
        tokio::time::sleep(Duration::from_millis(1200)).await;
        for _ in 0..=(PUBLISHED_AHEAD / 10) {
            time.pass(10, &[]);
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        assert_eq!(kid(&token(&other).await), made.kid);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    for seen in users.join_all().await {
        assert_eq!(seen.len(), 3, "each key signed in turn: {seen:?}");
    }
}
