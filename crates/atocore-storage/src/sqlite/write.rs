//! Write transactions: changes, and the bookkeeping of refreshes.

use std::ops::Deref;

use atocore_model::{
    id::{Generation, StoreVersion},
    time::Timestamp,
};
use rusqlite::{Transaction, TransactionBehavior};

use super::{LoggedOperation, ReadTransaction, StorageError, Store, WriteError, lock, operations};

/// What a committed write returns.
#[derive(Debug, Clone, Copy)]
pub struct Committed<T> {
    /// What the body of the transaction returned.
    pub value: T,
    /// Where in its history the store is now.
    pub version: StoreVersion,
}

/// One write transaction: sees its own changes, and everything that a reader can ask.
#[derive(Debug)]
pub struct WriteTransaction<'c> {
    bookkeeping: BookkeepingTransaction<'c>,
    pub(super) version: StoreVersion,
    /// When it began.
    pub(super) at: Timestamp,
}

/// A write transaction that can change only what no answer, index or plan is made from: how files looked when they were
/// read, and what a refresh came to.
#[derive(Debug)]
pub struct BookkeepingTransaction<'c> {
    read: ReadTransaction<'c>,
}

impl Store {
    /// Runs `body` in one write transaction and commits it as the next generation.
    ///
    /// # Errors
    /// What `body` returns, or why the transaction could not be committed; nothing has changed then.
    /// [`StorageError::Gone`] when a file of the store was removed or replaced, [`StorageError::Damaged`] once damage was
    /// met in it.
    ///
    /// # Durability
    /// When this returns `Ok`, the change survives a power cut.
    pub fn write<T, E: WriteError>(
        &self,
        operation: &LoggedOperation<'_>,
        body: impl FnOnce(&WriteTransaction<'_>) -> Result<T, E>,
    ) -> Result<Committed<T>, E> {
        self.write_beyond(Generation(0), operation, body)
    }

    /// [`Store::write`], with a generation that is later than `former`: that of a store in whose place this one stands. Who
    /// knows a generation of that one would take one of this store for it.
    ///
    /// # Errors
    /// As [`Store::write`].
    ///
    /// # Durability
    /// As [`Store::write`].
    pub fn write_beyond<T, E: WriteError>(
        &self,
        former: Generation,
        operation: &LoggedOperation<'_>,
        body: impl FnOnce(&WriteTransaction<'_>) -> Result<T, E>,
    ) -> Result<Committed<T>, E> {
        let committed = self.commit(|transaction| {
            let at = self.options.clock.now();
            let version = operations::append(transaction, operation, former, at)?;
            let value = body(&WriteTransaction { bookkeeping: bookkeeping(transaction), version, at })?;
            Ok::<_, E>(Committed { value, version })
        })?;
        if let Some(acknowledged) = &self.acknowledged {
            acknowledged.note(committed.version);
        }
        Ok(committed)
    }

    /// Runs `body` in one write transaction that leaves the generation and the operation log as they are.
    ///
    /// # Errors
    /// As [`Store::write`].
    ///
    /// # Durability
    /// As [`Store::write`].
    pub fn write_bookkeeping<T, E: WriteError>(
        &self,
        body: impl FnOnce(&BookkeepingTransaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.commit(|transaction| body(&bookkeeping(transaction)))
    }

    fn commit<T, E: WriteError>(&self, body: impl FnOnce(&Transaction<'_>) -> Result<T, E>) -> Result<T, E> {
        let writer = self.writer.as_ref().ok_or(StorageError::ReadOnly)?;
        self.refuse_damaged()?;
        let mut connection = lock(writer);
        self.in_place()?;
        self.refuse_cut_off()?;
        self.refuse_cut_log(&connection)?;
        let committed = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| StorageError::from(error).into())
            .and_then(|transaction| {
                let value = body(&transaction)?;
                // Looked at again: `body` may have taken long.
                self.in_place()?;
                self.refuse_cut_off()?;
                transaction.commit().map_err(StorageError::from)?;
                Ok(value)
            });
        let committed = self.noted(committed).map_err(|error: E| error.at(&self.path))?;
        self.checkpoint(&connection);
        Ok(committed)
    }
}

fn bookkeeping<'c>(transaction: &'c Transaction<'_>) -> BookkeepingTransaction<'c> {
    BookkeepingTransaction { read: ReadTransaction { connection: transaction } }
}

impl<'c> Deref for WriteTransaction<'c> {
    type Target = BookkeepingTransaction<'c>;

    fn deref(&self) -> &Self::Target {
        &self.bookkeeping
    }
}

impl<'c> Deref for BookkeepingTransaction<'c> {
    type Target = ReadTransaction<'c>;

    fn deref(&self) -> &Self::Target {
        &self.read
    }
}
