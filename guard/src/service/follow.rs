use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{
    issuer::{Issuer, Trouble},
    keys::Keys,
};
use crate::{
    Clock, Gate, Revocations, Subject,
    feed::{Feed, Loss, LossKind},
};

/// For how long the server holds a question to which there is no news.
const WAIT: Duration = Duration::from_secs(1);
/// The least time between two questions, and how long to wait after one that failed.
const REST: Duration = Duration::from_millis(50);
const REST_AFTER_TROUBLE: Duration = Duration::from_millis(500);

/// Reads the server's feed along, so that the gate refuses what the server refuses.
pub(super) struct Follower {
    pub(super) issuer: Arc<Issuer>,
    pub(super) keys: Arc<Keys>,
    pub(super) revocations: Arc<Revocations>,
    pub(super) gate: Gate,
}

impl Follower {
    /// Never returns. What it has to say it says once, not each time.
    pub(super) async fn follow(self) {
        let (mut after, mut said) = (None, None);
        loop {
            match self.step(after.as_deref()).await {
                Ok(next) => {
                    if said.take().is_some() || after.is_none() {
                        tracing::info!("following Rolecall: tokens stop here as soon as they do there");
                    }
                    after = Some(next);
                    sleep(REST).await;
                }
                Err(trouble) => {
                    let saying = trouble.to_string();
                    if said.as_ref() != Some(&saying) {
                        tracing::warn!(%trouble, "can't follow Rolecall; without word from it no token is trusted for long");
                    }
                    said = Some(saying);
                    // A place that the server doesn't know, since its keys are others: begin anew.
                    if matches!(trouble, Trouble::Refused { status: 400, .. }) {
                        after = None;
                    }
                    sleep(REST_AFTER_TROUBLE).await;
                }
            }
        }
    }

    /// Asks for news and takes note of them; tells where to go on.
    async fn step(&self, after: Option<&str>) -> Result<String, Trouble> {
        self.keys.keep().await?;
        let asked = Clock::System.seconds();
        let news = self.issuer.news(after, WAIT).await?;
        self.revocations.set_window(news.remember_seconds);
        self.gate.set_token_age(news.token_seconds);
        for loss in &news.items {
            note(loss, &self.revocations).ok_or_else(|| self.unreadable(loss))?;
        }
        if news.items.iter().any(|loss| loss.kind == LossKind::Key) {
            self.keys.renew().await?;
        }
        let Feed { more, age_seconds, next, .. } = news;
        if !more {
            self.gate.heard_at(asked - age_seconds.max(0));
        }
        Ok(next)
    }

    /// To pass over what isn't understood would be to trust what must not be trusted.
    fn unreadable(&self, loss: &Loss) -> Trouble {
        self.issuer.unexpected(format!("it tells of something unknown: {loss:?}"))
    }
}

fn note(loss: &Loss, revocations: &Revocations) -> Option<()> {
    let subject = match loss.kind {
        LossKind::User => Subject::User(loss.id.parse().ok()?),
        LossKind::Role => Subject::Role(loss.id.clone()),
        LossKind::Client => Subject::Client(loss.id.clone()),
        LossKind::Session => Subject::Session(loss.id.parse().ok()?),
        LossKind::Key => Subject::Key(loss.id.clone()),
        LossKind::Ended => {
            revocations.end([(loss.id.parse().ok()?, loss.at)]);
            return Some(());
        }
    };
    revocations.mark(&[subject], loss.revision?, loss.at);
    Some(())
}
