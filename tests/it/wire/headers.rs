//! Headers of every response.

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, PASSWORD, Server};

/// One response of each kind, with what it is.
async fn one_of_each_kind(server: &Server) -> Vec<(&'static str, Answer)> {
    let (anonymous, admin) = (server.anonymous(), server.admin().await);
    let new = json!({ "name": "editor" });
    vec![
        ("200", anonymous.get("/healthz").await.assert(200)),
        ("201", admin.post("/v1/roles", new.clone()).await.assert(201)),
        ("204", admin.put("/v1/roles/editor/permissions/users:read").await.assert(204)),
        ("400", admin.get("/v1/users?limit=0").await.assert(400)),
        ("401", anonymous.get("/v1/me").await.assert(401)),
        ("404", anonymous.get("/nowhere").await.assert(404)),
        ("405", anonymous.delete("/healthz").await.assert(405)),
        ("409", admin.post("/v1/roles", new).await.assert(409)),
        ("415", admin.send(admin.request(Method::POST, "/v1/roles").body("x")).await.assert(415)),
        ("docs", anonymous.get("/docs").await.assert(200)),
        ("script", anonymous.send(gzipped(server, "/docs/swagger-ui-bundle.js")).await.assert(200)),
        ("yaml", anonymous.get("/openapi.yaml").await.assert(200)),
        ("json", anonymous.get("/openapi.json").await.assert(200)),
        ("keys", anonymous.get("/.well-known/jwks.json").await.assert(200)),
        ("token", server.token("admin", PASSWORD, &[]).await.assert(200)),
        ("no token", server.token("admin", "wrong", &[]).await.assert(400)),
    ]
}

fn gzipped(server: &Server, path: &str) -> reqwest::RequestBuilder {
    server.anonymous().request(Method::GET, path).header("accept-encoding", "gzip")
}

#[tokio::test]
async fn every_response_tells_browsers_to_be_careful() {
    let server = Server::start().await;
    for (kind, answer) in one_of_each_kind(&server).await {
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{kind}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{kind}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{kind}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{kind}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{kind}: {policy}");
        assert!(answer.headers.get("server").is_none(), "{kind}");
        assert!(answer.headers.get("strict-transport-security").is_none(), "{kind}: not over plain HTTP");
    }
}

#[tokio::test]
async fn nothing_personal_is_kept_by_caches() {
    let server = Server::start().await;
    for (kind, answer) in one_of_each_kind(&server).await {
        let expected = match kind {
            "docs" | "script" => "no-cache",
            "keys" => "public, max-age=300",
            _ => "no-store",
        };
        assert_eq!(answer.header("cache-control"), expected, "{kind}");
    }
}

#[tokio::test]
async fn every_response_has_a_request_id_of_its_own() {
    let server = Server::start().await;
    let answers = one_of_each_kind(&server).await;
    let ids: std::collections::BTreeSet<_> =
        answers.iter().map(|(_, answer)| answer.header("x-request-id")).filter(|id| !id.is_empty()).collect();
    assert_eq!(ids.len(), answers.len());
}

#[tokio::test]
async fn a_well_formed_request_id_comes_back_and_another_is_replaced() {
    let server = Server::start().await;
    let client = server.anonymous();
    let longest = "x".repeat(200);
    for path in ["/healthz", "/v1/me", "/nowhere"] {
        let answered = async |id: &str| client.send(client.request(Method::GET, path).header("X-Request-Id", id)).await;
        for id in ["a", "0af7651916cd43dd-8448.EB21_1c80319c", "a/b+c:d,e\"f\"", &longest] {
            assert_eq!(answered(id).await.header("x-request-id"), id);
        }
        for id in ["", "a b", "a\tb", "é", &format!("{longest}x")] {
            let answer = answered(id).await;
            let own = answer.header("x-request-id");
            assert!(own != id && (1..=64).contains(&own.len()), "{id:?} became {own:?}");
        }
    }
}

#[tokio::test]
async fn swagger_ui_runs_no_inline_script_and_fetches_nothing_from_elsewhere() {
    let server = Server::start().await;
    let page = server.anonymous().get("/docs").await.assert(200);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self';"), "{policy}");
    for word in ["unsafe-inline", "unsafe-eval", "http", "*", "blob:"] {
        assert!(!policy.contains(word), "{policy}");
    }
    for script in page.text.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"/docs/") && script.contains("\"></script>"), "{script}");
    }
    assert!(!page.text.contains(" on") && !page.text.contains("style="), "{}", page.text);
}

#[tokio::test]
async fn what_swagger_ui_links_to_is_there() {
    let server = Server::start().await;
    let page = server.anonymous().get("/docs").await.assert(200);
    let links: Vec<_> = page
        .text
        .split(['"'])
        .filter(|text| text.starts_with('/') || text.contains("://"))
        .map(str::to_owned)
        .collect();
    assert!(links.len() >= 5, "{links:?}");
    for link in links {
        assert!(link.starts_with('/') && !link.starts_with("//"), "{link}");
        server.anonymous().send(gzipped(&server, &link)).await.assert(200);
    }
}
