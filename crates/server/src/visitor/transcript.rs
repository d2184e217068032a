//! A conversation to keep, as its visitor saw it.

use std::fmt::Write;

use jiff::tz::TimeZone;
use rozmowa_db::Tx;
use uuid::Uuid;

use super::show;
use super::view::{self, Data, Seen};
use crate::http::params::Named;
use crate::http::{Error, html};
use crate::locale::Language;
use crate::time;

/// Places of the log in one transcript, and how many are read at a time.
const EVENTS_MAX: usize = 10_000;
const STEP: i64 = 500;
/// Text in one transcript, in bytes.
const TEXT_MAX: usize = 8 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Html,
}

impl Named for Format {
    const ALL: &[Self] = &[Self::Text, Self::Html];

    fn name(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Html => "html",
        }
    }
}

impl Format {
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        }
    }
}

/// What was said, in the conversation's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    language: Language,
    title: String,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    at: String,
    /// Nobody: something that happened.
    who: Option<String>,
    what: String,
}

pub fn of(tx: &mut Tx<'_>, id: &Uuid, zone: &TimeZone) -> Result<Transcript, Error> {
    let seen = show::see(tx, id)?;
    let language = seen.language();
    let say = |key: &str, arguments: &[(&str, String)]| {
        language.text(&format!("transcript.{key}"), arguments)
    };
    let own = seen.name().map_or_else(|| say("client", &[]), str::to_owned);
    let (mut lines, mut after, mut bytes) = (Vec::new(), 0, 0);
    loop {
        let events = view::since(tx, id, after, STEP)?;
        let Some(last) = events.last() else { break };
        after = last.seq;
        for event in events.iter().filter_map(|event| event.seen.as_ref()) {
            bytes += event.text.as_ref().map_or(0, String::len);
            lines.extend(told(event, &own, &say).map(|(who, what)| Line {
                at: time::with_seconds(event.at, zone),
                who,
                what,
            }));
        }
        if lines.len() > EVENTS_MAX || bytes > TEXT_MAX {
            lines.push(Line { at: String::new(), who: None, what: say("more", &[]) });
            break;
        }
    }
    Ok(Transcript { language, title: say("title", &[("queue", seen.queue)]), lines })
}

/// Who, and what; nothing where there is nothing to read.
fn told(
    event: &Seen,
    own: &str,
    say: &impl Fn(&str, &[(&str, String)]) -> String,
) -> Option<(Option<String>, String)> {
    let happened = |key| Some((None, say(key, &[])));
    let name = event.name.as_ref().filter(|name| !name.is_empty());
    match event.kind {
        "message" => {
            let who = match (event.by, name) {
                ("client", _) => own.to_owned(),
                ("agent", Some(name)) => name.clone(),
                ("agent", None) => say("agent", &[]),
                ("bot", _) => say("bot", &[]),
                _ => say("system", &[]),
            };
            let text = event.text.clone().unwrap_or_else(|| say("erased", &[]));
            let files = match &event.data {
                Some(Data::Files(files)) => &files[..],
                _ => &[],
            };
            let files = files.iter().map(|file| {
                let size = (file.size / 1_024).max(1).to_string();
                say("file", &[("name", file.name.clone()), ("size", size)])
            });
            let parts: Vec<_> =
                [text].into_iter().filter(|text| !text.is_empty()).chain(files).collect();
            Some((Some(who), parts.join("\n")))
        }
        "assigned" => Some((
            None,
            match name {
                Some(name) => say("assigned", &[("agent", name.clone())]),
                None => say("assigned_nobody", &[]),
            },
        )),
        "started" => happened("started"),
        "closed" => happened("closed"),
        "reopened" => happened("reopened"),
        "transferred" => happened("transferred"),
        _ => None,
    }
}

impl Transcript {
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text => self.text(),
            Format::Html => self.html(),
        }
    }

    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.title);
        for Line { at, who, what } in &self.lines {
            match who {
                // Lines of a message are set in, so that none looks like somebody else's.
                Some(who) => {
                    let _ = writeln!(text, "[{at}] {who}:");
                    for line in what.lines() {
                        let _ = writeln!(text, "    {line}");
                    }
                }
                None => {
                    let _ = writeln!(text, "[{at}] -- {what} --");
                }
            }
        }
        text
    }

    fn html(&self) -> String {
        let title = escaped(&self.title);
        let mut html = format!(
            "<!doctype html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n",
            self.language.tag()
        );
        for Line { at, who, what } in &self.lines {
            let (at, what) = (escaped(at), escaped(what).replace('\n', "<br>\n"));
            let line = match who {
                Some(who) => format!("<b>{}</b><br>\n{what}", escaped(who)),
                None => format!("<i>{what}</i>"),
            };
            let _ = writeln!(html, "<p><small>{at}</small> {line}</p>");
        }
        html.push_str("</body>\n</html>\n");
        html
    }
}

/// A line of a page.
fn escaped(text: &str) -> String {
    html::escaped(&text.replace('\r', ""))
}
