use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use reqwest::{Client, Method};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::super::{PASSWORD, refresh::execute, server::Server};
use rolecall::{random, store::connect};

/// Databases of their own, for as long as the bench takes.
pub(super) struct Databases {
    server: String,
    prefix: String,
}

impl Databases {
    pub(super) fn on(server: String) -> Self {
        let prefix = format!("rolecall_bench_{}", random::text::<9>().to_lowercase().replace('-', "_"));
        Self { server, prefix }
    }

    /// Makes one, and says where it is.
    pub(super) async fn create(&self, name: &str) -> String {
        let name = format!("{}_{name}", self.prefix);
        execute(&connect(&self.server, 1).await.unwrap(), &format!("CREATE DATABASE {name}")).await;
        format!("{}/{name}", self.server.rsplit_once('/').unwrap().0)
    }

    pub(super) async fn remove(&self) {
        let db = connect(&self.server, 1).await.unwrap();
        let mine = format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{}')", self.prefix);
        let names =
            db.query_all_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, mine)).await.unwrap();
        for name in names {
            let name: String = name.try_get_by_index(0).unwrap();
            execute(&db, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

/// A server on a database, and its administrator.
pub(super) struct Site {
    pub(super) people: usize,
    server: Server,
    http: Client,
    token: String,
    refresh_token: Mutex<String>,
    next: AtomicUsize,
    _directory: tempfile::TempDir,
}

impl Site {
    /// Starts the server twice: it makes its schema, and then finds what was put into it.
    pub(super) async fn open(url: &str, people: usize, seed: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        drop(start(&directory, url));
        let db = connect(url, 1).await.unwrap();
        for part in seed {
            execute(&db, &part.replace("{people}", &people.to_string())).await;
        }
        execute(&db, "VACUUM ANALYZE").await;
        execute(&db, "CHECKPOINT").await;
        let began = Instant::now();
        let server = start(&directory, url);
        println!(
            "  ready {:?} after its start, {:.1} MB in memory",
            began.elapsed(),
            mega(server.resident_kilobytes())
        );
        let mut site = Self {
            people,
            server,
            http: Client::new(),
            token: String::new(),
            refresh_token: Mutex::default(),
            next: AtomicUsize::new(0),
            _directory: directory,
        };
        let issued = site.sign_in("admin").await;
        site.token = issued["access_token"].as_str().unwrap().into();
        *site.refresh_token.get_mut() = issued["refresh_token"].as_str().unwrap().into();
        site
    }

    /// Someone else each time, from all over the table; none who is disabled.
    pub(super) fn someone(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed) * 7919 % self.people;
        Self::person(if number % (self.people / 80) == 7 { number + 1 } else { number })
    }

    pub(super) fn person(number: usize) -> String {
        let names = ["alice", "bob", "carol", "dan", "erin", "frank", "grace", "heidi", "ivan", "judy"];
        format!("{}.{number:07}", names[number % 10])
    }

    pub(super) async fn sign_in(&self, username: &str) -> Value {
        self.token(&[("grant_type", "password"), ("username", username), ("password", PASSWORD)]).await
    }

    pub(super) async fn refresh(&self) {
        let mut token = self.refresh_token.lock().await;
        let issued = self.token(&[("grant_type", "refresh_token"), ("refresh_token", &token)]).await;
        *token = issued["refresh_token"].as_str().unwrap().into();
    }

    async fn token(&self, form: &[(&str, &str)]) -> Value {
        let url = format!("http://{}/oauth/token", self.server.address);
        let answer = self.http.post(url).form(form).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, None).await
    }

    /// Puts a member there, and takes it away the next time.
    pub(super) async fn toggle(&self, round: usize, path: &str) {
        self.ask(if round.is_multiple_of(2) { Method::PUT } else { Method::DELETE }, path, None).await;
    }

    /// Creates something in a collection, and deletes it the next time.
    pub(super) async fn make(&self, round: usize, collection: &str, name: &str, body: Value) {
        if round.is_multiple_of(2) {
            self.ask(Method::POST, collection, Some(body)).await;
        } else {
            self.ask(Method::DELETE, &format!("{collection}/{name}"), None).await;
        }
    }

    pub(super) async fn patch(&self, path: &str, body: Value) {
        self.ask(Method::PATCH, path, Some(body)).await;
    }

    /// Whether the user may, by `AuthZEN`.
    pub(super) async fn check(&self, username: &str, resource: &str) {
        let question = json!({
            "subject": { "type": "user", "id": username },
            "resource": { "type": resource, "id": "1" },
            "action": { "name": "use" },
        });
        self.ask(Method::POST, "/access/v1/evaluation", Some(question)).await;
    }

    /// What it answers, which must be that it did it.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, text) = self.answer(method.clone(), path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(super) async fn answer(&self, method: Method, path: &str, body: Option<Value>) -> (u16, String) {
        let url = format!("http://{}{path}", self.server.address);
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The cursor of a page far behind the first.
    pub(super) async fn cursor(&self, path: &str) -> String {
        let mut cursor = String::new();
        for _ in 0..(self.people / 1000).clamp(1, 50) {
            let page = self.get(&format!("{path}?limit=500{cursor}")).await;
            cursor = format!("&cursor={}", page["next"].as_str().unwrap());
        }
        cursor
    }

    pub(super) fn peak(&self) -> f64 {
        mega(self.server.peak_kilobytes())
    }
}

fn start(directory: &tempfile::TempDir, url: &str) -> Server {
    let variables = [
        ("DATABASE_URL", url),
        ("ROLECALL_ISSUER", "https://id.example"),
        ("ROLECALL_KEY_ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
        ("ROLECALL_ADMIN_PASSWORD", PASSWORD),
        ("ROLECALL_ACCESS_TOKEN_SECONDS", "3600"),
        // Cheap, so that the database shows.
        ("ROLECALL_ARGON2", "m=32,t=1,p=1"),
    ];
    Server::start(directory.path(), &variables)
}

fn mega(kilobytes: u64) -> f64 {
    super::super::to_f64(kilobytes) / 1000.0
}

/// How long it takes.
pub(super) async fn timed(work: impl Future<Output = ()>) -> Duration {
    let began = Instant::now();
    work.await;
    began.elapsed()
}
