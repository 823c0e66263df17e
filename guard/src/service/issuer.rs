use std::{net::IpAddr, time::Duration};

use reqwest::{Certificate, Client, Method, RequestBuilder, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{sync::Mutex, time::Instant};

use poem_openapi::types::ParseFromJSON;

use super::BadSettings;
use crate::{Described, feed};

/// Beyond what a long poll waits.
const PATIENCE: Duration = Duration::from_secs(3);
/// A longer answer isn't read: ten thousand losses take about one MiB.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// A token is fetched anew this long before it ends.
const EARLY: Duration = Duration::from_secs(30);

/// Why the server couldn't be asked, in words that say what to do. Nothing secret is in it.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// No answer.
    #[error("no answer from {url}: {why}")]
    Away {
        /// What was asked.
        url: String,
        /// What came between.
        why: String,
    },
    /// An answer that isn't one of Rolecall's, or not of this issuer.
    #[error("{url} does not answer as Rolecall does: {why}")]
    Unexpected {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A refusal.
    #[error("{url} answers {status}: {why}")]
    Refused {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What the server says.
        why: String,
    },
}

/// As whom the service signs in.
#[derive(Debug, Default)]
pub(super) struct Login {
    pub(super) id: String,
    pub(super) secret: SecretString,
}

/// The server, as a client of its HTTP API.
#[derive(Debug)]
pub(super) struct Issuer {
    url: Url,
    name: String,
    login: Login,
    http: Client,
    places: Mutex<Option<Places>>,
    token: Mutex<Option<Token>>,
}

/// Where things are (RFC 8414 §2).
#[derive(Clone, Debug, Deserialize)]
struct Places {
    issuer: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Debug)]
struct Token {
    text: SecretString,
    until: Instant,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u64,
}

impl Issuer {
    pub(super) fn new(
        name: &str,
        login: Login,
        authority: Option<Vec<u8>>,
        plain_http: bool,
    ) -> Result<Self, BadSettings> {
        let bad = || BadSettings::Issuer(name.to_owned());
        let url: Url = name.parse().map_err(|_| bad())?;
        let plain = url.scheme() == "http";
        let has_more = url.query().is_some() || url.fragment().is_some() || !url.username().is_empty();
        if has_more || !(plain || url.scheme() == "https") {
            return Err(bad());
        }
        if plain && !plain_http && !is_here(&url) {
            return Err(BadSettings::PlainHttp(name.to_owned()));
        }
        let mut http = Client::builder()
            .user_agent(concat!("rolecall-guard/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(PATIENCE)
            // Whoever could redirect the answers could hand out keys.
            .redirect(redirect::Policy::none());
        if let Some(pem) = authority {
            let authorities = Certificate::from_pem_bundle(&pem).ok().filter(|several| !several.is_empty());
            http = http.tls_certs_only(authorities.ok_or(BadSettings::Authority)?);
        }
        let http = http.build().map_err(|error| BadSettings::Http(in_words(&error)))?;
        Ok(Self { url, name: name.to_owned(), login, http, places: Mutex::default(), token: Mutex::default() })
    }

    /// The published keys, as a JWK set (RFC 7517 §5).
    pub(super) async fn keys(&self) -> Result<Value, Trouble> {
        let places = self.places().await?;
        self.json(self.http.get(places.jwks_uri)).await
    }

    /// What is new since `after`; waits for news so long.
    pub(super) async fn news(&self, after: Option<&str>, wait: Duration) -> Result<feed::Feed, Trouble> {
        let wait_seconds = wait.as_secs().to_string();
        let request = self.http.get(self.below(feed::PATH)).query(&[("wait", &wait_seconds)]);
        let request = if let Some(after) = after { request.query(&[("after", after)]) } else { request };
        let answer: Value = self.as_ourselves(request.timeout(PATIENCE + wait)).await?;
        feed::Feed::parse_from_json(Some(answer)).map_err(|error| self.unexpected(error.into_message()))
    }

    /// False if it was there already.
    pub(super) async fn create_permission(&self, permission: &Described) -> Result<bool, Trouble> {
        let new = json!({ "name": permission.name, "description": permission.description });
        let request = self.http.request(Method::POST, self.below("/v1/permissions")).json(&new);
        match self.as_ourselves::<Value>(request).await {
            Ok(_) => Ok(true),
            Err(Trouble::Refused { status: 409, .. }) => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    /// An answer that can't be made use of.
    pub(super) fn unexpected(&self, why: impl Into<String>) -> Trouble {
        Trouble::Unexpected { url: self.name.clone(), why: why.into() }
    }

    fn below(&self, path: &str) -> String {
        format!("{}{path}", self.name)
    }

    /// With a token of the service's own; with a new one, if rights have changed since the old one was issued.
    async fn as_ourselves<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Trouble> {
        let again = request.try_clone();
        match self.json(request.bearer_auth(self.token().await?.expose_secret())).await {
            Err(Trouble::Refused { status: 401, .. }) if let Some(again) = again => {
                self.token.lock().await.take();
                self.json(again.bearer_auth(self.token().await?.expose_secret())).await
            }
            answered => answered,
        }
    }

    async fn token(&self) -> Result<SecretString, Trouble> {
        let mut token = self.token.lock().await;
        if let Some(Token { text, until }) = &*token
            && Instant::now() < *until
        {
            return Ok(text.clone());
        }
        let places = self.places().await?;
        let request = self.http.post(places.token_endpoint).form(&[("grant_type", "client_credentials")]);
        let request =
            request.basic_auth(form_encoded(&self.login.id), Some(form_encoded(self.login.secret.expose_secret())));
        let TokenAnswer { access_token, expires_in } = self.json(request).await?;
        let lasts = Duration::from_secs(expires_in);
        let until = Instant::now() + lasts.saturating_sub(EARLY).max(lasts / 2);
        let text = SecretString::from(access_token);
        *token = Some(Token { text: text.clone(), until });
        Ok(text)
    }

    /// By the server's metadata, which must name this issuer, and nothing elsewhere (RFC 8414 §3.3).
    async fn places(&self) -> Result<Places, Trouble> {
        let mut known = self.places.lock().await;
        if let Some(places) = &*known {
            return Ok(places.clone());
        }
        let mut url = self.url.clone();
        url.set_path(&format!("/.well-known/oauth-authorization-server{}", self.url.path().trim_end_matches('/')));
        let places: Places = self.json(self.http.get(url)).await?;
        if places.issuer != self.name {
            return Err(self.unexpected(format!("it calls itself {:?}", places.issuer)));
        }
        let elsewhere =
            |place: &&String| place.parse::<Url>().ok().is_none_or(|place| place.origin() != self.url.origin());
        if let Some(place) = [&places.token_endpoint, &places.jwks_uri].into_iter().find(elsewhere) {
            return Err(self.unexpected(format!("it sends elsewhere: {place:?}")));
        }
        *known = Some(places.clone());
        Ok(places)
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Trouble> {
        let (client, request) = request.build_split();
        let mut request = request.map_err(|error| Trouble::Away { url: self.name.clone(), why: in_words(&error) })?;
        let url = without_query(request.url());
        let away = |error: reqwest::Error| Trouble::Away { url: url.clone(), why: in_words(&error) };
        request.timeout_mut().get_or_insert(PATIENCE);
        let mut answer = client.execute(request).await.map_err(away)?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(away)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MOST_BYTES {
                return Err(Trouble::Unexpected { url, why: "the answer is too long".to_owned() });
            }
        }
        if !status.is_success() {
            return Err(Trouble::Refused { url, status: status.as_u16(), why: said(status, &bytes) });
        }
        serde_json::from_slice(&bytes).map_err(|error| Trouble::Unexpected { url, why: error.to_string() })
    }
}

/// Whether it never leaves this machine.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Id and secret are form-encoded before they are put together (RFC 6749 §2.3.1).
fn form_encoded(text: &str) -> String {
    Url::parse_with_params("x:", [("", text)])
        .map_or_else(|_| String::new(), |url| url.query().unwrap_or("=")[1..].to_owned())
}

/// What a refusal says of itself: a problem's `detail`, or an OAuth error's description.
fn said(status: StatusCode, body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let said = ["detail", "error_description"].iter().find_map(|member| body[member].as_str());
    said.or(status.canonical_reason()).unwrap_or_default().chars().take(300).collect()
}

fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

/// The innermost cause: the outer ones say only that it failed. Without the address, which stands before it.
fn in_words(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.is_timeout() { "it took too long".to_owned() } else { cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(name: &str, plain_http: bool) -> Result<Issuer, BadSettings> {
        Issuer::new(name, Login::default(), None, plain_http)
    }

    #[test]
    fn an_issuer_elsewhere_needs_https_unless_it_is_said_not_to() {
        for here in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:80", "https://id.example"] {
            assert!(issuer(here, false).is_ok(), "{here}");
        }
        for elsewhere in ["http://id.example", "http://127.0.0.1.example", "http://10.0.0.1"] {
            assert_eq!(issuer(elsewhere, false).err(), Some(BadSettings::PlainHttp(elsewhere.into())));
            assert!(issuer(elsewhere, true).is_ok());
        }
        for odd in [
            "",
            "id.example",
            "ftp://id.example",
            "https://id.example?a",
            "https://id.example#a",
            "https://a@id.example",
        ] {
            assert_eq!(issuer(odd, true).err(), Some(BadSettings::Issuer(odd.into())));
        }
    }

    #[test]
    fn an_authority_that_is_no_certificate_is_refused() {
        for pem in ["", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"] {
            let made = Issuer::new("https://id.example", Login::default(), Some(pem.into()), false);
            assert!(made.is_err(), "{pem:?}");
        }
    }

    #[test]
    fn a_secret_is_form_encoded_before_it_is_sent() {
        assert_eq!(form_encoded("a b+c:d%é"), "a+b%2Bc%3Ad%25%C3%A9");
        assert_eq!(form_encoded(""), "");
    }

    #[test]
    fn what_is_secret_is_not_shown() {
        let login = Login { id: "articles".into(), secret: "hidden".into() };
        let issuer = Issuer::new("https://id.example", login, None, false).unwrap();
        assert!(!format!("{issuer:?}").contains("hidden"));
    }
}
