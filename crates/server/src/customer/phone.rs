//! Telephone numbers: shown as they were given, found however they are written.

use phonenumber::Mode;
use phonenumber::country;

/// Digits that a number has at most, and more.
const KEY_MAX: usize = 64;
/// With fewer digits it is an extension or a short number, and of no country.
const DIALLED_MIN: usize = 5;

/// The country whose numbers are written without a prefix.
pub type Region = country::Id;

/// A number, and what it is looked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    pub text: String,
    /// In the international form, `+48222333444`; the digits alone when it is no number that anybody could dial.
    pub key: String,
}

impl Phone {
    /// None when it has no digit.
    pub fn parse(text: &str, region: Region) -> Option<Self> {
        let text = text.trim();
        let key = key(text, region)?;
        Some(Self { text: text.to_owned(), key })
    }
}

/// What a number is looked for by.
pub fn key(text: &str, region: Region) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).take(KEY_MAX).collect();
    if digits.is_empty() {
        return None;
    }
    let parsed =
        phonenumber::parse(Some(region), text).ok().filter(|_| digits.len() >= DIALLED_MIN);
    let international = parsed.map(|number| number.format().mode(Mode::E164).to_string());
    Some(international.filter(|number| number.len() <= KEY_MAX).unwrap_or(digits))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found_by(text: &str) -> Option<String> {
        key(text, Region::PL)
    }

    #[test]
    fn one_number_has_one_key_however_it_is_written() {
        for text in [
            "222333444",
            "22 233 34 44",
            "(22) 233-34-44",
            "+48 22 233 34 44",
            "0048222333444",
            "+48222333444",
        ] {
            assert_eq!(found_by(text).as_deref(), Some("+48222333444"), "{text}");
        }
        assert_eq!(found_by("+1 (650) 253-0000").as_deref(), Some("+16502530000"));
        assert_eq!(key("030 1234567", Region::DE).as_deref(), Some("+49301234567"));
    }

    #[test]
    fn what_nobody_could_dial_is_found_by_its_digits() {
        assert_eq!(found_by("wew. 12").as_deref(), Some("12"));
        assert_eq!(found_by("1").as_deref(), Some("1"));
        for nothing in ["", "brak", "+", "٣٤"] {
            assert_eq!(found_by(nothing), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn any_text_with_a_digit_has_a_key(text in "\\PC{0,40}[0-9]\\PC{0,40}") {
            let found = found_by(&text).expect("a key");
            prop_assert!(found.len() <= KEY_MAX);
        }
    }
}
