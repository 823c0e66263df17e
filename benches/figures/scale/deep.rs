use std::time::Duration;

use reqwest::Method;

use super::{
    FUNCTIONS,
    site::{Databases, Site, timed},
};

const ROUNDS: usize = 40;

/// Edits of 10,000 roles, 100 deep, with 100,000 grants, over HTTP. The ledger is locked for almost all of an edit.
pub(super) async fn deep(databases: &Databases) {
    println!("10,000 roles, 100 deep, 100,000 grants, over HTTP:");
    let url = databases.create("deep").await;
    let site = Site::open(&url, 1000, &[FUNCTIONS, include_str!("deep.sql")]).await;
    for (what, path) in [
        ("grant to a role at the bottom, revoke", "/v1/roles/role-9997/permissions/thing-10000:do"),
        ("grant to a role at the top, revoke", "/v1/roles/role-3/permissions/thing-10000:do"),
        ("an edge in the middle, made and deleted", "/v1/roles/role-5000/juniors/role-5142"),
        ("an edge between top and bottom, made and deleted", "/v1/roles/role-3/juniors/role-9950"),
    ] {
        report(what, async |round| site.toggle(round, path).await).await;
    }
    report("describe a role in the middle", async |round| {
        site.patch("/v1/roles/role-5000", serde_json::json!({ "description": format!("number {round}") })).await;
    })
    .await;
    report("a cycle refused", async |_| {
        let refused = site.answer(Method::PUT, "/v1/roles/role-9997/juniors/role-3", None).await;
        assert_eq!(refused.0, 409, "{}", refused.1);
    })
    .await;
    report("a check", async |_| site.check("admin", "thing-1").await).await;
    println!("  memory at most: {:.1} MB", site.peak());
}

async fn report(what: &str, work: impl AsyncFn(usize)) {
    let mut times: Vec<Duration> = Vec::new();
    for round in 0..ROUNDS {
        times.push(timed(work(round)).await);
    }
    times.sort();
    println!("  {what}: p50 {:.1?}, at most {:.1?}", times[ROUNDS / 2], times[ROUNDS - 1]);
}
