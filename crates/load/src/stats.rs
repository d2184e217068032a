//! Medians, percentiles and counts as numbers.

/// # Panics
/// When there is nothing to take the median of.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

/// The value at or below which `permille` thousandths of the sorted values lie (nearest rank).
///
/// # Panics
/// When there are no values.
pub fn percentile(sorted: &[u32], permille: usize) -> u32 {
    let rank = (sorted.len() * permille).div_ceil(1_000).max(1);
    sorted[rank - 1]
}

/// A count for arithmetic.
pub fn number(count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "what is counted here stays far below 2^52")]
    let number = count as f64;
    number
}

/// Microseconds as milliseconds.
pub fn millis(micros: u32) -> f64 {
    f64::from(micros) / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-9, "{left} is not {right}");
    }

    #[test]
    fn medians() {
        assert_close(median(&[3.0]), 3.0);
        assert_close(median(&[9.0, 1.0, 5.0]), 5.0);
        assert_close(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let sorted: Vec<u32> = (1..=100).collect();
        assert_eq!(percentile(&sorted, 500), 50);
        assert_eq!(percentile(&sorted, 990), 99);
        assert_eq!(percentile(&sorted, 1_000), 100);
        assert_eq!(percentile(&sorted, 0), 1);
        assert_eq!(percentile(&[7], 990), 7);
        assert_eq!(percentile(&[1, 2, 3], 990), 3);
    }
}
