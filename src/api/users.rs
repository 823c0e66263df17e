use std::collections::BTreeSet;

use poem_openapi::{
    Enum, Object, OpenApi,
    param::{Header, Path, Query},
    payload::Json,
    types::{Example, MaybeUndefined, Password},
};
use rolecall_guard::{Problem, Require};
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    State, Tag,
    dry_run::Instead,
    patch::{change, not_null},
    responses::{Created, Done, Found, created, found, page, shown},
    sent::Sent,
    text::{Email, Limit, Line, known},
};
use crate::{
    catalogue::users as permission,
    policy::{RoleName, Username},
    random,
    store::{
        self, IfMatch, UserFilter, UserId, UserRef,
        commands::{CreateUser, DeleteUser, ResetPassword, UpdateUser},
    },
    tokens::password,
};

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "lowercase", rename = "UserStatus")]
pub(super) enum Status {
    Active,
    Disabled,
}

impl From<store::Status> for Status {
    fn from(status: store::Status) -> Self {
        match status {
            store::Status::Active => Self::Active,
            store::Status::Disabled => Self::Disabled,
        }
    }
}

impl From<Status> for store::Status {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Disabled => Self::Disabled,
        }
    }
}

/// A person or a service.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub(super) struct User {
    id: Uuid,
    username: String,
    email: Option<String>,
    display_name: Option<String>,
    status: Status,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<store::User> for User {
    fn from(user: store::User) -> Self {
        Self {
            id: user.id.0,
            username: user.username,
            email: user.email,
            display_name: user.display_name,
            status: user.status.into(),
            created_at: shown(user.created_at),
            updated_at: shown(user.updated_at),
        }
    }
}

impl Example for User {
    fn example() -> Self {
        Self {
            id: Uuid::from_u128(0x0190_f5e6_5b1c_7c3e_9d4f_1a2b_3c4d_5e6f),
            username: "alice".into(),
            email: Some("alice@example.com".into()),
            display_name: Some("Alice Liddell".into()),
            status: Status::Active,
            created_at: shown(1_767_225_600_000_000),
            updated_at: shown(1_767_225_600_000_000),
        }
    }
}

page! {
    /// A page of users.
    UserPage of User
}

/// A user to make.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example, rename = "UserCreate")]
struct NewUser {
    /// Folded to lower case; must not look like a UUID.
    username: Username,
    /// 12 to 512 bytes; without one the user can't sign in.
    password: Option<Password>,
    /// Also good for signing in; nobody else's e-mail or username.
    email: Option<Email>,
    display_name: Option<Line<200>>,
    /// Roles to assign at once.
    #[oai(validator(max_items = 100))]
    roles: Option<Vec<RoleName>>,
}

impl Example for NewUser {
    fn example() -> Self {
        Self {
            username: known("alice"),
            password: Some(Password("curiouser and curiouser".into())),
            email: Some(known("alice@example.com")),
            display_name: Some(known("Alice Liddell")),
            roles: None,
        }
    }
}

/// What to change of a user; a member left out stays as it is, `null` clears it.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, example)]
struct UserPatch {
    /// A new name; it can't be cleared.
    username: MaybeUndefined<Username>,
    email: MaybeUndefined<Email>,
    display_name: MaybeUndefined<Line<200>>,
    /// `disabled` closes whatever the user has open; it can't be cleared.
    status: MaybeUndefined<Status>,
}

impl Example for UserPatch {
    fn example() -> Self {
        Self {
            username: MaybeUndefined::Undefined,
            email: MaybeUndefined::Undefined,
            display_name: MaybeUndefined::Value(known("Alice Hargreaves")),
            status: MaybeUndefined::Undefined,
        }
    }
}

/// A new password for someone.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, example)]
struct PasswordReset {
    /// 12 to 512 bytes.
    new_password: Password,
}

impl Example for PasswordReset {
    fn example() -> Self {
        Self { new_password: Password("we're all mad here".into()) }
    }
}

impl State {
    /// The hash of a password that the rules allow.
    pub(super) async fn new_password(&self, password: String, username: &Username) -> Result<SecretString, Problem> {
        let password = SecretString::from(password);
        password::check(secrecy::ExposeSecret::expose_secret(&password), username)?;
        Ok(self.tokens.hasher().hash(password).await?)
    }
}

pub(super) struct Users(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Users")]
impl Users {
    /// List users
    ///
    /// By id: the oldest first.
    #[oai(path = "/users", method = "get", operation_id = "list_users")]
    async fn list(
        &self,
        _caller: Require<permission::Read>,
        /// Only those whose username begins so.
        q: Query<Option<Line<128>>>,
        /// Only those with this status.
        status: Query<Option<Status>>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<UserPage>, Problem> {
        let filter = UserFilter { prefix: q.0.map(|q| q.0), status: status.0.map(Into::into) };
        let paging = self.0.cursors.paging(format!("users {filter:?}"), limit.0, cursor.0)?;
        let users = self.0.store.users(&filter, paging.page()?).await?;
        Ok(Json(paging.cut(users, |user| user.id.0.to_string()).into()))
    }

    /// Create a user
    ///
    /// Naming roles gives them at once; you can only give what you hold.
    #[oai(path = "/users", method = "post", operation_id = "create_user")]
    async fn create(
        &self,
        caller: Require<permission::Create>,
        #[oai(default)] dry_run: Query<bool>,
        new: Sent<NewUser>,
    ) -> Result<Created<User>, Instead> {
        let NewUser { username, password, email, display_name, roles } = new.0;
        let password_hash = match password {
            Some(password) => Some(self.0.new_password(password.0, &username).await?),
            None => None,
        };
        let command = CreateUser {
            id: UserId(random::id(self.0.store.clock())),
            username,
            password_hash,
            email: email.map(|email| email.0),
            display_name: display_name.map(|name| name.0),
            roles: roles.into_iter().flatten().collect::<BTreeSet<_>>(),
        };
        let (user, state) = self.0.change(&caller, dry_run.0, None, &command).await?;
        Ok(created(format!("/v1/users/{}", user.username), state, user))
    }

    /// Read a user
    ///
    /// With an `ETag`: send it back as `If-Match` to change only what you have seen.
    #[oai(path = "/users/:user", method = "get", operation_id = "read_user")]
    async fn read(
        &self,
        _caller: Require<permission::Read>,
        /// A username or an id.
        user: Path<UserRef>,
    ) -> Result<Found<User>, Problem> {
        let (user, state) = self.0.store.user_and_state(&user).await?;
        Ok(found(state, user))
    }

    /// Change a user
    ///
    /// A merge patch (RFC 7396), also as `application/merge-patch+json`.
    #[oai(path = "/users/:user", method = "patch", operation_id = "update_user")]
    async fn update(
        &self,
        caller: Require<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        /// A username or an id.
        user: Path<UserRef>,
        /// Only if its state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        patch: Sent<UserPatch>,
    ) -> Result<Found<User>, Instead> {
        let UserPatch { username, email, display_name, status } = patch.0;
        let command = UpdateUser {
            user: user.0,
            username: not_null("username", username)?,
            email: change(email, |email| email.0),
            display_name: change(display_name, |name| name.0),
            status: not_null("status", status)?.map(Into::into),
        };
        let (user, state) = self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(found(state, user))
    }

    /// Delete a user
    ///
    /// With its assignments and sessions.
    #[oai(path = "/users/:user", method = "delete", operation_id = "delete_user")]
    async fn delete(
        &self,
        caller: Require<permission::Delete>,
        #[oai(default)] dry_run: Query<bool>,
        /// A username or an id.
        user: Path<UserRef>,
        /// Only if its state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
    ) -> Result<Done, Instead> {
        let command = DeleteUser { user: user.0 };
        self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }

    /// Reset a user's password
    ///
    /// Closes whatever the user has open.
    #[oai(path = "/users/:user/password", method = "put", operation_id = "reset_password")]
    async fn reset_password(
        &self,
        caller: Require<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        /// A username or an id.
        user: Path<UserRef>,
        /// Only if the user's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        reset: Sent<PasswordReset>,
    ) -> Result<Done, Instead> {
        // What the rules say of any user's password comes before whether there is this one: a 400 goes before a 404.
        password::check_for_anyone(&reset.0.new_password.0)?;
        let username = self.0.store.user(&user).await?.username.parse()?;
        let password_hash = self.0.new_password(reset.0.new_password.0, &username).await?;
        let command = ResetPassword { user: user.0, password_hash };
        self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }
}
