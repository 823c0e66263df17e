use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, Select};

use super::{Session, named};
use crate::store::{Page, Refused, SessionId, Store, UserId, entity::sessions, users::assignments_of};

impl Store {
    /// Someone's sessions by id: those that haven't run out.
    pub async fn sessions_of(&self, user: UserId, page: Page<SessionId>) -> Result<Vec<Session>, Refused> {
        let rows = page.of(self.live_sessions(user), sessions::Column::Id);
        Ok(self.shown(user, rows).await?)
    }

    /// A session that hasn't run out (NIST `SessionRoles`).
    pub async fn session(&self, session: SessionId) -> Result<Session, Refused> {
        let row = sessions::Entity::find_by_id(session).one(&self.db).await?;
        self.session_of(row.ok_or(Refused::NotFound("session"))?.user_id, session).await
    }

    /// One of someone's sessions.
    pub async fn session_of(&self, user: UserId, session: SessionId) -> Result<Session, Refused> {
        let row = self.live_sessions(user).filter(sessions::Column::Id.eq(session));
        self.shown(user, row).await?.pop().ok_or(Refused::NotFound("session"))
    }

    fn live_sessions(&self, user: UserId) -> Select<sessions::Entity> {
        sessions::Entity::find()
            .filter(sessions::Column::UserId.eq(user))
            .filter(sessions::Column::ExpiresAt.gt(self.clock.micros()))
    }

    async fn shown(&self, user: UserId, rows: Select<sessions::Entity>) -> Result<Vec<Session>, DbErr> {
        let rows = rows.all(&self.db).await?;
        let assignments = assignments_of(&self.db, user).await?;
        let (snapshot, now) = (self.snapshot(), self.clock.micros());
        let session = |row: sessions::Model| {
            Ok(Session {
                id: row.id,
                user: row.user_id,
                client_id: row.client_id,
                roles: snapshot.graph.active(named(row.roles.as_deref())?.as_ref(), &assignments, now),
                address: row.address,
                created_at: row.created_at,
                last_used_at: row.last_used_at,
                expires_at: row.expires_at,
            })
        };
        rows.into_iter().map(session).collect()
    }
}
