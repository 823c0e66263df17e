//! One sequence: each function is foretold, called, and compared with what the model makes of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicI64, Ordering},
};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    model::{Function, Model, PERMISSIONS, Permission, ROLES, Role, SESSIONS, Session, Set, User},
    requests::{Names, STEP},
};
use crate::support::{Answer, Client, PASSWORD, Server, claims};

/// A session, as its owner has it.
pub struct Open {
    pub id: String,
    pub refresh: String,
}

pub struct Run<'a> {
    pub server: &'a Server,
    clock: &'a AtomicI64,
    pub admin: Client,
    pub names: Names,
    pub model: Model,
    pub open: BTreeMap<usize, Open>,
    ended: Vec<Open>,
}

impl<'a> Run<'a> {
    pub async fn whole(
        server: &'a Server,
        clock: &'a AtomicI64,
        limited: bool,
        sequence: u32,
        functions: Vec<Function>,
    ) {
        // What is over is so for long, and no token from before is good.
        clock.fetch_add(1000 * 1_000_000, Ordering::SeqCst);
        server.app.state.gate.hear();
        let names = Names { sequence, began: clock.load(Ordering::SeqCst) / 1_000_000 };
        let model = Model { limited, ..Model::default() };
        let (admin, open) = (server.admin().await, BTreeMap::new());
        let mut run = Run { server, clock, admin, names, model, open, ended: Vec::new() };
        run.begin().await;
        for function in &functions {
            Box::pin(run.step(function)).await;
        }
        Box::pin(run.review()).await;
        run.review_ended().await;
        run.end().await;
    }

    /// Most permissions and roles are there, and two users; nothing else, whatever was there before.
    async fn begin(&mut self) {
        let names = &self.names;
        let permission = |it: Permission| json!({ "name": names.permission(it) });
        let role = |it: Role| json!({ "name": names.role(it), "permissions": [names.permission(it % PERMISSIONS)] });
        let permissions: Vec<_> = (0..PERMISSIONS).map(permission).collect();
        let roles: Vec<_> = (1..ROLES).map(role).collect();
        let file = json!({ "permissions": permissions, "roles": roles, "separation_sets": [] });
        self.file("/v1/policy/apply?prune=true", file.to_string()).await;
        self.model.permissions = (0..PERMISSIONS).collect();
        self.model.roles = (1..ROLES).collect();
        self.model.granted = (1..ROLES).map(|role| (role, role % PERMISSIONS)).collect();
        self.step(&Function::AddUser(0, Set::from([1]))).await;
        self.step(&Function::AddUser(1, Set::new())).await;
    }

    async fn end(&self) {
        for user in self.model.users.keys() {
            self.admin.delete(&format!("/v1/users/{}", self.names.user(*user))).await.assert(204);
        }
    }

    pub async fn file(&self, path: &str, file: String) -> Answer {
        let request = self.admin.request(Method::POST, path).header("content-type", "application/yaml");
        self.admin.send(request.body(file)).await.assert(200)
    }

    async fn step(&mut self, function: &Function) {
        // A session's number is the least that is free; when all are taken none is opened.
        let new = (0..SESSIONS).find(|number| !self.open.contains_key(number)).unwrap_or(SESSIONS);
        match function {
            Function::Pass(time) => {
                self.model.call(function, new).unwrap();
                self.clock.fetch_add(time * STEP * 1_000_000, Ordering::SeqCst);
                self.server.app.state.gate.hear();
                self.admin = self.server.admin().await;
            }
            Function::CreateSession(user, named) if new < SESSIONS => {
                let before = self.model.clone();
                let expected = self.model.call(function, new);
                let answer = self.sign_in(*user, named.as_ref(), new).await;
                compare(function, &before, expected, &answer);
                if answer.status == 200 {
                    self.check_token(new, &claims(answer.token()));
                }
            }
            Function::CreateSession(..) => {}
            Function::DeleteSession(session)
            | Function::AddActiveRole(session, _)
            | Function::DropActiveRole(session, _)
                if !self.open.contains_key(session) => {}
            _ => self.change(function).await,
        }
    }

    /// A function that changes the policy, or someone's session.
    async fn change(&mut self, function: &Function) {
        let (client, (method, path, body)) = self.request(function).await;
        let with_body = |path: &str| {
            let request = client.request(method.clone(), path);
            if body.is_null() { request } else { request.json(&body) }
        };
        let revision = self.server.revision();
        let told = client.send(with_body(&format!("{path}?dry_run=true"))).await;
        assert_eq!(self.server.revision(), revision, "a dry run of {function:?} changed something");
        let before = self.model.clone();
        let expected = self.model.call(function, SESSIONS);
        let done = client.send(with_body(&path)).await;
        self.compare_foretold(function, &before, expected.is_ok(), &told, &done);
        compare(function, &before, expected, &done);
        let ended = self.open.extract_if(.., |number, _| !self.model.sessions.contains_key(number));
        self.ended.extend(ended.map(|(_, open)| open));
    }

    async fn request(&mut self, function: &Function) -> (Client, (Method, String, Value)) {
        match function {
            Function::DeleteSession(session) => {
                let path = format!("/v1/sessions/{}", self.open[session].id);
                (self.admin.clone(), (Method::DELETE, path, Value::Null))
            }
            Function::AddActiveRole(session, role) => {
                // The owner alone may do so, with a token of the session itself.
                let owner = self.server.bearing(self.refreshed(*session).await.token());
                let path = format!("/v1/sessions/{}/roles/{}", self.open[session].id, self.names.role(*role));
                (owner, (Method::PUT, path, Value::Null))
            }
            Function::DropActiveRole(session, role) => {
                let path = format!("/v1/sessions/{}/roles/{}", self.open[session].id, self.names.role(*role));
                (self.admin.clone(), (Method::DELETE, path, Value::Null))
            }
            _ => (self.admin.clone(), self.names.request(function, self.model.now)),
        }
    }

    /// What the model makes of a function is what was foretold.
    fn compare_foretold(&self, function: &Function, before: &Model, done: bool, told: &Answer, answer: &Answer) {
        if told.status != 200 {
            let [told, answer] = [told, answer].map(|it| (it.status, it.body["code"].clone()));
            assert_eq!(told, answer, "{function:?} on {before:?}");
            return;
        }
        let code = told.body["broken_rules"][0]["code"].as_str();
        assert_eq!((told.body["allowed"].as_bool(), code), (Some(done), answer.body["code"].as_str()), "{function:?}");
        if !done {
            return;
        }
        let after = &self.model;
        let users: BTreeSet<User> = before.users.keys().chain(after.users.keys()).copied().collect();
        let changed = |user: &User| before.rights(*user) != after.rights(*user);
        let changed: BTreeSet<User> = users.into_iter().filter(changed).collect();
        // Someone who may not look at others' access sees no names.
        let owner = matches!(function, Function::AddActiveRole(..));
        assert_eq!(told.body.get("users").is_none(), owner, "{function:?}");
        let mut listed = told.body["users"].as_array().cloned().unwrap_or_default();
        listed.sort_by_key(|user| user["username"].as_str().unwrap().to_owned());
        let change = |user: &User| {
            let (had, has) = (before.rights(*user), after.rights(*user));
            let [gains, loses] = [&has - &had, &had - &has].map(|them| self.names.permissions(&them));
            json!({ "username": self.names.user(*user), "gains": gains, "loses": loses })
        };
        assert_eq!(listed, changed.iter().map(change).collect::<Vec<_>>(), "{function:?} on {before:?}");
        let touched = |(number, it): &(&usize, &Session)| {
            changed.contains(&it.user) || after.sessions.get(number).is_none_or(|now| activated(function, it, now))
        };
        let sessions = before.sessions.iter().filter(touched).count();
        let counts = [&told.body["users_affected"], &told.body["sessions_affected"]];
        assert_eq!(counts, [&json!(changed.len()), &json!(sessions)], "{function:?} on {before:?}");
        assert_eq!(told.body["more_users"], false);
    }

    async fn sign_in(&mut self, user: User, named: Option<&Set>, number: usize) -> Answer {
        let roles = named.map(|roles| self.names.roles(roles).join(" "));
        let more: Vec<_> = roles.iter().map(|roles| ("roles", roles.as_str())).collect();
        let answer = self.server.token(&self.names.user(user), PASSWORD, &more).await;
        if answer.status == 200 {
            let id = claims(answer.token())["sid"].as_str().unwrap().to_owned();
            self.open.insert(number, Open { id, refresh: answer.refresh_token().to_owned() });
        }
        answer
    }

    pub async fn refreshed(&mut self, session: usize) -> Answer {
        let open = self.open.get_mut(&session).unwrap();
        let refreshed = self.server.refresh(&open.refresh, &[]).await.assert(200);
        refreshed.refresh_token().clone_into(&mut open.refresh);
        refreshed
    }

    /// A session that there is no more gives no token any more, also when its user is let in again.
    pub async fn review_ended(&self) {
        for open in &self.ended {
            self.server.refresh(&open.refresh, &[]).await.assert_oauth_error(400, "invalid_grant");
        }
    }

    /// A token says what its session may do, and no longer than that lasts.
    pub fn check_token(&self, session: usize, claims: &Value) {
        let model = &self.model;
        let session = &model.sessions[&session];
        let active = model.session_roles(session);
        let given = self.names.permissions(&model.permissions_of(&active));
        let lasts = self.names.seconds(model.now) + 900;
        let ends = model.session_ends(session).map_or(lasts, |end| self.names.seconds(end).min(lasts));
        let said = [&claims["roles"], &claims["permissions"], &claims["exp"]];
        assert_eq!(said, [&json!(self.names.roles(&active)), &json!(given), &json!(ends)], "{session:?} in {model:?}");
    }
}

/// Whether the function gave the session other roles of its own.
fn activated(function: &Function, before: &Session, after: &Session) -> bool {
    matches!(function, Function::AddActiveRole(..) | Function::DropActiveRole(..)) && before.kept != after.kept
}

fn compare(function: &Function, before: &Model, expected: super::model::Outcome, answer: &Answer) {
    let code = answer.body["code"].as_str().or(answer.body["error"].as_str()).unwrap_or_default();
    match expected {
        Ok(()) => assert!(answer.status < 300, "{function:?} on {before:?}: {}", answer.text),
        Err(why) => {
            let refused = why.contains(&(answer.status, code));
            assert!(refused, "{function:?} on {before:?}: {why:?}, not {}", answer.text);
        }
    }
}
