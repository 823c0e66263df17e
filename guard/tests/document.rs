//! What the guards in handlers' signatures say in the document, and do.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

use poem::{Endpoint, Request, http::StatusCode};
use poem_openapi::{OpenApi, OpenApiService};
use rolecall_guard::{
    Problem, Public, Require, SignedIn,
    document::{BadlyGuarded, describe_guards},
};
use serde_json::{Value, json};

rolecall_guard::permissions! {
    /// What people read.
    articles = "articles" {
        /// Write an article
        Create = "create",
    }
}

struct Guarded;

#[OpenApi]
impl Guarded {
    #[oai(path = "/articles", method = "post")]
    async fn create(&self, caller: Require<articles::Create>) -> Result<(), Problem> {
        assert_eq!(caller.permission(), "articles:create");
        Ok(())
    }

    #[oai(path = "/me", method = "get")]
    async fn me(&self, _caller: SignedIn) -> Result<(), Problem> {
        Ok(())
    }

    #[oai(path = "/health", method = "get")]
    async fn health(&self, _caller: Public) -> Result<(), Problem> {
        Ok(())
    }
}

struct Unguarded;

#[OpenApi]
impl Unguarded {
    #[oai(path = "/open", method = "get")]
    async fn open(&self) {}
}

struct GuardedTwice;

#[OpenApi]
impl GuardedTwice {
    #[oai(path = "/twice", method = "put")]
    async fn twice(&self, _one: Public, _two: SignedIn) {}
}

fn described<A: OpenApi>(api: A) -> Result<Value, BadlyGuarded> {
    let mut document = serde_json::from_str(&OpenApiService::new(api, "", "").spec()).unwrap();
    describe_guards(&mut document, CATALOGUE, "/oauth/token")?;
    Ok(document)
}

#[test]
fn the_document_says_who_may_call() {
    let document = described(Guarded).unwrap();
    let paths = &document["paths"];
    let [create, me, health] = [&paths["/articles"]["post"], &paths["/me"]["get"], &paths["/health"]["get"]];
    assert_eq!(create["security"], json!([{ "rolecall": ["articles:create"] }]));
    assert_eq!(me["security"], json!([{ "rolecall": [] }]));
    assert_eq!(health["security"], json!([]));
    assert_eq!(create["x-required-permission"], "articles:create");
    assert!(me.get("x-required-permission").is_none() && health.get("x-required-permission").is_none());
    let answers = |operation: &Value| {
        let statuses = ["401", "403", "503"].map(|status| operation["responses"].get(status).is_some());
        (statuses[0], statuses[1], statuses[2])
    };
    assert_eq!(answers(create), (true, true, true));
    assert_eq!(answers(me), (true, false, true));
    assert_eq!(answers(health), (false, false, false));
}

#[test]
fn what_the_operations_refer_to_is_there() {
    let document = described(Guarded).unwrap();
    let flow = json!({ "tokenUrl": "/oauth/token", "scopes": { "articles:create": "Write an article" } });
    let flows = &document["components"]["securitySchemes"]["rolecall"]["flows"];
    assert_eq!(flows, &json!({ "password": flow, "clientCredentials": flow }));
    let responses = document["paths"]["/articles"]["post"]["responses"].as_object().unwrap();
    let mut followed = 0;
    for reference in responses.values().filter_map(|response| response["$ref"].as_str()) {
        let response = document.pointer(reference.trim_start_matches('#')).unwrap();
        assert!(response["content"][Problem::CONTENT_TYPE]["schema"]["$ref"].is_string(), "{reference}");
        followed += 1;
    }
    assert_eq!(followed, 3);
}

#[test]
fn an_operation_without_a_guard_or_with_two_has_no_document() {
    let bad = |operation: &str, guards| Err(BadlyGuarded { operation: operation.into(), guards });
    assert_eq!(described(Unguarded), bad("GET /open", 0));
    assert_eq!(described(GuardedTwice), bad("PUT /twice", 2));
    assert!(described((Guarded, Unguarded)).is_err());
}

/// A service that forgot its gate lets nobody in.
#[tokio::test]
async fn without_a_gate_only_what_is_public_is_open() {
    let service = poem::IntoEndpoint::into_endpoint(OpenApiService::new(Guarded, "", ""));
    let status = async |method: poem::http::Method, path: &str| {
        let request = Request::builder().method(method).uri_str(path).header("authorization", "Bearer x").finish();
        service.get_response(request).await.status()
    };
    assert_eq!(status(poem::http::Method::GET, "/health").await, StatusCode::OK);
    assert_eq!(status(poem::http::Method::GET, "/me").await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(status(poem::http::Method::POST, "/articles").await, StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn a_clock_by_itself_tells_the_time_of_the_machine() {
    let (clock, year_2026, year_2100) = (rolecall_guard::Clock::System, 1_767_225_600, 4_102_444_800);
    assert!((year_2026..year_2100).contains(&clock.seconds()), "{}", clock.seconds());
    assert!(clock.micros() / 1_000_000 - clock.seconds() <= 1);
}
