use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::Client;
use tokio::{task::JoinSet, time::interval};

use super::{PASSWORD, cores, in_parallel, server::Server, to_f64};

/// How much more is asked for than can be done.
const TIMES: f64 = 10.0;
const LASTS: Duration = Duration::from_secs(15);
/// Guarded requests meanwhile.
const GUARDED_EVERY: Duration = Duration::from_millis(20);

/// Sign-ins at ten times of what the server can do: what is accepted, what becomes of the rest, and of everyone else.
pub(super) async fn overload() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[("ROLECALL_ADMIN_PASSWORD", PASSWORD)]);
    let caller = Caller { http: Client::new(), url: Arc::from(format!("http://{}", server.address)) };
    let token = caller.sign_in().await.1.unwrap();
    let capacity = {
        let caller = caller.clone();
        let sign_in = move || {
            let caller = caller.clone();
            async move { assert_eq!(caller.sign_in().await.0, 200) }
        };
        in_parallel(cores() * 4, sign_in).await
    };
    let before = server.resident_kilobytes();
    let (answers, mut latencies) = tokio::join!(caller.flood(capacity * TIMES), caller.clone().guarded(&token));
    latencies.sort();
    let accepted = to_f64(answers.iter().filter(|status| **status == 200).count() as u64) / LASTS.as_secs_f64();
    let turned_away = answers.iter().filter(|status| **status == 503).count();
    let other = answers.iter().filter(|status| !matches!(**status, 200 | 503)).count();
    println!(
        "overload: capacity {capacity:.1} sign-ins/s, asked for {:.0}/s, accepted {accepted:.1}/s, ratio {:.3} (aim >= 0.80)",
        capacity * TIMES,
        accepted / capacity
    );
    println!("  turned away with 503 and Retry-After {turned_away}, answered otherwise {other} (aim 0)");
    println!(
        "  guarded requests meanwhile p50 {:?}, p99 {:?} (aim <= 100 ms), memory {:.1} MB, at most {:.1} MB",
        latencies[latencies.len() / 2],
        latencies[latencies.len() * 99 / 100],
        to_f64(before) / 1000.0,
        to_f64(server.peak_kilobytes()) / 1000.0
    );
}

#[derive(Clone)]
struct Caller {
    http: Client,
    url: Arc<str>,
}

impl Caller {
    /// The status, and the token if there is one. A 503 says when to come back.
    async fn sign_in(&self) -> (u16, Option<String>) {
        let form = [("grant_type", "password"), ("username", "admin"), ("password", PASSWORD)];
        let answer = self.http.post(format!("{}/oauth/token", self.url)).form(&form).send().await.unwrap();
        let status = answer.status().as_u16();
        if status == 503 {
            assert!(answer.headers().contains_key("retry-after"));
            return (status, None);
        }
        let body: serde_json::Value = answer.json().await.unwrap();
        (status, body["access_token"].as_str().map(str::to_owned))
    }

    /// So many sign-ins a second, whatever becomes of those before.
    async fn flood(&self, rate: f64) -> Vec<u16> {
        let (mut ticks, mut running) = (interval(Duration::from_secs_f64(1.0 / rate)), JoinSet::new());
        let began = Instant::now();
        while began.elapsed() < LASTS {
            ticks.tick().await;
            let caller = self.clone();
            running.spawn(async move { caller.sign_in().await.0 });
        }
        running.join_all().await
    }

    async fn guarded(self, token: &str) -> Vec<Duration> {
        let (mut ticks, mut latencies) = (interval(GUARDED_EVERY), Vec::new());
        let began = Instant::now();
        while began.elapsed() < LASTS {
            ticks.tick().await;
            let asked = Instant::now();
            let answer = self.http.get(format!("{}/v1/me", self.url)).bearer_auth(token).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            latencies.push(asked.elapsed());
        }
        latencies
    }
}
