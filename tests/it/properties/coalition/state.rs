//! Who holds what, as sets, read from the server at one moment; what came of it is asked of these sets alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::support::Client;

type Names = BTreeSet<String>;

/// Permissions, and until when (microseconds since 1970) each is held.
pub type Held = BTreeMap<String, i64>;

#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    permissions: Names,
    juniors: Names,
}

#[derive(Clone, Debug, PartialEq)]
pub struct User {
    id: String,
    active: bool,
    /// Role, from when, until when.
    assigned: Vec<(String, i64, i64)>,
}

#[derive(Clone, Debug)]
pub struct State {
    pub users: BTreeMap<String, User>,
    roles: BTreeMap<String, Role>,
    permissions: Names,
    /// Kind and cardinality, and the members.
    sets: BTreeMap<String, (String, Names)>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn names(value: &Value) -> Names {
    list(value).map(text).collect()
}

fn time(value: &Value, otherwise: i64) -> i64 {
    let parsed = value.as_str().map(|time| OffsetDateTime::parse(time, &Rfc3339).unwrap());
    parsed.map_or(otherwise, |time| time.unix_timestamp() * 1_000_000)
}

impl State {
    pub async fn read(admin: &Client) -> Self {
        let request = admin.request(reqwest::Method::GET, "/v1/policy?assignments=true");
        let policy = admin.send(request.header("accept", "application/json")).await.assert(200).body;
        let role = |it: &Value| {
            (text(&it["name"]), Role { permissions: names(&it["permissions"]), juniors: names(&it["juniors"]) })
        };
        let mut roles: BTreeMap<_, _> = list(&policy["roles"]).map(role).collect();
        let built_in: Names = super::super::model::BUILT_IN.map(str::to_owned).into();
        let permissions = list(&policy["permissions"]).map(|it| text(&it["name"])).chain(built_in.clone()).collect();
        roles.insert("admin".into(), Role { permissions: built_in, juniors: Names::new() });
        let set =
            |it: &Value| (text(&it["name"]), (format!("{} {}", it["kind"], it["cardinality"]), names(&it["roles"])));
        let mut users = BTreeMap::new();
        for it in admin.all("/v1/users?limit=500").await {
            let (id, active) = (text(&it["id"]), it["status"] == "active");
            users.insert(text(&it["username"]), User { id, active, assigned: Vec::new() });
        }
        for it in list(&policy["assignments"]) {
            let (from, until) = (time(&it["valid_from"], i64::MIN), time(&it["valid_until"], i64::MAX));
            users.get_mut(it["user"].as_str().unwrap()).unwrap().assigned.push((text(&it["role"]), from, until));
        }
        Self { users, roles, permissions, sets: list(&policy["separation_sets"]).map(set).collect() }
    }

    /// What a role gives, by way of its juniors, too.
    fn given(&self, role: &str) -> Names {
        let (mut below, mut open) = (Names::new(), vec![role.to_owned()]);
        while let Some(next) = open.pop() {
            if below.insert(next.clone()) {
                open.extend(self.roles.get(&next).into_iter().flat_map(|role| role.juniors.iter().cloned()));
            }
        }
        below.iter().filter_map(|role| self.roles.get(role)).flat_map(|role| role.permissions.iter().cloned()).collect()
    }

    fn of(&self, user: &User, counts: impl Fn(i64, i64) -> bool) -> Held {
        let mut held = Held::new();
        for (role, _, until) in user.assigned.iter().filter(|(_, from, until)| counts(*from, *until)) {
            for permission in self.given(role) {
                let longest = held.entry(permission).or_insert(*until);
                *longest = (*longest).max(*until);
            }
        }
        held
    }

    /// What someone holds now.
    pub fn held(&self, user: &str, now: i64) -> Held {
        self.users.get(user).map(|user| self.of(user, |from, until| from <= now && now < until)).unwrap_or_default()
    }

    /// What someone holds now or later; nothing, who is disabled.
    fn holds(&self, user: Option<&User>, now: i64) -> Held {
        let active = user.filter(|user| user.active);
        active.map(|user| self.of(user, |_, until| now < until)).unwrap_or_default()
    }

    /// Whoever holds more afterwards, or longer, was given no more than `held`.
    pub fn check_gains(&self, after: &Self, held: &Held, now: i64) -> Result<(), String> {
        for (name, user) in &after.users {
            let same = self.users.get(name).filter(|before| before.id == user.id);
            let before = self.holds(same, now);
            for (permission, until) in after.holds(Some(user), now) {
                let reaches = |by: &Held| by.get(&permission).is_some_and(|had| *had >= until);
                if !reaches(&before) && !reaches(held) {
                    return Err(format!("{name} holds {permission} until {until}"));
                }
            }
        }
        Ok(())
    }

    /// One request of someone who holds this: it gives no more, and touches nobody and nothing that holds or gives more.
    /// What was deleted, and so left others, must be the actor's to delete, not they its to touch.
    pub fn check_step(&self, after: &Self, held: &Held, now: i64) -> Result<(), String> {
        self.check_gains(after, held, now)?;
        let remains = |role: &String| self.roles.contains_key(role) && after.roles.contains_key(role);
        let roles = |names: &Names| names.iter().filter(|role| remains(role)).cloned().collect::<Names>();
        let user = |user: &User| {
            (
                user.id.clone(),
                user.active,
                user.assigned.iter().filter(|it| remains(&it.0)).cloned().collect::<Vec<_>>(),
            )
        };
        for (name, before) in &self.users {
            let changed = after.users.get(name).map(user) != Some(user(before));
            let all = self.of(before, |_, until| now < until).into_keys().collect();
            touched(name, changed, all, held)?;
        }
        let role = |role: &Role| {
            let remaining = |permission: &&String| {
                self.permissions.contains(*permission) && after.permissions.contains(*permission)
            };
            (roles(&role.juniors), role.permissions.iter().filter(remaining).cloned().collect::<Names>())
        };
        for (name, before) in &self.roles {
            let changed = after.roles.get(name).map(role) != Some(role(before));
            touched(name, changed, self.given(name), held)?;
        }
        for name in self.sets.keys().chain(after.sets.keys()) {
            let (old, new) = (self.sets.get(name), after.sets.get(name));
            let set = |set: &(String, Names)| (set.0.clone(), roles(&set.1));
            // Of a role that the same request makes, everything was given.
            let members = [old, new].into_iter().flatten().flat_map(|set| roles(&set.1));
            let all = members.flat_map(|role| self.given(&role)).collect();
            touched(name, old.map(set) != new.map(set), all, held)?;
        }
        Ok(())
    }
}

fn touched(name: &str, changed: bool, all: Names, held: &Held) -> Result<(), String> {
    match all.into_iter().find(|permission| changed && !held.contains_key(permission)) {
        Some(permission) => Err(format!("{name} was touched, with {permission} to it")),
        None => Ok(()),
    }
}
