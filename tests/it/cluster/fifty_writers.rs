//! Many writers at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder};
use tokio::task::JoinSet;

use super::{Session, assert_come_back, how_many, report};
use crate::{
    process::Program,
    support::{Answer, Client, Database, PASSWORD, http},
};

const WRITERS: usize = 50;

/// One of them, who comes back as often as told to.
struct Writer {
    door: Client,
    admin: Client,
    until: Instant,
    told_to_come_back: Arc<AtomicUsize>,
    answers: Arc<AtomicUsize>,
}

impl Writer {
    async fn send(&self, request: impl Fn() -> RequestBuilder, by: &Client) -> Answer {
        loop {
            let answer = by.send(request()).await;
            self.answers.fetch_add(1, Ordering::Relaxed);
            if matches!(answer.status, 200 | 201 | 204) {
                return answer;
            }
            assert_come_back(&answer);
            self.told_to_come_back.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn work(self, name: String) {
        let Self { door, admin, .. } = &self;
        let mut number = 0;
        while Instant::now() < self.until {
            let user = format!("{name}-{number}");
            let role = format!("/v1/users/{user}/roles/clerk");
            self.send(|| admin.making_user(&user), admin).await;
            self.send(|| admin.request(Method::PUT, &role), admin).await;
            let first = Session::of(&self.send(|| door.signing_in(&user), door).await);
            let second = Session::of(&self.send(|| door.refreshing(&first.refresh), door).await);
            self.send(|| admin.request(Method::DELETE, &role), admin).await;
            let end = || door.request(Method::POST, "/oauth/revoke").form(&[("token", &second.refresh)]);
            self.send(end, door).await;
            number += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_writers_at_once_get_through_or_are_told_to_come_back() {
    let database = Database::create().await;
    let program = Program::on(&database);
    let node = program.start().await;
    let admin = Client::new(&http(), &node.url, node.sign_in("admin", PASSWORD).await.token.as_deref());
    admin.make_role("clerk").await;
    let seconds = how_many("BUSY_SECONDS", 5);
    let until = Instant::now() + Duration::from_secs(seconds as u64);
    let (told_to_come_back, answers) = (Arc::default(), Arc::<AtomicUsize>::default());
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let (told_to_come_back, answers) = (Arc::clone(&told_to_come_back), Arc::clone(&answers));
        let door = Client { token: None, ..admin.clone() };
        let writer = Writer { door, admin: admin.clone(), until, told_to_come_back, answers };
        writers.spawn(writer.work(format!("user-{number}")));
    }
    writers.join_all().await;
    program.run(&["ledger", "verify"]).await.assert(0);
    let (answers, later) = (answers.load(Ordering::Relaxed), told_to_come_back.load(Ordering::Relaxed));
    report(format!("{WRITERS} writers for {seconds} s: {answers} answers, {later} of them to come back later"));
}
