//! How much somebody may send: a bucket that fills steadily.

use std::time::{Duration, Instant};

#[derive(Debug)]
pub struct Bucket {
    tokens: f32,
    since: Instant,
    per_second: f32,
    most: f32,
}

impl Bucket {
    /// Full at first.
    pub fn new(per_second: f32, most: f32) -> Self {
        Self { tokens: most, since: Instant::now(), per_second, most }
    }

    /// Takes one, or says when there is one.
    pub fn take(&mut self) -> Result<(), Duration> {
        let now = Instant::now();
        let more = (now - self.since).as_secs_f32() * self.per_second;
        self.since = now;
        self.tokens = (self.tokens + more).min(self.most);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            Ok(())
        } else {
            Err(Duration::from_secs_f32((1.0 - self.tokens) / self.per_second))
        }
    }
}
