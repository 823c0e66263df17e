//! GET /access/revocations

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use rolecall_guard::Clock;
use serde_json::{Value, json};

use crate::support::{Client, Database, Server, claims};

const FEED: &str = "/access/revocations";

/// What is told from there on, as kind and id, and where to go on.
async fn told(reader: &Client, after: &str) -> (Vec<(String, String)>, String) {
    let query = if after.is_empty() { String::new() } else { format!("?after={after}") };
    let news = reader.get(&format!("{FEED}{query}")).await.assert(200).body;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = news["items"].as_array().unwrap();
    (items.iter().map(|loss| (text(&loss["kind"]), text(&loss["id"]))).collect(), text(&news["next"]))
}

fn loss(kind: &str, id: &str) -> (String, String) {
    (kind.to_owned(), id.to_owned())
}

#[tokio::test]
async fn it_takes_the_right_to_ask_about_access() {
    let server = Server::start().await;
    server.anonymous().get(FEED).await.assert_problem(401, "unauthenticated");
    server
        .person("ada", &["users:read", "ledger:read"])
        .await
        .get(FEED)
        .await
        .assert_problem(403, "insufficient_scope");
    server.person("bob", &["access:read"]).await.get(FEED).await.assert(200);
}

#[tokio::test]
async fn it_tells_of_each_loss_once_and_says_how_long_to_remember_it() {
    let server = Server::start().await;
    let reader = server.person("reader", &["access:read"]).await;
    let alice = server.person("alice", &["articles:read"]).await;
    let claims = claims(alice.token.as_deref().unwrap());
    server.admin().await.put("/v1/users/alice/roles/reader").await.assert(204);
    let (before, next) = told(&reader, "").await;
    assert!(before.contains(&loss("user", claims["sub"].as_str().unwrap())), "to get a role counts, too: {before:?}");
    assert_eq!(told(&reader, &next).await, (vec![], next.clone()));

    let admin = server.admin().await;
    admin.delete("/v1/roles/alice/permissions/articles:read").await.assert(204);
    let revision = server.revision();
    let answer = reader.get(&format!("{FEED}?after={next}")).await.assert(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let at = answer.body["items"][0]["at"].as_i64().unwrap();
    assert!((0..60).contains(&(Clock::System.seconds() - at)), "{at}");
    let expected = json!([{ "kind": "role", "id": "alice", "revision": revision, "at": at }]);
    assert_eq!(answer.body["items"], expected);
    assert_eq!((&answer.body["more"], &answer.body["token_seconds"]), (&json!(false), &json!(900)));
    assert_eq!(answer.body["remember_seconds"], json!(900 + 5 + 10));
    assert!(answer.body["age_seconds"].as_i64().unwrap() <= 5);

    let next = answer.body["next"].as_str().unwrap();
    let alices = alice.token.as_deref().unwrap();
    server.anonymous().form("/oauth/revoke", &[("token", alices)]).await.assert(200);
    assert_eq!(told(&reader, next).await.0, [loss("ended", claims["sid"].as_str().unwrap())]);
}

#[tokio::test]
async fn it_waits_for_news_as_long_as_it_was_asked_to() {
    let server = Server::start().await;
    let reader = server.person("reader", &["access:read"]).await;
    let (_, next) = told(&reader, "").await;
    let began = Instant::now();
    let wait = format!("{FEED}?wait=5&after={next}");
    let (news, ()) = tokio::join!(reader.get(&wait), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.admin().await.put("/v1/users/admin/roles/reader").await.assert(204);
    });
    assert_eq!(news.assert(200).body["items"][0]["kind"], "user");
    assert!(began.elapsed() < Duration::from_secs(5));
    let (_, next) = told(&reader, "").await;
    let began = Instant::now();
    assert_eq!(reader.get(&format!("{FEED}?wait=1&after={next}")).await.assert(200).body["items"], json!([]));
    assert!(began.elapsed() >= Duration::from_secs(1));
    let wrong =
        [("6", "must be at most 5"), ("-1", "must be a whole"), ("x", "must be a whole"), ("1.5", "must be a whole")];
    for (wait, why) in wrong {
        let refused = reader.get(&format!("{FEED}?wait={wait}")).await.assert_problem(400, "bad_request");
        assert!(refused.body["detail"].as_str().unwrap().contains(why), "{}", refused.text);
    }
}

#[tokio::test]
async fn a_place_that_the_server_did_not_give_is_refused() {
    let server = Server::start().await;
    let reader = server.person("reader", &["access:read"]).await;
    let (_, next) = told(&reader, "").await;
    let users = server.admin().await.get("/v1/users?limit=1").await.assert(200).body;
    for after in ["", "x", "0", &next[1..], users["next"].as_str().unwrap()] {
        reader.get(&format!("{FEED}?after={after}")).await.assert_problem(400, "bad_request");
    }
}

/// Nodes number what they note each for itself.
#[tokio::test]
async fn who_comes_from_another_node_is_told_everything_again() {
    let database = Arc::new(Database::create().await);
    let shared = [
        ("ROLECALL_ISSUER", "https://id.example"),
        ("ROLECALL_KEY_ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
    ];
    let one = Server::on(&database, &shared, Clock::System).await;
    one.person("alice", &["articles:read"]).await;
    let reader = one.person("reader", &["access:read"]).await;
    one.admin().await.delete("/v1/users/alice/roles/alice").await.assert(204);
    let other = Server::on(&database, &shared, Clock::System).await;
    let (mut everything, next) = told(&reader, "").await;
    let elsewhere = other.bearing(reader.token.as_deref().unwrap());
    let (mut again, next) = told(&elsewhere, &next).await;
    for node in [&reader, &elsewhere] {
        assert_eq!(told(node, &next).await.0, [], "each knows how far it was read, whoever was asked last");
    }
    assert!(!everything.is_empty());
    everything.sort();
    again.sort();
    assert_eq!(again, everything);
}

#[tokio::test]
async fn a_node_that_is_out_of_touch_does_not_say_that_there_is_no_news() {
    let clock = Arc::new(AtomicI64::new(1_800_000_000_000_000));
    let server = Server::with_clock(&clock).await;
    let reader = server.person("reader", &["access:read"]).await;
    let (_, next) = told(&reader, "").await;
    // While the question waits, time runs away from whoever reads the database.
    let running = async {
        loop {
            clock.fetch_add(10_000_000, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let wait = format!("{FEED}?wait=1&after={next}");
    let answer = tokio::select! { answer = reader.get(&wait) => answer, () = running => unreachable!() };
    assert!(answer.status == 503 || answer.body["age_seconds"].as_i64().unwrap() <= 5, "{answer:?}");
}
