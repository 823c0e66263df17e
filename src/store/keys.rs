use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryOrder};

use super::{Refused, Store, entity::signing_keys};

/// A signing key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// Its RFC 7638 thumbprint.
    pub kid: String,
    /// The JWS algorithm it is for.
    pub algorithm: String,
    /// The public half.
    pub public_key: Vec<u8>,
    /// The private half, encrypted.
    pub sealed_private_key: Vec<u8>,
    /// When it was made, in microseconds since 1970.
    pub created_at: i64,
    /// From when on it signs; it is published before.
    pub signs_from: i64,
}

impl From<signing_keys::Model> for StoredKey {
    fn from(row: signing_keys::Model) -> Self {
        let signing_keys::Model { kid, algorithm, public_key, sealed_private_key, created_at, signs_from } = row;
        Self { kid, algorithm, public_key, sealed_private_key, created_at, signs_from }
    }
}

impl From<StoredKey> for signing_keys::Model {
    fn from(key: StoredKey) -> Self {
        let StoredKey { kid, algorithm, public_key, sealed_private_key, created_at, signs_from } = key;
        Self { kid, algorithm, public_key, sealed_private_key, created_at, signs_from }
    }
}

/// Every row there is, also one that is no key of ours.
pub(super) async fn all(db: &impl ConnectionTrait) -> Result<Vec<StoredKey>, DbErr> {
    let rows = signing_keys::Entity::find().order_by_asc(signing_keys::Column::Kid).all(db).await?;
    Ok(rows.into_iter().map(StoredKey::from).collect())
}

impl Store {
    /// Every signing key that is stored, by name; who uses them finds out which are ours.
    pub async fn signing_keys(&self) -> Result<Vec<StoredKey>, Refused> {
        Ok(all(&self.tail).await?)
    }
}
