use poem::http::StatusCode;
use poem_openapi::{
    Object, OpenApi,
    param::{Header, Path, Query},
    payload::Json,
    types::Example,
};
use rolecall_guard::{Claims, OwnerOr, Permission, Problem, Require, SignedIn};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    State, Tag,
    dry_run::Instead,
    effective_permissions::{EffectivePermissionPage, effective},
    responses::{Done, NoMembers, page, shown},
    text::Limit,
};
use crate::{
    catalogue::sessions as permission,
    policy::RoleName,
    store::{
        self, Actor, IfMatch, Refused, SessionId, UserId, UserRef,
        commands::{AddActiveRole, DropActiveRole, EndSession, EndSessions},
    },
};

/// What a sign-in opened: it ends by logout, when it isn't used, or when its time is over.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub(super) struct Session {
    /// Its tokens' `sid`.
    id: Uuid,
    /// Whose.
    user: String,
    /// The active roles.
    roles: Vec<String>,
    /// The application that signed in.
    client_id: String,
    /// From where its newest token was asked for.
    address: Option<String>,
    created_at: OffsetDateTime,
    /// When its newest token was issued.
    last_used_at: OffsetDateTime,
    /// When it ends unless it is used before.
    expires_at: OffsetDateTime,
}

impl Example for Session {
    fn example() -> Self {
        Self {
            id: Uuid::from_u128(0x0190_f5e6_5b1c_7c3e_9d4f_1a2b_3c4d_5e6f),
            user: "alice".into(),
            roles: vec!["editor".into()],
            client_id: "rolecall".into(),
            address: Some("192.0.2.7".into()),
            created_at: shown(1_767_225_600_000_000),
            last_used_at: shown(1_767_226_500_000_000),
            expires_at: shown(1_767_312_900_000_000),
        }
    }
}

impl Session {
    fn of(user: &str, session: store::Session) -> Self {
        Self {
            id: session.id.0,
            user: user.to_owned(),
            roles: session.roles.iter().map(ToString::to_string).collect(),
            client_id: session.client_id,
            address: session.address,
            created_at: shown(session.created_at),
            last_used_at: shown(session.last_used_at),
            expires_at: shown(session.expires_at),
        }
    }
}

page! {
    /// A page of sessions.
    SessionPage of Session
}

fn own(claims: &Claims) -> (UserId, UserRef) {
    let id = UserId(claims.sub);
    (id, UserRef::Id(id))
}

fn not_yours() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "not_yours", "Only its owner can activate roles in a session.")
}

impl State {
    /// A session that the caller owns or has the permission for.
    async fn session<P: Permission>(&self, caller: &OwnerOr<P>, session: SessionId) -> Result<store::Session, Problem> {
        match self.store.session(session).await {
            Ok(session) => caller.allow(Some(session.user.0)).map(|()| session),
            Err(refused) => caller.allow(None).and(Err(refused.into())),
        }
    }

    async fn sessions(
        &self,
        user: &UserRef,
        limit: Limit,
        cursor: Option<String>,
    ) -> Result<Json<SessionPage>, Problem> {
        let user = self.store.user(user).await?;
        let paging = self.cursors.paging(format!("sessions {}", user.id.0), limit, cursor)?;
        let sessions = self.store.sessions_of(user.id, paging.page()?).await?;
        let (items, next) = paging.cut(sessions, |session| session.id.0.to_string());
        let items: Vec<_> = items.into_iter().map(|session| Session::of(&user.username, session)).collect();
        Ok(Json((items, next).into()))
    }
}

pub(super) struct Sessions(pub(super) State);

#[OpenApi(prefix_path = "/v1")]
impl Sessions {
    /// List my sessions
    ///
    /// Where you are signed in, the oldest first. Yours now is the one whose `id` is your token's `sid`.
    #[oai(path = "/me/sessions", method = "get", operation_id = "list_my_sessions", tag = "Tag::Me")]
    async fn list_mine(
        &self,
        caller: SignedIn,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<SessionPage>, Problem> {
        self.0.sessions(&own(&caller.claims).1, limit.0, cursor.0).await
    }

    /// Sign me out everywhere
    ///
    /// Ends all your sessions, this one included; their tokens stop working at once.
    #[oai(path = "/me/sessions", method = "delete", operation_id = "end_my_sessions", tag = "Tag::Me")]
    async fn end_mine(&self, caller: SignedIn) -> Result<Done, Problem> {
        self.0.store.end_sessions_of(own(&caller.claims).0).await?;
        Ok(Done::Ok)
    }

    /// Read one of my sessions
    ///
    /// By the `sid` of its tokens.
    #[oai(path = "/me/sessions/:session", method = "get", operation_id = "read_my_session", tag = "Tag::Me")]
    async fn read_mine(&self, caller: SignedIn, session: Path<SessionId>) -> Result<Json<Session>, Problem> {
        let (id, user) = own(&caller.claims);
        let user = self.0.store.user(&user).await?;
        Ok(Json(Session::of(&user.username, self.0.store.session_of(id, session.0).await?)))
    }

    /// End one of my sessions
    ///
    /// With the one you use now, it signs you out.
    #[oai(path = "/me/sessions/:session", method = "delete", operation_id = "end_my_session", tag = "Tag::Me")]
    async fn end_one_of_mine(&self, caller: SignedIn, session: Path<SessionId>) -> Result<Done, Problem> {
        let (owner, _) = own(&caller.claims);
        let ended = self.0.store.end_session(session.0, Some(owner)).await?;
        if ended { Ok(Done::Ok) } else { Err(Refused::NotFound("session").into()) }
    }

    /// Read a session
    ///
    /// Your own, or with `sessions:read` anyone's: also which roles are active in it.
    #[oai(path = "/sessions/:session", method = "get", operation_id = "read_session", tag = "Tag::Sessions")]
    async fn read(
        &self,
        caller: OwnerOr<permission::Read>,
        session: Path<SessionId>,
    ) -> Result<Json<Session>, Problem> {
        let session = self.0.session(&caller, session.0).await?;
        let user = self.0.store.user(&UserRef::Id(session.user)).await?;
        Ok(Json(Session::of(&user.username, session)))
    }

    /// End a session
    ///
    /// Your own, or with `sessions:delete` that of anyone who holds no more than you.
    #[oai(path = "/sessions/:session", method = "delete", operation_id = "end_session", tag = "Tag::Sessions")]
    async fn end_one(
        &self,
        caller: OwnerOr<permission::Delete>,
        #[oai(default)] dry_run: Query<bool>,
        session: Path<SessionId>,
    ) -> Result<Done, Instead> {
        let session = self.0.session(&caller, session.0).await?;
        let owner = caller.is(session.user.0).then_some(session.user);
        if owner.is_some() && !dry_run.0 {
            self.0.store.end_session(session.id, owner).await?;
        } else {
            let command = EndSession { session: session.id, owner };
            self.0.change(Actor::at(&caller, session.user), dry_run.0, None, &command).await?;
        }
        Ok(Done::Ok)
    }

    /// List what a session may do
    ///
    /// Every permission that its active roles give, by name.
    #[oai(
        path = "/sessions/:session/permissions",
        method = "get",
        operation_id = "list_session_permissions",
        tag = "Tag::Sessions"
    )]
    async fn permissions(
        &self,
        caller: OwnerOr<permission::Read>,
        session: Path<SessionId>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<EffectivePermissionPage>, Problem> {
        let session = self.0.session(&caller, session.0).await?;
        let paging = self.0.cursors.paging(format!("session permissions {}", session.id.0), limit.0, cursor.0)?;
        let snapshot = self.0.store.snapshot();
        let all = snapshot.graph.permissions(session.roles.iter().map(RoleName::as_str));
        let (page, next) = paging.of(all, ToString::to_string);
        let page = page.iter().map(|permission| effective(&snapshot.graph, &session.roles, permission));
        Ok(Json((page.collect::<Vec<_>>(), next).into()))
    }

    /// Activate a role in my session
    ///
    /// Only your own, whatever you may do. One that you are authorized for and that no dynamic separation set keeps apart from those that are active.
    /// Refresh your token to use it.
    #[oai(
        path = "/sessions/:session/roles/:role",
        method = "put",
        operation_id = "add_active_role",
        tag = "Tag::Sessions"
    )]
    async fn add_role(
        &self,
        caller: OwnerOr<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        session: Path<SessionId>,
        role: Path<RoleName>,
        _body: NoMembers,
    ) -> Result<Done, Instead> {
        let session = self.0.session(&caller, session.0).await?;
        if !caller.is(session.user.0) {
            return Err(not_yours().into());
        }
        let command = AddActiveRole { session: session.id, role: role.0 };
        self.0.change(Actor::Owner { claims: caller.claims }, dry_run.0, None, &command).await?;
        Ok(Done::Ok)
    }

    /// Drop a role from a session
    ///
    /// From your own, or with `sessions:update` from that of anyone who holds no more than you. Tokens of the session stop
    /// working at once; the next ones are without it.
    #[oai(
        path = "/sessions/:session/roles/:role",
        method = "delete",
        operation_id = "drop_active_role",
        tag = "Tag::Sessions"
    )]
    async fn drop_role(
        &self,
        caller: OwnerOr<permission::Update>,
        #[oai(default)] dry_run: Query<bool>,
        session: Path<SessionId>,
        role: Path<RoleName>,
    ) -> Result<Done, Instead> {
        let session = self.0.session(&caller, session.0).await?;
        let owner = caller.is(session.user.0).then_some(session.user);
        let command = DropActiveRole { session: session.id, role: role.0, owner };
        self.0.change(Actor::at(&caller, session.user), dry_run.0, None, &command).await?;
        Ok(Done::Ok)
    }

    /// List a user's sessions
    ///
    /// The oldest first.
    #[oai(path = "/users/:user/sessions", method = "get", operation_id = "list_user_sessions", tag = "Tag::Sessions")]
    async fn list(
        &self,
        _caller: Require<permission::Read>,
        /// A username or an id.
        user: Path<UserRef>,
        #[oai(default)] limit: Query<Limit>,
        cursor: Query<Option<String>>,
    ) -> Result<Json<SessionPage>, Problem> {
        self.0.sessions(&user.0, limit.0, cursor.0).await
    }

    /// Sign a user out everywhere
    ///
    /// Ends all the user's sessions; tokens stop working at once.
    #[oai(path = "/users/:user/sessions", method = "delete", operation_id = "end_user_sessions", tag = "Tag::Sessions")]
    async fn end(
        &self,
        caller: Require<permission::Delete>,
        #[oai(default)] dry_run: Query<bool>,
        /// A username or an id.
        user: Path<UserRef>,
        /// Only if the user's state is still this.
        #[oai(name = "If-Match")]
        if_match: Header<Option<IfMatch>>,
    ) -> Result<Done, Instead> {
        self.0.change(&caller, dry_run.0, if_match.0.as_ref(), &EndSessions { user: user.0 }).await?;
        Ok(Done::Ok)
    }
}
