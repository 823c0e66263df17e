use poem_openapi::{Enum, Object, OpenApi, payload::Json};
use rolecall_guard::{Problem, Public, Refusal};
use tokio::sync::watch;

use super::{State, Tag};

/// Whether to send requests to this node.
#[derive(Debug, Default)]
pub struct Readiness {
    stopping: watch::Sender<bool>,
}

impl Readiness {
    /// From now on: no.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Waits until it is to stop.
    pub(super) async fn stopping(&self) {
        // It fails only when the sender is gone, which is here.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }
}

/// A word on how it is.
#[derive(Debug, Object)]
struct Health {
    status: HealthStatus,
}

/// Well; anything else is an error.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
enum HealthStatus {
    Ok,
}

pub(super) struct Operations(pub(super) State);

#[OpenApi(tag = "Tag::Operations")]
impl Operations {
    /// Is the process alive?
    ///
    /// It asks nothing of the database.
    #[oai(path = "/healthz", method = "get", operation_id = "check_health")]
    async fn health(&self, _caller: Public) -> Result<Json<Health>, Problem> {
        Ok(Json(Health { status: HealthStatus::Ok }))
    }

    /// Should requests be sent here?
    ///
    /// 503 while it stops, and while the database is out of reach.
    #[oai(path = "/readyz", method = "get", operation_id = "check_readiness")]
    async fn readiness(&self, _caller: Public) -> Result<Json<Health>, Problem> {
        if *self.0.readiness.stopping.borrow() {
            return Err(Problem::unavailable("stopping", "This node is stopping.", 1));
        }
        // As the gate has it: a flood of these must not keep the database from anyone.
        if !self.0.gate.in_touch() {
            return Err(Refusal::Silent.into());
        }
        Ok(Json(Health { status: HealthStatus::Ok }))
    }
}
