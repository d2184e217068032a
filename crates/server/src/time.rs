//! Times on the wire: naive local time of the installation's zone.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::clock::Millis;

/// `2017-12-11 10:23:04.318`, as chats show it.
pub fn with_millis(at: Millis, zone: &TimeZone) -> String {
    format(at, zone, "%Y-%m-%d %H:%M:%S%.3f")
}

/// `2016-04-20 09:46:24`, as webhooks and agents' statuses show it.
pub fn with_seconds(at: Millis, zone: &TimeZone) -> String {
    format(at, zone, "%Y-%m-%d %H:%M:%S")
}

/// `2016-04-20T07:46:24Z`, for what is kept.
pub fn in_utc(at: Millis) -> String {
    Timestamp::from_millisecond(at).map(|at| at.to_string()).unwrap_or_default()
}

/// `2016-04-20T09:46:24.318+02:00`, for those who read times without knowing the zone.
pub fn with_offset(at: Millis, zone: &TimeZone) -> String {
    format(at, zone, "%Y-%m-%dT%H:%M:%S%.3f%:z")
}

/// When the day of a moment has begun.
pub fn midnight(at: Millis, zone: &TimeZone) -> Millis {
    let day = Timestamp::from_millisecond(at).map(|at| at.to_zoned(zone.clone()).date());
    day.ok().and_then(|day| first(day.to_datetime(Time::midnight()), zone)).unwrap_or(at)
}

fn format(at: Millis, zone: &TimeZone, pattern: &str) -> String {
    Timestamp::from_millisecond(at)
        .map(|at| at.to_zoned(zone.clone()).strftime(pattern).to_string())
        .unwrap_or_default()
}

/// Which moment of an interval a given time stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The first millisecond that it can mean.
    From,
    /// The first millisecond after all that it can mean: the end of that day, minute, second or millisecond.
    /// In the hour that the clocks repeat, the later one.
    Until,
}

/// Reads `2014-07-04`, `2014-07-14 12:34`, `2014-07-14 12:34:56` and `2014-07-14 12:34:56.789`.
pub fn parse(text: &str, bound: Bound, zone: &TimeZone) -> Option<Millis> {
    // The pattern language is lenient about digits; the documented forms are not.
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let (start, length) = match (text.len(), digits) {
        (10, 8) => {
            let date = Date::strptime("%Y-%m-%d", text).ok()?;
            return match (bound, date.tomorrow()) {
                (Bound::From, _) => first(date.to_datetime(Time::midnight()), zone),
                (Bound::Until, Ok(next)) => first(next.to_datetime(Time::midnight()), zone),
                // The last day of all.
                (Bound::Until, Err(_)) => Some(Timestamp::MAX.as_millisecond()),
            };
        }
        (16, 12) => (DateTime::strptime("%Y-%m-%d %H:%M", text).ok()?, 60_000),
        (19, 14) => (DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?, 1_000),
        (23, 17) => (DateTime::strptime("%Y-%m-%d %H:%M:%S%.f", text).ok()?, 1),
        _ => return None,
    };
    match bound {
        Bound::From => first(start, zone),
        Bound::Until => {
            let ambiguous = zone.to_ambiguous_timestamp(start);
            // A time that the clocks skip has no length.
            if matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
                return first(start, zone);
            }
            Some(ambiguous.later().map_or(Timestamp::MAX, |at| at).as_millisecond() + length)
        }
    }
}

/// The first moment that a local time can mean; one that the clocks skip means the moment of the jump.
pub fn first(local: DateTime, zone: &TimeZone) -> Option<Millis> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let is_skipped = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    let at = ambiguous.earlier().unwrap_or(Timestamp::MAX);
    if is_skipped {
        return zone.following(at).next().map(|jump| jump.timestamp().as_millisecond());
    }
    Some(at.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warsaw() -> TimeZone {
        TimeZone::get("Europe/Warsaw").expect("the zones are built in")
    }

    #[test]
    fn the_documented_forms_are_read_and_others_are_not() {
        let zone = warsaw();
        let noon = parse("2014-07-14 12:34:56", Bound::From, &zone).unwrap();
        assert_eq!(with_millis(noon, &zone), "2014-07-14 12:34:56.000");
        assert_eq!(parse("2014-07-14 12:34", Bound::From, &zone), Some(noon - 56_000));
        for wrong in [
            "",
            "2014",
            "2014-7-4",
            "2014-02-30",
            "2014-07-14T12:34:56",
            "14.07.2014",
            "2014-07-14 25:00",
            "９２０１４-07-1",
        ] {
            assert_eq!(parse(wrong, Bound::From, &zone), None, "{wrong}");
        }
    }

    #[test]
    fn a_date_as_upper_bound_includes_its_day() {
        let zone = warsaw();
        let day = |bound| parse("2026-10-25", bound, &zone).unwrap();
        // The day on which Poland's clocks go back has 25 hours.
        assert_eq!(day(Bound::Until) - day(Bound::From), 25 * 3_600_000);
    }

    #[test]
    fn the_repeated_hour_is_taken_whole() {
        let zone = warsaw();
        let from = parse("2026-10-25 02:30", Bound::From, &zone).unwrap();
        let until = parse("2026-10-25 02:30", Bound::Until, &zone).unwrap();
        assert_eq!(until - from, 3_600_000 + 60_000);
        assert_eq!(with_millis(from, &zone), with_millis(from + 3_600_000, &zone));
    }

    #[test]
    fn the_skipped_hour_still_means_a_moment() {
        let zone = warsaw();
        assert!(parse("2026-03-29 02:30", Bound::From, &zone).is_some());
    }
}
