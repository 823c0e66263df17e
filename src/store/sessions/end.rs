use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::{IntoCondition, OnConflict, Query, SimpleExpr},
};
use uuid::Uuid;

use crate::store::{
    Refused, SessionId, Store, UserId,
    connect::begin_write,
    entity::{ended_sessions, sessions},
    ledger::wake_nodes,
    replica::seconds,
};

/// What is to end.
enum Ending {
    Sessions(Condition),
    /// By its `jti`.
    Token(SessionId),
}

impl Store {
    /// Ends one session, its access tokens included (NIST `DeleteSession`). False if there is no such session of `owner`,
    /// or of anyone where that is None.
    pub async fn end_session(&self, session: SessionId, owner: Option<UserId>) -> Result<bool, Refused> {
        let mut which = Condition::all().add(sessions::Column::Id.eq(session));
        if let Some(owner) = owner {
            which = which.add(sessions::Column::UserId.eq(owner));
        }
        self.end(Ending::Sessions(which)).await
    }

    /// Ends all of someone's sessions.
    pub async fn end_sessions_of(&self, user: UserId) -> Result<(), Refused> {
        self.end(Ending::Sessions(sessions::Column::UserId.eq(user).into_condition())).await.map(drop)
    }

    /// Ends a token that has no session.
    pub async fn end_token(&self, jti: Uuid) -> Result<(), Refused> {
        self.end(Ending::Token(SessionId(jti))).await.map(drop)
    }

    /// In a task of its own: whoever hangs up doesn't call it back. False if there was nothing to end.
    async fn end(&self, what: Ending) -> Result<bool, Refused> {
        let store = self.clone();
        let ending = tokio::spawn(async move {
            let _turn = store.sqlite_turn().await?;
            let txn = begin_write(&store.db).await?;
            let now = store.clock.micros();
            let ended = match what {
                Ending::Sessions(which) => end_sessions(&txn, which, now).await?,
                Ending::Token(jti) => {
                    give_notice(&txn, &[jti], now).await?;
                    vec![jti]
                }
            };
            txn.commit().await?;
            let any = !ended.is_empty();
            store.note_ended(ended);
            Ok(any)
        });
        ending.await.unwrap_or(Err(Refused::Busy))
    }

    /// What other nodes read from the table, this one notes at once.
    pub(in crate::store) fn note_ended(&self, ended: Vec<SessionId>) {
        let now = seconds(self.clock.micros());
        self.revocations().end(ended.into_iter().map(|session| (session.0, now)));
    }

    /// Forgets sessions that have run out, and notices of ended ones that every node has read; some at a time.
    pub(in crate::store) async fn forget_sessions(&self, before: i64) -> Result<(), Refused> {
        while self.forget_some(sessions::Entity, sessions::Column::Id, sessions::Column::ExpiresAt.lt(before)).await? {}
        let read = ended_sessions::Column::EndedAt.lt(before);
        while self.forget_some(ended_sessions::Entity, ended_sessions::Column::Id, read.clone()).await? {}
        Ok(())
    }

    /// Whether there may be more.
    async fn forget_some<E: EntityTrait>(&self, table: E, id: E::Column, old: SimpleExpr) -> Result<bool, Refused> {
        let _turn = self.sqlite_turn().await?;
        let some = Query::select().column(id).from(table).and_where(old).limit(AT_ONCE).take();
        let deleted = E::delete_many().filter(id.in_subquery(some)).exec(&self.db).await?;
        Ok(deleted.rows_affected == AT_ONCE)
    }
}

/// Rows that are forgotten in one statement: it must not take long.
const AT_ONCE: u64 = 1000;

/// Ends sessions: the rows go, and a notice tells the other nodes. What is deleted is what gets a notice, also when
/// another session opens meanwhile.
pub(in crate::store) async fn end_sessions(
    txn: &DatabaseTransaction,
    which: impl IntoCondition,
    now: i64,
) -> Result<Vec<SessionId>, DbErr> {
    let rows = sessions::Entity::delete_many().filter(which.into_condition()).exec_with_returning(txn).await?;
    let ended: Vec<SessionId> = rows.into_iter().map(|session| session.id).collect();
    give_notice(txn, &ended, now).await?;
    Ok(ended)
}

/// So many notices go in one statement, of two parameters each: between `ended_at` and the commit there may only be few
/// statements (`connect::LONGEST_STATEMENT`).
const NOTICES: usize = 5000;

async fn give_notice(txn: &DatabaseTransaction, ended: &[SessionId], ended_at: i64) -> Result<(), DbErr> {
    for some in ended.chunks(NOTICES) {
        let notices = some.iter().map(|id| ended_sessions::Model { id: *id, ended_at }.into_active_model());
        let known = OnConflict::column(ended_sessions::Column::Id).do_nothing().to_owned();
        ended_sessions::Entity::insert_many(notices).on_conflict(known).exec_without_returning(txn).await?;
    }
    if ended.is_empty() { Ok(()) } else { wake_nodes(txn).await }
}
