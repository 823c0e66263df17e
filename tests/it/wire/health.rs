//! /healthz and /readyz

use sea_orm::ConnectionTrait;

use crate::support::Server;

#[tokio::test]
async fn a_node_is_alive_and_ready() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.anonymous().get(path).await.assert(200).body["status"], "ok");
    }
}

#[tokio::test]
async fn a_node_whose_database_can_not_be_read_is_alive_but_not_ready() {
    let server = Server::start().await;
    let db = server.database.connection().await;
    db.execute_unprepared("ALTER TABLE ledger_head RENAME TO away").await.unwrap();
    let refused = server.anonymous().get("/readyz").await.assert_problem(503, "database_unavailable");
    assert_eq!(refused.header("retry-after"), "1");
    server.anonymous().get("/healthz").await.assert(200);
    db.execute_unprepared("ALTER TABLE away RENAME TO ledger_head").await.unwrap();
    server.anonymous().get("/readyz").await.assert(200);
}
