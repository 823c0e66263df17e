use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Value};

/// How many items, and after which.
#[derive(Clone, Copy, Debug)]
pub struct Page<K> {
    /// Begin after this one.
    pub after: Option<K>,
    /// At most this many.
    pub limit: u64,
}

impl<K: Into<Value>> Page<K> {
    /// Those of the rows that are on it, in this column's order.
    pub(super) fn of<E: EntityTrait>(self, rows: Select<E>, key: E::Column) -> Select<E> {
        let rows = rows.order_by_asc(key).limit(self.limit);
        match self.after {
            Some(after) => rows.filter(key.gt(after)),
            None => rows,
        }
    }
}
