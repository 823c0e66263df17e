use std::{collections::BTreeSet, str::FromStr};

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{
    ClientKey, Page, Refused, Store, UserId,
    entity::{client_secrets, clients, users},
    users::{ACTIVE, begins},
    words,
};
use crate::policy::{ClientId, PermissionName};

/// A way in which a client may get tokens (RFC 6749).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantType {
    /// With people's passwords; only first-party clients.
    Password,
    /// Again, without asking them for the password again.
    RefreshToken,
    /// For itself.
    ClientCredentials,
}

impl GrantType {
    const ALL: [Self; 3] = [Self::Password, Self::RefreshToken, Self::ClientCredentials];

    /// Its name, as `grant_type` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// Not the name of a grant type that there is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be password, refresh_token or client_credentials")]
pub struct UnknownGrantType;

impl FromStr for GrantType {
    type Err = UnknownGrantType;

    fn from_str(text: &str) -> Result<Self, UnknownGrantType> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text).ok_or(UnknownGrantType)
    }
}

/// An application that asks for tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its row's id, which its successor of the same name doesn't have.
    pub key: ClientKey,
    /// Its name in requests and tokens.
    pub client_id: String,
    /// What people call it.
    pub name: String,
    /// One of our own, to which people may give their passwords.
    pub first_party: bool,
    /// How it may get tokens.
    pub grants: BTreeSet<GrantType>,
    /// Whom its tokens are for; without one, Rolecall itself.
    pub audience: Option<String>,
    /// What its tokens may carry: nothing but these, or anything if there is no such set.
    pub scopes: Option<BTreeSet<PermissionName>>,
    /// Its service user, if it may get tokens for itself.
    pub user: Option<UserId>,
    /// When it was made, in microseconds since 1970.
    pub created_at: i64,
    /// When a member of it was last changed.
    pub updated_at: i64,
    /// The revision of its last change, secrets included.
    pub revision: i64,
}

impl TryFrom<clients::Model> for Client {
    type Error = DbErr;

    fn try_from(row: clients::Model) -> Result<Self, DbErr> {
        Ok(Self {
            key: row.id,
            client_id: row.client_id,
            name: row.name,
            first_party: row.first_party,
            grants: words::read(&row.grants)?,
            audience: row.audience,
            scopes: row.scopes.as_deref().map(words::read).transpose()?,
            user: row.user_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
            revision: row.revision,
        })
    }
}

/// What is stored of a client secret. The secret is random, so a fast hash is as good as a slow one.
#[must_use]
pub fn secret_hash(secret: &SecretString) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.expose_secret().as_bytes()).as_ref().to_vec()
}

impl Store {
    /// The client.
    pub async fn client(&self, id: &ClientId) -> Result<Client, Refused> {
        Ok(find(&self.db, id).await?.try_into()?)
    }

    /// Clients by id; only those whose `client_id` begins with `prefix`, if given.
    pub async fn clients(&self, prefix: Option<&str>, page: Page<ClientKey>) -> Result<Vec<Client>, Refused> {
        let mut rows = page.of(clients::Entity::find(), clients::Column::Id);
        if let Some(prefix) = prefix {
            rows = rows.filter(begins(clients::Column::ClientId, prefix));
        }
        Ok(rows.all(&self.db).await?.into_iter().map(Client::try_from).collect::<Result<_, _>>()?)
    }

    /// The client, if the secret is one of its own that hasn't ended; none while its service user is disabled.
    ///
    /// This is how it was at some moment of the call: a token that rests on the answer takes its `rev` from
    /// before the call, so that what changed since stops it.
    pub async fn authenticate_client(&self, client_id: &str, secret: &SecretString) -> Result<Option<Client>, Refused> {
        let client = match client_id.parse::<ClientId>() {
            Ok(id) => by_id(&id).one(&self.db).await?,
            Err(_) => None,
        };
        // For a client that doesn't exist as much is done as for one that does.
        let key = client.as_ref().map_or(ClientKey(Uuid::nil()), |client| client.id);
        if !self.is_secret_of(key, secret).await? {
            return Ok(None);
        }
        let Some(client) = client else { return Ok(None) };
        if let Some(user) = client.user_id {
            let user = users::Entity::find_by_id(user).one(&self.db).await?;
            if user.is_none_or(|user| user.status != ACTIVE) {
                return Ok(None);
            }
        }
        Ok(Some(client.try_into()?))
    }

    async fn is_secret_of(&self, client: ClientKey, secret: &SecretString) -> Result<bool, DbErr> {
        let (given, now) = (secret_hash(secret), self.clock.micros());
        let secrets = client_secrets::Entity::find().filter(client_secrets::Column::ClientId.eq(client));
        let right = secrets.all(&self.db).await?.into_iter().filter(|stored| {
            let equal = verify_slices_are_equal(&stored.hash, &given).is_ok();
            equal & stored.expires_at.is_none_or(|end| now < end)
        });
        Ok(right.count() > 0)
    }
}

fn by_id(id: &ClientId) -> sea_orm::Select<clients::Entity> {
    clients::Entity::find().filter(clients::Column::ClientId.eq(id.as_str()))
}

/// The row of a client.
pub(super) async fn find(db: &impl ConnectionTrait, id: &ClientId) -> Result<clients::Model, Refused> {
    by_id(id).one(db).await?.ok_or(Refused::NotFound("client"))
}

/// The client whose service user this is.
pub(super) async fn owner(db: &impl ConnectionTrait, user: UserId) -> Result<Option<clients::Model>, DbErr> {
    clients::Entity::find().filter(clients::Column::UserId.eq(user)).one(db).await
}

/// The clients whose scopes name this permission.
pub(super) async fn scoped_to(
    db: &impl ConnectionTrait,
    permission: &PermissionName,
) -> Result<Vec<clients::Model>, DbErr> {
    let perhaps = clients::Entity::find().filter(clients::Column::Scopes.contains(permission.as_str()));
    let names = |client: &clients::Model| {
        client.scopes.as_deref().is_some_and(|scopes| words::split(scopes).any(|scope| scope == permission.as_str()))
    };
    Ok(perhaps.order_by_asc(clients::Column::ClientId).all(db).await?.into_iter().filter(names).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_type_is_read_by_its_own_name_only() {
        for grant in GrantType::ALL {
            assert_eq!(grant.as_str().parse(), Ok(grant));
        }
        for other in ["", "Password", "implicit", "refresh_token "] {
            assert_eq!(other.parse::<GrantType>(), Err(UnknownGrantType), "{other}");
        }
    }
}
