use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use quick_cache::{Weighter, sync::Cache};
use serde::{Deserialize, de::DeserializeOwned};

use crate::Claims;

/// The clocks of two machines may differ by so many seconds: a token may begin so early. It ends when it says.
pub const LEEWAY: i64 = 5;
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

/// What the issuer writes into a token's header: each of these once, and nothing else.
///
/// A member that isn't known here may change how the token is to be read (`crit`, `b64`, `zip`) or bring a key along
/// (`jwk`, `jku`, `x5c`); no member of the issuer's does, so none is let pass.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    typ: String,
    alg: String,
    kid: String,
}

/// Weighs remembered tokens by about the memory they take, as the bench `guard` measured it.
#[derive(Clone)]
struct Bytes;

impl Weighter<Box<str>, Arc<Claims>> for Bytes {
    fn weight(&self, token: &Box<str>, claims: &Arc<Claims>) -> u64 {
        let names = claims.roles.iter().chain(&claims.permissions).map(|name| name.len() + 64).sum::<usize>();
        (1024 + token.len() + names + claims.scope.as_ref().map_or(0, String::len)) as u64
    }
}

/// Verifies access tokens (RFC 9068 §4, RFC 8725) without asking anyone.
pub struct Verifier {
    issuer: String,
    audience: String,
    keys: RwLock<HashMap<String, Key>>,
    /// By their whole text: comparing that is several times faster than any hash that nobody can find two texts of.
    verified: Cache<Box<str>, Arc<Claims>, Bytes>,
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
        let keys = keys.into_iter().map(|key| (key.kid.clone(), key)).collect();
        let mut known = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        *known = keys;
        self.verified.clear();
    }

    /// The token's claims, if it is valid for this audience at `now` (seconds since 1970).
    pub fn verify(&self, token: &str, now: i64) -> Result<Arc<Claims>, Invalid> {
        self.verify_for_any(token, now)
            .and_then(|claims| self.is_for_us(&claims).then_some(claims).ok_or(Invalid::Malformed))
    }

    /// Whether it is this audience that the token is for.
    pub(crate) fn is_for_us(&self, claims: &Claims) -> bool {
        claims.aud == self.audience
    }

    /// The token's claims, if it is valid at `now`, whomever it is for.
    ///
    /// A token seen before isn't checked again, but its time is.
    pub(crate) fn verify_for_any(&self, token: &str, now: i64) -> Result<Arc<Claims>, Invalid> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Invalid::Malformed);
        }
        if let Some(claims) = self.verified.get(token) {
            in_time(&claims, now)?;
            return Ok(claims);
        }
        // Until the token is remembered no key is replaced: one by a key that is gone would be remembered after all.
        let keys = self.known();
        let claims = Arc::new(self.check(&keys, token).ok_or(Invalid::Malformed)?);
        in_time(&claims, now)?;
        self.verified.insert(token.into(), Arc::clone(&claims));
        Ok(claims)
    }

    /// The claims of a token that one of the keys signed, whatever its time.
    pub(crate) fn recognise(&self, token: &str) -> Option<Claims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        self.check(&self.known(), token)
    }

    /// Whether the token names a key that isn't known here.
    pub(crate) fn lacks_key_of(&self, token: &str) -> bool {
        let named = token.split_once('.').filter(|_| token.len() <= MAX_TOKEN_BYTES);
        let header = named.and_then(|(header, _)| object::<Header>(header));
        header.is_some_and(|Header { kid, .. }| !self.known().contains_key(&kid))
    }

    fn known(&self) -> RwLockReadGuard<'_, HashMap<String, Key>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything about a token that can't change while it lives, but for `aud`, which is for [`Self::is_for_us`]. The
    /// claims aren't looked at before the signature.
    fn check(&self, keys: &HashMap<String, Key>, token: &str) -> Option<Claims> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let Header { typ, alg, kid } = object(header)?;
        let Key { algorithm, key, .. } = keys.get(&kid)?;
        let typed = ["at+jwt", "application/at+jwt"].iter().any(|access| typ.eq_ignore_ascii_case(access));
        if !typed || alg.parse::<Algorithm>().ok()? != *algorithm {
            return None;
        }
        let signed = jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, *algorithm).ok()?;
        let claims: Claims = signed.then(|| object(payload))??;
        (claims.iss == self.issuer).then_some(Claims { kid, ..claims })
    }
}

/// The JSON object that a segment encodes.
///
/// By itself serde takes a list for a struct, and passes over what isn't UTF-8 in a member that it doesn't read.
fn object<T: DeserializeOwned>(segment: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(segment).ok()?;
    let json = std::str::from_utf8(&bytes).ok()?;
    if json.starts_with('{') { serde_json::from_str(json).ok() } else { None }
}

fn in_time(claims: &Claims, now: i64) -> Result<(), Invalid> {
    if claims.exp <= now {
        return Err(Invalid::Expired);
    }
    let begins = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
    if begins.saturating_sub(LEEWAY) > now {
        return Err(Invalid::Early);
    }
    Ok(())
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
