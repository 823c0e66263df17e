//! The tables, as sea-orm sees them; what they mean stands in the migrations.
#![expect(unreachable_pub, reason = "sea-orm's derive makes its items public")]

use super::{ClientKey, PermissionId, RoleId, SecretId, SessionId, SetId, UserId};

macro_rules! table {
    ($module:ident, $table:literal, { $($(#[$attribute:meta])* $field:ident: $type:ty,)+ }) => {
        pub(crate) mod $module {
            #[allow(unused_imports, clippy::allow_attributes, reason = "not every table has every kind of id")]
            use super::{ClientKey, PermissionId, RoleId, SecretId, SessionId, SetId, UserId};
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                $($(#[$attribute])* pub $field: $type,)+
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

table!(users, "users", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: UserId,
    username: String,
    email: Option<String>,
    display_name: Option<String>,
    status: String,
    password_hash: Option<String>,
    created_at: i64,
    updated_at: i64,
    revision: i64,
});

table!(logins, "logins", {
    #[sea_orm(primary_key, auto_increment = false)]
    name: String,
    user_id: UserId,
});

table!(roles, "roles", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: RoleId,
    name: String,
    description: Option<String>,
    built_in: bool,
    created_at: i64,
    updated_at: i64,
    revision: i64,
});

table!(permissions, "permissions", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: PermissionId,
    name: String,
    description: Option<String>,
    built_in: bool,
    created_at: i64,
    revision: i64,
});

table!(grants, "grants", {
    #[sea_orm(primary_key, auto_increment = false)]
    role_id: RoleId,
    #[sea_orm(primary_key, auto_increment = false)]
    permission_id: PermissionId,
});

table!(assignments, "assignments", {
    #[sea_orm(primary_key, auto_increment = false)]
    user_id: UserId,
    #[sea_orm(primary_key, auto_increment = false)]
    role_id: RoleId,
    valid_from: Option<i64>,
    valid_until: Option<i64>,
});

table!(inheritances, "inheritances", {
    #[sea_orm(primary_key, auto_increment = false)]
    senior_id: RoleId,
    #[sea_orm(primary_key, auto_increment = false)]
    junior_id: RoleId,
});

table!(separation_sets, "separation_sets", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: SetId,
    name: String,
    kind: String,
    cardinality: i64,
    created_at: i64,
    updated_at: i64,
    revision: i64,
});

table!(separation_set_roles, "separation_set_roles", {
    #[sea_orm(primary_key, auto_increment = false)]
    set_id: SetId,
    #[sea_orm(primary_key, auto_increment = false)]
    role_id: RoleId,
});

table!(sessions, "sessions", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: SessionId,
    user_id: UserId,
    client_id: String,
    created_at: i64,
    expires_at: i64,
    sequence: i64,
    refresh_hash: Option<Vec<u8>>,
    last_used_at: i64,
    address: Option<String>,
    scopes: Option<String>,
    roles: Option<String>,
});

table!(clients, "clients", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: ClientKey,
    client_id: String,
    name: String,
    first_party: bool,
    grants: String,
    audience: Option<String>,
    scopes: Option<String>,
    user_id: Option<UserId>,
    created_at: i64,
    updated_at: i64,
    revision: i64,
});

table!(client_secrets, "client_secrets", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: SecretId,
    client_id: ClientKey,
    hash: Vec<u8>,
    created_at: i64,
    expires_at: Option<i64>,
});

table!(ended_sessions, "ended_sessions", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: SessionId,
    ended_at: i64,
});

table!(signing_keys, "signing_keys", {
    #[sea_orm(primary_key, auto_increment = false)]
    kid: String,
    algorithm: String,
    public_key: Vec<u8>,
    sealed_private_key: Vec<u8>,
    created_at: i64,
    signs_from: i64,
});

table!(ledger, "ledger", {
    #[sea_orm(primary_key, auto_increment = false)]
    revision: i64,
    at: i64,
    actor: String,
    actor_id: Option<String>,
    action: String,
    target: String,
    before_state: Option<String>,
    after_state: Option<String>,
    deltas: String,
    subjects: String,
    hash: String,
    previous_hash: String,
});

table!(ledger_head, "ledger_head", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: i32,
    revision: i64,
    hash: String,
});
