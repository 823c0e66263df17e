use std::collections::BTreeSet;

use rolecall_guard::Claims;

use super::{Denied, Tokens};
use crate::{
    policy::{Graph, RoleName},
    random,
    store::{SessionId, UserId},
};

/// An access token, and what there is to know of it.
#[derive(Clone)]
pub struct Issued {
    /// The token itself.
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// What it was narrowed to, if that was asked for.
    pub scope: Option<String>,
}

/// Whom to issue for.
pub(super) struct Recipient {
    pub user: UserId,
    pub client_id: String,
    pub session: SessionId,
    /// When the session ends, in seconds since 1970.
    pub session_ends: i64,
}

impl Tokens {
    /// Issues a token with the rights as they are now.
    ///
    /// The node first catches up; the revision is taken before the assignments are read, so that the
    /// rights in a token are never older than its `rev` says.
    pub(super) async fn issue(
        &self,
        to: Recipient,
        scopes: Option<Vec<String>>,
        roles: Option<Vec<String>>,
    ) -> Result<Issued, Denied> {
        self.store.catch_up().await?;
        let snapshot = self.store.snapshot();
        let assigned = self.store.session_roles(to.session).await?.ok_or(Denied::InvalidGrant)?;
        let active = roles.map_or(Ok(assigned.clone()), |named| activated(&assigned, &named))?;
        let held = Held::of(&snapshot.graph, &active, scopes.as_deref());
        let iat = self.clock.seconds();
        let exp = (iat + self.lifetimes.access_token).min(to.session_ends);
        let scope = scopes.is_some().then(|| held.permissions.iter().cloned().collect::<Vec<_>>().join(" "));
        let claims = Claims {
            iss: self.issuer.to_string(),
            aud: self.issuer.to_string(),
            sub: to.user.0,
            client_id: to.client_id,
            iat,
            nbf: None,
            exp,
            jti: random::id(&self.clock),
            sid: Some(to.session.0),
            scope: scope.clone(),
            roles: held.roles,
            permissions: held.permissions,
            rev: snapshot.revision,
        };
        let access_token = self.keyring.sign(&claims).map_err(|error| Denied::Failed(error.to_string()))?;
        Ok(Issued { access_token, expires_in: exp - iat, scope })
    }
}

/// The roles named, if all of them are assigned (NIST `AddActiveRole`).
fn activated(assigned: &[RoleName], named: &[String]) -> Result<Vec<RoleName>, Denied> {
    let find = |name: &String| assigned.iter().find(|role| role.as_str().eq_ignore_ascii_case(name)).cloned();
    named.iter().map(find).collect::<Option<_>>().ok_or(Denied::NotAssigned)
}

/// What goes into a token.
struct Held {
    roles: BTreeSet<String>,
    permissions: BTreeSet<String>,
}

impl Held {
    /// All that the active roles give; or, narrowed, what of it was asked for, and the roles that give something of that.
    fn of(graph: &Graph, active: &[RoleName], scopes: Option<&[String]>) -> Self {
        let asked = |permission: &str| scopes.is_none_or(|scopes| scopes.iter().any(|scope| scope == permission));
        let given = |role: &RoleName| {
            let permissions = graph.permissions([role.as_str()]);
            permissions.into_iter().map(String::from).filter(|name| asked(name)).collect::<BTreeSet<_>>()
        };
        let mut held = Self { roles: BTreeSet::new(), permissions: BTreeSet::new() };
        for role in active {
            let permissions = given(role);
            if scopes.is_none() || !permissions.is_empty() {
                held.roles.insert(role.to_string());
            }
            held.permissions.extend(permissions);
        }
        held
    }
}
