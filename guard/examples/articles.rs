//! A service of its own that trusts a Rolecall server: articles to create, read, update and delete.
//!
//! docs/services.md goes through all of it. In short: the server has a client that may follow it, and lets this page's
//! address ask it (`ROLECALL_CORS_ORIGINS=http://127.0.0.1:8081`); then
//!
//!     export ARTICLES_ISSUER=http://127.0.0.1:8080 ARTICLES_CLIENT=articles ARTICLES_SECRET=…
//!     cargo run --package rolecall-guard --example articles
//!
//! `-- permissions` prints the permissions as a policy file; `-- register` makes them on the server.
#![expect(clippy::print_stdout, reason = "it says where it is")]

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use poem::{
    EndpointExt, Route, Server,
    endpoint::make_sync,
    http::StatusCode,
    listener::{Acceptor, Listener, TcpListener},
    web::Html,
};
use poem_openapi::{Object, OpenApi, OpenApiService, param::Path, payload::Json};
use rolecall_guard::{Problem, Require, Service, document::describe_guards, policy_file};

rolecall_guard::permissions! {
    /// Articles of the blog.
    articles = "articles" {
        /// Write articles
        Create = "create",
        /// Read articles
        Read = "read",
        /// Correct articles
        Update = "update",
        /// Take articles down
        Delete = "delete",
    }
}

/// An article.
#[derive(Clone, Debug, Object)]
struct Article {
    title: String,
    text: String,
}

#[derive(Default)]
struct Articles(Mutex<BTreeMap<u32, Article>>);

/// The permission in a handler's first argument is its guard: without it the handler doesn't run.
#[OpenApi]
impl Articles {
    /// Write an article
    #[oai(path = "/articles", method = "post")]
    async fn create(&self, _caller: Require<articles::Create>, article: Json<Article>) -> Result<Json<u32>, Problem> {
        let mut articles = self.all();
        let id = articles.last_key_value().map_or(1, |(last, _)| last + 1);
        articles.insert(id, article.0);
        Ok(Json(id))
    }

    /// Read an article
    #[oai(path = "/articles/:id", method = "get")]
    async fn read(&self, _caller: Require<articles::Read>, id: Path<u32>) -> Result<Json<Article>, Problem> {
        self.all().get(&id.0).cloned().map(Json).ok_or_else(unknown)
    }

    /// Correct an article
    #[oai(path = "/articles/:id", method = "put")]
    async fn update(
        &self,
        _caller: Require<articles::Update>,
        id: Path<u32>,
        article: Json<Article>,
    ) -> Result<Json<Article>, Problem> {
        self.all().get_mut(&id.0).ok_or_else(unknown)?.clone_from(&article.0);
        Ok(article)
    }

    /// Take an article down
    #[oai(path = "/articles/:id", method = "delete")]
    async fn delete(&self, _caller: Require<articles::Delete>, id: Path<u32>) -> Result<(), Problem> {
        self.all().remove(&id.0).map(drop).ok_or_else(unknown)
    }
}

impl Articles {
    fn all(&self) -> MutexGuard<'_, BTreeMap<u32, Article>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "There is no such article.")
}

fn setting(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("set {name}"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let command = env::args().nth(1);
    if command.as_deref() == Some("permissions") {
        print!("{}", policy_file(CATALOGUE));
        return Ok(());
    }
    let [issuer, client, secret] = ["ARTICLES_ISSUER", "ARTICLES_CLIENT", "ARTICLES_SECRET"].map(setting);
    let issuer = issuer?;
    let rolecall = Service::at(&issuer).client(&client?, secret?).start()?;
    if command.as_deref() == Some("register") {
        println!("Made: {}", rolecall.register(CATALOGUE).await?.join(", "));
        return Ok(());
    }

    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let api = OpenApiService::new(Articles::default(), "Articles", "1.0");
    // poem-openapi's page shows the document as the handlers alone have it: put the one that tells of the guards in its place.
    let (unguarded, page) = (api.spec(), api.swagger_ui_html());
    let mut document = serde_json::from_str(&unguarded)?;
    describe_guards(&mut document, CATALOGUE, &format!("{issuer}/oauth/token"))?;
    let page = Arc::new(page.replace(&unguarded, &document.to_string()));
    let docs = make_sync(move |_| Html(String::clone(&page)));
    let app = Route::new().at("/docs", docs).nest("/", api).data(rolecall.gate());

    let listen = env::var("ARTICLES_LISTEN").unwrap_or_else(|_| "127.0.0.1:8081".to_owned());
    let acceptor = TcpListener::bind(listen).into_acceptor().await?;
    if let Some(address) = acceptor.local_addr().iter().find_map(|local| local.as_socket_addr()) {
        println!("\n  Articles are ready at http://{address}/docs\n");
    }
    Server::new_with_acceptor(acceptor).run(app).await?;
    Ok(())
}
