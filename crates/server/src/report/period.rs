//! Periods of local time: where they begin and end in a zone whose clocks change.
//!
//! A period is what the clock on the wall shows. The hour that clocks repeat in autumn is one period, though its two halves may lie apart;
//! the hour that they skip in spring has nothing in it.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::clock::Millis;
use crate::http::params::Named;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Aggregation {
    /// Of all days together.
    HourOfDay,
    Minute,
    Hour,
    Day,
    /// From Monday on.
    Week,
    #[default]
    Month,
    Year,
}

impl Named for Aggregation {
    const ALL: &[Self] = &[
        Self::HourOfDay,
        Self::Minute,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Year,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::HourOfDay => "hour_of_day",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

impl Aggregation {
    /// How the period that begins then is called.
    pub fn series(self, begin: DateTime) -> String {
        let pattern = match self {
            Self::HourOfDay => "%H",
            Self::Minute => "%Y-%m-%d %H:%M",
            Self::Hour => "%Y-%m-%d %H",
            Self::Day => "%Y-%m-%d",
            // A week belongs to the year in which its Thursday is.
            Self::Week => "%G-W%V",
            Self::Month => "%Y-%m",
            Self::Year => "%Y",
        };
        begin.strftime(pattern).to_string()
    }

    /// The period of a local time, and the first local time behind it. None at the end of all time.
    fn around(self, local: DateTime) -> Option<(DateTime, DateTime)> {
        let date = local.date();
        let begin = match self {
            Self::HourOfDay | Self::Hour => date.at(local.hour(), 0, 0, 0),
            Self::Minute => date.at(local.hour(), local.minute(), 0, 0),
            Self::Day => midnight(date),
            Self::Week => {
                let days = i64::from(date.weekday().to_monday_zero_offset());
                midnight(date.checked_sub(days.days()).ok()?)
            }
            Self::Month => midnight(date.first_of_month()),
            Self::Year => midnight(date.first_of_year()),
        };
        let length = match self {
            Self::HourOfDay | Self::Hour => 1.hour(),
            Self::Minute => 1.minute(),
            Self::Day => 1.day(),
            Self::Week => 1.week(),
            Self::Month => 1.month(),
            Self::Year => 1.year(),
        };
        Some((begin, begin.checked_add(length).ok()?))
    }
}

fn midnight(date: Date) -> DateTime {
    date.at(0, 0, 0, 0)
}

/// A stretch of time within one period and without a change of the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// When the period begins, as the clock shows it; of an hour of the day only the hour means something.
    pub begin: DateTime,
    /// The first moment behind the stretch.
    pub until: Millis,
    /// From this moment on nothing is in the period any more.
    pub over_at: Millis,
}

impl Stretch {
    /// The one in which a moment is.
    pub fn around(at: Millis, by: Aggregation, zone: &TimeZone) -> Self {
        Self::find(at, by, zone).unwrap_or(Self {
            begin: DateTime::MAX,
            until: Millis::MAX,
            over_at: Millis::MAX,
        })
    }

    fn find(at: Millis, by: Aggregation, zone: &TimeZone) -> Option<Self> {
        let moment = Timestamp::from_millisecond(at).ok()?;
        let local = zone.to_offset(moment).to_datetime(moment);
        let (begin, end) = by.around(local)?;
        // Until the clocks change, the time they show runs like any other.
        let left = end.duration_since(local).as_millis();
        let left = Millis::try_from(left).ok()?;
        let change = zone.following(moment).next();
        let change = change.map_or(Millis::MAX, |change| change.timestamp().as_millisecond());
        let over_at = if by == Aggregation::HourOfDay {
            Millis::MAX
        } else {
            let end = zone.to_ambiguous_timestamp(end);
            let moments = [end.earlier().ok()?, end.later().ok()?];
            moments.map(Timestamp::as_millisecond).into_iter().max()?
        };
        let begin = match by {
            Aggregation::HourOfDay => Date::constant(2000, 1, 1).at(begin.hour(), 0, 0, 0),
            _ => begin,
        };
        Some(Self { begin, until: (at + left).min(change), over_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Bound, parse};

    fn warsaw() -> TimeZone {
        TimeZone::get("Europe/Warsaw").expect("the zones are built in")
    }

    fn at(text: &str) -> Millis {
        parse(text, Bound::From, &warsaw()).expect("a time")
    }

    #[test]
    fn periods_have_the_documented_names() {
        // A Saturday; and days of which the week is another year's.
        for (by, text, series) in [
            (Aggregation::HourOfDay, "2021-12-04 09:05", "09"),
            (Aggregation::Minute, "2021-12-01 13:05:59", "2021-12-01 13:05"),
            (Aggregation::Hour, "2021-12-01 13:05", "2021-12-01 13"),
            (Aggregation::Day, "2021-12-01 13:05", "2021-12-01"),
            (Aggregation::Week, "2021-12-01 13:05", "2021-W48"),
            (Aggregation::Week, "2021-01-03", "2020-W53"),
            (Aggregation::Week, "2019-12-30", "2020-W01"),
            (Aggregation::Month, "2021-12-31 23:59:59", "2021-12"),
            (Aggregation::Year, "2021-12-31 23:59:59", "2021"),
        ] {
            let stretch = Stretch::around(at(text), by, &warsaw());
            assert_eq!(by.series(stretch.begin), series, "{text}");
        }
    }

    #[test]
    fn a_stretch_ends_with_its_period_or_where_the_clocks_change() {
        let (zone, hour) = (warsaw(), 3_600_000);
        let day = |text| Stretch::around(at(text), Aggregation::Day, &zone);
        // In spring the day has 23 hours, in autumn 25.
        let spring = day("2026-03-29");
        assert_eq!(spring.until - at("2026-03-29"), 2 * hour);
        assert_eq!(spring.over_at - at("2026-03-29"), 23 * hour);
        assert_eq!(day("2026-03-29 03:00").until, spring.over_at);
        let autumn = day("2026-10-25");
        assert_eq!(autumn.until - at("2026-10-25"), 3 * hour);
        assert_eq!(autumn.over_at - at("2026-10-25"), 25 * hour);
        assert_eq!(day("2026-10-25 03:00").until, autumn.over_at);
    }

    #[test]
    fn the_repeated_hour_is_one_period_until_its_second_half_is_over() {
        let (zone, minute) = (warsaw(), 60_000);
        let first = at("2026-10-25 02:30");
        let [early, late] =
            [first, first + 60 * minute].map(|at| Stretch::around(at, Aggregation::Minute, &zone));
        assert_eq!(early.begin, late.begin);
        assert_eq!((early.until, late.until), (first + minute, first + 61 * minute));
        assert_eq!((early.over_at, late.over_at), (first + 61 * minute, first + 61 * minute));
        let before = Stretch::around(first - 31 * minute, Aggregation::Hour, &zone);
        assert!(before.over_at <= at("2026-10-25 02:00") + 60 * minute, "nothing waits for long");
    }

    #[test]
    fn stretches_follow_each_other_without_a_gap() {
        // Clocks that go back at midnight, by half an hour, and a day that was skipped.
        for zone in ["Europe/Warsaw", "America/Havana", "Australia/Lord_Howe", "Pacific/Apia"] {
            let zone = TimeZone::get(zone).expect("the zones are built in");
            for by in Aggregation::ALL {
                let (from, until) = (1_324_500_000_000, 1_325_500_000_000);
                let mut at = from;
                let mut steps = 0;
                while at < until && steps < 3_000 {
                    let stretch = Stretch::around(at, *by, &zone);
                    assert!(stretch.until > at && stretch.over_at >= stretch.until);
                    assert_eq!(Stretch::around(stretch.until - 1, *by, &zone), stretch);
                    (at, steps) = (stretch.until, steps + 1);
                }
            }
        }
    }
}
