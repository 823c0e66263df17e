//! The standard's own words, as sets: ANSI INCITS 359, Core, Hierarchical, Static and Dynamic Separation of Duty; and
//! assignments that begin and end. Nothing here is clever, and nothing is shared with the server.

mod changes;
mod function;

use std::collections::{BTreeMap, BTreeSet};

pub use changes::Outcome;
pub use function::{Function, PERMISSIONS, ROLES, SESSIONS, USERS, function};

pub type User = u8;
pub type Role = u8;
pub type Permission = u8;
pub type Set = BTreeSet<Role>;

/// From a role that is assigned down to one that was granted a permission; and when the assignment ends.
pub type Path = (Vec<Role>, Option<i64>);

/// When something counts; a time is a number that only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    pub from: Option<i64>,
    pub until: Option<i64>,
}

impl Times {
    fn ended(self, now: i64) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    pub fn in_force(self, now: i64) -> bool {
        self.from.is_none_or(|from| from <= now) && !self.ended(now)
    }
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
    /// A role has at most one immediate junior.
    pub limited: bool,
    pub now: i64,
    /// And whether each is enabled.
    pub users: BTreeMap<User, bool>,
    pub roles: Set,
    pub permissions: BTreeSet<Permission>,
    pub assigned: BTreeMap<(User, Role), Times>,
    pub granted: BTreeSet<(Role, Permission)>,
    /// Immediate: senior, junior.
    pub edges: BTreeSet<(Role, Role)>,
    pub sets: BTreeMap<u8, Separation>,
    pub sessions: BTreeMap<usize, Session>,
}

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

    /// What is assigned now.
    pub fn assigned_roles(&self, user: User) -> Set {
        self.assigned
            .iter()
            .filter(|(it, times)| it.0 == user && times.in_force(self.now))
            .map(|(it, _)| it.1)
            .collect()
    }

    /// What is assigned now or later: what separation counts.
    fn now_or_later(&self, user: User) -> Set {
        self.assigned.iter().filter(|(it, times)| it.0 == user && !times.ended(self.now)).map(|(it, _)| it.1).collect()
    }

    fn all_below(&self, roles: &Set) -> Set {
        roles.iter().flat_map(|role| self.below(*role)).collect()
    }

    pub fn authorized_roles(&self, user: User) -> Set {
        self.all_below(&self.assigned_roles(user))
    }

    pub fn permissions_of(&self, roles: &Set) -> BTreeSet<Permission> {
        let below = self.all_below(roles);
        self.granted.iter().filter(|it| below.contains(&it.0)).map(|it| it.1).collect()
    }

    /// What a user may do: nothing, while disabled.
    pub fn rights(&self, user: User) -> BTreeSet<Permission> {
        if self.users.get(&user) == Some(&true) {
            self.permissions_of(&self.assigned_roles(user))
        } else {
            BTreeSet::new()
        }
    }

    /// The assigned roles by way of which a user has one.
    pub fn via(&self, user: User, role: Role) -> Set {
        self.assigned_roles(user).into_iter().filter(|senior| self.below(*senior).contains(&role)).collect()
    }

    pub fn giving(&self, permission: Permission) -> Set {
        self.roles
            .iter()
            .copied()
            .filter(|role| self.permissions_of(&Set::from([*role])).contains(&permission))
            .collect()
    }

    pub fn session_roles(&self, session: &Session) -> Set {
        match &session.kept {
            None => self.assigned_roles(session.user),
            Some(kept) => kept & &self.authorized_roles(session.user),
        }
    }

    /// When the first of a session's roles ends, each counted by its longest way.
    pub fn session_ends(&self, session: &Session) -> Option<i64> {
        let ends = |role| {
            let ways =
                self.via(session.user, role).into_iter().map(|senior| self.assigned[&(session.user, senior)].until);
            ways.map(|until| until.unwrap_or(i64::MAX)).max().unwrap()
        };
        self.session_roles(session).into_iter().map(ends).min().filter(|end| *end < i64::MAX)
    }

    /// Every way in which a user comes by a permission.
    pub fn paths(&self, user: User, permission: Permission) -> BTreeSet<Path> {
        let mut paths = BTreeSet::new();
        for start in self.assigned_roles(user) {
            let until = self.assigned[&(user, start)].until;
            let mut open = vec![vec![start]];
            while let Some(path) = open.pop() {
                let last = path[path.len() - 1];
                let on = self.edges.iter().filter(|edge| edge.0 == last);
                open.extend(on.map(|edge| [path.as_slice(), &[edge.1]].concat()));
                if self.granted.contains(&(last, permission)) {
                    paths.insert((path, until));
                }
            }
        }
        paths
    }

    /// Cuts a way at one of its links: the assignment, a step down, or the grant.
    pub fn cut(&mut self, user: User, permission: Permission, (roles, _): &Path, link: usize) {
        match link % (roles.len() + 1) {
            0 => self.assigned.remove(&(user, roles[0])).is_some(),
            last if last == roles.len() => self.granted.remove(&(roles[last - 1], permission)),
            step => self.edges.remove(&(roles[step - 1], roles[step])),
        };
    }

    /// What stands in the way of giving a user a role, to who may escalate.
    pub fn obstacle(&self, user: User, role: Role) -> Option<&'static str> {
        if self.assigned.contains_key(&(user, role)) {
            return Some("not_in_force");
        }
        let mut next = self.clone();
        next.assigned.insert((user, role), Times { from: None, until: None });
        next.static_broken().then_some("separation_of_duty")
    }

    fn static_broken(&self) -> bool {
        let too_many = |user: &User| self.broken(false, &self.all_below(&self.now_or_later(*user)));
        self.users.keys().any(too_many)
    }

    fn broken(&self, dynamic: bool, roles: &Set) -> bool {
        self.sets.values().any(|set| set.dynamic == dynamic && set.broken(roles))
    }

    /// Whether a session has too many roles active, or will have.
    fn session_broken(&self) -> bool {
        let roles = |session: &Session| {
            let all = self.now_or_later(session.user);
            match &session.kept {
                None => all,
                Some(kept) => kept & &self.all_below(&all),
            }
        };
        self.sessions.values().any(|session| self.broken(true, &roles(session)))
    }
}
