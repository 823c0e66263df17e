//! Wires state, routes and middleware.

use std::{io, sync::Arc, time::Duration};

use poem::{Endpoint, EndpointExt, Response, Route, middleware::CatchPanic};
use poem_openapi::OpenApiService;
use rolecall_guard::{Gate, Limits, Verifier};

use crate::{
    api::{
        self, Cursors, Readiness, State,
        around::{self, Allowed, DryRuns, Errors, legible_if_match},
        docs, document,
    },
    config::Config,
    gateway::Rules,
    http::{Bound, Cors, RequestLog, TrustedProxies, Unread},
    problem::internal,
    store::Store,
    tokens::{KeyEncryptionKey, Keyring, Lifetimes, LiveKeys, SigningKeys, Tokens, password::Hasher},
};

/// A node, ready to serve.
#[derive(Clone)]
pub struct App {
    /// What handlers work with.
    pub state: State,
    issuer: String,
    gateway_rules: Rules,
    proxies: TrustedProxies,
    cors_origins: Vec<String>,
    https: bool,
}

/// For how long after its end a token's revocation must be remembered: a lagging node may have issued it, by
/// another clock.
const MARGIN_SECONDS: i64 = 10;

/// For how many seconds a node remembers who lost something.
#[must_use]
pub fn revocation_window(config: &Config) -> i64 {
    config.access_token_seconds.0 + config.staleness_seconds.0 + MARGIN_SECONDS
}

impl App {
    /// A node of these settings on this store.
    #[must_use]
    pub fn new(
        config: &Config,
        store: Store,
        keys: SigningKeys,
        keyring: Keyring,
        kek: &KeyEncryptionKey,
        hasher: Hasher,
        issuer: &str,
    ) -> Self {
        let lifetimes = Lifetimes {
            access_token: config.access_token_seconds.0,
            session_idle: config.session_idle_seconds.0,
            session_max: config.session_max_seconds.0,
            sessions_per_user: u64::from(config.sessions_per_user.0),
        };
        let verifier = Arc::new(Verifier::new(issuer, issuer, []));
        let keys = LiveKeys::new(keys, keyring, Arc::clone(&verifier));
        let graph = store.clone();
        let gives_today = move |claims: &rolecall_guard::Claims, permission: &str| {
            graph.snapshot().graph.gives(claims.roles.iter().map(String::as_str), permission)
        };
        let limits = Limits { staleness: config.staleness_seconds.0, token_age: lifetimes.access_token };
        let gate = Gate::new(verifier, store.revocations(), store.clock().clone(), limits, gives_today);
        let tokens = Tokens::new(store.clone(), hasher, keys, kek, issuer, lifetimes);
        let cursors = Cursors::new(kek.derived("page cursors"));
        let state = State { store, tokens, gate, cursors, readiness: Arc::new(Readiness::default()) };
        Self {
            state,
            issuer: issuer.to_owned(),
            gateway_rules: config.forward_auth_rules.as_ref().map(|file| file.rules.clone()).unwrap_or_default(),
            proxies: TrustedProxies::new(config.trusted_proxies.0.clone()),
            cors_origins: config.cors_origins.0.iter().map(|origin| origin.0.clone()).collect(),
            https: config.tls_cert.is_some(),
        }
    }

    /// All routes, within all middleware.
    ///
    /// # Errors
    /// When an operation has no guard.
    pub fn endpoint(&self) -> Result<impl Endpoint<Output = Response> + use<>, String> {
        let document = document::document(&self.state)?;
        let yaml = document::yaml(&self.state)?;
        let service = OpenApiService::new(api::api(&self.state), "Rolecall", env!("CARGO_PKG_VERSION"));
        let route = docs::mount(Route::new(), &document, yaml).nest("/", service);
        let dry_runs = DryRuns::of(document.clone());
        let errors = Errors(Allowed::of(document, docs::PATHS.into_iter().chain(docs::assets())));
        let cors = Cors::new(self.cors_origins.iter().map(String::as_str));
        let log = RequestLog { proxies: self.proxies.clone(), https: self.https };
        Ok(route
            .before(legible_if_match)
            .with(dry_runs)
            .data(self.state.gate.clone())
            .data(self.gateway_rules.clone())
            .with(around::Limits)
            .with(CatchPanic::new().with_handler(|_| internal(&"a handler panicked")))
            .with(errors)
            .with_if(!self.cors_origins.is_empty(), cors)
            .with(log)
            .with(Unread)
            .map_to_response())
    }

    /// Serves, and follows what other nodes do, until `stop` is ready; then goes on as [`Bound::run`] does.
    ///
    /// # Errors
    /// When it can serve no longer. A node that follows no more would never hear what was revoked, so it ends, too.
    pub async fn run<E>(
        &self,
        bound: Bound,
        endpoint: E,
        stop: impl Future<Output = ()>,
        wait: Duration,
    ) -> io::Result<()>
    where
        E: Endpoint<Output = Response> + 'static,
    {
        let State { store, gate, tokens, .. } = self.state.clone();
        let mut following = tokio::spawn(async move { tokio::join!(store.follow(&gate), tokens.keys().follow()) });
        let ended = tokio::select! {
            served = bound.run(endpoint, stop, wait) => served,
            Err(error) = &mut following => Err(io::Error::other(format!("can't follow the database: {error}"))),
        };
        following.abort();
        ended
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
