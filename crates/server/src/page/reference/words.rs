//! The words of the page, and what the document says in another language.

use std::collections::HashMap;

use crate::http::html::escaped;
use crate::locale::{Language, fill};

const PARAMETERS: &str = "reference_parameters.";

/// Read when a page is made: the catalogue in memory is without them.
pub struct Words {
    pub language: Language,
    texts: HashMap<String, String>,
}

impl Words {
    pub fn of(language: Language) -> Self {
        Self { language, texts: language.sections(|section| section.starts_with("reference")) }
    }

    pub fn has(&self, key: &str) -> bool {
        self.texts.get(&format!("reference.{key}")).is_some_and(|text| !text.is_empty())
    }

    pub fn get<'a>(&'a self, key: &'a str) -> &'a str {
        self.texts.get(&format!("reference.{key}")).map_or(key, String::as_str)
    }

    /// With its placeholders filled in.
    pub fn filled(&self, key: &str, arguments: &[(&str, String)]) -> String {
        fill(self.get(key), arguments)
    }

    /// As HTML.
    pub fn html(&self, key: &str) -> String {
        marked(self.get(key))
    }

    /// The translation of what the document says.
    pub fn said(&self, english: &str) -> Option<&str> {
        self.texts.get(&format!("{PARAMETERS}{english}")).map(String::as_str)
    }

    /// What the document says, in this language or as it is, as HTML.
    pub fn said_html(&self, english: &str) -> String {
        match self.said(english) {
            Some(text) => marked(text),
            None if self.language == Language::En => marked(english),
            None => format!("<span lang=\"en\">{}</span>", marked(english)),
        }
    }

    #[cfg(test)]
    pub fn translated(&self) -> Vec<String> {
        self.texts
            .keys()
            .filter_map(|key| key.strip_prefix(PARAMETERS))
            .map(str::to_owned)
            .collect()
    }
}

/// As HTML, with what stands between backticks as code, and `[text](#address)` as a link.
pub fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 0 {
            out.push_str(&linked(part));
        } else {
            out.extend(["<code>", &escaped(part), "</code>"]);
        }
    }
    out
}

fn linked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let Some((label, address, tail)) = after.split_once("](").and_then(|(label, tail)| {
            let (address, tail) = tail.split_once(')')?;
            Some((label, address, tail))
        }) else {
            break;
        };
        let link = format!("<a href=\"{}\">{}</a>", escaped(address), escaped(label));
        out.extend([escaped(before), link]);
        rest = tail;
    }
    out + &escaped(rest)
}

/// What a message leaves open, as a gap.
pub fn gapped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, tail)) = after.split_once('}') else { break };
        out.extend([before, "…"]);
        rest = tail;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_becomes_code_and_links_and_nothing_else() {
        assert_eq!(
            marked("a `b<` [c](#d) <e>"),
            "a <code>b&lt;</code> <a href=\"#d\">c</a> &lt;e&gt;"
        );
        assert_eq!(marked("user_logins[]=a"), "user_logins[]=a");
        assert_eq!(gapped("at most {limit} of {name}."), "at most … of ….");
    }
}
