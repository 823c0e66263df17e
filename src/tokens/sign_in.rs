use secrecy::SecretString;

use super::{Tokens, issue::Recipient, password::Overloaded};
use crate::{
    random,
    store::{Credentials, NewSession, Refused, SessionId, Status, UserId, Verified},
    tokens::Issued,
};

/// Why no token is issued.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// Unknown user, wrong password and disabled user are one and the same.
    #[error("the username or the password is wrong, or the user is disabled")]
    InvalidGrant,
    /// A role to activate that isn't the user's.
    #[error("a role is not assigned")]
    NotAssigned,
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
    /// The application that asks.
    pub client_id: String,
    /// What to narrow the token to; nothing means all.
    pub scopes: Option<Vec<String>>,
    /// Which of the assigned roles to activate; nothing means all.
    pub roles: Option<Vec<String>>,
}

impl Tokens {
    /// Opens a session and issues its first access token.
    pub async fn sign_in(&self, grant: PasswordGrant) -> Result<Issued, Denied> {
        // A second try, because a sign-in at the same moment may have stored a dearer hash of the same password.
        for _ in 0..2 {
            let verified = self.verify(&grant.username, grant.password.clone()).await?;
            if let Some(scopes) = &grant.scopes
                && !self.store.are_permissions(scopes).await?
            {
                return Err(Denied::InvalidScope);
            }
            if let Some(to) = self.open_session(&verified, &grant.client_id).await? {
                return self.issue(to, grant.scopes, grant.roles).await;
            }
        }
        Err(Denied::InvalidGrant)
    }

    async fn open_session(&self, verified: &Verified, client_id: &str) -> Result<Option<Recipient>, Denied> {
        let lasts = self.lifetimes.session_idle.min(self.lifetimes.session_max);
        let to = Recipient {
            user: verified.user,
            client_id: client_id.to_owned(),
            session: SessionId(random::id(&self.clock)),
            session_ends: self.clock.seconds() + lasts,
        };
        let (client_id, expires_at) = (to.client_id.clone(), to.session_ends * 1_000_000);
        let session = NewSession { id: to.session, client_id, expires_at };
        Ok(self.store.open_session(verified, session).await?.then_some(to))
    }

    /// The same work whoever it is and whatever is wrong.
    async fn verify(&self, username: &str, password: SecretString) -> Result<Verified, Denied> {
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
