//! Connections that take their time.

use std::time::{Duration, Instant};

use rolecall::http::{Bound, Tls};

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

/// The same server, by HTTPS.
async fn serve_tls(server: &Server) -> String {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = Tls::from_files(&certificate, &key).unwrap();
    let bound = Bound::to("127.0.0.1:0".parse().unwrap(), Some(tls)).await.unwrap();
    let address = bound.address().unwrap();
    tokio::spawn(bound.run(server.app.endpoint().unwrap(), std::future::pending(), Duration::ZERO));
    format!("http://{address}")
}

#[tokio::test]
async fn a_connection_that_sends_no_whole_request_is_closed_after_ten_seconds() {
    let server = Server::start().await;
    let (fresh, silent) = (Wire::to(&server.url).await, Wire::to(&server.url).await);
    let (used, idle) = (used(&server).await, used(&server).await);
    let no_handshake = Wire::to(&serve_tls(&server).await).await;
    let took =
        tokio::join!(dribble(fresh), keep_silent(silent), dribble(used), keep_silent(idle), keep_silent(no_handshake),);
    for took in <[Duration; 5]>::from(took) {
        assert!((9.0..13.0).contains(&took.as_secs_f64()), "{took:?}");
    }
    server.anonymous().get("/healthz").await.assert(200);
}
