//! The whole standard: random sequences of its functions over HTTP, against a model written from its definitions alone.

mod model;

use std::collections::{BTreeMap, BTreeSet};

use model::{Function, Model, Set};
use proptest::{prelude::*, test_runner::TestRunner};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, PASSWORD, Server, claims};

const USERS: u8 = 3;
const ROLES: u8 = 5;
const PERMISSIONS: u8 = 3;
const SETS: u8 = 2;
const SESSIONS: usize = 4;

fn roles() -> impl Strategy<Value = Set> {
    prop::collection::btree_set(0..ROLES, 0..4)
}

fn function() -> impl Strategy<Value = Function> {
    let (user, role, permission, set, session) = (0..USERS, 0..ROLES, 0..PERMISSIONS, 0..SETS, 0..SESSIONS);
    let pair = || (0..ROLES, 0..ROLES);
    prop_oneof![
        2 => role.clone().prop_map(Function::AddRole),
        1 => role.clone().prop_map(Function::DeleteRole),
        6 => (user.clone(), role.clone()).prop_map(|(user, role)| Function::AssignUser(user, role)),
        3 => (user.clone(), role.clone()).prop_map(|(user, role)| Function::DeassignUser(user, role)),
        3 => (role.clone(), permission.clone()).prop_map(|(role, it)| Function::GrantPermission(role, it)),
        1 => (role.clone(), permission).prop_map(|(role, it)| Function::RevokePermission(role, it)),
        4 => pair().prop_map(|(senior, junior)| Function::AddInheritance(senior, junior)),
        2 => pair().prop_map(|(senior, junior)| Function::DeleteInheritance(senior, junior)),
        3 => (set.clone(), any::<bool>(), 1..4_usize, roles()).prop_map(|(name, dynamic, cardinality, roles)| {
            Function::CreateSet { name, dynamic, cardinality, roles }
        }),
        1 => set.clone().prop_map(Function::DeleteSet),
        1 => (set.clone(), role.clone()).prop_map(|(set, role)| Function::AddMember(set, role)),
        1 => (set.clone(), role.clone()).prop_map(|(set, role)| Function::DeleteMember(set, role)),
        1 => (set, 1..4_usize).prop_map(|(set, cardinality)| Function::SetCardinality(set, cardinality)),
        3 => (user, prop::option::of(prop::collection::btree_set(0..ROLES, 1..4))).prop_map(|(user, named)| Function::CreateSession(user, named)),
        1 => session.clone().prop_map(Function::DeleteSession),
        3 => (session.clone(), role.clone()).prop_map(|(session, role)| Function::AddActiveRole(session, role)),
        2 => (session, role).prop_map(|(session, role)| Function::DropActiveRole(session, role)),
    ]
}

#[test]
fn every_function_is_accepted_and_refused_as_the_standard_says_and_so_are_the_reviews() {
    let cases = std::env::var("PROPERTY_CASES").map_or(12, |cases| cases.parse().unwrap());
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let result = runner.run(&prop::collection::vec(function(), 80), |functions| {
        runtime.block_on(run(functions));
        Ok(())
    });
    result.unwrap();
}

/// A session, as its owner has it.
struct Open {
    id: String,
    refresh: String,
}

struct Run {
    server: Server,
    admin: Client,
    model: Model,
    open: BTreeMap<usize, Open>,
}

async fn run(functions: Vec<Function>) {
    let server = Server::start().await;
    let admin = server.admin().await;
    for permission in 0..PERMISSIONS {
        admin.post("/v1/permissions", json!({ "name": format!("p:{permission}") })).await.assert(201);
    }
    for user in 0..USERS {
        server.user(&format!("u{user}"), &[]).await;
    }
    let mut run = Run { server, admin, model: Model::default(), open: BTreeMap::new() };
    for (number, function) in functions.iter().enumerate() {
        run.step(function).await;
        if number % 20 == 19 {
            run.review().await;
        }
    }
}

fn names(prefix: char, numbers: &BTreeSet<u8>) -> Vec<String> {
    numbers.iter().map(|number| format!("{prefix}{number}")).collect()
}

fn permissions(numbers: &BTreeSet<u8>) -> Vec<String> {
    numbers.iter().map(|number| format!("p:{number}")).collect()
}

impl Run {
    async fn step(&mut self, function: &Function) {
        // A session's number is the least that is free; when all are taken none is opened.
        let Some(new) = (0..SESSIONS).find(|number| !self.open.contains_key(number)) else {
            if matches!(function, Function::CreateSession(..)) {
                return;
            }
            return Box::pin(self.compare(function, SESSIONS)).await;
        };
        Box::pin(self.compare(function, new)).await;
    }

    async fn compare(&mut self, function: &Function, new: usize) {
        let before = self.model.clone();
        let expected = self.model.call(function, USERS, new);
        let Some(answer) = self.send(function, new).await else { return };
        let status = answer.status;
        let code = answer.body["code"].as_str().or(answer.body["error"].as_str()).unwrap_or_default();
        match expected {
            Ok(()) => assert!(status < 300, "{function:?} on {before:?}: {}", answer.text),
            Err(refused) => assert_eq!((status, code), refused, "{function:?} on {before:?}: {}", answer.text),
        }
    }

    /// Nothing, where it is about a session that there is not.
    async fn send(&mut self, function: &Function, new: usize) -> Option<Answer> {
        let admin = &self.admin;
        let none = Value::Null;
        let (method, path, body) = match function {
            Function::AddRole(role) => (Method::POST, "/v1/roles".to_owned(), json!({ "name": format!("r{role}") })),
            Function::DeleteRole(role) => (Method::DELETE, format!("/v1/roles/r{role}"), none),
            Function::AssignUser(user, role) => (Method::PUT, format!("/v1/users/u{user}/roles/r{role}"), none),
            Function::DeassignUser(user, role) => (Method::DELETE, format!("/v1/users/u{user}/roles/r{role}"), none),
            Function::GrantPermission(role, it) => (Method::PUT, format!("/v1/roles/r{role}/permissions/p:{it}"), none),
            Function::RevokePermission(role, it) => {
                (Method::DELETE, format!("/v1/roles/r{role}/permissions/p:{it}"), none)
            }
            Function::AddInheritance(one, other) => (Method::PUT, format!("/v1/roles/r{one}/juniors/r{other}"), none),
            Function::DeleteInheritance(one, other) => {
                (Method::DELETE, format!("/v1/roles/r{one}/juniors/r{other}"), none)
            }
            Function::CreateSet { name, dynamic, cardinality, roles } => {
                let kind = if *dynamic { "dynamic" } else { "static" };
                let roles = names('r', roles);
                let set =
                    json!({ "name": format!("s{name}"), "kind": kind, "cardinality": cardinality, "roles": roles });
                (Method::POST, "/v1/separation-sets".to_owned(), set)
            }
            Function::DeleteSet(set) => (Method::DELETE, format!("/v1/separation-sets/s{set}"), none),
            Function::AddMember(set, role) => (Method::PUT, format!("/v1/separation-sets/s{set}/roles/r{role}"), none),
            Function::DeleteMember(set, role) => {
                (Method::DELETE, format!("/v1/separation-sets/s{set}/roles/r{role}"), none)
            }
            Function::SetCardinality(set, cardinality) => {
                (Method::PATCH, format!("/v1/separation-sets/s{set}"), json!({ "cardinality": cardinality }))
            }
            Function::CreateSession(user, named) => return Some(self.sign_in(*user, named.as_ref(), new).await),
            Function::DeleteSession(session) => {
                let open = self.open.remove(session)?;
                (Method::DELETE, format!("/v1/sessions/{}", open.id), none)
            }
            Function::AddActiveRole(session, role) => return self.activate(*session, *role).await,
            Function::DropActiveRole(session, role) => {
                (Method::DELETE, format!("/v1/sessions/{}/roles/r{role}", self.open.get(session)?.id), none)
            }
        };
        let request = admin.request(method, &path);
        Some(admin.send(if body.is_null() { request } else { request.json(&body) }).await)
    }

    async fn sign_in(&mut self, user: u8, named: Option<&Set>, number: usize) -> Answer {
        let roles = named.map(|roles| names('r', roles).join(" "));
        let more: Vec<_> = roles.iter().map(|roles| ("roles", roles.as_str())).collect();
        let answer = self.server.token(&format!("u{user}"), PASSWORD, &more).await;
        if answer.status == 200 {
            let id = claims(answer.token())["sid"].as_str().unwrap().to_owned();
            self.open.insert(number, Open { id, refresh: answer.refresh_token().to_owned() });
        }
        answer
    }

    /// The owner alone may do so, with a token of the session itself.
    async fn activate(&mut self, session: usize, role: u8) -> Option<Answer> {
        let open = self.open.get_mut(&session)?;
        let refreshed = self.server.refresh(&open.refresh, &[]).await.assert(200);
        refreshed.refresh_token().clone_into(&mut open.refresh);
        let owner = self.server.bearing(refreshed.token());
        Some(owner.put(&format!("/v1/sessions/{}/roles/r{role}", open.id)).await)
    }

    async fn review(&mut self) {
        let (admin, model) = (&self.admin, &self.model);
        let exported = admin.get("/v1/policy?assignments=true").await.assert(200).text;
        let plan = admin.request(Method::POST, "/v1/policy/plan?prune=true").header("content-type", "application/yaml");
        let planned = admin.send(plan.body(exported)).await.assert(200);
        assert_eq!(planned.body["changes"], json!([]), "what was exported changes nothing: {model:?}");
        for user in 0..USERS {
            let path = format!("/v1/users/u{user}");
            let (assigned, authorized) = (model.assigned_roles(user), model.authorized_roles(user));
            assert_eq!(admin.names(&format!("{path}/roles?inherited=false"), "role").await, names('r', &assigned));
            assert_eq!(admin.names(&format!("{path}/roles"), "role").await, names('r', &authorized));
            let given = admin.names(&format!("{path}/permissions"), "permission").await;
            assert_eq!(given, permissions(&model.permissions(&assigned)), "{model:?}");
        }
        for role in &model.roles {
            let path = format!("/v1/roles/r{role}");
            let given = admin.names(&format!("{path}/permissions"), "permission").await;
            assert_eq!(given, permissions(&model.permissions(&Set::from([*role]))));
            let users = admin.names(&format!("{path}/users?inherited=true"), "username").await;
            let expected: BTreeSet<u8> =
                (0..USERS).filter(|user| model.authorized_roles(*user).contains(role)).collect();
            assert_eq!(users, names('u', &expected));
        }
        for (number, session) in &model.sessions {
            let open = self.open.get_mut(number).unwrap();
            let active = model.session_roles(session);
            let path = format!("/v1/sessions/{}", open.id);
            assert_eq!(admin.get(&path).await.assert(200).body["roles"], json!(names('r', &active)));
            let given = admin.names(&format!("{path}/permissions"), "permission").await;
            assert_eq!(given, permissions(&model.permissions(&active)));
            let refreshed = self.server.refresh(&open.refresh, &[]).await.assert(200);
            refreshed.refresh_token().clone_into(&mut open.refresh);
            assert_eq!(claims(refreshed.token())["roles"], json!(names('r', &active)));
            assert_eq!(claims(refreshed.token())["permissions"], json!(given), "the token says the same");
        }
    }
}
