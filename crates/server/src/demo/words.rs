//! What the script says. It understands a handful of words, and says that it is a script.

use crate::locale::Language;
use crate::search;

/// Texts of the catalogue, each with the folded words that ask for it: whole, or, with a star, their beginnings. The first
/// one that fits is said.
const RULES: [(&str, &[&str]); 6] = [
    (BYE, &["koniec", "zakoncz*", "widzenia", "bye", "goodbye"]),
    (
        "human",
        &[
            "czlowiek*",
            "osob*",
            "konsultant*",
            "agent*",
            "pracownik*",
            "human",
            "person",
            "someone",
        ],
    ),
    (
        "delivery",
        &[
            "dostaw*", "przesyl*", "paczk*", "wysyl*", "kurier*", "deliver*", "ship*", "parcel*",
            "courier*",
        ],
    ),
    ("returns", &["zwrot*", "zwroc*", "reklamacj*", "return*", "refund*", "complain*"]),
    ("hours", &["godzin*", "otwart*", "czynn*", "kiedy", "hours", "open", "when"]),
    ("thanks", &["dzieki", "dziekuj*", "thank*", "thx"]),
];
const BYE: &str = "bye";

#[derive(Debug, PartialEq, Eq)]
pub struct Words {
    pub text: String,
    /// The client wants to end.
    pub is_goodbye: bool,
}

/// What is said to what the client has said since the last answer.
pub fn answer(said: &str, is_first: bool, language: Language) -> Words {
    let folded = search::folded(said);
    let fits = |pattern: &str| {
        folded.split(' ').any(|word| match pattern.strip_suffix('*') {
            Some(beginning) => word.starts_with(beginning),
            None => word == pattern,
        })
    };
    let rule = RULES.into_iter().find(|(_, patterns)| patterns.iter().any(|it| fits(it)));
    let rule = rule.map(|(key, _)| key);
    let keys = if is_first { [Some("hello"), rule] } else { [Some(rule.unwrap_or("other")), None] };
    let texts = keys.into_iter().flatten().map(|key| language.text(&format!("demo.{key}"), &[]));
    let text = texts.collect::<Vec<_>>().join("\n\n");
    Words { text, is_goodbye: rule == Some(BYE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_words_are_understood() {
        for (said, key) in [
            ("Kiedy przyjdzie moja PACZKA?", "delivery"),
            ("Kiedy można przyjść?", "hours"),
            ("Gdzie jest paczka?", "delivery"),
            ("Chcę rozmawiać z człowiekiem", "human"),
            ("dziękuję!", "thanks"),
            ("To koniec.", "bye"),
            ("Koniecznie czerwone", "other"),
            ("Thanks, bye", "bye"),
            ("How do I return it?", "returns"),
            ("", "other"),
        ] {
            let words = answer(said, false, Language::Pl);
            assert_eq!(words.text, Language::Pl.text(&format!("demo.{key}"), &[]), "{said}");
            assert_eq!(words.is_goodbye, key == "bye", "{said}");
        }
    }

    #[test]
    fn it_says_first_that_it_is_a_script() {
        for (language, word) in [(Language::Pl, "skrypt"), (Language::En, "script")] {
            let hello = answer("", true, language);
            assert!(hello.text.contains(word) && !hello.is_goodbye, "{}", hello.text);
            let both = answer("bye", true, language);
            assert!(both.text.starts_with(&hello.text) && both.is_goodbye, "{}", both.text);
        }
        for (key, _) in RULES {
            assert_ne!(Language::En.text(&format!("demo.{key}"), &[]), format!("demo.{key}"));
        }
    }
}
