//! The catalogue of texts, one for server and pages, in English and Polish.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use http::{HeaderMap, header};

use crate::http::params::Named;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    En,
    Pl,
}

static CATALOGUES: LazyLock<[HashMap<String, String>; 2]> = LazyLock::new(|| {
    // The console's pages have theirs from their build, and the reference is written once and kept.
    let is_said =
        |section: &str| !["console", "reference"].iter().any(|it| section.starts_with(it));
    WRITTEN.map(|text| texts(text, is_said))
});

const WRITTEN: [&str; 2] =
    [include_str!("../../../locales/en.json"), include_str!("../../../locales/pl.json")];

fn texts(written: &str, is_wanted: impl Fn(&str) -> bool) -> HashMap<String, String> {
    let sections: HashMap<String, HashMap<String, String>> =
        serde_json::from_str(written).expect("a test reads the catalogues");
    sections
        .into_iter()
        .filter(|(section, _)| is_wanted(section))
        .flat_map(|(section, texts)| {
            texts.into_iter().map(move |(key, text)| (format!("{section}.{key}"), text))
        })
        .collect()
}

impl Named for Language {
    const ALL: &[Self] = &[Self::Pl, Self::En];

    fn name(self) -> &'static str {
        self.tag()
    }
}

impl Language {
    /// The better liked of our two in an `Accept-Language` header; English when it says nothing of them.
    pub fn accepted(header: &str) -> Self {
        let (mut best, mut chosen) = (0.0, Self::En);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let quality = parts
                .find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")))
                .map_or(1.0, |q| q.trim().parse::<f32>().unwrap_or(0.0));
            let language = match tag.split('-').next().unwrap_or_default() {
                primary if primary.eq_ignore_ascii_case("pl") => Self::Pl,
                primary if primary.eq_ignore_ascii_case("en") => Self::En,
                _ => continue,
            };
            if quality > best {
                (best, chosen) = (quality, language);
            }
        }
        chosen
    }

    /// Of who asks.
    pub fn of(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        accepted.map_or(Self::En, Self::accepted)
    }

    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Pl => "pl",
        }
    }

    /// The texts of a section as they are written: for pages, which fill in the placeholders themselves.
    pub fn section(self, name: &str) -> BTreeMap<&'static str, &'static str> {
        let of_section =
            |key: &'static str| key.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
        let texts = CATALOGUES[self as usize].iter();
        texts.filter_map(|(key, text)| Some((of_section(key)?, text.as_str()))).collect()
    }

    /// The texts of sections that are not kept in memory, read anew, each with its section's name before its own.
    pub fn sections(self, is_wanted: impl Fn(&str) -> bool) -> HashMap<String, String> {
        texts(WRITTEN[self as usize], is_wanted)
    }

    pub fn text(self, key: &str, arguments: &[(&str, String)]) -> String {
        let Some(template) = CATALOGUES[self as usize].get(key) else { return key.to_owned() };
        fill(template, arguments)
    }
}

/// A text with its `{placeholders}` filled in one pass, so that a value is never taken for a placeholder.
pub fn fill(template: &str, arguments: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('}') else { break };
        match arguments.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => out.push_str(value),
            None => out.push_str(name),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_liked_language_is_chosen() {
        for (header, language) in [
            ("", Language::En),
            ("pl", Language::Pl),
            ("pl-PL", Language::Pl),
            ("PL_x, en", Language::En),
            ("pl,en;q=0.5", Language::Pl),
            ("en;q=0.4, pl-PL;q=0.9", Language::Pl),
            ("de, pl;q=0.1", Language::Pl),
            ("pl;q=0", Language::En),
            ("en-GB,pl", Language::En),
            ("*", Language::En),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }

    #[test]
    fn both_catalogues_have_the_same_keys_and_placeholders() {
        let placeholders = |text: &str| -> Vec<String> {
            let mut names: Vec<_> = text
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split_once('}').map(|(name, _)| name.to_owned()))
                .collect();
            names.sort();
            names
        };
        let [en, pl] = WRITTEN.map(|text| texts(text, |_| true));
        for (key, text) in &en {
            let other = pl.get(key).unwrap_or_else(|| panic!("{key} is not in Polish"));
            assert_eq!(placeholders(text), placeholders(other), "{key}");
        }
        assert_eq!(en.len(), pl.len());
    }

    #[test]
    fn a_value_is_never_taken_for_a_placeholder() {
        let text = Language::En.text("errors.missing", &[("name", "{name}{".to_owned())]);
        assert!(text.contains("{name}{"), "{text}");
    }
}
