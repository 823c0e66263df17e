//! The other commands.

use std::{fs::File, process::Command};

use super::Program;
use crate::support::Database;

const COMMANDS: [&str; 8] = ["serve", "migrate", "openapi", "config", "admin", "ledger", "keys", "completions"];

#[tokio::test]
async fn the_document_is_the_one_in_the_repository() {
    let directory = tempfile::tempdir().unwrap();
    let printed = Program::unconfigured(directory.path()).run(&["openapi"]).await.assert(0);
    assert_eq!(printed.stdout.trim_end(), include_str!("../../../openapi.yaml").trim_end());
    assert!(!directory.path().join("rolecall-data").exists(), "it needs no database");
}

#[test]
fn what_a_full_disk_cuts_off_is_no_success() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let program = env!("CARGO_BIN_EXE_rolecall");
    let ended = Command::new(program).arg("openapi").env_clear().stdout(full).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.code() == Some(1) && said.contains("not all was written"), "{said}");
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let database = Database::create().await;
    let program = Program::on(&database);
    let first = program.run(&["migrate"]).await.assert(0);
    let second = program.run(&["migrate"]).await.assert(0);
    assert_eq!((first.stdout.as_str(), &second.stdout), ("The database is up to date.", &first.stdout));
    program.run(&["ledger", "verify"]).await.assert(0);
}

#[tokio::test]
async fn help_names_every_command_and_every_setting() {
    let directory = tempfile::tempdir().unwrap();
    let help = Program::unconfigured(directory.path()).run(&["--help"]).await.assert(0).stdout;
    for command in COMMANDS {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command} is not in {help}");
    }
    for spec in rolecall::config::SPECS {
        assert!(help.contains(spec.variable) && help.contains(&format!("--{}", spec.key.replace('_', "-"))), "{help}");
    }
}

#[tokio::test]
async fn help_and_completions_work_whatever_the_settings() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::unconfigured(directory.path()).with("ROLECALL_LISTN", "x");
    program.run(&["--help"]).await.assert(0);
    program.run(&["--version"]).await.assert(0);
    for shell in ["bash", "zsh", "fish"] {
        let completions = program.run(&["completions", shell]).await.assert(0).stdout;
        for command in COMMANDS {
            assert!(completions.contains(command), "{command} is not among {shell}'s");
        }
    }
}

#[tokio::test]
async fn a_command_or_flag_that_is_none_is_a_usage_error() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::unconfigured(directory.path());
    assert!(program.run(&["serv"]).await.assert(2).stderr.contains("serv"));
    assert!(program.run(&["--listn", "x"]).await.assert(2).stderr.contains("--listn"));
    assert!(program.run(&["ledger"]).await.assert(2).stderr.contains("verify"));
}
