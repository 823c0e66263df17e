//! Every setting: its meaning, unit, variable and default, in one list.
//!
//! A setting comes from a flag, else a variable, else the `.env` file, else the TOML file.

use std::{collections::BTreeMap, ffi::OsString, fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use clap::{Arg, ArgMatches};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    gateway::RulesFile,
    policy::{HierarchyForm, Username},
    tokens::{SigningAlgorithm, password},
};

/// Where the TOML file is looked for unless `--config` or `ROLECALL_CONFIG` says otherwise.
const DEFAULT_FILE: &str = "rolecall.toml";

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

/// What can stand in a setting.
trait Setting: Sized {
    fn read(text: Option<&str>) -> Result<Self, String>;
    fn shown(&self) -> String;
}

impl<T: FromStr<Err: fmt::Display> + Shown> Setting for T {
    fn read(text: Option<&str>) -> Result<Self, String> {
        text.unwrap_or_default().parse().map_err(|error: T::Err| error.to_string())
    }

    fn shown(&self) -> String {
        self.show()
    }
}

impl<T: FromStr<Err: fmt::Display> + Shown> Setting for Option<T> {
    fn read(text: Option<&str>) -> Result<Self, String> {
        text.map(|text| text.parse().map_err(|error: T::Err| error.to_string())).transpose()
    }

    fn shown(&self) -> String {
        self.as_ref().map_or_else(|| "(unset)".into(), Shown::show)
    }
}

/// How a value is shown to people.
trait Shown {
    fn show(&self) -> String;
}

macro_rules! shown {
    ($($type:ty: |$value:ident| $show:expr;)+) => {
        $(impl Shown for $type {
            fn show(&self) -> String {
                let $value = self;
                $show
            }
        })+
    };
}

shown! {
    SocketAddr: |value| value.to_string();
    PathBuf: |value| value.display().to_string();
    Username: |value| value.to_string();
    password::Params: |value| value.to_string();
    Secret: |_value| "(redacted)".into();
    Issuer: |value| value.0.clone();
    Connections: |value| value.0.to_string();
    Sessions: |value| value.0.to_string();
    Seconds: |value| value.0.to_string();
    SigningAlgorithm: |value| value.to_string();
    HierarchyForm: |value| value.to_string();
    RulesFile: |value| value.path.clone();
    Origin: |value| value.0.clone();
    LogFilter: |value| value.0.clone();
    LogFormat: |value| format!("{value:?}").to_lowercase();
    IpNet: |value| value.to_string();
}

impl<T: Shown> Shown for List<T> {
    fn show(&self) -> String {
        self.0.iter().map(Shown::show).collect::<Vec<_>>().join(",")
    }
}

macro_rules! checked {
    ($($(#[$about:meta])* $type:ident($inner:ty) = |$text:ident| $parse:expr;)+) => {$(
        $(#[$about])*
        #[derive(Clone, Debug)]
        pub struct $type(pub $inner);

        impl FromStr for $type {
            type Err = &'static str;

            fn from_str($text: &str) -> Result<Self, &'static str> {
                $parse.map(Self)
            }
        }
    )+};
}

fn when<T>(value: T, holds: bool, otherwise: &'static str) -> Result<T, &'static str> {
    if holds { Ok(value) } else { Err(otherwise) }
}

checked! {
    /// Something that is not shown.
    Secret(SecretString) = |text| when(text.into(), !text.is_empty(), "must not be empty");
    /// The `iss` of tokens (RFC 8414 §2).
    Issuer(String) = |text| {
        let url = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
        let plain = !url.is_empty() && !url.starts_with('/') && !url.contains(['?', '#', '"', ' ', '@']);
        when(text.to_owned(), plain && !url.ends_with('/'), "must be an http:// or https:// URL without query, fragment or final slash")
    };
    /// A duration.
    Seconds(i64) = |text| {
        let seconds = text.parse().unwrap_or(0);
        when(seconds, (1..=315_360_000).contains(&seconds), "must be a whole number of seconds, at least 1 and at most ten years")
    };
    /// A number of connections: preparing the database takes two.
    Connections(u32) = |text| {
        let connections = text.parse().unwrap_or(0);
        when(connections, (2..=1000).contains(&connections), "must be a number from 2 to 1000")
    };
    /// A number of sessions.
    Sessions(u32) = |text| {
        let sessions = text.parse().unwrap_or(0);
        when(sessions, (1..=1_000_000).contains(&sessions), "must be a number from 1 to 1000000")
    };
    /// The origin of a web page (RFC 6454 §6.2).
    Origin(String) = |text| {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
        when(text.to_owned(), !host.is_empty() && !host.contains(['/', '*', '?', '#', ' ']), "must be like https://app.example.com, without a path")
    };
    /// What is logged.
    LogFilter(String) = |text| {
        let valid = tracing_subscriber::EnvFilter::try_new(text).is_ok();
        when(text.to_owned(), valid && !text.is_empty(), "must be a level (off, error, warn, info, debug, trace), or module=level, comma-separated")
    };
}

/// How it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// For programs.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "auto" => Ok(Self::Auto),
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err("must be auto, human or json"),
        }
    }
}

/// Values separated by commas; may be empty.
#[derive(Clone, Debug)]
pub struct List<T>(pub Vec<T>);

impl<T: FromStr> FromStr for List<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Secret {
    /// Of a database's URL, all but the credentials and the query.
    pub(crate) fn redacted_url(&self) -> String {
        let url = self.0.expose_secret().split(['?', '#']).next().unwrap_or_default();
        let Some((scheme, rest)) = url.split_once("://") else { return "(redacted)".into() };
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        format!("{scheme}://{place}")
    }
}

/// Text of each setting and where it stands, by key.
#[derive(Debug, Default)]
struct Sources(BTreeMap<&'static str, (String, String)>);

impl Sources {
    fn setting<T: Setting>(&self, key: &'static str, default: Option<&str>) -> Result<T, InvalidSetting> {
        let (text, origin) = self.0.get(key).map_or((default, key), |(text, origin)| (Some(text.as_str()), origin));
        T::read(text).map_err(|why| InvalidSetting::Malformed { origin: origin.to_owned(), why })
    }

    /// Takes what stands in the TOML file.
    fn file(&mut self, path: &str, text: &str) -> Result<(), InvalidSetting> {
        let failed = |why: String| InvalidSetting::File { path: path.to_owned(), why };
        for (key, value) in text.parse::<toml::Table>().map_err(|error| failed(toml_error(text, &error)))? {
            let spec = SPECS.iter().find(|spec| spec.key == key);
            let spec = spec.ok_or_else(|| InvalidSetting::Unknown(format!("{key} in {path}")))?;
            let text =
                plain(&value).ok_or_else(|| failed(format!("{key} must be a text, a number or a list of texts")))?;
            self.0.insert(spec.key, (text, format!("{key} in {path}")));
        }
        Ok(())
    }

    /// Takes environment variables; `place` says where they stand, if not in the environment.
    fn variables(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
        place: &str,
    ) -> Result<(), InvalidSetting> {
        for (name, value) in variables {
            match SPECS.iter().find(|spec| spec.variable == name) {
                Some(spec) => {
                    self.0.insert(spec.key, (value, format!("{name}{place}")));
                }
                None if name.starts_with("ROLECALL_") && name != "ROLECALL_CONFIG" => {
                    return Err(InvalidSetting::Unknown(format!("{name}{place}")));
                }
                None => {}
            }
        }
        Ok(())
    }

    fn flags(&mut self, matches: &ArgMatches) {
        for spec in SPECS {
            if let Some(value) = matches.get_one::<String>(spec.key) {
                self.0.insert(spec.key, (value.clone(), format!("--{}", flag(spec.key))));
            }
        }
    }
}

/// What is wrong, and in which line; not the line itself, which may hold a secret.
fn toml_error(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Array(items) => items.iter().map(plain).collect::<Option<Vec<_>>>().map(|items| items.join(",")),
        _ => None,
    }
}

fn flag(key: &str) -> String {
    key.replace('_', "-")
}

/// Our variables among these. One that is no text isn't left out in silence: its setting would be another one than was meant.
fn texts(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Vec<(String, String)>, InvalidSetting> {
    let malformed = |origin: String| InvalidSetting::Malformed { origin, why: "must be UTF-8".into() };
    let text = |(name, value): (OsString, OsString)| {
        let name = name.into_string().map_err(|name| malformed(name.to_string_lossy().into_owned()))?;
        let value = value.into_string().map_err(|_| malformed(name.clone()))?;
        Ok((name, value))
    };
    variables.filter(|(name, _)| is_ours(&name.to_string_lossy())).map(text).collect()
}

fn is_ours(variable: &str) -> bool {
    variable.starts_with("ROLECALL_") || SPECS.iter().any(|spec| spec.variable == variable)
}

/// A flag for each setting, and one for the file.
pub fn args() -> impl Iterator<Item = Arg> {
    let settings = SPECS.iter().map(|spec| {
        let default =
            spec.default.filter(|default| !default.is_empty()).map(|default| format!(" [default: {default}]"));
        let help = format!("{} [{}]{}", spec.help.trim(), spec.variable, default.unwrap_or_default());
        Arg::new(spec.key).long(flag(spec.key)).help(help).value_name("VALUE").global(true).help_heading("Settings")
    });
    let file = Arg::new("config").long("config").value_name("FILE").global(true).help_heading("Settings");
    settings.chain([
        file.help(format!("A TOML file of settings [ROLECALL_CONFIG] [default: {DEFAULT_FILE}, if it is there]"))
    ])
}

/// The effective settings of this process.
pub fn load(matches: &ArgMatches) -> Result<Config, InvalidSetting> {
    let dotenv: Vec<(String, String)> = match dotenvy::from_path_iter(".env") {
        Ok(pairs) => pairs.collect::<Result<_, _>>(),
        Err(error) if error.not_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
    // The library's own message repeats the line, which may hold a secret.
    .map_err(|_| InvalidSetting::File {
        path: ".env".into(),
        why: "a line can't be read; it must be NAME=value, and a value with spaces in quotes".into(),
    })?;
    let environment = texts(std::env::vars_os())?;
    let named = matches.get_one::<String>("config").or_else(|| {
        environment.iter().chain(&dotenv).find(|(name, _)| name == "ROLECALL_CONFIG").map(|(_, path)| path)
    });
    let named = named.cloned();

    let mut sources = Sources::default();
    let path = named.as_deref().unwrap_or(DEFAULT_FILE);
    match std::fs::read_to_string(path) {
        Ok(text) => sources.file(path, &text)?,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(InvalidSetting::File { path: path.into(), why: error.to_string() }),
    }
    sources.variables(dotenv.into_iter(), " in .env")?;
    sources.variables(environment.into_iter(), "")?;
    sources.flags(matches);
    Config::parse(&sources)?.checked()
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

    fn matches(flags: &[&str]) -> ArgMatches {
        let command = clap::Command::new("rolecall").args(args());
        command.try_get_matches_from([&["rolecall"], flags].concat()).unwrap()
    }

    fn sources(
        toml: &str,
        dotenv: &[(&str, &str)],
        variables: &[(&str, &str)],
        flags: &[&str],
    ) -> Result<Config, InvalidSetting> {
        let owned =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
        let mut sources = Sources::default();
        sources.file("rolecall.toml", toml)?;
        sources.variables(owned(dotenv).into_iter(), " in .env")?;
        sources.variables(owned(variables).into_iter(), "")?;
        sources.flags(&matches(flags));
        Config::parse(&sources)?.checked()
    }

    #[test]
    fn a_flag_beats_a_variable_beats_dotenv_beats_the_file() {
        let seconds = |config: Result<Config, _>| config.map(|config: Config| config.access_token_seconds.0);
        let (toml, name) = ("access_token_seconds = 1", "ROLECALL_ACCESS_TOKEN_SECONDS");
        assert_eq!(seconds(sources("", &[], &[], &[])).unwrap(), 900);
        assert_eq!(seconds(sources(toml, &[], &[], &[])).unwrap(), 1);
        assert_eq!(seconds(sources(toml, &[(name, "2")], &[], &[])).unwrap(), 2);
        assert_eq!(seconds(sources(toml, &[(name, "2")], &[(name, "3")], &[])).unwrap(), 3);
        let flag = ["--access-token-seconds", "4"];
        assert_eq!(seconds(sources(toml, &[(name, "2")], &[(name, "3")], &flag)).unwrap(), 4);
    }

    #[test]
    fn what_is_unknown_or_malformed_is_named() {
        let error = |result: Result<Config, InvalidSetting>| result.unwrap_err().to_string();
        assert!(error(sources("listn = 'x'", &[], &[], &[])).contains("listn in rolecall.toml"));
        assert!(error(sources("", &[("ROLECALL_LISTN", "x")], &[], &[])).contains("ROLECALL_LISTN in .env"));
        assert!(error(sources("", &[], &[("ROLECALL_LISTN", "x")], &[])).contains("ROLECALL_LISTN is not a setting"));
        for spec in SPECS.iter().filter(|spec| {
            !matches!(spec.key, "data_dir" | "admin_password" | "key_encryption_key" | "tls_cert" | "tls_key")
        }) {
            let message = error(sources("", &[], &[(spec.variable, "!? #")], &[]));
            assert!(message.contains(spec.variable), "{message}");
        }
        assert!(error(sources("", &[], &[], &["--access-token-seconds", "0"])).contains("--access-token-seconds"));
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_of_ours_that_is_no_text_is_named() {
        use std::os::unix::ffi::OsStringExt;
        let bytes = |text: &[u8]| OsString::from_vec(text.to_vec());
        let read = |name: &[u8], value: &[u8]| {
            texts([(bytes(name), bytes(value))].into_iter()).map_err(|error| error.to_string())
        };
        for name in ["ROLECALL_ISSUER", "ROLECALL_CONFIG", "DATABASE_URL"] {
            assert_eq!(read(name.as_bytes(), b"\xff"), Err(format!("{name}: must be UTF-8")));
            assert_eq!(read(name.as_bytes(), b"x"), Ok(vec![(name.into(), "x".into())]));
        }
        assert_eq!(read(b"ROLECALL_\xff", b"x"), Err("ROLECALL_\u{fffd}: must be UTF-8".into()));
        assert_eq!(read(b"LS_COLORS\xff", b"\xff"), Ok(Vec::new()), "it is somebody else's");
    }

    #[test]
    fn postgres_needs_an_issuer_and_a_key() {
        let url = ("DATABASE_URL", "postgres://localhost/x");
        let issuer = ("ROLECALL_ISSUER", "https://id.example");
        let error = |variables: &[(&str, &str)]| sources("", &[], variables, &[]).unwrap_err().to_string();
        assert!(error(&[url]).contains("ROLECALL_ISSUER"));
        assert!(error(&[url, issuer]).contains("ROLECALL_KEY_ENCRYPTION_KEY"));
        assert!(sources("", &[], &[url, issuer, ("ROLECALL_KEY_ENCRYPTION_KEY", "x")], &[]).is_ok());
    }

    #[test]
    fn secrets_are_not_shown() {
        let variables = [
            ("ROLECALL_ADMIN_PASSWORD", "hunter2hunter2"),
            ("ROLECALL_KEY_ENCRYPTION_KEY", "hunter2"),
            ("DATABASE_URL", "postgres://user:hunter2@db.example/x?password=hunter2"),
            ("ROLECALL_ISSUER", "https://id.example"),
        ];
        let config = sources("", &[], &variables, &[]).unwrap();
        let odd = sources("", &[], &[("ROLECALL_ADMIN_PASSWORD", "correct://hunter2 battery")], &[]).unwrap();
        let query = [("DATABASE_URL", "sqlite://db.example/x?user=a&password=a@hunter2")];
        let query = sources("", &[], &query, &[]).unwrap();
        let broken = sources("admin_password = \"hunter2", &[], &[], &[]).unwrap_err();
        assert!(broken.to_string().contains("line 1"), "{broken}");
        let shown = format!("{:?} {config:?} {:?} {:?} {broken}", config.shown(), odd.shown(), query.shown());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("postgres://db.example/x"), "{shown}");
    }

    #[test]
    fn lists_are_comma_separated_and_may_be_toml_arrays() {
        let config = sources("trusted_proxies = ['10.0.0.0/8', '::1/128']", &[], &[], &[]).unwrap();
        assert_eq!(config.trusted_proxies.0.len(), 2);
        assert!(sources("", &[], &[("ROLECALL_CORS_ORIGINS", "https://a.example, https://b.example")], &[]).is_ok());
        assert!(sources("", &[], &[("ROLECALL_CORS_ORIGINS", "*")], &[]).is_err());
    }
}
