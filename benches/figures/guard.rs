use std::{collections::BTreeSet, sync::Arc, time::Duration};

use poem::{
    Endpoint, EndpointExt, Request, Response, Route,
    endpoint::{DynEndpoint, ToDynEndpoint},
};
use poem_openapi::{OpenApi, OpenApiService, payload::Json};
use rolecall::{
    app::App,
    http::Bound,
    policy::{PermissionName, RoleName},
    random,
    store::{
        Actor, PermissionId, RoleId, UserId, UserRef,
        commands::{CreatePermission, CreateRole, CreateUser},
    },
    tokens::PasswordGrant,
};
use rolecall_guard::{Problem, Public, SignedIn};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Mutex,
};
use uuid::Uuid;

use super::{PASSWORD, cores, in_parallel, in_turns, nobody_in_particular};

/// The same two handlers, guarded and not.
struct Handlers {
    app: App,
    user: Uuid,
}

#[OpenApi]
impl Handlers {
    async fn me(&self, user: Uuid) -> Result<Json<String>, Problem> {
        Ok(Json(self.app.state.store.user(&UserRef::Id(UserId(user))).await?.username))
    }

    #[oai(path = "/guarded/me", method = "get")]
    async fn guarded_me(&self, caller: SignedIn) -> Result<Json<String>, Problem> {
        self.me(caller.claims.sub).await
    }

    #[oai(path = "/unguarded/me", method = "get")]
    async fn unguarded_me(&self, _caller: Public) -> Result<Json<String>, Problem> {
        self.me(self.user).await
    }

    #[oai(path = "/guarded/nothing", method = "get")]
    async fn guarded_nothing(&self, _caller: SignedIn) -> Json<bool> {
        Json(true)
    }

    #[oai(path = "/unguarded/nothing", method = "get")]
    async fn unguarded_nothing(&self, _caller: Public) -> Json<bool> {
        Json(true)
    }
}

type Shared = Arc<dyn DynEndpoint<Output = Response>>;

/// What a guard costs a request: the same request, with the same header, to a handler that has one and one that hasn't.
pub(super) async fn guard(app: &App) {
    for permissions in [16, 200] {
        let (user, token) = person(app, permissions).await;
        let service = OpenApiService::new(Handlers { app: app.clone(), user }, "bench", "1");
        let endpoint = Route::new().nest("/", service).data(app.state.gate.clone()).map_to_response();
        let endpoint: Shared = Arc::new(ToDynEndpoint(endpoint));
        let address = serve(&endpoint).await;
        for (what, path) in [("one row read", "me"), ("nothing done", "nothing")] {
            let [guarded, unguarded] = ["guarded", "unguarded"].map(|guard| format!("/{guard}/{path}"));
            let over_http = in_turns(
                async || http(&address, &guarded, &token).await,
                async || http(&address, &unguarded, &token).await,
            );
            let (with, without) = over_http.await;
            println!(
                "{permissions} permissions, {what}, over HTTP: guarded {with:.0}/s, unguarded {without:.0}/s, ratio {:.3} \
                 (aim >= 0.95)",
                with / without
            );
            let in_process = in_turns(
                async || direct(&endpoint, &guarded, &token).await,
                async || direct(&endpoint, &unguarded, &token).await,
            );
            let (with, without) = in_process.await;
            println!(
                "{permissions} permissions, {what}, without HTTP: guarded {with:.0}/s, unguarded {without:.0}/s, ratio {:.3}",
                with / without
            );
        }
    }
}

/// Someone with so many permissions, signed in.
async fn person(app: &App, permissions: usize) -> (Uuid, String) {
    let (store, name) = (&app.state.store, format!("holds-{permissions}"));
    let names: Vec<PermissionName> =
        (0..permissions).map(|number| format!("resource-{permissions}-{number}:read").parse().unwrap()).collect();
    for name in &names {
        let id = PermissionId(random::id(store.clock()));
        let command = CreatePermission { id, name: name.clone(), description: None };
        store.write(&Actor::System, None, &command).await.unwrap();
    }
    let role: RoleName = name.parse().unwrap();
    let command = CreateRole {
        juniors: BTreeSet::new(),
        seniors: BTreeSet::new(),
        id: RoleId(random::id(store.clock())),
        name: role.clone(),
        description: None,
        permissions: names.into_iter().collect(),
    };
    store.write(&Actor::System, None, &command).await.unwrap();
    let id = UserId(random::id(store.clock()));
    let command = CreateUser {
        id,
        username: name.parse().unwrap(),
        password_hash: Some(app.state.tokens.hasher().hash(PASSWORD.into()).await.unwrap()),
        email: None,
        display_name: None,
        roles: [role].into(),
    };
    store.write(&Actor::System, None, &command).await.unwrap();
    let grant = PasswordGrant { username: name, password: PASSWORD.into(), scopes: None, roles: None };
    let issued = app.state.tokens.sign_in(&nobody_in_particular(app).await, grant).await.unwrap();
    (id.0, issued.access_token)
}

async fn serve(endpoint: &Shared) -> String {
    let bound = Bound::to("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let address = bound.address().unwrap().to_string();
    let endpoint = Arc::clone(endpoint);
    let endpoint = poem::endpoint::make(move |request| {
        let endpoint = Arc::clone(&endpoint);
        async move { endpoint.get_response(request).await }
    });
    let endpoint = endpoint.map_to_response();
    tokio::spawn(async move { bound.run(endpoint, std::future::pending(), Duration::from_secs(1)).await });
    address
}

/// Connections that are kept, a few for each core, one request at a time on each.
async fn http(address: &str, path: &str, token: &str) -> f64 {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    let width = cores() * 4;
    let mut streams = Vec::new();
    for _ in 0..width {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        streams.push(stream);
    }
    let (streams, request) = (Arc::new(Mutex::new(streams)), Arc::<[u8]>::from(request.into_bytes()));
    let work = move || {
        let (streams, request) = (Arc::clone(&streams), Arc::clone(&request));
        async move {
            let mut stream = streams.lock().await.pop().unwrap();
            stream.write_all(&request).await.unwrap();
            let (mut answer, mut length) = ([0; 2048], 0);
            loop {
                length += stream.read(&mut answer[length..]).await.unwrap();
                // Both bodies are shorter than this, and come whole.
                if let Some(head) = answer[..length].windows(4).position(|bytes| bytes == b"\r\n\r\n")
                    && length > head + 4
                {
                    break;
                }
            }
            assert!(answer.starts_with(b"HTTP/1.1 200"));
            streams.lock().await.push(stream);
        }
    };
    in_parallel(width, work).await
}

async fn direct(endpoint: &Shared, path: &str, token: &str) -> f64 {
    let authorization: Arc<str> = Arc::from(format!("Bearer {token}"));
    let (endpoint, path): (_, Arc<str>) = (Arc::clone(endpoint), Arc::from(path));
    let work = move || {
        let (endpoint, path, authorization) = (Arc::clone(&endpoint), Arc::clone(&path), Arc::clone(&authorization));
        async move {
            let request = Request::builder().uri_str(&*path).header("authorization", &*authorization).finish();
            assert_eq!(endpoint.get_response(request).await.status(), 200);
            // Lets the node read its ledger along, or it would trust nobody.
            tokio::task::consume_budget().await;
        }
    };
    in_parallel(cores(), work).await
}
