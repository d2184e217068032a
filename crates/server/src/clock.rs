//! Time, ids and randomness, from one place that is passed in: a test holds the clock and replays a seed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use uuid::Uuid;

/// Epoch milliseconds.
pub type Millis = i64;

const LONGEST_SLEEP: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub enum Clock {
    System,
    /// Stands until a test moves it.
    Held(Arc<watch::Sender<Millis>>),
}

impl Clock {
    pub fn held_at(at: Millis) -> Self {
        Self::Held(Arc::new(watch::Sender::new(at)))
    }

    pub fn now(&self) -> Millis {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the clock")]
            Self::System => SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            Self::Held(at) => *at.borrow(),
        }
    }

    /// Moves a held clock; the system's goes its own way.
    pub fn advance(&self, by: Millis) {
        if let Self::Held(at) = self {
            at.send_modify(|at| *at += by);
        }
    }

    /// Returns at that moment or later: a held clock's, when it is moved there.
    pub async fn sleep_until(&self, at: Millis) {
        match self {
            Self::System => {
                // In slices, so that a clock that is set meanwhile is noticed.
                while let left @ 1.. = at - self.now() {
                    let slice = Duration::from_millis(left.unsigned_abs());
                    tokio::time::sleep(slice.min(LONGEST_SLEEP)).await;
                }
            }
            Self::Held(held) => {
                let _ = held.subscribe().wait_for(|now| *now >= at).await;
            }
        }
    }
}

/// Makes ids. One a process.
#[derive(Debug)]
pub struct Ids(Mutex<State>);

#[derive(Debug)]
struct State {
    rng: StdRng,
    /// Milliseconds and the 12-bit count within them, as one number that only grows.
    last: u64,
}

impl Ids {
    #[expect(clippy::disallowed_methods, reason = "this is the source of randomness")]
    pub fn from_system() -> Self {
        Self::new(rand::make_rng())
    }

    pub fn from_seed(seed: u64) -> Self {
        Self::new(StdRng::seed_from_u64(seed))
    }

    fn new(rng: StdRng) -> Self {
        Self(Mutex::new(State { rng, last: 0 }))
    }

    /// A UUID v7 greater than every one before it, also when the clock goes back or many are made in a millisecond:
    /// rows keyed by it are appended, never inserted in between.
    pub fn v7(&self, now: Millis) -> Uuid {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = u64::try_from(now).unwrap_or(0) << 12;
        state.last = now.max(state.last + 1);
        let (time, count) = (u128::from(state.last >> 12), u128::from(state.last & 0xfff));
        let random = u128::from(state.rng.next_u64() >> 2);
        Uuid::from_u128(time << 80 | 0x7 << 76 | count << 64 | 0b10 << 62 | random)
    }

    /// Evenly from 0 up to, but not, 1.
    pub fn fraction(&self) -> f64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let bits = (state.rng.next_u64() >> 11) as f64;
        bits / 9_007_199_254_740_992.0
    }

    /// 13 hex digits.
    pub fn request_id(&self) -> String {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        format!("{:013x}", state.rng.next_u64() >> 12)
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).rng.fill_bytes(&mut bytes);
        bytes
    }
}

/// When a v7 id was made.
pub fn made_at(id: &Uuid) -> Millis {
    i64::try_from(id.as_u128() >> 80).expect("48 bits fit")
}

/// The smallest id of a moment: ids made then or later are not below it.
pub fn first_id_at(at: Millis) -> Uuid {
    Uuid::from_u128(u128::from(u64::try_from(at).unwrap_or(0) & 0xffff_ffff_ffff) << 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_only_grow_even_when_the_clock_goes_back() {
        let ids = Ids::from_seed(1);
        let mut last = Uuid::nil();
        for step in 0..10_000 {
            let id = ids.v7(1_700_000_000_000 - step / 100);
            assert!(id > last && id.get_version_num() == 7);
            last = id;
        }
    }

    #[test]
    fn an_id_says_when_it_was_made() {
        let id = Ids::from_seed(2).v7(1_512_984_204_318);
        assert_eq!(made_at(&id), 1_512_984_204_318);
        assert!(first_id_at(1_512_984_204_318) <= id && id < first_id_at(1_512_984_204_319));
    }
}
