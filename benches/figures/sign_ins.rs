use std::{thread, time::Instant};

use rolecall::{app::App, tokens::PasswordGrant};

use super::{PASSWORD, ROUND, cores, in_parallel, in_turns, nobody_in_particular, to_f64};

pub(super) fn admin() -> PasswordGrant {
    PasswordGrant { username: "admin".into(), password: PASSWORD.into(), scopes: None, roles: None }
}

/// Sign-ins against bare hashes of the same cost, in turns.
pub(super) async fn sign_ins(app: &App) {
    let sign_in = async || {
        let app = app.clone();
        let sign_in = move || {
            let app = app.clone();
            async move { drop(app.state.tokens.sign_in(&nobody_in_particular(&app).await, admin()).await.unwrap()) }
        };
        in_parallel(cores() * 4, sign_in).await
    };
    let (signed_in, hashed) = in_turns(sign_in, async || bare()).await;
    println!(
        "sign-ins {signed_in:.1}/s, bare argon2id over the cores {hashed:.1}/s, ratio {:.3} (aim >= 0.90)",
        signed_in / hashed
    );
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
