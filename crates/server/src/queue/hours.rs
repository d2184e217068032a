//! Working hours: whether a queue is open at a moment, and when it opens next.
//!
//! Hours are those that the clock on the wall shows: in the hour that it repeats, it shows them twice.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::settings::{Hours, Span};
use crate::clock::Millis;
use crate::time;

/// An opening further away is none.
const DAYS_AHEAD: usize = 400;
pub const MINUTES_OF_DAY: u16 = 24 * 60;

/// The zone that the hours are in: their own, else the installation's.
pub fn zone(hours: &Hours, installation: &TimeZone) -> TimeZone {
    let own = hours.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok());
    own.unwrap_or_else(|| installation.clone())
}

/// Without hours it is always open.
pub fn is_open(hours: Option<&Hours>, at: Millis, installation: &TimeZone) -> bool {
    let Some(hours) = hours else { return true };
    let Ok(at) = Timestamp::from_millisecond(at) else { return false };
    shows_open(hours, at, &zone(hours, installation))
}

/// This moment when it is open; none when it does not open in more than a year.
pub fn opens_at(hours: Option<&Hours>, at: Millis, installation: &TimeZone) -> Option<Millis> {
    let Some(hours) = hours else { return Some(at) };
    if is_open(Some(hours), at, installation) {
        return Some(at);
    }
    let zone = zone(hours, installation);
    let now = Timestamp::from_millisecond(at).ok()?;
    let today = now.to_zoned(zone.clone()).date();
    let span = today.series(1.day()).take(DAYS_AHEAD).find_map(|date| {
        let starts = spans(hours, date).iter().flat_map(|span| starts(date, *span, &zone));
        starts.filter(|start| *start > at && is_open(Some(hours), *start, installation)).min()
    })?;
    // A clock that is put back can open what it has closed.
    let jumps = zone.following(now).map(|jump| jump.timestamp().as_millisecond());
    let jump = jumps
        .take_while(|jump| *jump < span)
        .find(|jump| is_open(Some(hours), *jump, installation));
    Some(jump.unwrap_or(span))
}

/// The moments at which a span may begin: a time that the clock skips begins when it jumps, one that it repeats twice.
fn starts(date: Date, span: Span, zone: &TimeZone) -> Vec<Millis> {
    let minute = i8::try_from(span.from_minute % 60).unwrap_or(0);
    let hour = i8::try_from(span.from_minute / 60).unwrap_or(0);
    let Ok(local) = Time::new(hour, minute, 0, 0).map(|time| date.to_datetime(time)) else {
        return Vec::new();
    };
    let again = zone.to_ambiguous_timestamp(local).later().map(Timestamp::as_millisecond);
    time::first(local, zone).into_iter().chain(again).collect()
}

fn shows_open(hours: &Hours, at: Timestamp, zone: &TimeZone) -> bool {
    let local = at.to_zoned(zone.clone()).datetime();
    let minute =
        u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
    let since = |date: Date, minute: u16| {
        spans(hours, date).iter().any(|span| (span.from_minute..span.end()).contains(&minute))
    };
    since(local.date(), minute)
        || local.date().yesterday().is_ok_and(|date| since(date, minute + MINUTES_OF_DAY))
}

fn spans(hours: &Hours, date: Date) -> &[Span] {
    let shown = date.to_string();
    if let Some(day) = hours.special_days.iter().find(|day| day.date == shown) {
        return &day.spans;
    }
    if hours.has_polish_holidays && is_polish_holiday(date) {
        return &[];
    }
    &hours.week[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())]
}

/// By the law on days free from work; 24 December since 2025.
pub fn is_polish_holiday(date: Date) -> bool {
    let is_fixed = match (date.month(), date.day()) {
        (1, 1 | 6) | (5, 1 | 3) | (8, 15) | (11, 1 | 11) | (12, 25 | 26) => true,
        (12, 24) => date.year() >= 2025,
        _ => false,
    };
    let easter = easter(date.year());
    // Easter, its Monday, Pentecost, Corpus Christi.
    let after = |days: i64| easter.checked_add(days.days()).is_ok_and(|day| day == date);
    is_fixed || [0, 1, 49, 60].into_iter().any(after)
}

/// Sunday of Easter by the Gregorian calendar: the anonymous algorithm of 1876.
#[expect(clippy::many_single_char_names, reason = "they are the algorithm's own")]
fn easter(year: i16) -> Date {
    let year = i32::from(year);
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (b - (b + 8) / 25 + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let l = (32 + 2 * e + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    let part = |number: i32| i8::try_from(number).unwrap_or(1);
    Date::new(i16::try_from(year).unwrap_or(1), part(n / 31), part(n % 31 + 1)).unwrap_or(Date::MIN)
}

#[cfg(test)]
mod tests {
    use super::super::settings::SpecialDay;
    use super::*;
    use crate::time::{Bound, parse};

    fn warsaw() -> TimeZone {
        TimeZone::get("Europe/Warsaw").expect("the zones are built in")
    }

    fn at(text: &str) -> Millis {
        parse(text, Bound::From, &warsaw()).expect("a time")
    }

    fn span(from_minute: u16, until_minute: u16) -> Span {
        Span { from_minute, until_minute }
    }

    /// Monday to Friday from 9 to 17.
    fn office() -> Hours {
        let mut week: [Vec<Span>; 7] = Default::default();
        week[..5].fill(vec![span(540, 1020)]);
        Hours { week, time_zone: None, special_days: Vec::new(), has_polish_holidays: true }
    }

    fn every_day(from_minute: u16, until_minute: u16) -> Hours {
        let week = std::array::from_fn(|_| vec![span(from_minute, until_minute)]);
        Hours { week, has_polish_holidays: false, ..office() }
    }

    #[test]
    fn a_week_is_open_when_it_says_so() {
        let hours = office();
        for (text, is, opens) in [
            ("2026-06-01 08:59:59", false, "2026-06-01 09:00"),
            ("2026-06-01 09:00", true, "2026-06-01 09:00"),
            ("2026-06-01 16:59:59", true, "2026-06-01 16:59:59"),
            ("2026-06-01 17:00", false, "2026-06-02 09:00"),
            // Corpus Christi is on Thursday.
            ("2026-06-03 17:00", false, "2026-06-05 09:00"),
            ("2026-06-04 12:00", false, "2026-06-05 09:00"),
            ("2026-06-05 17:00", false, "2026-06-08 09:00"),
            // Christmas Eve is on Thursday, the second day of Christmas on Saturday.
            ("2026-12-23 17:00", false, "2026-12-28 09:00"),
            ("2024-12-24 12:00", true, "2024-12-24 12:00"),
            // Easter Monday.
            ("2026-04-06 12:00", false, "2026-04-07 09:00"),
        ] {
            assert_eq!(is_open(Some(&hours), at(text), &warsaw()), is, "{text}");
            assert_eq!(opens_at(Some(&hours), at(text), &warsaw()), Some(at(opens)), "{text}");
        }
        assert!(is_open(None, at("2026-12-25"), &warsaw()));
    }

    #[test]
    fn a_special_day_is_as_it_says_whatever_else_it_is() {
        let mut hours = office();
        let day = |date: &str, spans: Vec<Span>| SpecialDay {
            date: date.to_owned(),
            name: String::new(),
            spans,
        };
        hours.special_days = vec![
            day("2026-12-24", vec![span(600, 660), span(720, 780)]),
            day("2026-12-23", Vec::new()),
        ];
        for (text, opens) in [
            ("2026-12-22 17:00", "2026-12-24 10:00"),
            ("2026-12-24 11:30", "2026-12-24 12:00"),
            ("2026-12-24 13:00", "2026-12-28 09:00"),
        ] {
            assert_eq!(opens_at(Some(&hours), at(text), &warsaw()), Some(at(opens)), "{text}");
        }
    }

    #[test]
    fn clocks_that_jump_are_followed() {
        // 2:30 is skipped on 29 March 2026, and shown twice on 25 October.
        let skipped = every_day(150, 240);
        assert_eq!(
            opens_at(Some(&skipped), at("2026-03-29 01:00"), &warsaw()),
            Some(at("2026-03-29 03:00"))
        );
        let wholly_skipped = every_day(130, 170);
        assert_eq!(
            opens_at(Some(&wholly_skipped), at("2026-03-29 01:00"), &warsaw()),
            Some(at("2026-03-30 02:10"))
        );
        let repeated = every_day(150, 165);
        let first = at("2026-10-25 02:30");
        for (from, opens) in [
            (at("2026-10-25 01:00"), first),
            (first + 15 * 60_000, first + 3_600_000),
            (first + 75 * 60_000, at("2026-10-26 02:30")),
        ] {
            assert_eq!(opens_at(Some(&repeated), from, &warsaw()), Some(opens));
        }
        // A working day is as long as ever.
        let day = every_day(540, 1020);
        for date in ["2026-03-29", "2026-10-25"] {
            assert!(is_open(Some(&day), at(&format!("{date} 09:00")), &warsaw()), "{date}");
            assert!(!is_open(Some(&day), at(&format!("{date} 17:00")), &warsaw()), "{date}");
        }
    }

    #[test]
    fn hours_are_of_their_own_zone() {
        let hours =
            Hours { time_zone: Some("America/New_York".to_owned()), ..every_day(540, 1020) };
        assert!(!is_open(Some(&hours), at("2026-06-01 12:00"), &warsaw()));
        assert_eq!(
            opens_at(Some(&hours), at("2026-06-01 12:00"), &warsaw()),
            Some(at("2026-06-01 15:00"))
        );
    }

    #[test]
    fn what_never_opens_says_so_and_all_day_is_all_day() {
        let never = Hours { week: Default::default(), ..office() };
        assert_eq!(opens_at(Some(&never), at("2026-06-01"), &warsaw()), None);
        for always in [every_day(0, MINUTES_OF_DAY), every_day(0, 0), every_day(540, 540)] {
            for minute in 0..(3 * 24 * 60) {
                assert!(is_open(Some(&always), at("2026-10-24") + minute * 60_000, &warsaw()));
            }
        }
    }

    #[test]
    fn a_night_belongs_to_the_day_that_it_begins_on() {
        let mut hours = Hours { week: Default::default(), ..office() };
        // Friday from 22 to 6.
        hours.week[4] = vec![span(1320, 360)];
        for (text, opens) in [
            ("2026-06-12 05:59", "2026-06-12 22:00"),
            ("2026-06-12 22:00", "2026-06-12 22:00"),
            ("2026-06-13 05:59", "2026-06-13 05:59"),
            ("2026-06-13 06:00", "2026-06-19 22:00"),
            // A holiday that follows does not cut it off; on one none begins.
            ("2026-05-01 22:00", "2026-05-08 22:00"),
            ("2026-08-15 03:00", "2026-08-15 03:00"),
        ] {
            assert_eq!(opens_at(Some(&hours), at(text), &warsaw()), Some(at(opens)), "{text}");
        }
    }

    /// The next opening, found minute by minute.
    #[test]
    fn the_next_opening_is_what_a_patient_look_finds() {
        let mut hours = office();
        hours.week[5] = vec![span(0, 30), span(135, 150), span(1410, 1440)];
        hours.week[2] = vec![span(1380, 200)];
        // The clock jumps on Sundays.
        let sundays = [vec![span(0, 15), span(125, 185)], vec![span(0, 15), span(100, 150)]];
        let starts = ["2026-03-27 00:00", "2026-10-23 00:00", "2026-04-03 00:00"];
        for (sunday, start) in sundays.iter().flat_map(|sunday| starts.map(|start| (sunday, start)))
        {
            hours.week[6].clone_from(sunday);
            for step in (0..(5 * 24 * 60)).step_by(17) {
                let from = at(start) + step * 60_000;
                let patient = (0..).map(|minute| from + minute * 60_000);
                let found = patient.clone().find(|at| is_open(Some(&hours), *at, &warsaw()));
                assert_eq!(opens_at(Some(&hours), from, &warsaw()), found, "{start} {step}");
            }
        }
    }

    #[test]
    fn easter_is_when_it_was_and_will_be() {
        for date in [
            "2000-04-23",
            "2008-03-23",
            "2011-04-24",
            "2024-03-31",
            "2025-04-20",
            "2026-04-05",
            "2038-04-25",
            "2285-03-22",
        ] {
            let date: Date = date.parse().expect("a date");
            assert_eq!(easter(date.year()), date);
        }
        let holidays = |year: i16| {
            let first = Date::new(year, 1, 1).expect("a date");
            first
                .series(1.day())
                .take_while(|date| date.year() == year)
                .filter(|date| is_polish_holiday(*date))
                .count()
        };
        assert_eq!((holidays(2024), holidays(2026)), (13, 14));
    }
}
