//! Random files by random actors: they do what their plan says, and never more than their sender may.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use super::{export, send, steps};
use crate::support::{Client, PASSWORD, Server};

type Names = BTreeSet<String>;

const MANAGING: [&str; 5] =
    ["policy:read", "policy:update", "assignments:create", "assignments:delete", "assignments:read"];

fn managing() -> Names {
    MANAGING.iter().chain(&["p:0", "p:1"]).map(ToString::to_string).collect()
}

/// A file over four roles, four permissions, two users and a set.
fn file() -> impl Strategy<Value = Value> {
    let role = (0..4_u8, prop::collection::btree_set(0..4_u8, 0..3), prop::collection::btree_set(0..4_u8, 0..2));
    let roles = prop::collection::btree_map(role.clone().prop_map(|it| it.0), role, 0..5);
    let permissions = prop::option::of(prop::collection::btree_set(0..4_u8, 2..5));
    let set = prop::option::of(prop::collection::btree_set(0..4_u8, 2..4));
    let assignments = prop::option::of(prop::collection::btree_set((0..2_u8, 0..4_u8), 0..4));
    (permissions, roles, set, assignments).prop_map(|(permissions, roles, set, assignments)| {
        let mut file = json!({});
        if let Some(permissions) = permissions {
            let names = permissions.iter().chain(&[0, 1]).collect::<BTreeSet<_>>();
            file["permissions"] = names.iter().map(|it| json!({ "name": format!("p:{it}") })).collect();
        }
        let role = |(name, (_, grants, juniors)): (u8, (u8, BTreeSet<u8>, BTreeSet<u8>))| {
            let juniors = juniors.iter().filter(|junior| **junior != name);
            json!({
                "name": format!("r{name}"),
                "permissions": grants.iter().map(|it| format!("p:{it}")).collect::<Vec<_>>(),
                "juniors": juniors.map(|it| format!("r{it}")).collect::<Vec<_>>(),
            })
        };
        // Whoever sends it is in it, so that pruning leaves the senders alone.
        let managing = json!({ "name": "managing", "permissions": managing() });
        file["roles"] = roles.into_iter().map(role).chain([managing]).collect();
        if let Some(set) = set {
            let roles: Vec<_> = set.iter().map(|it| format!("r{it}")).collect();
            file["separation_sets"] = json!([{ "name": "s", "kind": "static", "cardinality": 2, "roles": roles }]);
        }
        if let Some(assignments) = assignments {
            let of = |(user, role): &(u8, u8)| json!({ "user": format!("u{user}"), "role": format!("r{role}") });
            let senders = [("admin", "admin"), ("manager", "managing")];
            let senders = senders.map(|(user, role)| json!({ "user": user, "role": role }));
            file["assignments"] = assignments.iter().map(of).chain(senders).collect();
        }
        file
    })
}

/// What each user may do, and what each role gives.
async fn given(admin: &Client) -> BTreeMap<String, Names> {
    let mut given = BTreeMap::new();
    let roles = admin.names("/v1/roles?q=r", "name").await.into_iter().map(|role| format!("roles/{role}"));
    for path in ["users/u0", "users/u1"].map(str::to_owned).into_iter().chain(roles) {
        let names = admin.names(&format!("/v1/{path}/permissions"), "permission").await;
        given.insert(path, names.into_iter().collect());
    }
    given
}

async fn run(files: Vec<(bool, bool, Value)>) {
    let server = Server::start().await;
    let admin = server.admin().await;
    for role in 0..4 {
        let name = format!("r{role}");
        server.role(&name, &[&format!("p:{role}")]).await;
    }
    for user in ["u0", "u1"] {
        server.user(user, &[]).await;
    }
    let held = managing();
    server.role("managing", &held.iter().map(String::as_str).collect::<Vec<_>>()).await;
    server.user("manager", &["managing"]).await;
    for (by_admin, prune, file) in files {
        let sender = if by_admin { admin.clone() } else { server.sign_in("manager", PASSWORD).await };
        let (before, revision) = (given(&admin).await, server.revision());
        let query = if prune { "?prune=true" } else { "" };
        let told = send(&sender, &format!("/v1/policy/plan{query}"), &file.to_string()).await;
        assert_eq!(server.revision(), revision, "a plan changed something");
        let done = send(&sender, &format!("/v1/policy/apply{query}"), &file.to_string()).await;
        if told.status != 200 {
            assert_eq!((told.status, &told.body["detail"]), (done.status, &done.body["detail"]), "{file}");
            continue;
        }
        let effect = &told.body["effect"];
        assert_eq!(effect["broken_rules"][0]["code"], done.body["code"], "{file}: {} {}", told.text, done.text);
        if done.status != 200 {
            assert_eq!((given(&admin).await, server.revision()), (before, revision), "refused and yet done: {file}");
            continue;
        }
        assert_eq!(steps(&told), steps(&done), "{file}");
        let after = given(&admin).await;
        if !by_admin {
            within_what_is_held(&held, &before, &after, &file);
        }
        let again = send(&admin, &format!("/v1/policy/plan{query}"), &file.to_string()).await.assert(200);
        assert_eq!(steps(&again), [], "applied, and yet more to do: {file}");
        let exported = export(&admin).await;
        let again = send(&admin, "/v1/policy/plan?prune=true", &exported).await.assert(200);
        assert_eq!(steps(&again), [], "{exported}");
    }
}

/// Rule 1: whatever changed gave no more than the sender holds, before and after.
fn within_what_is_held(held: &Names, before: &BTreeMap<String, Names>, after: &BTreeMap<String, Names>, file: &Value) {
    let nothing = Names::new();
    for path in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        let [was, is] = [before, after].map(|given| given.get(path).unwrap_or(&nothing));
        assert!((is - was).is_subset(held), "{path} gained {:?} by {file}", is - was);
        if path.starts_with("users/") && was != is {
            assert!((was - is).is_subset(held), "{path} lost {:?} by {file}", was - is);
        }
        if !after.contains_key(path) {
            assert!(was.is_subset(held), "{path} was deleted, which gave {was:?}, by {file}");
        }
    }
}

#[test]
fn a_file_does_what_its_plan_says_and_never_more_than_its_sender_holds() {
    let cases = std::env::var("PROPERTY_CASES").map_or(8, |cases| cases.parse().unwrap());
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let step = (prop::bool::ANY, prop::bool::weighted(0.3), file());
    let result = runner.run(&prop::collection::vec(step, 25), |files| {
        runtime.block_on(run(files));
        Ok(())
    });
    result.unwrap();
}
