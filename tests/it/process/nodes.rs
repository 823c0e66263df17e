//! Several nodes on one database, and the keys they share.

use sea_orm::{DatabaseConnection, FromQueryResult, Statement};

use super::{Program, Running};
use crate::support::{Client, Database, PASSWORD, http};

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OTHER_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

#[derive(FromQueryResult)]
struct Number {
    number: i64,
}

async fn numbers(db: &DatabaseConnection, sql: &str) -> Vec<i64> {
    let query = Statement::from_string(db.get_database_backend(), sql);
    Number::find_by_statement(query).all(db).await.unwrap().into_iter().map(|row| row.number).collect()
}

#[tokio::test]
async fn nodes_that_start_at_once_on_an_empty_database_make_everything_once() {
    let database = Database::create().await;
    let program = Program::on(&database);
    let nodes: [Running; 3] = tokio::join!(program.start(), program.start(), program.start()).into();
    let keys = nodes[0].anonymous().get("/.well-known/jwks.json").await.assert(200).body;
    let admin = nodes[0].sign_in("admin", PASSWORD).await;
    for node in &nodes {
        assert_eq!(node.anonymous().get("/.well-known/jwks.json").await.assert(200).body, keys);
        let elsewhere = Client::new(&http(), &node.url, admin.token.as_deref());
        elsewhere.get("/v1/me").await.assert(200);
    }
    let db = database.connection().await;
    assert_eq!(numbers(&db, "SELECT count(*) AS number FROM signing_keys").await, [1]);
    assert_eq!(numbers(&db, "SELECT count(*) AS number FROM users").await, [1]);
    let revisions = numbers(&db, "SELECT revision AS number FROM ledger ORDER BY revision").await;
    assert_eq!(revisions, (1..=i64::try_from(revisions.len()).unwrap()).collect::<Vec<_>>());
    assert!(!revisions.is_empty());
}

#[tokio::test]
async fn a_node_with_another_key_encryption_key_does_not_start() {
    let database = Database::create().await;
    let program = Program::on(&database);
    program.clone().with("ROLECALL_KEY_ENCRYPTION_KEY", KEY).start().await.stop().await.assert(0);
    program
        .clone()
        .with("ROLECALL_KEY_ENCRYPTION_KEY", OTHER_KEY)
        .run(&[])
        .await
        .assert_refused(&["ROLECALL_KEY_ENCRYPTION_KEY"]);
    for malformed in ["tooshort", "not base64!"] {
        let refused = program.clone().with("ROLECALL_KEY_ENCRYPTION_KEY", malformed).run(&[]).await;
        let refused = refused.assert_refused(&["ROLECALL_KEY_ENCRYPTION_KEY", "32 bytes"]);
        assert!(!refused.stderr.contains(malformed));
    }
    program.with("ROLECALL_KEY_ENCRYPTION_KEY", KEY).start().await.stop().await.assert(0);
}

#[tokio::test]
async fn a_wrong_key_costs_nobody_the_first_password() {
    let database = Database::create().await;
    let program = Program::on(&database).without("ROLECALL_ADMIN_PASSWORD");
    let with_key = |key| program.clone().with("ROLECALL_KEY_ENCRYPTION_KEY", key);
    with_key(KEY).run(&["migrate"]).await.assert(0);
    with_key(OTHER_KEY).run(&[]).await.assert_refused(&["ROLECALL_KEY_ENCRYPTION_KEY"]);
    assert!(with_key(KEY).start().await.printed_password().is_some());
}

#[tokio::test]
async fn postgres_needs_an_issuer_and_a_key_that_all_nodes_share() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::unconfigured(directory.path()).with("DATABASE_URL", "postgres://127.0.0.1:1/rolecall");
    let (issuer, key) = ("ROLECALL_ISSUER", "ROLECALL_KEY_ENCRYPTION_KEY");
    program.clone().with(key, OTHER_KEY).run(&[]).await.assert_refused(&[issuer]);
    program.with(issuer, "http://rolecall.example").run(&[]).await.assert_refused(&[key]);
}

#[tokio::test]
async fn what_one_node_takes_away_the_others_refuse_soon() {
    let database = Database::create().await;
    let program = Program::on(&database);
    let (one, other) = (program.start().await, program.start().await);
    let admin = one.sign_in("admin", PASSWORD).await;
    admin.post("/v1/users", serde_json::json!({ "username": "bob", "password": PASSWORD })).await.assert(201);
    let bob = other.sign_in("bob", PASSWORD).await;
    bob.get("/v1/me").await.assert(200);
    admin.patch("/v1/users/bob", serde_json::json!({ "status": "disabled" })).await.assert(200);
    super::admin::refused_soon(&bob).await;
}
