//! A service gets to know new keys, and forgets retired ones.

use super::Blog;
use crate::support::{PASSWORD, Server};

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

#[tokio::test]
async fn a_key_that_signs_at_once_is_known_with_the_first_token_of_it() {
    let server = Server::start().await;
    let blog = Blog::following(&server).await;
    let before = server.person("alice", &["articles:read"]).await;
    blog.read(&before).await.assert(200);
    // The service may not have heard yet: then it asks before it refuses.
    server.app.state.tokens.keys().stored().retire(&kid(before.token.as_deref().unwrap())).await.unwrap();
    let after = server.sign_in("alice", PASSWORD).await;
    blog.answers(&after, 200).await;
    blog.answers(&before, 401).await;
    blog.read(&after).await.assert(200);
}

#[tokio::test]
async fn a_token_of_a_key_that_nobody_knows_is_refused() {
    let server = Server::start().await;
    let blog = Blog::following(&server).await;
    let token = server.person("alice", &["articles:read"]).await.token.unwrap();
    let other = Server::start().await.admin().await.token.unwrap();
    let (header, _) = other.split_once('.').unwrap();
    let (_, rest) = token.split_once('.').unwrap();
    for token in [format!("{header}.{rest}"), other.clone()] {
        for _ in 0..3 {
            blog.read(&server.bearing(&token)).await.assert_invalid_token();
        }
    }
    blog.read(&server.bearing(&token)).await.assert(200);
}
