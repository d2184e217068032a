//! Pages of lists.

use super::params::Count;

/// The largest page. A shorter one of conversations repeats its last id in the list of 100 that is asked for.
pub const PAGE_MAX: i64 = 100;

/// How many a page has: as many as were asked for, or the most.
pub fn limit(given: Option<Count>) -> i64 {
    limit_to(given, PAGE_MAX)
}

/// The same of a list whose pages may be longer.
pub fn limit_to(given: Option<Count>, most: i64) -> i64 {
    given.map_or(PAGE_MAX, |limit| limit.0.min(most))
}

/// A page, and whether there is another one behind it. One more than the limit has to be asked for, to know.
pub fn cut<T>(mut found: Vec<T>, limit: i64) -> (Vec<T>, bool) {
    let limit = usize::try_from(limit).unwrap_or_default();
    // A page of nothing has no last one to go on from.
    let has_more = found.len() > limit && limit > 0;
    found.truncate(limit);
    (found, has_more)
}
