//! What the guard costs by itself, without a request around it:
//!
//!     cargo bench --workspace --bench guard                  times and memory
//!     cargo bench --workspace --bench guard -- hit 200 1000  a thousand checks and nothing else, for a profiler
//!
//! `hit`, `miss` and `revoked` are such checks; the number after it is how many permissions the token carries.
//! `instructions.sh` counts their instructions.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a bench that can't go on should say where")]

use std::{
    env, fs,
    hint::black_box,
    iter,
    process::Command,
    sync::{Arc, atomic::AtomicI64},
    time::Instant,
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use poem::{Request, http::header};
use rolecall_guard::{Claims, Clock, Gate, Key, Limits, Revocations, Subject, Verifier};
use uuid::Uuid;

const ISSUER: &str = "https://id.example";
const NOW: i64 = 1_800_000_000;
const NEEDED: &str = "resource-00:create";
/// So many misses at most are checked in one run, each a token of its own at a gate of its own.
const MISSES: usize = 100;
const ROUNDS: usize = 50;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => times_and_memory(),
        ["memory", what] => println!("{}", memory(what)),
        [check, permissions, times] => only(check, permissions.parse().unwrap(), times.parse().unwrap()),
        _ => panic!("no such measure: {arguments:?}"),
    }
}

type Sign = dyn Fn(&[u8]) -> Vec<u8>;

/// A key as it is published, and what signs with it.
struct Signer {
    key: Key,
    sign: Box<Sign>,
}

impl Signer {
    fn new(algorithm: Algorithm, key: DecodingKey, sign: impl Fn(&[u8]) -> Vec<u8> + 'static) -> Self {
        Self { key: Key { kid: "k".into(), algorithm, key }, sign: Box::new(sign) }
    }

    fn es256() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let key = DecodingKey::from_ec_components(&encode(x), &encode(y)).unwrap();
        Self::new(Algorithm::ES256, key, move |message| {
            pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
        })
    }

    fn eddsa() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let key = DecodingKey::from_ed_der(pair.public_key().as_ref());
        Self::new(Algorithm::EdDSA, key, move |message| pair.sign(message).as_ref().to_vec())
    }

    fn rs256() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        Self::new(Algorithm::RS256, DecodingKey::from_rsa_raw_components(&n, &e), move |message| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
            signature
        })
    }

    /// The token of the user with this number.
    fn token(&self, user: u128, permissions: usize, now: i64) -> String {
        let header = format!(r#"{{"typ":"at+jwt","alg":"{:?}","kid":"k"}}"#, self.key.algorithm);
        let claims = serde_json::to_string(&claims(user, permissions, now)).unwrap();
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = encode((self.sign)(message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// A gate that has seen nothing.
    fn gate(&self, clock: Clock, revocations: Arc<Revocations>) -> Gate {
        let verifier = Arc::new(Verifier::new(ISSUER, ISSUER, [self.key.clone()]));
        Gate::new(verifier, revocations, clock, Limits { staleness: 3600, token_age: 3600 }, |_, _| false)
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Four actions on each resource.
fn claims(user: u128, permissions: usize, now: i64) -> Claims {
    let actions = ["create", "delete", "read", "update"];
    let permission = |n: usize| format!("resource-{:02}:{}", n / 4, actions[n % 4]);
    Claims {
        iss: ISSUER.into(),
        aud: ISSUER.into(),
        sub: Uuid::from_u128(user),
        client_id: "rolecall".into(),
        iat: now,
        nbf: None,
        exp: now + 900,
        jti: Uuid::from_u128(user << 64),
        sid: Some(Uuid::from_u128(user << 32)),
        scope: None,
        roles: ["editor".to_owned(), "reviewer".to_owned()].into(),
        permissions: (0..permissions).map(permission).collect(),
        rev: 7,
        kid: String::new(),
    }
}

fn bearer(token: &str) -> Request {
    Request::builder().header(header::AUTHORIZATION, format!("Bearer {token}")).finish()
}

fn allows(gate: &Gate, request: &Request) -> bool {
    gate.sign_in(request.headers()).is_ok_and(|claims| gate.carries(&claims, NEEDED).is_ok())
}

/// So many checks, of one token that was or wasn't seen before, or of one whose user has lost something.
fn only(check: &str, permissions: usize, times: usize) {
    let signer = Signer::es256();
    let revocations = Arc::new(Revocations::new(3600));
    if check == "revoked" {
        revocations.mark(&[Subject::User(Uuid::from_u128(1))], 8, NOW);
    }
    let stage = || {
        let clock = Clock::Manual(Arc::new(AtomicI64::new(NOW * 1_000_000)));
        (signer.gate(clock, Arc::clone(&revocations)), bearer(&signer.token(1, permissions, NOW)))
    };
    if check == "miss" {
        // As many whatever the number of checks, so that they fall out of the difference of two.
        let stages: Vec<_> = iter::repeat_with(stage).take(MISSES).collect();
        assert!(times <= MISSES, "at most {MISSES} misses");
        for (gate, request) in &stages[..times] {
            assert!(black_box(allows(gate, black_box(request))));
        }
    } else {
        let (gate, request) = stage();
        for _ in 0..times {
            assert_eq!(black_box(allows(&gate, black_box(&request))), check == "hit");
        }
    }
}

fn times_and_memory() {
    let now = Clock::System.seconds();
    let revocations = || Arc::new(Revocations::new(3600));
    for permissions in [16, 200] {
        let signer = Signer::es256();
        let gate = signer.gate(Clock::System, revocations());
        let token = signer.token(1, permissions, now);
        let request = bearer(&token);
        let hit = nanoseconds(1_000, |_| assert!(allows(&gate, &request)));
        println!("{permissions} permissions, a token of {} bytes", token.len());
        println!("  seen before       {hit:>8.0} ns");
        for signer in [signer, Signer::eddsa(), Signer::rs256()] {
            let gate = signer.gate(Clock::System, revocations());
            let requests: Vec<_> = (0..2_000).map(|user| bearer(&signer.token(user, permissions, now))).collect();
            let miss = nanoseconds(requests.len() / ROUNDS, |n| {
                assert!(allows(&gate, &requests[n]));
            });
            println!("  not seen, {:?}   {miss:>8.0} ns, {:.0} times as long", signer.key.algorithm, miss / hit);
        }
    }
    for (what, meaning) in [
        ("tokens 16", "verified tokens with 16 permissions, all kept"),
        ("tokens 200", "verified tokens with 200 permissions, all kept"),
        ("cache 16", "tokens with 16 permissions verified, in the cache"),
        ("cache 200", "tokens with 200 permissions verified, in the cache"),
        ("users", "users who lost something"),
        ("sessions", "sessions ended"),
    ] {
        // Each in a process of its own, where nothing else has taken memory before.
        let output = Command::new(env::current_exe().unwrap()).args(["memory", what]).output().unwrap();
        println!("100,000 {meaning}: {}", String::from_utf8(output.stdout).unwrap().trim());
    }
}

/// The quickest of some short rounds, which whatever else the machine does disturbs least; `work` is told how often it
/// was done before.
fn nanoseconds(times: usize, mut work: impl FnMut(usize)) -> f64 {
    let rounds = (0..ROUNDS).map(|round| {
        let began = Instant::now();
        (round * times..(round + 1) * times).for_each(&mut work);
        began.elapsed()
    });
    rounds.min().unwrap().as_secs_f64() * 1e9 / to_f64(times)
}

/// How much more memory this process takes with a hundred thousand of something.
fn memory(what: &str) -> String {
    let ids = || (0..100_000).map(Uuid::from_u128);
    let revocations = Revocations::new(3600);
    let signer = Signer::eddsa();
    let verifier = Verifier::new(ISSUER, ISSUER, [signer.key.clone()]);
    let tokens = |permissions: &str| {
        let permissions = permissions.parse().unwrap();
        let (signer, verifier) = (&signer, &verifier);
        (0..100_000).map(move |user| verifier.verify(&signer.token(user, permissions, NOW), NOW).unwrap())
    };
    let mut kept = Vec::with_capacity(100_000);
    let before = resident();
    match what.split_once(' ') {
        Some(("tokens", permissions)) => kept.extend(tokens(permissions)),
        Some(("cache", permissions)) => tokens(permissions).for_each(drop),
        None if what == "users" => revocations.mark(&ids().map(Subject::User).collect::<Vec<_>>(), 8, NOW),
        None if what == "sessions" => revocations.end(ids().map(|id| (id, NOW))),
        _ => panic!("no such measure: {what}"),
    }
    let taken = to_f64(resident() - before) / 1e6;
    // What the cache holds too is held twice.
    let cached = kept.iter().filter(|claims| Arc::strong_count(claims) > 1).count();
    if kept.is_empty() { format!("{taken:.1} MB") } else { format!("{taken:.1} MB; {cached} of them in the cache") }
}

/// Bytes of this process in memory, from Linux.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
fn to_f64(count: usize) -> f64 {
    count as f64
}
