use std::{
    borrow::Cow,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use poem::http::{HeaderMap, StatusCode, header};

use crate::{Claims, Clock, Invalid, Problem, Revocations, Verifier};

/// Why a request doesn't pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It brings no token (RFC 6750 §3: then no error code either).
    Anonymous,
    /// Its token isn't valid.
    Invalid(Invalid),
    /// Its token is older than a change that concerns it.
    Stale,
    /// Its token doesn't carry this permission.
    Lacks(Cow<'static, str>),
    /// This node hasn't heard from the database for too long to trust any token.
    Silent,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let invalid = |detail: String| {
            let challenge = format!(r#"Bearer error="invalid_token", error_description="{detail}""#);
            Self::new(StatusCode::UNAUTHORIZED, "invalid_token", detail)
                .with_header(header::WWW_AUTHENTICATE, &challenge)
        };
        match refusal {
            Refusal::Anonymous => {
                let detail = "Sign in first: send an access token as \"Authorization: Bearer …\".";
                Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
                    .with_header(header::WWW_AUTHENTICATE, "Bearer")
            }
            Refusal::Invalid(why) => invalid(why.to_string()),
            Refusal::Stale => invalid("Rights have changed since this token was issued. Get a new one.".to_owned()),
            Refusal::Lacks(permission) => {
                let detail = format!("This needs the permission {permission}, which your token does not carry.");
                let challenge = format!(r#"Bearer error="insufficient_scope", scope="{permission}""#);
                Self::new(StatusCode::FORBIDDEN, "insufficient_scope", detail)
                    .with_header(header::WWW_AUTHENTICATE, &challenge)
            }
            Refusal::Silent => Self::unavailable(
                "out_of_touch",
                "Changes of rights have not been heard of for too long to trust any token. Try again soon.",
                1,
            ),
        }
    }
}

/// Whether roles give a permission as things stand now.
type GivesToday = dyn Fn(&Claims, &str) -> bool + Send + Sync;
/// Asks the issuer for its keys, unless that was done just now.
type FetchKeys = dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// Decides which requests pass; the extractors of this crate ask it.
#[derive(Clone)]
pub struct Gate {
    verifier: Arc<Verifier>,
    revocations: Arc<Revocations>,
    gives_today: Arc<GivesToday>,
    fetch_keys: Option<Arc<FetchKeys>>,
    heard: Arc<AtomicI64>,
    staleness: i64,
    token_age: Arc<AtomicI64>,
    clock: Clock,
}

/// For how long a gate trusts, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Tokens, without word from the database.
    pub staleness: i64,
    /// A token, whatever its own `exp` says: the longest lifetime that is configured now. What was taken from its
    /// holder is remembered no longer.
    pub token_age: i64,
}

impl Gate {
    /// `limits.staleness` is for how many seconds tokens are trusted after [`Gate::hear`] was last called;
    /// `gives_today` tells whether a token's roles would give a permission by now, so that a client
    /// with an old token is told to fetch a new one rather than that it may not.
    pub fn new(
        verifier: Arc<Verifier>,
        revocations: Arc<Revocations>,
        clock: Clock,
        limits: Limits,
        gives_today: impl Fn(&Claims, &str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            verifier,
            revocations,
            gives_today: Arc::new(gives_today),
            fetch_keys: None,
            heard: Arc::new(AtomicI64::new(clock.seconds())),
            staleness: limits.staleness,
            token_age: Arc::new(AtomicI64::new(limits.token_age)),
            clock,
        }
    }

    /// A gate that trusts nothing before it has heard from the issuer, and asks it for keys that it doesn't know.
    #[cfg(feature = "service")]
    pub(crate) fn of_service(
        verifier: Arc<Verifier>,
        revocations: Arc<Revocations>,
        staleness: i64,
        fetch_keys: impl Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static,
    ) -> Self {
        let limits = Limits { staleness, token_age: 0 };
        let gate = Self::new(verifier, revocations, Clock::System, limits, |_, _| false);
        gate.heard.store(i64::MIN / 2, Ordering::Relaxed);
        Self { fetch_keys: Some(Arc::new(fetch_keys)), ..gate }
    }

    /// For how many seconds a token is good at most, whatever its own `exp`.
    #[must_use]
    pub fn token_age(&self) -> i64 {
        self.token_age.load(Ordering::Relaxed)
    }

    /// From now on tokens are good for so many seconds at most, whatever their own `exp`.
    #[cfg(feature = "service")]
    pub(crate) fn set_token_age(&self, seconds: i64) {
        self.token_age.store(seconds, Ordering::Relaxed);
    }

    /// How many seconds ago everything was read that there was.
    #[must_use]
    pub fn heard_seconds_ago(&self) -> i64 {
        (self.clock.seconds() - self.heard.load(Ordering::Relaxed)).max(0)
    }

    /// The node has just read everything there was to read.
    pub fn hear(&self) {
        self.heard_at(self.clock.seconds());
    }

    /// The node has read everything that there was at that time (seconds since 1970).
    pub fn heard_at(&self, seconds: i64) {
        // Later news count, unless the clock was set back meanwhile.
        let before = self.heard.load(Ordering::Relaxed);
        if seconds > before || before > self.clock.seconds() {
            self.heard.store(seconds, Ordering::Relaxed);
        }
    }

    /// Whether the node heard from the database recently enough to trust tokens.
    #[must_use]
    pub fn in_touch(&self) -> bool {
        self.in_touch_at(self.clock.seconds())
    }

    fn in_touch_at(&self, now: i64) -> bool {
        now - self.heard.load(Ordering::Relaxed) <= self.staleness
    }

    /// The caller's claims, if the request with these headers brings a token that is valid here and still true.
    pub fn sign_in(&self, headers: &HeaderMap) -> Result<Arc<Claims>, Refusal> {
        let claims = self.inspect(bearer(headers)?)?;
        if self.verifier.is_for_us(&claims) { Ok(claims) } else { Err(Refusal::Invalid(Invalid::Malformed)) }
    }

    /// As [`Gate::sign_in`]; where the token's key isn't known, the issuer is asked for its keys first.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Arc<Claims>, Refusal> {
        match self.sign_in(headers) {
            Err(Refusal::Invalid(Invalid::Malformed)) if self.learns_key_of(headers).await => self.sign_in(headers),
            checked => checked,
        }
    }

    /// The same check for those who use another framework: the caller's claims, if the request with these headers brings a
    /// token that is valid here, still true, and carries `permission`. A [`Problem`] made of the refusal says how to answer.
    pub async fn authorize(
        &self,
        headers: &HeaderMap,
        permission: impl Into<Cow<'static, str>>,
    ) -> Result<Arc<Claims>, Refusal> {
        let claims = self.caller(headers).await?;
        self.carries(&claims, permission)?;
        Ok(claims)
    }

    /// Whether the token may be by a key that the issuer has been asked for just now.
    async fn learns_key_of(&self, headers: &HeaderMap) -> bool {
        let Some(fetch_keys) = &self.fetch_keys else { return false };
        let unknown = bearer(headers).is_ok_and(|token| self.verifier.lacks_key_of(token));
        if unknown {
            fetch_keys().await;
        }
        unknown
    }

    /// A token's claims, if it is valid and still true, whomever it is for.
    pub fn inspect(&self, token: &str) -> Result<Arc<Claims>, Refusal> {
        let now = self.clock.seconds();
        if !self.in_touch_at(now) {
            return Err(Refusal::Silent);
        }
        let claims = self.verifier.verify_for_any(token, now).map_err(Refusal::Invalid)?;
        if claims.iat.saturating_add(self.token_age()) <= now {
            return Err(Refusal::Invalid(Invalid::Expired));
        }
        self.still_true(&claims)?;
        Ok(claims)
    }

    /// A token's claims, if it is one of this issuer's, good or not any more: enough to sign out with.
    #[must_use]
    pub fn recognise(&self, token: &str) -> Option<Claims> {
        self.verifier.recognise(token)
    }

    /// Refuses a token that is older than a change that concerns it.
    fn still_true(&self, claims: &Claims) -> Result<(), Refusal> {
        if self.revocations.revoked(claims) { Err(Refusal::Stale) } else { Ok(()) }
    }

    /// Refuses a caller whose token doesn't carry `permission`; one whose roles would give it by now is to fetch a new one.
    pub fn carries(&self, claims: &Claims, permission: impl Into<Cow<'static, str>>) -> Result<(), Refusal> {
        let permission = permission.into();
        if claims.permissions.contains(permission.as_ref()) {
            return Ok(());
        }
        if claims.scope.is_none() && (self.gives_today)(claims, &permission) {
            return Err(Refusal::Stale);
        }
        Err(Refusal::Lacks(permission))
    }
}

/// RFC 6750 §2.1; a token in the body or the query is not looked for.
fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Refusal::Anonymous);
    };
    // Not to_str, which looks at each character by itself: what isn't ASCII is no token anyway.
    let value = str::from_utf8(value.as_bytes()).map_err(|_| Refusal::Invalid(Invalid::Malformed))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(Refusal::Anonymous),
    }
}
