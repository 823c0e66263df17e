//! Who gets past which guard: every operation, with and without its permission.

use std::collections::BTreeMap;

use reqwest::Method;
use rolecall::catalogue::CATALOGUE;
use serde_json::{Value, json};

use crate::support::{Answer, Client, PASSWORD, Server, claims};

/// An operation of the document, ready to be called.
#[derive(Clone)]
struct Operation {
    method: Method,
    path: String,
    body: Option<Value>,
    /// Nothing: public. Empty: anyone signed in. Otherwise the permission.
    guard: Option<String>,
}

impl Operation {
    async fn call(&self, client: &Client) -> Answer {
        let request = client.request(self.method.clone(), &self.path);
        client.send(if let Some(body) = &self.body { request.json(body) } else { request }).await
    }

    /// On this session, if it is on one.
    fn at(&self, session: &str) -> Self {
        Self { path: self.path.replace("{session}", session), ..self.clone() }
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// Every operation, on things that concern no permission but the one required.
async fn operations(server: &Server) -> Vec<Operation> {
    let document = server.anonymous().get("/openapi.json").await.assert(200).body;
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let security = operation["security"].as_array().expect("security is always said");
            let scopes = security.first().map(|scheme| scheme["rolecall"].as_array().unwrap());
            let guard = scopes.map(|scopes| scopes.first().map_or("", |scope| scope.as_str().unwrap()).to_owned());
            assert_eq!(operation["x-required-permission"].as_str().unwrap_or(""), guard.as_deref().unwrap_or(""));
            let permission = guard.clone().filter(|guard| !guard.is_empty()).unwrap_or("users:read".into());
            let replaced = [
                ("{user}", "target"),
                ("{role}", "target"),
                ("{client}", "target-client"),
                ("{junior}", "other"),
                ("{set}", "target-set"),
                ("{permission}", permission.as_str()),
            ];
            let path = replaced.iter().fold(path.clone(), |path, (name, value)| path.replace(name, value));
            let body = operation["requestBody"]["content"].get("application/json").map(|content| {
                let name = content["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
                document["components"]["schemas"][&name]["example"].clone()
            });
            operations.push(Operation { method: method.to_uppercase().parse().unwrap(), path, body, guard });
        }
    }
    operations
}

/// For each permission someone who holds just it, and someone who holds all others.
async fn people(server: &Server) -> BTreeMap<&'static str, [Client; 2]> {
    let admin = server.admin().await;
    let mut people = BTreeMap::new();
    for (number, described) in CATALOGUE.iter().enumerate() {
        let others: Vec<_> = CATALOGUE.iter().map(|other| other.name).filter(|name| *name != described.name).collect();
        let mut pair = Vec::new();
        for (name, permissions) in [(format!("only-{number}"), vec![described.name]), (format!("not-{number}"), others)]
        {
            admin.post("/v1/roles", json!({ "name": name, "permissions": permissions })).await.assert(201);
            let user = json!({ "username": name, "password": PASSWORD, "roles": [name] });
            admin.post("/v1/users", user).await.assert(201);
            pair.push(server.sign_in(&name, PASSWORD).await);
        }
        people.insert(described.name, pair.try_into().ok().unwrap());
    }
    people
}

#[tokio::test]
async fn each_operation_lets_in_exactly_who_may() {
    let server = Server::start().await;
    let people = people(&server).await;
    server.role("target", &[]).await;
    server.role("other", &[]).await;
    let set = json!({ "name": "target-set", "kind": "dynamic", "cardinality": 2, "roles": ["target", "other"] });
    server.admin().await.post("/v1/separation-sets", set).await.assert(201);
    server.user("target", &[]).await;
    let client = json!({ "name": "Target", "client_id": "target-client", "grants": ["client_credentials"] });
    server.admin().await.post("/v1/clients", client).await.assert(201);
    server.user("nobody", &[]).await;
    let (mut guarded, mut signed_in, mut public) = (0, 0, 0);
    for operation in operations(&server).await {
        let (name, anonymous) = (operation.name(), operation.call(&server.anonymous()).await.status);
        let Some(guard) = &operation.guard else {
            public += 1;
            assert!(!matches!(anonymous, 401 | 403), "{name} is public");
            continue;
        };
        assert_eq!(anonymous, 401, "{name} without a token");
        if guard.is_empty() {
            signed_in += 1;
            // One of them signs out.
            let nobody = server.sign_in("nobody", PASSWORD).await;
            let sid = claims(nobody.token.as_deref().unwrap())["sid"].as_str().unwrap().to_owned();
            let status = operation.at(&sid).call(&nobody).await.status;
            assert!(!matches!(status, 401 | 403 | 404 | 405 | 500..), "{name} for anyone signed in: {status}");
            continue;
        }
        guarded += 1;
        let [with, without] = &people[guard.as_str()];
        let refused = operation.call(without).await;
        assert_eq!(refused.status, 403, "{name} with everything but {guard}: {}", refused.text);
        assert!(refused.header("www-authenticate").contains("insufficient_scope"), "{name}: by its guard");
        let passed = operation.call(with).await;
        assert!(!matches!(passed.status, 401 | 403 | 405 | 500..), "{name} with just {guard}: {}", passed.text);
    }
    assert!(guarded >= 26 && signed_in >= 2 && public >= 4, "{guarded} {signed_in} {public}");
}

#[tokio::test]
async fn nothing_is_served_outside_the_document_but_the_document_and_its_page() {
    assert_eq!(rolecall::api::docs::PATHS, ["/docs", "/docs/", "/openapi.json", "/openapi.yaml"]);
    let server = Server::start().await;
    for path in rolecall::api::docs::PATHS {
        server.anonymous().get(path).await.assert(200);
    }
    for path in ["/", "/v1", "/v1/", "/admin", "/metrics", "/v1/users/", "//v1/users", "/V1/users"] {
        server.anonymous().get(path).await.assert_problem(404, "not_found");
    }
}
