//! A million users against a thousand, and a deep hierarchy, on PostgreSQL and over HTTP.

mod deep;
mod site;

use std::{rc::Rc, time::Duration};

use serde_json::json;
use tokio::task::{LocalSet, spawn_local};

use self::site::{Databases, Site, timed};

const FEW: usize = 1_000;
const MANY: usize = 1_000_000;
/// Each of two in turns; the first ones aren't counted.
const ROUNDS: usize = 120;
const UNCOUNTED: usize = 20;
/// Where to ask a site, and where in which round.
type PathAt = fn(&Site) -> String;
type PathInRound = fn(&Site, usize) -> String;

const FUNCTIONS: &str = include_str!("functions.sql");

/// Needs a PostgreSQL server on which it may make databases, as a superuser.
pub(super) async fn scale() {
    let Ok(server) = std::env::var("TEST_DATABASE_URL") else {
        println!("scale: needs a PostgreSQL server, named by TEST_DATABASE_URL");
        return;
    };
    let databases = Rc::new(Databases::on(server));
    let measuring = Rc::clone(&databases);
    let measure = async move {
        deep::deep(&measuring).await;
        users(&measuring).await;
    };
    // In a task of its own, so that the databases go also when it fails.
    let measured = LocalSet::new().run_until(async { spawn_local(measure).await }).await;
    databases.remove().await;
    measured.unwrap();
}

async fn users(databases: &Databases) {
    let mut sites = Vec::new();
    for people in [FEW, MANY] {
        println!("{people} users, {} assignments:", people * 5);
        let url = databases.create(&format!("of_{people}")).await;
        sites.push(Site::open(&url, people, &[FUNCTIONS, include_str!("seed.sql")]).await);
    }
    reads(&sites).await;
    lists(&sites).await;
    writes(&sites).await;
    all_users_of_their_roles(&sites).await;
    println!("  memory at most: {:.1} MB, {:.1} MB", sites[0].peak(), sites[1].peak());
}

/// The same on both in turns: the medians, and how they compare.
async fn compare(sites: &[Site], what: &str, work: impl AsyncFn(&Site, usize)) {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for (site, times) in sites.iter().zip(&mut times) {
            let took = timed(work(site, round)).await;
            if round >= UNCOUNTED {
                times.push(took);
            }
        }
    }
    let [few, many] = times.map(median);
    println!("  {what}: {:.2} ms, {:.2} ms, ratio {:.2} (aim <= 1.2)", ms(few), ms(many), ms(many) / ms(few));
}

/// What must look at many, a few times on each.
async fn show(sites: &[Site], what: &str, rounds: usize, work: impl AsyncFn(&Site, usize)) {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        for (site, times) in sites.iter().zip(&mut times) {
            times.push(timed(work(site, round)).await);
        }
    }
    let [few, many] = times.map(median);
    println!("  {what}: {:.2} ms, {:.1} ms", ms(few), ms(many));
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

async fn reads(sites: &[Site]) {
    compare(sites, "sign-in", async |site, _| drop(site.sign_in(&site.someone()).await)).await;
    compare(sites, "refresh", async |site, _| site.refresh().await).await;
    compare(sites, "check by username", async |site, round| {
        site.check(&site.someone(), &format!("thing-{}", round % 4)).await;
    })
    .await;
    let gets: [(&str, PathAt); 7] = [
        ("guarded GET", |_| "/v1/me".into()),
        ("a user", |site| format!("/v1/users/{}", site.someone())),
        ("a user's roles", |site| format!("/v1/users/{}/roles", site.someone())),
        ("a user's permissions", |site| format!("/v1/users/{}/permissions", site.someone())),
        ("why a user may", |site| format!("/v1/users/{}/permissions/thing-0:use", site.someone())),
        ("why a user may not", |site| format!("/v1/users/{}/permissions/thing-1001:use", site.someone())),
        ("a user's sessions", |_| format!("/v1/users/{}/sessions", Site::person(0))),
    ];
    for (what, path) in gets {
        compare(sites, what, async |site, _| drop(site.get(&path(site)).await)).await;
    }
}

async fn lists(sites: &[Site]) {
    for (what, path) in [
        ("who can, everyone", "/v1/permissions/thing-0:use/users"),
        ("who can, a third", "/v1/permissions/thing-1:use/users"),
        ("who can, twenty", "/v1/permissions/thing-1000:use/users"),
        ("who can, nobody", "/v1/permissions/thing-1001:use/users"),
        ("a role's users, everyone", "/v1/roles/role-0/users"),
        ("… inherited, too", "/v1/roles/role-0/users?inherited=true"),
        ("a role's users, twenty", "/v1/roles/role-1000/users"),
        ("users", "/v1/users"),
        ("users, a name in ten", "/v1/users?q=alice"),
        ("users, ten names", "/v1/users?q=alice.00000"),
        ("disabled users", "/v1/users?status=disabled"),
        ("disabled users, a name in ten", "/v1/users?status=disabled&q=heidi"),
        ("ending assignments", "/v1/assignments"),
        ("the ledger", "/v1/ledger"),
    ] {
        compare(sites, what, async |site, _| drop(site.get(path).await)).await;
    }
    for (what, path) in [
        ("who can, everyone, a later page", "/v1/permissions/thing-0:use/users"),
        ("a role's users, everyone, a later page", "/v1/roles/role-0/users"),
        ("users, a later page", "/v1/users"),
    ] {
        let later = [sites[0].cursor(path).await, sites[1].cursor(path).await];
        compare(sites, what, async |site, _| {
            let cursor = &later[usize::from(site.people == MANY)];
            site.get(&format!("{path}?limit=50{cursor}")).await;
        })
        .await;
    }
}

async fn writes(sites: &[Site]) {
    let toggles: [(&str, PathInRound); 4] = [
        ("grant to everyone's role, revoke", |_, _| "/v1/roles/role-0/permissions/thing-1001:use".into()),
        ("assign a role, deassign", |_, round| {
            format!("/v1/users/{}/roles/role-1001", Site::person(round / 2 * 8 + 8))
        }),
        ("make an administrator, unmake", |_, round| format!("/v1/users/{}/roles/admin", Site::person(round / 2 * 8))),
        ("let a rare role inherit, end it", |_, _| "/v1/roles/role-1000/juniors/role-1001".into()),
    ];
    for (what, path) in toggles {
        compare(sites, what, async |site, round| site.toggle(round, &path(site, round)).await).await;
    }
    compare(sites, "describe everyone's role", async |site, round| {
        site.patch("/v1/roles/role-0", json!({ "description": format!("number {round}") })).await;
    })
    .await;
    compare(sites, "create a user with a role, delete", async |site, round| {
        let body = json!({ "username": "newcomer", "email": "newcomer@example.org", "roles": ["role-0"] });
        site.make(round, "/v1/users", "newcomer", body).await;
    })
    .await;
    compare(sites, "disable a user, enable", async |site, round| {
        let status = if round.is_multiple_of(2) { "disabled" } else { "active" };
        site.patch(&format!("/v1/users/{}", Site::person(8)), json!({ "status": status })).await;
    })
    .await;
    compare(sites, "create a role, delete", async |site, round| {
        site.make(round, "/v1/roles", "fresh", json!({ "name": "fresh", "permissions": ["thing-0:use"] })).await;
    })
    .await;
    compare(sites, "dry run of an assignment", async |site, _| {
        site.ask(reqwest::Method::PUT, &format!("/v1/users/{}/roles/role-1001?dry_run=true", site.someone()), None)
            .await;
    })
    .await;
}

/// What must look at all users of the roles it concerns.
async fn all_users_of_their_roles(sites: &[Site]) {
    println!("what must look at all users of its roles:");
    let set = |kind: &str, roles: &[&str]| json!({ "name": "apart", "kind": kind, "cardinality": 2, "roles": roles });
    for (what, body) in [
        ("a static set of two rare roles, made and deleted", set("static", &["role-100", "role-200"])),
        ("… of two roles of a third each", set("static", &["role-1", "role-2"])),
        ("… of everyone's role and one that nobody has", set("static", &["role-0", "role-1001"])),
        ("a dynamic set of two roles of a third each", set("dynamic", &["role-1", "role-2"])),
    ] {
        let make = async |site: &Site, round: usize| {
            site.make(round, "/v1/separation-sets", "apart", body.clone()).await;
        };
        show(sites, what, 2, make).await;
    }
    for site in sites {
        site.make(0, "/v1/separation-sets", "apart", set("static", &["role-1001", "role-1002"])).await;
    }
    show(sites, "everyone's role inherits one that is kept apart, and no more", 2, async |site, round| {
        site.toggle(round, "/v1/roles/role-0/juniors/role-1001").await;
    })
    .await;
    let dry_run = "/v1/roles/role-0/permissions/thing-1001:use?dry_run=true";
    show(sites, "dry run of a grant to everyone's role", 3, async |site, _| {
        site.ask(reqwest::Method::PUT, dry_run, None).await;
    })
    .await;
    for (what, role) in [("a tenth", "role-4"), ("a third", "role-1"), ("everyone", "role-0")] {
        show(sites, &format!("delete the role of {what}"), 1, async |site, _| {
            site.ask(reqwest::Method::DELETE, &format!("/v1/roles/{role}"), None).await;
        })
        .await;
    }
}
