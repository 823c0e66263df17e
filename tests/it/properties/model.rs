//! Users, roles and permissions as plain sets, and what the rules say of a request.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;

pub type Names = BTreeSet<String>;

/// The built-in permissions, by hand: the model doesn't ask the server.
pub const BUILT_IN: [&str; 32] = [
    "users:create",
    "users:read",
    "users:update",
    "users:delete",
    "roles:create",
    "roles:read",
    "roles:update",
    "roles:delete",
    "roles:escalate",
    "permissions:create",
    "permissions:read",
    "permissions:update",
    "permissions:delete",
    "assignments:create",
    "assignments:read",
    "assignments:update",
    "assignments:delete",
    "clients:create",
    "clients:read",
    "clients:update",
    "clients:delete",
    "separation-sets:create",
    "separation-sets:read",
    "separation-sets:update",
    "separation-sets:delete",
    "sessions:read",
    "sessions:update",
    "sessions:delete",
    "policy:read",
    "policy:update",
    "ledger:read",
    "access:read",
];

/// What the manager holds: everything it takes to try.
pub const MANAGER: &[&str] = &[
    "users:create",
    "users:update",
    "users:delete",
    "roles:create",
    "roles:update",
    "roles:delete",
    "permissions:create",
    "permissions:delete",
    "assignments:create",
    "assignments:delete",
    "clients:create",
    "clients:delete",
];

#[derive(Clone, Debug)]
pub enum Request {
    CreateUser(&'static str, BTreeSet<&'static str>),
    DeleteUser(&'static str),
    SetStatus(&'static str, bool),
    ResetPassword(&'static str),
    Assign(&'static str, &'static str),
    Deassign(&'static str, &'static str),
    CreateRole(&'static str, BTreeSet<&'static str>),
    DeleteRole(&'static str),
    Grant(&'static str, &'static str),
    Revoke(&'static str, &'static str),
    /// Senior, junior.
    Inherit(&'static str, &'static str),
    Disinherit(&'static str, &'static str),
    CreatePermission(&'static str),
    DeletePermission(&'static str),
    CreateClient(&'static str),
    DeleteClient(&'static str),
}

pub fn user() -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(vec!["admin", "manager", "u0", "u1", "u2", "c0"])
}

/// With the name of what may be a user already.
fn client() -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(vec!["c0", "u0"])
}

fn role() -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(vec!["admin", "management", "low", "high", "r0"])
}

fn permission() -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(vec![
        "p:0",
        "p:1",
        "p:2",
        "users:update",
        "assignments:create",
        "roles:update",
        "roles:escalate",
    ])
}

pub fn request() -> impl Strategy<Value = Request> {
    let some = |of, most| prop::collection::btree_set(of, 0..most);
    prop_oneof![
        4 => (user(), some(role().boxed(), 3)).prop_map(|(user, roles)| Request::CreateUser(user, roles)),
        1 => user().prop_map(Request::DeleteUser),
        2 => (user(), any::<bool>()).prop_map(|(user, active)| Request::SetStatus(user, active)),
        1 => user().prop_map(Request::ResetPassword),
        6 => (user(), role()).prop_map(|(user, role)| Request::Assign(user, role)),
        3 => (user(), role()).prop_map(|(user, role)| Request::Deassign(user, role)),
        2 => (role(), some(permission().boxed(), 3)).prop_map(|(role, all)| Request::CreateRole(role, all)),
        1 => role().prop_map(Request::DeleteRole),
        4 => (role(), permission()).prop_map(|(role, permission)| Request::Grant(role, permission)),
        2 => (role(), permission()).prop_map(|(role, permission)| Request::Revoke(role, permission)),
        4 => (role(), role()).prop_map(|(senior, junior)| Request::Inherit(senior, junior)),
        2 => (role(), role()).prop_map(|(senior, junior)| Request::Disinherit(senior, junior)),
        1 => permission().prop_map(Request::CreatePermission),
        1 => permission().prop_map(Request::DeletePermission),
        2 => client().prop_map(Request::CreateClient),
        1 => client().prop_map(Request::DeleteClient),
    ]
}

impl Request {
    /// The permission its guard requires.
    fn guard(&self) -> &'static str {
        match self {
            Self::CreateUser(..) => "users:create",
            Self::DeleteUser(_) => "users:delete",
            Self::SetStatus(..) | Self::ResetPassword(_) => "users:update",
            Self::Assign(..) => "assignments:create",
            Self::Deassign(..) => "assignments:delete",
            Self::CreateRole(..) => "roles:create",
            Self::DeleteRole(_) => "roles:delete",
            Self::Grant(..) | Self::Revoke(..) | Self::Inherit(..) | Self::Disinherit(..) => "roles:update",
            Self::CreatePermission(_) => "permissions:create",
            Self::DeletePermission(_) => "permissions:delete",
            Self::CreateClient(_) => "clients:create",
            Self::DeleteClient(_) => "clients:delete",
        }
    }

    /// A user whose token may say something else afterwards.
    pub fn concerns(&self) -> &'static str {
        match self {
            Self::CreateUser(user, _)
            | Self::DeleteUser(user)
            | Self::SetStatus(user, _)
            | Self::ResetPassword(user)
            | Self::Assign(user, _)
            | Self::Deassign(user, _)
            | Self::CreateClient(user)
            | Self::DeleteClient(user) => user,
            _ => "manager",
        }
    }
}

#[derive(Clone, Debug)]
pub struct User {
    pub roles: Names,
    enabled: bool,
    /// Owned by the client of its name: it has no password.
    pub service: bool,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub users: BTreeMap<String, User>,
    pub roles: BTreeMap<String, Names>,
    pub permissions: Names,
    /// Senior, junior.
    edges: BTreeSet<(String, String)>,
}

fn owned(names: &[&str]) -> Names {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn is_built_in(request: &Request) -> bool {
    match request {
        Request::DeleteRole(role)
        | Request::Grant(role, _)
        | Request::Revoke(role, _)
        | Request::Inherit(role, _)
        | Request::Disinherit(role, _) => *role == "admin",
        Request::DeletePermission(permission) => BUILT_IN.contains(permission),
        _ => false,
    }
}

/// The names in a JSON list.
pub fn names(list: &Value) -> Names {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

impl Model {
    pub fn of_a_new_server() -> Self {
        let mut model = Self {
            users: BTreeMap::new(),
            roles: BTreeMap::new(),
            permissions: owned(&BUILT_IN),
            edges: BTreeSet::new(),
        };
        model.role("admin", &BUILT_IN);
        model.user("admin", &["admin"]);
        model
    }

    pub fn role(&mut self, name: &str, permissions: &[&str]) {
        self.roles.insert(name.to_owned(), owned(permissions));
    }

    pub fn user(&mut self, name: &str, roles: &[&str]) {
        self.users.insert(name.to_owned(), User { roles: owned(roles), enabled: true, service: false });
    }

    pub fn can_sign_in(&self, user: &str) -> bool {
        self.users.get(user).is_some_and(|user| user.enabled && !user.service)
    }

    /// Whether there is a client of this name, with its service user.
    pub fn is_service(&self, name: &str) -> bool {
        self.users.get(name).is_some_and(|user| user.service)
    }

    /// What a user's roles give, disabled or not.
    pub fn permissions_of(&self, user: &str) -> Names {
        let roles = self.users.get(user).map(|user| user.roles.clone()).unwrap_or_default();
        roles.iter().flat_map(|role| self.given(role)).collect()
    }

    /// The role, and all it inherits from.
    fn below(&self, role: &str) -> Names {
        let mut below = owned(&[role]);
        for _ in &self.edges {
            let next: Names = self.edges.iter().filter(|it| below.contains(&it.0)).map(|it| it.1.clone()).collect();
            below.extend(next);
        }
        below
    }

    fn given(&self, role: &str) -> Names {
        self.below(role).iter().flat_map(|role| self.roles[role].clone()).collect()
    }

    fn has_edge(&self, senior: &str, junior: &str) -> bool {
        self.edges.contains(&(senior.to_owned(), junior.to_owned()))
    }

    fn is_cycle(&self, request: &Request) -> bool {
        matches!(request, Request::Inherit(senior, junior) if self.below(junior).contains(*senior))
    }

    fn someone_administers(&self) -> bool {
        self.users.keys().any(|user| self.can_sign_in(user) && self.permissions_of(user).contains("roles:escalate"))
    }

    /// The status that the rules demand for an actor who holds this.
    pub fn expect(&self, held: &Names, request: &Request) -> u16 {
        if !held.contains(request.guard()) {
            return 403;
        }
        if self.names_something_unknown(request) {
            return 404;
        }
        let patches = matches!(request, Request::SetStatus(..));
        if self.is_already_so(request) && !patches {
            return 204;
        }
        if !held.contains("roles:escalate") && !self.needs(request).is_subset(held) {
            return 403;
        }
        if self.is_already_so(request) {
            return 200;
        }
        if self.exists(request) || is_built_in(request) || self.is_cycle(request) || self.goes_with_its_client(request)
        {
            return 409;
        }
        let mut after = self.clone();
        after.apply(request);
        if !after.someone_administers() {
            return 409;
        }
        match request {
            Request::CreateUser(..)
            | Request::CreateRole(..)
            | Request::CreatePermission(_)
            | Request::CreateClient(_) => 201,
            Request::SetStatus(..) => 200,
            _ => 204,
        }
    }

    fn names_something_unknown(&self, request: &Request) -> bool {
        let user = |name: &str| !self.users.contains_key(name);
        let role = |name: &str| !self.roles.contains_key(name);
        let permission = |name: &str| !self.permissions.contains(name);
        match request {
            Request::CreateUser(_, roles) => roles.iter().any(|name| role(name)),
            Request::DeleteUser(name) | Request::SetStatus(name, _) | Request::ResetPassword(name) => user(name),
            Request::Assign(name, of) | Request::Deassign(name, of) => user(name) || role(of),
            Request::CreateRole(_, permissions) => permissions.iter().any(|name| permission(name)),
            Request::DeleteRole(name) => role(name),
            Request::Grant(name, of) | Request::Revoke(name, of) => role(name) || permission(of),
            Request::Inherit(one, other) | Request::Disinherit(one, other) => role(one) || role(other),
            Request::CreatePermission(_) | Request::CreateClient(_) => false,
            Request::DeletePermission(name) => permission(name),
            Request::DeleteClient(name) => !self.is_service(name),
        }
    }

    fn goes_with_its_client(&self, request: &Request) -> bool {
        matches!(request, Request::DeleteUser(user) | Request::ResetPassword(user) if self.is_service(user))
    }

    fn is_already_so(&self, request: &Request) -> bool {
        match request {
            Request::SetStatus(user, active) => self.users[*user].enabled == *active,
            Request::Assign(user, role) => self.users[*user].roles.contains(*role),
            Request::Deassign(user, role) => !self.users[*user].roles.contains(*role),
            Request::Grant(role, permission) => self.roles[*role].contains(*permission),
            Request::Revoke(role, permission) => !self.roles[*role].contains(*permission),
            Request::Inherit(senior, junior) => self.has_edge(senior, junior),
            Request::Disinherit(senior, junior) => !self.has_edge(senior, junior),
            _ => false,
        }
    }

    /// What is given, and what whoever is touched holds.
    fn needs(&self, request: &Request) -> Names {
        match request {
            Request::CreateUser(_, roles) => roles.iter().flat_map(|role| self.given(role)).collect(),
            Request::DeleteUser(user)
            | Request::SetStatus(user, _)
            | Request::ResetPassword(user)
            | Request::Deassign(user, _)
            | Request::DeleteClient(user) => self.permissions_of(user),
            Request::Assign(user, role) => &self.permissions_of(user) | &self.given(role),
            Request::CreateRole(_, permissions) => permissions.iter().map(ToString::to_string).collect(),
            Request::DeleteRole(role) | Request::Revoke(role, _) | Request::Disinherit(role, _) => self.given(role),
            Request::Grant(role, permission) => &self.given(role) | &owned(&[permission]),
            Request::Inherit(senior, junior) => &self.given(senior) | &self.given(junior),
            Request::CreatePermission(_) | Request::CreateClient(_) => Names::new(),
            Request::DeletePermission(permission) => owned(&[permission]),
        }
    }

    fn exists(&self, request: &Request) -> bool {
        match request {
            Request::CreateUser(name, _) | Request::CreateClient(name) => self.users.contains_key(*name),
            Request::CreateRole(name, _) => self.roles.contains_key(*name),
            Request::CreatePermission(name) => self.permissions.contains(*name),
            _ => false,
        }
    }

    /// What is so afterwards.
    pub fn apply(&mut self, request: &Request) {
        match request {
            Request::CreateUser(name, roles) => self.user(name, &roles.iter().copied().collect::<Vec<_>>()),
            Request::DeleteUser(name) | Request::DeleteClient(name) => {
                self.users.remove(*name);
            }
            Request::CreateClient(name) => {
                self.users.insert((*name).to_owned(), User { roles: Names::new(), enabled: true, service: true });
            }
            Request::SetStatus(name, active) => self.users.get_mut(*name).unwrap().enabled = *active,
            Request::ResetPassword(_) => {}
            Request::Assign(name, role) => {
                self.users.get_mut(*name).unwrap().roles.insert((*role).to_owned());
            }
            Request::Deassign(name, role) => {
                self.users.get_mut(*name).unwrap().roles.remove(*role);
            }
            Request::CreateRole(role, permissions) => self.role(role, &permissions.iter().copied().collect::<Vec<_>>()),
            Request::DeleteRole(role) => {
                self.roles.remove(*role);
                self.users.values_mut().for_each(|user| user.roles.retain(|name| name != role));
                self.edges.retain(|edge| edge.0 != *role && edge.1 != *role);
            }
            Request::Grant(role, permission) => {
                self.roles.get_mut(*role).unwrap().insert((*permission).to_owned());
            }
            Request::Revoke(role, permission) => {
                self.roles.get_mut(*role).unwrap().remove(*permission);
            }
            Request::Inherit(senior, junior) => {
                self.edges.insert(((*senior).to_owned(), (*junior).to_owned()));
            }
            Request::Disinherit(senior, junior) => {
                self.edges.remove(&((*senior).to_owned(), (*junior).to_owned()));
            }
            Request::CreatePermission(permission) => {
                self.permissions.insert((*permission).to_owned());
            }
            Request::DeletePermission(permission) => {
                self.permissions.remove(*permission);
                self.roles.values_mut().for_each(|all| all.retain(|name| name != permission));
            }
        }
    }
}
