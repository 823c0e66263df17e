//! The policy as a file.

mod file;
mod random;
mod rules;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, PASSWORD, Server};

const BLOG: &str = include_str!("../../docs/policies/blog.yaml");
const COMPANY: &str = include_str!("../../docs/policies/company.yaml");

async fn send(client: &Client, path: &str, file: &str) -> Answer {
    let request = client.request(Method::POST, path).header("content-type", "application/yaml");
    client.send(request.body(file.to_owned())).await
}

async fn export(client: &Client) -> String {
    client.get("/v1/policy?assignments=true").await.assert(200).text
}

async fn apply(client: &Client, file: &str) -> Answer {
    send(client, "/v1/policy/apply", file).await
}

async fn prune(client: &Client, file: &str) -> Answer {
    send(client, "/v1/policy/apply?prune=true", file).await
}

/// What was done to what, in order.
fn steps(answer: &Answer) -> Vec<(&str, &str)> {
    let changes = answer.body["changes"].as_array().unwrap();
    changes.iter().map(|it| (it["change"].as_str().unwrap(), it["target"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_file_makes_the_policy_what_it_says_and_a_second_time_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for file in [BLOG, COMPANY] {
        let planned = send(&admin, "/v1/policy/plan", file).await.assert(200);
        let before = server.revision();
        let done = apply(&admin, file).await.assert(200);
        assert_eq!(planned.body["changes"], done.body["changes"], "planned is what is done");
        assert_eq!(server.revision(), before + 1, "one change, however much");
        assert_eq!(steps(&apply(&admin, file).await.assert(200)), []);
        assert_eq!(server.revision(), before + 1);
    }
    let given = admin.names("/v1/roles/blog-admin/permissions", "permission").await;
    assert_eq!(given, ["articles:create", "articles:delete", "articles:read", "articles:update"]);
    server.user("alice", &["cashier"]).await;
    admin.put("/v1/users/alice/roles/finance-lead").await.assert_problem(409, "separation_of_duty");
    server.user("bob", &["auditor", "finance-lead"]).await;
    server.token("bob", PASSWORD, &[]).await.assert_oauth_error(400, "invalid_request");
    server.token("bob", PASSWORD, &[("roles", "auditor")]).await.assert(200);
}

#[tokio::test]
async fn an_export_has_everything_in_one_order_and_applying_it_changes_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    apply(&admin, BLOG).await.assert(200);
    server.user("alice", &["blog-reader"]).await;
    let until = json!({ "valid_until": "2099-12-31T23:59:59.5Z" });
    admin.put_json("/v1/users/alice/roles/blog-editor", until).await.assert(204);
    let file = export(&admin).await;
    assert!(file.contains("valid_until: 2099-12-31T23:59:59.5Z"), "{file}");
    assert!(file.find("name: blog-admin") < file.find("name: blog-editor"), "by name: {file}");
    assert!(!file.contains("users:read") && !file.contains("name: admin"), "what is built in is left out: {file}");
    assert_eq!(steps(&prune(&admin, &file).await.assert(200)), []);
    let json = admin.send(admin.request(Method::GET, "/v1/policy").header("accept", "application/json")).await;
    assert_eq!(json.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(json.body["assignments"], Value::Null, "only if asked for");
    assert_eq!(steps(&admin.post("/v1/policy/apply?prune=true", json.body).await.assert(200)), []);
    assert_eq!(export(&admin).await, file);
}

#[tokio::test]
async fn what_a_file_does_not_list_is_kept_unless_it_is_to_be_pruned() {
    let server = Server::start().await;
    let admin = server.admin().await;
    apply(&admin, BLOG).await.assert(200);
    let file = "roles:\n- name: blog-reader\n  description: Reads articles\n  permissions: [articles:read]\n";
    let done = apply(&admin, file).await.assert(200);
    assert_eq!(steps(&done), []);
    assert_eq!(done.body["kept"], json!(["roles/blog-admin", "roles/blog-editor"]));
    let done = prune(&admin, file).await.assert(200);
    assert_eq!(steps(&done), [("removed", "roles/blog-admin"), ("removed", "roles/blog-editor")]);
    assert_eq!(done.body["kept"], json!([]));
    assert_eq!(admin.names("/v1/roles", "name").await, ["admin", "blog-reader"]);
    // A section that isn't there says nothing of what it would list.
    admin.get("/v1/permissions/articles:delete").await.assert(200);
    let done = prune(&admin, "permissions: []").await.assert(200);
    assert_eq!(steps(&done).len(), 4, "{}", done.text);
    assert_eq!(admin.names("/v1/roles/blog-reader/permissions", "permission").await, [""; 0]);
    let writer = server.person("writer", &["policy:update"]).await;
    let told = writer.post("/v1/policy/apply", json!({ "roles": [] })).await.assert(200).body;
    assert_eq!(told, json!({ "changes": [], "kept": [] }), "to write is not to read");
}

#[tokio::test]
async fn what_a_file_lists_becomes_just_that() {
    let server = Server::start().await;
    let admin = server.admin().await;
    apply(&admin, BLOG).await.assert(200);
    let file = "
permissions:
- name: articles:read
- name: articles:print
roles:
- name: blog-reader
  permissions: [articles:print]
  juniors: [blog-editor]
- name: blog-editor
  permissions: [articles:create, articles:update]
  description: Writes and corrects articles, and reads them as readers do
";
    let done = apply(&admin, file).await.assert(200);
    let expected = [
        ("removed", "roles/blog-editor/juniors/blog-reader"),
        ("removed", "roles/blog-reader/permissions/articles:read"),
        ("added", "permissions/articles:print"),
        ("changed", "permissions/articles:read"),
        ("changed", "roles/blog-reader"),
        ("added", "roles/blog-reader/permissions/articles:print"),
        ("added", "roles/blog-reader/juniors/blog-editor"),
    ];
    assert_eq!(steps(&done), expected, "an edge turns round in one change");
    let read = json!({ "change": "changed", "target": "permissions/articles:read", "before": "Read articles" });
    assert!(done.body["changes"].as_array().unwrap().contains(&read), "{}", done.text);
    let row = &admin.get("/v1/ledger?action=apply_policy").await.assert(200).body["items"][1];
    assert_eq!((&row["target"], &row["after"]["changes"]), (&json!("policy"), &done.body["changes"]));
}

#[tokio::test]
async fn a_file_is_applied_only_to_what_it_was_planned_on() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let planned = send(&admin, "/v1/policy/plan", BLOG).await.assert(200);
    let digest = planned.body["digest"].as_str().unwrap().to_owned();
    assert_eq!(admin.etag("/v1/policy").await, format!("\"{digest}\""), "an export says it, too");
    let applying = |tag: String| {
        let request = admin.request(Method::POST, "/v1/policy/apply").header("content-type", "application/yaml");
        admin.send(request.header("if-match", tag).body(BLOG))
    };
    server.role("other", &[]).await;
    applying(format!("\"{digest}\"")).await.assert_problem(412, "stale");
    admin.get("/v1/roles/blog-reader").await.assert(404);
    admin.delete("/v1/roles/other").await.assert(204);
    applying(format!("\"{digest}\"")).await.assert(200);
    applying(digest).await.assert_problem(412, "stale");
    applying("*".into()).await.assert(200);
}

#[tokio::test]
async fn a_plan_and_a_dry_run_tell_who_gains_and_loses_and_change_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    apply(&admin, BLOG).await.assert(200);
    server.user("alice", &["blog-reader"]).await;
    let alice = server.sign_in("alice", PASSWORD).await;
    let before = server.revision();
    let file = "roles:\n- name: blog-reader\n  permissions: [articles:update]\n";
    let planned = send(&admin, "/v1/policy/plan", file).await.assert(200);
    let effect = json!({
        "allowed": true,
        "broken_rules": [],
        "users_affected": 1,
        "more_users": false,
        "sessions_affected": 1,
        "users": [{ "username": "alice", "gains": ["articles:update"], "loses": ["articles:read"] }],
    });
    assert_eq!(planned.body["effect"], effect);
    let told = send(&admin, "/v1/policy/apply?dry_run=true", file).await.assert(200);
    assert_eq!((told.body, server.revision()), (effect, before));
    alice.get("/v1/me").await.assert(200);
    apply(&admin, file).await.assert(200);
    alice.get("/v1/me").await.assert_invalid_token();
}

#[tokio::test]
async fn a_permission_that_goes_leaves_the_scopes_of_clients() {
    let server = Server::start().await;
    let admin = server.admin().await;
    apply(&admin, BLOG).await.assert(200);
    let scopes = ["articles:create", "articles:read", "articles:update"];
    let client = json!({ "name": "A", "client_id": "a", "grants": ["client_credentials"], "scopes": scopes });
    admin.post("/v1/clients", client).await.assert(201);
    prune(&admin, "permissions:\n- name: articles:read\n").await.assert(200);
    assert_eq!(admin.get("/v1/clients/a").await.assert(200).body["scopes"], json!(["articles:read"]));
}
