//! A letter: plain text, and the same as simple HTML. Nothing that others have written is anything but text in either.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, MultiPartKind, SinglePart};

use crate::clock::Millis;
use crate::http::html::escaped;
use crate::locale::Language;

/// Names in headers are cut off here.
const LINE_MAX: usize = 120;

/// What is said in a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub language: Language,
    pub subject: String,
    /// Paragraphs, from top to bottom.
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// An address of this server.
    Link(String),
    /// Who said it and when, and what.
    Said {
        head: String,
        text: String,
    },
}

/// A letter's way.
pub struct Envelope<'a> {
    pub from: &'a Mailbox,
    pub to: lettre::Address,
    /// The same at each attempt, so that receivers may know a repeated one.
    pub id: String,
    pub at: Millis,
}

/// Written by a program: nobody's absence note answers it.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Letter {
    pub fn put_into(&self, envelope: Envelope<'_>) -> Result<Message, lettre::error::Error> {
        let (_, host) = envelope.id.rsplit_once('@').unwrap_or_default();
        let boundary = format!("{}.{host}", envelope.at);
        let bodies = MultiPart::builder()
            .kind(MultiPartKind::Alternative)
            .boundary(boundary)
            .singlepart(
                SinglePart::builder().content_type(ContentType::TEXT_PLAIN).body(self.plain()),
            )
            .singlepart(
                SinglePart::builder().content_type(ContentType::TEXT_HTML).body(self.html()),
            );
        let since = Duration::from_millis(u64::try_from(envelope.at).unwrap_or(0));
        Message::builder()
            .from(envelope.from.clone())
            .to(Mailbox::new(None, envelope.to))
            .subject(line(&self.subject))
            .date(SystemTime::UNIX_EPOCH + since)
            .message_id(Some(format!("<{}>", envelope.id)))
            .header(AutoSubmitted)
            .multipart(bodies)
    }

    fn plain(&self) -> String {
        let mut out = String::new();
        for part in &self.parts {
            let written = match part {
                Part::Text(text) => writeln!(out, "{}\n", text_only(text)),
                Part::Link(link) => writeln!(out, "{link}\n"),
                Part::Said { head, text } => {
                    writeln!(out, "{}\n{}\n", line(head), text_only(text))
                }
            };
            written.expect("a text takes everything");
        }
        out
    }

    fn html(&self) -> String {
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n<body>\n",
            self.language.tag(),
            escaped(&line(&self.subject)),
        );
        for part in &self.parts {
            let written = match part {
                Part::Text(text) => writeln!(out, "<p>{}</p>", paragraph(text)),
                Part::Link(link) => {
                    let link = escaped(link);
                    writeln!(out, "<p><a href=\"{link}\">{link}</a></p>")
                }
                Part::Said { head, text } => writeln!(
                    out,
                    "<p><b>{}</b></p>\n<blockquote dir=\"auto\">{}</blockquote>",
                    escaped(&line(head)),
                    paragraph(text)
                ),
            };
            written.expect("a text takes everything");
        }
        out.push_str("</body>\n</html>\n");
        out
    }
}

/// On one line, and no longer than a header likes: for names.
pub fn line(text: &str) -> String {
    let words: String = text
        .chars()
        .map(|c| if c.is_control() || c == '\u{2028}' || c == '\u{2029}' { ' ' } else { c })
        .filter(|c| !is_unseen(*c))
        .collect();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(LINE_MAX).collect()
}

/// Characters that are not seen and turn what stands around them: they could make one text look like another.
pub fn is_unseen(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Without what is not text.
fn text_only(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars()
        .filter(|c| (!c.is_control() || matches!(c, '\n' | '\t')) && !is_unseen(*c))
        .collect()
}

fn paragraph(text: &str) -> String {
    escaped(&text_only(text)).replace('\n', "<br>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(letter: &Letter, name: Option<&str>) -> String {
        let from = Mailbox::new(name.map(line), "chat@example.org".parse().unwrap());
        let envelope = Envelope {
            from: &from,
            to: "jan@example.org".parse().unwrap(),
            id: "1@chat.example.org".to_owned(),
            at: 1_780_308_000_000,
        };
        String::from_utf8(letter.put_into(envelope).unwrap().formatted()).unwrap()
    }

    #[test]
    fn names_and_texts_make_no_headers_and_no_markup() {
        let evil = "Za\u{17c}\u{f3}\u{142}\u{107}\r\nBcc: all@example.org\u{202e}<script>alert(1)</script>\"'";
        let letter = Letter {
            language: Language::Pl,
            subject: evil.to_owned(),
            parts: vec![
                Part::Text(evil.to_owned()),
                Part::Said { head: evil.to_owned(), text: "\u{1b}[2J.\n.\r\n<b>&".to_owned() },
                Part::Link("https://chat.example.org/c/x".to_owned()),
            ],
        };
        let text = sent(&letter, Some(evil));
        assert!(text.is_ascii(), "every letter is encoded");
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let names: Vec<_> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "From",
                "To",
                "Subject",
                "Date",
                "Message-ID",
                "Auto-Submitted",
                "MIME-Version",
                "Content-Type"
            ]
        );
        let html = letter.html();
        assert!(!html.contains("<script") && !html.contains("<b>&"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;"), "{html}");
        for text in [letter.plain(), html] {
            assert!(!text.contains(is_unseen) && !text.contains('\u{1b}'), "{text}");
        }
    }

    #[test]
    fn the_same_letter_is_the_same_bytes() {
        let letter = Letter {
            language: Language::En,
            subject: "x".to_owned(),
            parts: vec![Part::Text("y".to_owned())],
        };
        let text = sent(&letter, None);
        assert_eq!(text, sent(&letter, None));
        assert!(text.contains("Date: Mon, 01 Jun 2026 10:00:00 +0000\r\n"), "{text}");
        assert!(text.contains("Message-ID: <1@chat.example.org>\r\n"), "{text}");
        assert!(text.contains("Auto-Submitted: auto-generated\r\n"), "{text}");
    }
}
