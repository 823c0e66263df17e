//! Random requests by random actors, on the real API, against a naive model of sets.

mod coalition;
mod model;

use std::collections::BTreeMap;

use model::{Model, Request};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::json;

use crate::support::{Answer, Client, PASSWORD, Server, claims};

/// A step: who asks for what, and whether with a token from earlier.
#[derive(Clone, Debug)]
struct Step {
    actor: String,
    old_token: bool,
    request: Request,
}

fn step() -> impl Strategy<Value = Step> {
    let actor = prop_oneof![2 => Just("admin"), 3 => Just("manager"), 5 => model::user()];
    (actor, prop::bool::weighted(0.2), model::request()).prop_map(|(actor, old_token, request)| Step {
        actor: actor.to_owned(),
        old_token,
        request,
    })
}

#[test]
fn nobody_gives_what_they_do_not_hold_someone_administers_and_tokens_say_what_the_sets_say() {
    let cases = std::env::var("PROPERTY_CASES").map_or(12, |cases| cases.parse().unwrap());
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let result = runner.run(&prop::collection::vec(step(), 60), |steps| {
        runtime.block_on(run(steps));
        Ok(())
    });
    result.unwrap();
}

async fn run(steps: Vec<Step>) {
    let server = Server::start().await;
    let mut model = stage(&server).await;
    let mut tokens: BTreeMap<String, Client> = BTreeMap::new();
    for step in steps {
        let Some(client) = token(&server, &model, &mut tokens, &step).await else { continue };
        let carried = model::names(&claims(client.token.as_deref().unwrap())["permissions"]);
        let held = &carried & &model.permissions_of(&step.actor);
        let expected = model.expect(&held, &step.request);
        let answer = send(&client, &step.request).await;
        // A token from earlier may have been overtaken; then it is refused, whatever it asks for.
        let overtaken = step.old_token && answer.status == 401;
        assert!(overtaken || answer.status == expected, "{step:?} by {held:?}: expected {expected}, {}", answer.text);
        if answer.status < 300 {
            let before = model.clone();
            model.apply(&step.request);
            check_escalation(&before, &model, &held, &step);
            check_administrator(&model);
        }
        check_token(&server, &model, step.request.concerns()).await;
    }
    for user in model.users.keys() {
        check_token(&server, &model, user).await;
    }
    check_lists(&server, &model).await;
}

/// A manager without `roles:escalate`, and roles on both sides of what it holds.
async fn stage(server: &Server) -> Model {
    server.role("low", &["p:0"]).await;
    server.role("high", &["p:1", "p:2"]).await;
    let manager = [model::MANAGER, &["p:0"]].concat();
    server.role("management", &manager).await;
    server.user("manager", &["management"]).await;
    let mut model = Model::of_a_new_server();
    for permission in ["p:0", "p:1", "p:2"] {
        model.permissions.insert(permission.into());
    }
    model.role("low", &["p:0"]);
    model.role("high", &["p:1", "p:2"]);
    model.role("management", &manager);
    model.user("manager", &["management"]);
    model
}

async fn token(server: &Server, model: &Model, tokens: &mut BTreeMap<String, Client>, step: &Step) -> Option<Client> {
    if step.old_token {
        return tokens.get(&step.actor).filter(|_| model.users.contains_key(&step.actor)).cloned();
    }
    if !model.can_sign_in(&step.actor) {
        return None;
    }
    let client = server.sign_in(&step.actor, PASSWORD).await;
    tokens.insert(step.actor.clone(), client.clone());
    Some(client)
}

async fn send(client: &Client, request: &Request) -> Answer {
    match request {
        Request::CreateUser(name, roles) => {
            let user = json!({ "username": name, "password": PASSWORD, "roles": roles });
            client.post("/v1/users", user).await
        }
        Request::DeleteUser(name) => client.delete(&format!("/v1/users/{name}")).await,
        Request::SetStatus(name, active) => {
            let status = if *active { "active" } else { "disabled" };
            client.patch(&format!("/v1/users/{name}"), json!({ "status": status })).await
        }
        Request::ResetPassword(name) => {
            client.put_json(&format!("/v1/users/{name}/password"), json!({ "new_password": PASSWORD })).await
        }
        Request::Assign(name, role) => client.put(&format!("/v1/users/{name}/roles/{role}")).await,
        Request::Deassign(name, role) => client.delete(&format!("/v1/users/{name}/roles/{role}")).await,
        Request::CreateRole(role, permissions) => {
            client.post("/v1/roles", json!({ "name": role, "permissions": permissions })).await
        }
        Request::DeleteRole(role) => client.delete(&format!("/v1/roles/{role}")).await,
        Request::Grant(role, permission) => client.put(&format!("/v1/roles/{role}/permissions/{permission}")).await,
        Request::Revoke(role, permission) => client.delete(&format!("/v1/roles/{role}/permissions/{permission}")).await,
        Request::Inherit(senior, junior) => client.put(&format!("/v1/roles/{senior}/juniors/{junior}")).await,
        Request::Disinherit(senior, junior) => client.delete(&format!("/v1/roles/{senior}/juniors/{junior}")).await,
        Request::CreatePermission(permission) => client.post("/v1/permissions", json!({ "name": permission })).await,
        Request::DeletePermission(permission) => client.delete(&format!("/v1/permissions/{permission}")).await,
        Request::CreateClient(name) => client.post("/v1/clients", crate::clients::service(name)).await,
        Request::DeleteClient(name) => client.delete(&format!("/v1/clients/{name}")).await,
    }
}

/// Rule 1, said without the model's own idea of it: nobody ends with more than before that the actor didn't hold.
fn check_escalation(before: &Model, after: &Model, held: &model::Names, step: &Step) {
    if held.contains("roles:escalate") {
        return;
    }
    for user in after.users.keys() {
        let gained = &after.permissions_of(user) - &before.permissions_of(user);
        assert!(gained.is_subset(held), "{step:?} gave {user} {gained:?}");
    }
}

/// Rule 2.
fn check_administrator(model: &Model) {
    let administers = |user: &&String| model.can_sign_in(user) && model.permissions_of(user).contains("roles:escalate");
    assert!(model.users.keys().any(|user| administers(&user)), "nobody administers any more");
}

async fn check_token(server: &Server, model: &Model, user: &str) {
    let answer = server.token(user, PASSWORD, &[]).await;
    if !model.can_sign_in(user) {
        assert_eq!(answer.status, 400, "{user} must not sign in");
        return;
    }
    let claims = claims(answer.assert(200).body["access_token"].as_str().unwrap());
    assert_eq!(model::names(&claims["roles"]), model.users[user].roles, "{user}");
    assert_eq!(model::names(&claims["permissions"]), model.permissions_of(user), "{user}");
}

async fn check_lists(server: &Server, model: &Model) {
    let admin = model.users.keys().find(|user| {
        model.can_sign_in(user)
            && model.permissions_of(user).is_superset(&model::BUILT_IN.iter().map(|p| (*p).to_owned()).collect())
    });
    let Some(admin) = admin else { return };
    let admin = server.sign_in(admin, PASSWORD).await;
    let set = |names: Vec<String>| names.into_iter().collect::<model::Names>();
    assert_eq!(set(admin.names("/v1/users", "username").await), model.users.keys().cloned().collect());
    assert_eq!(set(admin.names("/v1/roles", "name").await), model.roles.keys().cloned().collect());
    assert_eq!(set(admin.names("/v1/permissions", "name").await), model.permissions);
    let clients = model.users.keys().filter(|name| model.is_service(name)).cloned();
    assert_eq!(set(admin.names("/v1/clients", "client_id").await), clients.collect());
    for role in model.roles.keys() {
        let holders = set(admin.names(&format!("/v1/roles/{role}/users"), "username").await);
        let expected = model.users.iter().filter(|(_, user)| user.roles.contains(role)).map(|(name, _)| name.clone());
        assert_eq!(holders, expected.collect(), "{role}");
    }
}
