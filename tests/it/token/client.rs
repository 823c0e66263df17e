//! Which application asks.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::support::{Answer, PASSWORD, Server};

async fn ask(server: &Server, authorization: &[&str], more: &[(&str, &str)]) -> Answer {
    let form = [("grant_type", "password"), ("username", "admin"), ("password", PASSWORD)];
    let form: Vec<_> = form.iter().chain(more).collect();
    let caller = server.anonymous();
    let mut request = caller.request(reqwest::Method::POST, "/oauth/token").form(&form);
    for value in authorization {
        request = request.header("authorization", *value);
    }
    caller.send(request).await
}

fn basic(text: &str) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

#[tokio::test]
async fn no_client_an_empty_one_and_the_built_in_one_are_the_same() {
    let server = Server::start().await;
    let built_in = basic("rolecall:");
    for (authorization, more) in [
        (&[][..], &[][..]),
        (&["Basic Og=="], &[]),
        (&["basic Og=="], &[]),
        (&[&*built_in], &[]),
        (&[&*built_in], &[("client_id", "rolecall")]),
        (&["Basic Og=="], &[("client_id", "rolecall")]),
        (&[], &[("client_id", "rolecall")]),
        (&[], &[("client_id", ""), ("client_secret", "")]),
    ] {
        let answer = ask(&server, authorization, more).await.assert(200);
        assert_eq!(crate::support::claims(answer.token())["client_id"], "rolecall", "{authorization:?} {more:?}");
    }
}

#[tokio::test]
async fn any_other_client_and_any_other_authorization_is_refused() {
    let server = Server::start().await;
    let [other, secret, encoded] = ["other:", "rolecall:secret", "role%63all:s"].map(basic);
    let [bare, bytes] = [basic("rolecall"), format!("Basic {}", STANDARD.encode([0xff, b':']))];
    for (authorization, more) in [
        (&[&*other][..], &[][..]),
        (&[&*secret], &[]),
        (&[&*encoded], &[]),
        (&[&*bare], &[]),
        (&[&*bytes], &[]),
        (&["Basic"], &[]),
        (&["Basic !!!"], &[]),
        (&["Bearer abc"], &[]),
        (&[""], &[]),
        (&["Basic Og==", "Basic Og=="], &[]),
        (&[], &[("client_id", "other")]),
        (&[], &[("client_id", "rolecall"), ("client_secret", "x")]),
        (&[], &[("client_secret", "x")]),
        (&[&*basic("rolecall:")], &[("client_id", "other")]),
    ] {
        let answer = ask(&server, authorization, more).await;
        assert_eq!(answer.status, 401, "{authorization:?} {more:?}: {}", answer.text);
        let answer = answer.assert_oauth_error(401, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic "), "RFC 6749 §5.2");
    }
}

#[tokio::test]
async fn a_secret_is_sent_one_way_only() {
    let server = Server::start().await;
    let answer = ask(&server, &[&basic("rolecall:x")], &[("client_secret", "x")]).await;
    answer.assert_oauth_error(400, "invalid_request");
}
