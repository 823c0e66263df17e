use std::collections::BTreeSet;

use secrecy::SecretString;

use super::{
    Asking, Issued, Tokens,
    issue::{Active, Recipient},
    password::Overloaded,
    refresh_token::RefreshToken,
};
use crate::{
    policy::{Assignment, Graph, RoleName, SetName, in_force, now_or_later},
    random,
    store::{Credentials, GrantType, NewSession, Refused, SessionId, Status, UserId, Verified},
};

/// Why no token is issued.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// Unknown user, wrong password and disabled user are one and the same.
    #[error("the username or the password is wrong, or the user is disabled")]
    InvalidGrant,
    /// Not a live refresh token of this client.
    #[error("the refresh token is not good any more")]
    InvalidRefreshToken,
    /// No such client, or it isn't who it says.
    #[error("there is no such client, or its secret is wrong")]
    InvalidClient,
    /// The client may not get tokens in this way.
    #[error("the client may not do so")]
    UnauthorizedClient,
    /// A token that was issued to another client.
    #[error("the token was issued to another client")]
    NotYours,
    /// A role to activate that the user isn't authorized for.
    #[error("a role is not assigned")]
    NotAssigned,
    /// The roles to activate are kept apart by this dynamic set.
    #[error("the separation set {0} keeps the roles to activate apart: name fewer in roles")]
    Separation(SetName),
    /// There is no such permission to narrow to.
    #[error("there is no such scope")]
    InvalidScope,
    /// Too many at once.
    #[error("too many sign-ins at once")]
    Overloaded,
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] Refused),
    /// Something that never should have failed.
    #[error("{0}")]
    Failed(String),
}

impl From<Overloaded> for Denied {
    fn from(_: Overloaded) -> Self {
        Self::Overloaded
    }
}

/// What someone typed to sign in (RFC 6749 §4.3).
#[derive(Clone, Debug)]
pub struct PasswordGrant {
    /// A username or an e-mail.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// What to narrow the token to; nothing means all.
    pub scopes: Option<Vec<String>>,
    /// Which of the assigned roles to activate; nothing means all.
    pub roles: Option<Vec<String>>,
}

impl Tokens {
    /// Opens a session and issues its first tokens.
    pub async fn sign_in(&self, asking: &Asking, grant: PasswordGrant) -> Result<Issued, Denied> {
        asking.may(GrantType::Password)?;
        // A second try, because a sign-in at the same moment may have stored a dearer hash of the same password.
        for _ in 0..2 {
            let verified = self.verify(&grant.username, grant.password.clone()).await?;
            self.check_scopes(grant.scopes.as_deref()).await?;
            if let Some(issued) = self.open_session(asking, &verified, &grant).await? {
                return Ok(issued);
            }
        }
        Err(Denied::InvalidGrant)
    }

    /// Issues a service's own token (RFC 6749 §4.4): it has no session, and the next one is got in the same way.
    pub async fn issue_to_client(
        &self,
        asking: &Asking,
        scopes: Option<&[String]>,
        roles: Option<&[String]>,
    ) -> Result<Issued, Denied> {
        asking.may(GrantType::ClientCredentials)?;
        self.check_scopes(scopes).await?;
        let user = asking.client.user.ok_or(Denied::InvalidClient)?;
        let assignments = self.store.assignments_of_active_user(user).await?.ok_or(Denied::InvalidClient)?;
        let now = self.clock.micros();
        let named = activated(&asking.moment.graph, &assignments, roles, now)?;
        let active = Active::of(&asking.moment.graph, named.as_ref(), &assignments, now);
        let to = Recipient { user, asking, session: None };
        self.issue(&to, &active, scopes).await
    }

    async fn check_scopes(&self, scopes: Option<&[String]>) -> Result<(), Denied> {
        match scopes {
            Some(scopes) if !self.store.are_permissions(scopes).await? => Err(Denied::InvalidScope),
            _ => Ok(()),
        }
    }

    /// Everything that can fail comes before the session is stored, so that whoever gets no token has no session.
    async fn open_session(
        &self,
        asking: &Asking,
        verified: &Verified,
        grant: &PasswordGrant,
    ) -> Result<Option<Issued>, Denied> {
        let graph = &asking.moment.graph;
        let Some(assignments) = self.store.assignments_of_active_user(verified.user).await? else { return Ok(None) };
        let now = self.clock.micros();
        let named = activated(graph, &assignments, grant.roles.as_deref(), now)?;
        let id = SessionId(random::id(&self.clock));
        let expires_at = self.lifetimes.session_end(now, now);
        let to = Recipient { user: verified.user, asking, session: Some((id, expires_at)) };
        let active = Active::of(graph, named.as_ref(), &assignments, now);
        let mut issued = self.issue(&to, &active, grant.scopes.as_deref()).await?;
        let refreshes = asking.client.grants.contains(&GrantType::RefreshToken);
        let refresh = refreshes.then(|| RefreshToken::new(id, 1));
        issued.refresh_token = refresh.as_ref().map(|refresh| refresh.text(&self.refresh_key));
        let session = NewSession {
            id,
            client: asking.client.clone(),
            address: asking.address,
            scopes: grant.scopes.clone(),
            roles: named,
            refresh_hash: refresh.map(|refresh| refresh.hash()),
            created_at: now,
            expires_at,
            most: self.lifetimes.sessions_per_user,
        };
        Ok(self.store.open_session(verified, session).await?.then_some(issued))
    }

    /// The same work whoever it is and whatever is wrong.
    async fn verify(&self, username: &str, password: SecretString) -> Result<Verified, Denied> {
        self.hasher.check_room()?;
        let credentials = self.store.credentials_of_login(username).await?;
        self.check(credentials, password).await?.ok_or(Denied::InvalidGrant)
    }

    /// Whether someone's own password is this one.
    pub async fn verify_own(&self, user: UserId, password: SecretString) -> Result<Option<Verified>, Denied> {
        let credentials = self.store.credentials(user).await?;
        self.check(credentials, password).await
    }

    async fn check(
        &self,
        credentials: Option<Credentials>,
        password: SecretString,
    ) -> Result<Option<Verified>, Denied> {
        let stored = credentials.as_ref().and_then(|credentials| credentials.password_hash.clone());
        let right = self.hasher.verify(password.clone(), stored.as_ref()).await?;
        let (Some(Credentials { user, status: Status::Active, .. }), Some(hash), true) = (credentials, stored, right)
        else {
            return Ok(None);
        };
        let outdated = self.hasher.is_outdated(&hash);
        let replacement = if outdated { Some(self.hasher.hash(password).await?) } else { None };
        Ok(Some(Verified { user, hash, replacement }))
    }
}

/// The roles that the session keeps active, if that is allowed (NIST `CreateSession`): those named, each of them
/// authorized; nothing, if it follows what is assigned.
fn activated(
    graph: &Graph,
    assignments: &[Assignment],
    named: Option<&[String]>,
    now: i64,
) -> Result<Option<BTreeSet<RoleName>>, Denied> {
    let separate = |roles: &BTreeSet<RoleName>| match graph.breaks_dynamic(roles) {
        Some(set) => Err(Denied::Separation(set.clone())),
        None => Ok(()),
    };
    let assigned: BTreeSet<RoleName> = in_force(assignments, now).into_iter().collect();
    let Some(named) = named else {
        separate(&assigned)?;
        // What begins later could break a set: then it keeps what it begins with.
        let follows = graph.breaks_dynamic(&now_or_later(assignments, now)).is_none();
        return Ok((!follows).then_some(assigned));
    };
    let authorized = graph.authorized(assigned.iter().map(RoleName::as_str));
    let find = |name: &String| name.parse().ok().filter(|role| authorized.contains(role));
    let named = named.iter().map(find).collect::<Option<BTreeSet<RoleName>>>().ok_or(Denied::NotAssigned)?;
    separate(&named)?;
    Ok(Some(named))
}
