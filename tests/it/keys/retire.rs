//! A key in other hands

use std::time::{Duration, Instant};

use rolecall::tokens::{KeyEncryptionKey, KeyTrouble, Keyring, PUBLISHED_AHEAD};
use rolecall_guard::Claims;
use serde_json::json;

use super::{SHARED, Time, WINDOW, accepts, kid, nodes, published, published_soon, published_when, stored, token};
use crate::support::{Server, claims};

async fn refused_soon(server: &Server, token: &str) {
    let deadline = Instant::now() + Duration::from_secs(2);
    while accepts(server, token).await {
        assert!(Instant::now() < deadline, "still accepted");
    }
}

#[tokio::test]
async fn what_a_retired_key_signed_is_refused_everywhere_and_a_new_key_signs() {
    let nodes = nodes(2, &Time::stands()).await;
    let tokens = [token(&nodes[0]).await, token(&nodes[1]).await];
    let retired = kid(&tokens[0]);
    let signing = stored(&nodes[0]).retire(&retired).await.unwrap();
    for token in &tokens {
        assert!(!accepts(&nodes[0], token).await, "here at once");
        refused_soon(&nodes[1], token).await;
    }
    for node in &nodes {
        // A sign-in never uses it, however short ago it was retired.
        let new = token(node).await;
        assert_eq!(kid(&new), signing);
        assert!(accepts(node, &new).await);
        assert_eq!(published_soon(node, 1).await, std::slice::from_ref(&signing));
    }
}

#[tokio::test]
async fn a_sign_in_right_after_is_good_on_the_node_that_gives_it() {
    let [node] = &nodes(1, &Time::stands()).await[..] else { panic!() };
    for _ in 0..5 {
        stored(node).retire(&kid(&token(node).await)).await.unwrap();
        assert!(accepts(node, &token(node).await).await);
    }
}

/// Whoever has the key writes into a token what they like.
#[tokio::test]
async fn no_revision_saves_a_token_of_a_retired_key() {
    let [node] = &nodes(1, &Time::stands()).await[..] else { panic!() };
    let good = token(node).await;
    let kek = KeyEncryptionKey::from_base64(SHARED[1].1).unwrap();
    let (stolen, _) = Keyring::open(node.app.state.store.signing_keys().await.unwrap(), &kek, WINDOW);
    let good: Claims = serde_json::from_value(claims(&good)).unwrap();
    let forged = stolen.sign(&Claims { rev: i64::MAX, ..good }, i64::MAX).unwrap();
    assert!(accepts(node, &forged).await);
    stored(node).retire(&kid(&forged)).await.unwrap();
    assert!(!accepts(node, &forged).await);
    // … nor does it come back once the revocation is forgotten: then the key isn't known any more.
    published_when(node, |kids| kids != [kid(&forged)]).await;
    assert!(!accepts(node, &forged).await);
}

#[tokio::test]
async fn the_key_that_waits_takes_the_place_of_the_one_that_signed() {
    let [node] = &nodes(1, &Time::stands()).await[..] else { panic!() };
    let first = kid(&token(node).await);
    let waiting = stored(node).rotate().await.unwrap().unwrap().kid;
    assert_eq!(stored(node).retire(&first).await.unwrap(), waiting);
    assert_eq!(kid(&token(node).await), waiting);
    assert_eq!(published_soon(node, 1).await, [waiting]);
}

#[tokio::test]
async fn a_key_that_does_not_sign_goes_alone() {
    let time = Time::stands();
    let [node] = &nodes(1, &time).await[..] else { panic!() };
    let old = token(node).await;
    let waiting = stored(node).rotate().await.unwrap().unwrap().kid;
    assert_eq!(stored(node).retire(&waiting).await.unwrap(), kid(&old), "one that waits");
    assert!(accepts(node, &old).await);

    stored(node).rotate().await.unwrap().unwrap();
    published_soon(node, 2).await;
    time.pass(PUBLISHED_AHEAD, &[node]);
    let new = token(node).await;
    assert_eq!(stored(node).retire(&kid(&old)).await.unwrap(), kid(&new), "one that has signed");
    assert!(accepts(node, &new).await && !accepts(node, &old).await);
}

#[tokio::test]
async fn a_past_key_does_not_come_back_when_its_successor_goes() {
    let time = Time::stands();
    let [node] = &nodes(1, &time).await[..] else { panic!() };
    stored(node).rotate().await.unwrap().unwrap();
    published_soon(node, 2).await;
    time.pass(PUBLISHED_AHEAD + WINDOW, &[node]);
    let signing = stored(node).retire(&kid(&token(node).await)).await.unwrap();
    published_when(node, |kids| kids == [signing.clone()]).await;
    time.pass(1, &[node]);
    assert_eq!(published(node).await, [signing]);
    assert_eq!(node.app.state.store.signing_keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn it_stands_in_the_ledger_and_only_a_key_there_is_can_be_retired() {
    let [node] = &nodes(1, &Time::stands()).await[..] else { panic!() };
    let revision = node.revision();
    let unknown = stored(node).retire("unknown").await;
    assert!(matches!(unknown, Err(KeyTrouble::NoSuchKey(_))), "{unknown:?}");
    assert_eq!(node.revision(), revision);
    let first = kid(&token(node).await);
    let signing = stored(node).retire(&first).await.unwrap();
    let rows = node.admin().await.all("/v1/ledger?action=retire_key").await;
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((&row["actor"], &row["target"]), (&json!("system"), &json!(format!("keys/{first}"))));
    assert_eq!(row["after"], json!({ "signing": signing, "deleted": [] }));
    assert!(stored(node).retire(&first).await.is_err(), "it is gone");
}
