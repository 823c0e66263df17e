//! Rule 1 for several actors together: whatever they ask for, and in whatever order, none of them gives what that one
//! doesn't hold, and all of them together end with no more than they began with, and no longer.
//!
//! `~` in a name is the number of the sequence.

mod requests;
mod stage;
mod state;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
};

use proptest::{prelude::*, test_runner::TestRunner};
use requests::Ask;
use serde_json::{Value, json};
use state::{Held, State};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::support::{Answer, Client, PASSWORD, Server, claims};

struct Run<'a> {
    server: &'a Server,
    clock: &'a AtomicI64,
    number: String,
    admin: Client,
    /// Those as whom the coalition can sign in, at first its members.
    known: Vec<String>,
    /// Secrets of clients that it has learned.
    secrets: BTreeMap<String, String>,
    tokens: BTreeMap<String, Client>,
    /// Sessions that may be asked about.
    sessions: Vec<String>,
    /// The state of the client that holds more than they.
    rich_client: String,
}

impl Run<'_> {
    fn named(&self, text: &str) -> String {
        text.replace('~', &self.number)
    }

    fn micros(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    fn time(&self, minutes: i64) -> String {
        let seconds = self.micros() / 1_000_000 + minutes * 60;
        OffsetDateTime::from_unix_timestamp(seconds).unwrap().format(&Rfc3339).unwrap()
    }

    async fn sign_in(&mut self, user: &str) -> Option<Client> {
        let answer = self.server.token(user, PASSWORD, &[]).await;
        let client = (answer.status == 200).then(|| self.server.bearing(answer.token()))?;
        self.tokens.insert(user.to_owned(), client.clone());
        Some(client)
    }

    /// Asks, with a new token where the last one was overtaken. Nothing, if the actor can't sign in.
    async fn ask(&mut self, actor: &str, ask: &Ask) -> Option<Answer> {
        for _ in 0..2 {
            let client = match self.tokens.get(actor) {
                Some(client) => client.clone(),
                None => self.sign_in(actor).await?,
            };
            let answer = client.send(self.request(&client, ask)).await;
            if answer.status != 401 {
                return Some(answer);
            }
            self.tokens.remove(actor);
        }
        None
    }

    fn request(&self, client: &Client, ask: &Ask) -> reqwest::RequestBuilder {
        let mut path = self.named(&ask.path);
        for (number, session) in self.sessions.iter().enumerate() {
            path = path.replace(&format!("${number}"), session);
        }
        if ask.dry_run {
            path += if path.contains('?') { "&dry_run=true" } else { "?dry_run=true" };
        }
        let mut body = self.named(&ask.body.to_string());
        for minutes in -1..12 {
            body = body.replace(&format!("\"@{minutes}\""), &format!("\"{}\"", self.time(minutes)));
        }
        let request = client.request(ask.method.clone(), &path);
        if ask.body.is_null() { request } else { request.header("content-type", ask.media_type()).body(body) }
    }

    async fn step(&mut self, ask: &Ask) {
        let actor = self.known[ask.actor % self.known.len()].clone();
        let (before, revision) = (State::read(&self.admin).await, self.server.revision());
        let Some(answer) = self.ask(&actor, ask).await else { return };
        assert!(answer.status < 500, "{ask:?}: {}", answer.text);
        let now = self.micros();
        let held = before.held(&actor, now);
        if ask.dry_run {
            assert_eq!(self.server.revision(), revision, "a dry run changed something: {ask:?}");
            within_sight(&answer, held.contains_key("access:read"), ask);
        } else if answer.status < 300 {
            let after = State::read(&self.admin).await;
            before.check_step(&after, &held, now).unwrap_or_else(|why| panic!("{actor} did {ask:?}, and {why}"));
            self.learn(ask, &answer);
        } else {
            assert_eq!(self.server.revision(), revision, "refused, and yet done: {ask:?}");
        }
    }

    /// A password that was set, or a secret that was made, is known from then on.
    fn learn(&mut self, ask: &Ask, answer: &Answer) {
        if let (Some(id), Some(secret)) = (&ask.client, answer.body["client_secret"].as_str()) {
            self.secrets.insert(self.named(id), secret.to_owned());
        }
        if let Some(user) = ask.account.as_deref().map(|user| self.named(user))
            && !self.known.contains(&user)
        {
            self.known.push(user);
        }
    }

    /// Nobody has come to hold what none of them held, nor for longer; nor has a token.
    async fn check_end(&mut self, start: &State, held: &Held) {
        let now = self.micros();
        let end = State::read(&self.admin).await;
        start.check_gains(&end, held, now).unwrap_or_else(|why| panic!("in the end {why}"));
        for user in self.known.clone() {
            self.tokens.remove(&user);
            if let Some(client) = self.sign_in(&user).await {
                check_token(client.token.as_deref().unwrap(), held);
            }
        }
        for (client, secret) in &self.secrets {
            let nobody = self.server.anonymous();
            let form = [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", secret)];
            let answer = nobody.form("/oauth/token", &form).await;
            if answer.status == 200 {
                check_token(answer.token(), held);
            }
        }
        for name in ["rich~", "late~", "svcrich~"] {
            let name = self.named(name);
            assert_eq!(start.users.get(&name), end.users.get(&name), "{name} holds more than they, and was changed");
        }
        let (path, tag) = (self.named("/v1/clients/svcrich~"), self.rich_client.as_str());
        assert_eq!(self.admin.etag(&path).await, tag, "a client that holds more than they was changed");
        for client in self.admin.all("/v1/clients").await {
            assert_eq!(client["first_party"], false, "only who may escalate makes one of our own: {client}");
        }
        let rich = self.admin.get(&format!("/v1/sessions/{}", self.sessions[1])).await;
        assert_eq!(rich.status, 200, "the session of someone who holds more ended");
    }
}

/// Who breaks rule 1 learns nothing else, and names are for who may look at access.
fn within_sight(answer: &Answer, sees: bool, ask: &Ask) {
    let body = if answer.body.get("effect").is_some() { &answer.body["effect"] } else { &answer.body };
    if answer.status != 200 || body.get("broken_rules").is_none() {
        return;
    }
    assert_eq!(body.get("users").is_some(), sees, "{ask:?}: {}", answer.text);
    if body["broken_rules"][0]["code"] == "would_exceed_own_permissions" {
        let told = [&body["users_affected"], &body["sessions_affected"], &json!(body["broken_rules"][1])];
        assert_eq!(told, [&json!(0), &json!(0), &Value::Null], "{ask:?}: {}", answer.text);
        assert!(body.get("users").is_none_or(|users| *users == json!([])), "{ask:?}: {}", answer.text);
    }
}

fn check_token(token: &str, held: &Held) {
    let claims = claims(token);
    let exp = claims["exp"].as_i64().unwrap() * 1_000_000;
    for permission in claims["permissions"].as_array().unwrap() {
        let until = held.get(permission.as_str().unwrap());
        assert!(until.is_some_and(|until| *until >= exp), "{claims} has {permission}, held until {until:?}");
    }
}

async fn run(server: &Server, clock: &AtomicI64, number: u32, asks: Vec<Ask>) {
    clock.fetch_add(3600 * 1_000_000, Ordering::SeqCst);
    server.app.state.gate.hear();
    let (admin, number) = (server.admin().await, format!("-{number}"));
    let (tokens, known, secrets) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
    let (sessions, rich_client) = (Vec::new(), String::new());
    let mut run = Run { server, clock, number, admin, known, secrets, tokens, sessions, rich_client };
    run.begin().await;
    let start = State::read(&run.admin).await;
    let mut held = Held::new();
    for member in &run.known {
        for (permission, until) in start.held(member, run.micros()) {
            let longest = held.entry(permission).or_insert(until);
            *longest = until.max(*longest);
        }
    }
    for ask in &asks {
        if ask.waits > 0 {
            clock.fetch_add(ask.waits * 60 * 1_000_000, Ordering::SeqCst);
            server.app.state.gate.hear();
            run.admin = server.admin().await;
        }
        Box::pin(run.step(ask)).await;
    }
    run.check_end(&start, &held).await;
    let gone: BTreeSet<_> = State::read(&run.admin).await.users.into_keys().filter(|user| user != "admin").collect();
    for user in gone {
        let path = if user.starts_with("svc") || user.starts_with("app") { "clients" } else { "users" };
        run.admin.delete(&format!("/v1/{path}/{user}")).await;
    }
}

#[test]
fn several_together_never_exceed_the_union_of_what_they_held() {
    let cases = std::env::var("SEQUENCES").map_or(20, |sequences| sequences.parse().unwrap());
    let config =
        ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 300, ..ProptestConfig::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clock = Arc::new(AtomicI64::new(1_900_000_000_000_000));
    let server = runtime.block_on(Server::with_clock(&clock));
    let number = AtomicU32::new(0);
    let result = TestRunner::new(config).run(&prop::collection::vec(requests::ask(), 1..40), |asks| {
        runtime.block_on(run(&server, &clock, number.fetch_add(1, Ordering::Relaxed), asks));
        Ok(())
    });
    result.unwrap();
}
