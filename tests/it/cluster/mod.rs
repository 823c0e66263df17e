//! What holds while several processes serve one database, while many write, and while processes and databases fail.
//!
//! On PostgreSQL two processes serve. SQLite is for one, so there both sides of a race are that one, and what fails is
//! what can fail there: the tests are the same.
//!
//! How much is tried comes from the environment, since the gate has more patience than a developer:
//!
//! | variable | how many | unless set |
//! |---|---|---|
//! | `TRIALS` | trials of each race | 25 |
//! | `KILLS` | kills of a process that is writing | 5 |
//! | `OUTAGES` | outages of the database | 4 |
//! | `BUSY_SECONDS` | seconds for which fifty write at once | 5 |

mod fifty_writers;
mod killed;
mod outage;
mod proxy;
mod races;

use std::{
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    process::{Program, Running},
    support::{Answer, Client, Database, PASSWORD, http},
};

fn how_many(variable: &str, unless_set: usize) -> usize {
    std::env::var(variable).map_or(unless_set, |number| number.parse().unwrap())
}

/// A figure for whoever runs this with `--nocapture`.
#[expect(clippy::print_stderr, reason = "figures are for people")]
pub fn report(figure: impl Display) {
    eprintln!("{figure}");
}

/// Some time of up to so many milliseconds.
fn some_millis(most: u64) -> Duration {
    Duration::from_millis(u64::from_le_bytes(rolecall::random::bytes()) % most)
}

/// What a sign-in or a refresh gave.
#[derive(Clone, Debug)]
struct Session {
    access: String,
    refresh: String,
}

impl Session {
    fn of(answer: &Answer) -> Self {
        Self { access: answer.token().to_owned(), refresh: answer.refresh_token().to_owned() }
    }
}

impl Client {
    /// The same node, with this token.
    fn bearing(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    fn asking_token(&self, form: &[(&str, &str)]) -> RequestBuilder {
        self.request(Method::POST, "/oauth/token").form(form)
    }

    fn signing_in(&self, username: &str) -> RequestBuilder {
        self.asking_token(&[("grant_type", "password"), ("username", username), ("password", PASSWORD)])
    }

    async fn sign_in(&self, username: &str) -> Session {
        Session::of(&self.send(self.signing_in(username)).await.assert(200))
    }

    fn refreshing(&self, token: &str) -> RequestBuilder {
        self.asking_token(&[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    async fn refresh(&self, token: &str) -> Answer {
        self.send(self.refreshing(token)).await
    }

    fn making_user(&self, username: &str) -> RequestBuilder {
        self.request(Method::POST, "/v1/users").json(&json!({ "username": username, "password": PASSWORD }))
    }

    async fn make_user(&self, username: &str) {
        self.send(self.making_user(username)).await.assert(201);
    }

    /// A role that gives nothing.
    async fn make_role(&self, name: &str) {
        self.post("/v1/roles", json!({ "name": name })).await.assert(201);
    }
}

/// Nodes that share a database.
struct Cluster {
    /// Nobody in particular, at each of two nodes, which on SQLite are one.
    doors: [Client; 2],
    /// The administrator, likewise.
    admins: [Client; 2],
    // In this order: a database goes after those who use it.
    _nodes: Vec<Running>,
    _database: Database,
}

impl Cluster {
    async fn start() -> Self {
        let database = Database::create().await;
        let program = Program::on(&database).with("ROLECALL_ACCESS_TOKEN_SECONDS", "7200");
        let mut nodes = vec![program.start().await];
        if database.is_postgres() {
            nodes.push(program.start().await);
        }
        let http = http();
        let doors = [&nodes[0], &nodes[nodes.len() - 1]].map(|node| Client::new(&http, &node.url, None));
        let admin = doors[0].sign_in("admin").await.access;
        let admins = [doors[0].bearing(&admin), doors[1].bearing(&admin)];
        Self { doors, admins, _nodes: nodes, _database: database }
    }
}

/// Two nodes, which change their parts from trial to trial.
fn sides(of: &[Client; 2], trial: usize) -> [&Client; 2] {
    if trial.is_multiple_of(2) { [&of[0], &of[1]] } else { [&of[1], &of[0]] }
}

/// People at work on both nodes, until this is dropped. They get what they ask for, or the test fails.
struct Load {
    people: JoinSet<()>,
    answers: Arc<AtomicUsize>,
}

/// How long each waits between two requests.
const PACE: Duration = Duration::from_millis(20);

impl Load {
    async fn on(cluster: &Cluster) -> Self {
        let (mut people, answers) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
        cluster.admins[0].make_role("busy").await;
        for (number, (door, admin)) in cluster.doors.iter().zip(&cluster.admins).enumerate() {
            let (person, clerk) = (format!("busy-person-{number}"), format!("busy-clerk-{number}"));
            admin.make_user(&person).await;
            admin.make_user(&clerk).await;
            people.spawn(read(admin.clone(), Arc::clone(&answers)));
            people.spawn(assign_and_deassign(admin.clone(), clerk, Arc::clone(&answers)));
            people.spawn(come_and_go(door.clone(), person, Arc::clone(&answers)));
        }
        Self { people, answers }
    }

    /// Ends it: what went wrong in it goes wrong here.
    async fn end(mut self) -> usize {
        self.people.abort_all();
        while let Some(ended) = self.people.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
        self.answers.load(Ordering::Relaxed)
    }
}

async fn pace(answers: &AtomicUsize) {
    answers.fetch_add(1, Ordering::Relaxed);
    sleep(PACE).await;
}

async fn read(admin: Client, answers: Arc<AtomicUsize>) {
    loop {
        admin.get("/v1/users?limit=10").await.assert(200);
        pace(&answers).await;
    }
}

async fn assign_and_deassign(admin: Client, clerk: String, answers: Arc<AtomicUsize>) {
    let path = format!("/v1/users/{clerk}/roles/busy");
    loop {
        admin.put(&path).await.assert(204);
        pace(&answers).await;
        admin.delete(&path).await.assert(204);
        pace(&answers).await;
    }
}

async fn come_and_go(door: Client, person: String, answers: Arc<AtomicUsize>) {
    loop {
        let mut session = door.sign_in(&person).await;
        for _ in 0..5 {
            pace(&answers).await;
            session = Session::of(&door.refresh(&session.refresh).await.assert(200));
        }
        door.bearing(&session.access).delete("/v1/me/sessions").await.assert(204);
        pace(&answers).await;
    }
}

/// The request can't be answered now, and the client is told when to come back.
#[track_caller]
fn assert_come_back(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text);
    let after: u32 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&after), "{after}");
    assert_ne!(answer.body, Value::Null, "{}", answer.text);
}
