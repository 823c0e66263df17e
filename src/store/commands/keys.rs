use rolecall_guard::Subject;
use serde_json::json;

use crate::store::{
    Command, KeySchedule, Refused, StoredKey,
    effect::Effect,
    keys::all,
    plan::{Plan, Planned, View},
};

/// Makes a new signing key, if it is time for one.
///
/// The first one signs at once; any other only when verifiers have had the time to fetch it.
#[derive(Clone, Debug)]
pub struct RotateKey<F> {
    /// The new key; the plan says when it is made and signs.
    pub key: StoredKey,
    /// How old the newest must be, in seconds; nothing: a new one is asked for.
    pub age: Option<i64>,
    /// For how many seconds a key is published before it signs.
    pub ahead: i64,
    /// For how many seconds a token is accepted at most.
    pub window: i64,
    /// Whether a stored key is ours.
    pub ours: F,
}

impl<F: Fn(&StoredKey) -> bool + Send + Sync> Command for RotateKey<F> {
    /// The new key, unless it isn't time.
    type Output = Option<StoredKey>;

    async fn plan(&self, view: &View<'_>) -> Result<Planned<Self::Output>, Refused> {
        let schedule = schedule(view, self.window, &self.ours).await?;
        if !schedule.is_due(self.age, &self.key.algorithm, view.now) {
            return Ok(Planned::nothing(view.revision, None));
        }
        let ahead = schedule.signing(view.now).map_or(0, |_| self.ahead * 1_000_000);
        let key = StoredKey { created_at: view.now, signs_from: view.now + ahead, ..self.key.clone() };
        let (mut effects, gone) = tidied(&schedule, view.now);
        effects.push(Effect::InsertKey(key.clone()));
        let plan = Plan {
            action: "rotate_key",
            target: target(&key.kid),
            after: Some(json!({ "algorithm": key.algorithm, "signs_in_seconds": ahead / 1_000_000, "deleted": gone })),
            effects,
            ..Plan::default()
        };
        Ok(Planned::create(plan, Some(key)))
    }
}

/// Takes a signing key out of use: what it signed is refused from now on.
///
/// In place of the key that signs, the one that waits signs at once; or a new one, if none waits.
#[derive(Clone, Debug)]
pub struct RetireKey<F> {
    /// Which key.
    pub kid: String,
    /// A new key, in case one is needed.
    pub spare: StoredKey,
    /// For how many seconds a token is accepted at most.
    pub window: i64,
    /// Whether a stored key is ours.
    pub ours: F,
}

impl<F: Fn(&StoredKey) -> bool + Send + Sync> Command for RetireKey<F> {
    /// The key that signs from now on.
    type Output = String;

    async fn plan(&self, view: &View<'_>) -> Result<Planned<String>, Refused> {
        // Also one that isn't ours: this is how to get rid of it.
        if !all(view.txn).await?.iter().any(|key| key.kid == self.kid) {
            return Err(Refused::NotFound("signing key"));
        }
        let schedule = schedule(view, self.window, &self.ours).await?;
        let (mut effects, gone) = tidied(&schedule, view.now);
        if !gone.contains(&self.kid.as_str()) {
            effects.push(Effect::DeleteKey(self.kid.clone()));
        }
        let signing = match (schedule.signing(view.now), schedule.next(view.now)) {
            (Some(signing), _) if signing.kid != self.kid => signing.kid.clone(),
            (Some(_), Some(next)) => {
                effects.push(Effect::SignFrom(next.kid.clone(), view.now));
                next.kid.clone()
            }
            _ => {
                let spare = StoredKey { created_at: view.now, signs_from: view.now, ..self.spare.clone() };
                effects.push(Effect::InsertKey(spare));
                self.spare.kid.clone()
            }
        };
        let plan = Plan {
            action: "retire_key",
            target: target(&self.kid),
            after: Some(json!({ "signing": signing, "deleted": gone })),
            effects,
            subjects: vec![Subject::Key(self.kid.clone())],
            ..Plan::default()
        };
        Ok(Planned::create(plan, signing))
    }
}

async fn schedule(
    view: &View<'_>,
    window: i64,
    ours: impl Fn(&StoredKey) -> bool + Send,
) -> Result<KeySchedule, Refused> {
    let keys = all(view.txn).await?.into_iter().filter(ours).collect();
    Ok(KeySchedule::new(keys, window))
}

/// Nobody needs a past key: it goes with the next change, and never comes back because its successor goes.
fn tidied(schedule: &KeySchedule, now: i64) -> (Vec<Effect>, Vec<&str>) {
    let past = schedule.past(now);
    past.map(|key| (Effect::DeleteKey(key.kid.clone()), key.kid.as_str())).unzip()
}

fn target(kid: &str) -> String {
    format!("keys/{kid}")
}
