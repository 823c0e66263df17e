//! Requests that don't fit the API.

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Client, Server};

async fn call(client: &Client, method: &str, path: &str) -> Answer {
    client.send(client.request(method.parse().unwrap(), path)).await
}

#[tokio::test]
async fn a_path_that_is_not_there_is_a_problem() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for client in [server.anonymous(), admin] {
        for path in ["/v1", "/v1/nothing", "/v1/users/alice/nothing", "/docs/nothing", "//v1/users", "/v1/roles/a/b/c"]
        {
            client.get(path).await.assert_problem(404, "not_found");
            client.post(path, json!({})).await.assert_problem(404, "not_found");
        }
    }
}

#[tokio::test]
async fn every_path_says_which_methods_it_takes() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let document = admin.get("/openapi.json").await.assert(200).body;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let mut takes: Vec<_> = operations.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        if takes.contains(&"GET".to_owned()) {
            takes.push("HEAD".into());
        }
        takes.sort();
        let path = path.replace(['{', '}'], "");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if takes.iter().any(|taken| taken == method) {
                continue;
            }
            for path in [&path, &format!("{path}?dry_run=true")] {
                let refused = call(&admin, method, path).await.assert(405);
                assert_eq!(refused.header("allow"), takes.join(", "), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn swagger_ui_and_the_document_take_get_only() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    for path in ["/docs", "/docs/start.js", "/docs/swagger-ui.css", "/openapi.yaml", "/openapi.json"] {
        let refused = anonymous.delete(path).await.assert_problem(405, "method_not_allowed");
        assert_eq!(refused.header("allow"), "GET, HEAD", "{path}");
    }
}

#[tokio::test]
async fn a_method_the_token_endpoint_does_not_take_is_an_oauth_error() {
    let server = Server::start().await;
    let refused = server.anonymous().get("/oauth/token").await.assert(405);
    assert_eq!((refused.header("allow"), &refused.body["error"]), ("POST", &json!("invalid_request")));
}

#[tokio::test]
async fn head_answers_as_get_without_the_body() {
    let server = Server::start().await;
    let (anonymous, admin) = (server.anonymous(), server.admin().await);
    for (client, path) in [(&anonymous, "/healthz"), (&anonymous, "/docs"), (&admin, "/v1/me"), (&anonymous, "/v1/me")]
    {
        let (head, get) = (call(client, "HEAD", path).await, client.get(path).await);
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        let length = head.header("content-length");
        assert!(length.is_empty() || length == get.header("content-length"), "{path}: {length}");
    }
}

#[tokio::test]
async fn a_body_of_the_wrong_kind_is_415() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "nonsense"] {
        let request = admin.request(Method::POST, "/v1/users").header("content-type", content_type);
        admin.send(request.body(r#"{"username":"alice"}"#)).await.assert_problem(415, "unsupported_media_type");
    }
    let json = server.anonymous().post("/oauth/token", json!({ "grant_type": "password" })).await.assert(415);
    assert_eq!(json.body["error"], "invalid_request");
}

#[tokio::test]
async fn a_patch_may_call_itself_json_or_merge_patch() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for content_type in ["application/json", "application/merge-patch+json", "application/json; charset=utf-8"] {
        let request = admin.request(Method::PATCH, "/v1/users/admin").header("content-type", content_type);
        admin.send(request.body(r#"{"display_name":"A."}"#)).await.assert(200);
    }
}

#[tokio::test]
async fn a_body_that_is_not_the_json_asked_for_is_400() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let bodies: [&[u8]; 9] = [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\"alice\"",
        b"{} {}",
        b"{\"username\":\"\xff\"}",
        b"{\"username\":7}",
        b"{\"username\":\"\\ud800\"}",
    ];
    for body in bodies {
        let request = admin.request(Method::POST, "/v1/users").header("content-type", "application/json");
        admin.send(request.body(body)).await.assert_problem(400, "bad_request");
    }
}

#[tokio::test]
async fn a_member_nobody_asked_for_is_named() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let refused = admin.post("/v1/users", json!({ "username": "alice", "passwrd": "x" })).await;
    let refused = refused.assert_problem(400, "bad_request");
    assert_eq!(refused.body["detail"], "In the body: unknown field `passwrd`.");
    admin.get("/v1/users/alice").await.assert(404);
}

#[tokio::test]
async fn what_is_wrong_is_said_in_words_for_whoever_sent_it() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let said = async |answer: Answer| answer.assert_problem(400, "bad_request").body["detail"].clone();
    let limit = said(admin.get("/v1/users?limit=0").await).await;
    assert_eq!(limit, "limit: must be a number from 1 to 500");
    let member = said(admin.post("/v1/roles", json!({})).await).await;
    assert_eq!(member, "In the body: name: is missing, or null");
    let time = said(admin.put_json("/v1/users/admin/roles/admin", json!({ "valid_until": "tomorrow" })).await).await;
    assert_eq!(time, "In the body: valid_until: must be a time like 2026-01-31T12:00:00Z");
    let time = said(admin.get("/v1/assignments?ends_before=tomorrow").await).await;
    assert_eq!(time, "ends_before: must be a time like 2026-01-31T12:00:00Z");
}

#[tokio::test]
async fn what_is_wrong_in_a_body_is_said_by_the_name_of_the_member() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let nil = "00000000-0000-0000-0000-00000000000x";
    let cases = [
        (
            "/v1/roles",
            json!({ "name": "a", "description": "x".repeat(2000) }),
            "description: must be at most 1000 characters",
        ),
        ("/v1/roles", json!({ "name": "a", "permissions": ["articles"] }), "permissions: must be resource:action"),
        ("/v1/roles", json!({ "name": "a", "permissions": "articles:read" }), "permissions: must be a list"),
        ("/v1/roles", json!({ "name": "a", "juniors": ["b", 1] }), "juniors[1]: must be a text"),
        ("/v1/clients", json!({ "name": "A", "grants": [] }), "grants: must list at least 1"),
        ("/v1/clients", json!({ "name": "A", "grants": ["none"] }), "grants[0]: must be one of "),
        ("/v1/clients", json!({ "grants": ["password"] }), "name: is missing, or null"),
        ("/v1/users", json!([{ "password": "SECRET" }]), "it must be an object"),
        ("/v1/users", json!({ "username": "a b", "email": 1 }), "email: must be a text"),
        ("/v1/users", json!({ "username": "a b", "email": "x" }), "username: must be 1 to 128"),
        ("/v1/users", json!({ "username": "a", "email": "x" }), "email: must be an e-mail address"),
    ];
    for (path, body, expected) in cases {
        let refused = admin.post(path, body.clone()).await.assert_problem(400, "bad_request");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.starts_with(&format!("In the body: {expected}")), "{body}: {detail}");
        assert!(!detail.contains("SECRET"), "{detail}");
    }
    let empty = admin.request(Method::POST, "/v1/roles").header("content-type", "application/json");
    let empty = admin.send(empty).await.assert_problem(400, "bad_request");
    assert_eq!(empty.body["detail"], "The body is missing: send a JSON object.");
    let odd = admin.get(&format!("/v1/sessions/{nil}")).await.assert_problem(400, "bad_request");
    assert_eq!(odd.body["detail"], "In the path: must be a UUID");
    let long = admin.post("/v1/users", json!(vec!["x"; 100_000])).await.assert_problem(400, "bad_request");
    assert!(long.text.len() < 500, "{} bytes", long.text.len());
    let long = admin.get(&format!("/v1/users?limit={}", "x".repeat(5000))).await.assert_problem(400, "bad_request");
    assert!(long.text.len() < 500, "{} bytes", long.text.len());
}

#[tokio::test]
async fn a_member_that_stands_twice_is_refused_at_any_depth() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let question = r#"{"subject":{"type":"user","id":"a","id":"admin"},"action":{"name":"read"},"resource":{"type":"users","id":"1"}}"#;
    let cases = [
        (Method::POST, "/v1/roles", r#"{"name":"first","name":"second"}"#, "name"),
        (Method::POST, "/v1/roles", r#"{"name":"first","\u006eame":"second"}"#, "name"),
        (Method::PUT, "/v1/users/admin/roles/admin", r#"{"valid_until":null,"valid_until":null}"#, "valid_until"),
        (Method::PATCH, "/v1/users/admin", r#"{"email":"a@b","email":null}"#, "email"),
        (Method::POST, "/access/v1/evaluation", question, "id"),
    ];
    for (method, path, body, member) in cases {
        let request = admin.request(method, path).header("content-type", "application/json").body(body);
        let refused = admin.send(request).await.assert_problem(400, "bad_request");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("the member {member} stands there twice")), "{detail}");
        let anonymous = server.anonymous();
        let request = anonymous.request(Method::POST, "/v1/roles").header("content-type", "application/json");
        anonymous.send(request.body(body)).await.assert_problem(401, "unauthenticated");
    }
    admin.get("/v1/roles/second").await.assert(404);
}

#[tokio::test]
async fn a_name_in_a_list_that_leads_nowhere_is_told() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("here", &[]).await;
    let cases = [
        ("/v1/users", json!({ "username": "alice", "roles": ["here", "nowhere"] }), "There is no role nowhere."),
        ("/v1/roles", json!({ "name": "new", "juniors": ["here", "nowhere"] }), "There is no role nowhere."),
        ("/v1/roles", json!({ "name": "new", "permissions": ["no:where"] }), "There is no permission no:where."),
    ];
    for (path, body, expected) in cases {
        let refused = admin.post(path, body).await.assert_problem(404, "not_found");
        assert_eq!(refused.body["detail"], expected);
    }
}

#[tokio::test]
async fn an_if_match_of_any_bytes_is_none_of_ours() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.role("reader", &[]).await;
    let odd = reqwest::header::HeaderValue::from_bytes(b"\"\xff\"").unwrap();
    let request = |method, path| admin.request(method, path).header("if-match", odd.clone());
    let patched = request(Method::PATCH, "/v1/roles/reader").json(&json!({ "description": "x" }));
    admin.send(patched).await.assert_problem(412, "stale");
    let applied = request(Method::POST, "/v1/policy/apply").json(&json!({ "roles": [] }));
    admin.send(applied).await.assert_problem(412, "stale");
    admin.send(request(Method::DELETE, "/v1/roles/none")).await.assert_problem(404, "not_found");
    admin.send(request(Method::DELETE, "/v1/roles/reader").header("if-match", "*")).await.assert_problem(412, "stale");
}
