//! What a stored password costs, and what happens when too many sign in at once.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use rolecall::tokens::password::Overloaded;
use rolecall_guard::Clock;

use crate::support::{Database, PASSWORD, Server};

/// The cost that a sign-in of the administrator leaves stored, on a node of this setting.
async fn cost_after_sign_in(database: &Arc<Database>, argon2: &str) -> String {
    let server = Server::on(database, &[("ROLECALL_ARGON2", argon2)], Clock::System).await;
    server.admin().await.get("/v1/me").await.assert(200);
    let rows = database.rows("SELECT password_hash FROM users WHERE username = 'admin'").await;
    let hash: String = rows[0].try_get("", "password_hash").unwrap();
    hash.split('$').nth(3).unwrap().to_owned()
}

#[tokio::test]
async fn a_sign_in_makes_a_stored_hash_dearer_when_the_setting_rises_and_never_cheaper() {
    let database = Arc::new(Database::create().await);
    for (setting, stored) in [
        ("m=32,t=1,p=1", "m=32,t=1,p=1"),
        ("m=64,t=1,p=1", "m=64,t=1,p=1"),
        ("m=32,t=1,p=1", "m=64,t=1,p=1"),
        ("m=64,t=2,p=1", "m=64,t=2,p=1"),
    ] {
        assert_eq!(cost_after_sign_in(&database, setting).await, stored, "{setting}");
    }
}

#[tokio::test]
async fn a_hash_made_anew_takes_no_session_away() {
    let database = Arc::new(Database::create().await);
    let server = Server::on(&database, &[("ROLECALL_ARGON2", "m=32,t=1,p=1")], Clock::System).await;
    let before = server.admin().await;
    cost_after_sign_in(&database, "m=64,t=1,p=1").await;
    before.get("/v1/me").await.assert(200);
}

#[tokio::test]
async fn a_sign_in_too_many_is_told_when_to_come_back() {
    let server = Server::start().await;
    let hasher = server.app.state.tokens.hasher().clone();
    let mut waiting = Vec::new();
    loop {
        // Polled once and never again, each keeps its place until it is dropped.
        let mut hash = Box::pin({
            let hasher = hasher.clone();
            async move { hasher.hash(PASSWORD.into()).await }
        });
        if let Poll::Ready(Err(Overloaded)) = hash.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            break;
        }
        waiting.push(hash);
    }
    for name in ["admin", "nobody"] {
        let answer = server.token(name, PASSWORD, &[]).await.assert_oauth_error(503, "temporarily_unavailable");
        assert_eq!(answer.header("retry-after"), "1");
    }
    drop(waiting);
    server.admin().await.get("/v1/me").await.assert(200);
    pin!(hasher.hash(PASSWORD.into())).await.unwrap();
}
