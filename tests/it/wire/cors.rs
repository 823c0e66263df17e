//! Calls from web pages of other origins.

use reqwest::Method;

use crate::support::{Answer, Client, Server};

const APP: &str = "https://app.example";
const OTHER: &str = "https://other.example";
const NONE: [&str; 0] = [];

async fn from_origin(client: &Client, method: Method, path: &str, origin: &str) -> Answer {
    client.send(client.request(method, path).header("origin", origin)).await
}

async fn preflight(client: &Client, origin: &str, method: &str) -> Answer {
    let request = client.request(Method::OPTIONS, "/v1/users/alice").header("origin", origin);
    let request = request.header("access-control-request-method", method);
    client.send(request.header("access-control-request-headers", "authorization,content-type,if-match")).await
}

/// Everything a browser would take as leave.
fn leave(answer: &Answer) -> Vec<&str> {
    answer
        .headers
        .keys()
        .map(reqwest::header::HeaderName::as_str)
        .filter(|name| name.starts_with("access-control"))
        .collect()
}

fn words(answer: &Answer, header: &str) -> Vec<String> {
    answer.header(header).split(',').map(|word| word.trim().to_ascii_lowercase()).collect()
}

#[tokio::test]
async fn without_a_list_no_other_origin_may_call() {
    let server = Server::start().await;
    let anonymous = server.anonymous();
    assert_eq!(preflight(&anonymous, APP, "PATCH").await.assert(405).header("allow"), "DELETE, GET, HEAD, PATCH");
    for path in ["/healthz", "/v1/me", "/nowhere", "/.well-known/jwks.json"] {
        assert_eq!(leave(&from_origin(&anonymous, Method::GET, path, APP).await), NONE);
    }
}

#[tokio::test]
async fn an_origin_on_the_list_may_call() {
    let server = Server::with(&[("ROLECALL_CORS_ORIGINS", "https://app.example, https://admin.example")]).await;
    let anonymous = server.anonymous();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let allowed = preflight(&anonymous, APP, method).await;
        assert!(matches!(allowed.status, 200 | 204), "{}", allowed.text);
        assert_eq!(allowed.header("access-control-allow-origin"), APP);
        assert!(words(&allowed, "access-control-allow-methods").contains(&method.to_ascii_lowercase()));
        let headers = words(&allowed, "access-control-allow-headers");
        // The last one is Swagger UI's, on other services' pages.
        let needed = ["authorization", "content-type", "if-match", "x-requested-with"];
        assert!(needed.iter().all(|name| headers.contains(&(*name).to_owned())));
    }
    let read = from_origin(&server.admin().await, Method::GET, "/v1/users/admin", APP).await.assert(200);
    assert_eq!(read.header("access-control-allow-origin"), APP);
    assert_eq!(read.header("access-control-allow-credentials"), "", "tokens come in a header, cookies don't count");
    let exposed = words(&read, "access-control-expose-headers");
    for name in ["etag", "location", "www-authenticate", "retry-after", "x-request-id"] {
        assert!(exposed.contains(&name.to_owned()), "{exposed:?}");
    }
}

#[tokio::test]
async fn a_page_may_read_the_errors_too() {
    let server = Server::with(&[("ROLECALL_CORS_ORIGINS", APP)]).await;
    let anonymous = server.anonymous();
    let refused = from_origin(&anonymous, Method::GET, "/v1/me", APP).await.assert_problem(401, "unauthenticated");
    assert_eq!(refused.header("access-control-allow-origin"), APP);
    let missing = from_origin(&anonymous, Method::GET, "/nowhere", APP).await.assert_problem(404, "not_found");
    assert_eq!(missing.header("access-control-allow-origin"), APP);
    let wrong = from_origin(&anonymous, Method::DELETE, "/v1/users", APP).await;
    assert_eq!(wrong.assert_problem(405, "method_not_allowed").header("allow"), "GET, HEAD, POST");
}

#[tokio::test]
async fn an_origin_off_the_list_gets_no_leave_but_its_answer() {
    let server = Server::with(&[("ROLECALL_CORS_ORIGINS", APP)]).await;
    let anonymous = server.anonymous();
    for origin in [OTHER, "null", "https://app.example.evil.example", "http://app.example", "https://app.example:8443"]
    {
        assert_eq!(leave(&preflight(&anonymous, origin, "PATCH").await), NONE, "{origin}");
        let answer = from_origin(&anonymous, Method::GET, "/healthz", origin).await.assert(200);
        assert_eq!(leave(&answer), NONE, "{origin}");
    }
}

#[tokio::test]
async fn caches_know_that_the_answer_depends_on_the_origin() {
    let server = Server::with(&[("ROLECALL_CORS_ORIGINS", APP)]).await;
    for origin in [APP, OTHER] {
        let keys = from_origin(&server.anonymous(), Method::GET, "/.well-known/jwks.json", origin).await.assert(200);
        assert!(words(&keys, "vary").contains(&"origin".to_owned()), "{origin}");
    }
}

#[tokio::test]
async fn swagger_ui_goes_on_working_beside_a_list() {
    let server = Server::with(&[("ROLECALL_CORS_ORIGINS", APP)]).await;
    let admin = server.admin().await;
    // A browser sends the origin along with what isn't GET, also to its own.
    let made = admin.request(Method::POST, "/v1/roles").header("origin", &server.url);
    admin.send(made.json(&serde_json::json!({ "name": "editor" }))).await.assert(201);
    from_origin(&admin, Method::DELETE, "/v1/roles/editor", &server.url).await.assert(204);
}
