//! Gives who waits to who is free, as soon as either comes.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use crate::app::App;

/// Queues in which something has changed.
#[derive(Default)]
pub struct Pending {
    queues: Mutex<BTreeSet<Option<i64>>>,
    bell: Notify,
}

impl Pending {
    /// None: every queue.
    pub fn add(&self, queue: Option<i64>) {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).insert(queue);
        self.bell.notify_one();
    }

    fn take(&self) -> BTreeSet<Option<i64>> {
        std::mem::take(&mut self.queues.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Until it is told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = app.to_route.bell.notified() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let _ = app.to_route.take();
    }
}
