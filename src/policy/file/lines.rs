//! The lines of a policy file, as they are written.

use serde::Deserialize;
use serde_saphyr::Spanned;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::policy::{Kind, PermissionName, RoleName, SetName, Username, is_line};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "permissions, roles, separation_sets or assignments")]
pub(super) struct File {
    #[serde(default)]
    pub(super) permissions: Option<Vec<PermissionLine>>,
    #[serde(default)]
    pub(super) roles: Option<Vec<RoleLine>>,
    #[serde(default)]
    pub(super) separation_sets: Option<Vec<SetLine>>,
    #[serde(default)]
    pub(super) assignments: Option<Vec<AssignmentLine>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a permission, as name and description")]
pub(super) struct PermissionLine {
    pub(super) name: Spanned<PermissionName>,
    #[serde(default)]
    pub(super) description: Option<Description>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a role, as name, description, permissions and juniors")]
pub(super) struct RoleLine {
    pub(super) name: Spanned<RoleName>,
    #[serde(default)]
    pub(super) description: Option<Description>,
    #[serde(default)]
    pub(super) permissions: Vec<Spanned<PermissionName>>,
    #[serde(default)]
    pub(super) juniors: Vec<Spanned<RoleName>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a separation set, as name, kind, cardinality and roles")]
pub(super) struct SetLine {
    pub(super) name: Spanned<SetName>,
    pub(super) kind: Kind,
    pub(super) cardinality: Spanned<u64>,
    pub(super) roles: Vec<Spanned<RoleName>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an assignment, as user, role, valid_from and valid_until")]
pub(super) struct AssignmentLine {
    pub(super) user: Spanned<Username>,
    pub(super) role: Spanned<RoleName>,
    #[serde(default)]
    pub(super) valid_from: Option<Time>,
    #[serde(default)]
    pub(super) valid_until: Option<Spanned<Time>>,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Description(pub(super) String);

impl Description {
    /// As the API has it.
    const LONGEST: usize = 1000;
}

impl TryFrom<String> for Description {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if is_line(&text, Self::LONGEST) {
            return Ok(Self(text));
        }
        Err(format!("must be at most {} characters, without control characters or line breaks", Self::LONGEST))
    }
}

/// In microseconds since 1970.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Time(pub(super) i64);

impl TryFrom<String> for Time {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let time = OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| "must be a time like 2030-12-31T23:59:59Z")?;
        i64::try_from(time.unix_timestamp_nanos() / 1000).map(Self).map_err(|_| "is too far away")
    }
}
