//! The command line.

mod key_commands;
mod policy_commands;

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use key_commands::KeyCommand;
use policy_commands::PolicyCommand;
use rolecall::{
    api::document,
    config::{self, Config, LogFormat},
    http::{Bound, Tls},
    node::{self, FirstAdmin, Prepared},
    policy::Username,
    random,
    store::{
        Actor, Refused, UserRef,
        commands::LetIn,
        ledger::{self, Verdict},
    },
    tokens::password,
};
use rolecall_guard::Clock;
use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::EnvFilter;

type Failure = Box<dyn std::error::Error>;

/// Rolecall: who may do what, as one server.
///
/// Without a command it serves. A setting comes from its flag, else its variable, else the .env file,
/// else rolecall.toml.
#[derive(Parser)]
#[command(version, subcommand_required = false)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve (what happens without a command)
    Serve,
    /// Bring the database's schema up to date, and stop
    Migrate,
    /// Print the OpenAPI document
    Openapi,
    /// Print the effective settings, secrets redacted
    Config,
    /// Make an administrator, or let one in again who lost the password
    Admin(AdminArgs),
    /// Look after the ledger
    #[command(subcommand, visible_alias = "audit")]
    Ledger(LedgerCommand),
    /// Look after the signing keys; also while the server runs
    #[command(subcommand)]
    Keys(KeyCommand),
    /// The policy as a file
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Print shell completions
    Completions {
        /// For which shell
        shell: Shell,
    },
}

#[derive(Args)]
struct AdminArgs {
    /// Who: made if there is no such user; otherwise given the role admin and a new password
    username: Username,
    /// Read the password from standard input; otherwise a random one is printed
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Subcommand)]
enum LedgerCommand {
    /// Check that no row was altered, and name the first that was
    Verify,
}

fn main() -> ExitCode {
    let matches = config_aware().get_matches();
    let run = || -> Result<ExitCode, Failure> {
        let cli = Cli::from_arg_matches(&matches)?;
        if let Some(Command::Completions { shell }) = cli.command {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut config_aware(), "rolecall", &mut script);
            emit(&String::from_utf8(script)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        let config = config::load(&matches)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(dispatch(cli.command.unwrap_or(Command::Serve), config))
    };
    run().unwrap_or_else(|error| {
        say(&mut io::stderr(), &format!("rolecall: {error}"));
        ExitCode::FAILURE
    })
}

fn config_aware() -> clap::Command {
    Cli::command().args(config::args())
}

/// What a person reads.
fn say(to: &mut dyn Write, text: &str) {
    let _ = writeln!(to, "{text}");
}

/// What a file is made of: it is there as a whole, or this fails. Who closes the pipe has seen enough.
fn emit(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("not all was written: {error}").into()),
        _ => Ok(()),
    }
}

async fn dispatch(command: Command, config: Config) -> Result<ExitCode, Failure> {
    let mut out = io::stdout();
    match command {
        Command::Serve => serve(&config).await?,
        Command::Migrate => {
            node::open(&config, Clock::System).await?;
            say(&mut out, "The database is up to date.");
        }
        Command::Openapi => {
            let state = node::detached(config.argon2);
            emit(&document::yaml(&state)?)?;
        }
        Command::Config => {
            for (key, value) in config.shown() {
                say(&mut out, &format!("{key} = {value}"));
            }
        }
        Command::Admin(args) => admin(&config, args).await?,
        Command::Ledger(LedgerCommand::Verify) => return verify_ledger(&config).await,
        Command::Keys(command) => key_commands::run(&config, command).await?,
        Command::Policy(command) => Box::pin(policy_commands::run(&config, command)).await?,
        Command::Completions { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: &Config) -> Result<(), Failure> {
    start_log(config)?;
    let tls = match (&config.tls_cert, &config.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::from_files(certificate, key)?),
        _ => None,
    };
    if config.argon2.is_weak() {
        tracing::warn!("ROLECALL_ARGON2 is weaker than OWASP recommends (m=19456,t=2,p=1): for tests only");
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    let prepared = node::open(config, Clock::System).await?;
    let bound =
        Bound::to(config.listen, tls).await.map_err(|error| format!("can't listen on {}: {error}", config.listen))?;
    // Only now: a start that failed after this would take the password, never shown, with it.
    let first = prepared.first_admin(config).await?;
    let url = format!("{scheme}://{}", bound.address()?);
    let issuer = config.issuer.as_ref().map_or(url.as_str(), |issuer| issuer.0.as_str()).to_owned();
    let app = prepared.app(config, &issuer);
    let endpoint = app.endpoint()?;
    let asked_to_stop = stop_signal()?;
    welcome(&url, &issuer, first.as_ref());

    let readiness = app.state.readiness.clone();
    let stop = async move {
        asked_to_stop.await;
        readiness.stop();
        tracing::info!("stopping: finishing what is in flight");
    };
    let wait = std::time::Duration::from_secs(config.shutdown_seconds.0.unsigned_abs());
    Ok(app.run(bound, endpoint, stop, wait).await?)
}

fn start_log(config: &Config) -> Result<(), Failure> {
    let human = match config.log_format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => io::stderr().is_terminal(),
    };
    let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::try_new(&config.log.0)?).with_writer(io::stderr);
    if human {
        log.with_ansi(io::stderr().is_terminal()).init();
    } else {
        log.json().flatten_event(true).init();
    }
    Ok(())
}

/// What a person sees at the start; the password only this once.
fn welcome(url: &str, issuer: &str, first: Option<&FirstAdmin>) {
    let mut out = io::stdout();
    say(&mut out, &format!("\n  Rolecall is ready at {url}\n\n  Swagger UI   {issuer}/docs"));
    if let Some(FirstAdmin { username, generated }) = first {
        say(&mut out, &format!("  Username     {username}"));
        let password =
            generated.as_ref().map_or("the one in ROLECALL_ADMIN_PASSWORD", |password| password.expose_secret());
        say(&mut out, &format!("  Password     {password}"));
        if generated.is_some() {
            say(&mut out, "               (shown only this once: keep it)");
        }
        say(&mut out, "\n  Open Swagger UI, press Authorize, and type both.");
    } else {
        say(&mut out, "\n  Lost the password? rolecall admin <username> sets a new one.");
    }
    say(&mut out, "");
}

/// Ready when the process is asked to stop, from now on.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    })
}

/// From the machine itself: for whoever lost the way in.
async fn admin(config: &Config, args: AdminArgs) -> Result<(), Failure> {
    let prepared = node::open(config, Clock::System).await?;
    let generated = (!args.password_stdin).then(random::text::<18>);
    let password: SecretString = match &generated {
        Some(password) => password.clone().into(),
        None => io::read_to_string(io::stdin().lock())?.trim_end_matches(['\r', '\n']).into(),
    };
    let user = UserRef::Name(args.username.clone());
    match prepared.store.user(&user).await {
        Ok(_) => let_in(&prepared, user, &args.username, password).await?,
        Err(Refused::NotFound(_)) => prepared.make_admin(args.username.clone(), password).await?,
        Err(error) => return Err(error.into()),
    }
    let mut out = io::stdout();
    say(&mut out, &format!("{} is an administrator and can sign in.", args.username));
    if let Some(password) = generated {
        say(&mut out, &format!("Password: {password}"));
    }
    Ok(())
}

/// An existing user gets the password and the role, and is enabled: all of it or nothing.
async fn let_in(
    prepared: &Prepared,
    user: UserRef,
    username: &Username,
    password: SecretString,
) -> Result<(), Failure> {
    password::check(password.expose_secret(), username)?;
    let password_hash = prepared.hasher.hash(password).await?;
    let command = LetIn { user, password_hash, role: rolecall::catalogue::ADMIN.parse()? };
    prepared.store.write(&Actor::System, None, &command).await?;
    Ok(())
}

async fn verify_ledger(config: &Config) -> Result<ExitCode, Failure> {
    match ledger::verify(&node::existing_database(config).await?).await? {
        Verdict::Sound(revision) => {
            say(&mut io::stdout(), &format!("The ledger is sound: {revision} rows."));
            Ok(ExitCode::SUCCESS)
        }
        Verdict::Broken { revision, why } => {
            say(&mut io::stderr(), &format!("The ledger is broken at revision {revision}: {why}."));
            Ok(ExitCode::from(2))
        }
    }
}
