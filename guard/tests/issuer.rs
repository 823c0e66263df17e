//! An issuer that doesn't answer as it should is not believed.
#![cfg(feature = "service")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

use poem::{EndpointExt, http::StatusCode};
use poem::{
    Route, Server, get, handler,
    listener::{Acceptor, Listener, TcpListener},
    post,
    web::{Data, Json, Redirect},
};
use rolecall_guard::{Described, Service, Trouble};
use serde_json::{Value, json};

const CATALOGUE: &[Described] = &[Described { name: "articles:read", description: "Read articles" }];

#[handler]
fn metadata(Data(metadata): Data<&Value>) -> Json<Value> {
    Json(metadata.clone())
}

#[handler]
fn token() -> Json<Value> {
    Json(json!({ "access_token": "hidden-token", "expires_in": 900 }))
}

#[handler]
fn elsewhere() -> Redirect {
    Redirect::temporary("https://elsewhere.example/")
}

#[handler]
fn endless() -> Vec<u8> {
    vec![b' '; 9 * 1024 * 1024]
}

#[handler]
fn refusal() -> (StatusCode, Json<Value>) {
    (StatusCode::FORBIDDEN, Json(json!({ "detail": "This needs the permission permissions:create." })))
}

/// What a service hears from an issuer whose metadata are changed so, and which makes permissions so.
async fn hears<E: poem::IntoEndpoint<Endpoint: 'static> + 'static>(
    change: impl Fn(&str, &mut Value),
    permissions: E,
) -> Trouble {
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
    let url = format!("http://{}", acceptor.local_addr()[0].as_socket_addr().unwrap());
    let mut told = json!({
        "issuer": url, "token_endpoint": format!("{url}/oauth/token"), "jwks_uri": format!("{url}/keys"),
    });
    change(&url, &mut told);
    let app = Route::new()
        .at("/.well-known/oauth-authorization-server", get(metadata).data(told))
        .at("/oauth/token", post(token))
        .at("/v1/permissions", permissions);
    tokio::spawn(Server::new_with_acceptor(acceptor).run(app));
    let service = Service::at(&url).client("blog", "hidden-secret").start().unwrap();
    let trouble = service.register(CATALOGUE).await.unwrap_err();
    let said = format!("{trouble} {trouble:?} {service:?}");
    assert!(!said.contains("hidden"), "{said}");
    trouble
}

fn as_it_should(_: &str, _: &mut Value) {}

#[tokio::test]
async fn one_that_calls_itself_otherwise_or_sends_elsewhere_gets_no_secret() {
    for member in ["issuer", "token_endpoint", "jwks_uri"] {
        for value in ["https://elsewhere.example", "http://127.0.0.1:9", "nonsense"] {
            let trouble = hears(|_, told| told[member] = json!(value), post(refusal)).await;
            assert!(matches!(trouble, Trouble::Unexpected { .. }), "{member}: {trouble}");
            assert!(trouble.to_string().contains(value), "{trouble}");
        }
    }
    let trouble = hears(|_, told| *told = json!([]), post(refusal)).await;
    assert!(matches!(trouble, Trouble::Unexpected { .. }), "{trouble}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_an_endless_answer_not_read() {
    let trouble = hears(as_it_should, post(elsewhere)).await;
    assert!(matches!(trouble, Trouble::Refused { status: 307, .. }), "{trouble}");
    let trouble = hears(as_it_should, post(endless)).await;
    assert!(trouble.to_string().contains("too long"), "{trouble}");
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    let trouble = hears(as_it_should, post(refusal)).await;
    let said = trouble.to_string();
    assert!(said.contains("403") && said.contains("This needs the permission permissions:create."), "{said}");
}

#[tokio::test]
async fn an_issuer_that_is_away_is_named() {
    let service = Service::at("http://127.0.0.1:9").client("blog", "hidden-secret").start().unwrap();
    let trouble = service.register(CATALOGUE).await.unwrap_err();
    assert!(matches!(trouble, Trouble::Away { .. }) && trouble.to_string().contains("127.0.0.1:9"), "{trouble}");
}
