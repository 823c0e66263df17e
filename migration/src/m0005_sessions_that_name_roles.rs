use sea_orm_migration::prelude::*;

/// An index for what is asked about the sessions that name roles.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(&crate::dialect(manager, SCHEMA)).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const SCHEMA: &str = r"
-- Few sessions name roles. A refresh changes nothing in it, so PostgreSQL writes none for that.
CREATE INDEX sessions_naming ON sessions (id) WHERE roles IS NOT NULL;
";
