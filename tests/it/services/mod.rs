//! Services of others that trust this server's tokens: the feed they read along, and `rolecall_guard::Service`, which does.

mod away;
mod feed;
mod keys;
mod losses;
mod register;

use std::time::{Duration, Instant};

use poem::{EndpointExt, Route, http::HeaderMap};
use poem_openapi::{OpenApi, OpenApiService, payload::Json};
use reqwest::header::AUTHORIZATION;
use rolecall::http::Bound;
use rolecall_guard::{Problem, Refusal, Require, Service};
use serde_json::json;

use crate::support::{Answer, Application, Client, Server, http};

rolecall_guard::permissions! {
    /// What people read.
    articles = "articles" {
        /// Read articles
        Read = "read",
        /// Write articles
        Create = "create",
    }
}

struct Articles;

#[OpenApi]
impl Articles {
    #[oai(path = "/articles", method = "get")]
    async fn read(&self, caller: Require<articles::Read>) -> Result<Json<String>, Problem> {
        Ok(Json(caller.claims.sub.to_string()))
    }
}

/// A service, on a port of its own, for as long as the test runs.
struct Blog {
    url: String,
    rolecall: Service,
}

impl Blog {
    async fn of(rolecall: Service) -> Self {
        let bound = Bound::to("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        let url = format!("http://{}", bound.address().unwrap());
        let api = OpenApiService::new(Articles, "Blog", "1");
        let app = Route::new().nest("/", api).data(rolecall.gate()).map_to_response();
        tokio::spawn(bound.run(app, std::future::pending(), Duration::ZERO));
        Self { url, rolecall }
    }

    /// One that follows the server.
    async fn following(server: &Server) -> Self {
        let blog = Self::as_client(server, &follower(server).await).await;
        blog.is_following().await;
        blog
    }

    async fn as_client(server: &Server, client: &Application) -> Self {
        Self::of(Service::at(&server.url).client(&client.id, client.secret.clone()).start().unwrap()).await
    }

    async fn is_following(&self) {
        let someone = Client::new(&http(), &self.url, Some("no.token"));
        self.answers(&someone, 401).await;
    }

    /// What it answers to someone who is signed in at the server.
    async fn read(&self, reader: &Client) -> Answer {
        Client::new(&reader.http, &self.url, reader.token.as_deref()).get("/articles").await
    }

    /// Waits until it answers so.
    async fn answers(&self, reader: &Client, status: u16) -> Answer {
        soon(async || self.read(reader).await, |answer| answer.status == status).await
    }

    /// The same check as a plain function.
    async fn authorize(&self, token: &str, permission: &'static str) -> Result<(), Refusal> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())]);
        self.rolecall.gate().authorize(&headers, permission).await.map(drop)
    }
}

/// A client that may follow the server.
async fn follower(server: &Server) -> Application {
    server.role("follower", &["access:read", "permissions:create"]).await;
    let client = server.application(json!({ "name": "Blog", "grants": ["client_credentials"] })).await;
    server.admin().await.put(&format!("/v1/users/{}/roles/follower", client.id)).await.assert(204);
    client
}

/// Asks again until it is as wanted.
async fn soon(ask: impl AsyncFn() -> Answer, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = ask().await;
        if wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "still {answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
