use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, QueryOrder};

use super::{Refused, Store, entity::signing_keys};

/// A signing key as it is stored.
#[derive(Clone, Debug)]
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
}

impl Store {
    /// Every signing key, the oldest first.
    pub async fn signing_keys(&self) -> Result<Vec<StoredKey>, Refused> {
        let rows = signing_keys::Entity::find().order_by_asc(signing_keys::Column::CreatedAt).all(&self.db).await?;
        let key = |row: signing_keys::Model| StoredKey {
            kid: row.kid,
            algorithm: row.algorithm,
            public_key: row.public_key,
            sealed_private_key: row.sealed_private_key,
            created_at: row.created_at,
        };
        Ok(rows.into_iter().map(key).collect())
    }

    /// Stores a new signing key.
    pub async fn insert_signing_key(&self, key: StoredKey) -> Result<(), Refused> {
        let StoredKey { kid, algorithm, public_key, sealed_private_key, created_at } = key;
        let row = signing_keys::Model { kid, algorithm, public_key, sealed_private_key, created_at };
        row.into_active_model().insert(&self.db).await?;
        Ok(())
    }
}
