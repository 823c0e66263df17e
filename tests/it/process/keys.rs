//! `rolecall keys`

use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait;

use super::{Program, Running, admin::refused_soon};
use crate::support::{Database, PASSWORD};

/// The names of the published keys.
async fn published(running: &Running) -> Vec<String> {
    let jwks = running.anonymous().get("/.well-known/jwks.json").await.assert(200);
    jwks.body["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// Each line of the list, in words.
async fn list(program: &Program) -> Vec<Vec<String>> {
    let list = program.run(&["keys", "list"]).await.assert(0).stdout;
    list.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

#[tokio::test]
async fn a_running_server_publishes_a_new_key_within_ten_seconds() {
    let database = Database::create().await;
    let program = Program::on(&database);
    let running = program.start().await;
    let before = published(&running).await;
    let began = Instant::now();
    let made = program.run(&["keys", "rotate"]).await.assert(0).stdout;
    let kids = loop {
        let kids = published(&running).await;
        if kids.len() == 2 {
            break kids;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "still {kids:?}");
    };
    assert!(kids[0] == before[0] && made.starts_with(&kids[1]), "{made}");

    let list = list(&program).await;
    assert_eq!(list[0], ["KID", "ALGORITHM", "CREATED", "SIGNS", "FROM", "STATE"]);
    for (line, kid, state) in [(&list[1], &kids[0], "signing"), (&list[2], &kids[1], "next")] {
        let [shown, algorithm, created, signs_from, is] = &line[..] else { panic!("{line:?}") };
        assert_eq!([shown, algorithm, is], [kid, "ES256", state]);
        assert!(created.ends_with('Z') && (created == signs_from) == (state == "signing"), "{line:?}");
    }
    let again = program.run(&["keys", "rotate"]).await.assert(0).stdout;
    assert!(again.contains("waiting"), "{again}");
    assert_eq!(self::list(&program).await, list);
}

#[tokio::test]
async fn a_running_server_refuses_what_a_retired_key_signed_within_seconds() {
    let database = Database::create().await;
    let program = Program::on(&database);
    let running = program.start().await;
    let before = running.sign_in("admin", PASSWORD).await;
    let old = published(&running).await.remove(0);
    let retired = program.run(&["keys", "retire", &old]).await.assert(0).stdout;
    refused_soon(&before).await;
    let after = running.sign_in("admin", PASSWORD).await;
    after.get("/v1/me").await.assert(200);
    let began = Instant::now();
    while published(&running).await.contains(&old) {
        assert!(began.elapsed() < Duration::from_secs(2), "still published");
    }
    let kids = published(&running).await;
    assert!(kids.len() == 1 && retired.contains(&kids[0]) && retired.contains(&old), "{retired}");
    assert!(!list(&program).await.iter().any(|line| line[0] == old));
    program.run(&["ledger", "verify"]).await.assert(0);
}

#[tokio::test]
async fn a_key_that_is_none_is_named() {
    let database = Database::create().await;
    let program = Program::on(&database);
    program.run(&["migrate"]).await.assert(0);
    // One name in 64 begins with a hyphen.
    for kid in ["no-such-key", "-hVno-such-key", "--no-such-key", "-"] {
        program.run(&["keys", "retire", kid]).await.assert_refused(&[kid, "rolecall keys list"]);
    }
    assert!(program.run(&["keys"]).await.assert(2).stderr.contains("retire"));
}

#[tokio::test]
async fn where_there_is_no_database_none_is_made() {
    let directory = tempfile::tempdir().unwrap();
    for command in [&["keys", "list"][..], &["keys", "rotate"], &["keys", "retire", "x"]] {
        let refused = Program::unconfigured(directory.path()).run(command).await;
        refused.assert_refused(&["rolecall-data/rolecall.db", "ROLECALL_DATA_DIR"]);
    }
    assert!(!directory.path().join("rolecall-data").exists());
}

#[tokio::test]
async fn a_restart_with_another_algorithm_prepares_it() {
    let database = Database::create().await;
    let program = Program::on(&database);
    program.start().await.stop().await.assert(0);
    let running = program.clone().with("ROLECALL_SIGNING_ALGORITHM", "RS256").start().await;
    let began = Instant::now();
    while published(&running).await.len() < 2 {
        assert!(began.elapsed() < Duration::from_secs(10), "no new key");
    }
    let list = list(&program).await;
    assert_eq!([&list[1][1], &list[1][4], &list[2][1], &list[2][4]], ["ES256", "signing", "RS256", "next"]);
}

#[tokio::test]
async fn a_signing_key_from_elsewhere_stops_the_start_and_a_waiting_one_is_left_out() {
    let database = Database::create().await;
    let program = Program::on(&database);
    program.run(&["migrate"]).await.assert(0);
    let db = database.connection().await;
    let copy = |kid: &str, seconds: i64| {
        let columns = "algorithm, public_key, sealed_private_key, created_at";
        let values = format!("'{kid}', {columns}, signs_from + {}", seconds * 1_000_000);
        format!("INSERT INTO signing_keys (kid, {columns}, signs_from) SELECT {values} FROM signing_keys")
    };
    db.execute_unprepared(&copy("later", 3600)).await.unwrap();
    let running = program.start().await;
    assert_eq!(published(&running).await.len(), 1);
    let list = list(&program).await;
    assert!(list[2][0] == "later" && list[2][4] == "left", "{list:?}");
    running.stop().await.assert(0);
    program.run(&["keys", "retire", "later"]).await.assert(0);
    db.execute_unprepared(&copy("now", 1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    program.run(&[]).await.assert_refused(&["signing key"]);
}
