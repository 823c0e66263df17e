//! Reads a policy file, and says where it is wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_saphyr::{Location, MessageFormatter, Spanned, UserMessageFormatter};

use super::{
    Document, RoleText, Validity,
    lines::{AssignmentLine, File, PermissionLine, RoleLine, SetLine},
};
use crate::policy::{PermissionName, RoleName, SeparationSet, SetName, Username};

/// A policy file as read: what it says, and where it names what.
#[derive(Clone, Debug, Default)]
pub struct Stated {
    /// What it says.
    pub document: Document,
    mentions: Vec<Mention>,
    /// The assignments that end, and where it says so.
    ends: Vec<((Username, RoleName), Location)>,
}

/// What is wrong with a policy file, and where (lines and columns count from 1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub struct Fault {
    line: u64,
    column: u64,
    why: String,
}

/// The name of something in a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A permission's.
    Permission(PermissionName),
    /// A role's.
    Role(RoleName),
    /// A separation set's.
    Set(SetName),
    /// A user's.
    User(Username),
}

/// How it is with a name on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// There is nothing of this name.
    No,
    /// There is, and it would be deleted, since the file doesn't list it.
    Pruned,
    /// There is.
    Yes,
    /// It is part of Rolecall itself.
    BuiltIn,
}

#[derive(Clone, Debug)]
struct Mention {
    name: Name,
    /// Whether the file says here what it is.
    defined: bool,
    place: Location,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permission(name) => write!(f, "permission {name}"),
            Self::Role(name) => write!(f, "role {name}"),
            Self::Set(name) => write!(f, "separation set {name}"),
            Self::User(name) => write!(f, "user {name}"),
        }
    }
}

/// So many values may stand for what is written elsewhere (YAML's aliases), or a small file would become a large one.
const MOST_REPEATED: usize = 1000;

fn fault(place: Location, why: impl Into<String>) -> Fault {
    Fault { line: place.line().max(1), column: place.column().max(1), why: why.into() }
}

impl Stated {
    /// Reads YAML, of which JSON is a part.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let alias_limits = serde_saphyr::alias_limits! { max_total_replayed_events: MOST_REPEATED };
        let options = serde_saphyr::options! { with_snippet: false, alias_limits: alias_limits };
        let file: File = match serde_saphyr::from_str_with_options(text, options) {
            Ok(file) => file,
            Err(error) => {
                let place = error.location().unwrap_or(Location::UNKNOWN);
                return Err(fault(place, in_words(&error)));
            }
        };
        let mut stated = Self::default();
        stated.permissions(file.permissions)?;
        stated.roles(file.roles)?;
        stated.sets(file.separation_sets)?;
        stated.assignments(file.assignments)?;
        Ok(stated)
    }

    /// Refuses a name that leads nowhere, and one that isn't the file's to say anything of.
    pub fn check(&self, known: impl Fn(&Name) -> Known) -> Result<(), Fault> {
        for Mention { name, defined, place } in &self.mentions {
            let why = match known(name) {
                Known::BuiltIn if *defined => format!("the {name} is built in: leave it out"),
                Known::No if !defined => format!("there is no {name}"),
                Known::Pruned if !defined => format!("the {name} would be deleted: the file doesn't list it"),
                _ => continue,
            };
            return Err(fault(*place, why));
        }
        Ok(())
    }

    /// Refuses an assignment that is to change and has ended by now, or ends before it begins.
    pub fn check_times(&self, changed: impl Fn(&(Username, RoleName)) -> bool, now: i64) -> Result<(), Fault> {
        for (assignment, place) in self.ends.iter().filter(|(assignment, _)| changed(assignment)) {
            let times =
                self.document.assignments.as_ref().and_then(|all| all.get(assignment)).copied().unwrap_or_default();
            if !times.of(&assignment.1).is_possible(now) {
                return Err(fault(*place, "valid_until must be later than valid_from and than now"));
            }
        }
        Ok(())
    }

    fn mention(&mut self, name: Name, defined: bool, place: Location) {
        self.mentions.push(Mention { name, defined, place });
    }

    fn permissions(&mut self, lines: Option<Vec<PermissionLine>>) -> Result<(), Fault> {
        let Some(lines) = lines else { return Ok(()) };
        let mut all = BTreeMap::new();
        for PermissionLine { name: Spanned { value: name, referenced: place, .. }, description } in lines {
            once(all.insert(name.clone(), description.map(|it| it.0)).is_none(), place)?;
            self.mention(Name::Permission(name), true, place);
        }
        self.document.permissions = Some(all);
        Ok(())
    }

    fn roles(&mut self, lines: Option<Vec<RoleLine>>) -> Result<(), Fault> {
        let Some(lines) = lines else { return Ok(()) };
        let mut all = BTreeMap::new();
        for RoleLine { name: Spanned { value: name, referenced: place, .. }, description, permissions, juniors } in
            lines
        {
            let text = RoleText {
                description: description.map(|it| it.0),
                permissions: self.mentioned(permissions, Name::Permission),
                juniors: self.mentioned(juniors, Name::Role),
            };
            if text.juniors.contains(&name) {
                return Err(fault(place, "a role can't be its own junior"));
            }
            once(all.insert(name.clone(), text).is_none(), place)?;
            self.mention(Name::Role(name), true, place);
        }
        self.document.roles = Some(all);
        Ok(())
    }

    fn sets(&mut self, lines: Option<Vec<SetLine>>) -> Result<(), Fault> {
        let Some(lines) = lines else { return Ok(()) };
        let mut all = BTreeMap::new();
        for SetLine { name: Spanned { value: name, referenced: place, .. }, kind, cardinality, roles } in lines {
            if let Some(one_more) = roles.get(SeparationSet::MOST_ROLES) {
                let why = format!("a separation set has at most {} roles", SeparationSet::MOST_ROLES);
                return Err(fault(one_more.referenced, why));
            }
            let roles = self.mentioned(roles, Name::Role);
            let set = SeparationSet { kind, cardinality: cardinality.value, roles };
            if !set.is_valid() {
                let why = "cardinality must be at least 2 and at most the number of roles";
                return Err(fault(cardinality.referenced, why));
            }
            once(all.insert(name.clone(), set).is_none(), place)?;
            self.mention(Name::Set(name), true, place);
        }
        self.document.separation_sets = Some(all);
        Ok(())
    }

    fn assignments(&mut self, lines: Option<Vec<AssignmentLine>>) -> Result<(), Fault> {
        let Some(lines) = lines else { return Ok(()) };
        let mut all = BTreeMap::new();
        for AssignmentLine { user, role, valid_from, valid_until } in lines {
            if let Some(end) = &valid_until {
                self.ends.push(((user.value.clone(), role.value.clone()), end.referenced));
            }
            let times =
                Validity { valid_from: valid_from.map(|it| it.0), valid_until: valid_until.map(|it| it.value.0) };
            once(all.insert((user.value.clone(), role.value.clone()), times).is_none(), user.referenced)?;
            self.mention(Name::User(user.value), false, user.referenced);
            self.mention(Name::Role(role.value), false, role.referenced);
        }
        self.document.assignments = Some(all);
        Ok(())
    }

    fn mentioned<T: Clone + Ord>(&mut self, names: Vec<Spanned<T>>, name: impl Fn(T) -> Name) -> BTreeSet<T> {
        let mut all = BTreeSet::new();
        for Spanned { value, referenced, .. } in names {
            self.mention(name(value.clone()), false, referenced);
            all.insert(value);
        }
        all
    }
}

/// What the reader of YAML says, without the place, which is said before, and without what only programmers can do.
fn in_words(error: &serde_saphyr::Error) -> String {
    let error = UserMessageFormatter.format_message(error);
    let ours = match error.as_ref() {
        "expected sequence start" => "expected a list",
        "expected mapping start" => "expected members, each as name: value",
        "expected string scalar" => "expected a text",
        _ if error.contains("total_replayed_events") => {
            "its aliases stand for more than 1000 values; write some of them out"
        }
        _ if error.starts_with("budget") => "this is too large or too complex",
        theirs => theirs,
    };
    ours.replace("duplicate mapping key", "duplicate member")
}

fn once(is_first: bool, place: Location) -> Result<(), Fault> {
    if is_first { Ok(()) } else { Err(fault(place, "this stands here for the second time")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        Stated::read(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_column() {
        let cases = [
            ("roles:\n- name: a b\n", "line 2, column 9: must be 1 to 128 of"),
            ("permissions:\n- name: articles\n", "line 2, column 9: must be resource:action"),
            ("roles:\n- name: a\n  permission: [x:y]\n", "line 3, column 3: unknown field `permission`"),
            ("roles:\n- name: a\n- name: A\n", "line 3, column 9: this stands here for the second time"),
            ("roles:\n- name: a\n  juniors: [a]\n", "line 2, column 9: a role can't be its own junior"),
            ("roles: [", "line 1, column 8: unclosed bracket"),
            ("roles: 1", "line 1, column 8: expected a list"),
            ("roles:\n- description: x\n", "line 2, column 3: missing field `name`"),
            (
                "permissions:\n- name: a:b\n  description: \"a\\nb\"\n",
                "line 3, column 16: must be at most 1000 characters",
            ),
            (
                "separation_sets:\n- name: s\n  kind: static\n  cardinality: 1\n  roles: [a, b]\n",
                "line 4, column 16: cardinality must be",
            ),
            ("separation_sets:\n- name: s\n  kind: both\n", "line 3, column 9: "),
            ("assignments:\n- user: a\n  role: b\n  valid_until: soon\n", "line 4, column 16: must be a time"),
            ("name: 1\nname: 2\n", "line 1, column 1: unknown field `name`"),
            ("roles: []\nroles: []\n", "line 2, column 1: duplicate"),
        ];
        for (text, expected) in cases {
            let why = why(text);
            assert!(why.starts_with(expected), "{text:?}: {why}");
        }
    }

    #[test]
    fn a_set_has_as_many_roles_as_in_the_api_and_the_one_too_many_is_pointed_at() {
        let set = |roles: usize| {
            let roles: Vec<_> = (0..roles).map(|role| format!("  - r{role}")).collect();
            let roles = roles.join("\n");
            format!("separation_sets:\n- name: s\n  kind: static\n  cardinality: 2\n  roles:\n{roles}\n")
        };
        assert!(Stated::read(&set(500)).is_ok());
        assert_eq!(why(&set(501)), "line 506, column 5: a separation set has at most 500 roles");
    }

    #[test]
    fn a_name_that_leads_nowhere_or_is_not_the_files_is_found_where_it_stands() {
        let stated = Stated::read("roles:\n- name: a\n  permissions:\n  - x:y\n  juniors: [b]\n").unwrap();
        let permission = Name::Permission("x:y".parse().unwrap());
        let (a, b) = (Name::Role("a".parse().unwrap()), Name::Role("b".parse().unwrap()));
        let check = |of: &Name, known: Known| {
            let known = |name: &Name| if name == of { known } else { Known::Yes };
            stated.check(known).map_err(|fault| fault.to_string())
        };
        assert_eq!(check(&permission, Known::No), Err("line 4, column 5: there is no permission x:y".into()));
        let pruned = "line 5, column 13: the role b would be deleted: the file doesn't list it";
        assert_eq!(check(&b, Known::Pruned), Err(pruned.into()));
        assert_eq!(check(&a, Known::BuiltIn), Err("line 2, column 9: the role a is built in: leave it out".into()));
        assert_eq!(check(&b, Known::BuiltIn), Ok(()), "a built-in role may be named");
        assert_eq!(check(&a, Known::No), Ok(()), "the file makes it");
    }

    #[test]
    fn json_is_read_as_well_and_bombs_are_not() {
        let json = r#"{"permissions": [{"name": "a:b", "description": "x"}], "assignments": []}"#;
        let document = Stated::read(json).unwrap().document;
        assert_eq!(document.permissions.unwrap()["a:b"].as_deref(), Some("x"));
        assert_eq!((document.roles, document.assignments), (None, Some(BTreeMap::new())));
        let list = |name: &str, item: &str| format!("{name}: &{name} [{}]\n", [item; 20].join(", "));
        let bomb = list("a", "x") + &list("b", "*a") + &list("c", "*b") + &list("d", "*c") + &list("e", "*d");
        assert!(Stated::read(&format!("roles:\n- name: x\n  {}", bomb.replace('\n', "\n  "))).is_err());
        assert!(Stated::read(&format!("roles: {}", "[".repeat(100_000))).is_err());
        let nine = |it| (0..9).map(move |again| format!("- name: r{it}.{again}\n  description: *t{it}\n"));
        let ten = |it| format!("- name: r{it}\n  description: &t{it} x\n{}", nine(it).collect::<String>());
        let repeated = |texts| Stated::read(&format!("roles:\n{}", (0..texts).map(ten).collect::<String>()));
        assert!(repeated(100).is_ok());
        assert!(repeated(200).unwrap_err().why.starts_with("its aliases stand for more than"));
    }
}
