use rolecall_guard::{Claims, LEEWAY};
use secrecy::SecretString;

use super::{Asking, Denied, Tokens, refresh_token::RefreshToken};
use crate::store::{Refreshable, SessionId};

/// A live refresh token.
#[derive(Clone, Debug)]
pub struct LiveRefreshToken {
    /// Its session's id.
    pub id: SessionId,
    /// The session.
    pub session: Refreshable,
}

impl Tokens {
    /// What a refresh token is good for, if it is the newest of its session and this client's.
    pub async fn live_refresh_token(
        &self,
        asking: &Asking,
        token: &SecretString,
    ) -> Result<Option<LiveRefreshToken>, Denied> {
        let Some(token) = RefreshToken::read(token, &self.refresh_key) else { return Ok(None) };
        let session = self.store.refreshable(token.session).await?;
        let live = session.filter(|session| {
            session.client_id == asking.client.client_id && session.refresh_hash.as_ref() == Some(&token.hash())
        });
        Ok(live.map(|session| LiveRefreshToken { id: token.session, session }))
    }

    /// Revokes a refresh token, also one that was used already, by ending its session (RFC 7009 §2.1). Whatever isn't
    /// one, or is of no live session, needs nothing.
    pub async fn revoke_refresh_token(&self, asking: &Asking, token: &SecretString) -> Result<(), Denied> {
        let Some(token) = RefreshToken::read(token, &self.refresh_key) else { return Ok(()) };
        let Some(session) = self.store.refreshable(token.session).await? else { return Ok(()) };
        own(asking, &session.client_id)?;
        self.store.end_session(token.session, None).await?;
        Ok(())
    }

    /// Revokes an access token of ours: its session ends, or, where it has none, it alone.
    pub async fn revoke_access_token(&self, asking: &Asking, claims: &Claims) -> Result<(), Denied> {
        own(asking, &claims.client_id)?;
        match claims.sid {
            Some(sid) => {
                self.store.end_session(SessionId(sid), None).await?;
            }
            // It has ended everywhere, also where the clock is behind.
            None if claims.exp + LEEWAY <= self.clock.seconds() => {}
            None => self.store.end_token(claims.jti).await?,
        }
        Ok(())
    }
}

/// A client revokes its own tokens only.
fn own(asking: &Asking, client_id: &str) -> Result<(), Denied> {
    if client_id == asking.client.client_id { Ok(()) } else { Err(Denied::NotYours) }
}
