//! Connections that take their time.

use std::time::{Duration, Instant};

use crate::support::{Server, Wire};

const REQUEST: &str = "GET /healthz HTTP/1.1\r\nhost: rolecall\r\n\r\n";

/// Says a header byte by byte until the server has had enough; how long that took.
async fn dribble(mut wire: Wire) -> Duration {
    let began = Instant::now();
    wire.say("GET /healthz HTTP/1.1\r\nx-slow: ").await;
    let dribbling = async {
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        loop {
            tick.tick().await;
            wire.say("a").await;
        }
    };
    // Only the reading end learns of the close; a write may go on a while into nothing.
    let _ = tokio::time::timeout(Duration::from_secs(9), dribbling).await;
    wire.hear().await;
    began.elapsed()
}

/// Says nothing until the server has had enough; how long that took.
async fn keep_silent(mut wire: Wire) -> Duration {
    let began = Instant::now();
    wire.hear().await;
    began.elapsed()
}

/// A connection on which one request was answered.
async fn used(server: &Server) -> Wire {
    let mut wire = Wire::to(&server.url).await;
    wire.say(REQUEST).await;
    assert!(wire.hear().await.unwrap().starts_with("HTTP/1.1 200"));
    wire
}

#[tokio::test]
async fn a_connection_that_sends_no_whole_request_is_closed_after_ten_seconds() {
    let server = Server::start().await;
    let (fresh, silent, used, idle) =
        (Wire::to(&server.url).await, Wire::to(&server.url).await, used(&server).await, used(&server).await);
    let (fresh, silent, used, idle) =
        tokio::join!(dribble(fresh), keep_silent(silent), dribble(used), keep_silent(idle));
    for took in [fresh, silent, used, idle] {
        assert!((9.0..13.0).contains(&took.as_secs_f64()), "{took:?}");
    }
    server.anonymous().get("/healthz").await.assert(200);
}
