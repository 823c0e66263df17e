use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use rolecall::{random, store::connect, tokens::RefreshGrant};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use secrecy::SecretString;
use tokio::sync::Mutex;

use super::{Node, in_parallel, in_turns, nobody_in_particular, node, sign_ins::admin};

/// Refreshes that go on at a time, each of a session of its own.
const WIDTH: usize = 32;

/// Refreshes against what the database itself commits: one row changed by its key, by as many at a time.
pub(super) async fn refresh() {
    let server = std::env::var("TEST_DATABASE_URL").ok();
    let name = format!("rolecall_bench_{}", random::text::<9>().to_lowercase().replace('-', "_"));
    let url = match &server {
        Some(server) => {
            execute(&connect(server, 1).await.unwrap(), &format!("CREATE DATABASE {name}")).await;
            Some(format!("{}/{name}", server.rsplit_once('/').unwrap().0))
        }
        None => None,
    };
    measure(url.as_deref()).await;
    if let Some(server) = &server {
        execute(&connect(server, 1).await.unwrap(), &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
}

async fn measure(url: Option<&str>) {
    let mut settings = vec![("ROLECALL_ARGON2", "m=32,t=1,p=1")];
    if let Some(url) = url {
        let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        settings.extend([
            ("DATABASE_URL", url),
            ("ROLECALL_ISSUER", "https://id.example"),
            ("ROLECALL_KEY_ENCRYPTION_KEY", key),
        ]);
    }
    let node = node(&settings).await;
    let own = format!("sqlite://{}", node.directory.path().join("rolecall.db").display());
    let db = connect(url.unwrap_or(&own), 10).await.unwrap();
    execute(&db, "CREATE TABLE bench (id integer PRIMARY KEY, value bigint NOT NULL)").await;
    let rows: Vec<_> = (0..WIDTH).map(|id| format!("({id}, 0)")).collect();
    execute(&db, &format!("INSERT INTO bench VALUES {}", rows.join(", "))).await;

    let sessions = Sessions::open(&node).await;
    let (refreshed, committed) = in_turns(async || sessions.refresh(&node).await, async || commit(&db).await).await;
    let backend = if url.is_some() { "PostgreSQL" } else { "SQLite" };
    println!(
        "refreshes on {backend} {refreshed:.0}/s, its own single-row commits {committed:.0}/s, ratio {:.3} (aim >= 0.6 on \
         PostgreSQL)",
        refreshed / committed
    );
}

/// Sessions with their newest refresh tokens, for whoever comes next.
#[derive(Clone)]
struct Sessions(Arc<Mutex<Vec<SecretString>>>);

impl Sessions {
    async fn open(node: &Node) -> Self {
        let mut tokens = Vec::new();
        for _ in 0..WIDTH {
            let asking = nobody_in_particular(&node.app).await;
            tokens.push(node.app.state.tokens.sign_in(&asking, admin()).await.unwrap().refresh_token.unwrap());
        }
        Self(Arc::new(Mutex::new(tokens)))
    }

    async fn refresh(&self, node: &Node) -> f64 {
        let (sessions, app) = (self.clone(), node.app.clone());
        let work = move || {
            let (sessions, app) = (sessions.clone(), app.clone());
            async move {
                let token = sessions.0.lock().await.pop().unwrap();
                let asking = nobody_in_particular(&app).await;
                let issued = app.state.tokens.refresh(&asking, RefreshGrant { token, scopes: None }).await.unwrap();
                sessions.0.lock().await.push(issued.refresh_token.unwrap());
            }
        };
        in_parallel(WIDTH, work).await
    }
}

async fn commit(db: &DatabaseConnection) -> f64 {
    let (db, next) = (db.clone(), Arc::new(AtomicI64::new(0)));
    let work = move || {
        let (db, id) = (db.clone(), next.fetch_add(1, Ordering::Relaxed) % i64::try_from(WIDTH).unwrap());
        async move {
            let parameter = if db.get_database_backend() == DbBackend::Postgres { "$1" } else { "?" };
            let sql = format!("UPDATE bench SET value = value + 1 WHERE id = {parameter}");
            let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [id.into()]);
            db.execute_raw(statement).await.unwrap();
        }
    };
    in_parallel(WIDTH, work).await
}

pub(super) async fn execute(db: &DatabaseConnection, sql: &str) {
    db.execute_unprepared(sql).await.unwrap();
}
