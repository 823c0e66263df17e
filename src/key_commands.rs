//! `rolecall keys`

use std::io;

use clap::Subcommand;
use rolecall::{
    config::Config,
    node,
    store::{KeyState, StoredKey},
    tokens::{PUBLISHED_AHEAD, SigningKeys},
};
use rolecall_guard::Clock;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{Failure, say};

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// List the signing keys and what each is doing
    List,
    /// Make a new key, which signs once everyone has had the time to fetch it
    Rotate,
    /// Refuse all that a key has signed, from now on: for a key that may be in other hands
    Retire {
        /// Which key: its name in the list
        // A name may begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

pub(crate) async fn run(config: &Config, command: KeyCommand) -> Result<(), Failure> {
    let keys = node::existing(config, Clock::System).await?.keys;
    match command {
        KeyCommand::List => list(&keys).await,
        KeyCommand::Rotate => rotate(&keys).await,
        KeyCommand::Retire { kid } => retire(&keys, &kid).await,
    }
}

async fn list(keys: &SigningKeys) -> Result<(), Failure> {
    let (keyring, others) = keys.read().await?;
    row("KID", "ALGORITHM", "CREATED", "SIGNS FROM", "STATE");
    for (key, state) in keyring.schedule().states(Clock::System.micros()) {
        let state = match state {
            KeyState::Next => "next".to_owned(),
            KeyState::Signing => "signing".to_owned(),
            KeyState::Published { until } => format!("published until {}", shown(until)),
            KeyState::Past => "past".to_owned(),
        };
        row(&key.kid, &key.algorithm, &shown(key.created_at), &shown(key.signs_from), &state);
    }
    for (kid, why) in others {
        row(&kid, "-", "-", "-", &format!("left out: {why}"));
    }
    Ok(())
}

fn row(kid: &str, algorithm: &str, created: &str, signs_from: &str, state: &str) {
    say(&mut io::stdout(), &format!("{kid:43}  {algorithm:9}  {created:20}  {signs_from:20}  {state}"));
}

async fn rotate(keys: &SigningKeys) -> Result<(), Failure> {
    let text = match keys.rotate().await? {
        Some(StoredKey { kid, signs_from, .. }) => {
            let minutes = PUBLISHED_AHEAD.div_euclid(60);
            format!("{kid} is published now, and signs from {}, in {minutes} minutes.", shown(signs_from))
        }
        None => "A new key is waiting to sign already; see rolecall keys list.".to_owned(),
    };
    say(&mut io::stdout(), &text);
    Ok(())
}

async fn retire(keys: &SigningKeys, kid: &str) -> Result<(), Failure> {
    let signing = keys.retire(kid).await?;
    say(&mut io::stdout(), &format!("{kid} is retired: all that it signed is refused.\n{signing} signs."));
    Ok(())
}

/// To the second.
fn shown(micros: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(micros.div_euclid(1_000_000)).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| "?".into())
}
