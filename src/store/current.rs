use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sea_orm::{DbErr, RuntimeErr};
use tokio::sync::Mutex;

use super::{Refused, Snapshot, Store};

/// Reads of the ledger that several requests share: one that began after they asked is as good as their own.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    asked: AtomicU64,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    /// Whoever asked up to this one was there when it began.
    covers: u64,
    failed: bool,
}

impl Store {
    /// The role graph as of now: catches up with the database first. Before a token is issued.
    pub async fn current(&self) -> Result<Arc<Snapshot>, Refused> {
        let mine = self.catch_up.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut last = self.catch_up.last.lock().await;
        if last.covers < mine {
            // If whoever reads leaves, the next one reads.
            let covers = self.catch_up.asked.load(Ordering::SeqCst);
            let read = self.replica.catch_up(&self.db).await;
            *last = Last { covers, failed: read.is_err() };
            read?;
        } else if last.failed {
            let why = "the ledger could not be read".to_owned();
            return Err(DbErr::Conn(RuntimeErr::Internal(why)).into());
        }
        Ok(self.snapshot())
    }
}
