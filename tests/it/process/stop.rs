//! SIGTERM.

use std::time::{Duration, Instant};

use super::{Program, Running};
use crate::support::{Client, Database, PASSWORD, Wire};

const BODY: &str = r#"{"username":"alice"}"#;

/// A request that has reached its handler, which waits for the rest of the body.
async fn half_sent(running: &Running, admin: &Client) -> Wire {
    let mut wire = Wire::to(&running.url).await;
    let (token, length) = (admin.token.as_ref().unwrap(), BODY.len());
    wire.say(format!(
        "POST /v1/users HTTP/1.1\r\nhost: rolecall\r\ncontent-type: application/json\r\n\
         authorization: Bearer {token}\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
    ))
    .await;
    // The server says so when the handler asks for the body.
    assert!(wire.hear().await.unwrap().starts_with("HTTP/1.1 100"));
    wire.say(&BODY[..5]).await;
    wire
}

/// Waits until a new connection learns that the node is stopping.
async fn until_not_ready(running: &Running) {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let answer = running.anonymous().get("/readyz").await;
        if answer.status == 503 {
            answer.assert_problem(503, "stopping");
            return;
        }
        assert!(Instant::now() < deadline, "it still says it is ready");
    }
}

#[tokio::test]
async fn what_is_in_flight_is_finished_while_the_node_says_it_is_not_ready() {
    let database = Database::create().await;
    let running = Program::on(&database).start().await;
    let admin = running.sign_in("admin", PASSWORD).await;
    let mut wire = half_sent(&running, &admin).await;
    running.terminate();
    until_not_ready(&running).await;
    running.anonymous().get("/healthz").await.assert(200);
    wire.say(&BODY[5..]).await;
    assert!(wire.hear().await.unwrap().starts_with("HTTP/1.1 201"));
    let began = Instant::now();
    running.finish().await.assert(0);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_it() {
    let database = Database::create().await;
    let running = Program::on(&database).with("ROLECALL_SHUTDOWN_SECONDS", "1").start().await;
    let admin = running.sign_in("admin", PASSWORD).await;
    let _stuck = half_sent(&running, &admin).await;
    let began = Instant::now();
    running.stop().await.assert(0);
    let took = began.elapsed().as_secs_f64();
    assert!((1.0..4.0).contains(&took), "{took}");
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_it() {
    let database = Database::create().await;
    let running = Program::on(&database).start().await;
    let mut idle = Wire::to(&running.url).await;
    idle.say("GET /healthz HTTP/1.1\r\nhost: rolecall\r\n\r\n").await;
    idle.hear().await.unwrap();
    let _silent = Wire::to(&running.url).await;
    let began = Instant::now();
    running.stop().await.assert(0);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
