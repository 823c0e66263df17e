use poem_openapi::{
    Object, OpenApi,
    param::{Header, Path, Query},
    types::Example,
};
use rolecall_guard::Require;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use super::{
    State, Tag,
    dry_run::Instead,
    responses::{Created, Optional, created, shown},
};
use crate::{
    catalogue::clients as permission,
    policy::ClientId,
    random,
    store::{
        IfMatch, SecretId,
        commands::{NewSecret, RotateSecret},
        secret_hash,
    },
};

/// How to go over to a new secret.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, example)]
struct SecretRotation {
    /// For how many seconds the secret so far goes on: a day, unless you say otherwise, and a week at most. Say 0
    /// if it may have leaked: then the client's tokens stop, too.
    #[oai(default = "a_day", validator(minimum(value = "0"), maximum(value = "604800")))]
    overlap_seconds: i64,
}

fn a_day() -> i64 {
    86_400
}

impl Example for SecretRotation {
    fn example() -> Self {
        Self { overlap_seconds: 3600 }
    }
}

/// A client's new secret: keep it, it is shown only now.
#[derive(Object)]
#[oai(example)]
#[expect(clippy::struct_field_names, reason = "client_secret is what OAuth calls it")]
struct ClientSecret {
    client_id: String,
    client_secret: String,
    /// When the secret so far ends; any before that have ended now.
    previous_secret_expires_at: OffsetDateTime,
}

impl Example for ClientSecret {
    fn example() -> Self {
        Self {
            client_id: "billing".into(),
            client_secret: EXAMPLE_SECRET.into(),
            previous_secret_expires_at: shown(1_767_229_200_000_000),
        }
    }
}

/// Long enough for the real thing, and plainly not it.
pub(super) const EXAMPLE_SECRET: &str = "an-example-of-43-characters-as-secrets-have";

impl State {
    /// A secret for the client to keep, and what is stored of it.
    pub(super) fn new_secret(&self) -> (SecretString, NewSecret) {
        let secret = SecretString::from(random::text::<32>());
        let stored = NewSecret { id: SecretId(random::id(self.store.clock())), hash: secret_hash(&secret) };
        (secret, stored)
    }
}

pub(super) struct ClientSecrets(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Clients")]
impl ClientSecrets {
    /// Give a client a new secret
    ///
    /// The answer shows it, this once. The secret so far goes on for a while.
    #[oai(path = "/clients/:client/secrets", method = "post", operation_id = "rotate_client_secret")]
    async fn rotate(
        &self,
        caller: Require<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        client: Path<ClientId>,
        /// Only if the client's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        rotation: Optional<SecretRotation>,
    ) -> Result<Created<ClientSecret>, Instead> {
        let (secret, stored) = self.0.new_secret();
        let overlap_seconds = rotation.0.map_or_else(a_day, |rotation| rotation.overlap_seconds);
        let command = RotateSecret { client: client.0, secret: stored, overlap_seconds };
        let rotated = self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        let body = ClientSecret {
            client_id: command.client.to_string(),
            client_secret: secret.expose_secret().to_owned(),
            previous_secret_expires_at: shown(rotated.previous_ends),
        };
        Ok(created(format!("/v1/clients/{}", command.client), rotated.revision, body))
    }
}
