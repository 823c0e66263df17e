use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Change;
use crate::{
    policy::{Delta, HierarchyForm, PermissionName, RoleName, SeparationSet, Term},
    store::{
        Command, Refused, Role, RoleId,
        effect::Effect,
        entity::roles,
        permissions,
        plan::{Plan, Planned, View},
        roles::find,
    },
};

/// Makes a role, with permissions and its place in the hierarchy if asked (NIST `AddRole`, `GrantPermission`).
#[derive(Clone, Debug)]
pub struct CreateRole {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: RoleName,
    /// What it is for.
    pub description: Option<String>,
    /// Permissions to grant at once.
    pub permissions: BTreeSet<PermissionName>,
    /// Roles to inherit from (NIST `AddAscendant`).
    pub juniors: BTreeSet<RoleName>,
    /// Roles that inherit from it (NIST `AddDescendant`).
    pub seniors: BTreeSet<RoleName>,
}

impl Command for CreateRole {
    type Output = Role;

    async fn plan(&self, view: &View<'_>) -> Result<Planned<Role>, Refused> {
        let row = roles::Model {
            id: self.id,
            name: self.name.to_string(),
            description: self.description.clone(),
            built_in: false,
            created_at: view.now,
            updated_at: view.now,
            revision: view.revision,
        };
        let mut effects = vec![Effect::InsertRole(row.clone())];
        let mut deltas = vec![Delta::RoleCreated { role: self.name.clone(), built_in: false }];
        for permission in &self.permissions {
            effects.push(Effect::Grant(self.id, permissions::find(view.txn, permission).await?.id));
            deltas.push(Delta::Granted { role: self.name.clone(), permission: permission.clone() });
        }
        let edges = self.juniors.iter().map(|junior| (&self.name, junior));
        let edges = edges.chain(self.seniors.iter().map(|senior| (senior, &self.name)));
        for (senior, junior) in edges {
            effects.push(Effect::Inherit(self.id_of(view, senior).await?, self.id_of(view, junior).await?));
            deltas.push(Delta::Inherited { senior: senior.clone(), junior: junior.clone() });
        }
        let mut given = view.graph.permissions(self.juniors.iter().map(RoleName::as_str));
        given.extend(self.permissions.iter().cloned());
        let mut after = state(&row, &self.permissions);
        after["juniors"] = json!(self.juniors);
        after["seniors"] = json!(self.seniors);
        let plan = Plan {
            action: "create_role",
            target: target(&self.name),
            after: Some(after),
            needs: view.graph.permissions(self.seniors.iter().map(RoleName::as_str)),
            gives: vec![(given, Term::Always)],
            impossible: self.impossible(view),
            effects,
            deltas,
            ..Plan::default()
        };
        Ok(Planned::create(plan, row.into()))
    }
}

impl CreateRole {
    async fn id_of(&self, view: &View<'_>, role: &RoleName) -> Result<RoleId, Refused> {
        if *role == self.name { Ok(self.id) } else { Ok(find(view.txn, role).await?.id) }
    }

    fn impossible(&self, view: &View<'_>) -> Option<Refused> {
        let (graph, limited) = (view.graph, view.bounds.form == HierarchyForm::Limited);
        let above = |junior: &RoleName| self.seniors.iter().any(|senior| graph.is_above(junior, senior));
        let itself = self.juniors.contains(&self.name) || self.seniors.contains(&self.name);
        if self.seniors.iter().any(|senior| graph.role(senior).is_some_and(|role| role.built_in)) {
            Some(Refused::BuiltIn)
        } else if itself || self.juniors.iter().any(above) {
            Some(Refused::Cycle)
        } else if limited && (self.juniors.len() > 1 || self.seniors.iter().any(|role| !graph.juniors(role).is_empty()))
        {
            Some(Refused::SecondJunior)
        } else {
            view.too_many_roles(graph.role_count() + 1)
        }
    }
}

/// Changes a role's description.
#[derive(Clone, Debug)]
pub struct UpdateRole {
    /// Which role.
    pub role: RoleName,
    /// What it is for.
    pub description: Change<String>,
}

impl Command for UpdateRole {
    type Output = Role;

    async fn plan(&self, view: &View<'_>) -> Result<Planned<Role>, Refused> {
        let old = find(view.txn, &self.role).await?;
        let mut new = old.clone();
        new.description = self.description.of(old.description.clone());
        let (grants, needs) = (granted(view, &self.role), view.graph.permissions([self.role.as_str()]));
        if new == old {
            return Ok(Planned::unchanged(old.revision, needs, old.into()));
        }
        new.updated_at = view.now;
        new.revision = view.revision;
        let plan = Plan {
            action: "update_role",
            target: target(&self.role),
            before: Some(state(&old, &grants)),
            after: Some(state(&new, &grants)),
            needs,
            effects: vec![Effect::UpdateRole(new.clone())],
            ..Plan::default()
        };
        Ok(Planned::change(old.revision, plan, new.into()))
    }
}

/// Deletes a role, with its assignments and grants (NIST `DeleteRole`).
#[derive(Clone, Debug)]
pub struct DeleteRole {
    /// Which role.
    pub role: RoleName,
}

impl Command for DeleteRole {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let row = find(view.txn, &self.role).await?;
        let mut before = state(&row, &granted(view, &self.role));
        before["juniors"] = json!(view.graph.juniors(&self.role));
        before["seniors"] = json!(view.graph.seniors(&self.role));
        let plan = Plan {
            action: "delete_role",
            target: target(&self.role),
            before: Some(before),
            needs: view.graph.permissions([self.role.as_str()]),
            impossible: row.built_in.then_some(Refused::BuiltIn).or_else(|| too_small_without(view, &self.role)),
            effects: vec![Effect::DeleteRole(row.id)],
            deltas: vec![Delta::RoleDeleted { role: self.role.clone() }],
            ..Plan::default()
        };
        Ok(Planned::change(row.revision, plan, ()))
    }
}

/// The separation set that would have fewer roles than its cardinality.
fn too_small_without(view: &View<'_>, role: &RoleName) -> Option<Refused> {
    let tight = |set: &SeparationSet| set.roles.contains(role) && set.cardinality == set.roles.len() as u64;
    view.graph.sets().find(|(_, set)| tight(set)).map(|(name, _)| Refused::InSet(name.clone()))
}

fn granted(view: &View<'_>, role: &RoleName) -> BTreeSet<PermissionName> {
    view.graph.role(role).map(|role| role.grants.clone()).unwrap_or_default()
}

fn target(role: &RoleName) -> String {
    format!("roles/{role}")
}

fn state(role: &roles::Model, permissions: &BTreeSet<PermissionName>) -> Value {
    let mut state = json!({ "id": role.id.0, "name": role.name, "permissions": permissions });
    if let Some(description) = &role.description {
        state["description"] = json!(description);
    }
    state
}
