use poem_openapi::{
    Object,
    types::{Example, ToJSON},
};
use time::OffsetDateTime;

use crate::{
    api::{
        responses::shown,
        separation_sets::Kind,
        text::{Line, known},
    },
    policy::{
        PermissionName, RoleName, SeparationSet, SetName, Username,
        file::{Document, RoleText, Validity},
    },
};

/// A policy. A section that is left out says nothing: what it is about is left alone.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub(super) struct Policy {
    /// Without the built-in ones.
    permissions: Option<Vec<PolicyPermission>>,
    /// Without the built-in one.
    roles: Option<Vec<PolicyRole>>,
    separation_sets: Option<Vec<PolicySet>>,
    /// Who is assigned which role.
    assignments: Option<Vec<PolicyAssignment>>,
}

/// A permission, as a policy states it.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
struct PolicyPermission {
    name: PermissionName,
    description: Option<Line<1000>>,
}

/// A role, as a policy states it.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
struct PolicyRole {
    name: RoleName,
    description: Option<Line<1000>>,
    /// What it is granted; left out: nothing.
    permissions: Option<Vec<PermissionName>>,
    /// From which it inherits; left out: none.
    juniors: Option<Vec<RoleName>>,
}

/// Roles that are kept apart, as a policy states them.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct PolicySet {
    name: SetName,
    kind: Kind,
    /// The number of its roles that is one too many.
    cardinality: u64,
    roles: Vec<RoleName>,
}

/// An assignment, as a policy states it.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
struct PolicyAssignment {
    /// A username.
    user: Username,
    role: RoleName,
    valid_from: Option<OffsetDateTime>,
    valid_until: Option<OffsetDateTime>,
}

impl Policy {
    pub(super) fn of(document: &Document) -> Self {
        let permissions = document.permissions.as_ref();
        let permission = |(name, description): (&PermissionName, &Option<String>)| PolicyPermission {
            name: name.clone(),
            description: description.clone().map(Line),
        };
        let roles = document.roles.as_ref();
        let sets = document.separation_sets.as_ref();
        let assignments = document.assignments.as_ref();
        Self {
            permissions: permissions.map(|all| all.iter().map(permission).collect()),
            roles: roles.map(|all| all.iter().map(PolicyRole::from).collect()),
            separation_sets: sets.map(|all| all.iter().map(PolicySet::from).collect()),
            assignments: assignments.map(|all| all.iter().map(PolicyAssignment::from).collect()),
        }
    }
}

impl From<(&RoleName, &RoleText)> for PolicyRole {
    fn from((name, text): (&RoleName, &RoleText)) -> Self {
        let some = |empty: bool| (!empty).then_some(());
        Self {
            name: name.clone(),
            description: text.description.clone().map(Line),
            permissions: some(text.permissions.is_empty()).map(|()| text.permissions.iter().cloned().collect()),
            juniors: some(text.juniors.is_empty()).map(|()| text.juniors.iter().cloned().collect()),
        }
    }
}

impl From<(&SetName, &SeparationSet)> for PolicySet {
    fn from((name, set): (&SetName, &SeparationSet)) -> Self {
        let roles = set.roles.iter().cloned().collect();
        Self { name: name.clone(), kind: set.kind.into(), cardinality: set.cardinality, roles }
    }
}

impl From<(&(Username, RoleName), &Validity)> for PolicyAssignment {
    fn from(((user, role), times): (&(Username, RoleName), &Validity)) -> Self {
        let (valid_from, valid_until) = (times.valid_from.map(shown), times.valid_until.map(shown));
        Self { user: user.clone(), role: role.clone(), valid_from, valid_until }
    }
}

impl Example for Policy {
    fn example() -> Self {
        let (name, description) = (known("translations:update"), Some(known("Change translations")));
        let permission = PolicyPermission { name, description };
        // Granted nothing yet: whoever tries this may not hold it.
        let (name, description) = (known("translator"), Some(known("Translates articles")));
        let role = PolicyRole { name, description, permissions: Some(Vec::new()), juniors: None };
        Self { permissions: Some(vec![permission]), roles: Some(vec![role]), separation_sets: None, assignments: None }
    }
}

/// The policy as YAML.
///
/// # Errors
/// When it can't be written, which no policy is known to be the cause of.
pub fn yaml(document: &Document) -> Result<String, String> {
    serde_yaml::to_string(&Policy::of(document).to_json()).map_err(|error| error.to_string())
}
