//! The policy as a file: permissions, roles, their hierarchy, separation sets and, if asked, assignments.

mod diff;
mod lines;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest;
use serde::Serialize;

use super::{Assignment, PermissionName, RoleName, SeparationSet, SetName, Username};

pub use diff::{Change, Sign};
pub use read::{Fault, Known, Name, Stated};

/// What a policy file says. A section that is absent says nothing: what it is about is left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Permissions, and what they let someone do; not the built-in ones.
    pub permissions: Option<BTreeMap<PermissionName, Option<String>>>,
    /// Roles; not the built-in one.
    pub roles: Option<BTreeMap<RoleName, RoleText>>,
    /// Roles that are kept apart.
    pub separation_sets: Option<BTreeMap<SetName, SeparationSet>>,
    /// Who is assigned which role, and when that counts.
    pub assignments: Option<BTreeMap<(Username, RoleName), Validity>>,
}

/// What a policy file says of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RoleText {
    /// What it is for.
    pub description: Option<String>,
    /// What it is granted itself.
    pub permissions: BTreeSet<PermissionName>,
    /// Its immediate juniors.
    pub juniors: BTreeSet<RoleName>,
}

/// When an assignment counts, in microseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Validity {
    /// From when on, if not from the beginning.
    pub valid_from: Option<i64>,
    /// Until when, if it ends.
    pub valid_until: Option<i64>,
}

impl Validity {
    /// The assignment of a role for this time.
    #[must_use]
    pub fn of(self, role: &RoleName) -> Assignment {
        Assignment { role: role.clone(), valid_from: self.valid_from, valid_until: self.valid_until }
    }
}

impl Document {
    /// A text that is the same for the same document and for no other: SHA-256, in hex.
    #[must_use]
    pub fn digest(&self) -> String {
        // Pairs, since a key of two parts can't be one of a JSON object.
        let assignments = self.assignments.as_ref().map(|section| section.iter().collect::<Vec<_>>());
        let text = serde_json::json!([self.permissions, self.roles, self.separation_sets, assignments]).to_string();
        hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Document {
        Stated::read(text).unwrap().document
    }

    #[test]
    fn order_and_comments_make_no_other_document_and_anything_else_does() {
        let one = "roles:\n- name: a\n  permissions: [x:y, x:z]\n- name: b\n";
        let other = "# The same\nroles:\n- name: b\n- {permissions: [x:z, x:y], name: A}\n";
        assert_eq!(read(one).digest(), read(other).digest());
        let others = [
            "",
            "roles: []",
            "roles:\n- name: a\n  permissions: [x:y]\n- name: b\n",
            "roles:\n- name: a\n  permissions: [x:y, x:z]\n- name: b\n  juniors: [a]\n",
            "roles:\n- name: a\n  permissions: [x:y, x:z]\n- name: b\nassignments: []\n",
        ];
        let digests: BTreeSet<_> = others.iter().chain([&one]).map(|text| read(text).digest()).collect();
        assert_eq!(digests.len(), others.len() + 1);
    }
}
