//! The figures we promise, each as a ratio or a number of one run: `cargo bench --bench figures`
//!
//! Words after `--` choose some of them: `start hierarchy guard sign-ins refresh overload`. With `TEST_DATABASE_URL` refreshes are
//! measured on that PostgreSQL server, otherwise on SQLite. `scale` takes minutes and a million users, so it is only done where it is named.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a bench that can't go on should say where")]

mod guard;
mod hierarchy;
mod overload;
mod refresh;
mod scale;
mod server;
mod sign_ins;
mod start;

use std::{
    thread,
    time::{Duration, Instant},
};

use rolecall::{app::App, config::Config, node, tokens::Asking};
use rolecall_guard::Clock;
use tokio::task::JoinSet;

const PASSWORD: &str = "correct horse battery";
const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|word| word == name);
    if is_chosen("start") {
        start::start_and_size();
    }
    if is_chosen("hierarchy") {
        hierarchy::hierarchy();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        if is_chosen("guard") {
            guard::guard(&node(&[]).await.app).await;
        }
        if is_chosen("sign-ins") {
            sign_ins::sign_ins(&node(&[]).await.app).await;
        }
        if is_chosen("refresh") {
            Box::pin(refresh::refresh()).await;
        }
        if is_chosen("overload") {
            overload::overload().await;
        }
        if chosen.iter().any(|word| word == "scale") {
            Box::pin(scale::scale()).await;
        }
    });
}

/// A node in this process, and where its files are.
struct Node {
    app: App,
    directory: tempfile::TempDir,
}

async fn node(more: &[(&str, &str)]) -> Node {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display().to_string();
    let settings = [("ROLECALL_DATA_DIR", path.as_str()), ("ROLECALL_ADMIN_PASSWORD", PASSWORD)];
    let config = Config::of(settings.into_iter().chain(more.iter().copied())).unwrap();
    let prepared = node::open(&config, Clock::System).await.unwrap();
    prepared.first_admin(&config).await.unwrap();
    let app = prepared.app(&config, "https://id.example");
    let (store, gate) = (app.state.store.clone(), app.state.gate.clone());
    tokio::spawn(async move { store.follow(&gate).await });
    Node { app, directory }
}

/// Who asks when no client is named.
async fn nobody_in_particular(app: &App) -> Asking {
    app.state.tokens.asking(rolecall::policy::BUILT_IN_CLIENT, &"".into(), None).await.unwrap()
}

/// How often a second the work is done, by `width` at a time.
async fn in_parallel<F: Future<Output = ()> + Send>(
    width: usize,
    work: impl Fn() -> F + Clone + Send + 'static,
) -> f64 {
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for _ in 0..width {
        let work = work.clone();
        tasks.spawn(async move {
            let mut count = 0_u64;
            while began.elapsed() < ROUND {
                work().await;
                count += 1;
            }
            count
        });
    }
    to_f64(tasks.join_all().await.into_iter().sum()) / began.elapsed().as_secs_f64()
}

/// Two rates, measured in turns.
async fn in_turns(mut one: impl AsyncFnMut() -> f64, mut other: impl AsyncFnMut() -> f64) -> (f64, f64) {
    let (mut ones, mut others) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        ones += one().await;
        others += other().await;
    }
    (ones / to_f64(ROUNDS as u64), others / to_f64(ROUNDS as u64))
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
fn to_f64(count: u64) -> f64 {
    count as f64
}
