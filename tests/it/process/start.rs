//! The first start, and those after it.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, path::Path};

use sea_orm::ConnectionTrait;

use super::{Program, Running};
use crate::support::{Database, PASSWORD};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn without_any_configuration_it_makes_what_it_needs_and_says_how_to_get_in() {
    let directory = tempfile::tempdir().unwrap();
    let running = Program::unconfigured(directory.path()).start().await;
    let password = running.printed_password().unwrap();
    assert!(password.len() >= 20, "{password}");
    running.sign_in("admin", password).await.get("/v1/users").await.assert(200);

    let said = running.said.join("\n");
    assert!(running.said.len() <= 24 && running.said.iter().all(|line| line.len() <= 80), "{said}");
    let docs = format!("{}/docs", running.url);
    assert!(said.contains(&docs) && said.contains("admin"), "{said}");
    assert_eq!(said.matches(password).count(), 1);
    assert!(!running.log().contains(password));
    running.anonymous().get("/docs").await.assert(200);
}

#[tokio::test]
async fn what_it_makes_is_for_its_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let _running = Program::unconfigured(directory.path()).start().await;
    let data = directory.path().join("rolecall-data");
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("key-encryption.key")), 0o600);
    // Bytes 18 and 19 of an SQLite file are its format versions; 2 means WAL.
    assert_eq!(fs::read(data.join("rolecall.db")).unwrap()[18..20], [2, 2]);
}

#[tokio::test]
async fn a_second_start_prints_no_password_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::unconfigured(directory.path());
    let first = program.start().await;
    let password = first.printed_password().unwrap().to_owned();
    let state = async |running: &Running| {
        let admin = running.sign_in("admin", &password).await;
        (admin.all("/v1/ledger").await, admin.get("/.well-known/jwks.json").await.body)
    };
    let before = state(&first).await;
    first.stop().await.assert(0);

    let second = program.start().await;
    assert_eq!(second.printed_password(), None);
    assert!(!second.said.iter().any(|line| line.contains("shown only this once")));
    assert_eq!(state(&second).await, before);
}

#[tokio::test]
async fn the_first_administrator_can_be_given() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::unconfigured(directory.path()).with("ROLECALL_ADMIN_USERNAME", "Grace");
    let running = program.with("ROLECALL_ADMIN_PASSWORD", PASSWORD).start().await;
    running.sign_in("grace", PASSWORD).await.get("/v1/users").await.assert(200);
    running.token("admin", PASSWORD).await.assert(400);
    let said = running.said.join("\n");
    assert!(said.contains("grace") && said.contains("ROLECALL_ADMIN_PASSWORD"), "{said}");
    let finished = running.stop().await.assert(0);
    assert!(!finished.stdout.contains(PASSWORD) && !finished.stderr.contains(PASSWORD), "{finished:?}");
}

#[tokio::test]
async fn a_weak_first_password_stops_the_start_and_a_good_one_lets_it_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::unconfigured(directory.path());
    for (weak, why) in [("tiny", "too short"), ("1q2w3e4r5t6y", "common")] {
        let refused = program.clone().with("ROLECALL_ADMIN_PASSWORD", weak).run(&[]).await;
        let refused = refused.assert_refused(&["ROLECALL_ADMIN_PASSWORD", why]);
        assert!(!refused.stderr.contains(weak));
    }
    let running = program.with("ROLECALL_ADMIN_PASSWORD", PASSWORD).start().await;
    running.sign_in("admin", PASSWORD).await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_and_costs_nobody_the_password() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let program = Program::unconfigured(directory.path());
    program.clone().with("ROLECALL_LISTEN", &address).run(&[]).await.assert_refused(&[&address, "in use"]);
    assert!(program.start().await.printed_password().is_some());
}

#[tokio::test]
async fn a_data_directory_that_can_not_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    // Below a file nobody can make a directory, not even root.
    fs::write(directory.path().join("file"), "").unwrap();
    let data = directory.path().join("file/data").display().to_string();
    let refused = Program::unconfigured(directory.path()).with("ROLECALL_DATA_DIR", &data).run(&[]).await;
    refused.assert_refused(&[&data, "ROLECALL_DATA_DIR"]);
}

#[tokio::test]
async fn a_data_directory_whose_database_can_not_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("rolecall-data/rolecall.db")).unwrap();
    Program::unconfigured(directory.path()).run(&[]).await.assert_refused(&["rolecall-data/rolecall.db"]);
}

#[tokio::test]
async fn a_database_that_does_not_answer_stops_the_start_without_showing_its_password() {
    let directory = tempfile::tempdir().unwrap();
    // Nothing listens on port 1.
    let program = Program::unconfigured(directory.path())
        .with("DATABASE_URL", "postgres://rolecall:hunter2hunter2@127.0.0.1:1/rolecall")
        .with("ROLECALL_ISSUER", "http://rolecall.example")
        .with("ROLECALL_KEY_ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    let refused = program.run(&[]).await.assert_refused(&["postgres://127.0.0.1:1/rolecall"]);
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
    assert!(!directory.path().join("rolecall-data").exists(), "on PostgreSQL nothing is kept in files");
}

#[tokio::test]
async fn a_key_file_that_was_lost_is_missed_and_not_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::unconfigured(directory.path());
    program.start().await.stop().await.assert(0);
    let file = directory.path().join("rolecall-data/key-encryption.key");
    let key = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    program.run(&[]).await.assert_refused(&["key-encryption.key is missing"]);
    assert!(!file.exists());
    fs::write(&file, key).unwrap();
    program.start().await.stop().await.assert(0);
}

#[tokio::test]
async fn a_database_that_a_newer_release_has_changed_is_left_to_it() {
    let database = Database::create().await;
    let program = Program::on(&database);
    program.start().await.stop().await.assert(0);
    let db = database.connection().await;
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_from_the_future', 0)";
    db.execute_unprepared(newer).await.unwrap();
    program.run(&[]).await.assert_refused(&["the database can't be used: a newer release has changed it"]);
}
