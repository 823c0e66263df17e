use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    policy::{self, Kind, RoleName, SetName},
    store::{
        Command, Refused, RoleId, SeparationSet, SetId,
        effect::Effect,
        entity::separation_sets,
        plan::{Plan, Planned, View},
        roles,
        separation_sets::{SetRef, find, separated, with_roles},
    },
};

/// Keeps roles apart (NIST `CreateSsdSet`, `CreateDsdSet`).
#[derive(Clone, Debug)]
pub struct CreateSet {
    /// Its id.
    pub id: SetId,
    /// Its name.
    pub name: SetName,
    /// Whether for users or for sessions.
    pub kind: Kind,
    /// The number of its roles that is one too many.
    pub cardinality: u64,
    /// The roles.
    pub roles: BTreeSet<RoleName>,
}

impl Command for CreateSet {
    type Output = SeparationSet;

    async fn plan(&self, view: &View<'_>) -> Result<Planned<SeparationSet>, Refused> {
        let Self { id, name, kind, cardinality, roles } = self.clone();
        let set = SeparationSet { id, name, kind, cardinality, roles, revision: view.revision };
        if !of_graph(&set).is_valid() {
            return Err(Refused::Cardinality);
        }
        let (row, members) = (row(&set, view.now, view), ids(view, &set.roles).await?);
        let plan = Plan {
            action: "create_separation_set",
            effects: vec![Effect::InsertSet(row.clone(), members)],
            ..plan(view, &row, None, Some(&set))?
        };
        Ok(Planned::create(plan, set))
    }
}

/// Adds a role to a set, or takes one out.
#[derive(Clone, Debug)]
pub enum Membership {
    /// All of them (what is left out is taken out).
    Replace(BTreeSet<RoleName>),
    /// NIST `AddSsdRoleMember`, `AddDsdRoleMember`.
    Add(RoleName),
    /// NIST `DeleteSsdRoleMember`, `DeleteDsdRoleMember`.
    Remove(RoleName),
    /// As they are.
    Keep,
}

/// Changes a set's roles or cardinality (NIST `SetSsdSetCardinality`, `SetDsdSetCardinality` and the above).
#[derive(Clone, Debug)]
pub struct UpdateSet {
    /// Which set.
    pub set: SetRef,
    /// The number of its roles that is one too many.
    pub cardinality: Option<u64>,
    /// Its roles.
    pub roles: Membership,
}

impl UpdateSet {
    /// Whether there may be a set that could become this: where not, it doesn't matter which one is meant.
    fn fits_some_set(&self) -> bool {
        let most = match &self.roles {
            Membership::Replace(roles) => roles.len() as u64,
            _ => u64::MAX,
        };
        (2..=most).contains(&self.cardinality.unwrap_or(2))
    }
}

impl Command for UpdateSet {
    type Output = SeparationSet;

    async fn plan(&self, view: &View<'_>) -> Result<Planned<SeparationSet>, Refused> {
        if !self.fits_some_set() {
            return Err(Refused::Cardinality);
        }
        let old_row = find(view.txn, &self.set).await?;
        let old = with_roles(view.txn, old_row.clone()).await?;
        let mut set = old.clone();
        set.cardinality = self.cardinality.unwrap_or(old.cardinality);
        match &self.roles {
            Membership::Replace(roles) => set.roles.clone_from(roles),
            Membership::Add(role) => drop(set.roles.insert(role.clone())),
            Membership::Remove(role) => drop(set.roles.remove(role)),
            Membership::Keep => {}
        }
        let members = ids(view, &set.roles).await?;
        if let Membership::Remove(role) = &self.roles {
            roles::find(view.txn, role).await?;
        }
        if set == old {
            let shown = matches!(self.roles, Membership::Replace(_) | Membership::Keep);
            let needs = if shown { touched(view, [&old]) } else { BTreeSet::new() };
            return Ok(Planned::unchanged(old.revision, needs, old));
        }
        set.revision = view.revision;
        let new_row = row(&set, old_row.created_at, view);
        let too_small = || match &self.roles {
            Membership::Remove(_) => Refused::InSet(set.name.clone()),
            _ => Refused::Cardinality,
        };
        let most = old.roles.len().max(policy::SeparationSet::MOST_ROLES);
        let full = (set.roles.len() > most).then_some(Refused::SetFull);
        let plan = Plan {
            action: "update_separation_set",
            impossible: (!of_graph(&set).is_valid()).then(too_small).or(full),
            effects: vec![Effect::UpdateSet(new_row.clone(), members)],
            ..plan(view, &new_row, Some(&old), Some(&set))?
        };
        Ok(Planned::change(old.revision, plan, set))
    }
}

/// Keeps the roles of a set apart no more (NIST `DeleteSsdSet`, `DeleteDsdSet`).
#[derive(Clone, Debug)]
pub struct DeleteSet {
    /// Which set.
    pub set: SetRef,
}

impl Command for DeleteSet {
    type Output = ();

    async fn plan(&self, view: &View<'_>) -> Result<Planned<()>, Refused> {
        let row = find(view.txn, &self.set).await?;
        let set = with_roles(view.txn, row.clone()).await?;
        let plan = Plan {
            action: "delete_separation_set",
            effects: vec![Effect::DeleteSet(row.id)],
            ..plan(view, &row, Some(&set), None)?
        };
        Ok(Planned::change(row.revision, plan, ()))
    }
}

/// What all three have in common.
fn plan(
    view: &View<'_>,
    row: &separation_sets::Model,
    before: Option<&SeparationSet>,
    after: Option<&SeparationSet>,
) -> Result<Plan, Refused> {
    let delta = match after {
        Some(set) => separated(row, set.roles.clone())?,
        None => policy::Delta::Unseparated { set: crate::store::replica::stored(&row.name)? },
    };
    Ok(Plan {
        target: format!("separation-sets/{}", row.name),
        before: before.map(state),
        after: after.map(state),
        needs: touched(view, before.into_iter().chain(after)),
        deltas: vec![delta],
        ..Plan::default()
    })
}

/// A set decides who can be given a role of it, and who can sign in with it: so it touches all of them (rule 1).
fn touched<'a>(view: &View<'_>, sets: impl IntoIterator<Item = &'a SeparationSet>) -> BTreeSet<policy::PermissionName> {
    view.graph.permissions(sets.into_iter().flat_map(|set| &set.roles).map(RoleName::as_str))
}

fn of_graph(set: &SeparationSet) -> policy::SeparationSet {
    policy::SeparationSet { kind: set.kind, cardinality: set.cardinality, roles: set.roles.clone() }
}

async fn ids(view: &View<'_>, roles: &BTreeSet<RoleName>) -> Result<Vec<RoleId>, Refused> {
    let mut ids = Vec::with_capacity(roles.len());
    for role in roles {
        ids.push(roles::find(view.txn, role).await?.id);
    }
    Ok(ids)
}

pub(super) fn row(set: &SeparationSet, created_at: i64, view: &View<'_>) -> separation_sets::Model {
    separation_sets::Model {
        id: set.id,
        name: set.name.to_string(),
        kind: set.kind.as_str().into(),
        cardinality: i64::try_from(set.cardinality).unwrap_or(i64::MAX),
        created_at,
        updated_at: view.now,
        revision: view.revision,
    }
}

fn state(set: &SeparationSet) -> Value {
    json!({ "id": set.id.0, "name": set.name, "kind": set.kind, "cardinality": set.cardinality, "roles": set.roles })
}
