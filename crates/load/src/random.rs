//! A random source that a printed seed replays (`SplitMix64`).

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Seeded by the operating system, for what need not be replayed.
    pub fn from_system() -> Self {
        // The hasher's keys are the only randomness that the standard library hands out.
        Self(RandomState::new().hash_one(0_u64))
    }

    /// A source of its own, so that what one worker draws does not move what another draws.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.draw())
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `bound - 1`. The bias of the remainder is far below what these tools could notice.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }

    pub fn index(&mut self, length: usize) -> usize {
        let bound = u64::try_from(length).expect("a length fits 64 bits");
        usize::try_from(self.below(bound)).expect("below a length")
    }

    /// From `from` up to but not including `to`.
    pub fn millis_between(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays() {
        let mut one = Random::new(7);
        let mut two = Random::new(7);
        assert_eq!(
            (one.draw(), one.below(10), one.index(3)),
            (two.draw(), two.below(10), two.index(3))
        );
        assert_ne!(Random::new(7).draw(), Random::new(8).draw());
    }

    #[test]
    fn bounds_hold() {
        let mut random = Random::new(1);
        for _ in 0..1_000 {
            assert!(random.below(5) < 5);
            let time = random.millis_between(200, 1_000).as_millis();
            assert!((200..1_000).contains(&time));
        }
    }
}
