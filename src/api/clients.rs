use std::collections::BTreeSet;

use poem_openapi::{
    Enum, Object, OpenApi,
    param::{Header, Path, Query},
    payload::Json,
    types::{Example, MaybeUndefined},
};
use rolecall_guard::{Problem, Require};
use secrecy::ExposeSecret;
use time::OffsetDateTime;

use super::{
    State, Tag,
    client_secrets::EXAMPLE_SECRET,
    dry_run::Instead,
    patch::{change, not_null},
    responses::{Created, Done, Found, created, found, page, shown},
    sent::Sent,
    text::{Audience, Limit, Line, known},
};
use crate::{
    catalogue::clients as permission,
    policy::{ClientId, PermissionName},
    problem::bad_request,
    random,
    store::{
        self, ClientKey, GrantType, IfMatch, UserId,
        commands::{CreateClient, DeleteClient, UpdateClient},
    },
};

/// A way in which a client may get tokens.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case", rename = "ClientGrant")]
enum Grant {
    Password,
    RefreshToken,
    ClientCredentials,
}

impl From<GrantType> for Grant {
    fn from(grant: GrantType) -> Self {
        match grant {
            GrantType::Password => Self::Password,
            GrantType::RefreshToken => Self::RefreshToken,
            GrantType::ClientCredentials => Self::ClientCredentials,
        }
    }
}

impl From<Grant> for GrantType {
    fn from(grant: Grant) -> Self {
        match grant {
            Grant::Password => Self::Password,
            Grant::RefreshToken => Self::RefreshToken,
            Grant::ClientCredentials => Self::ClientCredentials,
        }
    }
}

/// An application that asks for tokens.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example, rename = "RegisteredClient")]
#[expect(clippy::struct_field_names, reason = "client_id is what OAuth calls it")]
struct Client {
    /// Its name in requests and tokens; also the username of its service user, if it has one.
    client_id: String,
    name: String,
    /// One of our own: people may give it their passwords.
    first_party: bool,
    /// How it may get tokens.
    grants: Vec<Grant>,
    /// Whom its tokens are for; if absent, this server.
    audience: Option<String>,
    /// The permissions its tokens may carry; if absent, any.
    scopes: Option<Vec<String>>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<store::Client> for Client {
    fn from(client: store::Client) -> Self {
        Self {
            client_id: client.client_id,
            name: client.name,
            first_party: client.first_party,
            grants: client.grants.into_iter().map(Grant::from).collect(),
            audience: client.audience,
            scopes: client.scopes.map(|scopes| scopes.into_iter().map(String::from).collect()),
            created_at: shown(client.created_at),
            updated_at: shown(client.updated_at),
        }
    }
}

impl Example for Client {
    fn example() -> Self {
        Self {
            client_id: "billing".into(),
            name: "Billing".into(),
            first_party: false,
            grants: vec![Grant::ClientCredentials],
            audience: Some("https://articles.example.com".into()),
            scopes: Some(vec!["access:read".into()]),
            created_at: shown(1_767_225_600_000_000),
            updated_at: shown(1_767_225_600_000_000),
        }
    }
}

page! {
    /// A page of clients.
    ClientPage of Client
}

/// A new client, and its secret: keep it, it is shown only now.
#[derive(Object)]
#[oai(example)]
struct CreatedClient {
    #[oai(flatten)]
    client: Client,
    client_secret: String,
}

impl Example for CreatedClient {
    fn example() -> Self {
        Self { client: Client::example(), client_secret: EXAMPLE_SECRET.into() }
    }
}

/// A client to make.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example, rename = "ClientCreate")]
struct NewClient {
    name: Line<200>,
    /// Folded to lower case; if you leave it out, one is made up.
    client_id: Option<ClientId>,
    /// One of our own: people may give it their passwords; if you leave it out, it isn't. Setting this
    /// takes `roles:escalate`.
    #[oai(default)]
    first_party: bool,
    /// How it may get tokens: `password` is for first-party clients, `refresh_token` goes with it, and
    /// `client_credentials` gives the client a service user, which can have roles.
    #[oai(validator(min_items = 1))]
    grants: Vec<Grant>,
    /// Whom its tokens are for; if you leave it out, this server.
    audience: Option<Audience>,
    /// The permissions its tokens may carry; if you leave it out, any.
    #[oai(validator(max_items = 500))]
    scopes: Option<Vec<PermissionName>>,
}

impl Example for NewClient {
    fn example() -> Self {
        Self {
            name: known("Billing"),
            client_id: Some(known("billing")),
            first_party: false,
            grants: vec![Grant::ClientCredentials],
            audience: Some(known("https://articles.example.com")),
            scopes: Some(vec![known("access:read")]),
        }
    }
}

/// What to change of a client; a member left out stays as it is, `null` clears it.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, example)]
struct ClientPatch {
    /// It can't be cleared.
    name: MaybeUndefined<Line<200>>,
    /// Changing this takes `roles:escalate`; it can't be cleared.
    first_party: MaybeUndefined<bool>,
    /// All of them; they can't be cleared. The service user comes and goes with `client_credentials`.
    #[oai(validator(min_items = 1))]
    grants: MaybeUndefined<Vec<Grant>>,
    audience: MaybeUndefined<Audience>,
    /// All of them; cleared, its tokens may carry anything.
    #[oai(validator(max_items = 500))]
    scopes: MaybeUndefined<Vec<PermissionName>>,
}

impl Example for ClientPatch {
    fn example() -> Self {
        Self {
            name: MaybeUndefined::Value(known("Billing and dunning")),
            first_party: MaybeUndefined::Undefined,
            grants: MaybeUndefined::Undefined,
            audience: MaybeUndefined::Undefined,
            scopes: MaybeUndefined::Value(vec![known("access:read"), known("users:read")]),
        }
    }
}

/// The set of grants that makes sense of its own.
fn grants(given: Vec<Grant>) -> Result<BTreeSet<GrantType>, Problem> {
    let grants: BTreeSet<_> = given.into_iter().map(GrantType::from).collect();
    if grants.contains(&GrantType::RefreshToken) && !grants.contains(&GrantType::Password) {
        return Err(bad_request("grants: without password there is nothing to refresh; leave out refresh_token."));
    }
    Ok(grants)
}

pub(super) struct Clients(pub(super) State);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Clients")]
impl Clients {
    /// List clients
    ///
    /// By id: the oldest first.
    #[oai(path = "/clients", method = "get", operation_id = "list_clients")]
    async fn list(
        &self,
        _caller: Require<permission::Read>,
        /// Only those whose `client_id` begins so.
        q: Query<Option<Line<128>>>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<ClientPage>, Problem> {
        let prefix = q.0.map(|q| q.0);
        let paging = self.0.cursors.paging(format!("clients {prefix:?}"), limit.0, cursor.0)?;
        let clients = self.0.store.clients(prefix.as_deref(), paging.page()?).await?;
        Ok(Json(paging.cut(clients, |client| client.key.0.to_string()).into()))
    }

    /// Create a client
    ///
    /// The answer shows its secret, this once. One that may get tokens for itself has a service user of the same
    /// name: assign its roles to that.
    #[oai(path = "/clients", method = "post", operation_id = "create_client")]
    async fn create(
        &self,
        caller: Require<permission::Create>,
        #[oai(default)] dry_run: Query<bool>,
        new: Sent<NewClient>,
    ) -> Result<Created<CreatedClient>, Instead> {
        let NewClient { name, client_id, first_party, grants: given, audience, scopes } = new.0;
        let client_id = match client_id {
            Some(client_id) => client_id,
            None => format!("client-{}", hex::encode(random::bytes::<8>())).parse()?,
        };
        let (secret, stored) = self.0.new_secret();
        let clock = self.0.store.clock();
        let command = CreateClient {
            key: ClientKey(random::id(clock)),
            client_id,
            name: name.0,
            first_party,
            grants: grants(given)?,
            audience: audience.map(|audience| audience.0),
            scopes: scopes.map(|scopes| scopes.into_iter().collect()),
            secret: stored,
            user: UserId(random::id(clock)),
        };
        let client = self.0.change(&caller, dry_run.0, None, &command).await?;
        let (location, revision) = (format!("/v1/clients/{}", client.client_id), client.revision);
        let client_secret = secret.expose_secret().to_owned();
        Ok(created(location, revision, CreatedClient { client: client.into(), client_secret }))
    }

    /// Read a client
    ///
    /// With an `ETag`: send it back as `If-Match` to change only what you have seen.
    #[oai(path = "/clients/:client", method = "get", operation_id = "read_client")]
    async fn read(&self, _caller: Require<permission::Read>, client: Path<ClientId>) -> Result<Found<Client>, Problem> {
        let client = self.0.store.client(&client).await?;
        Ok(found(client.revision, client))
    }

    /// Change a client
    ///
    /// A merge patch (RFC 7396), also as `application/merge-patch+json`. Its tokens stop at once if they would be others now.
    #[oai(path = "/clients/:client", method = "patch", operation_id = "update_client")]
    async fn update(
        &self,
        caller: Require<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        client: Path<ClientId>,
        /// Only if its state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
        patch: Sent<ClientPatch>,
    ) -> Result<Found<Client>, Instead> {
        let ClientPatch { name, first_party, grants: given, audience, scopes } = patch.0;
        let command = UpdateClient {
            client: client.0,
            name: not_null("name", name)?.map(|name| name.0),
            first_party: not_null("first_party", first_party)?,
            grants: not_null("grants", given)?.map(grants).transpose()?,
            audience: change(audience, |audience| audience.0),
            scopes: change(scopes, |scopes| scopes.into_iter().collect()),
            user: UserId(random::id(self.0.store.clock())),
        };
        let client = self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(found(client.revision, client))
    }

    /// Delete a client
    ///
    /// With its secrets, its service user, and what people have open in it.
    #[oai(path = "/clients/:client", method = "delete", operation_id = "delete_client")]
    async fn delete(
        &self,
        caller: Require<permission::Delete>,
        #[oai(default)] dry_run: Query<bool>,
        client: Path<ClientId>,
        /// Only if its state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
    ) -> Result<Done, Instead> {
        let command = DeleteClient { client: client.0 };
        self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &command).await?;
        Ok(Done::Ok)
    }
}
