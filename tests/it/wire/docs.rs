//! What Swagger UI loads.

use reqwest::Method;
use rolecall::api::docs;

use crate::support::{Answer, Server};

async fn fetch(server: &Server, path: &str, known: &str) -> Answer {
    let anonymous = server.anonymous();
    let request = anonymous.request(Method::GET, path).header("accept-encoding", "gzip");
    anonymous.send(request.header("if-none-match", known)).await
}

#[tokio::test]
async fn a_browser_that_has_it_already_is_told_so() {
    let server = Server::start().await;
    for path in docs::assets().chain(["/docs", "/docs/"]) {
        let first = fetch(&server, path, "\"another\"").await.assert(200);
        let etag = first.header("etag").to_owned();
        for known in [etag.clone(), format!("W/{etag}"), format!("\"another\", {etag}")] {
            let again = fetch(&server, path, &known).await.assert(304);
            assert!(again.text.is_empty() && again.header("etag") == etag, "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    let server = Server::start().await;
    for path in ["/docs/swagger-ui-bundle.js.map", "/docs/swagger-ui.css.map", "/docs/index.html"] {
        server.anonymous().get(path).await.assert_problem(404, "not_found");
    }
}

#[tokio::test]
async fn every_module_that_a_script_imports_is_there() {
    let server = Server::start().await;
    let mut imports = 0;
    for path in docs::assets()
        .filter(|path| path.rsplit_once('.').is_some_and(|(_, kind)| kind == "js") && !path.contains("bundle"))
    {
        let script = fetch(&server, path, "").await.assert(200);
        assert!(script.header("content-type").starts_with("text/javascript"), "{path}");
        for line in script.text.lines().filter(|line| line.starts_with("import ")) {
            let module = line.split('"').nth(1).unwrap().replace("./", "/docs/");
            assert!(docs::assets().any(|asset| asset == module), "{path}: {module}");
            imports += 1;
        }
    }
    assert!(imports >= 5, "{imports}");
}
