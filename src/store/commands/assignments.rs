use rolecall_guard::Subject;

use super::users::held_by;
use crate::{
    policy::RoleName,
    store::{
        Command, Refused, UserRef,
        effect::Effect,
        plan::{Plan, Planned, View},
        roles,
        users::{find, is_assigned},
    },
};

/// Assigns a role to a user (NIST `AssignUser`).
#[derive(Clone, Debug)]
pub struct Assign {
    /// To whom.
    pub user: UserRef,
    /// Which role.
    pub role: RoleName,
}

impl Command for Assign {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let user = find(view.txn, &self.user).await?;
        let role = roles::find(view.txn, &self.role).await?;
        if is_assigned(view.txn, user.id, role.id).await? {
            return Ok(Planned::nothing(user.revision, ()));
        }
        let mut needs = held_by(view, user.id).await?;
        needs.extend(view.graph.permissions([self.role.as_str()]));
        let plan = Plan {
            action: "assign_role",
            target: target(&user.username, &self.role),
            needs,
            effects: vec![Effect::Assign(user.id, role.id)],
            subjects: vec![Subject::User(user.id.0)],
            ..Plan::default()
        };
        Ok(Planned::change(user.revision, plan, ()))
    }
}

/// Takes a role away from a user (NIST `DeassignUser`).
#[derive(Clone, Debug)]
pub struct Deassign {
    /// From whom.
    pub user: UserRef,
    /// Which role.
    pub role: RoleName,
}

impl Command for Deassign {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let user = find(view.txn, &self.user).await?;
        let role = roles::find(view.txn, &self.role).await?;
        if !is_assigned(view.txn, user.id, role.id).await? {
            return Ok(Planned::nothing(user.revision, ()));
        }
        let plan = Plan {
            action: "deassign_role",
            target: target(&user.username, &self.role),
            needs: held_by(view, user.id).await?,
            effects: vec![Effect::Deassign(user.id, role.id)],
            subjects: vec![Subject::User(user.id.0)],
            ..Plan::default()
        };
        Ok(Planned::change(user.revision, plan, ()))
    }
}

fn target(username: &str, role: &RoleName) -> String {
    format!("users/{username}/roles/{role}")
}
