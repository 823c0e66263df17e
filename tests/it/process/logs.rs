//! What is logged.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Program, Running};
use crate::support::{Database, PASSWORD};

const NEW: &str = "a quite different one";

/// Every line, each of which is JSON.
fn lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))).collect()
}

fn requests(log: &str) -> Vec<Value> {
    lines(log).into_iter().filter(|line| line["target"] == "rolecall::request").collect()
}

#[tokio::test]
async fn each_request_is_one_line_of_json_with_the_id_in_the_response() {
    let database = Database::create().await;
    let running = Program::on(&database).start().await;
    let anonymous = running.anonymous();
    let mut expected = Vec::new();
    for (method, path, status) in [
        (Method::GET, "/healthz", 200),
        (Method::GET, "/v1/me?x=y", 401),
        (Method::POST, "/nowhere", 404),
        (Method::DELETE, "/healthz", 405),
    ] {
        let answer = anonymous.send(anonymous.request(method.clone(), path)).await.assert(status);
        let path = path.split('?').next().unwrap();
        expected.push(json!([answer.header("x-request-id"), method.as_str(), path, status, "127.0.0.1"]));
    }
    let log = running.stop().await.assert(0).stderr;
    let member = |line: &Value| {
        assert!(line["milliseconds"].is_f64() && line["level"] == "INFO" && line["timestamp"].is_string(), "{line}");
        json!([line["request_id"], line["method"], line["path"], line["status"], line["client"]])
    };
    assert_eq!(requests(&log).iter().map(member).collect::<Vec<_>>(), expected);
}

/// Signs in, changes the password and passes secrets where they don't belong; returns what must not be logged.
async fn handle_secrets(running: &Running) -> Vec<String> {
    let admin = running.sign_in("admin", PASSWORD).await;
    let token = admin.token.clone().unwrap();
    let change = json!({ "current_password": PASSWORD, "new_password": NEW });
    admin.put_json("/v1/me/password", change).await.assert(204);
    admin.get(&format!("/v1/users?q=veryprivate&access_token={token}")).await.assert(200);
    running.anonymous().get(&format!("/v1/me?access_token={token}")).await.assert(401);
    let query = format!("/oauth/token?password={}", NEW.replace(' ', "+"));
    running.anonymous().form(&query, &[("password", NEW)]).await.assert(400);
    running.token("admin", "veryprivate wrong").await.assert(400);
    let new = json!({ "username": "bob", "password": NEW, "nonsense": "veryprivate" });
    admin.post("/v1/users", new).await.assert(400);
    let signature = token.rsplit('.').next().unwrap().to_owned();
    vec![
        PASSWORD.into(),
        PASSWORD.replace(' ', "+"),
        NEW.into(),
        NEW.replace(' ', "+"),
        signature,
        "veryprivate".into(),
    ]
}

#[tokio::test]
async fn no_secret_and_no_query_is_logged() {
    let database = Database::create().await;
    let running = Program::on(&database).start().await;
    let secrets = handle_secrets(&running).await;
    let log = running.stop().await.assert(0).stderr;
    assert!(requests(&log).len() >= 7, "{log}");
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn not_even_when_everything_is_logged() {
    let database = Database::create().await;
    let running = Program::on(&database).with("ROLECALL_LOG", "trace").start().await;
    let secrets = handle_secrets(&running).await;
    let log = running.stop().await.assert(0).stderr;
    lines(&log);
    for secret in secrets {
        let leak = log.lines().find(|line| line.contains(&secret));
        assert_eq!(leak, None, "{secret}");
    }
}

#[tokio::test]
async fn it_can_be_for_people_or_silent() {
    let database = Database::create().await;
    let program = Program::on(&database);
    let human = program.clone().with("ROLECALL_LOG_FORMAT", "human").start().await;
    human.anonymous().get("/healthz").await.assert(200);
    let log = human.stop().await.assert(0).stderr;
    let line = log.lines().find(|line| line.contains("/healthz")).unwrap();
    assert!(line.contains("INFO") && !line.starts_with('{') && !line.contains('\u{1b}'), "{line}");
    let silent = program.with("ROLECALL_LOG", "off").start().await;
    silent.anonymous().get("/healthz").await.assert(200);
    assert_eq!(silent.stop().await.assert(0).stderr, "");
}
