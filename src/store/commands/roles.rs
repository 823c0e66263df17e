use std::collections::BTreeSet;

use rolecall_guard::Subject;
use serde_json::{Value, json};

use super::Change;
use crate::{
    policy::{Delta, PermissionName, RoleName},
    store::{
        Command, Refused, Role, RoleId,
        effect::Effect,
        entity::roles,
        permissions,
        plan::{Plan, Planned, View},
        roles::find,
    },
};

/// Makes a role, with permissions if asked (NIST `AddRole`, `GrantPermission`).
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
        let plan = Plan {
            action: "create_role",
            target: target(&self.name),
            after: Some(state(&row, &self.permissions)),
            needs: self.permissions.clone(),
            effects,
            deltas,
            ..Plan::default()
        };
        Ok(Planned::create(plan, row.into()))
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
        let grants = view.graph.permissions([self.role.as_str()]);
        if new == old {
            return Ok(Planned::unchanged(old.revision, grants, old.into()));
        }
        new.updated_at = view.now;
        new.revision = view.revision;
        let plan = Plan {
            action: "update_role",
            target: target(&self.role),
            before: Some(state(&old, &grants)),
            after: Some(state(&new, &grants)),
            needs: grants,
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
        let grants = view.graph.permissions([self.role.as_str()]);
        let plan = Plan {
            action: "delete_role",
            target: target(&self.role),
            before: Some(state(&row, &grants)),
            needs: grants,
            built_in: row.built_in,
            effects: vec![Effect::DeleteRole(row.id)],
            deltas: vec![Delta::RoleDeleted { role: self.role.clone() }],
            subjects: vec![Subject::Role(row.name)],
            ..Plan::default()
        };
        Ok(Planned::change(row.revision, plan, ()))
    }
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
