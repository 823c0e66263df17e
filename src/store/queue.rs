use tokio::sync::{Semaphore, SemaphorePermit};

use super::Refused;

/// Writers that may wait for their turn; one more is told to come back later.
const LONGEST: usize = 256;

/// Where writers of this node wait, in memory, before they take a database connection.
#[derive(Debug)]
pub(super) struct Queue {
    places: Semaphore,
    turn: Semaphore,
}

impl Default for Queue {
    fn default() -> Self {
        Self { places: Semaphore::new(LONGEST), turn: Semaphore::new(1) }
    }
}

impl Queue {
    /// Waits for this writer's turn, which lasts until what is returned is dropped.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, Refused> {
        let _place = self.places.try_acquire().map_err(|_| Refused::Busy)?;
        self.turn.acquire().await.map_err(|_| Refused::Busy)
    }
}
