//! A call on its way through a store: the closure, what it gave, and whom to tell.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use crate::{Error, Tx};

/// What a store does with a closure, whatever its types.
pub(crate) trait Job: Send {
    /// Runs the closure once; may be called again after a conflict. Says whether its changes are to be kept.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    /// Replaces the result: the changes were not kept after all.
    fn fail(&mut self, error: &Error);
    /// Tells the caller. Only now, after commit, is anything told.
    fn answer(self: Box<Self>);
}

pub(crate) struct Call<F, T, E> {
    closure: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Call<F, T, E> {
    pub(crate) fn new(closure: F) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (Self { closure, result: None, reply }, answer)
    }
}

impl<F, T, E> Job for Call<F, T, E>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let result =
            catch_unwind(AssertUnwindSafe(|| (self.closure)(tx))).unwrap_or_else(|panic| {
                let message = panic
                    .downcast_ref::<&str>()
                    .map(|text| (*text).to_owned())
                    .or_else(|| panic.downcast_ref::<String>().cloned())
                    .unwrap_or_else(|| "no message".to_owned());
                Err(tx.fail(Error::Panicked(message)).into())
            });
        // A closure that swallowed a statement's error does not get its half of a transaction kept.
        let result = match tx.failure() {
            Some(error) => Err(E::from(error.clone())),
            None => result,
        };
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn fail(&mut self, error: &Error) {
        self.result = Some(Err(error.clone().into()));
    }

    fn answer(self: Box<Self>) {
        if let Some(result) = self.result {
            // The caller may have hung up; the change stands all the same.
            let _ = self.reply.send(result);
        }
    }
}
