use std::str::FromStr;

use poem_openapi::NewType;
use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$about:meta])* $name:ident)+) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType, NewType)]
        pub struct $name(pub Uuid);

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::try_parse(text).map(Self)
            }
        }

        /// Ids are made here, not counted by the database; the trait is asked of every primary key.
        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )+};
}

ids! {
    /// A user's id; also its tokens' `sub`.
    UserId
    /// A role's id.
    RoleId
    /// A permission's id.
    PermissionId
    /// A session's id; also its tokens' `sid`.
    SessionId
    /// A client's row; its name is its `client_id`.
    ClientKey
    /// A client secret's id.
    SecretId
    /// A separation set's id.
    SetId
}
