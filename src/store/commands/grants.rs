use std::collections::BTreeSet;

use crate::{
    policy::{Delta, PermissionName, RoleName, Term},
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
        if is_granted(view, &self.role, &self.permission) {
            return Ok(Planned::nothing(role.revision, ()));
        }
        let plan = Plan {
            action: "grant_permission",
            target: target(&self.role, &self.permission),
            needs: view.graph.permissions([self.role.as_str()]),
            gives: vec![(BTreeSet::from([self.permission.clone()]), Term::Always)],
            impossible: role.built_in.then_some(Refused::BuiltIn),
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
        if !is_granted(view, &self.role, &self.permission) {
            return Ok(Planned::nothing(role.revision, ()));
        }
        let plan = Plan {
            action: "revoke_permission",
            target: target(&self.role, &self.permission),
            needs: view.graph.permissions([self.role.as_str()]),
            impossible: role.built_in.then_some(Refused::BuiltIn),
            effects: vec![Effect::Revoke(role.id, permission.id)],
            deltas: vec![Delta::Revoked { role: self.role.clone(), permission: self.permission.clone() }],
            ..Plan::default()
        };
        Ok(Planned::change(role.revision, plan, ()))
    }
}

/// Whether the role itself was granted it, not one of its juniors.
fn is_granted(view: &View<'_>, role: &RoleName, permission: &PermissionName) -> bool {
    view.graph.role(role).is_some_and(|role| role.grants.contains(permission))
}

fn target(role: &RoleName, permission: &PermissionName) -> String {
    format!("roles/{role}/permissions/{permission}")
}
