use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Change;
use crate::{
    policy::{Delta, PermissionName, RoleName},
    store::{
        Command, Permission, PermissionId, Refused, clients,
        effect::Effect,
        entity::{clients as client_rows, permissions},
        permissions::find,
        plan::{Plan, Planned, View},
        words,
    },
};

/// Makes a permission, which nobody holds.
#[derive(Clone, Debug)]
pub struct CreatePermission {
    /// Its id.
    pub id: PermissionId,
    /// Its name.
    pub name: PermissionName,
    /// What it lets someone do.
    pub description: Option<String>,
}

impl Command for CreatePermission {
    type Output = Permission;

    async fn plan(&self, view: &View<'_>) -> Result<Planned<Permission>, Refused> {
        let row = permissions::Model {
            id: self.id,
            name: self.name.to_string(),
            description: self.description.clone(),
            built_in: false,
            created_at: view.now,
            revision: view.revision,
        };
        let plan = Plan {
            action: "create_permission",
            target: target(&self.name),
            after: Some(state(&row)),
            effects: vec![Effect::InsertPermission(row.clone())],
            ..Plan::default()
        };
        Ok(Planned::create(plan, row.try_into()?))
    }
}

/// Changes a permission's description.
#[derive(Clone, Debug)]
pub struct UpdatePermission {
    /// Which permission.
    pub permission: PermissionName,
    /// What it lets someone do.
    pub description: Change<String>,
}

impl Command for UpdatePermission {
    type Output = Permission;

    async fn plan(&self, view: &View<'_>) -> Result<Planned<Permission>, Refused> {
        let old = find(view.txn, &self.permission).await?;
        let mut new = old.clone();
        new.description = self.description.of(old.description.clone());
        let needs = BTreeSet::from([self.permission.clone()]);
        if new == old {
            return Ok(Planned::unchanged(old.revision, needs, old.try_into()?));
        }
        new.revision = view.revision;
        let plan = Plan {
            action: "update_permission",
            target: target(&self.permission),
            before: Some(state(&old)),
            after: Some(state(&new)),
            needs,
            effects: vec![Effect::UpdatePermission(new.clone())],
            ..Plan::default()
        };
        Ok(Planned::change(old.revision, plan, new.try_into()?))
    }
}

/// Deletes a permission, with its grants and its place in clients' scopes.
#[derive(Clone, Debug)]
pub struct DeletePermission {
    /// Which permission.
    pub permission: PermissionName,
}

impl Command for DeletePermission {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let row = find(view.txn, &self.permission).await?;
        let roles: Vec<&RoleName> = view.graph.granting(&row.name).collect();
        let mut before = state(&row);
        before["roles"] = json!(roles);
        let mut effects = vec![Effect::DeletePermission(row.id)];
        let scoped = clients::scoped_to(view.txn, &self.permission).await?;
        if !scoped.is_empty() {
            before["clients"] = scoped.iter().map(|client| client.client_id.as_str()).collect();
        }
        effects.extend(scoped.into_iter().map(|client| Effect::UpdateClient(without(view, client, &row.name))));
        let plan = Plan {
            action: "delete_permission",
            target: target(&self.permission),
            before: Some(before),
            needs: BTreeSet::from([self.permission.clone()]),
            impossible: row.built_in.then_some(Refused::BuiltIn),
            effects,
            deltas: vec![Delta::PermissionDeleted { permission: self.permission.clone() }],
            ..Plan::default()
        };
        Ok(Planned::change(row.revision, plan, ()))
    }
}

/// The client without this permission in its scopes; a set that is left empty allows nothing.
pub(super) fn without(view: &View<'_>, client: client_rows::Model, permission: &str) -> client_rows::Model {
    let rest = |scopes: String| words::join(words::split(&scopes).filter(|scope| *scope != permission));
    let scopes = client.scopes.map(rest);
    client_rows::Model { scopes, updated_at: view.now, revision: view.revision, ..client }
}

fn target(permission: &PermissionName) -> String {
    format!("permissions/{permission}")
}

fn state(permission: &permissions::Model) -> Value {
    let mut state = json!({ "id": permission.id.0, "name": permission.name });
    if let Some(description) = &permission.description {
        state["description"] = json!(description);
    }
    state
}
