//! What can stand in a setting: how it is read, and how it is shown.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    gateway::RulesFile,
    policy::{HierarchyForm, Username},
    tokens::{SigningAlgorithm, password},
};

/// What can stand in a setting.
pub(super) trait Setting: Sized {
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
pub(super) trait Shown {
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
    Roles: |value| value.0.to_string();
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
    /// A number of roles.
    Roles(usize) = |text| {
        let roles = text.parse().unwrap_or(0);
        when(roles, (100..=1_000_000).contains(&roles), "must be a number from 100 to 1000000")
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
