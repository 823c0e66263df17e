use std::{net::IpAddr, sync::Arc};

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{Denied, Tokens};
use crate::{
    policy::BUILT_IN_CLIENT,
    store::{Client, ClientKey, GrantType, Snapshot},
};

/// Who asks at an OAuth endpoint.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The client, as who it has shown to be.
    pub client: Client,
    /// The moment before it was read: what it was for may have changed since, and then its tokens must be older.
    pub moment: Arc<Snapshot>,
    /// When that was, in seconds since 1970: its tokens are issued then, however long they take to be made, so that
    /// they have run out when what was taken away since is forgotten.
    pub now: i64,
    /// From which address.
    pub address: Option<IpAddr>,
}

impl Asking {
    /// Whether it has shown a secret.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.client.client_id != BUILT_IN_CLIENT
    }

    /// Refuses a client that may not get tokens so.
    pub fn may(&self, grant: GrantType) -> Result<(), Denied> {
        if self.client.grants.contains(&grant) { Ok(()) } else { Err(Denied::UnauthorizedClient) }
    }
}

impl Tokens {
    /// Finds out who asks, by `client_id` and secret; nobody named is the built-in public client, which has no secret.
    pub async fn asking(&self, client_id: &str, secret: &SecretString, from: Option<IpAddr>) -> Result<Asking, Denied> {
        let now = self.clock.seconds();
        let moment = self.store.current().await?;
        let public = client_id == BUILT_IN_CLIENT && secret.expose_secret().is_empty();
        let client = if public { Some(built_in()) } else { self.store.authenticate_client(client_id, secret).await? };
        Ok(Asking { client: client.ok_or(Denied::InvalidClient)?, moment, now, address: from })
    }
}

fn built_in() -> Client {
    Client {
        key: ClientKey(Uuid::nil()),
        client_id: BUILT_IN_CLIENT.into(),
        name: "Rolecall".into(),
        first_party: true,
        grants: [GrantType::Password, GrantType::RefreshToken].into(),
        audience: None,
        scopes: None,
        user: None,
        created_at: 0,
        updated_at: 0,
        revision: 0,
    }
}
