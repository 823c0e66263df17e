//! The blog of docs/getting-started.md by a client that progenitor generates from openapi.yaml.
#![deny(warnings)]

mod rolecall {
    #![expect(clippy::all, reason = "it is generated")]
    progenitor::generate_api!(spec = "../../../../openapi.yaml", interface = Builder);
}

use std::env::var;

use anyhow::{Result, bail};
use futures_util::StreamExt;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use rolecall::{ByteStream, Client, Error, types};

/// A client that sends this token.
fn bearing(url: &str, token: &str) -> Result<Client> {
    let headers = HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {token}").parse()?)]);
    Ok(Client::new_with_client(url, reqwest::Client::builder().default_headers(headers).build()?))
}

async fn sign_in(url: &str, username: &str, password: &str) -> Result<Client> {
    let form = types::TokenRequest::builder()
        .grant_type(types::TokenGrantType::Password)
        .username(username.to_owned())
        .password(password.to_owned());
    let token = Client::new(url).get_token().body(form).send().await?;
    bearing(url, &token.access_token)
}

/// What was refused, and why. The generator hands out what isn't `application/json` as bytes.
async fn problem<T>(answer: Result<T, Error<ByteStream>>) -> Result<types::Problem> {
    let Err(Error::ErrorResponse(refused)) = answer else { bail!("that was not refused") };
    let mut body = Vec::new();
    let mut bytes = refused.into_inner();
    while let Some(more) = bytes.next().await {
        body.extend(more?);
    }
    Ok(serde_json::from_slice(&body)?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let url = var("OUTSIDE_URL")?;
    let admin = sign_in(&url, "admin", &var("OUTSIDE_PASSWORD")?).await?;

    for name in ["rust-articles:read", "rust-articles:update"] {
        admin.create_permission().body(types::PermissionCreate::builder().name(name)).send().await?;
    }
    let editor = types::RoleCreate::builder()
        .name("rust-editor")
        .permissions(vec!["rust-articles:read".parse()?, "rust-articles:update".parse()?]);
    let editor = admin.create_role().body(editor).send().await?;
    assert!(!editor.built_in);
    let alice = types::UserCreate::builder()
        .username("rust-alice")
        .email(Some("rust-alice@example.com".parse()?))
        .password("down the rabbit hole".to_owned());
    let alice = admin.create_user().body(alice).send().await?;
    assert_eq!((alice.username.as_str(), alice.status), ("rust-alice", types::UserStatus::Active));

    // What would it change? Nothing is changed by asking.
    let told = admin.dry_run_assign_role().user("rust-alice").role("rust-editor").send().await?;
    assert!(told.allowed);
    let [gain] = told.users.as_slice() else { bail!("just her: {told:?}") };
    assert_eq!(gain.gains, ["rust-articles:read", "rust-articles:update"]);
    admin.assign_role().user("rust-alice").role("rust-editor").send().await?;

    // 200 and 403, as herself.
    let her = sign_in(&url, "rust-alice", "down the rabbit hole").await?;
    assert_eq!(her.read_me().send().await?.permissions, ["rust-articles:read", "rust-articles:update"]);
    let refused = problem(her.list_users().send().await).await?;
    assert_eq!((refused.status, refused.code.as_str()), (403, "insufficient_scope"));

    // Why may she?
    let explained =
        admin.explain_user_permission().user("rust-alice").permission("rust-articles:update").send().await?;
    assert!(explained.allowed);
    assert_eq!(explained.paths[0].roles, ["rust-editor"]);

    // Page by page, to the end.
    let (mut names, mut cursor) = (Vec::new(), None);
    loop {
        let mut page = admin.list_permissions().q("rust-").limit(1);
        if let Some(next) = cursor {
            page = page.cursor(next);
        }
        let page = page.send().await?.into_inner();
        names.extend(page.items.into_iter().map(|permission| permission.name));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, ["rust-articles:read", "rust-articles:update"]);

    // Change only what one has seen.
    let stale = admin.update_user().user("rust-alice").if_match("\"0\"");
    let renamed = types::UserPatch::builder().display_name(Some("Alice Liddell".parse()?));
    let refused = problem(stale.body(renamed).send().await).await?;
    assert_eq!((refused.status, refused.code.as_str()), (412, "stale"));
    let missing = problem(admin.read_role().role("rust-nobody").send().await).await?;
    assert_eq!((missing.status, missing.code.as_str()), (404, "not_found"));
    println!("The blog by a client in Rust: done.");
    Ok(())
}
