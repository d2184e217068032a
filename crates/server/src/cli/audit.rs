//! The audit log on a terminal.

use std::io::Write;

use clap::Args;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{printable, transact};
use crate::audit::api::AuditEntry;
use crate::audit::{self, Entry, Filter};
use crate::clock;
use crate::config::Config;
use crate::time::{self, Bound};

/// More are asked for in pieces of time.
const LIMIT_MAX: i64 = 10_000;

#[derive(Args)]
pub struct Audit {
    /// At most so many, the newest first
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=LIMIT_MAX))]
    limit: i64,
    /// Only changes of this, to the letter, as in 'api_user shop' or 'queue 3'
    #[arg(long)]
    subject: Option<String>,
    /// Only changes by this actor, to the letter
    #[arg(long)]
    actor: Option<String>,
    /// Changed then or later, in local time, as in '2026-06-01' or '2026-06-01 12:00'
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Changed then or earlier, that whole day included
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// A JSON object a line, as the API tells it
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub fn run(self, config: &Config) -> Result<(), String> {
        let zone = &config.time_zone;
        let mut filter = Filter { subject: self.subject, actor: self.actor, ..Filter::default() };
        if let Some(text) = &self.from {
            filter.from = clock::first_id_at(moment(text, Bound::From, zone)?);
        }
        if let Some(text) = &self.to {
            filter.until = clock::first_id_at(moment(text, Bound::Until, zone)?);
        }
        let limit = self.limit;
        let entries = transact(config, move |tx, _| audit::list(tx, &filter, limit))?;
        let mut out = std::io::stdout().lock();
        for entry in entries {
            let line = if self.json {
                serde_json::to_string(&AuditEntry::new(entry, zone)).map_err(|e| e.to_string())?
            } else {
                line(&entry, zone)
            };
            // Whoever reads no further, as `head` does, has seen enough.
            if writeln!(out, "{line}").is_err() {
                break;
            }
        }
        Ok(())
    }
}

fn moment(text: &str, bound: Bound, zone: &TimeZone) -> Result<clock::Millis, String> {
    time::parse(text, bound, zone)
        .ok_or_else(|| format!("'{text}' is no time such as '2026-06-01' or '2026-06-01 12:00'"))
}

fn line(entry: &Entry, zone: &TimeZone) -> String {
    let at = time::with_seconds(entry.at(), zone);
    let mut who = entry.actor_kind.name().to_owned();
    for part in [Some(&entry.actor), entry.address.as_ref()].into_iter().flatten() {
        if !part.is_empty() {
            who.push(' ');
            who.push_str(&printable(part));
        }
    }
    format!(
        "{at}\t{who}\t{}\t{}\t{}",
        printable(&entry.change),
        printable(&entry.subject),
        printable(&difference(entry.was.as_deref(), entry.becomes.as_deref())),
    )
}

/// What changed, in short: members that stayed as they were are left out.
fn difference(was: Option<&str>, becomes: Option<&str>) -> String {
    let read = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    match (read(was), read(becomes)) {
        (Some(Value::Object(was)), Some(Value::Object(becomes))) => {
            let mut names: Vec<_> = was.keys().chain(becomes.keys()).collect();
            names.sort_unstable();
            names.dedup();
            let changed = names.into_iter().filter(|name| was.get(*name) != becomes.get(*name));
            let told = changed.map(|name| match (was.get(name), becomes.get(name)) {
                (Some(was), Some(becomes)) => format!("{name}: {was} → {becomes}"),
                (Some(was), None) => format!("{name}: was {was}"),
                (None, becomes) => format!("{name}: {}", becomes.unwrap_or(&Value::Null)),
            });
            told.collect::<Vec<_>>().join(", ")
        }
        (Some(was), Some(becomes)) => format!("{was} → {becomes}"),
        (Some(was), None) => format!("was {was}"),
        (None, Some(becomes)) => becomes.to_string(),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_changed_and_moves_no_cursor() {
        let was = r#"{"a": 1, "b": "x", "c": null}"#;
        let becomes = r#"{"a": 2, "b": "x", "d": "y"}"#;
        assert_eq!(difference(Some(was), Some(becomes)), r#"a: 1 → 2, c: was null, d: "y""#);
        assert_eq!(difference(Some("false"), Some("true")), "false → true");
        assert_eq!(difference(Some("1"), None), "was 1");
        assert_eq!(difference(None, Some("1")), "1");
        let entry = Entry {
            id: uuid::Uuid::nil(),
            actor_kind: crate::act::ActorKind::CommandLine,
            actor: "ro\x1b[2Jot".to_owned(),
            address: None,
            request_id: None,
            change: "agent.add".to_owned(),
            subject: "agent x\n1970\u{9b}31m\u{202e}".to_owned(),
            was: None,
            becomes: Some("\"\u{9b}2J\u{7f}\"".to_owned()),
        };
        let line = line(&entry, &TimeZone::UTC);
        assert!(!line.replace('\t', "").contains(char::is_control), "{line:?}");
        assert_eq!(
            line,
            "1970-01-01 00:00:00\tCOMMAND_LINE ro\\u{1b}[2Jot\tagent.add\tagent x\\n1970\\u{9b}31m\\u{202e}\t\"\\u{9b}2J\\u{7f}\""
        );
    }
}
