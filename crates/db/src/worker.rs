//! What both engines' threads have in common: a queue that has a bound and an end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, TrySendError};

use crate::{Error, Published, Sink};

/// Queues a job, if there is room and the store is open. Jobs that are queued are run, also while it closes.
pub(crate) fn submit<T>(queue: &RwLock<Option<Sender<T>>>, job: T) -> Result<(), Error> {
    let queue = queue.read().unwrap_or_else(PoisonError::into_inner);
    let queue = queue.as_ref().ok_or(Error::Closed)?;
    queue.try_send(job).map_err(|error| match error {
        TrySendError::Full(_) => Error::Overloaded,
        TrySendError::Disconnected(_) => Error::Closed,
    })
}

/// Takes no more jobs. Threads end when they have done those that are queued.
pub(crate) fn close<T>(queue: &RwLock<Option<Sender<T>>>) {
    queue.write().unwrap_or_else(PoisonError::into_inner).take();
}

/// What the threads leave behind when they have ended, in their order.
pub(crate) fn join<T>(threads: &Mutex<Vec<JoinHandle<T>>>) -> Vec<T> {
    let mut threads = threads.lock().unwrap_or_else(PoisonError::into_inner);
    threads.drain(..).filter_map(|thread| thread.join().ok()).collect()
}

/// Hands on what was committed. A listener that panics is no reason for the store to stop.
pub(crate) fn publish(sink: &Sink, published: Vec<Published>) {
    if published.is_empty() {
        return;
    }
    if catch_unwind(AssertUnwindSafe(|| sink(published))).is_err() {
        tracing::error!("a listener panicked over what was published");
    }
}
