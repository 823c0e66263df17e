use rolecall_guard::Subject;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use super::users::held_by;
use crate::{
    policy::{Assignment, DEASSIGN, RoleName},
    store::{
        Command, Refused, UserRef,
        effect::Effect,
        entity::assignments,
        plan::{Plan, Planned, View},
        roles,
        users::{find, state_of},
    },
};

/// Assigns a role to a user (NIST `AssignUser`).
#[derive(Clone, Debug)]
pub struct Assign {
    /// To whom.
    pub user: UserRef,
    /// Which role.
    pub role: RoleName,
    /// From when on it counts, in microseconds since 1970.
    pub valid_from: Option<i64>,
    /// Until when.
    pub valid_until: Option<i64>,
}

impl Command for Assign {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let user = find(view.txn, &self.user).await?;
        let state = state_of(view.txn, &user).await?;
        let role = roles::find(view.txn, &self.role).await?;
        let Self { valid_from, valid_until, .. } = *self;
        let row = assignments::Model { user_id: user.id, role_id: role.id, valid_from, valid_until };
        let old = assignments::Entity::find_by_id((user.id, role.id)).one(view.txn).await?;
        if old.as_ref() == Some(&row) {
            return Ok(Planned::nothing(state, ()));
        }
        let new = assignment(&self.role, &row);
        if !new.is_possible(view.now) {
            return Err(Refused::NoTime);
        }
        let given = view.graph.permissions([self.role.as_str()]);
        let takes_away = old.as_ref().is_some_and(|old| new.is_less_than(&assignment(&self.role, old), view.now));
        let plan = Plan {
            action: "assign_role",
            target: target(&user.username, &self.role),
            before: old.as_ref().map(times),
            after: Some(times(&row)),
            needs: held_by(view, user.id).await?,
            gives: vec![(given, new.term())],
            // Beside the guard's.
            rights: takes_away.then_some(DEASSIGN).into_iter().collect(),
            effects: vec![Effect::Assign(row, self.role.clone())],
            subjects: vec![Subject::User(user.id.0)],
            ..Plan::default()
        };
        Ok(Planned::change(state, plan, ()))
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
        let state = state_of(view.txn, &user).await?;
        let role = roles::find(view.txn, &self.role).await?;
        let Some(old) = assignments::Entity::find_by_id((user.id, role.id)).one(view.txn).await? else {
            return Ok(Planned::nothing(state, ()));
        };
        let plan = Plan {
            action: "deassign_role",
            target: target(&user.username, &self.role),
            before: Some(times(&old)),
            needs: held_by(view, user.id).await?,
            effects: vec![Effect::Deassign(user.id, role.id, self.role.clone())],
            subjects: vec![Subject::User(user.id.0)],
            ..Plan::default()
        };
        Ok(Planned::change(state, plan, ()))
    }
}

fn assignment(role: &RoleName, row: &assignments::Model) -> Assignment {
    Assignment { role: role.clone(), valid_from: row.valid_from, valid_until: row.valid_until }
}

fn target(username: &str, role: &RoleName) -> String {
    format!("users/{username}/roles/{role}")
}

/// When it counts, as the ledger shows it: in microseconds since 1970.
fn times(assignment: &assignments::Model) -> Value {
    let members = [("valid_from", assignment.valid_from), ("valid_until", assignment.valid_until)];
    let given = members.into_iter().filter_map(|(name, time)| Some((name.to_owned(), json!(time?))));
    Value::Object(given.collect())
}
