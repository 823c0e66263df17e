//! Databases that go away under load, and come back.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder, Url};
use sea_orm::{ConnectionTrait, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    PACE, Session, assert_come_back, how_many,
    proxy::{Line, Proxy},
    report, some_millis,
};
use crate::{
    process::{Program, Running},
    support::{Answer, Client, Database, PASSWORD, http},
};

/// Back to work within this after the database is, however busy the machine; how soon it was is reported.
const RECOVERY: Duration = Duration::from_secs(30);
/// A request is answered within this, whatever the database does: a node gives up after 10 s.
const ANSWERED: Duration = Duration::from_secs(30);

/// A node whose database fails on demand.
struct Node {
    door: Client,
    admin: Client,
    /// On PostgreSQL: what stands between.
    proxy: Option<Proxy>,
    running: Running,
    database: Database,
}

impl Node {
    async fn start(settings: &[(&str, &str)]) -> Self {
        Self::behind("prefer", settings).await
    }

    /// What stands between can read along where there is no `encryption`.
    async fn behind(encryption: &str, settings: &[(&str, &str)]) -> Self {
        let database = Database::create().await;
        let (mut program, mut proxy) = (Program::on(&database), None);
        if let Some((_, url)) = database.settings().iter().find(|(variable, _)| *variable == "DATABASE_URL") {
            let mut url = Url::parse(url).unwrap();
            let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
            let between = Proxy::to(server).await;
            url.set_host(Some("127.0.0.1")).unwrap();
            url.set_port(Some(between.port)).unwrap();
            url.query_pairs_mut().append_pair("sslmode", encryption);
            program = program.with("DATABASE_URL", url.as_str());
            proxy = Some(between);
        }
        let program = settings.iter().fold(program, |program, (variable, value)| program.with(variable, value));
        let running = program.start().await;
        let door = Client::new(&http(), &running.url, None);
        let admin = door.bearing(&door.sign_in("admin").await.access);
        admin.make_user("alice").await;
        Self { door, admin, proxy, running, database }
    }

    /// What it has logged of errors.
    fn errors(&self) -> String {
        self.running.log().lines().filter(|line| line.contains("ERROR")).collect::<Vec<_>>().join("\n")
    }

    /// One of the ways in which a database can be away for a while.
    async fn outage(&self, number: usize) {
        let Some(proxy) = &self.proxy else { return self.locked(some_millis(1500)).await };
        proxy.set([Line::Flaky, Line::Cut, Line::Silent][number % 3]);
        sleep(Duration::from_millis(300) + some_millis(1200)).await;
        proxy.set(Line::Good);
    }

    /// On SQLite: someone else writes for so long.
    async fn locked(&self, long: Duration) {
        let writing = self.lock().await;
        sleep(long).await;
        writing.rollback().await.unwrap();
    }

    async fn lock(&self) -> DatabaseTransaction {
        let immediate = Some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: immediate, ..Default::default() };
        self.database.connection().await.begin_with_options(options).await.unwrap()
    }

    /// Waits until everything is possible again.
    async fn until_back(&self, since: Instant) -> Duration {
        let new = format!("after-{}", rolecall::random::text::<9>().to_lowercase());
        let requests: [(_, &(dyn Fn() -> RequestBuilder + Sync)); 3] = [
            (&self.admin, &|| self.admin.request(Method::GET, "/v1/users")),
            (&self.door, &|| self.door.signing_in("alice")),
            (&self.admin, &|| self.admin.making_user(&new)),
        ];
        for (who, request) in requests {
            loop {
                let answer = who.send(request()).await;
                // The user may have been made by a request whose answer was to come back.
                if answer.status < 300 || answer.status == 409 {
                    break;
                }
                assert_come_back(&answer);
                assert!(since.elapsed() < RECOVERY, "not back after {:?}: {}", since.elapsed(), answer.text);
            }
        }
        since.elapsed()
    }
}

/// People at work through outages, until this is dropped: they come back when they are told to.
struct Work {
    people: JoinSet<()>,
    tally: Arc<Tally>,
}

#[derive(Default)]
struct Tally {
    refreshed: AtomicUsize,
    told_to_come_back: AtomicUsize,
    made: Mutex<Vec<String>>,
}

impl Work {
    async fn at(node: &Node) -> Self {
        let (mut people, tally) = (JoinSet::new(), Arc::<Tally>::default());
        let names: Vec<String> = (0..6).map(|number| format!("person-{number}")).collect();
        for name in &names {
            node.admin.make_user(name).await;
        }
        for name in names {
            people.spawn(keep_refreshing(node.door.clone(), name, Arc::clone(&tally)));
        }
        for number in 0..2 {
            people.spawn(keep_writing(node.admin.clone(), format!("made-{number}"), Arc::clone(&tally)));
            people.spawn(keep_reading(node.admin.clone(), Arc::clone(&tally)));
            people.spawn(keep_leaving(node.door.clone(), node.admin.clone(), format!("left-{number}")));
        }
        Self { people, tally }
    }

    /// Ends it: nobody met anything worse than having to come back, and what was made is there.
    async fn end(mut self, node: &Node) -> String {
        self.people.abort_all();
        while let Some(ended) = self.people.join_next().await {
            assert!(!ended.is_err_and(|error| error.is_panic()), "see above, and: {}", node.errors());
        }
        let there = node.admin.names("/v1/users?q=made-", "username").await;
        let made = self.tally.made.lock().unwrap();
        assert!(made.iter().all(|name| there.contains(name)), "{made:?} {there:?}");
        let [refreshed, later] = [&self.tally.refreshed, &self.tally.told_to_come_back].map(|n| n.load(Relaxed));
        format!("{refreshed} refreshes and {} users made; told to come back {later} times", made.len())
    }
}

/// Sends it until it isn't told to come back.
async fn insist(who: &Client, tally: &Tally, request: impl Fn() -> RequestBuilder) -> Answer {
    loop {
        let began = Instant::now();
        let answer = who.send(request()).await;
        assert!(began.elapsed() < ANSWERED, "an answer after {:?}: {}", began.elapsed(), answer.text);
        sleep(PACE).await;
        if answer.status < 500 {
            return answer;
        }
        assert_come_back(&answer);
        tally.told_to_come_back.fetch_add(1, Relaxed);
    }
}

/// A session goes on: a 503 may be answered with the same token as before.
async fn keep_refreshing(door: Client, name: String, tally: Arc<Tally>) {
    let mut session = Session::of(&insist(&door, &tally, || door.signing_in(&name)).await.assert(200));
    loop {
        session = Session::of(&insist(&door, &tally, || door.refreshing(&session.refresh)).await.assert(200));
        tally.refreshed.fetch_add(1, Relaxed);
    }
}

async fn keep_writing(admin: Client, name: String, tally: Arc<Tally>) {
    for number in 0.. {
        let name = format!("{name}-{number}");
        let answer = insist(&admin, &tally, || admin.making_user(&name)).await;
        // It may have been made by a request whose answer was to come back.
        assert!(matches!(answer.status, 201 | 409), "{}", answer.text);
        tally.made.lock().unwrap().push(name);
    }
}

async fn keep_reading(admin: Client, tally: Arc<Tally>) {
    loop {
        insist(&admin, &tally, || admin.request(Method::GET, "/v1/users?limit=10")).await.assert(200);
    }
}

/// Someone who leaves before the answer, again and again.
async fn keep_leaving(door: Client, admin: Client, name: String) {
    for number in 0.. {
        let _ = timeout(some_millis(15), door.send(door.signing_in("alice"))).await;
        let _ = timeout(some_millis(15), admin.send(admin.making_user(&format!("{name}-{number}")))).await;
        sleep(PACE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_who_come_back_get_through_outages_and_lose_no_session() {
    let node = Node::start(&[]).await;
    let (work, outages, mut slowest) = (Work::at(&node).await, how_many("OUTAGES", 4), Duration::ZERO);
    for outage in 0..outages {
        sleep(some_millis(300)).await;
        node.outage(outage).await;
        slowest = slowest.max(node.until_back(Instant::now()).await);
    }
    report(format!("{outages} outages: {}; back after at most {slowest:?}", work.end(&node).await));
}

/// Not even its connections break; on PostgreSQL those never come back to life.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_holds_nobody_for_long() {
    let node = Node::start(&[]).await;
    let work = Work::at(&node).await;
    let long = Duration::from_secs(10);
    if let Some(proxy) = &node.proxy {
        proxy.set(Line::Silent);
        sleep(long).await;
        proxy.set(Line::OnlyNew);
    } else {
        node.locked(long).await;
    }
    let back = node.until_back(Instant::now()).await;
    report(format!("a database that hung for {long:?}: {}; back after {back:?}", work.end(&node).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_can_not_read_the_ledger_refuses_rather_than_trusts() {
    let node = Node::start(&[("ROLECALL_STALENESS_SECONDS", "1")]).await;
    // Where several nodes may serve, another one goes on.
    let other = if node.proxy.is_some() { Some(Program::on(&node.database).start().await) } else { None };
    let alice = node.door.bearing(&node.door.sign_in("alice").await.access);
    alice.get("/v1/me").await.assert(200);
    let db = node.database.connection().await;
    match &node.proxy {
        Some(proxy) => proxy.set(Line::Cut),
        None => drop(db.execute_unprepared("ALTER TABLE ledger RENAME TO away").await.unwrap()),
    }
    let since = Instant::now();
    if let Some(other) = &other {
        let admin = other.sign_in("admin", PASSWORD).await;
        admin.patch("/v1/users/alice", json!({ "status": "disabled" })).await.assert(200);
    }
    loop {
        let answer = alice.get("/v1/me").await;
        // The bound counts whole seconds, and what was under way when the line went may have been read after.
        assert!(since.elapsed() < Duration::from_secs(3), "{}", answer.text);
        if answer.body["code"] == "out_of_touch" {
            assert_come_back(&answer);
            break;
        }
    }
    let ready = node.door.get("/readyz").await.assert_problem(503, "out_of_touch");
    assert_come_back(&ready);

    match &node.proxy {
        Some(proxy) => proxy.set(Line::Good),
        None => drop(db.execute_unprepared("ALTER TABLE away RENAME TO ledger").await.unwrap()),
    }
    until_it_knows(&alice, other.is_some()).await;
}

/// Such as a machine that was put to sleep, and wakes.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_slept_reads_the_ledger_before_it_trusts() {
    let node = Node::start(&[("ROLECALL_STALENESS_SECONDS", "1")]).await;
    let other = if node.proxy.is_some() { Some(Program::on(&node.database).start().await) } else { None };
    let alice = node.door.bearing(&node.door.sign_in("alice").await.access);
    alice.get("/v1/me").await.assert(200);
    node.running.signal("STOP");
    if let Some(other) = &other {
        let admin = other.sign_in("admin", PASSWORD).await;
        admin.patch("/v1/users/alice", json!({ "status": "disabled" })).await.assert(200);
    }
    sleep(Duration::from_secs(3)).await;
    node.running.signal("CONT");
    until_it_knows(&alice, other.is_some()).await;
}

/// Asks until the node is in touch again: the first thing it knows is what happened meanwhile.
async fn until_it_knows(who: &Client, disabled: bool) {
    let since = Instant::now();
    loop {
        let answer = who.get("/v1/me").await;
        assert!(since.elapsed() < RECOVERY, "{}", answer.text);
        match answer.status {
            503 => assert_come_back(&answer),
            _ if disabled => return drop(answer.assert_invalid_token()),
            _ => return drop(answer.assert(200)),
        }
    }
}

/// What is written after it on the same connection would be undone.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_while_a_transaction_begins_leaves_none_open() {
    let node = Node::behind("disable", &[("ROLECALL_DATABASE_CONNECTIONS", "2")]).await;
    let mut session = node.door.sign_in("alice").await;
    let leave = async {
        let answer = timeout(Duration::from_millis(500), node.admin.send(node.admin.making_user("bob"))).await;
        assert!(answer.is_err(), "{answer:?}");
    };
    if let Some(proxy) = &node.proxy {
        proxy.set(Line::HoldsBegin);
        leave.await;
        // Until the node has seen that nobody waits any more.
        sleep(Duration::from_millis(300)).await;
        proxy.set(Line::Good);
    } else {
        let writing = node.lock().await;
        leave.await;
        writing.rollback().await.unwrap();
    }
    for number in 2..8 {
        session = Session::of(&node.door.refresh(&session.refresh).await.assert(200));
        let stored = node.database.rows("SELECT max(sequence) AS sequence FROM sessions").await;
        assert_eq!(stored[0].try_get::<i64>("", "sequence").unwrap(), number, "answered, but not committed");
    }
}
