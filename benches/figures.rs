//! The figures we promise, each as a ratio or a number of one run: `cargo bench --bench figures`
//!
//! Requests go to the endpoint itself, not through a socket, so that the guard's share isn't hidden by the client's work.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a bench that can't go on should say where")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use poem::{Endpoint, EndpointExt, Request, Response, Route};
use poem_openapi::{OpenApi, OpenApiService, payload::Json};
use rolecall::{
    api::State,
    app::App,
    config::Config,
    node,
    store::{UserId, UserRef},
    tokens::PasswordGrant,
};
use rolecall_guard::{Clock, Problem, Public, SignedIn};
use tokio::task::JoinSet;
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery";
const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    start_and_size();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let directory = directory.path().display().to_string();
        let settings = [("ROLECALL_DATA_DIR", directory.as_str()), ("ROLECALL_ADMIN_PASSWORD", PASSWORD)];
        let config = Config::of(settings).unwrap();
        let prepared = node::open(&config, Clock::System).await.unwrap();
        prepared.first_admin(&config).await.unwrap();
        let app = prepared.app(&config, "https://id.example");
        let (store, gate) = (app.state.store.clone(), app.gate.clone());
        tokio::spawn(async move { store.follow(&gate).await });
        guard(&app).await;
        sign_ins(&app).await;
    });
}

/// Cold start to the first 200 on an empty directory, memory at rest, the binary's size.
fn start_and_size() {
    let binary = env!("CARGO_BIN_EXE_rolecall");
    let mut starts = Vec::new();
    let mut resident = 0;
    for _ in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let mut server = Command::new(binary)
            .env_clear()
            .env("ROLECALL_LISTEN", "127.0.0.1:0")
            .current_dir(directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let address = address(&mut server);
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        starts.push(began.elapsed());
        assert!(line.contains("200"), "{line}");
        // The memory of the one hash so far is given back by then.
        thread::sleep(Duration::from_secs(6));
        let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        resident = line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }
    starts.sort();
    println!("cold start to first 200   {:?} (median of 5; aim <= 300 ms)", starts[2]);
    println!("resident at rest          {:.1} MB (aim <= 40 MB)", to_f64(resident) / 1000.0);
    println!("binary                    {:.1} MB (aim <= 30 MB)", to_f64(fs::metadata(binary).unwrap().len()) / 1e6);
}

fn address(server: &mut Child) -> String {
    let mut out = BufReader::new(server.stdout.take().unwrap()).lines();
    let ready = out.by_ref().map(Result::unwrap).find(|line| line.contains("ready at http://")).unwrap();
    thread::spawn(move || out.for_each(drop));
    ready.split("http://").nth(1).unwrap().to_owned()
}

/// The same two handlers, guarded and not.
struct Handlers {
    state: State,
    user: Uuid,
}

#[OpenApi]
impl Handlers {
    async fn me(&self, user: Uuid) -> Result<Json<String>, Problem> {
        Ok(Json(self.state.store.user(&UserRef::Id(UserId(user))).await?.username))
    }

    #[oai(path = "/guarded/me", method = "get")]
    async fn guarded_me(&self, caller: SignedIn) -> Result<Json<String>, Problem> {
        self.me(caller.claims.sub).await
    }

    #[oai(path = "/unguarded/me", method = "get")]
    async fn unguarded_me(&self, _caller: Public) -> Result<Json<String>, Problem> {
        self.me(self.user).await
    }

    #[oai(path = "/guarded/nothing", method = "get")]
    async fn guarded_nothing(&self, _caller: SignedIn) -> Json<bool> {
        Json(true)
    }

    #[oai(path = "/unguarded/nothing", method = "get")]
    async fn unguarded_nothing(&self, _caller: Public) -> Json<bool> {
        Json(true)
    }
}

async fn guard(app: &App) {
    let user = app.state.store.user(&UserRef::Name("admin".parse().unwrap())).await.unwrap().id.0;
    let token = app.state.tokens.sign_in(admin()).await.unwrap().access_token;
    let service = OpenApiService::new(Handlers { state: app.state.clone(), user }, "bench", "1");
    let endpoint = Route::new().nest("/", service).data(app.gate.clone()).map_to_response();
    let endpoint: Arc<dyn poem::endpoint::DynEndpoint<Output = Response>> =
        Arc::new(poem::endpoint::ToDynEndpoint(endpoint));
    let authorization = format!("Bearer {token}");
    for (name, path) in [("GET /v1/me, one row read", "me"), ("a handler that does nothing", "nothing")] {
        let (mut guarded, mut unguarded) = (0.0, 0.0);
        for _ in 0..ROUNDS {
            guarded += requests(&endpoint, &format!("/guarded/{path}"), &authorization).await;
            unguarded += requests(&endpoint, &format!("/unguarded/{path}"), &authorization).await;
        }
        let (guarded, unguarded) = (guarded / to_f64(ROUNDS as u64), unguarded / to_f64(ROUNDS as u64));
        println!("{name}: guarded {guarded:.0}/s, unguarded {unguarded:.0}/s, ratio {:.3}", guarded / unguarded);
    }
}

async fn requests(
    endpoint: &Arc<dyn poem::endpoint::DynEndpoint<Output = Response>>,
    path: &str,
    authorization: &str,
) -> f64 {
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for _ in 0..cores() {
        let (endpoint, path, authorization) = (Arc::clone(endpoint), path.to_owned(), authorization.to_owned());
        tasks.spawn(async move {
            let mut count = 0_u64;
            while began.elapsed() < ROUND {
                let request = Request::builder().uri_str(&path).header("authorization", &authorization).finish();
                assert_eq!(endpoint.get_response(request).await.status(), 200);
                count += 1;
                if count.is_multiple_of(64) {
                    // Let the node read its ledger along, or it would trust nobody.
                    tokio::task::yield_now().await;
                }
            }
            count
        });
    }
    to_f64(tasks.join_all().await.into_iter().sum()) / began.elapsed().as_secs_f64()
}

fn admin() -> PasswordGrant {
    PasswordGrant {
        username: "admin".into(),
        password: PASSWORD.into(),
        client_id: "bench".into(),
        scopes: None,
        roles: None,
    }
}

/// Sign-ins against bare hashes of the same cost, in turns.
async fn sign_ins(app: &App) {
    let (mut signed_in, mut hashed) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        let app = app.clone();
        signed_in += in_parallel(move || {
            let app = app.clone();
            async move { drop(app.state.tokens.sign_in(admin()).await.unwrap()) }
        })
        .await;
        hashed += bare();
    }
    let (signed_in, hashed) = (signed_in / to_f64(ROUNDS as u64), hashed / to_f64(ROUNDS as u64));
    println!(
        "sign-ins {signed_in:.1}/s, bare argon2id over the cores {hashed:.1}/s, ratio {:.3} (aim >= 0.90)",
        signed_in / hashed
    );
}

async fn in_parallel<F: Future<Output = ()> + Send>(work: impl Fn() -> F + Clone + Send + 'static) -> f64 {
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for _ in 0..cores() * 4 {
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

/// The argon2 crate alone, a thread a core, each with its memory at hand.
fn bare() -> f64 {
    use argon2::{Algorithm, Argon2, Block, Params, Version};
    let began = Instant::now();
    let threads: Vec<_> = (0..cores())
        .map(|_| {
            thread::spawn(move || {
                let params = Params::new(19_456, 2, 1, Some(32)).unwrap();
                let mut memory = vec![Block::default(); params.block_count()];
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                let (mut out, mut count) = ([0; 32], 0_u64);
                while began.elapsed() < ROUND {
                    argon2
                        .hash_password_into_with_memory(PASSWORD.as_bytes(), b"saltsaltsaltsalt", &mut out, &mut memory)
                        .unwrap();
                    count += 1;
                }
                count
            })
        })
        .collect();
    let count = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    to_f64(count) / began.elapsed().as_secs_f64()
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
fn to_f64(count: u64) -> f64 {
    count as f64
}
