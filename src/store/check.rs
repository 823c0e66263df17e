use std::{collections::HashMap, sync::Arc};

use super::{Refused, Snapshot, Status, Store, UserRef, users::assignments_of};
use crate::policy::{RoleName, in_force};

/// So many roles are named as the reason.
const MOST: usize = 100;

/// Whether someone may do something, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// These assigned roles give it: the first hundred, by name.
    Allowed(Vec<RoleName>),
    /// There is no such user.
    NoSuchUser,
    /// The user is disabled (rule 6).
    Disabled,
    /// No role that the user has now gives it.
    NotGranted,
}

/// Checks by one graph and one time (NIST `CheckAccess`, of all that a user could activate); each user is read once, when
/// first asked about.
#[derive(Debug)]
pub struct Checks {
    store: Store,
    snapshot: Arc<Snapshot>,
    now: i64,
    /// The roles that each has now, or why that doesn't matter.
    users: HashMap<String, Result<Vec<RoleName>, Decision>>,
}

impl Store {
    /// Begins checks, by the graph and the time of now.
    pub async fn checks(&self) -> Result<Checks, Refused> {
        let snapshot = self.current().await?;
        Ok(Checks { store: self.clone(), snapshot, now: self.clock.micros(), users: HashMap::new() })
    }
}

impl Checks {
    /// Whether the user of this name or id may do this.
    pub async fn check(&mut self, user: &str, permission: &str) -> Result<Decision, Refused> {
        let snapshot = Arc::clone(&self.snapshot);
        let roles = match self.roles(user).await? {
            Ok(roles) => roles,
            Err(decision) => return Ok(decision.clone()),
        };
        let gives = |role: &&RoleName| snapshot.graph.gives([role.as_str()], permission);
        let giving: Vec<RoleName> = roles.iter().filter(gives).take(MOST).cloned().collect();
        Ok(if giving.is_empty() { Decision::NotGranted } else { Decision::Allowed(giving) })
    }

    /// The actions that the user may do on a resource type, by name (NIST `UserOperationsOnObject`).
    pub async fn actions(&mut self, user: &str, resource: &str) -> Result<Vec<String>, Refused> {
        let snapshot = Arc::clone(&self.snapshot);
        let Ok(roles) = self.roles(user).await? else { return Ok(Vec::new()) };
        let permissions = snapshot.graph.permissions(roles.iter().map(RoleName::as_str));
        let on_it = permissions.iter().filter(|permission| permission.resource() == resource);
        Ok(on_it.map(|permission| permission.action().to_owned()).collect())
    }

    async fn roles(&mut self, user: &str) -> Result<&Result<Vec<RoleName>, Decision>, Refused> {
        if !self.users.contains_key(user) {
            let roles = self.read(user).await?;
            self.users.insert(user.to_owned(), roles);
        }
        Ok(&self.users[user])
    }

    async fn read(&self, user: &str) -> Result<Result<Vec<RoleName>, Decision>, Refused> {
        let Ok(user) = user.parse::<UserRef>() else { return Ok(Err(Decision::NoSuchUser)) };
        match self.store.user(&user).await {
            Ok(user) if user.status == Status::Disabled => Ok(Err(Decision::Disabled)),
            Ok(user) => Ok(Ok(in_force(&assignments_of(&self.store.db, user.id).await?, self.now))),
            Err(Refused::NotFound(_)) => Ok(Err(Decision::NoSuchUser)),
            Err(error) => Err(error),
        }
    }
}
