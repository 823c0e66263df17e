use std::collections::BTreeSet;

use rolecall_guard::Subject;
use serde_json::{Value, json};

use super::{
    Change,
    client_secrets::NewSecret,
    users::{held_by, opened_by, role_names},
};
use crate::{
    policy::{BUILT_IN_CLIENT, ClientId, ESCALATE, PermissionName, Term},
    store::{
        Client, ClientKey, Command, GrantType, Refused, Status, UserId,
        clients::find,
        effect::Effect,
        entity::{clients, users},
        permissions,
        plan::{Given, Plan, Planned, View},
        replica::stored,
        users::assignments_of,
        words::{join, split},
    },
};

/// Makes a client, with its service user if it may get tokens for itself.
#[derive(Clone, Debug)]
pub struct CreateClient {
    /// Its row's id.
    pub key: ClientKey,
    /// Its name in requests and tokens.
    pub client_id: ClientId,
    /// What people call it.
    pub name: String,
    /// One of our own, to which people may give their passwords.
    pub first_party: bool,
    /// How it may get tokens.
    pub grants: BTreeSet<GrantType>,
    /// Whom its tokens are for.
    pub audience: Option<String>,
    /// What its tokens may carry; without this anything.
    pub scopes: Option<BTreeSet<PermissionName>>,
    /// Its first secret.
    pub secret: NewSecret,
    /// The id of its service user, if it gets one.
    pub user: UserId,
}

impl Command for CreateClient {
    type Output = Client;

    async fn plan(&self, view: &View<'_>) -> Result<Planned<Client>, Refused> {
        let row = self.row(view);
        if let Some(refused) = not_first_party(&row) {
            return Err(refused);
        }
        if let Some(scopes) = &self.scopes {
            check(view, scopes).await?;
        }
        let mut effects = Vec::new();
        effects.extend(row.user_id.map(|user| Effect::InsertUser(service_user(view, user, &row))));
        effects.extend([Effect::InsertClient(row.clone()), Effect::InsertSecret(self.secret.row(self.key, view.now))]);
        let plan = Plan {
            action: "create_client",
            target: target(&self.client_id),
            after: Some(state(&row)),
            gives: opened_by_client(view, &clients::Model { user_id: None, ..row.clone() }).await?,
            impossible: (self.client_id.as_str() == BUILT_IN_CLIENT).then_some(Refused::AlreadyExists),
            effects,
            ..Plan::default()
        };
        Ok(Planned::create(plan, row.try_into()?))
    }
}

impl CreateClient {
    fn row(&self, view: &View<'_>) -> clients::Model {
        clients::Model {
            id: self.key,
            client_id: self.client_id.to_string(),
            name: self.name.clone(),
            first_party: self.first_party,
            grants: grants_text(&self.grants),
            audience: self.audience.clone(),
            scopes: self.scopes.as_ref().map(scopes_text),
            user_id: self.grants.contains(&GrantType::ClientCredentials).then_some(self.user),
            created_at: view.now,
            updated_at: view.now,
            revision: view.revision,
        }
    }
}

/// Changes a client's members; its service user comes and goes with the grant `client_credentials`.
#[derive(Clone, Debug)]
pub struct UpdateClient {
    /// Which client.
    pub client: ClientId,
    /// What people call it.
    pub name: Option<String>,
    /// Whether people may give it their passwords.
    pub first_party: Option<bool>,
    /// How it may get tokens.
    pub grants: Option<BTreeSet<GrantType>>,
    /// Whom its tokens are for.
    pub audience: Change<String>,
    /// What its tokens may carry.
    pub scopes: Change<BTreeSet<PermissionName>>,
    /// The id of its service user, if it gets one.
    pub user: UserId,
}

impl Command for UpdateClient {
    type Output = Client;

    async fn plan(&self, view: &View<'_>) -> Result<Planned<Client>, Refused> {
        let old = find(view.txn, &self.client).await?;
        if let Change::Set(scopes) = &self.scopes {
            check(view, scopes).await?;
        }
        let mut new = self.patched(&old);
        let mut needs = held_by_client(view, &old).await?;
        if new.first_party != old.first_party {
            needs.insert(stored(ESCALATE)?);
        }
        if new == old {
            return Ok(Planned::unchanged(old.revision, needs, old.try_into()?));
        }
        new.updated_at = view.now;
        new.revision = view.revision;
        let gives = if widens(&old, &new) { opened_by_client(view, &new).await? } else { Given::new() };
        let (effects, subjects) = consequences(view, &old, &new);
        let plan = Plan {
            action: "update_client",
            target: target(&self.client),
            before: Some(state_with_roles(view, &old).await?),
            after: Some(state(&new)),
            needs,
            gives,
            impossible: not_first_party(&new),
            effects,
            subjects,
            ..Plan::default()
        };
        Ok(Planned::change(old.revision, plan, new.try_into()?))
    }
}

impl UpdateClient {
    fn patched(&self, old: &clients::Model) -> clients::Model {
        let mut new = old.clone();
        if let Some(name) = &self.name {
            new.name.clone_from(name);
        }
        if let Some(first_party) = self.first_party {
            new.first_party = first_party;
        }
        if let Some(grants) = &self.grants {
            new.grants = grants_text(grants);
        }
        new.audience = self.audience.of(old.audience.clone());
        new.scopes = match &self.scopes {
            Change::Keep => old.scopes.clone(),
            Change::Clear => None,
            Change::Set(scopes) => Some(scopes_text(scopes)),
        };
        let user = old.user_id.unwrap_or(self.user);
        new.user_id = may(&new, GrantType::ClientCredentials).then_some(user);
        new
    }
}

/// What else a patch does: tokens stop if they would be others now, and what the client may no longer do is closed.
fn consequences(view: &View<'_>, old: &clients::Model, new: &clients::Model) -> (Vec<Effect>, Vec<Subject>) {
    let (mut effects, mut subjects) = (Vec::new(), Vec::new());
    if let (None, Some(user)) = (old.user_id, new.user_id) {
        effects.push(Effect::InsertUser(service_user(view, user, new)));
    }
    effects.push(Effect::UpdateClient(new.clone()));
    if let (Some(user), None) = (old.user_id, new.user_id) {
        effects.push(Effect::DeleteUser(user));
        subjects.push(Subject::User(user.0));
    }
    let loses = |grant| may(old, grant) && !may(new, grant);
    if loses(GrantType::Password) || loses(GrantType::RefreshToken) {
        effects.push(Effect::EndClientSessions(old.client_id.clone()));
    }
    let named =
        clients::Model { name: new.name.clone(), updated_at: new.updated_at, revision: new.revision, ..old.clone() };
    if named != *new {
        subjects.push(Subject::Client(old.client_id.clone()));
    }
    (effects, subjects)
}

/// Deletes a client with its secrets, the sessions that people have in it, and its service user.
#[derive(Clone, Debug)]
pub struct DeleteClient {
    /// Which client.
    pub client: ClientId,
}

impl Command for DeleteClient {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let row = find(view.txn, &self.client).await?;
        // In this order: a sign-in that holds the client's row is waited for, and then its session ends, too.
        let mut effects = vec![Effect::DeleteClient(row.id), Effect::EndClientSessions(row.client_id.clone())];
        let mut subjects = vec![Subject::Client(row.client_id.clone())];
        if let Some(user) = row.user_id {
            effects.push(Effect::DeleteUser(user));
            subjects.push(Subject::User(user.0));
        }
        let plan = Plan {
            action: "delete_client",
            target: target(&self.client),
            before: Some(state_with_roles(view, &row).await?),
            needs: held_by_client(view, &row).await?,
            effects,
            subjects,
            ..Plan::default()
        };
        Ok(Planned::change(row.revision, plan, ()))
    }
}

/// What a client holds is what its service user holds: whoever touches the client must hold as much (rule 1). In a
/// first-party client anyone may be signed in, so it holds whatever anyone does.
pub(super) async fn held_by_client(
    view: &View<'_>,
    client: &clients::Model,
) -> Result<BTreeSet<PermissionName>, Refused> {
    let mut held = match client.user_id {
        Some(user) => held_by(view, user).await?,
        None => BTreeSet::new(),
    };
    if client.first_party {
        held.insert(stored(ESCALATE)?);
    }
    Ok(held)
}

/// What is open to whoever has a client's secret, and for how long: as much as it holds (see [`held_by_client`]).
pub(super) async fn opened_by_client(view: &View<'_>, client: &clients::Model) -> Result<Given, Refused> {
    let mut opened = match client.user_id {
        Some(user) => opened_by(view, user).await?,
        None => Given::new(),
    };
    if client.first_party {
        opened.push((BTreeSet::from([stored(ESCALATE)?]), Term::Always));
    }
    Ok(opened)
}

/// Whether whoever has the secret can do more, or elsewhere, than before.
fn widens(old: &clients::Model, new: &clients::Model) -> bool {
    let more = |old: &str, new: &str| {
        let old: BTreeSet<_> = split(old).collect();
        split(new).any(|word| !old.contains(word))
    };
    let more_scopes = match (&old.scopes, &new.scopes) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(old), Some(new)) => more(old, new),
    };
    let more_grants = more(&old.grants, &new.grants);
    more_scopes || more_grants || new.audience != old.audience || (new.first_party && !old.first_party)
}

pub(super) fn target(client: &ClientId) -> String {
    format!("clients/{client}")
}

async fn check(view: &View<'_>, scopes: &BTreeSet<PermissionName>) -> Result<(), Refused> {
    let known = permissions::all_exist(view.txn, scopes).await?;
    if known { Ok(()) } else { Err(Refused::NotFound("permission")) }
}

fn not_first_party(client: &clients::Model) -> Option<Refused> {
    (may(client, GrantType::Password) && !client.first_party).then_some(Refused::NotFirstParty)
}

fn may(client: &clients::Model, grant: GrantType) -> bool {
    split(&client.grants).any(|name| name == grant.as_str())
}

fn grants_text(grants: &BTreeSet<GrantType>) -> String {
    join(grants.iter().map(|grant| grant.as_str()))
}

fn scopes_text(scopes: &BTreeSet<PermissionName>) -> String {
    join(scopes.iter().map(PermissionName::as_str))
}

/// A user whom nobody can sign in as.
fn service_user(view: &View<'_>, id: UserId, client: &clients::Model) -> users::Model {
    users::Model {
        id,
        username: client.client_id.clone(),
        email: None,
        display_name: None,
        status: Status::Active.as_str().into(),
        password_hash: None,
        created_at: view.now,
        updated_at: view.now,
        revision: view.revision,
    }
}

fn state(client: &clients::Model) -> Value {
    let mut state = json!({
        "id": client.id.0,
        "client_id": client.client_id,
        "name": client.name,
        "first_party": client.first_party,
        "grants": split(&client.grants).collect::<Vec<_>>(),
    });
    if let Some(audience) = &client.audience {
        state["audience"] = json!(audience);
    }
    if let Some(scopes) = &client.scopes {
        state["scopes"] = split(scopes).collect();
    }
    if let Some(user) = client.user_id {
        state["user"] = json!(user.0);
    }
    state
}

/// Its service user may go, and its roles with it.
async fn state_with_roles(view: &View<'_>, client: &clients::Model) -> Result<Value, Refused> {
    let mut state = state(client);
    if let Some(user) = client.user_id {
        state["roles"] = json!(role_names(&assignments_of(view.txn, user).await?));
    }
    Ok(state)
}
