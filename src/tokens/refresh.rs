use secrecy::SecretString;

use super::{
    Asking, Denied, Issued, Tokens,
    issue::{Active, Recipient},
    refresh_token::RefreshToken,
};
use crate::store::{GrantType, Refreshable, Rotated, Rotation, SessionId};

/// What a client sends for a new access token (RFC 6749 §6).
#[derive(Clone, Debug)]
pub struct RefreshGrant {
    /// The refresh token.
    pub token: SecretString,
    /// What to narrow the access token to, within what the session was narrowed to.
    pub scopes: Option<Vec<String>>,
}

/// Number and hash of a refresh token.
type Newest = (i64, Vec<u8>);

impl Tokens {
    /// Issues an access token with today's rights, and the refresh token that follows the one used.
    ///
    /// A token that was used before ends its session at once (RFC 9700 §4.14.2): either its owner or a thief has the
    /// newer one, and nobody can tell who.
    pub async fn refresh(&self, asking: &Asking, grant: RefreshGrant) -> Result<Issued, Denied> {
        asking.may(GrantType::RefreshToken)?;
        let used = RefreshToken::read(&grant.token, &self.refresh_key).ok_or(Denied::InvalidRefreshToken)?;
        if let Some(scopes) = &grant.scopes {
            self.check_narrowing(&used, scopes).await?;
        }
        let mut newest = (used.sequence, used.hash());
        loop {
            let next = RefreshToken::new(used.session, newest.0 + 1);
            // Until the token is about to be sent, it is in doubt whether anyone will get it.
            let attempt = self.undelivered.attempt(&used, &next);
            if let Some(session) = self.store.rotate(self.rotation(asking, &newest, &next)).await? {
                let issued = self.issue_again(asking, &session, &next, grant.scopes).await?;
                attempt.succeeded();
                return Ok(issued);
            }
            attempt.lost();
            newest = self.newest_known(asking, &used, &newest).await?;
        }
    }

    fn rotation(&self, asking: &Asking, (sequence, used): &Newest, next: &RefreshToken) -> Rotation {
        Rotation {
            session: next.session,
            client_id: asking.client.client_id.clone(),
            sequence: *sequence,
            used: used.clone(),
            next: next.hash(),
            address: asking.address,
            now: self.clock.micros(),
            idle: self.lifetimes.session_idle * 1_000_000,
            max: self.lifetimes.session_max * 1_000_000,
        }
    }

    async fn issue_again(
        &self,
        asking: &Asking,
        session: &Rotated,
        next: &RefreshToken,
        scopes: Option<Vec<String>>,
    ) -> Result<Issued, Denied> {
        let to = Recipient { user: session.user, asking, session: Some((next.session, session.expires_at)) };
        let scopes = scopes.as_deref().or(session.scopes.as_deref());
        let now = self.clock.micros();
        let active = Active::of(&asking.moment.graph, session.named.as_ref(), &session.assignments, now);
        let issued = self.issue(&to, &active, scopes).await?;
        Ok(Issued { refresh_token: Some(next.text(&self.refresh_key)), ..issued })
    }

    /// The session's newest token, if none after the one used ever left this node. Otherwise the token was used twice, or
    /// it is none of this client's, or its session is over.
    async fn newest_known(&self, asking: &Asking, used: &RefreshToken, tried: &Newest) -> Result<Newest, Denied> {
        let session = self.store.refreshable(used.session).await?.ok_or(Denied::InvalidRefreshToken)?;
        if session.client_id != asking.client.client_id {
            return Err(Denied::InvalidRefreshToken);
        }
        if let Some(newest) = self.as_if_unused(used, &session)
            && newest != *tried
        {
            return Ok(newest);
        }
        if used.sequence < session.sequence {
            self.reused(used.session).await?;
        }
        Err(Denied::InvalidRefreshToken)
    }

    /// The session's newest token, if it is the one used, or one that nobody can have in its place.
    fn as_if_unused(&self, used: &RefreshToken, session: &Refreshable) -> Option<Newest> {
        let stored = session.refresh_hash.clone()?;
        let is_newest = used.sequence == session.sequence && used.hash() == stored;
        let unused = is_newest || self.undelivered.is(used, session.sequence, &stored);
        unused.then_some((session.sequence, stored))
    }

    async fn reused(&self, session: SessionId) -> Result<(), Denied> {
        if self.store.end_session(session, None).await? {
            tracing::warn!(session = %session.0, "a refresh token was used twice; its session has ended");
        }
        Ok(())
    }

    /// What is asked for must be within what the session has: a scope can be narrowed, never widened. About a token that
    /// isn't good any more nothing is said.
    async fn check_narrowing(&self, used: &RefreshToken, asked: &[String]) -> Result<(), Denied> {
        let Some(session) = self.store.refreshable(used.session).await? else { return Ok(()) };
        if self.as_if_unused(used, &session).is_none() {
            return Ok(());
        }
        let within = match &session.scopes {
            Some(had) => asked.iter().all(|scope| had.contains(scope)),
            None => self.store.are_permissions(asked).await?,
        };
        if within { Ok(()) } else { Err(Denied::InvalidScope) }
    }
}
