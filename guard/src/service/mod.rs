//! A service that trusts a Rolecall server's tokens: it gets its keys, and hears at once who lost something.

mod follow;
mod issuer;
mod keys;

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;
use tokio::sync::Mutex;

pub use self::issuer::Trouble;
use self::{
    follow::Follower,
    issuer::{Issuer, Login},
    keys::Keys,
};
use crate::{Described, Gate, Revocations, Verifier};

/// Settings that can't work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    /// The issuer's address is no such thing.
    #[error("the issuer {0:?} is not an address like https://id.example.com")]
    Issuer(String),
    /// Whoever is between could change keys and read the secret.
    #[error("the issuer {0:?} needs https; over a network that only you can reach, say so with trust_plain_http()")]
    PlainHttp(String),
    /// The certificates aren't in PEM, or none are.
    #[error("the certificate authority is not a PEM certificate")]
    Authority,
    /// The machine's own certificates can't be read, or the like.
    #[error("no HTTPS client can be made: {0}")]
    Http(String),
}

/// How a service finds the Rolecall server whose tokens it trusts.
///
/// ```no_run
/// # fn main() -> Result<(), rolecall_guard::BadSettings> {
/// let secret = std::env::var("ROLECALL_CLIENT_SECRET").unwrap_or_default();
/// let rolecall = rolecall_guard::Service::at("https://id.example.com").client("articles", secret).start()?;
/// let gate = rolecall.gate(); // for poem's `.data(gate)`, where the extractors look for it
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Settings {
    issuer: String,
    audience: Option<String>,
    login: Login,
    staleness: Duration,
    authority: Option<Vec<u8>>,
    plain_http: bool,
}

impl Settings {
    /// The client, with its secret, as which the service signs in to follow the feed: one with the grant
    /// `client_credentials`, no `audience`, and a role that gives `access:read`.
    #[must_use]
    pub fn client(mut self, id: &str, secret: impl Into<SecretString>) -> Self {
        self.login = Login { id: id.to_owned(), secret: secret.into() };
        self
    }

    /// Accept tokens for this audience only, that of the clients through which people come; by default it is the issuer,
    /// as in tokens of clients without an audience.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.audience = Some(audience.to_owned());
        self
    }

    /// For how long to trust tokens without word from the server; then requests are answered 503. By default five seconds,
    /// as between the server's own nodes. Longer keeps the service up while the server is away, and lets a token that was
    /// taken back meanwhile work for so long.
    #[must_use]
    pub fn staleness(mut self, staleness: Duration) -> Self {
        self.staleness = staleness;
        self
    }

    /// Trust only certificates of this authority (PEM, one or several), not the machine's.
    #[must_use]
    pub fn authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authority = Some(pem.into());
        self
    }

    /// Speak to the issuer without TLS, though it isn't on this machine.
    #[must_use]
    pub fn trust_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Begins to follow the server, in a task of its own that never ends. Until it has heard from it, and whenever it hasn't for too long,
    /// the gate answers 503. What is in the way is logged (`tracing`), and tried again.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn start(self) -> Result<Service, BadSettings> {
        let issuer = Arc::new(Issuer::new(&self.issuer, self.login, self.authority, self.plain_http)?);
        let audience = self.audience.as_deref().unwrap_or(&self.issuer);
        let verifier = Arc::new(Verifier::new(&self.issuer, audience, []));
        let revocations = Arc::new(Revocations::new(0));
        let keys =
            Arc::new(Keys { issuer: Arc::clone(&issuer), verifier: Arc::clone(&verifier), fetched: Mutex::default() });
        let staleness = i64::try_from(self.staleness.as_secs()).unwrap_or(i64::MAX);
        let fetch_keys = {
            let keys = Arc::clone(&keys);
            move || {
                let keys = Arc::clone(&keys);
                Box::pin(async move { keys.fetch_for_a_stranger().await }) as _
            }
        };
        let gate = Gate::of_service(verifier, Arc::clone(&revocations), staleness, fetch_keys);
        tokio::spawn(Follower { issuer: Arc::clone(&issuer), keys, revocations, gate: gate.clone() }.follow());
        Ok(Service { issuer, gate })
    }
}

/// A service's side of a Rolecall server.
#[derive(Clone)]
pub struct Service {
    issuer: Arc<Issuer>,
    gate: Gate,
}

impl Service {
    /// Settings for the server at this address: its issuer, as its tokens' `iss` and its metadata say it.
    #[must_use]
    pub fn at(issuer: &str) -> Settings {
        Settings {
            issuer: issuer.trim_end_matches('/').to_owned(),
            audience: None,
            login: Login::default(),
            staleness: Duration::from_secs(5),
            authority: None,
            plain_http: false,
        }
    }

    /// What decides which requests pass.
    #[must_use]
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Makes those permissions of the catalogue that the server doesn't have yet, so that code and server agree, and tells
    /// which. It takes a client whose role gives `permissions:create`. Nobody holds what is made: granting it is for an administrator.
    pub async fn register(&self, catalogue: &[Described]) -> Result<Vec<&'static str>, Trouble> {
        let mut made = Vec::new();
        for permission in catalogue {
            if self.issuer.create_permission(permission).await? {
                made.push(permission.name);
            }
        }
        Ok(made)
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
