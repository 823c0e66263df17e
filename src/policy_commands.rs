//! `rolecall policy`

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use rolecall::{
    api::policy::{command, yaml},
    config::Config,
    node,
    policy::{
        PermissionName,
        file::{Change, Sign, Stated},
    },
    store::{Actor, Forecast, Refused, Store, commands::Applied},
};
use rolecall_guard::{Clock, Problem};

use crate::{Failure, emit, say};

/// More bytes are no file that anyone reviews.
const LONGEST: u64 = 64 * 1024 * 1024;

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Print the policy as a YAML file: permissions, roles, hierarchy, separation sets
    Export {
        /// Also who is assigned which role
        #[arg(long)]
        assignments: bool,
    },
    /// Show what a file would change, and change nothing
    Plan(FileArgs),
    /// Make the policy into what a file says, all of it or nothing
    Apply {
        #[command(flatten)]
        file: FileArgs,
        /// Only if the policy is still what the plan with this digest was made on
        #[arg(long, value_name = "DIGEST")]
        planned_on: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct FileArgs {
    /// The file; - for standard input
    file: PathBuf,
    /// Also delete what the file doesn't list, in the sections that it has
    #[arg(long)]
    prune: bool,
}

pub(crate) async fn run(config: &Config, command: PolicyCommand) -> Result<(), Failure> {
    match command {
        PolicyCommand::Export { assignments } => {
            let store = node::existing(config, Clock::System).await?.store;
            emit(&yaml(&store.policy(assignments).await?)?)
        }
        PolicyCommand::Plan(args) => {
            let stated = read(&args.file)?;
            plan(&node::existing(config, Clock::System).await?.store, &args, stated).await
        }
        PolicyCommand::Apply { file, planned_on } => {
            let stated = read(&file.file)?;
            apply(&node::existing(config, Clock::System).await?.store, &file, planned_on, stated).await
        }
    }
}

fn read(path: &Path) -> Result<Stated, Failure> {
    let named = |error: io::Error| format!("{}: {error}", path.display());
    let source: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(fs::File::open(path).map_err(named)?) };
    let mut text = String::new();
    if source.take(LONGEST + 1).read_to_string(&mut text).map_err(named)? as u64 > LONGEST {
        return Err(format!("{}: is longer than 64 MiB", path.display()).into());
    }
    Stated::read(&text).map_err(|fault| format!("{}: {fault}", path.display()).into())
}

/// A refusal, with the file's name where it is about the file.
fn refused(args: &FileArgs, refused: Refused) -> Failure {
    match refused {
        Refused::File(fault) => format!("{}: {fault}", args.file.display()).into(),
        Refused::Stale => "the policy isn't what it was planned on any more; plan again".into(),
        refused => format!("refused, and nothing is changed. {}", Problem::from(refused).detail()).into(),
    }
}

async fn plan(store: &Store, args: &FileArgs, stated: Stated) -> Result<(), Failure> {
    let command = command(stated, args.prune, None, Clock::System);
    let planned = store.forecast(&Actor::System, None, &command).await;
    let (forecast, applied) = planned.map_err(|it| refused(args, it))?;
    show(&applied);
    if !applied.changes.is_empty() {
        foretell(&forecast);
        let (file, prune) = (args.file.display(), if args.prune { " --prune" } else { "" });
        let digest = &applied.digest;
        print(&format!("\nTo apply just this: rolecall policy apply {file}{prune} --planned-on {digest}"));
    }
    match forecast.broken.into_iter().next() {
        Some(broken) => Err(format!("it would be refused. {}", Problem::from(broken).detail()).into()),
        None => Ok(()),
    }
}

async fn apply(store: &Store, args: &FileArgs, planned_on: Option<String>, stated: Stated) -> Result<(), Failure> {
    let planned_on = planned_on.map(|digest| vec![digest]);
    let command = command(stated, args.prune, planned_on, Clock::System);
    let applied = store.write(&Actor::System, None, &command).await.map_err(|it| refused(args, it))?;
    show(&applied);
    if !applied.changes.is_empty() {
        print("\nApplied.");
    }
    Ok(())
}

fn print(text: &str) {
    say(&mut io::stdout(), text);
}

fn show(applied: &Applied) {
    for change in &applied.changes {
        print(&line(change));
    }
    let count = |sign| applied.changes.iter().filter(|change| change.sign() == sign).count();
    if applied.changes.is_empty() {
        print("Nothing to change.");
    } else {
        let [added, changed, removed] = [Sign::Added, Sign::Changed, Sign::Removed].map(count);
        print(&format!("\n{added} to add, {changed} to change, {removed} to remove."));
    }
    if !applied.kept.is_empty() {
        print("Not in the file, and kept (--prune deletes it):");
        applied.kept.iter().for_each(|name| print(&format!("  {name}")));
    }
}

fn line(change: &Change) -> String {
    let sign = match change.sign() {
        Sign::Added => '+',
        Sign::Changed => '~',
        Sign::Removed => '-',
    };
    let words = match (change.sign(), change.before(), change.after()) {
        (Sign::Changed, before, after) => {
            let said = |words: Option<String>| words.unwrap_or_else(|| "nothing".into());
            format!("   {} → {}", said(before), said(after))
        }
        (_, before, after) => before.or(after).map(|words| format!("   {words}")).unwrap_or_default(),
    };
    format!("{sign} {}{words}", change.target())
}

fn foretell(forecast: &Forecast) {
    let more = if forecast.more_users { "or more " } else { "" };
    print(&format!(
        "{} users {more}gain or lose permissions; {} sessions are concerned.",
        forecast.users, forecast.sessions
    ));
    for change in &forecast.changes {
        let signed = |sign: char| move |name: &PermissionName| format!("{sign}{name}");
        let gains = change.gains.iter().map(signed('+'));
        let words: Vec<String> = gains.chain(change.loses.iter().map(signed('-'))).collect();
        print(&format!("  {}: {}", change.username, words.join(" ")));
    }
}
