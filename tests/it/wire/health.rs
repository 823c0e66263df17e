//! /healthz and /readyz

use std::time::Duration;

use sea_orm::ConnectionTrait;

use crate::support::{Answer, Server};

#[tokio::test]
async fn a_node_is_alive_and_ready() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.anonymous().get(path).await.assert(200).body["status"], "ok");
    }
}

#[tokio::test]
async fn a_node_whose_database_can_not_be_read_is_alive_but_not_ready() {
    let server = Server::with(&[("ROLECALL_STALENESS_SECONDS", "1")]).await;
    let db = server.database.connection().await;
    db.execute_unprepared("ALTER TABLE ledger RENAME TO away").await.unwrap();
    let refused = until(&server, 503).await.assert_problem(503, "out_of_touch");
    assert_eq!(refused.header("retry-after"), "1");
    server.anonymous().get("/healthz").await.assert(200);
    db.execute_unprepared("ALTER TABLE away RENAME TO ledger").await.unwrap();
    until(&server, 200).await;
}

async fn until(server: &Server, status: u16) -> Answer {
    for _ in 0..200 {
        let answer = server.anonymous().get("/readyz").await;
        if answer.status == status {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("/readyz never answered {status}");
}
