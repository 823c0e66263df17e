//! `rolecall ledger verify`

use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{Finished, Program};
use crate::support::Server;

/// A server with revisions 1 to 5 at least.
async fn server() -> Server {
    let server = Server::start().await;
    server.role("editor", &["articles:update"]).await;
    server.user("alice", &["editor"]).await;
    server
}

async fn verify(server: &Server) -> Finished {
    Program::on(&server.database).run(&["ledger", "verify"]).await
}

/// Tampers, then expects that the ledger is broken there.
async fn assert_found(server: &Server, tampering: &[&str], revision: i64) {
    let db = server.database.connection().await;
    for statement in tampering {
        db.execute_unprepared(statement).await.unwrap();
    }
    let broken = verify(server).await.assert(2);
    assert!(broken.stderr.contains(&format!("revision {revision}:")), "{tampering:?}: {}", broken.stderr);
    assert_eq!(broken.stdout, "");
}

async fn last(server: &Server) -> i64 {
    let rows = server.admin().await.all("/v1/ledger").await;
    rows.last().unwrap()["revision"].as_i64().unwrap()
}

#[tokio::test]
async fn a_ledger_nobody_touched_is_sound() {
    let server = server().await;
    let last = last(&server).await;
    let sound = verify(&server).await.assert(0);
    assert!(sound.stdout.contains(&format!("{last} rows")), "{}", sound.stdout);
    let by_its_other_name = Program::on(&server.database).run(&["audit", "verify"]).await.assert(0);
    assert_eq!(by_its_other_name.stdout, sound.stdout);
}

#[tokio::test]
async fn a_ledger_is_sound_while_others_write_to_it() {
    let server = server().await;
    let admin = server.admin().await;
    let writing = tokio::spawn(async move {
        for number in 0.. {
            admin.post("/v1/permissions", json!({ "name": format!("articles:a{number}") })).await.assert(201);
        }
    });
    for _ in 0..3 {
        verify(&server).await.assert(0);
    }
    assert!(!writing.is_finished(), "others wrote all the time");
    writing.abort();
}

#[tokio::test]
async fn where_there_is_no_ledger_none_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let refused = Program::unconfigured(directory.path()).run(&["ledger", "verify"]).await;
    refused.assert_refused(&["rolecall-data/rolecall.db", "ROLECALL_DATA_DIR"]);
    assert!(!directory.path().join("rolecall-data").exists());
}

#[tokio::test]
async fn a_row_that_was_changed_is_named() {
    for change in [
        "actor = 'mallory'",
        "at = at + 1",
        "action = 'nothing'",
        "target = 'users/bob'",
        "after_state = NULL",
        "before_state = '{}'",
        "subjects = '[]x'",
        "deltas = '[{}]'",
        "hash = 'x'",
        "previous_hash = 'x'",
    ] {
        let server = server().await;
        assert_found(&server, &[&format!("UPDATE ledger SET {change} WHERE revision = 3")], 3).await;
    }
}

#[tokio::test]
async fn a_row_that_is_gone_is_named() {
    let server = server().await;
    assert_found(&server, &["DELETE FROM ledger WHERE revision = 3"], 3).await;
    assert_found(&server, &["DELETE FROM ledger WHERE revision = 1"], 1).await;
}

#[tokio::test]
async fn the_last_row_is_missed_too() {
    let server = server().await;
    let last = last(&server).await;
    assert_found(&server, &["DELETE FROM ledger WHERE revision = (SELECT max(revision) FROM ledger)"], last).await;
}

#[tokio::test]
async fn rows_that_changed_places_are_noticed() {
    let server = server().await;
    let swap = [
        "UPDATE ledger SET revision = -3 WHERE revision = 3",
        "UPDATE ledger SET revision = 3 WHERE revision = 4",
        "UPDATE ledger SET revision = 4 WHERE revision = -3",
    ];
    assert_found(&server, &swap, 3).await;
}

#[tokio::test]
async fn a_row_that_was_slipped_in_is_noticed() {
    let server = server().await;
    let next = last(&server).await + 1;
    let columns =
        "at, actor, actor_id, action, target, before_state, after_state, deltas, subjects, hash, previous_hash";
    let copy =
        format!("INSERT INTO ledger (revision, {columns}) SELECT {next}, {columns} FROM ledger WHERE revision = 3");
    assert_found(&server, &[&copy], next).await;
}
