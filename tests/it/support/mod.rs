//! A server of its own for each test, and people to call it.

mod application;
mod client;
mod database;
mod wire;

use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

pub use application::Application;
pub use client::{Answer, Client};
pub use database::Database;
use rolecall::{app::App, config::Config, http::Bound, node};
use rolecall_guard::Clock;
use serde_json::json;
use tokio::sync::oneshot;
pub use wire::Wire;

/// What every person signs in with, unless a test says otherwise.
pub const PASSWORD: &str = "correct horse battery";

/// A node, listening on a free port, stopped when dropped.
pub struct Server {
    pub url: String,
    pub app: App,
    http: reqwest::Client,
    _stop: oneshot::Sender<()>,
    pub database: Arc<Database>,
}

impl Server {
    /// A node on a new database.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A node on a new database with these settings.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(&Arc::new(Database::create().await), settings, Clock::System).await
    }

    /// A node whose clock the test moves (microseconds since 1970).
    pub async fn with_clock(clock: &Arc<AtomicI64>) -> Self {
        Self::with_clock_and(clock, &[]).await
    }

    /// The same with these settings.
    pub async fn with_clock_and(clock: &Arc<AtomicI64>, settings: &[(&str, &str)]) -> Self {
        Self::on(&Arc::new(Database::create().await), settings, Clock::Manual(Arc::clone(clock))).await
    }

    /// A node on this database.
    pub async fn on(database: &Arc<Database>, settings: &[(&str, &str)], clock: Clock) -> Self {
        let bound = Bound::to("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        let url = format!("http://{}", bound.address().unwrap());
        let base = database.settings();
        let own = [
            ("ROLECALL_ADMIN_PASSWORD", PASSWORD),
            ("ROLECALL_ARGON2", "m=32,t=1,p=1"),
            ("ROLECALL_ISSUER", url.as_str()),
        ];
        let base = base.iter().map(|(name, value)| (*name, value.as_str()));
        let config = Config::of(base.chain(own).chain(settings.iter().copied())).unwrap();
        let prepared = Box::pin(node::open(&config, clock)).await.unwrap();
        prepared.first_admin(&config).await.unwrap();
        let issuer = config.issuer.clone().unwrap().0;
        let app = prepared.app(&config, &issuer);
        let (stop, stopped) = oneshot::channel::<()>();
        let (endpoint, node) = (app.endpoint().unwrap(), app.clone());
        tokio::spawn(async move {
            let stop = async { drop(stopped.await) };
            node.run(bound, endpoint, stop, Duration::from_secs(1)).await.unwrap();
        });
        Self { url, app, http: http(), _stop: stop, database: Arc::clone(database) }
    }

    /// The newest revision: what writes nothing leaves it as it is.
    pub fn revision(&self) -> i64 {
        self.app.state.store.snapshot().revision
    }

    /// Nobody in particular.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.http, &self.url, None)
    }

    /// The first administrator.
    pub async fn admin(&self) -> Client {
        self.sign_in("admin", PASSWORD).await
    }

    /// Someone who signs in so.
    pub async fn sign_in(&self, username: &str, password: &str) -> Client {
        let answer = self.token(username, password, &[]).await;
        assert_eq!(answer.status, 200, "{username} can't sign in: {}", answer.body);
        self.bearing(answer.token())
    }

    /// Someone with this token.
    pub fn bearing(&self, token: &str) -> Client {
        Client::new(&self.http, &self.url, Some(token))
    }

    /// What the token endpoint answers.
    pub async fn token(&self, username: &str, password: &str, more: &[(&str, &str)]) -> Answer {
        let form = [("grant_type", "password"), ("username", username), ("password", password)];
        let form: Vec<_> = form.iter().chain(more).collect();
        self.anonymous().send(self.http.post(format!("{}/oauth/token", self.url)).form(&form)).await
    }

    /// What the token endpoint answers to a refresh token.
    pub async fn refresh(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        let form: Vec<_> = form.iter().chain(more).collect();
        self.anonymous().send(self.http.post(format!("{}/oauth/token", self.url)).form(&form)).await
    }

    /// Makes a user with these roles.
    pub async fn user(&self, username: &str, roles: &[&str]) {
        let new = json!({ "username": username, "password": PASSWORD, "roles": roles });
        self.admin().await.post("/v1/users", new).await.assert(201);
    }

    /// Makes a role with these permissions, and those that don't exist yet.
    pub async fn role(&self, name: &str, permissions: &[&str]) {
        let admin = self.admin().await;
        for permission in permissions {
            if admin.get(&format!("/v1/permissions/{permission}")).await.status == 404 {
                admin.post("/v1/permissions", json!({ "name": permission })).await.assert(201);
            }
        }
        admin.post("/v1/roles", json!({ "name": name, "permissions": permissions })).await.assert(201);
    }

    /// Someone who holds these permissions, by a role of the same name.
    pub async fn person(&self, username: &str, permissions: &[&str]) -> Client {
        self.role(username, permissions).await;
        self.user(username, &[username]).await;
        self.sign_in(username, PASSWORD).await
    }
}

/// Names without their order: of what is made within one millisecond, either may come first.
pub fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}

/// A client that waits a while, not forever.
pub fn http() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_mins(1)).build().unwrap()
}

/// What a token says, unchecked.
pub fn claims(token: &str) -> serde_json::Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
