//! The policy as a file states it, read from the database.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef,
};

use super::{
    Refused, Store, UserId,
    connect::PARAMETERS,
    entity::{assignments, permissions, roles, separation_sets, users},
    replica::stored,
};
use crate::policy::{
    Graph, PermissionName, RoleName, SetName, Username,
    file::{Document, Known, Name, RoleText, Validity},
};

/// A file lists so many assignments, or none: it is for people to read.
const MOST_ASSIGNMENTS: usize = 10_000;

/// The policy at one moment, with the rows behind the names.
#[derive(Debug, Default)]
pub(super) struct Current {
    pub(super) document: Document,
    pub(super) permissions: HashMap<PermissionName, permissions::Model>,
    pub(super) roles: HashMap<RoleName, roles::Model>,
    pub(super) sets: HashMap<SetName, separation_sets::Model>,
    /// Those that have an assignment, and those that were asked for.
    pub(super) users: HashMap<Username, UserId>,
}

/// An assignment: user, username, role, from when, until when.
type Row = (UserId, String, String, Option<i64>, Option<i64>);

impl Store {
    /// The policy, without what is built in; the assignments only if asked for.
    pub async fn policy(&self, with_assignments: bool) -> Result<Document, Refused> {
        let (txn, snapshot) = self.moment().await?;
        Ok(Current::load(&txn, &snapshot.graph, with_assignments).await?.document)
    }
}

impl Current {
    pub(super) async fn load(
        db: &impl ConnectionTrait,
        graph: &Graph,
        with_assignments: bool,
    ) -> Result<Self, Refused> {
        let mut current = Self::default();
        for row in permissions::Entity::find().all(db).await? {
            current.permissions.insert(stored(&row.name)?, row);
        }
        for row in roles::Entity::find().all(db).await? {
            current.roles.insert(stored(&row.name)?, row);
        }
        for row in separation_sets::Entity::find().all(db).await? {
            current.sets.insert(stored(&row.name)?, row);
        }
        let own = current.permissions.iter().filter(|(_, row)| !row.built_in);
        current.document.permissions = Some(own.map(|(name, row)| (name.clone(), row.description.clone())).collect());
        let own = current.roles.iter().filter(|(_, row)| !row.built_in);
        current.document.roles = Some(own.map(|(name, row)| (name.clone(), text(graph, name, row))).collect());
        current.document.separation_sets = Some(graph.sets().map(|(name, set)| (name.clone(), set.clone())).collect());
        if with_assignments {
            current.document.assignments = Some(current.read_assignments(db).await?);
        }
        Ok(current)
    }

    async fn read_assignments(
        &mut self,
        db: &impl ConnectionTrait,
    ) -> Result<BTreeMap<(Username, RoleName), Validity>, Refused> {
        let rows: Vec<Row> = assignments::Entity::find()
            .select_only()
            .column(assignments::Column::UserId)
            .column(users::Column::Username)
            .column(roles::Column::Name)
            .columns([assignments::Column::ValidFrom, assignments::Column::ValidUntil])
            .join(JoinType::InnerJoin, of_user())
            .join(JoinType::InnerJoin, of_role())
            .order_by_asc(assignments::Column::UserId)
            .limit(MOST_ASSIGNMENTS as u64 + 1)
            .into_tuple()
            .all(db)
            .await?;
        if rows.len() > MOST_ASSIGNMENTS {
            return Err(Refused::TooMany { what: "assignments", most: MOST_ASSIGNMENTS });
        }
        let mut all = BTreeMap::new();
        for (id, user, role, valid_from, valid_until) in rows {
            let user: Username = stored(&user)?;
            self.users.insert(user.clone(), id);
            all.insert((user, stored(&role)?), Validity { valid_from, valid_until });
        }
        Ok(all)
    }

    /// Looks up who else is named.
    pub(super) async fn look_up(&mut self, db: &impl ConnectionTrait, stated: &Document) -> Result<(), DbErr> {
        let named = stated.assignments.iter().flatten().map(|((user, _), _)| user.as_str());
        let unknown: Vec<&str> = named.filter(|user| !self.users.contains_key(*user)).collect();
        for some in unknown.chunks(PARAMETERS) {
            let rows = users::Entity::find().filter(users::Column::Username.is_in(some.iter().copied()));
            for row in rows.all(db).await? {
                self.users.insert(stored(&row.username)?, row.id);
            }
        }
        Ok(())
    }

    /// How it is with a name, for a file that lists these.
    pub(super) fn knows(&self, name: &Name, stated: &Document, prune: bool) -> Known {
        let (listed, exists, built_in) = match name {
            Name::Permission(name) => (
                stated.permissions.as_ref().map(|section| section.contains_key(name)),
                self.permissions.contains_key(name),
                self.permissions.get(name).is_some_and(|row| row.built_in),
            ),
            Name::Role(name) => (
                stated.roles.as_ref().map(|section| section.contains_key(name)),
                self.roles.contains_key(name),
                self.roles.get(name).is_some_and(|row| row.built_in),
            ),
            Name::Set(_) => (Some(true), true, false),
            Name::User(name) => (None, self.users.contains_key(name), false),
        };
        match (listed, exists) {
            _ if built_in => Known::BuiltIn,
            (Some(true), _) => Known::Yes,
            (_, false) => Known::No,
            (Some(false), true) if prune => Known::Pruned,
            (_, true) => Known::Yes,
        }
    }
}

fn text(graph: &Graph, name: &RoleName, row: &roles::Model) -> RoleText {
    let permissions = graph.role(name).map(|role| role.grants.clone()).unwrap_or_default();
    RoleText { description: row.description.clone(), permissions, juniors: graph.juniors(name) }
}

fn of_user() -> RelationDef {
    assignments::Entity::belongs_to(users::Entity).from(assignments::Column::UserId).to(users::Column::Id).into()
}

fn of_role() -> RelationDef {
    assignments::Entity::belongs_to(roles::Entity).from(assignments::Column::RoleId).to(roles::Column::Id).into()
}
