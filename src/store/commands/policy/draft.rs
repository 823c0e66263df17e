//! A policy file's changes, made into rows and steps of the graph one by one.

use std::collections::HashMap;

use rolecall_guard::Clock;

use super::touched::Touched;
use crate::{
    policy::{
        Delta, PermissionName, RoleName, SeparationSet, SetName, Term, Username,
        file::{Change, Validity},
    },
    random,
    store::{
        self, PermissionId, Refused, RoleId, SetId, UserId, clients,
        commands::{permissions::without, separation_sets::row as set_row},
        effect::Effect,
        entity::{assignments, clients as client_rows, permissions, roles},
        plan::{Plan, View},
        policy_file::Current,
    },
};

/// A plan in the making.
pub(super) struct Draft<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) current: Current,
    pub(super) clock: &'a Clock,
    pub(super) plan: Plan,
    pub(super) touched: Touched,
}

impl Draft<'_> {
    pub(super) fn take(&mut self, change: &Change) -> Result<(), Refused> {
        match change {
            Change::RemoveSet(name, old) => self.remove_set(name, old),
            Change::AddSet(name, new) => self.put_set(name, None, new),
            Change::UpdateSet(name, old, new) => self.put_set(name, Some(old), new),
            Change::Assign(user, role, _, times) => self.assign(user, role, *times),
            Change::Deassign(user, role, _) => self.deassign(user, role),
            Change::AddRole(role, description) => {
                self.add_role(role, description.clone());
                Ok(())
            }
            Change::DescribeRole(role, _, description) => self.describe_role(role, description.clone()),
            Change::RemoveRole(role, _) => self.remove_role(role),
            Change::Grant(role, permission) => self.grant(role, permission),
            Change::Revoke(role, permission) => self.revoke(role, permission),
            Change::Inherit(senior, junior) => self.inherit(senior, junior),
            Change::Disinherit(senior, junior) => self.disinherit(senior, junior),
            Change::AddPermission(name, description) => {
                self.add_permission(name, description.clone());
                Ok(())
            }
            Change::DescribePermission(name, _, description) => self.describe_permission(name, description.clone()),
            Change::RemovePermission(name, _) => self.remove_permission(name),
        }
    }

    fn role(&self, name: &RoleName) -> Result<RoleId, Refused> {
        self.current.roles.get(name).map(|row| row.id).ok_or(Refused::NotFound("role"))
    }

    fn permission(&self, name: &PermissionName) -> Result<&permissions::Model, Refused> {
        self.current.permissions.get(name).ok_or(Refused::NotFound("permission"))
    }

    fn user(&self, name: &Username) -> Result<UserId, Refused> {
        self.current.users.get(name).copied().ok_or(Refused::NotFound("user"))
    }

    fn remove_set(&mut self, name: &SetName, old: &SeparationSet) -> Result<(), Refused> {
        let set = self.current.sets.get(name).ok_or(Refused::NotFound("separation set"))?;
        self.plan.effects.push(Effect::DeleteSet(set.id));
        self.plan.deltas.push(Delta::Unseparated { set: name.clone() });
        self.touched.roles.extend(old.roles.iter().cloned());
        Ok(())
    }

    fn put_set(&mut self, name: &SetName, old: Option<&SeparationSet>, new: &SeparationSet) -> Result<(), Refused> {
        let SeparationSet { kind, cardinality, roles } = new.clone();
        let members = roles.iter().map(|role| self.role(role)).collect::<Result<Vec<_>, _>>()?;
        let there = old.and_then(|_| self.current.sets.get(name));
        let id = there.map_or_else(|| SetId(random::id(self.clock)), |row| row.id);
        let made = there.map_or(self.view.now, |row| row.created_at);
        let set = store::SeparationSet {
            id,
            name: name.clone(),
            kind,
            cardinality,
            roles: roles.clone(),
            revision: self.view.revision,
        };
        let row = set_row(&set, made, self.view);
        self.plan.effects.push(match old {
            Some(_) => Effect::UpdateSet(row, members),
            None => Effect::InsertSet(row, members),
        });
        self.touched.roles.extend(old.into_iter().flat_map(|old| old.roles.iter().cloned()));
        self.touched.kept_apart.extend(roles.iter().cloned());
        self.plan.deltas.push(Delta::Separated { set: name.clone(), kind, cardinality, roles });
        Ok(())
    }

    fn assign(&mut self, user: &Username, role: &RoleName, times: Validity) -> Result<(), Refused> {
        let Validity { valid_from, valid_until } = times;
        let (user_id, role_id) = (self.user(user)?, self.role(role)?);
        let row = assignments::Model { user_id, role_id, valid_from, valid_until };
        self.plan.effects.push(Effect::Assign(row, role.clone()));
        self.touched.users.insert(user_id);
        self.touched.pass_on(role, valid_until.map_or(Term::Always, Term::Until));
        Ok(())
    }

    fn deassign(&mut self, user: &Username, role: &RoleName) -> Result<(), Refused> {
        let user = self.user(user)?;
        self.plan.effects.push(Effect::Deassign(user, self.role(role)?, role.clone()));
        self.touched.users.insert(user);
        Ok(())
    }

    fn add_role(&mut self, role: &RoleName, description: Option<String>) {
        let row = roles::Model {
            id: RoleId(random::id(self.clock)),
            name: role.to_string(),
            description,
            built_in: false,
            created_at: self.view.now,
            updated_at: self.view.now,
            revision: self.view.revision,
        };
        self.current.roles.insert(role.clone(), row.clone());
        self.plan.effects.push(Effect::InsertRole(row));
        self.plan.deltas.push(Delta::RoleCreated { role: role.clone(), built_in: false });
    }

    fn describe_role(&mut self, role: &RoleName, description: Option<String>) -> Result<(), Refused> {
        let row = self.current.roles.get(role).ok_or(Refused::NotFound("role"))?.clone();
        let row = roles::Model { description, updated_at: self.view.now, revision: self.view.revision, ..row };
        self.plan.effects.push(Effect::UpdateRole(row));
        self.touched.roles.insert(role.clone());
        Ok(())
    }

    fn remove_role(&mut self, role: &RoleName) -> Result<(), Refused> {
        self.plan.effects.push(Effect::DeleteRole(self.role(role)?));
        self.plan.deltas.push(Delta::RoleDeleted { role: role.clone() });
        self.touched.roles.insert(role.clone());
        Ok(())
    }

    fn grant(&mut self, role: &RoleName, permission: &PermissionName) -> Result<(), Refused> {
        self.plan.effects.push(Effect::Grant(self.role(role)?, self.permission(permission)?.id));
        self.plan.deltas.push(Delta::Granted { role: role.clone(), permission: permission.clone() });
        self.touched.roles.insert(role.clone());
        self.touched.granted.insert(permission.clone());
        Ok(())
    }

    fn revoke(&mut self, role: &RoleName, permission: &PermissionName) -> Result<(), Refused> {
        self.plan.effects.push(Effect::Revoke(self.role(role)?, self.permission(permission)?.id));
        self.plan.deltas.push(Delta::Revoked { role: role.clone(), permission: permission.clone() });
        self.touched.roles.insert(role.clone());
        Ok(())
    }

    fn inherit(&mut self, senior: &RoleName, junior: &RoleName) -> Result<(), Refused> {
        self.plan.effects.push(Effect::Inherit(self.role(senior)?, self.role(junior)?));
        self.plan.deltas.push(Delta::Inherited { senior: senior.clone(), junior: junior.clone() });
        self.touched.roles.insert(senior.clone());
        self.touched.pass_on(junior, Term::Always);
        Ok(())
    }

    fn disinherit(&mut self, senior: &RoleName, junior: &RoleName) -> Result<(), Refused> {
        self.plan.effects.push(Effect::Disinherit(self.role(senior)?, self.role(junior)?));
        self.plan.deltas.push(Delta::Disinherited { senior: senior.clone(), junior: junior.clone() });
        self.touched.roles.insert(senior.clone());
        Ok(())
    }

    fn add_permission(&mut self, name: &PermissionName, description: Option<String>) {
        let row = permissions::Model {
            id: PermissionId(random::id(self.clock)),
            name: name.to_string(),
            description,
            built_in: false,
            created_at: self.view.now,
            revision: self.view.revision,
        };
        self.current.permissions.insert(name.clone(), row.clone());
        self.plan.effects.push(Effect::InsertPermission(row));
    }

    fn describe_permission(&mut self, name: &PermissionName, description: Option<String>) -> Result<(), Refused> {
        let row = self.permission(name)?.clone();
        let row = permissions::Model { description, revision: self.view.revision, ..row };
        self.plan.effects.push(Effect::UpdatePermission(row));
        self.touched.permissions.insert(name.clone());
        Ok(())
    }

    fn remove_permission(&mut self, name: &PermissionName) -> Result<(), Refused> {
        self.plan.effects.push(Effect::DeletePermission(self.permission(name)?.id));
        self.plan.deltas.push(Delta::PermissionDeleted { permission: name.clone() });
        self.touched.permissions.insert(name.clone());
        Ok(())
    }

    /// A permission that goes leaves clients' scopes, too.
    pub(super) async fn take_from_clients(&mut self, changes: &[Change]) -> Result<(), Refused> {
        let mut scoped: HashMap<String, client_rows::Model> = HashMap::new();
        for change in changes {
            let Change::RemovePermission(name, _) = change else { continue };
            for client in clients::scoped_to(self.view.txn, name).await? {
                let client = scoped.remove(&client.client_id).unwrap_or(client);
                scoped.insert(client.client_id.clone(), without(self.view, client, name.as_str()));
            }
        }
        self.plan.effects.extend(scoped.into_values().map(Effect::UpdateClient));
        Ok(())
    }
}
