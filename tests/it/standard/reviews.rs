//! The review functions, the explanations and the checks, all compared with the sets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    model::{PERMISSIONS, Path, ROLES, Role, Set, USERS, User},
    requests::Names,
    run::Run,
};

/// Without the members that are null: those that the server leaves out.
fn without_null(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    members.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into()
}

fn some(roles: Vec<String>) -> Option<Vec<String>> {
    (!roles.is_empty()).then_some(roles)
}

/// As an explanation and a list say it.
fn way(names: &Names, (roles, until): &Path) -> Value {
    without_null(json!({ "roles": names.roles(roles), "valid_until": until.map(|time| names.time(time)) }))
}

/// In an order of their own: of what is made at one moment, either may come first.
fn sorted(mut items: Vec<Value>) -> Vec<Value> {
    items.sort_by_key(|item| match item.as_object() {
        Some(members) => format!("{:?}", members.iter().collect::<BTreeMap<_, _>>()),
        None => item.to_string(),
    });
    items
}

impl Run<'_> {
    pub async fn review(&mut self) {
        self.review_file().await;
        for user in self.model.users.keys() {
            self.review_roles_of(*user).await;
            self.review_permissions_of(*user).await;
            for permission in self.model.permissions.clone() {
                self.review_explanation(*user, permission).await;
            }
        }
        for role in &self.model.roles {
            self.review_role(*role).await;
        }
        for permission in &self.model.permissions {
            self.review_who_can(*permission).await;
        }
        self.review_ending().await;
        self.review_sets().await;
        self.review_evaluations().await;
        for session in self.model.sessions.keys().copied().collect::<Vec<_>>() {
            self.review_session(session).await;
        }
    }

    /// One sequence asks this of one, the next of the next.
    fn turn(&self, one: u8, of: u8) -> bool {
        self.names.sequence % u32::from(of) == u32::from(one)
    }

    async fn compare(&self, path: &str, expected: impl IntoIterator<Item = Value>) {
        let expected = sorted(expected.into_iter().map(without_null).collect());
        assert_eq!(sorted(self.admin.all(path).await), expected, "{path} of {:?}", self.model);
    }

    /// What was exported changes nothing.
    async fn review_file(&self) {
        let exported = self.admin.get("/v1/policy?assignments=true").await.assert(200).text;
        let planned = self.file("/v1/policy/plan?prune=true", exported).await;
        assert_eq!(planned.body["changes"], json!([]), "{:?}", self.model);
    }

    /// `AssignedRoles` and `AuthorizedRoles`; with them what is assigned for another time.
    async fn review_roles_of(&self, user: User) {
        let (model, names) = (&self.model, &self.names);
        let item = |role: Role, via: Set| {
            let times = model.assigned.get(&(user, role));
            let time = |of: fn(&super::model::Times) -> Option<i64>| times.and_then(of).map(|time| names.time(time));
            let via = some(names.roles(via.iter().filter(|via| **via != role)));
            let (from, until) = (time(|it| it.from), time(|it| it.until));
            let direct = times.is_some();
            json!({ "role": names.role(role), "direct": direct, "via": via, "valid_from": from, "valid_until": until })
        };
        let assigned: Set = model.assigned.keys().filter(|it| it.0 == user).map(|it| it.1).collect();
        let path = format!("/v1/users/{}/roles", names.user(user));
        self.compare(&format!("{path}?inherited=false"), assigned.iter().map(|role| item(*role, Set::new()))).await;
        let all = &assigned | &model.authorized_roles(user);
        self.compare(&path, all.into_iter().map(|role| item(role, model.via(user, role)))).await;
    }

    /// `UserPermissions`.
    async fn review_permissions_of(&self, user: User) {
        let (model, names) = (&self.model, &self.names);
        let assigned = model.assigned_roles(user);
        let given = model.permissions_of(&assigned);
        let path = format!("/v1/users/{}/permissions", names.user(user));
        let item = |permission: &u8| {
            let via = names.roles(&(&model.giving(*permission) & &assigned));
            let paths = sorted(model.paths(user, *permission).iter().map(|path| way(names, path)).collect());
            json!({ "permission": names.permission(*permission), "via": via, "paths": paths, "more_paths": false })
        };
        let mut listed = self.admin.all(&format!("{path}?explain=true")).await;
        for item in &mut listed {
            item["paths"] = sorted(item["paths"].as_array().unwrap().clone()).into();
        }
        assert_eq!(listed, given.iter().map(item).collect::<Vec<_>>(), "{path} of {model:?}");
        if self.turn(user, USERS) {
            self.review_operations_of(user, &given).await;
        }
    }

    /// `UserOperationsOnObject`, in both ways.
    async fn review_operations_of(&self, user: User, given: &BTreeSet<u8>) {
        let (model, names) = (&self.model, &self.names);
        let path = format!("/v1/users/{}/permissions", names.user(user));
        let on_object: Vec<_> = given.iter().filter(|it| **it < 2).map(|it| names.permission(*it)).collect();
        let resource = names.resource(0);
        assert_eq!(self.admin.names(&format!("{path}?resource={resource}"), "permission").await, on_object);
        let search = json!({
            "subject": { "type": "user", "id": names.user(user) }, "resource": { "type": resource, "id": "1" },
        });
        let found = self.admin.post("/access/v1/search/action", search).await.assert(200).body["results"].clone();
        let actions: Vec<_> =
            found.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect();
        let may = model.rights(user).into_iter().filter(|it| *it < 2).map(|it| it.to_string());
        assert_eq!(actions, may.collect::<Vec<_>>(), "{model:?}");
    }

    /// It says what the check says, shows every way, and without its ways there is none.
    async fn review_explanation(&self, user: User, permission: u8) {
        let (model, names) = (&self.model, &self.names);
        let path = format!("/v1/users/{}/permissions/{}", names.user(user), names.permission(permission));
        let told = self.admin.get(&path).await.assert(200).body;
        let (paths, enabled) = (model.paths(user, permission), model.users[&user]);
        let allowed = model.rights(user).contains(&permission);
        let reason = if !enabled {
            json!("user_disabled")
        } else if allowed {
            json!(null)
        } else {
            json!("not_granted")
        };
        assert_eq!((&told["allowed"], &told["reason"]["code"]), (&json!(allowed), &reason), "{path} of {model:?}");
        let ways = sorted(paths.iter().map(|path| way(names, path)).collect());
        assert_eq!(sorted(told["paths"].as_array().unwrap().clone()), ways, "{path} of {model:?}");
        assert_eq!(told["more_paths"], false);
        let mut without = model.clone();
        for (link, path) in paths.iter().enumerate() {
            without.cut(user, permission, path, link + usize::from(user));
        }
        assert!(!without.rights(user).contains(&permission), "{permission} of {user} without {paths:?} of {model:?}");
        let nearest = if paths.is_empty() { model.giving(permission) } else { Set::new() };
        let nearest = nearest.into_iter().map(|role| (json!(names.role(role)), json!(model.obstacle(user, role))));
        let shown = told["nearest"].as_array().unwrap().iter();
        let shown = shown.map(|it| (it["role"].clone(), it["obstacle"]["code"].clone()));
        assert_eq!(shown.collect::<Vec<_>>(), nearest.collect::<Vec<_>>(), "{path} of {model:?}");
    }

    /// `RolePermissions`, `RoleOperationsOnObject`, `AssignedUsers` and `AuthorizedUsers`.
    async fn review_role(&self, role: Role) {
        let (model, names) = (&self.model, &self.names);
        let path = format!("/v1/roles/{}", names.role(role));
        let juniors =
            model.edges.iter().filter(|edge| edge.0 == role).map(|edge| json!({ "role": names.role(edge.1) }));
        self.compare(&format!("{path}/juniors"), juniors).await;
        let item = |permission: u8| {
            let granted: Set = model.granted.iter().filter(|it| it.1 == permission).map(|it| it.0).collect();
            let via = if granted.contains(&role) { Set::new() } else { &granted & &model.below(role) };
            json!({ "permission": names.permission(permission), "via": some(names.roles(&via)) })
        };
        let given = model.permissions_of(&Set::from([role]));
        self.compare(&format!("{path}/permissions"), given.iter().copied().map(item)).await;
        if self.turn(role, ROLES) {
            let on_object = given.into_iter().filter(|it| *it == 2).map(item);
            self.compare(&format!("{path}/permissions?resource={}", names.resource(2)), on_object).await;
        }
        let assigned = model.assigned.iter().filter(|(it, _)| it.1 == role).map(|((user, _), times)| {
            let (from, until) = (times.from.map(|time| names.time(time)), times.until.map(|time| names.time(time)));
            json!({ "username": names.user(*user), "direct": true, "valid_from": from, "valid_until": until })
        });
        self.compare(&format!("{path}/users"), assigned).await;
        let holder = |user: User| {
            let mut via = model.via(user, role);
            let (any, direct) = (!via.is_empty(), via.remove(&role));
            any.then(|| json!({ "username": names.user(user), "direct": direct, "via": some(names.roles(&via)) }))
        };
        self.compare(&format!("{path}/users?inherited=true"), (0..USERS).filter_map(holder)).await;
    }

    async fn review_who_can(&self, permission: u8) {
        let (model, names) = (&self.model, &self.names);
        let giving = model.giving(permission);
        let path = format!("/v1/permissions/{}", names.permission(permission));
        let role =
            |role: &Role| json!({ "role": names.role(*role), "direct": model.granted.contains(&(*role, permission)) });
        self.compare(&format!("{path}/roles"), giving.iter().map(role)).await;
        let user = |user: User| {
            let via = names.roles(&(&giving & &model.assigned_roles(user)));
            let may = model.rights(user).contains(&permission);
            may.then(|| json!({ "username": names.user(user), "via": via }))
        };
        self.compare(&format!("{path}/users"), (0..USERS).filter_map(user)).await;
    }

    /// What is about to end.
    async fn review_ending(&self) {
        let (model, names) = (&self.model, &self.names);
        let ending = model.assigned.iter().filter_map(|((user, role), times)| {
            let until = times.until.filter(|until| *until > model.now)?;
            let (user, role) = (names.user(*user), names.role(*role));
            let from = times.from.map(|time| names.time(time));
            Some(json!({ "username": user, "role": role, "valid_from": from, "valid_until": names.time(until) }))
        });
        self.compare("/v1/assignments", ending).await;
    }

    /// The role sets, their roles and cardinalities.
    async fn review_sets(&self) {
        let (model, names) = (&self.model, &self.names);
        for (kind, dynamic) in [("static", false), ("dynamic", true)] {
            let sets = model.sets.iter().filter(|(_, set)| set.dynamic == dynamic);
            let sets = sets.map(|(name, set)| {
                let (name, roles) = (names.set(*name), names.roles(&set.roles));
                json!({ "name": name, "kind": kind, "cardinality": set.cardinality, "roles": roles })
            });
            let without_id = |mut set: Value| {
                set.as_object_mut().unwrap().remove("id");
                set
            };
            let listed = self.admin.all(&format!("/v1/separation-sets?kind={kind}")).await.into_iter().map(without_id);
            assert_eq!(sorted(listed.collect()), sorted(sets.collect()), "{model:?}");
        }
        for (name, set) in &model.sets {
            let path = format!("/v1/separation-sets/{}", names.set(*name));
            assert_eq!(self.admin.names(&format!("{path}/roles"), "role").await, names.roles(&set.roles));
            assert_eq!(self.admin.get(&path).await.assert(200).body["cardinality"], set.cardinality);
        }
    }

    /// `CheckAccess`, by AuthZEN: of everyone and everything, whether it is there or not.
    async fn review_evaluations(&self) {
        let pairs: Vec<_> = (0..USERS).flat_map(|user| (0..PERMISSIONS).map(move |it| (user, it))).collect();
        let question = |(user, permission): &(User, u8)| {
            json!({
                "subject": { "type": "user", "id": self.names.user(*user) },
                "resource": { "type": self.names.resource(*permission), "id": "1" },
                "action": { "name": permission.to_string() },
            })
        };
        let asked = json!({ "evaluations": pairs.iter().map(question).collect::<Vec<_>>() });
        let answer = self.admin.post("/access/v1/evaluations", asked).await.assert(200).body;
        let answered = answer["evaluations"].as_array().unwrap().iter().map(|it| it["decision"].as_bool().unwrap());
        let may = pairs.iter().map(|(user, it)| self.model.rights(*user).contains(it));
        assert_eq!(answered.collect::<Vec<_>>(), may.collect::<Vec<_>>(), "{pairs:?} of {:?}", self.model);
    }

    /// `SessionRoles`, `SessionPermissions`, and the token.
    async fn review_session(&mut self, session: usize) {
        let active = self.model.session_roles(&self.model.sessions[&session]);
        let path = format!("/v1/sessions/{}", self.open[&session].id);
        let shown = self.admin.get(&path).await.assert(200).body;
        assert_eq!(shown["roles"], json!(self.names.roles(&active)), "{:?}", self.model);
        let given = self.admin.names(&format!("{path}/permissions"), "permission").await;
        assert_eq!(given, self.names.permissions(&self.model.permissions_of(&active)), "{:?}", self.model);
        let refreshed = self.refreshed(session).await;
        self.check_token(session, &crate::support::claims(refreshed.token()));
    }
}
