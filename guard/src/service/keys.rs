use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use super::issuer::{Issuer, Trouble};
use crate::{Key, Verifier};

/// Whoever brings a token of an unknown key makes the service ask for keys no more often than this.
const REST: Duration = Duration::from_secs(1);
/// Keys are fetched again after this: new ones are published earlier than this before they sign.
const KEPT: Duration = Duration::from_mins(4);
/// An issuer has a few.
const MOST_KEYS: usize = 100;

/// The issuer's keys, as they were last published.
pub(super) struct Keys {
    pub(super) issuer: Arc<Issuer>,
    pub(super) verifier: Arc<Verifier>,
    pub(super) fetched: Mutex<Fetched>,
}

/// When the issuer was last asked, and when it last answered.
#[derive(Default)]
pub(super) struct Fetched {
    asked: Option<Instant>,
    answered: Option<Instant>,
}

impl Keys {
    /// Asks for the keys, unless they are fresh. While the issuer doesn't tell them, the old ones are as good as before.
    pub(super) async fn keep(&self) -> Result<(), Trouble> {
        let mut fetched = self.fetched.lock().await;
        match fetched.answered {
            None => self.fetch(&mut fetched).await,
            Some(at) if at.elapsed() < KEPT => Ok(()),
            Some(_) => {
                self.fetch_anew(&mut fetched).await;
                Ok(())
            }
        }
    }

    /// Asks for the keys now: one was retired.
    pub(super) async fn renew(&self) -> Result<(), Trouble> {
        self.fetch(&mut *self.fetched.lock().await).await
    }

    /// Asks for the keys, unless that was done just now: somebody brought a token of one that isn't known.
    pub(super) async fn fetch_for_a_stranger(&self) {
        self.fetch_anew(&mut *self.fetched.lock().await).await;
    }

    async fn fetch_anew(&self, fetched: &mut Fetched) {
        if fetched.asked.is_none_or(|at| at.elapsed() >= REST)
            && let Err(trouble) = self.fetch(fetched).await
        {
            tracing::warn!(%trouble, "can't fetch the keys of Rolecall's tokens; those known stay in force");
        }
    }

    async fn fetch(&self, fetched: &mut Fetched) -> Result<(), Trouble> {
        fetched.asked = Some(Instant::now());
        let keys = read(&self.issuer.keys().await?);
        if keys.is_empty() {
            return Err(self.issuer.unexpected("its keys are not of a kind known here"));
        }
        self.verifier.set_keys(keys);
        fetched.answered = Some(Instant::now());
        Ok(())
    }
}

/// A public key, as published (RFC 7517 §4).
#[derive(Deserialize)]
struct Published {
    kid: String,
    kty: String,
    alg: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

/// The keys of a set; those of other kinds are passed over.
fn read(set: &Value) -> Vec<Key> {
    let keys = set["keys"].as_array().into_iter().flatten().take(MOST_KEYS);
    keys.filter_map(|key| Published::deserialize(key).ok()?.key()).collect()
}

impl Published {
    fn key(self) -> Option<Key> {
        if self.usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let (algorithm, key) = match (self.kty.as_str(), self.alg.as_str(), self.crv.as_deref()) {
            ("EC", "ES256", Some("P-256")) => (Algorithm::ES256, DecodingKey::from_ec_components(&self.x?, &self.y?)),
            ("OKP", "EdDSA", Some("Ed25519")) => (Algorithm::EdDSA, DecodingKey::from_ed_components(&self.x?)),
            ("RSA", "RS256", None) => (Algorithm::RS256, DecodingKey::from_rsa_components(&self.n?, &self.e?)),
            _ => return None,
        };
        Some(Key { kid: self.kid, algorithm, key: key.ok()? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kids(set: &Value) -> Vec<String> {
        read(set).into_iter().map(|key| key.kid).collect()
    }

    #[test]
    fn keys_are_read_and_what_is_no_key_of_ours_is_passed_over() {
        // RFC 8037 appendix A.2, RFC 7515 appendix A.3.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let ed = json!({ "kid": "ed", "kty": "OKP", "alg": "EdDSA", "use": "sig", "crv": "Ed25519", "x": x });
        let (x, y) = ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
        let ec = json!({ "kid": "ec", "kty": "EC", "alg": "ES256", "crv": "P-256", "x": x, "y": y });
        let changed = |member: &str, value: Value| {
            let mut key = ec.clone();
            key[member] = value;
            key
        };
        let odd = [
            json!({}),
            json!(null),
            json!("key"),
            json!({ "kid": "secret", "kty": "oct", "alg": "HS256", "k": "AAAA" }),
            changed("use", json!("enc")),
            changed("alg", json!("RS256")),
            changed("kty", json!("RSA")),
            changed("crv", json!("P-384")),
            changed("x", json!(null)),
            changed("kid", json!(7)),
            changed("x", json!("!")),
        ];
        let keys: Vec<Value> = odd.into_iter().chain([ed, ec]).collect();
        assert_eq!(kids(&json!({ "keys": keys })), ["ed", "ec"]);
        for odd in [json!({}), json!({ "keys": {} }), json!([]), json!(null)] {
            assert!(kids(&odd).is_empty(), "{odd}");
        }
    }

    #[test]
    fn no_more_than_a_hundred_keys_are_read() {
        let key = |n| {
            json!({ "kid": format!("{n}"), "kty": "OKP", "alg": "EdDSA", "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
        };
        assert_eq!(kids(&json!({ "keys": (0..200).map(key).collect::<Vec<_>>() })).len(), 100);
    }
}
