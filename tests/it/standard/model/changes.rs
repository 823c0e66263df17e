//! What comes of a function.

use super::{Function, Model, Role, Separation, Session, Set, Times, User};

/// A status and a code.
pub type Refusal = (u16, &'static str);

/// Done, or refused for one of these reasons.
pub type Outcome = Result<(), Vec<Refusal>>;

const MISSING: Refusal = (404, "not_found");
const TAKEN: Refusal = (409, "already_exists");
const SEPARATED: Refusal = (409, "separation_of_duty");
const CARDINALITY: Refusal = (400, "bad_cardinality");
const TOO_SMALL: Refusal = (409, "in_separation_set");

fn refused_if(refused: bool, why: Refusal) -> Outcome {
    if refused { Err(vec![why]) } else { Ok(()) }
}

impl Model {
    /// What comes of a function; `new` is the number of a session that it opens. Where nothing changes, nothing is refused.
    pub fn call(&mut self, function: &Function, new: usize) -> Outcome {
        let mut next = self.clone();
        match function {
            Function::Pass(time) => next.now += time,
            Function::AddUser(..) | Function::DeleteUser(_) | Function::Enable(..) => next.user(function)?,
            Function::AddPermission(it) => refused_if(!next.permissions.insert(*it), TAKEN)?,
            Function::DeletePermission(it) => {
                refused_if(!next.permissions.remove(it), MISSING)?;
                next.granted.retain(|grant| grant.1 != *it);
            }
            Function::AddRole { role, juniors, seniors } => next.add_role(*role, juniors, seniors)?,
            Function::DeleteRole(role) => next.delete_role(*role)?,
            Function::AssignUser(user, role, times) => {
                self.exist([role])?;
                refused_if(!self.users.contains_key(user), MISSING)?;
                next.assign(*user, *role, *times)?;
                next.pin(*user, self);
            }
            Function::DeassignUser(user, role) => {
                self.exist([role])?;
                refused_if(!self.users.contains_key(user), MISSING)?;
                next.assigned.remove(&(*user, *role));
            }
            Function::GrantPermission(role, it) | Function::RevokePermission(role, it) => {
                self.exist([role])?;
                refused_if(!self.permissions.contains(it), MISSING)?;
                if matches!(function, Function::GrantPermission(..)) {
                    next.granted.insert((*role, *it));
                } else {
                    next.granted.remove(&(*role, *it));
                }
            }
            Function::AddInheritance(senior, junior) => next.inherit(*senior, *junior)?,
            Function::DeleteInheritance(senior, junior) => {
                self.exist([senior, junior])?;
                next.edges.remove(&(*senior, *junior));
            }
            Function::CreateSet { name, dynamic, cardinality, roles } => {
                let set = Separation { dynamic: *dynamic, cardinality: *cardinality, roles: roles.clone() };
                refused_if(!set.valid(), CARDINALITY)?;
                self.exist(roles)?;
                let taken = next.sets.insert(*name, set).is_some();
                next.separated().map_err(|why| if taken { [why, vec![TAKEN]].concat() } else { why })?;
                refused_if(taken, TAKEN)?;
            }
            Function::DeleteSet(name) => refused_if(next.sets.remove(name).is_none(), MISSING)?,
            Function::AddMember(name, role) => next.set(*name, &[*role].into(), CARDINALITY, |set| {
                set.roles.insert(*role);
            })?,
            Function::DeleteMember(name, role) => next.set(*name, &[*role].into(), TOO_SMALL, |set| {
                set.roles.remove(role);
            })?,
            Function::SetCardinality(name, number) => {
                refused_if(*number < 2, CARDINALITY)?;
                next.set(*name, &Set::new(), CARDINALITY, |set| set.cardinality = *number)?;
            }
            Function::SetMembers(name, number, roles) => {
                refused_if(!(2..=roles.len()).contains(number), CARDINALITY)?;
                next.set(*name, roles, CARDINALITY, |set| {
                    set.cardinality = *number;
                    set.roles.clone_from(roles);
                })?;
            }
            _ => next.session(function, new)?,
        }
        *self = next;
        Ok(())
    }

    fn exist<'a>(&self, roles: impl IntoIterator<Item = &'a Role>) -> Outcome {
        refused_if(!roles.into_iter().all(|role| self.roles.contains(role)), MISSING)
    }

    /// Nobody has too many roles.
    fn separated(&self) -> Outcome {
        refused_if(self.static_broken() || self.session_broken(), SEPARATED)
    }

    fn user(&mut self, function: &Function) -> Outcome {
        match function {
            Function::AddUser(user, roles) => {
                self.exist(roles)?;
                let apart = refused_if(self.broken(false, &self.all_below(roles)), SEPARATED);
                if self.users.insert(*user, true).is_some() {
                    return Err([apart.err().unwrap_or_default(), vec![TAKEN]].concat());
                }
                let always = Times { from: None, until: None };
                self.assigned.extend(roles.iter().map(|role| ((*user, *role), always)));
                apart
            }
            Function::DeleteUser(user) => {
                self.assigned.retain(|it, _| it.0 != *user);
                self.sessions.retain(|_, session| session.user != *user);
                refused_if(self.users.remove(user).is_none(), MISSING)
            }
            Function::Enable(user, enabled) => {
                if !enabled {
                    self.sessions.retain(|_, session| session.user != *user);
                }
                self.users.get_mut(user).map(|it| *it = *enabled).ok_or(vec![MISSING])
            }
            _ => unreachable!("{function:?} is about no user"),
        }
    }

    fn add_role(&mut self, role: Role, juniors: &Set, seniors: &Set) -> Outcome {
        self.exist(juniors.iter().chain(seniors).filter(|it| **it != role))?;
        let mut refused = Vec::new();
        // Whatever else is wrong with it may be said as well.
        if !self.roles.insert(role) {
            refused.push(TAKEN);
        }
        let mut above = self.clone();
        above.edges.extend(seniors.iter().map(|senior| (*senior, role)));
        if juniors.contains(&role)
            || seniors.contains(&role)
            || juniors.iter().any(|it| above.below(*it).contains(&role))
        {
            refused.push((409, "role_cycle"));
        }
        let second = |senior: &Role| self.edges.iter().any(|edge| edge.0 == *senior);
        if self.limited && (juniors.len() > 1 || seniors.iter().any(second)) {
            refused.push((409, "limited_hierarchy"));
        }
        self.edges.extend(juniors.iter().map(|junior| (role, *junior)));
        self.edges.extend(seniors.iter().map(|senior| (*senior, role)));
        if self.static_broken() {
            refused.push(SEPARATED);
        }
        if refused.is_empty() { Ok(()) } else { Err(refused) }
    }

    fn delete_role(&mut self, role: Role) -> Outcome {
        self.exist([&role])?;
        let tight = |set: &Separation| set.roles.contains(&role) && set.cardinality == set.roles.len();
        refused_if(self.sets.values().any(tight), TOO_SMALL)?;
        self.roles.remove(&role);
        self.assigned.retain(|it, _| it.1 != role);
        self.granted.retain(|it| it.0 != role);
        self.edges.retain(|it| it.0 != role && it.1 != role);
        for set in self.sets.values_mut() {
            set.roles.remove(&role);
        }
        // Another one of its name is another one.
        for kept in self.sessions.values_mut().filter_map(|session| session.kept.as_mut()) {
            kept.remove(&role);
        }
        Ok(())
    }

    fn assign(&mut self, user: User, role: Role, times: Times) -> Outcome {
        let at = |time: Option<i64>| time.map(|time| self.now + time);
        let times = Times { from: at(times.from), until: at(times.until) };
        if self.assigned.insert((user, role), times) == Some(times) {
            return Ok(());
        }
        let begins = times.from.unwrap_or(self.now).max(self.now);
        refused_if(times.until.is_some_and(|until| until <= begins), (400, "bad_request"))?;
        refused_if(self.static_broken(), SEPARATED)
    }

    /// A session that follows what is assigned keeps what it had, if all would be too many.
    fn pin(&mut self, user: User, before: &Self) {
        if self.broken(true, &self.now_or_later(user)) {
            let follows = |it: &&mut Session| it.user == user && it.kept.is_none();
            self.sessions.values_mut().filter(follows).for_each(|it| it.kept = Some(before.assigned_roles(user)));
        }
    }

    fn inherit(&mut self, senior: Role, junior: Role) -> Outcome {
        self.exist([&senior, &junior])?;
        let cycle = self.below(junior).contains(&senior);
        let second = self.limited && self.edges.iter().any(|edge| edge.0 == senior);
        if !self.edges.insert((senior, junior)) {
            return Ok(());
        }
        refused_if(cycle, (409, "role_cycle"))?;
        refused_if(second, (409, "limited_hierarchy"))?;
        self.separated()
    }

    fn set(&mut self, name: u8, roles: &Set, otherwise: Refusal, change: impl FnOnce(&mut Separation)) -> Outcome {
        let roles = self.exist(roles);
        let set = self.sets.get_mut(&name).ok_or(vec![MISSING])?;
        roles?;
        change(set);
        refused_if(!set.valid(), otherwise)?;
        self.separated()
    }

    fn session(&mut self, function: &Function, new: usize) -> Outcome {
        match function {
            Function::CreateSession(user, named) => {
                refused_if(self.users.get(user) != Some(&true), (400, "invalid_grant"))?;
                let assigned = self.assigned_roles(*user);
                let roles = named.as_ref().unwrap_or(&assigned);
                let wrong = !roles.is_subset(&self.authorized_roles(*user)) || self.broken(true, roles);
                refused_if(wrong, (400, "invalid_request"))?;
                // It doesn't follow, if what begins later would be too many.
                let follows = !self.broken(true, &self.now_or_later(*user));
                let kept = named.clone().or((!follows).then_some(assigned));
                self.sessions.insert(new, Session { user: *user, kept });
                Ok(())
            }
            Function::DeleteSession(session) => refused_if(self.sessions.remove(session).is_none(), MISSING),
            Function::AddActiveRole(number, role) => {
                let session = self.sessions.get(number).ok_or(vec![MISSING])?;
                self.exist([role])?;
                let mut active = self.session_roles(session);
                if active.insert(*role) {
                    let authorized = self.authorized_roles(session.user).contains(role);
                    refused_if(!authorized, (409, "not_authorized"))?;
                    refused_if(self.broken(true, &active), SEPARATED)?;
                    self.sessions.get_mut(number).unwrap().kept = Some(active);
                }
                Ok(())
            }
            Function::DropActiveRole(number, role) => {
                let session = self.sessions.get(number).ok_or(vec![MISSING])?;
                let mut active = self.session_roles(session);
                if active.remove(role) {
                    self.sessions.get_mut(number).unwrap().kept = Some(active);
                }
                Ok(())
            }
            _ => unreachable!("{function:?} is about no session"),
        }
    }
}
