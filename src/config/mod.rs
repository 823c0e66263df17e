//! Every setting: its meaning, unit, variable and default, in one list.
//!
//! A setting comes from a flag, else a variable, else the `.env` file, else the TOML file.

mod sources;
mod values;

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use secrecy::ExposeSecret;

use crate::{
    gateway::RulesFile,
    policy::{HierarchyForm, Username},
    tokens::{SigningAlgorithm, password},
};

pub use sources::{args, load};
pub use values::{Connections, Issuer, List, LogFilter, LogFormat, Origin, Roles, Seconds, Secret, Sessions};

use sources::Sources;
use values::Setting;

/// A setting, as data.
#[derive(Debug)]
pub struct Spec {
    /// Its name in the TOML file.
    pub key: &'static str,
    /// Its environment variable.
    pub variable: &'static str,
    /// What it means, with its unit.
    pub help: &'static str,
    default: Option<&'static str>,
}

macro_rules! settings {
    ($( $(#[doc = $help:literal])+ $variable:literal $key:ident: $type:ty $(= $default:literal)?; )+) => {
        /// The effective settings.
        #[derive(Clone, Debug)]
        pub struct Config {
            $( $(#[doc = $help])+ pub $key: $type, )+
        }

        /// The list of all settings.
        pub const SPECS: &[Spec] = &[$(
            Spec {
                key: stringify!($key),
                variable: $variable,
                help: concat!($($help),+),
                default: [$(Some($default),)? None][0],
            },
        )+];

        impl Config {
            fn parse(sources: &Sources) -> Result<Self, InvalidSetting> {
                Ok(Self { $( $key: sources.setting(stringify!($key), [$(Some($default),)? None][0])?, )+ })
            }

            /// Name and value of each, secrets redacted.
            #[must_use]
            pub fn shown(&self) -> Vec<(&'static str, String)> {
                let mut shown = vec![$( (stringify!($key), self.$key.shown()), )+];
                if let Some(url) = &self.database_url {
                    shown.iter_mut().filter(|(key, _)| *key == "database_url").for_each(|(_, value)| *value = url.redacted_url());
                }
                shown
            }
        }
    };
}

settings! {
    /// Where to listen; port 0 takes a free one
    "ROLECALL_LISTEN" listen: SocketAddr = "127.0.0.1:8080";
    /// Where SQLite's file and the key-encryption key are kept
    "ROLECALL_DATA_DIR" data_dir: PathBuf = "rolecall-data";
    /// postgres://… or sqlite://…; unset: SQLite in the data directory
    "DATABASE_URL" database_url: Option<Secret>;
    /// Database connections, at most
    "ROLECALL_DATABASE_CONNECTIONS" database_connections: Connections = "10";
    /// The issuer in tokens: the URL clients reach this server at; unset: the listen URL
    "ROLECALL_ISSUER" issuer: Option<Issuer>;
    /// The first administrator's username
    "ROLECALL_ADMIN_USERNAME" admin_username: Username = "admin";
    /// The first administrator's password; unset: random, printed once
    "ROLECALL_ADMIN_PASSWORD" admin_password: Option<Secret>;
    /// For how many seconds an access token is good
    "ROLECALL_ACCESS_TOKEN_SECONDS" access_token_seconds: Seconds = "900";
    /// After how many unused seconds a session ends
    "ROLECALL_SESSION_IDLE_SECONDS" session_idle_seconds: Seconds = "86400";
    /// After how many seconds a session ends, used or not
    "ROLECALL_SESSION_MAX_SECONDS" session_max_seconds: Seconds = "2592000";
    /// How many sessions a user may have at once; one more ends the one that was used longest ago
    "ROLECALL_SESSIONS_PER_USER" sessions_per_user: Sessions = "10000";
    /// How tokens are signed: ES256, EdDSA (Ed25519) or RS256
    "ROLECALL_SIGNING_ALGORITHM" signing_algorithm: SigningAlgorithm = "ES256";
    /// After how many seconds a signing key gets a successor
    "ROLECALL_KEY_ROTATION_SECONDS" key_rotation_seconds: Seconds = "7776000";
    /// What a password hash costs: argon2id's memory in KiB, passes, lanes
    "ROLECALL_ARGON2" argon2: password::Params = "m=19456,t=2,p=1";
    /// 32 bytes in base64 that private keys are encrypted under; unset: a file in the data directory
    "ROLECALL_KEY_ENCRYPTION_KEY" key_encryption_key: Option<Secret>;
    /// Networks of proxies whose X-Forwarded-For is believed, comma-separated
    "ROLECALL_TRUSTED_PROXIES" trusted_proxies: List<IpNet> = "";
    /// Web origins that may call from a browser, comma-separated
    "ROLECALL_CORS_ORIGINS" cors_origins: List<Origin> = "";
    /// A PEM file with the certificate chain; with its key, serves HTTPS
    "ROLECALL_TLS_CERT" tls_cert: Option<PathBuf>;
    /// A PEM file with the certificate's private key
    "ROLECALL_TLS_KEY" tls_key: Option<PathBuf>;
    /// A file of rules by which gateways ask whether a request may pass (docs/gateways.md); unset: none passes
    "ROLECALL_FORWARD_AUTH_RULES" forward_auth_rules: Option<RulesFile>;
    /// How many immediate juniors a role may have: general (any number) or limited (one)
    "ROLECALL_HIERARCHY" hierarchy: HierarchyForm = "general";
    /// How many roles there may be
    "ROLECALL_MOST_ROLES" most_roles: Roles = "20000";
    /// For how many seconds tokens are trusted without word from the database
    "ROLECALL_STALENESS_SECONDS" staleness_seconds: Seconds = "5";
    /// For how many seconds a stop waits for requests in flight
    "ROLECALL_SHUTDOWN_SECONDS" shutdown_seconds: Seconds = "10";
    /// What is logged: off, error, warn, info, debug or trace, also by module
    "ROLECALL_LOG" log: LogFilter = "info,sea_orm_migration=warn";
    /// How it is logged: human, json, or auto (human on a terminal)
    "ROLECALL_LOG_FORMAT" log_format: LogFormat = "auto";
}

/// A setting that stops the start.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSetting {
    /// There is no such setting.
    #[error("{0} is not a setting of Rolecall; see rolecall --help")]
    Unknown(String),
    /// Its value can't be used.
    #[error("{origin}: {why}")]
    Malformed {
        /// The flag, variable, or place in a file.
        origin: String,
        /// What it must be.
        why: String,
    },
    /// It needs another one, or must be set here.
    #[error("{0}")]
    Missing(String),
    /// A file can't be read.
    #[error("{path}: {why}")]
    File {
        /// Which file.
        path: String,
        /// What is wrong.
        why: String,
    },
}

impl Config {
    /// These settings, by variable, and defaults for the others.
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, InvalidSetting> {
        let mut sources = Sources::default();
        sources.variables(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())), "")?;
        Self::parse(&sources)?.checked()
    }

    /// Whether all runs on PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        let url = self.database_url.as_ref().map(|url| url.0.expose_secret());
        url.is_some_and(|url| url.starts_with("postgres://") || url.starts_with("postgresql://"))
    }

    /// What no setting shows by itself.
    fn checked(self) -> Result<Self, InvalidSetting> {
        let missing = |text: &str| Err(InvalidSetting::Missing(text.to_owned()));
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return missing("ROLECALL_TLS_CERT and ROLECALL_TLS_KEY go together: set both or neither");
        }
        let known = |url: &str| {
            ["postgres://", "postgresql://", "sqlite://", "sqlite:"].iter().any(|scheme| url.starts_with(scheme))
        };
        if self.database_url.as_ref().is_some_and(|url| !known(url.0.expose_secret())) {
            return missing("DATABASE_URL must begin with postgres:// or sqlite://");
        }
        if self.is_postgres() && self.issuer.is_none() {
            return missing(
                "ROLECALL_ISSUER must be set on PostgreSQL, the same on each node: the URL clients reach the service at",
            );
        }
        if self.is_postgres() && self.key_encryption_key.is_none() {
            return missing(
                "ROLECALL_KEY_ENCRYPTION_KEY must be set on PostgreSQL, the same on each node; make one with: openssl rand -base64 32",
            );
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_needs_an_issuer_and_a_key() {
        let url = ("DATABASE_URL", "postgres://localhost/x");
        let issuer = ("ROLECALL_ISSUER", "https://id.example");
        let error = |variables: &[(&str, &str)]| Config::of(variables.iter().copied()).unwrap_err().to_string();
        assert!(error(&[url]).contains("ROLECALL_ISSUER"));
        assert!(error(&[url, issuer]).contains("ROLECALL_KEY_ENCRYPTION_KEY"));
        assert!(Config::of([url, issuer, ("ROLECALL_KEY_ENCRYPTION_KEY", "x")]).is_ok());
    }

    #[test]
    fn secrets_are_not_shown() {
        let variables = [
            ("ROLECALL_ADMIN_PASSWORD", "hunter2hunter2"),
            ("ROLECALL_KEY_ENCRYPTION_KEY", "hunter2"),
            ("DATABASE_URL", "postgres://user:hunter2@db.example/x?password=hunter2"),
            ("ROLECALL_ISSUER", "https://id.example"),
        ];
        let config = Config::of(variables).unwrap();
        let odd = Config::of([("ROLECALL_ADMIN_PASSWORD", "correct://hunter2 battery")]).unwrap();
        let query = Config::of([("DATABASE_URL", "sqlite://db.example/x?user=a&password=a@hunter2")]).unwrap();
        let shown = format!("{:?} {config:?} {:?} {:?}", config.shown(), odd.shown(), query.shown());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("postgres://db.example/x"), "{shown}");
    }
}
