//! The HTTP API: one file a resource, mirroring the URLs.

mod assignments;
mod cursor;
pub mod docs;
pub mod document;
mod grants;
mod ledger;
mod me;
mod oauth;
mod operations;
mod permissions;
mod responses;
mod roles;
mod text;
mod users;

use std::sync::Arc;

use poem_openapi::{OpenApi, Tags};

pub use cursor::Cursors;
pub use oauth::{Failure, OAuthError};
pub use operations::Readiness;

use rolecall_guard::{Permission, Problem, Require};

use crate::{
    store::{Actor, Command, IfMatch, Store},
    tokens::Tokens,
};

/// What handlers work with.
#[derive(Clone, Debug)]
pub struct State {
    /// The database.
    pub store: Store,
    /// Signing in and issuing.
    pub tokens: Tokens,
    /// Page cursors.
    pub cursors: Cursors,
    /// Whether to send requests here.
    pub readiness: Arc<Readiness>,
}

impl State {
    /// Changes policy as the caller, if the state is one that `if_match` accepts.
    async fn change<P: Permission, C: Command>(
        &self,
        caller: &Require<P>,
        if_match: Option<&IfMatch>,
        command: &C,
    ) -> Result<C::Output, Problem> {
        Ok(self.store.write(&Actor::from(caller), if_match, command).await?)
    }
}

/// The sections of the document, in the order a person needs them.
#[derive(Tags)]
enum Tag {
    /// Get a token, and the keys to check one.
    #[oai(rename = "Sign in")]
    SignIn,
    /// Your own account.
    Me,
    /// People and services.
    Users,
    /// Who has which role.
    Assignments,
    /// Named job functions, and what they are granted.
    Roles,
    /// Actions on resource types.
    Permissions,
    /// Every policy change there ever was.
    Ledger,
    /// For whoever runs the server.
    Operations,
}

/// Every operation there is.
#[must_use]
pub fn api(state: &State) -> impl OpenApi + use<> {
    (
        oauth::OAuth(state.clone()),
        me::Me(state.clone()),
        users::Users(state.clone()),
        assignments::Assignments(state.clone()),
        roles::Roles(state.clone()),
        grants::Grants(state.clone()),
        permissions::Permissions(state.clone()),
        ledger::Ledger(state.clone()),
        operations::Operations(state.clone()),
    )
}
