//! Requests that aren't right, answered in the form of RFC 6749 §5.2.

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, PASSWORD, Server};

async fn send(server: &Server, path: &str, content_type: &str, body: String) -> Answer {
    let caller = server.anonymous();
    let request = caller.request(Method::POST, path).header("content-type", content_type).body(body);
    caller.send(request).await
}

async fn form(server: &Server, body: &str) -> Answer {
    send(server, "/oauth/token", "application/x-www-form-urlencoded", body.to_owned()).await
}

fn good() -> String {
    format!("grant_type=password&username=admin&password={}", PASSWORD.replace(' ', "+"))
}

#[tokio::test]
async fn a_parameter_that_is_missing_or_empty_is_named() {
    let server = Server::start().await;
    form(&server, &good()).await.assert(200);
    for parameter in ["grant_type", "username", "password"] {
        let without: Vec<_> =
            good().split('&').filter(|pair| !pair.starts_with(parameter)).map(str::to_owned).collect();
        let without = without.join("&");
        for body in [without.clone(), format!("{without}&{parameter}=")] {
            let answer = form(&server, &body).await.assert_oauth_error(400, "invalid_request");
            assert!(answer.body["error_description"].as_str().unwrap().contains(parameter), "{}", answer.text);
        }
    }
    form(&server, "").await.assert_oauth_error(400, "invalid_request");
}

#[tokio::test]
async fn a_parameter_is_sent_once_and_in_the_body() {
    let server = Server::start().await;
    for again in ["username=admin", "grant_type=password", "scope=users:read&scope=users:read", "x=1&x=1"] {
        form(&server, &format!("{}&{again}", good())).await.assert_oauth_error(400, "invalid_request");
    }
    let urlencoded = "application/x-www-form-urlencoded";
    for path in ["/oauth/token?scope=users:read", "/oauth/token?username=admin", "/oauth/token?"] {
        send(&server, path, urlencoded, good()).await.assert_oauth_error(400, "invalid_request");
    }
    send(&server, &format!("/oauth/token?{}", good()), urlencoded, String::new())
        .await
        .assert_oauth_error(400, "invalid_request");
}

#[tokio::test]
async fn a_list_is_bounded_and_names_each_once() {
    let server = Server::start().await;
    let many: Vec<_> = (0..501).map(|number| format!("a:b{number}")).collect();
    for parameter in ["scope", "roles"] {
        let body = format!("{}&{parameter}={}", good(), many.join("+"));
        form(&server, &body).await.assert_oauth_error(400, "invalid_request");
    }
    let again = vec!["users:read"; 1000].join("+");
    let answer = form(&server, &format!("{}&scope={again}", good())).await.assert(200);
    assert_eq!(answer.body["scope"], "users:read");
}

#[tokio::test]
async fn a_parameter_nobody_knows_is_ignored() {
    let server = Server::start().await;
    form(&server, &format!("{}&resource=x&nonce=1", good())).await.assert(200);
}

#[tokio::test]
async fn a_grant_that_is_not_offered_is_unsupported() {
    let server = Server::start().await;
    for grant in ["authorization_code", "Password", "password%20", "urn:ietf:params:oauth:grant-type:jwt-bearer"] {
        let body = good().replace("grant_type=password", &format!("grant_type={grant}"));
        form(&server, &body).await.assert_oauth_error(400, "unsupported_grant_type");
    }
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let server = Server::start().await;
    let request = json!({ "grant_type": "password", "username": "admin", "password": PASSWORD }).to_string();
    for content_type in ["application/json", "text/plain", "multipart/form-data"] {
        let answer = send(&server, "/oauth/token", content_type, request.clone()).await;
        answer.assert_oauth_error(415, "invalid_request");
    }
    form(&server, &request).await.assert_oauth_error(400, "invalid_request");
}
