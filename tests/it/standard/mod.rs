//! The whole standard: random sequences of its functions over HTTP, against a model written from its definitions alone.
//!
//! Many sequences go to one server, each with names of its own. `SEQUENCES` says how many, for each form of hierarchy.

mod model;
mod requests;
mod reviews;
mod run;

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU32, Ordering},
};

use proptest::{prelude::*, test_runner::TestRunner};
use run::Run;

use crate::support::Server;

/// So many functions are called in a sequence, few less; then everything is reviewed.
const FUNCTIONS: usize = 28;

fn sequences_with(hierarchy: &str) {
    let cases = std::env::var("SEQUENCES").map_or(40, |sequences| sequences.parse().unwrap());
    let config =
        ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 400, ..ProptestConfig::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clock = Arc::new(AtomicI64::new(1_900_000_000_000_000));
    let server = runtime.block_on(Server::with_clock_and(&clock, &[("ROLECALL_HIERARCHY", hierarchy)]));
    let number = AtomicU32::new(0);
    // Of some there is none, so that a failing sequence shrinks to those that it takes.
    let functions = prop::collection::vec(prop::option::weighted(0.9, model::function()), FUNCTIONS);
    let result = TestRunner::new(config).run(&functions, |functions| {
        let functions = functions.into_iter().flatten().collect();
        let number = number.fetch_add(1, Ordering::Relaxed);
        runtime.block_on(Run::whole(&server, &clock, hierarchy == "limited", number, functions));
        Ok(())
    });
    result.unwrap();
}

#[test]
fn every_function_is_accepted_refused_foretold_and_reviewed_as_the_standard_says() {
    sequences_with("general");
}

#[test]
fn in_a_limited_hierarchy_too() {
    sequences_with("limited");
}
