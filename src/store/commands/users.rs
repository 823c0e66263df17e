use std::collections::BTreeSet;

use rolecall_guard::Subject;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    Change,
    clients::{held_by_client, opened_by_client},
};
use crate::{
    policy::{Assignment, PermissionName, RoleName, Term, Username, now_or_later},
    store::{
        Command, Refused, Status, User, UserId, UserRef,
        clients::owner,
        effect::Effect,
        entity::{assignments, clients, users},
        plan::{Given, Plan, Planned, View},
        roles,
        users::{ACTIVE, assignments_of, find, state, state_of},
    },
};

/// Makes a user, with roles if asked (NIST `AddUser`, `AssignUser`).
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub username: Username,
    /// The hash of its password; without one it can't sign in.
    pub password_hash: Option<SecretString>,
    /// Its e-mail address.
    pub email: Option<String>,
    /// What people call it.
    pub display_name: Option<String>,
    /// Roles to assign at once.
    pub roles: BTreeSet<RoleName>,
}

impl Command for CreateUser {
    type Output = (User, i64);

    async fn plan(&self, view: &View<'_>) -> Result<Planned<Self::Output>, Refused> {
        use secrecy::ExposeSecret;
        let row = users::Model {
            id: self.id,
            username: self.username.to_string(),
            email: self.email.clone(),
            display_name: self.display_name.clone(),
            status: Status::Active.as_str().into(),
            password_hash: self.password_hash.as_ref().map(|hash| hash.expose_secret().to_owned()),
            created_at: view.now,
            updated_at: view.now,
            revision: view.revision,
        };
        let mut effects = vec![Effect::InsertUser(row.clone())];
        for role in &self.roles {
            let role_id = roles::find(view.txn, role).await?.id;
            let row = assignments::Model { user_id: self.id, role_id, valid_from: None, valid_until: None };
            effects.push(Effect::Assign(row, role.clone()));
        }
        let mut after = shown(&row);
        after["roles"] = json!(self.roles);
        let plan = Plan {
            action: "create_user",
            target: target(&row),
            after: Some(after),
            gives: vec![(view.graph.permissions(self.roles.iter().map(RoleName::as_str)), Term::Always)],
            effects,
            // A token that is being made by an older graph, for the roles that the user gets now.
            subjects: if self.roles.is_empty() { Vec::new() } else { vec![Subject::User(self.id.0)] },
            ..Plan::default()
        };
        let state = state(row.revision, self.roles.len() as u64);
        Ok(Planned::create(plan, (row.into(), state)))
    }
}

/// Changes a user's members.
#[derive(Clone, Debug)]
pub struct UpdateUser {
    /// Which user.
    pub user: UserRef,
    /// Its new name.
    pub username: Option<Username>,
    /// Its e-mail address.
    pub email: Change<String>,
    /// What people call it.
    pub display_name: Change<String>,
    /// Whether it may sign in.
    pub status: Option<Status>,
}

impl Command for UpdateUser {
    type Output = (User, i64);

    async fn plan(&self, view: &View<'_>) -> Result<Planned<Self::Output>, Refused> {
        let old = find(view.txn, &self.user).await?;
        let old_state = state_of(view.txn, &old).await?;
        let client = owner(view.txn, old.id).await?;
        let needs = match &client {
            Some(client) => held_by_client(view, client).await?,
            None => held_by(view, old.id).await?,
        };
        let mut new = self.patched(&old);
        if new == old {
            return Ok(Planned::unchanged(old_state, needs, (old.into(), old_state)));
        }
        new.updated_at = view.now;
        new.revision = view.revision;
        let enabled = old.status != new.status && new.status == ACTIVE;
        let gives = match &client {
            _ if !enabled => Given::new(),
            Some(client) => opened_by_client(view, client).await?,
            None => opened_by(view, old.id).await?,
        };
        let (effects, subjects) = consequences(&old, &new, client.as_ref());
        let mut after = shown(&new);
        after["changed"] = changed(&old, &new);
        let plan = Plan {
            action: "update_user",
            target: target(&old),
            before: Some(shown(&old)),
            after: Some(after),
            needs,
            gives,
            impossible: client.filter(|_| old.username != new.username).map(|_| Refused::ServiceUser),
            effects,
            subjects,
            ..Plan::default()
        };
        let new_state = state_of(view.txn, &new).await?;
        Ok(Planned::change(old_state, plan, (new.into(), new_state)))
    }
}

impl UpdateUser {
    fn patched(&self, old: &users::Model) -> users::Model {
        let mut new = old.clone();
        if let Some(username) = &self.username {
            new.username = username.to_string();
        }
        if let Some(status) = self.status {
            new.status = status.as_str().into();
        }
        new.email = self.email.of(old.email.clone());
        new.display_name = self.display_name.of(old.display_name.clone());
        new
    }
}

/// What else a patch does: whoever is disabled has nothing open any more, a service user's whole client neither.
fn consequences(
    old: &users::Model,
    new: &users::Model,
    client: Option<&clients::Model>,
) -> (Vec<Effect>, Vec<Subject>) {
    let (mut effects, mut subjects) = (vec![Effect::UpdateUser(new.clone())], Vec::new());
    if old.status == new.status || new.status == ACTIVE {
        return (effects, subjects);
    }
    effects.push(Effect::EndSessions(old.id));
    subjects.push(Subject::User(old.id.0));
    if let Some(client) = client {
        // First its row, which a sign-in may hold: that one is waited for, and then its session ends, too.
        effects.push(Effect::TouchClient(client.id));
        effects.push(Effect::EndClientSessions(client.client_id.clone()));
        subjects.push(Subject::Client(client.client_id.clone()));
    }
    (effects, subjects)
}

/// Sets a new password for someone, and closes whatever the user has open.
#[derive(Clone, Debug)]
pub struct ResetPassword {
    /// Which user.
    pub user: UserRef,
    /// The hash of the new password.
    pub password_hash: SecretString,
}

impl Command for ResetPassword {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let row = find(view.txn, &self.user).await?;
        let state = state_of(view.txn, &row).await?;
        let plan = Plan {
            action: "reset_password",
            target: target(&row),
            needs: held_by(view, row.id).await?,
            gives: opened_by(view, row.id).await?,
            impossible: owner(view.txn, row.id).await?.map(|_| Refused::ServiceUser),
            effects: vec![Effect::SetPassword(row.id, self.password_hash.clone()), Effect::EndSessions(row.id)],
            subjects: vec![Subject::User(row.id.0)],
            ..Plan::default()
        };
        Ok(Planned::change(state, plan, ()))
    }
}

/// Ends all of a user's sessions (NIST `DeleteSession`).
#[derive(Clone, Debug)]
pub struct EndSessions {
    /// Which user's.
    pub user: UserRef,
}

impl Command for EndSessions {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let row = find(view.txn, &self.user).await?;
        let state = state_of(view.txn, &row).await?;
        let plan = Plan {
            action: "end_sessions",
            target: format!("{}/sessions", target(&row)),
            needs: held_by(view, row.id).await?,
            effects: vec![Effect::EndSessions(row.id)],
            subjects: vec![Subject::User(row.id.0)],
            ..Plan::default()
        };
        Ok(Planned::change(state, plan, ()))
    }
}

/// Deletes a user, with its assignments and sessions (NIST `DeleteUser`).
#[derive(Clone, Debug)]
pub struct DeleteUser {
    /// Which user.
    pub user: UserRef,
}

impl Command for DeleteUser {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let row = find(view.txn, &self.user).await?;
        let state = state_of(view.txn, &row).await?;
        let mut before = shown(&row);
        before["roles"] = json!(role_names(&assignments_of(view.txn, row.id).await?));
        let plan = Plan {
            action: "delete_user",
            target: target(&row),
            before: Some(before),
            needs: held_by(view, row.id).await?,
            impossible: owner(view.txn, row.id).await?.map(|_| Refused::ServiceUser),
            effects: vec![Effect::DeleteUser(row.id)],
            subjects: vec![Subject::User(row.id.0)],
            ..Plan::default()
        };
        Ok(Planned::change(state, plan, ()))
    }
}

/// What a user holds through its roles, future ones included: whoever touches the user must hold as much (rule 1).
pub(super) async fn held_by(view: &View<'_>, user: UserId) -> Result<BTreeSet<PermissionName>, Refused> {
    let roles = now_or_later(&assignments_of(view.txn, user).await?, view.now);
    Ok(view.graph.permissions(roles.iter().map(RoleName::as_str)))
}

/// What is open to whoever gets in as a user, and for how long: who lets someone in could do so as well, and must hold it
/// for as long (rule 1).
pub(super) async fn opened_by(view: &View<'_>, user: UserId) -> Result<Given, Refused> {
    let assignments = assignments_of(view.txn, user).await?;
    let lasting = assignments.iter().filter(|assignment| !assignment.has_ended(view.now));
    Ok(lasting.map(|it| (view.graph.permissions([it.role.as_str()]), it.term())).collect())
}

/// The roles of assignments.
pub(super) fn role_names(assignments: &[Assignment]) -> Vec<&RoleName> {
    assignments.iter().map(|assignment| &assignment.role).collect()
}

fn target(user: &users::Model) -> String {
    format!("users/{}", user.username)
}

/// What the ledger shows of a user: nothing personal, nothing secret.
fn shown(user: &users::Model) -> Value {
    json!({ "id": user.id.0, "username": user.username, "status": user.status })
}

fn changed(old: &users::Model, new: &users::Model) -> Value {
    let members = [
        ("username", old.username != new.username),
        ("email", old.email != new.email),
        ("display_name", old.display_name != new.display_name),
        ("status", old.status != new.status),
    ];
    members.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
}
