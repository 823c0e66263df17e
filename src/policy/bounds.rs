use std::{fmt, str::FromStr};

/// What a server allows of roles and their hierarchy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// How many immediate juniors a role may have.
    pub form: HierarchyForm,
    /// How many roles there may be: every node holds them all, and of each role that is linked to others what it reaches.
    pub most_roles: usize,
}

/// How many immediate juniors a role may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HierarchyForm {
    /// Any number (NIST general hierarchical RBAC).
    #[default]
    General,
    /// One (NIST limited hierarchical RBAC).
    Limited,
}

impl FromStr for HierarchyForm {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "general" => Ok(Self::General),
            "limited" => Ok(Self::Limited),
            _ => Err("must be general or limited"),
        }
    }
}

impl fmt::Display for HierarchyForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::General => "general",
            Self::Limited => "limited",
        })
    }
}
