//! Whoever can write to the database but hasn't the key-encryption key must not get a key published.

use std::time::Duration;

use rolecall::store::StoredKey;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};

use super::{SHARED, accepts, kid, published, published_soon, published_when, stored, token};
use crate::support::Server;

const OTHER: (&str, &str) = ("ROLECALL_KEY_ENCRYPTION_KEY", "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=");

/// A server that shares nothing with another but the name, and its key.
async fn elsewhere() -> (Server, StoredKey) {
    let server = Server::with(&[SHARED[0], OTHER]).await;
    let key = server.app.state.store.signing_keys().await.unwrap().remove(0);
    (server, key)
}

async fn insert(db: &DatabaseConnection, key: &StoredKey) {
    let bytes = |bytes: &[u8]| match db.get_database_backend() {
        DbBackend::Postgres => format!("decode('{}', 'hex')", hex::encode(bytes)),
        _ => format!("X'{}'", hex::encode(bytes)),
    };
    let StoredKey { kid, algorithm, public_key, sealed_private_key, created_at, signs_from } = key;
    let (public, sealed) = (bytes(public_key), bytes(sealed_private_key));
    let columns = "kid, algorithm, public_key, sealed_private_key, created_at, signs_from";
    let values = format!("'{kid}', '{algorithm}', {public}, {sealed}, {created_at}, {signs_from}");
    db.execute_unprepared(&format!("INSERT INTO signing_keys ({columns}) VALUES ({values})")).await.unwrap();
}

#[tokio::test]
async fn a_running_server_leaves_out_a_key_that_is_not_its_own() {
    let server = Server::with(&SHARED).await;
    let (intruder, foreign) = elsewhere().await;
    let forged = token(&intruder).await;
    let own = published(&server).await;
    let exchanged =
        StoredKey { kid: "exchanged".into(), ..server.app.state.store.signing_keys().await.unwrap().remove(0) };
    let unknown = StoredKey { kid: "unknown".into(), algorithm: "HS256".into(), ..foreign.clone() };
    let db = server.database.connection().await;
    for key in [&foreign, &exchanged, &unknown] {
        insert(&db, key).await;
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(published(&server).await, own);
    assert!(!accepts(&server, &forged).await);
    let good = token(&server).await;
    assert!(kid(&good) == own[0] && accepts(&server, &good).await);

    // It stands in the way of nothing, and can be removed.
    let next = stored(&server).rotate().await.unwrap().unwrap().kid;
    assert_eq!(published_soon(&server, 2).await, [own[0].clone(), next]);
    assert_eq!(stored(&server).retire(&foreign.kid).await.unwrap(), own[0]);
    let left = server.app.state.store.signing_keys().await.unwrap();
    assert!(left.len() == 4 && left.iter().all(|key| key.kid != foreign.kid));
}

#[tokio::test]
async fn a_key_whose_public_half_was_exchanged_is_left_out() {
    let server = Server::with(&SHARED).await;
    let (intruder, foreign) = elsewhere().await;
    let forged = token(&intruder).await;
    let own = server.app.state.store.signing_keys().await.unwrap().remove(0);
    let db = server.database.connection().await;
    db.execute_unprepared("DELETE FROM signing_keys").await.unwrap();
    insert(&db, &StoredKey { public_key: foreign.public_key.clone(), ..own.clone() }).await;
    // Without any key of its own it makes one.
    let new = published_when(&server, |kids| !kids.is_empty() && kids != [own.kid.clone()]).await;
    assert!(new.len() == 1 && new[0] != foreign.kid);
    assert!(!accepts(&server, &forged).await);
    let good = token(&server).await;
    assert!(kid(&good) == new[0] && accepts(&server, &good).await);
}
