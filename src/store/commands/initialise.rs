use rolecall_guard::{Clock, Described};
use sea_orm::EntityTrait;
use serde_json::json;

use crate::{
    policy::{Delta, PermissionName, RoleName},
    random,
    store::{
        Command, PermissionId, Refused, RoleId,
        effect::Effect,
        entity::{permissions, roles},
        plan::{Plan, Planned, View},
        replica::stored,
        roles::find as find_role,
    },
};

/// Makes the built-in permissions and the role that holds them, or adds those that this release brings.
#[derive(Clone, Debug)]
pub struct Initialise {
    /// The role.
    pub admin: RoleName,
    /// What it holds.
    pub catalogue: &'static [Described],
    /// For new ids.
    pub clock: Clock,
}

impl Command for Initialise {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let mut plan = Plan { action: "initialise", target: "policy".into(), ..Plan::default() };
        let role = self.role(view, &mut plan).await?;
        let existing = permissions::Entity::find().all(view.txn).await.map_err(Refused::from)?;
        let granted = view.graph.role(&self.admin).map(|role| role.grants.clone()).unwrap_or_default();
        let mut added = Vec::new();
        for described in self.catalogue {
            let name: PermissionName = stored(described.name)?;
            if granted.contains(&name) {
                continue;
            }
            let row = existing.iter().find(|row| row.name == described.name).cloned();
            let effect = row.map_or_else(
                || Effect::InsertPermission(self.row(view, described)),
                |row| Effect::UpdatePermission(permissions::Model { built_in: true, revision: view.revision, ..row }),
            );
            let (Effect::InsertPermission(row) | Effect::UpdatePermission(row)) = &effect else { continue };
            let id = row.id;
            plan.effects.extend([effect, Effect::Grant(role, id)]);
            plan.deltas.push(Delta::Granted { role: self.admin.clone(), permission: name });
            added.push(described.name);
        }
        plan.after = Some(json!({ "role": self.admin, "permissions": added }));
        Ok(if plan.effects.is_empty() { Planned::nothing(view.revision, ()) } else { Planned::create(plan, ()) })
    }
}

impl Initialise {
    async fn role(&self, view: &View<'_>, plan: &mut Plan) -> Result<RoleId, Refused> {
        match find_role(view.txn, &self.admin).await {
            Ok(row) => return Ok(row.id),
            Err(Refused::NoSuch(..)) => {}
            Err(error) => return Err(error),
        }
        let row = roles::Model {
            id: RoleId(random::id(&self.clock)),
            name: self.admin.to_string(),
            description: Some("Administers Rolecall itself".into()),
            built_in: true,
            created_at: view.now,
            updated_at: view.now,
            revision: view.revision,
        };
        let id = row.id;
        plan.effects.push(Effect::InsertRole(row));
        plan.deltas.push(Delta::RoleCreated { role: self.admin.clone(), built_in: true });
        Ok(id)
    }

    fn row(&self, view: &View<'_>, described: &Described) -> permissions::Model {
        permissions::Model {
            id: PermissionId(random::id(&self.clock)),
            name: described.name.into(),
            description: Some(described.description.into()),
            built_in: true,
            created_at: view.now,
            revision: view.revision,
        }
    }
}
