use std::env;

use rolecall::{random, store::connect};
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement};
use tempfile::TempDir;

/// A database of its own, gone when dropped.
pub struct Database {
    directory: TempDir,
    postgres: Option<Postgres>,
}

struct Postgres {
    server: String,
    name: String,
}

impl Database {
    /// On the PostgreSQL server that `TEST_DATABASE_URL` names, or on SQLite.
    pub async fn create() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let Ok(server) = env::var("TEST_DATABASE_URL") else { return Self { directory, postgres: None } };
        let name = format!("rolecall_test_{}", random::text::<9>().to_lowercase().replace('-', "_"));
        let maintenance = connect(&server, 2).await.expect("TEST_DATABASE_URL names a PostgreSQL server");
        maintenance.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        maintenance.close().await.unwrap();
        Self { directory, postgres: Some(Postgres { server, name }) }
    }

    /// Whether several processes may serve it.
    pub fn is_postgres(&self) -> bool {
        self.postgres.is_some()
    }

    /// Where a node keeps its files.
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// What a node needs to be told of it, by variable.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![("ROLECALL_DATA_DIR", self.directory.path().display().to_string())];
        if let Some(postgres) = &self.postgres {
            settings.push(("DATABASE_URL", postgres.url()));
            settings.push(("ROLECALL_KEY_ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".into()));
            settings.push(("ROLECALL_DATABASE_CONNECTIONS", "5".into()));
        }
        settings
    }

    /// Every row that a query behind the API's back gives.
    pub async fn rows(&self, sql: &str) -> Vec<QueryResult> {
        let connection = self.connection().await;
        connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await.unwrap()
    }

    /// The ids of the sessions there are.
    pub async fn sessions(&self) -> Vec<String> {
        let rows = self.rows("SELECT id FROM sessions").await;
        rows.iter().map(|row| row.try_get::<uuid::Uuid>("", "id").unwrap().to_string()).collect()
    }

    /// A connection of the test's own, to look behind the API.
    pub async fn connection(&self) -> DatabaseConnection {
        let sqlite = || format!("sqlite://{}", self.directory.path().join("rolecall.db").display());
        connect(&self.postgres.as_ref().map_or_else(sqlite, Postgres::url), 2).await.unwrap()
    }
}

impl Postgres {
    fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some(Postgres { server, name }) = self.postgres.take() else { return };
        let drop_database = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let Ok(maintenance) = connect(&server, 2).await else { return };
                let _ = maintenance.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
            });
        };
        let _ = std::thread::spawn(drop_database).join();
    }
}
