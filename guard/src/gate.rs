use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use poem::{
    Request,
    http::{StatusCode, header},
};

use crate::{Claims, Clock, Invalid, Problem, Revocations, Verifier, verify::LEEWAY};

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
            Refusal::Silent => Self::unavailable("out_of_touch", "The database is out of reach. Try again soon.", 1),
        }
    }
}

/// Whether roles give a permission as things stand now.
type GivesToday = dyn Fn(&Claims, &str) -> bool + Send + Sync;

/// Decides which requests pass; the extractors of this crate ask it.
#[derive(Clone)]
pub struct Gate {
    verifier: Arc<Verifier>,
    revocations: Arc<Revocations>,
    gives_today: Arc<GivesToday>,
    heard: Arc<AtomicI64>,
    limits: Limits,
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
        let heard = Arc::new(AtomicI64::new(clock.seconds()));
        Self { verifier, revocations, gives_today: Arc::new(gives_today), heard, limits, clock }
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
        now - self.heard.load(Ordering::Relaxed) <= self.limits.staleness
    }

    /// The caller's claims, if the request brings a token that is valid here and still true.
    pub fn sign_in(&self, request: &Request) -> Result<Arc<Claims>, Refusal> {
        let claims = self.inspect(bearer(request)?)?;
        if self.verifier.is_for_us(&claims) { Ok(claims) } else { Err(Refusal::Invalid(Invalid::Malformed)) }
    }

    /// A token's claims, if it is valid and still true, whomever it is for.
    pub fn inspect(&self, token: &str) -> Result<Arc<Claims>, Refusal> {
        let now = self.clock.seconds();
        if !self.in_touch_at(now) {
            return Err(Refusal::Silent);
        }
        let claims = self.verifier.verify_for_any(token, now).map_err(Refusal::Invalid)?;
        if claims.iat.saturating_add(self.limits.token_age + LEEWAY) <= now {
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
    pub fn still_true(&self, claims: &Claims) -> Result<(), Refusal> {
        if self.revocations.revoked(claims) { Err(Refusal::Stale) } else { Ok(()) }
    }

    /// [`Gate::sign_in`], and the token carries `permission`.
    pub fn require(&self, request: &Request, permission: &'static str) -> Result<Arc<Claims>, Refusal> {
        let claims = self.sign_in(request)?;
        self.carries(&claims, permission)?;
        Ok(claims)
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
fn bearer(request: &Request) -> Result<&str, Refusal> {
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
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
