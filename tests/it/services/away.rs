//! What a service does when it can't follow.

use std::time::Duration;

use rolecall_guard::Service;
use serde_json::json;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use super::{Blog, follower};
use crate::support::{Application, Server};

/// An address whose connections go to a server, or are cut.
struct Relay {
    url: String,
    target: watch::Sender<Option<String>>,
    _listening: JoinSet<()>,
}

impl Relay {
    async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (target, state) = watch::channel(None::<String>);
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let mut state = state.clone();
                connections.spawn(async move {
                    let Some(server) = state.borrow_and_update().clone() else { return };
                    let mut server = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = state.changed() => {}
                    }
                });
            }
        });
        Self { url, target, _listening: listening }
    }

    fn lead_to(&self, server: &Server) {
        self.target.send_replace(Some(server.url.trim_start_matches("http://").to_owned()));
    }

    fn cut(&self) {
        self.target.send_replace(None);
    }
}

/// A server whose issuer is the relay's address.
async fn behind_a_relay() -> (Relay, Server) {
    let relay = Relay::listen().await;
    let server = Server::with(&[("ROLECALL_ISSUER", &relay.url)]).await;
    (relay, server)
}

fn service(relay: &Relay, client: &Application, staleness: u64) -> Service {
    let settings = Service::at(&relay.url).client(&client.id, client.secret.clone());
    settings.staleness(Duration::from_secs(staleness)).start().unwrap()
}

#[tokio::test]
async fn out_of_touch_it_trusts_nobody_and_back_in_touch_it_goes_on() {
    let (relay, server) = behind_a_relay().await;
    let (reader, client) = (server.person("alice", &["articles:read"]).await, follower(&server).await);
    let blog = Blog::of(service(&relay, &client, 3)).await;
    let refused = blog.read(&reader).await.assert_problem(503, "out_of_touch");
    assert_eq!(refused.header("retry-after"), "1");
    relay.lead_to(&server);
    blog.answers(&reader, 200).await;
    relay.cut();
    blog.answers(&reader, 503).await;
    server.admin().await.delete("/v1/users/alice/roles/alice").await.assert(204);
    relay.lead_to(&server);
    blog.answers(&reader, 401).await;
}

#[tokio::test]
async fn it_trusts_for_longer_if_told_to() {
    let (relay, server) = behind_a_relay().await;
    let (reader, client) = (server.person("alice", &["articles:read"]).await, follower(&server).await);
    relay.lead_to(&server);
    let (patient, other) = (service(&relay, &client, 600), service(&relay, &client, 2));
    let (patient, other) = (Blog::of(patient).await, Blog::of(other).await);
    patient.answers(&reader, 200).await;
    other.answers(&reader, 200).await;
    relay.cut();
    other.answers(&reader, 503).await;
    patient.read(&reader).await.assert(200);
}

/// Nothing but a server that says so makes it trust a token.
async fn never_trusts(server: &Server, blog: &Blog) {
    let reader = server.person("alice", &["articles:read"]).await;
    for _ in 0..20 {
        blog.read(&reader).await.assert_problem(503, "out_of_touch");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn with_a_wrong_secret_or_without_the_right_it_trusts_nobody() {
    let server = Server::start().await;
    let client = server.application(json!({ "name": "Blog", "grants": ["client_credentials"] })).await;
    never_trusts(&server, &Blog::as_client(&server, &client).await).await;
    let wrong = Application { secret: "wrong".to_owned(), ..client };
    let blog = Blog::as_client(&server, &wrong).await;
    blog.read(&server.sign_in("alice", crate::support::PASSWORD).await).await.assert_problem(503, "out_of_touch");
}

#[tokio::test]
async fn it_starts_to_follow_once_its_client_may() {
    let server = Server::start().await;
    let client = server.application(json!({ "name": "Blog", "grants": ["client_credentials"] })).await;
    let blog = Blog::as_client(&server, &client).await;
    let reader = server.person("alice", &["articles:read"]).await;
    blog.answers(&reader, 503).await;
    server.role("follower", &["access:read"]).await;
    server.admin().await.put(&format!("/v1/users/{}/roles/follower", client.id)).await.assert(204);
    blog.answers(&reader, 200).await;
}

/// The tokens are of one issuer, the address is another's.
#[tokio::test]
async fn a_server_that_calls_itself_otherwise_is_not_followed() {
    let server = Server::with(&[("ROLECALL_ISSUER", "https://id.example")]).await;
    let client = follower(&server).await;
    never_trusts(&server, &Blog::as_client(&server, &client).await).await;
}
