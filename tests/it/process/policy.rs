//! `rolecall policy`

use std::fs;

use super::{Finished, Program};
use crate::support::Server;

async fn rolecall(server: &Server, arguments: &[&str]) -> Finished {
    Program::on(&server.database).run(&[&["policy"], arguments].concat()).await
}

fn starter(name: &str) -> String {
    format!("{}/docs/policies/{name}.yaml", env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test]
async fn a_starter_is_planned_applied_and_exported_while_the_server_runs() {
    let server = Server::start().await;
    let file = starter("blog");
    let planned = rolecall(&server, &["plan", &file]).await.assert(0);
    assert!(planned.stdout.contains("+ roles/blog-editor/juniors/blog-reader\n"), "{}", planned.stdout);
    assert!(planned.stdout.contains("13 to add, 0 to change, 0 to remove."), "{}", planned.stdout);
    let admin = server.admin().await;
    admin.get("/v1/roles/blog-reader").await.assert(404);

    let (_, digest) = planned.stdout.rsplit_once(' ').unwrap();
    let applied = rolecall(&server, &["apply", &file, "--planned-on", digest.trim()]).await.assert(0);
    assert!(applied.stdout.contains("Applied."), "{}", applied.stdout);
    let again = rolecall(&server, &["apply", &file, "--planned-on", digest.trim()]).await;
    again.assert_refused(&["plan again"]);
    let again = rolecall(&server, &["apply", &file]).await.assert(0);
    assert_eq!(again.stdout, "Nothing to change.");

    let exported = rolecall(&server, &["export"]).await.assert(0).stdout;
    for line in fs::read_to_string(&file).unwrap().lines().filter(|line| !line.starts_with('#')) {
        assert!(exported.contains(line), "{line} is not in {exported}");
    }
    let over_http = admin.get("/v1/policy").await.assert(200).text;
    assert_eq!(over_http.trim_end(), exported, "the server has what the command line did, and writes it alike");
}

#[tokio::test]
async fn what_would_go_is_kept_until_it_is_pruned() {
    let server = Server::start().await;
    server.role("old", &[]).await;
    server.user("alice", &["old"]).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("policy.yaml");
    fs::write(&file, "roles:\n- name: new\n").unwrap();
    let file = file.to_str().unwrap();
    let planned = rolecall(&server, &["plan", file]).await.assert(0);
    assert!(
        planned.stdout.contains("+ roles/new\n") && planned.stdout.contains("--prune deletes it"),
        "{}",
        planned.stdout
    );
    let planned = rolecall(&server, &["plan", file, "--prune"]).await.assert(0);
    assert!(planned.stdout.contains("- roles/old\n"), "{}", planned.stdout);
    rolecall(&server, &["apply", file, "--prune"]).await.assert(0);
    let exported = rolecall(&server, &["export", "--assignments"]).await.assert(0);
    assert!(exported.stdout.contains("user: admin") && !exported.stdout.contains("old"), "{}", exported.stdout);
}

#[tokio::test]
async fn what_can_not_be_is_said_with_file_line_and_column_or_by_its_rule() {
    let server = Server::start().await;
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let typo = write("typo.yaml", "roles:\n- nmae: x\n");
    let unknown = write("unknown.yaml", "roles:\n- name: x\n  permissions: [a:b]\n");
    let lockout = write("lockout.yaml", "assignments: []\n");
    let revision = server.revision();
    for command in ["plan", "apply"] {
        rolecall(&server, &[command, &typo]).await.assert_refused(&["typo.yaml: line 2, column 3"]);
        rolecall(&server, &[command, &unknown]).await.assert_refused(&["unknown.yaml: line 3, column 17", "a:b"]);
        let sentence = "refused. After this nobody could administer";
        let sentence = if command == "plan" { sentence } else { "nothing is changed. After this nobody could" };
        rolecall(&server, &[command, "--prune", &lockout]).await.assert_refused(&[sentence]);
        rolecall(&server, &[command, "nowhere.yaml"]).await.assert_refused(&["nowhere.yaml"]);
    }
    assert_eq!(server.revision(), revision);
}
