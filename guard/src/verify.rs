use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::digest;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use quick_cache::{Weighter, sync::Cache};

use crate::Claims;

/// The clocks of two machines may differ by so many seconds.
pub(crate) const LEEWAY: i64 = 5;
/// A longer token is refused unread; 10,000 permissions fit.
const MAX_TOKEN_BYTES: usize = 512 * 1024;
/// How many verified tokens are expected at a time, and how many bytes of them are remembered at most, so that
/// their signature isn't checked again.
const CACHED_TOKENS: usize = 10_000;
const CACHED_BYTES: u64 = 32 * 1024 * 1024;

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It isn't a token of this issuer for this audience, signed with a published key.
    #[error("The token is not valid here.")]
    Malformed,
    /// Its time is over.
    #[error("The token has expired. Sign in again.")]
    Expired,
    /// Its time hasn't come, by more than clocks may differ.
    #[error("The token is from the future. Check the clocks.")]
    Early,
}

/// A public key, and the one algorithm it is for.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name in a token's header: the RFC 7638 thumbprint.
    pub kid: String,
    /// The only algorithm it verifies.
    pub algorithm: Algorithm,
    /// The key itself.
    pub key: DecodingKey,
}

struct Known {
    key: DecodingKey,
    validation: Validation,
}

/// Weighs remembered claims by about the memory they take.
#[derive(Clone)]
struct Bytes;

impl Weighter<[u8; 32], Arc<Claims>> for Bytes {
    fn weight(&self, _hash: &[u8; 32], claims: &Arc<Claims>) -> u64 {
        let names = claims.roles.iter().chain(&claims.permissions).map(|name| name.len() + 48).sum::<usize>();
        (512 + names + claims.scope.as_ref().map_or(0, String::len)) as u64
    }
}

/// Verifies access tokens (RFC 9068 §4, RFC 8725) without asking anyone.
pub struct Verifier {
    issuer: String,
    audience: String,
    keys: RwLock<Arc<HashMap<String, Known>>>,
    verified: Cache<[u8; 32], Arc<Claims>, Bytes>,
}

impl Verifier {
    /// Accepts tokens of `issuer` for `audience`, signed with one of `keys`.
    #[must_use]
    pub fn new(issuer: &str, audience: &str, keys: impl IntoIterator<Item = Key>) -> Self {
        let verifier = Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            keys: RwLock::default(),
            verified: Cache::with_weighter(CACHED_TOKENS, CACHED_BYTES, Bytes),
        };
        verifier.set_keys(keys);
        verifier
    }

    /// From now on these keys, and no others.
    pub fn set_keys(&self, keys: impl IntoIterator<Item = Key>) {
        let known = keys
            .into_iter()
            .map(|Key { kid, algorithm, key }| (kid, Known { key, validation: self.validation(algorithm) }))
            .collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        self.verified.clear();
    }

    /// The token's claims, if it is valid at `now` (seconds since 1970).
    ///
    /// A token seen before isn't checked again, but its time is.
    pub fn verify(&self, token: &str, now: i64) -> Result<Arc<Claims>, Invalid> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Invalid::Malformed);
        }
        let hash = hash(token);
        if let Some(claims) = self.verified.get(&hash) {
            in_time(&claims, now)?;
            return Ok(claims);
        }
        let claims = Arc::new(self.check(token).ok_or(Invalid::Malformed)?);
        in_time(&claims, now)?;
        self.verified.insert(hash, Arc::clone(&claims));
        Ok(claims)
    }

    /// Everything about a token that can't change while it lives.
    fn check(&self, token: &str) -> Option<Claims> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let typ = header.typ.as_deref()?.to_ascii_lowercase();
        let typed = matches!(typ.as_str(), "at+jwt" | "application/at+jwt");
        if !typed || header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
            return None;
        }
        let keys = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        let known = keys.get(header.kid.as_deref()?)?;
        Some(jsonwebtoken::decode::<Claims>(token, &known.key, &known.validation).ok()?.claims)
    }

    /// `exp`, `nbf` and `iat` are left to [`in_time`], which also serves tokens verified before.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation
    }
}

fn in_time(claims: &Claims, now: i64) -> Result<(), Invalid> {
    if claims.exp.saturating_add(LEEWAY) <= now {
        return Err(Invalid::Expired);
    }
    let begins = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
    if begins.saturating_sub(LEEWAY) > now {
        return Err(Invalid::Early);
    }
    Ok(())
}

fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
