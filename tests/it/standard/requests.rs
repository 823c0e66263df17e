//! The functions of the standard as requests, as docs/standard.md has them.

use reqwest::Method;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::model::{Function, Permission, Role, User};
use crate::support::PASSWORD;

/// What things are called in one sequence, and when it began.
pub struct Names {
    pub sequence: u32,
    /// In seconds since 1970.
    pub began: i64,
}

/// The model counts in steps of so many seconds.
pub const STEP: i64 = 60;

impl Names {
    pub fn user(&self, user: User) -> String {
        format!("u{}-{user}", self.sequence)
    }

    pub fn role(&self, role: Role) -> String {
        format!("r{}-{role}", self.sequence)
    }

    pub fn set(&self, set: u8) -> String {
        format!("s{}-{set}", self.sequence)
    }

    /// Of two resource types.
    pub fn resource(&self, permission: Permission) -> String {
        format!("{}{}", if permission < 2 { 'p' } else { 'q' }, self.sequence)
    }

    pub fn permission(&self, permission: Permission) -> String {
        format!("{}:{permission}", self.resource(permission))
    }

    pub fn roles<'a>(&self, roles: impl IntoIterator<Item = &'a Role>) -> Vec<String> {
        roles.into_iter().map(|role| self.role(*role)).collect()
    }

    pub fn permissions<'a>(&self, permissions: impl IntoIterator<Item = &'a Permission>) -> Vec<String> {
        permissions.into_iter().map(|it| self.permission(*it)).collect()
    }

    /// In seconds since 1970.
    pub fn seconds(&self, time: i64) -> i64 {
        self.began + time * STEP
    }

    pub fn time(&self, time: i64) -> String {
        OffsetDateTime::from_unix_timestamp(self.seconds(time)).unwrap().format(&Rfc3339).unwrap()
    }

    /// The request of a function that is none of a session; `now` is when it is called.
    pub fn request(&self, function: &Function, now: i64) -> (Method, String, Value) {
        let none = Value::Null;
        let (user, role, set) = (|it: &User| self.user(*it), |it: &Role| self.role(*it), |it: &u8| self.set(*it));
        let assignment = |it: &User, of: &Role| format!("/v1/users/{}/roles/{}", user(it), role(of));
        let grant = |it: &Role, of: &Permission| format!("/v1/roles/{}/permissions/{}", role(it), self.permission(*of));
        let edge = |senior: &Role, junior: &Role| format!("/v1/roles/{}/juniors/{}", role(senior), role(junior));
        let member = |it: &u8, of: &Role| format!("/v1/separation-sets/{}/roles/{}", set(it), role(of));
        let this_set = |it: &u8| format!("/v1/separation-sets/{}", set(it));
        match function {
            Function::AddUser(it, roles) => {
                let new = json!({ "username": user(it), "password": PASSWORD, "roles": self.roles(roles) });
                (Method::POST, "/v1/users".into(), new)
            }
            Function::DeleteUser(it) => (Method::DELETE, format!("/v1/users/{}", user(it)), none),
            Function::Enable(it, enabled) => {
                let status = if *enabled { "active" } else { "disabled" };
                (Method::PATCH, format!("/v1/users/{}", user(it)), json!({ "status": status }))
            }
            Function::AddPermission(it) => {
                (Method::POST, "/v1/permissions".into(), json!({ "name": self.permission(*it) }))
            }
            Function::DeletePermission(it) => {
                (Method::DELETE, format!("/v1/permissions/{}", self.permission(*it)), none)
            }
            Function::AddRole { role: it, juniors, seniors } => {
                let new = json!({ "name": role(it), "juniors": self.roles(juniors), "seniors": self.roles(seniors) });
                (Method::POST, "/v1/roles".into(), new)
            }
            Function::DeleteRole(it) => (Method::DELETE, format!("/v1/roles/{}", role(it)), none),
            Function::AssignUser(it, of, times) => {
                let mut body = json!({});
                for (member, time) in [("valid_from", times.from), ("valid_until", times.until)] {
                    if let Some(time) = time {
                        body[member] = json!(self.time(now + time));
                    }
                }
                (Method::PUT, assignment(it, of), body)
            }
            Function::DeassignUser(it, of) => (Method::DELETE, assignment(it, of), none),
            Function::GrantPermission(it, of) => (Method::PUT, grant(it, of), none),
            Function::RevokePermission(it, of) => (Method::DELETE, grant(it, of), none),
            Function::AddInheritance(senior, junior) => (Method::PUT, edge(senior, junior), none),
            Function::DeleteInheritance(senior, junior) => (Method::DELETE, edge(senior, junior), none),
            Function::CreateSet { name, dynamic, cardinality, roles } => {
                let kind = if *dynamic { "dynamic" } else { "static" };
                let roles = self.roles(roles);
                let new = json!({ "name": set(name), "kind": kind, "cardinality": cardinality, "roles": roles });
                (Method::POST, "/v1/separation-sets".into(), new)
            }
            Function::DeleteSet(it) => (Method::DELETE, this_set(it), none),
            Function::AddMember(it, of) => (Method::PUT, member(it, of), none),
            Function::DeleteMember(it, of) => (Method::DELETE, member(it, of), none),
            Function::SetCardinality(it, number) => (Method::PATCH, this_set(it), json!({ "cardinality": number })),
            Function::SetMembers(it, number, roles) => {
                (Method::PATCH, this_set(it), json!({ "cardinality": number, "roles": self.roles(roles) }))
            }
            _ => unreachable!("{function:?} is about a session, or none"),
        }
    }
}
