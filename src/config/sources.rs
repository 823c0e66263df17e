//! Where settings come from: flags, the environment, the `.env` file and the TOML file.

use std::{collections::BTreeMap, ffi::OsString};

use clap::{Arg, ArgMatches};

use super::{Config, InvalidSetting, SPECS, values::Setting};

/// Where the TOML file is looked for unless `--config` or `ROLECALL_CONFIG` says otherwise.
const DEFAULT_FILE: &str = "rolecall.toml";

/// Text of each setting and where it stands, by key.
#[derive(Debug, Default)]
pub(super) struct Sources(BTreeMap<&'static str, (String, String)>);

impl Sources {
    pub(super) fn setting<T: Setting>(&self, key: &'static str, default: Option<&str>) -> Result<T, InvalidSetting> {
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
    pub(super) fn variables(
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
    fn lists_are_comma_separated_and_may_be_toml_arrays() {
        let config = sources("trusted_proxies = ['10.0.0.0/8', '::1/128']", &[], &[], &[]).unwrap();
        assert_eq!(config.trusted_proxies.0.len(), 2);
        assert!(sources("", &[], &[("ROLECALL_CORS_ORIGINS", "https://a.example, https://b.example")], &[]).is_ok());
        assert!(sources("", &[], &[("ROLECALL_CORS_ORIGINS", "*")], &[]).is_err());
    }

    #[test]
    fn what_is_wrong_in_the_file_is_not_shown() {
        let error = sources("admin_password = \"hunter2", &[], &[], &[]).unwrap_err().to_string();
        assert!(error.contains("line 1") && !error.contains("hunter2"), "{error}");
    }
}
