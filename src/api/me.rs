use poem_openapi::{
    Object, OpenApi,
    payload::Json,
    types::{Example, Password},
};
use rolecall_guard::{Problem, Refusal, SignedIn};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    State, Tag,
    responses::{Done, shown},
    sent::Sent,
    users::Status,
};
use crate::{
    store::{SessionId, UserId, UserRef},
    tokens::{Denied, password},
};

/// You, as your token has you.
#[derive(Debug, Object)]
#[oai(rename = "Me", skip_serializing_if_is_none)]
struct Caller {
    id: Uuid,
    username: String,
    email: Option<String>,
    display_name: Option<String>,
    status: Status,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    /// The roles active in your token.
    roles: Vec<String>,
    /// The permissions in your token.
    permissions: Vec<String>,
}

/// A change of your own password.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, example)]
struct PasswordChange {
    current_password: Password,
    /// 12 to 512 bytes.
    new_password: Password,
}

impl Example for PasswordChange {
    fn example() -> Self {
        let [current_password, new_password] =
            ["curiouser and curiouser", "down the rabbit hole"].map(|text| Password(text.into()));
        Self { current_password, new_password }
    }
}

pub(super) struct Me(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Me")]
impl Me {
    /// Who am I?
    ///
    /// Your account, and the roles and permissions in your token.
    #[oai(path = "/me", method = "get", operation_id = "read_me")]
    async fn read(&self, caller: SignedIn) -> Result<Json<Caller>, Problem> {
        let claims = caller.claims;
        let user = self.0.store.user(&UserRef::Id(UserId(claims.sub))).await?;
        Ok(Json(Caller {
            id: user.id.0,
            username: user.username,
            email: user.email,
            display_name: user.display_name,
            status: user.status.into(),
            created_at: shown(user.created_at),
            updated_at: shown(user.updated_at),
            roles: claims.roles.iter().cloned().collect(),
            permissions: claims.permissions.iter().cloned().collect(),
        }))
    }

    /// Change my password
    ///
    /// Ends your other sessions.
    #[oai(path = "/me/password", method = "put", operation_id = "change_my_password")]
    async fn change_password(&self, caller: SignedIn, change: Sent<PasswordChange>) -> Result<Done, Problem> {
        let id = UserId(caller.claims.sub);
        let username = self.0.store.user(&UserRef::Id(id)).await?.username.parse()?;
        let new_password = SecretString::from(change.0.new_password.0);
        password::check(new_password.expose_secret(), &username)?;
        let verified = self.0.tokens.verify_own(id, change.0.current_password.0.into()).await?;
        let mut verified = verified.ok_or(Denied::InvalidGrant)?;
        verified.replacement = Some(self.0.tokens.hasher().hash(new_password).await?);
        let keep = caller.claims.sid.map(SessionId);
        if self.0.store.change_password(&verified, keep).await? { Ok(Done::Ok) } else { Err(Refusal::Stale.into()) }
    }
}
