//! Requests to the store: the work in a transaction, and what follows once that has ended.

use super::{Fault, StoreError, Transaction};

/// A request, whatever the type of its result.
pub(super) trait Request: Send {
    /// Does the work of the request. It is called once at most.
    fn work(&mut self, transaction: &mut Transaction<'_>) -> Result<(), Fault>;

    /// Hands the result over, or says why there is none.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A request as two functions.
pub(super) struct Call<T, W, D> {
    work: Option<W>,
    result: Option<T>,
    done: D,
}

impl<T, W, D> Call<T, W, D> {
    pub(super) fn new(work: W, done: D) -> Self
    where
        W: FnOnce(&mut Transaction<'_>) -> Result<T, Fault>,
        D: FnOnce(Result<T, StoreError>),
    {
        Call { work: Some(work), result: None, done }
    }
}

impl<T, W, D> Request for Call<T, W, D>
where
    T: Send,
    W: FnOnce(&mut Transaction<'_>) -> Result<T, Fault> + Send,
    D: FnOnce(Result<T, StoreError>) + Send,
{
    fn work(&mut self, transaction: &mut Transaction<'_>) -> Result<(), Fault> {
        if let Some(work) = self.work.take() {
            self.result = Some(work(transaction)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let Call { result, done, .. } = *self;
        done(committed.and_then(|()| result.ok_or(StoreError::Unavailable)));
    }
}
