use rolecall_guard::Subject;
use secrecy::SecretString;
use serde_json::json;

use super::users::{held_by, opened_by};
use crate::{
    policy::{RoleName, Term},
    store::{
        Command, Refused, Status, UserRef,
        clients::owner,
        effect::Effect,
        entity::assignments,
        plan::{Plan, Planned, View},
        roles,
        users::find,
    },
};

/// Lets someone in (again), all at once: with a new password, a role without end, and enabled.
#[derive(Clone, Debug)]
pub struct LetIn {
    /// Whom.
    pub user: UserRef,
    /// The hash of the new password.
    pub password_hash: SecretString,
    /// With which role.
    pub role: RoleName,
}

impl Command for LetIn {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let mut row = find(view.txn, &self.user).await?;
        let revision = row.revision;
        let role_id = roles::find(view.txn, &self.role).await?.id;
        let mut gives = opened_by(view, row.id).await?;
        gives.push((view.graph.permissions([self.role.as_str()]), Term::Always));
        row.status = Status::Active.as_str().into();
        row.updated_at = view.now;
        row.revision = view.revision;
        let assignment = assignments::Model { user_id: row.id, role_id, valid_from: None, valid_until: None };
        let plan = Plan {
            action: "let_in",
            target: format!("users/{}", row.username),
            after: Some(json!({ "status": row.status, "role": self.role })),
            needs: held_by(view, row.id).await?,
            gives,
            impossible: owner(view.txn, row.id).await?.map(|_| Refused::ServiceUser),
            subjects: vec![Subject::User(row.id.0)],
            effects: vec![
                // First the row, which a sign-in may hold: that one is waited for, and then its session ends, too.
                Effect::UpdateUser(row.clone()),
                Effect::SetPassword(row.id, self.password_hash.clone()),
                Effect::Assign(assignment, self.role.clone()),
                Effect::EndSessions(row.id),
            ],
            ..Plan::default()
        };
        Ok(Planned::change(revision, plan, ()))
    }
}
