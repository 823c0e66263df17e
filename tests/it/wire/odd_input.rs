//! No text that a caller can send makes the server fail.

use reqwest::{Method, header::HeaderValue};
use serde_json::{Map, Value, json};

use crate::support::{Client, PASSWORD, Server};

/// As they stand in a URL.
const ODD: [&str; 20] = [
    "%00",
    "a%00b",
    "%0A",
    "%1B",
    "%FF",
    "%C3%28",
    "%ED%A0%80",
    "%27",
    "%22",
    "%5C",
    "%25",
    "%",
    "_",
    "..",
    "%2F",
    "%F0%9F%92%A9",
    "%E2%80%AE",
    "-1",
    "99999999999999999999",
    "00000000-0000-0000-0000-000000000000",
];

/// As they stand in JSON and forms.
const ODD_TEXTS: [&str; 9] = ["", "\0", "a\0b", "\n", "\u{1b}", "'\"\\", "\u{fffd}", "\u{202e}", "💩"];

/// An operation of the document.
struct Operation {
    method: Method,
    path: String,
    parameters: Vec<(String, String)>,
    body: Option<Map<String, Value>>,
}

fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| item.as_object().unwrap().iter().map(|one| operation(document, path, one))).collect()
}

fn operation(document: &Value, path: &str, (method, operation): (&String, &Value)) -> Operation {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let example = schema.as_str().map(|schema| &document.pointer(&schema[1..]).unwrap()["example"]);
    Operation {
        method: method.to_uppercase().parse().unwrap(),
        path: path.to_owned(),
        parameters: parameters.map(|parameter| (text(&parameter["in"]), text(&parameter["name"]))).collect(),
        body: example.map(|example| example.as_object().unwrap().clone()),
    }
}

impl Operation {
    /// With this in place of every parameter of the path.
    fn path(&self, value: &str) -> String {
        let parameters = self.parameters.iter().filter(|(place, _)| place == "path");
        parameters.fold(self.path.clone(), |path, (_, name)| path.replace(&format!("{{{name}}}"), value))
    }

    fn named(&self, place: &str) -> impl Iterator<Item = &str> {
        self.parameters.iter().filter(move |(found, _)| found == place).map(|(_, name)| name.as_str())
    }
}

/// It is answered, by more than the guard.
async fn survives(client: &Client, operation: &Operation, request: reqwest::RequestBuilder, what: &str) {
    let answer = client.send(request).await;
    let Operation { method, path, .. } = operation;
    let guarded = answer.status == 401 && path.starts_with("/v1/");
    assert!(answer.status < 500 && !guarded, "{method} {path} with {what:?}: {}", answer.text);
}

#[tokio::test]
async fn in_the_path_and_the_query() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let document = admin.get("/openapi.json").await.assert(200).body;
    for operation in operations(&document) {
        let request = |path: &str| {
            let request = admin.request(operation.method.clone(), path);
            operation.body.as_ref().map_or(request.try_clone().unwrap(), |body| request.json(body))
        };
        for odd in ODD.iter().copied().chain(["a".repeat(5000).as_str()]) {
            if operation.path.contains('{') {
                survives(&admin, &operation, request(&operation.path(odd)), odd).await;
            }
            for name in operation.named("query") {
                let path = format!("{}?{name}={odd}", operation.path("nobody"));
                survives(&admin, &operation, request(&path), odd).await;
            }
        }
    }
}

#[tokio::test]
async fn in_a_header() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let document = admin.get("/openapi.json").await.assert(200).body;
    for operation in operations(&document) {
        let headers = operation.named("header").chain(["x-forwarded-for", "accept", "content-type", "origin"]);
        for name in headers {
            for odd in [&b""[..], b"\xff", b"\"", b",", b"\"99999999999999999999\"", b"*/*;q=\"", b"a/b; charset=\xe9"]
            {
                // Some of them sign out.
                let admin = server.admin().await;
                let request = admin.request(operation.method.clone(), &operation.path("nobody"));
                let value = HeaderValue::from_bytes(odd).unwrap();
                survives(&admin, &operation, request.header(name, value), name).await;
            }
        }
    }
}

#[tokio::test]
async fn in_a_body() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user("alice", &[]).await;
    server.role("editor", &["articles:update"]).await;
    admin.post("/v1/clients", crate::clients::service("billing")).await.assert(201);
    let document = admin.get("/openapi.json").await.assert(200).body;
    let operations = operations(&document);
    assert!(operations.iter().filter(|operation| operation.body.is_some()).count() >= 7);
    for operation in operations {
        let Some(body) = &operation.body else { continue };
        let path = operation.path.replace("{user}", "alice").replace("{role}", "editor");
        let path = path.replace("{permission}", "articles:update").replace("{client}", "billing");
        for member in body.keys() {
            for odd in
                ODD_TEXTS.map(|odd| json!(odd)).into_iter().chain([json!([ODD_TEXTS[1]]), json!(1e300), json!(null)])
            {
                let mut body = body.clone();
                body.insert(member.clone(), odd);
                let request = admin.request(operation.method.clone(), &path).json(&body);
                survives(&admin, &operation, request, member).await;
            }
        }
    }
}

#[tokio::test]
async fn in_a_form() {
    let server = Server::start().await;
    let good = [("grant_type", "password"), ("username", "admin"), ("password", PASSWORD)];
    for name in ["grant_type", "username", "password", "scope", "client_id", "client_secret", "nonsense"] {
        for odd in ODD_TEXTS {
            let others = good.iter().copied().filter(|(other, _)| *other != name);
            let form: Vec<_> = others.chain([(name, odd)]).collect();
            let answer = server.anonymous().form("/oauth/token", &form).await;
            assert!(answer.status < 500, "{name} {odd:?}: {}", answer.text);
        }
    }
    for raw in [&b"%"[..], b"username=%FF&password=%00", b"=&=&", b"\xff\xfe", b"&&&&"] {
        let client = server.anonymous();
        let request = client.request(Method::POST, "/oauth/token");
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(raw);
        client.send(request).await.assert(400);
    }
}

#[tokio::test]
async fn in_the_client_s_basic_authorization() {
    let server = Server::start().await;
    // "\0:\0", "%:%", bytes that are no text, no colon, no base64.
    for value in ["Basic ADoA", "Basic JTol", "Basic //4=", "Basic eA==", "Basic !", "Basic", "Basic "] {
        let client = server.anonymous();
        let request = client.request(Method::POST, "/oauth/token").header("authorization", value);
        let answer = client.send(request.form(&[("grant_type", "password")])).await.assert(401);
        assert_eq!(answer.body["error"], "invalid_client", "{value}");
    }
}
