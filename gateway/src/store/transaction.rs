//! What a request sees of a transaction: its tables.

use redb::{Key, ReadableTable, Table, TableDefinition, Value, WriteTransaction};

/// A failure of the database. One of them ends the transaction, and has the store opened again.
#[derive(Debug)]
pub(crate) struct Fault(String);

impl Fault {
    /// The database panicked.
    pub(super) fn panicked() -> Self {
        Fault("the database panicked; is its file damaged?".to_owned())
    }

    /// Why, as one line.
    pub(super) fn reason(&self) -> &str {
        &self.0
    }
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Fault(error.into().to_string())
    }
}

/// A transaction, in which requests that come at the same time take turns.
pub(crate) struct Transaction<'a> {
    inner: &'a WriteTransaction,
    has_written: bool,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(inner: &'a WriteTransaction) -> Self {
        Transaction { inner, has_written: false }
    }

    /// Whether there is anything to commit.
    pub(super) fn has_written(&self) -> bool {
        self.has_written
    }

    /// Opens a table to read it. Only one handle to a table can be open at a time.
    ///
    /// # Errors
    /// [`Fault`].
    pub(crate) fn read<K: Key + 'static, V: Value + 'static>(
        &self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<impl ReadableTable<K, V> + use<'a, K, V>, Fault> {
        Ok(self.inner.open_table(table)?)
    }

    /// Opens a table to change it. Only one handle to a table can be open at a time.
    ///
    /// # Errors
    /// [`Fault`].
    pub(crate) fn write<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<Table<'a, K, V>, Fault> {
        self.has_written = true;
        Ok(self.inner.open_table(table)?)
    }
}
