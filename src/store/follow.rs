use std::time::Duration;

use rolecall_guard::Gate;
use sea_orm::{DbBackend, DbErr, sqlx::postgres::PgListener};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::{Refused, Store, ledger::CHANNEL};

/// How often a node looks for what other nodes changed, if nothing wakes it earlier.
const EVERY: Duration = Duration::from_millis(200);
/// The least time between two looks, however often it is woken.
const REST: Duration = Duration::from_millis(5);
/// How long to wait before listening again after the connection was lost.
const RELISTEN: Duration = Duration::from_secs(1);
/// A look that takes longer is given up: a connection may be dead without a sign.
const PATIENCE: Duration = Duration::from_secs(3);
/// Ended sessions are read again over this time, longer than any transaction that ends one can take
/// (`connect::LONGEST_STATEMENT`).
const OVERLAP_MICROS: i64 = 90_000_000;
/// How often sessions that ran out are forgotten.
const FORGET_EVERY: Duration = Duration::from_mins(10);

impl Store {
    /// Reads the ledger along, and tells the gate each time that it could. Never returns.
    pub async fn follow(&self, gate: &Gate) {
        let woken = Notify::new();
        tokio::join!(self.tail(gate, &woken), self.listen(&woken), self.forget());
    }

    async fn tail(&self, gate: &Gate, woken: &Notify) {
        loop {
            // What it reads is as of then, however long the answer takes.
            let began = self.clock.seconds();
            match timeout(PATIENCE, self.look()).await {
                Ok(Ok(())) => gate.heard_at(began),
                Ok(Err(error)) => tracing::warn!(%error, "can't read the ledger; trying again"),
                Err(_) => tracing::warn!("the database doesn't answer; trying again"),
            }
            sleep(REST).await;
            // Woken or not: what was missed is found all the same.
            let _ = timeout(EVERY, woken.notified()).await;
        }
    }

    /// Wakes the tail when another node has written; only PostgreSQL can tell.
    async fn listen(&self, woken: &Notify) {
        while self.tail.get_database_backend() == DbBackend::Postgres {
            if let Err(error) = self.pass_on(woken).await {
                tracing::debug!(%error, "not listening for a moment; looking at intervals");
            }
            sleep(RELISTEN).await;
        }
    }

    async fn pass_on(&self, woken: &Notify) -> Result<(), DbErr> {
        let failed = |error: sea_orm::sqlx::Error| DbErr::Custom(error.to_string());
        let mut listener = PgListener::connect_with(self.tail.get_postgres_connection_pool()).await.map_err(failed)?;
        listener.listen(CHANNEL).await.map_err(failed)?;
        loop {
            // Nothing: the connection was lost and is there again, and something may have been missed.
            listener.try_recv().await.map_err(failed)?;
            woken.notify_one();
        }
    }

    async fn look(&self) -> Result<(), Refused> {
        self.replica.catch_up(&self.tail).await?;
        let since = self.clock.micros() - OVERLAP_MICROS;
        Ok(self.replica.read_ended_sessions(&self.tail, since).await?)
    }

    async fn forget(&self) {
        loop {
            sleep(FORGET_EVERY).await;
            let before = self.clock.micros() - (self.revocations().window() * 1_000_000).max(OVERLAP_MICROS);
            if let Err(error) = self.forget_sessions(before).await {
                tracing::warn!(%error, "can't forget old sessions; trying again later");
            }
        }
    }
}
