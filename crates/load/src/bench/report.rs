//! The figures, their bars, and how both are shown.

use std::{fmt::Write, fs, io, path::Path};

use serde::{Deserialize, Serialize};

use crate::stats;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Figure {
    name: String,
    value: f64,
    unit: String,
    /// The least and the most that a run gave, when the value is the median of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    runs: Option<(f64, f64)>,
}

#[derive(Debug, Clone, Copy)]
enum Bar {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

/// Every bar that there is; docs/BENCHMARKS.md says what they mean.
const BARS: [(&str, Bar); 24] = [
    ("start_ratio", Bar::AtLeast(0.35)),
    ("start_ratio_keyed", Bar::AtLeast(0.25)),
    ("start_p99_ms", Bar::Below(20.0)),
    ("start_ratio_postgres", Bar::AtLeast(0.04)),
    ("start_growth", Bar::AtLeast(0.8)),
    ("deliveries_per_second", Bar::AtLeast(3_000.0)),
    ("deliveries_dead_cost", Bar::Below(0.1)),
    ("start_subscribed_cost", Bar::Below(0.25)),
    ("start_subscribed_cost_dead", Bar::Below(0.25)),
    ("chats_cursor_ratio", Bar::AtMost(3.0)),
    ("chats_count_ms", Bar::AtMost(150.0)),
    ("report_year_ms", Bar::Below(800.0)),
    ("customers_p99_ms", Bar::Below(10.0)),
    ("import_per_second", Bar::AtLeast(20_000.0)),
    ("start_ratio_importing", Bar::AtLeast(0.5)),
    ("idle_rss_mib", Bar::AtMost(30.0)),
    ("rss_after_100k_starts_mib", Bar::AtMost(120.0)),
    ("startup_ms", Bar::AtMost(300.0)),
    ("binary_mib", Bar::AtMost(25.0)),
    ("socket_kib_each", Bar::AtMost(8.0)),
    ("sockets_open_s", Bar::Below(20.0)),
    ("talk_p99_ms", Bar::Below(15.0)),
    ("messages_per_second", Bar::AtLeast(8_000.0)),
    ("assign_all_s", Bar::Below(3.0)),
];

impl Figure {
    fn spread(&self) -> String {
        self.runs.map_or_else(String::new, |(least, most)| {
            format!("{} to {}", shown(least), shown(most))
        })
    }
}

impl Bar {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
            Self::Below(bound) => value < bound,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {bound}"),
            Self::AtMost(bound) => format!("≤ {bound}"),
            Self::Below(bound) => format!("< {bound}"),
        }
    }
}

fn bar(name: &str) -> Option<Bar> {
    BARS.iter().find(|(of, _)| *of == name).map(|(_, bar)| *bar)
}

#[derive(Debug, Default)]
pub(super) struct Report {
    figures: Vec<Figure>,
}

impl Report {
    /// Adds a figure; `unit` is empty for a ratio.
    pub(super) fn add(&mut self, name: &str, value: f64, unit: &str) {
        self.push(Figure { name: name.to_owned(), value, unit: unit.to_owned(), runs: None });
    }

    /// Adds the median of runs, and how far they lie apart. Gives the median back.
    pub(super) fn add_median(&mut self, name: &str, values: &[f64], unit: &str) -> f64 {
        let value = stats::median(values);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let runs = (values.len() > 1).then_some((least, most));
        self.push(Figure { name: name.to_owned(), value, unit: unit.to_owned(), runs });
        value
    }

    fn push(&mut self, figure: Figure) {
        eprintln!("  {} {} {} {}", figure.name, shown(figure.value), figure.unit, figure.spread());
        self.figures.push(figure);
    }

    pub(super) fn all_hold(&self) -> bool {
        self.figures
            .iter()
            .all(|figure| bar(&figure.name).is_none_or(|bar| bar.holds(figure.value)))
    }

    /// With `keep`, figures that were not measured this time keep their last values.
    pub(super) fn write(&self, file: &Path, keep: bool) -> io::Result<()> {
        let mut figures: Vec<Figure> = match fs::read(file) {
            Ok(bytes) if keep => serde_json::from_slice(&bytes)?,
            _ => Vec::new(),
        };
        for figure in &self.figures {
            match figures.iter_mut().find(|old| old.name == figure.name) {
                Some(old) => old.clone_from(figure),
                None => figures.push(figure.clone()),
            }
        }
        let mut json = serde_json::to_vec_pretty(&figures)?;
        json.push(b'\n');
        fs::write(file, json)
    }

    /// The numbers of a quick run are shown without a judgement: they mean nothing.
    pub(super) fn table(&self, quick: bool) -> String {
        let width = self.figures.iter().map(|figure| figure.name.len()).max().unwrap_or(0);
        let mut table = format!(
            "{:width$}  {:>10}  {:4}  {:>7}  {:7}  runs\n",
            "figure", "value", "unit", "bar", "holds?"
        );
        for figure in &self.figures {
            let bar = bar(&figure.name);
            let holds = match bar {
                Some(_) if quick => "(quick)",
                Some(bar) if bar.holds(figure.value) => "yes",
                Some(_) => "NO",
                None => "",
            };
            let line = format!(
                "{:width$}  {:>10}  {:4}  {:>7}  {holds:7}  {}",
                figure.name,
                shown(figure.value),
                figure.unit,
                bar.map_or_else(String::new, Bar::text),
                figure.spread()
            );
            let _ = writeln!(table, "{}", line.trim_end());
        }
        table
    }
}

/// As many digits as mean something.
fn shown(value: f64) -> String {
    if value.abs() >= 1_000.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_hold_on_the_right_side() {
        assert!(Bar::AtLeast(0.35).holds(0.35));
        assert!(!Bar::AtLeast(0.35).holds(0.349));
        assert!(Bar::AtMost(3.0).holds(3.0));
        assert!(!Bar::Below(20.0).holds(20.0));
    }

    #[test]
    fn one_missed_bar_is_seen() {
        let mut report = Report::default();
        report.add("start_ratio", 0.4, "");
        report.add("health_rate", 1.0, "1/s");
        assert!(report.all_hold());
        report.add("startup_ms", 301.0, "ms");
        assert!(!report.all_hold());
        let table = report.table(false);
        assert!(table.contains("NO"), "{table}");
        assert!(!report.table(true).contains("NO"));
    }

    #[test]
    fn a_median_shows_how_far_its_runs_lie_apart() {
        let mut report = Report::default();
        let cost = report.add_median("deliveries_dead_cost", &[0.07, -0.02, 0.05], "");
        assert!((cost - 0.05).abs() < 1e-9);
        report.add_median("deliveries_per_second", &[2_000.0], "1/s");
        let table = report.table(false);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[1].ends_with("yes      -0.020 to 0.070"), "{table}");
        assert!(lines[2].ends_with("NO"), "{table}");
    }

    #[test]
    fn what_was_not_measured_keeps_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("results.json");
        let mut first = Report::default();
        first.add("startup_ms", 200.0, "ms");
        first.add("binary_mib", 9.0, "MiB");
        first.write(&file, false).unwrap();
        let mut second = Report::default();
        second.add("binary_mib", 8.0, "MiB");
        second.write(&file, true).unwrap();
        let read: Vec<Figure> = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let values: Vec<f64> = read.iter().map(|figure| figure.value).collect();
        assert_eq!(values, [200.0, 8.0]);
        second.write(&file, false).unwrap();
        let read: Vec<Figure> = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(read.len(), 1);
    }
}
