//! How much one visitor or one address may do in a while. A flood is turned away before it costs anything, and nobody else
//! notices.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use uuid::Uuid;

use crate::agent::session::TokenHash;
use crate::http::{Code, Error, Fault};

/// Beyond this many, those who have not called for longest are forgotten.
const REMEMBERED_MAX: u64 = 100_000;
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// Of an address.
    Calls(IpAddr),
    /// With one token.
    CallsWith(TokenHash),
    /// In a conversation.
    Messages(Uuid),
    /// Conversations of a queue that an address opens.
    Opens(i64, IpAddr),
    /// E-mails that an agent sends to try them out.
    MailTests(i64),
}

/// So many at once, and then one each time so long has passed.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    burst: u32,
    every: Duration,
}

impl Rate {
    /// All of a minute's may come at once.
    pub fn per_minute(count: u32) -> Self {
        Self { burst: count.max(1), every: MINUTE / count.max(1) }
    }

    pub fn per_hour(count: u32) -> Self {
        Self { burst: count.max(1), every: HOUR / count.max(1) }
    }
}

pub struct Limits {
    started: Instant,
    /// When what was taken will have come back, counted from the start.
    taken_until: Cache<What, Arc<Mutex<Duration>>>,
}

impl Default for Limits {
    fn default() -> Self {
        let taken_until =
            Cache::builder().max_capacity(REMEMBERED_MAX).time_to_idle(HOUR * 2).build();
        Self { started: Instant::now(), taken_until }
    }
}

impl Limits {
    /// Takes one, or says when there will be one again.
    pub fn take(&self, what: What, rate: Rate) -> Result<(), Error> {
        let entry = self.taken_until.get_with(what, Arc::default);
        let mut until = entry.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.started.elapsed();
        let next = (*until).max(now) + rate.every;
        let most = now + rate.every * rate.burst;
        if next <= most {
            *until = next;
            return Ok(());
        }
        let seconds = next.saturating_sub(most).as_secs() + 1;
        let fault = Fault::new(Code::TooManyCalls).with("seconds", seconds);
        Err(Error::from(fault).retry_after(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_the_next_one_waits() {
        let limits = Limits::default();
        let [one, other] = [1, 2].map(|id| What::Messages(Uuid::from_u128(id)));
        for _ in 0..30 {
            limits.take(one, Rate::per_hour(30)).unwrap();
        }
        let refused = limits.take(one, Rate::per_hour(30)).unwrap_err();
        assert_eq!(refused.faults()[0].code, Code::TooManyCalls);
        limits.take(other, Rate::per_hour(30)).unwrap();
    }
}
