use rolecall_guard::Subject;

use crate::{
    policy::{Delta, PermissionName, RoleName},
    store::{
        Command, Refused,
        effect::Effect,
        permissions,
        plan::{Plan, Planned, View},
        roles,
    },
};

/// Grants a permission to a role (NIST `GrantPermission`).
#[derive(Clone, Debug)]
pub struct Grant {
    /// To which role.
    pub role: RoleName,
    /// Which permission.
    pub permission: PermissionName,
}

impl Command for Grant {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let role = roles::find(view.txn, &self.role).await?;
        let permission = permissions::find(view.txn, &self.permission).await?;
        let mut needs = view.graph.permissions([self.role.as_str()]);
        if !needs.insert(self.permission.clone()) {
            return Ok(Planned::nothing(role.revision, ()));
        }
        let plan = Plan {
            action: "grant_permission",
            target: target(&self.role, &self.permission),
            needs,
            built_in: role.built_in,
            effects: vec![Effect::Grant(role.id, permission.id)],
            deltas: vec![Delta::Granted { role: self.role.clone(), permission: self.permission.clone() }],
            ..Plan::default()
        };
        Ok(Planned::change(role.revision, plan, ()))
    }
}

/// Revokes a permission from a role (NIST `RevokePermission`).
#[derive(Clone, Debug)]
pub struct Revoke {
    /// From which role.
    pub role: RoleName,
    /// Which permission.
    pub permission: PermissionName,
}

impl Command for Revoke {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let role = roles::find(view.txn, &self.role).await?;
        let permission = permissions::find(view.txn, &self.permission).await?;
        let needs = view.graph.permissions([self.role.as_str()]);
        if !needs.contains(&self.permission) {
            return Ok(Planned::nothing(role.revision, ()));
        }
        let plan = Plan {
            action: "revoke_permission",
            target: target(&self.role, &self.permission),
            needs,
            built_in: role.built_in,
            effects: vec![Effect::Revoke(role.id, permission.id)],
            deltas: vec![Delta::Revoked { role: self.role.clone(), permission: self.permission.clone() }],
            subjects: vec![Subject::Role(role.name)],
            ..Plan::default()
        };
        Ok(Planned::change(role.revision, plan, ()))
    }
}

fn target(role: &RoleName, permission: &PermissionName) -> String {
    format!("roles/{role}/permissions/{permission}")
}
