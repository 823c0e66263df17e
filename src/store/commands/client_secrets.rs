use rolecall_guard::Subject;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::clients::{held_by_client, opened_by_client, target};
use crate::{
    policy::ClientId,
    store::{
        ClientKey, Command, Refused, SecretId,
        clients::find,
        effect::Effect,
        entity::client_secrets,
        plan::{Plan, Planned, View},
    },
};

/// A secret to store: not itself, but its hash.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// Its id.
    pub id: SecretId,
    /// What [`secret_hash`](crate::store::secret_hash) gives for it.
    pub hash: Vec<u8>,
}

impl NewSecret {
    pub(super) fn row(&self, client_id: ClientKey, created_at: i64) -> client_secrets::Model {
        client_secrets::Model { id: self.id, client_id, hash: self.hash.clone(), created_at, expires_at: None }
    }
}

/// Gives a client a new secret; the last one goes on for a while, and what was before that ends.
#[derive(Clone, Debug)]
pub struct RotateSecret {
    /// Which client.
    pub client: ClientId,
    /// Its new secret.
    pub secret: NewSecret,
    /// For how long the last one goes on. If not at all, it may have leaked: then tokens got with it stop, too.
    pub overlap_seconds: i64,
}

/// What came of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The client's state now.
    pub revision: i64,
    /// When the last secret ends, in microseconds since 1970.
    pub previous_ends: i64,
}

impl Command for RotateSecret {
    type Output = Rotated;

    async fn plan(&self, view: &View<'_>) -> Result<Planned<Rotated>, Refused> {
        let row = find(view.txn, &self.client).await?;
        let leaked = self.overlap_seconds == 0;
        let previous_ends = view.now + self.overlap_seconds * 1_000_000;
        let last_ends = (!leaked).then_some(previous_ends);
        let plan = Plan {
            action: "rotate_client_secret",
            target: target(&self.client),
            after: Some(json!({ "previous_secret_ends": rfc3339(previous_ends) })),
            needs: held_by_client(view, &row).await?,
            gives: opened_by_client(view, &row).await?,
            effects: vec![Effect::ReplaceSecret(self.secret.row(row.id, view.now), last_ends)],
            subjects: leaked.then(|| Subject::Client(row.client_id.clone())).into_iter().collect(),
            ..Plan::default()
        };
        Ok(Planned::change(row.revision, plan, Rotated { revision: view.revision, previous_ends }))
    }
}

fn rfc3339(micros: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000);
    time.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}
