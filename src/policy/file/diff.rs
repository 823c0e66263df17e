//! What is to be done so that a policy becomes what a file says.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Document, RoleText, Validity};
use crate::policy::{PermissionName, RoleName, SeparationSet, SetName, Username};

/// One step from a policy to the one that a file states. What goes comes first, so that in between no rule is broken that
/// isn't in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it; old before new, senior before junior")]
pub enum Change {
    RemoveSet(SetName, SeparationSet),
    Deassign(Username, RoleName, Validity),
    RemoveRole(RoleName, Option<String>),
    Revoke(RoleName, PermissionName),
    Disinherit(RoleName, RoleName),
    RemovePermission(PermissionName, Option<String>),
    AddPermission(PermissionName, Option<String>),
    DescribePermission(PermissionName, Option<String>, Option<String>),
    AddRole(RoleName, Option<String>),
    DescribeRole(RoleName, Option<String>, Option<String>),
    Grant(RoleName, PermissionName),
    Inherit(RoleName, RoleName),
    AddSet(SetName, SeparationSet),
    UpdateSet(SetName, SeparationSet, SeparationSet),
    Assign(Username, RoleName, Option<Validity>, Validity),
}

/// What a step does to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// It wasn't there.
    Added,
    /// It is another one.
    Changed,
    /// It is there no more.
    Removed,
}

impl Document {
    /// What makes this policy into `wanted`. What `wanted` doesn't list stays, unless it is to be pruned; of what it does
    /// list everything becomes as it says.
    #[must_use]
    pub fn changes(&self, wanted: &Self, prune: bool) -> Vec<Change> {
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        self.set_changes(wanted, prune, &mut gone, &mut new);
        self.assignment_changes(wanted, prune, &mut gone, &mut new);
        self.role_changes(wanted, prune, &mut gone, &mut new);
        self.permission_changes(wanted, prune, &mut gone, &mut new);
        // What is new was gathered from the top down, and is made from the bottom up.
        gone.extend(new.into_iter().rev().flatten());
        gone
    }

    /// What there is and `wanted` doesn't list, in the sections that it has, as paths below `/v1/`.
    #[must_use]
    pub fn unlisted(&self, wanted: &Self) -> Vec<String> {
        let permissions = only_old(self.permissions.as_ref(), wanted.permissions.as_ref());
        let roles = only_old(self.roles.as_ref(), wanted.roles.as_ref());
        let sets = only_old(self.separation_sets.as_ref(), wanted.separation_sets.as_ref());
        let assignments = only_old(self.assignments.as_ref(), wanted.assignments.as_ref());
        let mut unlisted: Vec<String> = permissions.map(|name| format!("permissions/{name}")).collect();
        unlisted.extend(roles.map(|name| format!("roles/{name}")));
        unlisted.extend(sets.map(|name| format!("separation-sets/{name}")));
        unlisted.extend(assignments.map(|(user, role)| format!("users/{user}/roles/{role}")));
        unlisted
    }

    fn set_changes(&self, wanted: &Self, prune: bool, gone: &mut Vec<Change>, new: &mut Vec<Vec<Change>>) {
        let mut made = Vec::new();
        for (name, old, stated) in paired(self.separation_sets.as_ref(), wanted.separation_sets.as_ref()) {
            match (old, stated) {
                (Some(old), Some(stated)) if old.kind != stated.kind => {
                    gone.push(Change::RemoveSet(name.clone(), old.clone()));
                    made.push(Change::AddSet(name.clone(), stated.clone()));
                }
                (Some(old), Some(stated)) if old != stated => {
                    made.push(Change::UpdateSet(name.clone(), old.clone(), stated.clone()));
                }
                (Some(old), None) if prune => gone.push(Change::RemoveSet(name.clone(), old.clone())),
                (None, Some(stated)) => made.push(Change::AddSet(name.clone(), stated.clone())),
                _ => {}
            }
        }
        new.push(made);
    }

    fn assignment_changes(&self, wanted: &Self, prune: bool, gone: &mut Vec<Change>, new: &mut Vec<Vec<Change>>) {
        let mut made = Vec::new();
        for ((user, role), old, stated) in paired(self.assignments.as_ref(), wanted.assignments.as_ref()) {
            match (old, stated) {
                (old, Some(stated)) if old != Some(stated) => {
                    made.push(Change::Assign(user.clone(), role.clone(), old.copied(), *stated));
                }
                (Some(old), None) if prune => gone.push(Change::Deassign(user.clone(), role.clone(), *old)),
                _ => {}
            }
        }
        // Before the sets, which come last of all.
        new.push(made);
    }

    fn role_changes(&self, wanted: &Self, prune: bool, gone: &mut Vec<Change>, new: &mut Vec<Vec<Change>>) {
        let (mut made, mut inside) = (Vec::new(), Vec::new());
        let mut lost = Vec::new();
        let nothing = RoleText::default();
        for (name, old, stated) in paired(self.roles.as_ref(), wanted.roles.as_ref()) {
            let Some(stated) = stated else {
                if let Some(old) = old.filter(|_| prune) {
                    gone.push(Change::RemoveRole(name.clone(), old.description.clone()));
                }
                continue;
            };
            match old {
                None => made.push(Change::AddRole(name.clone(), stated.description.clone())),
                Some(old) if old.description != stated.description => {
                    made.push(Change::DescribeRole(name.clone(), old.description.clone(), stated.description.clone()));
                }
                Some(_) => {}
            }
            let old = old.unwrap_or(&nothing);
            let (revoked, granted) = apart(&old.permissions, &stated.permissions);
            let (disinherited, inherited) = apart(&old.juniors, &stated.juniors);
            lost.extend(revoked.map(|it| Change::Revoke(name.clone(), it.clone())));
            lost.extend(disinherited.map(|it| Change::Disinherit(name.clone(), it.clone())));
            inside.extend(granted.map(|it| Change::Grant(name.clone(), it.clone())));
            inside.extend(inherited.map(|it| Change::Inherit(name.clone(), it.clone())));
        }
        let removed: BTreeSet<RoleName> = gone.iter().filter_map(removed_role).collect();
        // These go along with their role.
        lost.retain(|change| !matches!(change, Change::Disinherit(_, junior) if removed.contains(junior)));
        gone.retain(|change| !matches!(change, Change::Deassign(_, role, _) if removed.contains(role)));
        gone.extend(lost);
        new.extend([inside, made]);
    }

    fn permission_changes(&self, wanted: &Self, prune: bool, gone: &mut Vec<Change>, new: &mut Vec<Vec<Change>>) {
        let mut made = Vec::new();
        for (name, old, stated) in paired(self.permissions.as_ref(), wanted.permissions.as_ref()) {
            match (old, stated) {
                (Some(old), Some(stated)) if old != stated => {
                    made.push(Change::DescribePermission(name.clone(), old.clone(), stated.clone()));
                }
                (Some(old), None) if prune => gone.push(Change::RemovePermission(name.clone(), old.clone())),
                (None, Some(stated)) => made.push(Change::AddPermission(name.clone(), stated.clone())),
                _ => {}
            }
        }
        let removed: BTreeSet<PermissionName> = gone
            .iter()
            .filter_map(|change| match change {
                Change::RemovePermission(name, _) => Some(name.clone()),
                _ => None,
            })
            .collect();
        gone.retain(|change| !matches!(change, Change::Revoke(_, permission) if removed.contains(permission)));
        new.push(made);
    }
}

fn only_old<'a, K: Ord, V>(
    old: Option<&'a BTreeMap<K, V>>,
    stated: Option<&'a BTreeMap<K, V>>,
) -> impl Iterator<Item = &'a K> {
    paired(old, stated).filter(|(_, _, stated)| stated.is_none()).map(|(name, ..)| name)
}

fn removed_role(change: &Change) -> Option<RoleName> {
    if let Change::RemoveRole(role, _) = change { Some(role.clone()) } else { None }
}

/// What only the first has, and what only the second.
fn apart<'a, T: Ord>(
    old: &'a BTreeSet<T>,
    new: &'a BTreeSet<T>,
) -> (impl Iterator<Item = &'a T>, impl Iterator<Item = &'a T>) {
    (old.difference(new), new.difference(old))
}

/// What there is and what is stated, by name; nothing where the section is absent.
fn paired<'a, K: Ord, V>(
    old: Option<&'a BTreeMap<K, V>>,
    stated: Option<&'a BTreeMap<K, V>>,
) -> impl Iterator<Item = (&'a K, Option<&'a V>, Option<&'a V>)> {
    let names: BTreeSet<&K> = match (old, stated) {
        (old, Some(stated)) => old.into_iter().flat_map(BTreeMap::keys).chain(stated.keys()).collect(),
        (_, None) => BTreeSet::new(),
    };
    names.into_iter().map(move |name| {
        let (old, stated) = (old.and_then(|it| it.get(name)), stated.and_then(|it| it.get(name)));
        (name, old, stated)
    })
}

impl Change {
    /// To what it is done, as a path below `/v1/`.
    #[must_use]
    pub fn target(&self) -> String {
        match self {
            Self::RemoveSet(set, _) | Self::AddSet(set, _) | Self::UpdateSet(set, ..) => {
                format!("separation-sets/{set}")
            }
            Self::Deassign(user, role, _) | Self::Assign(user, role, ..) => format!("users/{user}/roles/{role}"),
            Self::RemoveRole(role, _) | Self::AddRole(role, _) | Self::DescribeRole(role, ..) => {
                format!("roles/{role}")
            }
            Self::Revoke(role, permission) | Self::Grant(role, permission) => {
                format!("roles/{role}/permissions/{permission}")
            }
            Self::Disinherit(senior, junior) | Self::Inherit(senior, junior) => {
                format!("roles/{senior}/juniors/{junior}")
            }
            Self::RemovePermission(permission, _)
            | Self::AddPermission(permission, _)
            | Self::DescribePermission(permission, ..) => format!("permissions/{permission}"),
        }
    }

    /// What it does.
    #[must_use]
    pub fn sign(&self) -> Sign {
        match self {
            Self::RemoveSet(..)
            | Self::Deassign(..)
            | Self::RemoveRole(..)
            | Self::Revoke(..)
            | Self::Disinherit(..)
            | Self::RemovePermission(..) => Sign::Removed,
            Self::DescribePermission(..)
            | Self::DescribeRole(..)
            | Self::UpdateSet(..)
            | Self::Assign(_, _, Some(_), _) => Sign::Changed,
            Self::AddPermission(..)
            | Self::AddRole(..)
            | Self::Grant(..)
            | Self::Inherit(..)
            | Self::AddSet(..)
            | Self::Assign(_, _, None, _) => Sign::Added,
        }
    }

    /// What the target was, in words.
    #[must_use]
    pub fn before(&self) -> Option<String> {
        match self {
            Self::RemoveSet(_, old) | Self::UpdateSet(_, old, _) => Some(set_in_words(old)),
            Self::Deassign(_, _, old) | Self::Assign(_, _, Some(old), _) => times_in_words(*old),
            Self::DescribePermission(_, old, _)
            | Self::DescribeRole(_, old, _)
            | Self::RemoveRole(_, old)
            | Self::RemovePermission(_, old) => old.clone(),
            _ => None,
        }
    }

    /// What it becomes, in words.
    #[must_use]
    pub fn after(&self) -> Option<String> {
        match self {
            Self::AddSet(_, new) | Self::UpdateSet(_, _, new) => Some(set_in_words(new)),
            Self::Assign(_, _, _, new) => times_in_words(*new),
            Self::AddPermission(_, new)
            | Self::AddRole(_, new)
            | Self::DescribePermission(_, _, new)
            | Self::DescribeRole(_, _, new) => new.clone(),
            _ => None,
        }
    }
}

fn set_in_words(set: &SeparationSet) -> String {
    let roles = set.roles.iter().map(RoleName::as_str).collect::<Vec<_>>().join(", ");
    format!("{}, fewer than {} of {roles}", set.kind.as_str(), set.cardinality)
}

fn times_in_words(times: Validity) -> Option<String> {
    let shown = |micros: i64| {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).ok();
        time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| micros.to_string())
    };
    let ends = [("from", times.valid_from), ("until", times.valid_until)];
    let words: Vec<_> = ends.into_iter().filter_map(|(word, time)| Some(format!("{word} {}", shown(time?)))).collect();
    (!words.is_empty()).then(|| words.join(" "))
}
