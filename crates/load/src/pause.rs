//! The one place that sleeps on a thread.

use std::{
    io, thread,
    time::{Duration, Instant},
};

#[expect(
    clippy::disallowed_methods,
    reason = "another process announces nothing; it can only be looked at, again and again"
)]
pub(crate) fn pause(time: Duration) {
    thread::sleep(time);
}

/// Looks every `every` until `look` finds something, for at most `limit`.
pub(crate) fn wait_until<T>(
    what: &str,
    limit: Duration,
    every: Duration,
    mut look: impl FnMut() -> io::Result<Option<T>>,
) -> io::Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if begun.elapsed() > limit {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("waited {} s in vain for {what}", limit.as_secs()),
            ));
        }
        pause(every);
    }
}
