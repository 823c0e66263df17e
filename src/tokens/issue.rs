use std::collections::BTreeSet;

use rolecall_guard::Claims;
use secrecy::SecretString;

use super::{Asking, Denied, Tokens};
use crate::{
    policy::{Assignment, Graph, RoleName, Term},
    random,
    store::{Client, SessionId, UserId},
};

/// An access token, and what there is to know of it.
pub struct Issued {
    /// The token itself.
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// What it was narrowed to, if that was asked for.
    pub scope: Option<String>,
    /// What gets the next one, once.
    pub refresh_token: Option<SecretString>,
}

/// Whom to issue for.
pub(super) struct Recipient<'a> {
    pub user: UserId,
    pub asking: &'a Asking,
    /// The session, and when it ends (microseconds since 1970); a client's own token has none.
    pub session: Option<(SessionId, i64)>,
}

/// The roles that are active, and how long whoever has them stays authorized for them.
pub(super) struct Active {
    roles: BTreeSet<RoleName>,
    term: Term,
}

impl Active {
    /// Those named that are still authorized; all assigned, if none are named.
    pub(super) fn of(graph: &Graph, named: Option<&BTreeSet<RoleName>>, assignments: &[Assignment], now: i64) -> Self {
        let roles = graph.active(named, assignments, now);
        Self { term: graph.term(&roles, assignments, now), roles }
    }
}

impl Tokens {
    /// Issues a token for what the active roles give at this moment.
    ///
    /// `active` must have been read after the moment at which the client asked, so that the rights in a token are never
    /// older than its `rev` says.
    pub(super) async fn issue(
        &self,
        to: &Recipient<'_>,
        active: &Active,
        scopes: Option<&[String]>,
    ) -> Result<Issued, Denied> {
        let Asking { client, moment, now: iat, .. } = to.asking;
        let held = Held::of(&moment.graph, &active.roles, client, scopes);
        let iat = *iat;
        let lasts = iat + self.lifetimes.access_token;
        let lasts = to.session.map_or(lasts, |(_, ends)| lasts.min(ends / 1_000_000));
        let exp = match active.term {
            Term::Until(end) => lasts.min(end / 1_000_000),
            Term::Always => lasts,
        };
        let claims = Claims {
            iss: self.issuer.to_string(),
            aud: client.audience.clone().unwrap_or_else(|| self.issuer.to_string()),
            sub: to.user.0,
            client_id: client.client_id.clone(),
            iat,
            nbf: None,
            exp,
            jti: random::id(&self.clock),
            sid: to.session.map(|(session, _)| session.0),
            scope: held.scope.clone(),
            roles: held.roles,
            permissions: held.permissions,
            rev: moment.revision,
            kid: String::new(),
        };
        let access_token = self.keys.sign(&claims).await?;
        Ok(Issued { access_token, expires_in: exp - self.clock.seconds(), scope: held.scope, refresh_token: None })
    }
}

/// What goes into a token.
struct Held {
    roles: BTreeSet<String>,
    permissions: BTreeSet<String>,
    scope: Option<String>,
}

impl Held {
    /// All that the active roles give; or, narrowed by request or by what the client is for, what of it remains, and the
    /// roles that give something of that.
    fn of(graph: &Graph, active: &BTreeSet<RoleName>, client: &Client, scopes: Option<&[String]>) -> Self {
        let narrowed = scopes.is_some() || client.scopes.is_some();
        let asked = |permission: &str| scopes.is_none_or(|scopes| scopes.iter().any(|scope| scope == permission));
        let allowed = |permission: &str| client.scopes.as_ref().is_none_or(|scopes| scopes.contains(permission));
        let mut held = Self { roles: BTreeSet::new(), permissions: BTreeSet::new(), scope: None };
        for role in active {
            let all = graph.permissions([role.as_str()]).into_iter().map(String::from);
            let given: BTreeSet<_> = all.filter(|name| asked(name) && allowed(name)).collect();
            if !narrowed || !given.is_empty() {
                held.roles.insert(role.to_string());
            }
            held.permissions.extend(given);
        }
        if narrowed {
            held.scope = Some(held.permissions.iter().cloned().collect::<Vec<_>>().join(" "));
        }
        held
    }
}
