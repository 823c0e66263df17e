//! The HTTP API: one file a resource, mirroring the URLs.

mod access;
pub mod around;
mod as_it_is;
mod assignments;
mod client_secrets;
mod clients;
mod cursor;
pub mod docs;
pub mod document;
mod dry_run;
mod effective_permissions;
mod explain;
mod grants;
mod juniors;
mod ledger;
mod me;
mod oauth;
mod operations;
mod patch;
mod permissions;
pub mod policy;
mod responses;
mod role_users;
mod roles;
mod sent;
mod separation_sets;
mod sessions;
mod text;
mod users;
mod who_can;

use std::sync::Arc;

use poem_openapi::{OpenApi, Tags};

pub use cursor::Cursors;
pub use oauth::{Failure, OAuthError};
pub use operations::Readiness;

use dry_run::Instead;
use rolecall_guard::Gate;

use crate::{
    store::{Actor, Command, IfMatch, Store},
    tokens::Tokens,
};

/// What handlers work with.
#[derive(Clone)]
pub struct State {
    /// The database.
    pub store: Store,
    /// Signing in and issuing.
    pub tokens: Tokens,
    /// What says whether a token is good.
    pub gate: Gate,
    /// Page cursors.
    pub cursors: Cursors,
    /// Whether to send requests here.
    pub readiness: Arc<Readiness>,
}

impl State {
    /// Changes policy as the caller, if the state is one that `if_match` accepts; or tells what would change.
    async fn change<C: Command>(
        &self,
        caller: impl Into<Actor>,
        dry_run: bool,
        if_match: Option<&IfMatch>,
        command: &C,
    ) -> Result<C::Output, Instead> {
        let actor = caller.into();
        if dry_run {
            return Err(Instead::forecast(&actor, self.store.forecast(&actor, if_match, command).await?.0));
        }
        Ok(self.store.write(&actor, if_match, command).await?)
    }
}

/// The sections of the document.
#[derive(Tags)]
enum Tag {
    /// Get a token, and the keys to check one.
    #[oai(rename = "Sign in")]
    SignIn,
    /// Your own account.
    Me,
    /// People and services.
    Users,
    /// What sign-ins opened.
    Sessions,
    /// Who has which role.
    Assignments,
    /// Named job functions, and what they are granted.
    Roles,
    /// Roles that one person, or one session, may not have together.
    #[oai(rename = "Separation sets")]
    SeparationSets,
    /// Actions on resource types.
    Permissions,
    /// Permissions, roles, hierarchy and separation sets as one file.
    Policy,
    /// Ask who may do what, as OpenID AuthZEN 1.0 does, and for a gateway.
    Access,
    /// Applications that ask for tokens.
    Clients,
    /// Every policy change there ever was.
    Ledger,
    /// For whoever runs the server.
    Operations,
}

/// Every operation there is.
#[must_use]
pub fn api(state: &State) -> impl OpenApi + use<> {
    let people = (
        oauth::OAuth(state.clone()),
        me::Me(state.clone()),
        users::Users(state.clone()),
        sessions::Sessions(state.clone()),
        assignments::Assignments(state.clone()),
        effective_permissions::EffectivePermissions(state.clone()),
        role_users::RoleUsers(state.clone()),
        explain::Explain(state.clone()),
    );
    let policy = (
        roles::Roles(state.clone()),
        grants::Grants(state.clone()),
        juniors::Juniors(state.clone()),
        separation_sets::SeparationSets(state.clone()),
        permissions::Permissions(state.clone()),
        who_can::WhoCan(state.clone()),
        policy::PolicyFile(state.clone()),
    );
    let rest = (
        access::Access(state.clone()),
        access::ForwardAuth,
        access::Revocations::new(state.clone()),
        clients::Clients(state.clone()),
        client_secrets::ClientSecrets(state.clone()),
        ledger::Ledger(state.clone()),
        operations::Operations(state.clone()),
    );
    (people, policy, rest)
}
