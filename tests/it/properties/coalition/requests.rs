//! What members of a coalition may ask for: every request that changes policy, or someone else's sessions.

use proptest::{prelude::*, sample::select};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::PASSWORD;

/// A request, by one of those as whom the coalition can sign in.
#[derive(Clone, Debug)]
pub struct Ask {
    pub actor: usize,
    pub dry_run: bool,
    /// So many minutes pass before.
    pub waits: i64,
    pub method: Method,
    /// `$` and a number stands for a session.
    pub path: String,
    /// `@` and a number stands for a time, so many minutes from now.
    pub body: Value,
    /// Whose password it sets.
    pub account: Option<String>,
    /// Whose secret it makes.
    pub client: Option<String>,
}

impl Ask {
    pub fn media_type(&self) -> &'static str {
        if self.path.starts_with("/v1/policy") { "application/yaml" } else { "application/json" }
    }
}

type Request = (Method, String, Value);

pub fn ask() -> impl Strategy<Value = Ask> {
    let request = prop_oneof![6 => users(), 6 => assignments(), 6 => roles(), 3 => sets(), 5 => clients(), 3 => sessions(), 4 => file()];
    let waits = prop_oneof![12 => Just(0), 1 => 1..4_i64];
    (0..8_usize, prop::bool::weighted(0.2), waits, request).prop_map(|(actor, dry_run, waits, (method, path, body))| {
        let account = match (&method, &path.split('/').collect::<Vec<_>>()[..]) {
            (&Method::POST, ["", "v1", "users"]) => body["username"].as_str().map(str::to_owned),
            (&Method::PUT, ["", "v1", "users", user, "password"]) => Some((*user).to_owned()),
            _ => None,
        };
        let client = match (&method, &path.split('/').collect::<Vec<_>>()[..]) {
            (&Method::POST, ["", "v1", "clients"]) => body["client_id"].as_str().map(str::to_owned),
            (&Method::POST, ["", "v1", "clients", client, "secrets"]) => Some((*client).to_owned()),
            _ => None,
        };
        Ask { actor, dry_run, waits, method, path, body, account, client }
    })
}

fn user() -> impl Strategy<Value = &'static str> + Clone {
    select(vec!["a~", "b~", "c~", "poor~", "rich~", "off~", "late~", "svc~", "svcrich~", "new~", "admin"])
}

fn role() -> impl Strategy<Value = &'static str> + Clone {
    select(vec!["r~-0", "r~-1", "r~-2", "r~-3", "e~", "x~", "y~", "seeing~", "admin"])
}

fn permission() -> impl Strategy<Value = &'static str> + Clone {
    select(vec!["p~:0", "p~:1", "p~:2", "p~:3", "x~:y", "users:update", "roles:escalate"])
}

fn some(of: impl Strategy<Value = &'static str>) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::btree_set(of, 0..3).prop_map(|all| all.into_iter().collect())
}

fn times() -> impl Strategy<Value = Value> {
    let time = |most: i64| prop::option::of((-1..most).prop_map(|minutes| format!("@{minutes}")));
    let both = (time(4), time(11)).prop_map(|(from, until)| {
        let mut times = json!({});
        for (member, time) in [("valid_from", from), ("valid_until", until)] {
            if let Some(time) = time {
                times[member] = json!(time);
            }
        }
        times
    });
    prop_oneof![Just(json!({})), both]
}

fn users() -> impl Strategy<Value = Request> {
    let new = (select(vec!["new~", "poor~", "late~"]), some(role())).prop_map(|(user, roles)| {
        (Method::POST, "/v1/users".into(), json!({ "username": user, "password": PASSWORD, "roles": roles }))
    });
    let someone = select(vec!["off~", "off~", "poor~", "rich~", "a~", "new~"]);
    let status = (someone, select(vec!["active", "disabled"]))
        .prop_map(|(user, status)| (Method::PATCH, format!("/v1/users/{user}"), json!({ "status": status })));
    let password = user()
        .prop_map(|user| (Method::PUT, format!("/v1/users/{user}/password"), json!({ "new_password": PASSWORD })));
    let delete = user().prop_map(|user| (Method::DELETE, format!("/v1/users/{user}"), Value::Null));
    prop_oneof![3 => new, 5 => status, 2 => password, 1 => delete]
}

fn assignments() -> impl Strategy<Value = Request> {
    let path = || (user(), role()).prop_map(|(user, role)| format!("/v1/users/{user}/roles/{role}"));
    let assign = (path(), times()).prop_map(|(path, times)| (Method::PUT, path, times));
    prop_oneof![4 => assign, 1 => path().prop_map(|path| (Method::DELETE, path, Value::Null))]
}

fn roles() -> impl Strategy<Value = Request> {
    let new =
        (role(), some(permission()), some(role()), some(role())).prop_map(|(role, permissions, juniors, seniors)| {
            let new = json!({ "name": role, "permissions": permissions, "juniors": juniors, "seniors": seniors });
            (Method::POST, "/v1/roles".into(), new)
        });
    let either = || select(vec![Method::PUT, Method::PUT, Method::DELETE]);
    let grant = (either(), role(), permission()).prop_map(|(method, role, permission)| {
        (method, format!("/v1/roles/{role}/permissions/{permission}"), Value::Null)
    });
    let edge = (either(), role(), role())
        .prop_map(|(method, senior, junior)| (method, format!("/v1/roles/{senior}/juniors/{junior}"), Value::Null));
    let delete = role().prop_map(|role| (Method::DELETE, format!("/v1/roles/{role}"), Value::Null));
    let made = permission().prop_map(|name| (Method::POST, "/v1/permissions".into(), json!({ "name": name })));
    let gone = permission().prop_map(|name| (Method::DELETE, format!("/v1/permissions/{name}"), Value::Null));
    prop_oneof![4 => new, 5 => grant, 5 => edge, 1 => delete, 1 => made, 1 => gone]
}

fn sets() -> impl Strategy<Value = Request> {
    let set = || select(vec!["rich~", "set~"]);
    let members = || prop::collection::btree_set(role(), 1..4);
    let new = (set(), select(vec!["static", "dynamic"]), members()).prop_map(|(name, kind, roles)| {
        let new = json!({ "name": name, "kind": kind, "cardinality": 2, "roles": roles });
        (Method::POST, "/v1/separation-sets".into(), new)
    });
    let patch = (set(), 2..4_u8, prop::option::of(members())).prop_map(|(name, cardinality, roles)| {
        let patch = roles.map_or(json!({ "cardinality": cardinality }), |roles| json!({ "roles": roles }));
        (Method::PATCH, format!("/v1/separation-sets/{name}"), patch)
    });
    let member = (select(vec![Method::PUT, Method::DELETE]), set(), role())
        .prop_map(|(method, set, role)| (method, format!("/v1/separation-sets/{set}/roles/{role}"), Value::Null));
    let delete = set().prop_map(|set| (Method::DELETE, format!("/v1/separation-sets/{set}"), Value::Null));
    prop_oneof![3 => new, 2 => patch, 3 => member, 1 => delete]
}

fn clients() -> impl Strategy<Value = Request> {
    let client = || select(vec!["svc~", "svcrich~", "app~"]);
    let grants =
        || select(vec![json!(["client_credentials"]), json!(["password", "refresh_token"]), json!(["refresh_token"])]);
    let scopes = || prop::option::of(some(permission()));
    let members = || (grants(), any::<bool>(), scopes());
    let new = (client(), members()).prop_map(|(client_id, (grants, first_party, scopes))| {
        let mut new = json!({ "name": "One", "client_id": client_id, "grants": grants, "first_party": first_party });
        if let Some(scopes) = scopes {
            new["scopes"] = json!(scopes);
        }
        (Method::POST, "/v1/clients".into(), new)
    });
    let patch = (client(), members(), any::<bool>()).prop_map(|(client, (grants, first_party, scopes), all)| {
        let patch =
            if all { json!({ "grants": grants, "first_party": first_party }) } else { json!({ "scopes": scopes }) };
        (Method::PATCH, format!("/v1/clients/{client}"), patch)
    });
    let rotate = (client(), select(vec![0, 60])).prop_map(|(client, overlap)| {
        (Method::POST, format!("/v1/clients/{client}/secrets"), json!({ "overlap_seconds": overlap }))
    });
    let delete = client().prop_map(|client| (Method::DELETE, format!("/v1/clients/{client}"), Value::Null));
    prop_oneof![3 => new, 3 => patch, 3 => rotate, 1 => delete]
}

fn sessions() -> impl Strategy<Value = Request> {
    let drop = (0..3_u8, role())
        .prop_map(|(session, role)| (Method::DELETE, format!("/v1/sessions/${session}/roles/{role}"), Value::Null));
    let end = (0..3_u8).prop_map(|session| (Method::DELETE, format!("/v1/sessions/${session}"), Value::Null));
    let all = user().prop_map(|user| (Method::DELETE, format!("/v1/users/{user}/sessions"), Value::Null));
    prop_oneof![2 => drop, 1 => end, 1 => all]
}

/// A file that lists what there was in the beginning, with a few changes.
fn file() -> impl Strategy<Value = Request> {
    let more = prop::collection::vec((role(), some(permission()), some(role())), 0..3);
    let assigned = prop::option::of(prop::collection::vec((user(), role(), times()), 0..4));
    let how = select(vec!["plan", "plan?prune=true", "apply", "apply", "apply?prune=true"]);
    (more, assigned, how).prop_map(|(more, assigned, how)| {
        let mut roles = serde_json::Map::new();
        for it in 0..4 {
            roles.insert(format!("r~-{it}"), json!({ "permissions": [format!("p~:{it}")] }));
        }
        for (role, permissions, juniors) in more {
            let juniors: Vec<_> = juniors.into_iter().filter(|junior| *junior != role).collect();
            roles.insert(role.to_owned(), json!({ "permissions": permissions, "juniors": juniors }));
        }
        let named = |(name, mut role): (String, Value)| {
            role["name"] = json!(name);
            role
        };
        let mut file = json!({ "roles": roles.into_iter().map(named).collect::<Vec<_>>() });
        if let Some(assigned) = assigned {
            let mut assignments = serde_json::Map::new();
            for (user, role, mut times) in assigned {
                times["user"] = json!(user);
                times["role"] = json!(role);
                assignments.insert(format!("{user} {role}"), times);
            }
            file["assignments"] = assignments.into_iter().map(|it| it.1).collect();
        }
        (Method::POST, format!("/v1/policy/{how}"), file)
    })
}
