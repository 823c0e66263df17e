//! The functions of the standard, with random arguments.

use proptest::prelude::*;

use super::{Permission, Role, Set, Times, User};

pub const USERS: u8 = 3;
pub const ROLES: u8 = 5;
pub const PERMISSIONS: u8 = 3;
pub const SETS: u8 = 2;
pub const SESSIONS: usize = 4;

/// A function, with its arguments; times are told from now.
#[derive(Clone, Debug)]
pub enum Function {
    /// No function: time passes.
    Pass(i64),
    AddUser(User, Set),
    DeleteUser(User),
    Enable(User, bool),
    AddPermission(Permission),
    DeletePermission(Permission),
    /// With juniors it is `AddAscendant`, with seniors `AddDescendant`.
    AddRole {
        role: Role,
        juniors: Set,
        seniors: Set,
    },
    DeleteRole(Role),
    AssignUser(User, Role, Times),
    DeassignUser(User, Role),
    GrantPermission(Role, Permission),
    RevokePermission(Role, Permission),
    AddInheritance(Role, Role),
    DeleteInheritance(Role, Role),
    CreateSet {
        name: u8,
        dynamic: bool,
        cardinality: usize,
        roles: Set,
    },
    DeleteSet(u8),
    AddMember(u8, Role),
    DeleteMember(u8, Role),
    SetCardinality(u8, usize),
    SetMembers(u8, usize, Set),
    CreateSession(User, Option<Set>),
    DeleteSession(usize),
    AddActiveRole(usize, Role),
    DropActiveRole(usize, Role),
}

/// Few, so that much comes together with one of them.
fn user() -> impl Strategy<Value = User> + Clone {
    prop_oneof![3 => Just(0), 2 => Just(1), 1 => Just(USERS - 1)]
}

fn role() -> impl Strategy<Value = Role> + Clone {
    prop_oneof![3 => Just(1), 3 => Just(2), 2 => Just(3), 2 => 0..ROLES]
}

fn roles(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Set> {
    prop::collection::btree_set(role(), sizes)
}

/// One is never right, three seldom.
fn cardinality() -> impl Strategy<Value = usize> + Clone {
    prop_oneof![1 => Just(1), 7 => Just(2), 2 => Just(3)]
}

fn times() -> impl Strategy<Value = Times> {
    let always = Just(Times { from: None, until: None });
    let some = (prop::option::of(-1..3_i64), prop::option::weighted(0.8, 0..6_i64));
    prop_oneof![1 => always, 1 => some.prop_map(|(from, until)| Times { from, until })]
}

/// The functions that change what the model has, each as often as it is of use.
pub fn function() -> impl Strategy<Value = Function> {
    prop_oneof![10 => core(), 6 => hierarchy(), 5 => separation(), 6 => sessions(), 2 => (1..3_i64).prop_map(Function::Pass)]
}

fn core() -> impl Strategy<Value = Function> {
    let (user, role, permission) = (user(), role(), 0..PERMISSIONS);
    let grant = || (0..ROLES, 0..PERMISSIONS);
    prop_oneof![
        2 => (user.clone(), roles(0..3)).prop_map(|(user, roles)| Function::AddUser(user, roles)),
        1 => user.clone().prop_map(Function::DeleteUser),
        2 => (user.clone(), any::<bool>()).prop_map(|(user, enabled)| Function::Enable(user, enabled)),
        1 => permission.clone().prop_map(Function::AddPermission),
        1 => permission.prop_map(Function::DeletePermission),
        1 => role.clone().prop_map(Function::DeleteRole),
        9 => (user.clone(), role.clone(), times()).prop_map(|(user, role, times)| Function::AssignUser(user, role, times)),
        4 => (user, role).prop_map(|(user, role)| Function::DeassignUser(user, role)),
        6 => grant().prop_map(|(role, permission)| Function::GrantPermission(role, permission)),
        2 => grant().prop_map(|(role, permission)| Function::RevokePermission(role, permission)),
    ]
}

fn hierarchy() -> impl Strategy<Value = Function> {
    let pair = || (0..ROLES, 0..ROLES);
    prop_oneof![
        2 => (0..ROLES, roles(0..3), roles(0..2)).prop_map(|(role, juniors, seniors)| Function::AddRole { role, juniors, seniors }),
        5 => pair().prop_map(|(senior, junior)| Function::AddInheritance(senior, junior)),
        2 => pair().prop_map(|(senior, junior)| Function::DeleteInheritance(senior, junior)),
    ]
}

fn separation() -> impl Strategy<Value = Function> {
    let (set, number) = (0..SETS, cardinality());
    let member = || (0..SETS, role());
    prop_oneof![
        4 => (set.clone(), any::<bool>(), number.clone(), roles(1..4)).prop_map(|(name, dynamic, cardinality, roles)| {
            Function::CreateSet { name, dynamic, cardinality, roles }
        }),
        1 => set.clone().prop_map(Function::DeleteSet),
        2 => member().prop_map(|(set, role)| Function::AddMember(set, role)),
        1 => member().prop_map(|(set, role)| Function::DeleteMember(set, role)),
        1 => (set.clone(), number.clone()).prop_map(|(set, number)| Function::SetCardinality(set, number)),
        1 => (set, number, roles(1..4)).prop_map(|(set, number, roles)| Function::SetMembers(set, number, roles)),
    ]
}

fn sessions() -> impl Strategy<Value = Function> {
    let active = || (0..2_usize, role());
    let named = prop::option::of(roles(1..3));
    prop_oneof![
        5 => (user(), named).prop_map(|(user, named)| Function::CreateSession(user, named)),
        1 => (0..2_usize).prop_map(Function::DeleteSession),
        3 => active().prop_map(|(session, role)| Function::AddActiveRole(session, role)),
        2 => active().prop_map(|(session, role)| Function::DropActiveRole(session, role)),
    ]
}
