use std::collections::BTreeSet;

use rolecall_guard::Subject;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::users::held_by;
use crate::{
    policy::{PermissionName, RoleName},
    store::{
        Command, Refused, SessionId, UserId,
        effect::Effect,
        entity::sessions,
        plan::{Plan, Planned, View},
        sessions::named,
        users::assignments_of,
    },
};

/// Activates a role in a session of one's own (NIST `AddActiveRole`).
#[derive(Clone, Debug)]
pub struct AddActiveRole {
    /// Which session.
    pub session: SessionId,
    /// Which role.
    pub role: RoleName,
}

impl Command for AddActiveRole {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let row = live(view, self.session).await?;
        crate::store::roles::find(view.txn, &self.role).await?;
        let mut active = active(view, &row).await?;
        if !active.insert(self.role.clone()) {
            return Ok(Planned::nothing(view.revision, ()));
        }
        let assignments = assignments_of(view.txn, row.user_id).await?;
        if view.graph.authorized_for(&self.role, &assignments, view.now).is_none() {
            return Err(Refused::NotAuthorized);
        }
        let impossible = view.graph.breaks_dynamic(&active).map(|set| Refused::Separation(set.clone()));
        let plan = Plan { impossible, ..activating("add_active_role", &row, &self.role, active) };
        Ok(Planned::create(plan, ()))
    }
}

/// Drops a role from a session (NIST `DropActiveRole`).
#[derive(Clone, Debug)]
pub struct DropActiveRole {
    /// Which session.
    pub session: SessionId,
    /// Which role.
    pub role: RoleName,
    /// Who asks, if not an administrator.
    pub owner: Option<UserId>,
}

impl Command for DropActiveRole {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let row = live(view, self.session).await?;
        let mut active = active(view, &row).await?;
        if !active.remove(&self.role) {
            return Ok(Planned::nothing(view.revision, ()));
        }
        let needs = touched(view, &row, self.owner).await?;
        let plan = Plan { needs, ..activating("drop_active_role", &row, &self.role, active) };
        Ok(Planned::create(plan, ()))
    }
}

/// Ends someone's session (NIST `DeleteSession`).
#[derive(Clone, Debug)]
pub struct EndSession {
    /// Which session.
    pub session: SessionId,
    /// Its owner, if it is the owner who ends it.
    pub owner: Option<UserId>,
}

impl Command for EndSession {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let row = live(view, self.session).await?;
        let plan = Plan {
            action: "end_session",
            target: format!("sessions/{}", row.id.0),
            needs: touched(view, &row, self.owner).await?,
            effects: vec![Effect::EndSession(row.id)],
            subjects: vec![Subject::Session(row.id.0)],
            ..Plan::default()
        };
        Ok(Planned::create(plan, ()))
    }
}

async fn live(view: &View<'_>, session: SessionId) -> Result<sessions::Model, Refused> {
    let live = sessions::Entity::find_by_id(session).filter(sessions::Column::ExpiresAt.gt(view.now));
    live.one(view.txn).await?.ok_or(Refused::NotFound("session"))
}

async fn active(view: &View<'_>, row: &sessions::Model) -> Result<BTreeSet<RoleName>, Refused> {
    let assignments = assignments_of(view.txn, row.user_id).await?;
    Ok(view.graph.active(named(row.roles.as_deref())?.as_ref(), &assignments, view.now))
}

/// At one's own session nothing need be held (rule 1).
async fn touched(
    view: &View<'_>,
    row: &sessions::Model,
    owner: Option<UserId>,
) -> Result<BTreeSet<PermissionName>, Refused> {
    if owner == Some(row.user_id) { Ok(BTreeSet::new()) } else { held_by(view, row.user_id).await }
}

fn activating(action: &'static str, row: &sessions::Model, role: &RoleName, active: BTreeSet<RoleName>) -> Plan {
    Plan {
        action,
        target: format!("sessions/{}/roles/{role}", row.id.0),
        after: Some(serde_json::json!({ "roles": active })),
        effects: vec![Effect::SetActive(row.id, active.into_iter().collect())],
        subjects: vec![Subject::Session(row.id.0)],
        ..Plan::default()
    }
}
