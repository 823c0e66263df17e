//! `kill -9` while many write.

use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::{task::JoinSet, time::sleep};

use super::{Session, how_many, report, some_millis};
use crate::{
    process::Program,
    support::{Answer, Client, Database, PASSWORD},
};

/// After a kill, a node is ready within this.
const READY: Duration = Duration::from_secs(5);
const WRITERS: usize = 6;

/// What a writer was told of a user it made; of what was still being asked at the kill, nothing is known.
struct Person {
    name: String,
    /// Whether the user is a clerk.
    clerk: Option<bool>,
    /// The newest tokens of a session that lives.
    live: Option<Session>,
    /// Access tokens that were refused.
    refused: Vec<String>,
    /// Of a session that was ended.
    ended: Option<Session>,
}

/// One who writes, until there is nobody to answer.
struct Writer {
    door: Client,
    admin: Client,
    people: Vec<Person>,
}

/// The answer, which is as expected; None where there is nobody any more.
async fn told(who: &Client, request: reqwest::RequestBuilder, status: u16) -> Option<Answer> {
    who.try_send(request).await.ok().map(|answer| answer.assert(status))
}

impl Writer {
    async fn work(mut self, name: String) -> Vec<Person> {
        let mut number = 0;
        while self.one_life(format!("{name}-{number}")).await.is_some() {
            number += 1;
        }
        self.people
    }

    async fn one_life(&mut self, name: String) -> Option<()> {
        let Self { door, admin, people } = self;
        told(admin, admin.making_user(&name), 201).await?;
        let clerk = format!("/v1/users/{name}/roles/clerk");
        let person = Person { name, clerk: Some(false), live: None, refused: Vec::new(), ended: None };
        people.push(person);
        let person = people.last_mut()?;
        person.clerk = None;
        told(admin, admin.request(Method::PUT, &clerk), 204).await?;
        person.clerk = Some(true);
        let first = Session::of(&told(door, door.signing_in(&person.name), 200).await?);
        let second = Session::of(&told(door, door.refreshing(&first.refresh), 200).await?);
        person.live = Some(second.clone());

        person.clerk = None;
        told(admin, admin.request(Method::DELETE, &clerk), 204).await?;
        person.clerk = Some(false);
        person.refused = vec![first.access, second.access];
        person.live = None;
        person.live = Some(Session::of(&told(door, door.refreshing(&second.refresh), 200).await?));

        let other = Session::of(&told(door, door.signing_in(&person.name), 200).await?);
        let end = door.request(Method::POST, "/oauth/revoke").form(&[("token", &other.refresh)]);
        told(door, end, 200).await?;
        person.ended = Some(other);
        Some(())
    }
}

/// All that was acknowledged is so.
async fn check(door: Client, admin: Client, person: Person) {
    let path = format!("/v1/users/{}", person.name);
    admin.get(&path).await.assert(200);
    if let Some(clerk) = person.clerk {
        let roles = admin.names(&format!("{path}/roles"), "role").await;
        assert_eq!(roles.contains(&"clerk".to_owned()), clerk, "{path}: {roles:?}");
    }
    if let Some(ended) = &person.ended {
        door.refresh(&ended.refresh).await.assert_oauth_error(400, "invalid_grant");
    }
    let ended = person.ended.iter().map(|session| &session.access);
    for token in person.refused.iter().chain(ended) {
        door.bearing(token).get("/v1/me").await.assert_invalid_token();
    }
    if let Some(live) = &person.live {
        let refreshed = door.refresh(&live.refresh).await.assert(200);
        door.bearing(refreshed.token()).get("/v1/me").await.assert(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_a_kill() {
    let database = Database::create().await;
    let program = Program::on(&database);
    let mut node = program.start().await;
    let mut admin = node.sign_in("admin", PASSWORD).await;
    admin.make_role("clerk").await;
    let (kills, began) = (how_many("KILLS", 5), Instant::now());
    let (mut made, mut slowest) = (0, Duration::ZERO);
    for kill in 0..kills {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let writing = Writer { door: node.anonymous(), admin: admin.clone(), people: Vec::new() };
            writers.spawn(writing.work(format!("user-{kill}-{writer}")));
        }
        sleep(some_millis(800)).await;
        drop(node);
        let people: Vec<Person> = writers.join_all().await.into_iter().flatten().collect();
        made += people.len();

        let started = Instant::now();
        node = program.start().await;
        node.anonymous().get("/readyz").await.assert(200);
        slowest = slowest.max(started.elapsed());
        assert!(started.elapsed() < READY, "ready after {:?}", started.elapsed());
        admin = node.sign_in("admin", PASSWORD).await;
        let door = node.anonymous();
        let mut checks = JoinSet::new();
        for person in people {
            checks.spawn(check(door.clone(), admin.clone(), person));
        }
        checks.join_all().await;
        program.run(&["ledger", "verify"]).await.assert(0);
    }
    // Who was made before an early kill is there after all the later ones; those whose making went unanswered may be.
    assert!(admin.all("/v1/users?q=user-").await.len() >= made);
    let took = began.elapsed().as_secs_f64();
    report(format!("{kills} kills: {took:.1} s, {made} users made, ready again after at most {slowest:?}"));
}
