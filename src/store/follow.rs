use std::time::Duration;

use rolecall_guard::Gate;
use tokio::time::{sleep, timeout};

use super::{Refused, Store};

/// How often a node looks for what other nodes changed.
const EVERY: Duration = Duration::from_millis(200);
/// A look that takes longer is given up: a connection may be dead without a sign.
const PATIENCE: Duration = Duration::from_secs(3);
/// Ended sessions are read again over this time, longer than any transaction that ends one.
const OVERLAP_MICROS: i64 = 60_000_000;
/// How often sessions that ran out are forgotten, in looks (ten minutes).
const FORGET_EVERY: u32 = 3000;

impl Store {
    /// Reads the ledger along, and tells the gate each time that it could. Never returns.
    pub async fn follow(&self, gate: &Gate) {
        let mut looks: u32 = 0;
        loop {
            match timeout(PATIENCE, self.look()).await {
                Ok(Ok(())) => gate.hear(),
                Ok(Err(error)) => tracing::warn!(%error, "can't read the ledger; trying again"),
                Err(_) => tracing::warn!("the database doesn't answer; trying again"),
            }
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(FORGET_EVERY) {
                self.forget().await;
            }
            sleep(EVERY).await;
        }
    }

    async fn look(&self) -> Result<(), Refused> {
        self.replica.catch_up(&self.db).await?;
        let since = self.clock.micros() - OVERLAP_MICROS;
        Ok(self.replica.read_ended_sessions(&self.db, since).await?)
    }

    async fn forget(&self) {
        let before = self.clock.micros() - (self.revocations().window() * 1_000_000).max(OVERLAP_MICROS);
        if let Err(error) = self.forget_sessions(before).await {
            tracing::warn!(%error, "can't forget old sessions; trying again later");
        }
    }

    /// Catches up with the database now: before a token is issued.
    pub async fn catch_up(&self) -> Result<(), Refused> {
        Ok(self.replica.catch_up(&self.db).await?)
    }
}
