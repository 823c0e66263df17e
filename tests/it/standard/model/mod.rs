//! The standard's own words, as sets: ANSI INCITS 359, Core, General Hierarchical, Static and Dynamic Separation of Duty.
//! Nothing here is clever, and nothing is shared with the server.

use std::collections::{BTreeMap, BTreeSet};

pub type Role = u8;
pub type User = u8;
pub type Set = BTreeSet<Role>;

/// A function of the standard, with its arguments.
#[derive(Clone, Debug)]
pub enum Function {
    AddRole(Role),
    DeleteRole(Role),
    AssignUser(User, Role),
    DeassignUser(User, Role),
    GrantPermission(Role, u8),
    RevokePermission(Role, u8),
    AddInheritance(Role, Role),
    DeleteInheritance(Role, Role),
    CreateSet { name: u8, dynamic: bool, cardinality: usize, roles: Set },
    DeleteSet(u8),
    AddMember(u8, Role),
    DeleteMember(u8, Role),
    SetCardinality(u8, usize),
    CreateSession(User, Option<Set>),
    DeleteSession(usize),
    AddActiveRole(usize, Role),
    DropActiveRole(usize, Role),
}

#[derive(Clone, Debug)]
pub struct Separation {
    pub dynamic: bool,
    pub cardinality: usize,
    pub roles: Set,
}

impl Separation {
    /// n or more of its roles are too many.
    fn broken(&self, roles: &Set) -> bool {
        self.roles.intersection(roles).count() >= self.cardinality
    }

    fn valid(&self) -> bool {
        2 <= self.cardinality && self.cardinality <= self.roles.len()
    }
}

#[derive(Clone, Debug)]
pub struct Session {
    pub user: User,
    /// None: whatever is assigned to its user.
    pub kept: Option<Set>,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub roles: Set,
    pub assigned: BTreeSet<(User, Role)>,
    pub granted: BTreeSet<(Role, u8)>,
    /// Immediate: senior, junior.
    pub edges: BTreeSet<(Role, Role)>,
    pub sets: BTreeMap<u8, Separation>,
    pub sessions: BTreeMap<usize, Session>,
}

/// Done, or refused with a status and a code.
pub type Outcome = Result<(), (u16, &'static str)>;

const MISSING: (u16, &str) = (404, "not_found");
const SEPARATED: (u16, &str) = (409, "separation_of_duty");

impl Model {
    /// The role and all below it: the reflexive, transitive closure.
    pub fn below(&self, role: Role) -> Set {
        let mut below = Set::from([role]);
        loop {
            let next: Set = self.edges.iter().filter(|edge| below.contains(&edge.0)).map(|edge| edge.1).collect();
            if next.is_subset(&below) {
                return below;
            }
            below.extend(next);
        }
    }

    pub fn assigned_roles(&self, user: User) -> Set {
        self.assigned.iter().filter(|it| it.0 == user).map(|it| it.1).collect()
    }

    pub fn authorized_roles(&self, user: User) -> Set {
        self.assigned_roles(user).into_iter().flat_map(|role| self.below(role)).collect()
    }

    pub fn permissions(&self, roles: &Set) -> BTreeSet<u8> {
        let below: Set = roles.iter().flat_map(|role| self.below(*role)).collect();
        self.granted.iter().filter(|it| below.contains(&it.0)).map(|it| it.1).collect()
    }

    pub fn session_roles(&self, session: &Session) -> Set {
        match &session.kept {
            None => self.assigned_roles(session.user),
            Some(kept) => kept & &self.authorized_roles(session.user),
        }
    }

    fn static_broken(&self, users: u8) -> bool {
        let broken = |user| self.sets.values().any(|set| !set.dynamic && set.broken(&self.authorized_roles(user)));
        (0..users).any(broken)
    }

    fn dynamic_broken(&self, roles: &Set) -> bool {
        self.sets.values().any(|set| set.dynamic && set.broken(roles))
    }

    fn session_broken(&self) -> bool {
        let roles = |session: &Session| session.kept.clone().unwrap_or_else(|| self.assigned_roles(session.user));
        self.sessions.values().any(|session| self.dynamic_broken(&roles(session)))
    }

    fn exist<'a>(&self, roles: impl IntoIterator<Item = &'a Role>) -> Result<(), (u16, &'static str)> {
        if roles.into_iter().all(|role| self.roles.contains(role)) { Ok(()) } else { Err(MISSING) }
    }

    /// The state after a change, unless somebody would have too many roles in it.
    fn separated(&mut self, next: Self, users: u8) -> Outcome {
        if next.static_broken(users) || next.session_broken() {
            return Err(SEPARATED);
        }
        *self = next;
        Ok(())
    }

    fn change_set(&mut self, name: u8, users: u8, change: impl FnOnce(&mut Separation)) -> Outcome {
        let mut next = self.clone();
        let set = next.sets.get_mut(&name).ok_or(MISSING)?;
        change(set);
        if !set.valid() {
            return Err((400, "bad_cardinality"));
        }
        self.separated(next, users)
    }

    #[expect(clippy::too_many_lines, reason = "one arm a function of the standard")]
    /// What comes of a function. Where nothing changes, nothing is refused.
    pub fn call(&mut self, function: &Function, users: u8, new_session: usize) -> Outcome {
        let mut next = self.clone();
        match function {
            Function::AddRole(role) => {
                if !next.roles.insert(*role) {
                    return Err((409, "already_exists"));
                }
            }
            Function::DeleteRole(role) => {
                self.exist([role])?;
                if self.sets.values().any(|set| set.roles.contains(role) && set.cardinality == set.roles.len()) {
                    return Err((409, "in_separation_set"));
                }
                next.roles.remove(role);
                next.assigned.retain(|it| it.1 != *role);
                next.granted.retain(|it| it.0 != *role);
                next.edges.retain(|it| it.0 != *role && it.1 != *role);
                for set in next.sets.values_mut() {
                    set.roles.remove(role);
                }
            }
            Function::AssignUser(user, role) => {
                self.exist([role])?;
                if !next.assigned.insert((*user, *role)) {
                    return Ok(());
                }
                if next.static_broken(users) {
                    return Err(SEPARATED);
                }
                // A session that follows what is assigned keeps what it had, if all would be too many.
                if next.dynamic_broken(&next.assigned_roles(*user)) {
                    let had = self.assigned_roles(*user);
                    let follows = |it: &&mut Session| it.user == *user && it.kept.is_none();
                    next.sessions.values_mut().filter(follows).for_each(|it| it.kept = Some(had.clone()));
                }
            }
            Function::DeassignUser(user, role) => {
                self.exist([role])?;
                next.assigned.remove(&(*user, *role));
            }
            Function::GrantPermission(role, permission) => {
                self.exist([role])?;
                next.granted.insert((*role, *permission));
            }
            Function::RevokePermission(role, permission) => {
                self.exist([role])?;
                next.granted.remove(&(*role, *permission));
            }
            Function::AddInheritance(senior, junior) => {
                self.exist([senior, junior])?;
                if self.edges.contains(&(*senior, *junior)) {
                    return Ok(());
                }
                if self.below(*junior).contains(senior) {
                    return Err((409, "role_cycle"));
                }
                next.edges.insert((*senior, *junior));
                return self.separated(next, users);
            }
            Function::DeleteInheritance(senior, junior) => {
                self.exist([senior, junior])?;
                next.edges.remove(&(*senior, *junior));
            }
            Function::CreateSet { name, dynamic, cardinality, roles } => {
                self.exist(roles)?;
                let set = Separation { dynamic: *dynamic, cardinality: *cardinality, roles: roles.clone() };
                if !set.valid() {
                    return Err((400, "bad_cardinality"));
                }
                let taken = next.sets.insert(*name, set).is_some();
                let mut alone = self.clone();
                alone.sets = next.sets.clone();
                if alone.static_broken(users) || alone.session_broken() {
                    return Err(SEPARATED);
                }
                if taken {
                    return Err((409, "already_exists"));
                }
            }
            Function::DeleteSet(name) => {
                next.sets.remove(name).ok_or(MISSING)?;
            }
            Function::AddMember(name, role) => {
                let set = self.sets.get(name).ok_or(MISSING)?;
                self.exist([role])?;
                if set.roles.contains(role) {
                    return Ok(());
                }
                return self.change_set(*name, users, |set| set.roles.extend([*role]));
            }
            Function::DeleteMember(name, role) => {
                let set = self.sets.get(name).ok_or(MISSING)?;
                self.exist([role])?;
                if !set.roles.contains(role) {
                    return Ok(());
                }
                return self.change_set(*name, users, |set| set.roles.retain(|it| it != role));
            }
            Function::SetCardinality(name, cardinality) => {
                return self.change_set(*name, users, |set| set.cardinality = *cardinality);
            }
            Function::CreateSession(user, named) => {
                let roles = named.clone().unwrap_or_else(|| self.assigned_roles(*user));
                if !roles.is_subset(&self.authorized_roles(*user)) || self.dynamic_broken(&roles) {
                    return Err((400, "invalid_request"));
                }
                next.sessions.insert(new_session, Session { user: *user, kept: named.clone() });
            }
            Function::DeleteSession(session) => {
                next.sessions.remove(session).ok_or(MISSING)?;
            }
            Function::AddActiveRole(session, role) => {
                let session = next.sessions.get_mut(session).ok_or(MISSING)?;
                self.exist([role])?;
                let mut active = self.session_roles(session);
                if !active.insert(*role) {
                    return Ok(());
                }
                if !self.authorized_roles(session.user).contains(role) {
                    return Err((409, "not_authorized"));
                }
                if self.dynamic_broken(&active) {
                    return Err(SEPARATED);
                }
                session.kept = Some(active);
            }
            Function::DropActiveRole(session, role) => {
                let session = next.sessions.get_mut(session).ok_or(MISSING)?;
                let mut active = self.session_roles(session);
                if !active.remove(role) {
                    return Ok(());
                }
                session.kept = Some(active);
            }
        }
        *self = next;
        Ok(())
    }
}
