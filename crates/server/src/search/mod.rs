//! Full-text search over messages, notes and clients.
//!
//! Texts are folded to words here (no accents, no case, `ł` is `l`), so that both engines index and look up the same; what
//! they find is looked at once more in the original, where the found words are marked. [`index`] keeps the index up to
//! date from the log, [`find`] asks it. The index holds each text's words in order of the alphabet, never the text.

pub mod console;
pub mod find;
pub mod index;

use std::collections::BTreeSet;

use rozmowa_db::{Tx, Value, params};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use uuid::Uuid;

use crate::http::Error;

rozmowa_db::statements! {
    FORGET_TEXT = {
        sqlite: "DELETE FROM search_text WHERE rowid IN
            (SELECT id FROM search_doc WHERE conversation_id = $1 ORDER BY seq LIMIT $2)",
        postgres: "DELETE FROM search_text WHERE id IN
            (SELECT id FROM search_doc WHERE conversation_id = $1 ORDER BY seq LIMIT $2)",
    };
    FORGET_DOC = "DELETE FROM search_doc WHERE id IN
        (SELECT id FROM search_doc WHERE conversation_id = $1 ORDER BY seq LIMIT $2)";
    /// Of those that have no text any more.
    FORGET_ERASED_TEXT = {
        sqlite: "DELETE FROM search_text WHERE rowid IN
            (SELECT s.id FROM search_doc s LEFT JOIN event e ON e.conversation_id = s.conversation_id AND e.seq = s.seq
             WHERE s.conversation_id = $1 AND s.seq > 0 AND e.text IS NULL ORDER BY s.seq LIMIT $2)",
        postgres: "DELETE FROM search_text WHERE id IN
            (SELECT s.id FROM search_doc s LEFT JOIN event e ON e.conversation_id = s.conversation_id AND e.seq = s.seq
             WHERE s.conversation_id = $1 AND s.seq > 0 AND e.text IS NULL ORDER BY s.seq LIMIT $2)",
    };
    FORGET_ERASED_DOC = "DELETE FROM search_doc WHERE id IN
        (SELECT s.id FROM search_doc s LEFT JOIN event e ON e.conversation_id = s.conversation_id AND e.seq = s.seq
         WHERE s.conversation_id = $1 AND s.seq > 0 AND e.text IS NULL ORDER BY s.seq LIMIT $2)";
}

/// Texts that one step of forgetting takes.
const FORGET_STEP: u64 = 200;
/// Of a longer word only so many letters count.
const WORD_MAX: usize = 64;

/// Takes a step's worth of a conversation, its client included, out of the index, and says whether more is left. Nothing of
/// it is found from the moment on at which it is erased: what is found is looked up. To be called in the transaction that
/// erases, while the conversation is held, and again until nothing is left.
pub fn forget(tx: &mut Tx<'_>, conversation: &Uuid) -> Result<bool, Error> {
    Ok(forget_some(tx, conversation)? == FORGET_STEP)
}

/// How many they were.
fn forget_some(tx: &mut Tx<'_>, conversation: &Uuid) -> Result<u64, Error> {
    let which = params![conversation, FORGET_STEP.cast_signed()];
    tx.put(&FORGET_TEXT, which)?;
    Ok(tx.execute(&FORGET_DOC, which)?)
}

/// The same for messages and notes whose text was erased before in this transaction; the client stays.
pub fn forget_texts(tx: &mut Tx<'_>, conversation: &Uuid) -> Result<bool, Error> {
    let which = params![conversation, FORGET_STEP.cast_signed()];
    tx.put(&FORGET_ERASED_TEXT, which)?;
    Ok(tx.execute(&FORGET_ERASED_DOC, which)? == FORGET_STEP)
}

fn limit(most: usize) -> Value<'static> {
    Value::from(i64::try_from(most).unwrap_or(i64::MAX))
}

/// A word of a text: where it stands, and how it is folded.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    from: usize,
    until: usize,
    folded: String,
}

/// Letters and digits that follow each other, in order.
fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    for (at, c) in text.char_indices() {
        let until = at + c.len_utf8();
        if is_combining_mark(c) {
            // It belongs to the letter before it, and says nothing by itself.
            if let Some(word) = &mut word {
                word.until = until;
            }
        } else if c.is_alphanumeric() {
            let word = word.get_or_insert_with(|| Word { from: at, until, folded: String::new() });
            word.until = until;
            fold(c, &mut word.folded);
        } else {
            words.extend(word.take());
        }
    }
    words.extend(word);
    words.retain(|word| !word.folded.is_empty());
    for word in &mut words {
        if let Some((end, _)) = word.folded.char_indices().nth(WORD_MAX) {
            word.folded.truncate(end);
        }
    }
    words
}

fn fold(c: char, into: &mut String) {
    for c in std::iter::once(c).nfd().filter(|c| !is_combining_mark(*c)) {
        match c {
            // Letters that are none with an accent, but that people leave the stroke out of.
            'ł' | 'Ł' => into.push('l'),
            'đ' | 'Đ' => into.push('d'),
            'ø' | 'Ø' => into.push('o'),
            'ß' | 'ẞ' => into.push_str("ss"),
            c => into.extend(c.to_lowercase().filter(|c| !is_combining_mark(*c))),
        }
    }
}

/// What the index holds of a text: each word once, with spaces between them. Only letters and digits beside these, so
/// neither engine sees anything in it to interpret.
pub fn folded(text: &str) -> String {
    let words: BTreeSet<String> = words(text).into_iter().map(|word| word.folded).collect();
    let mut all = String::with_capacity(text.len());
    for word in words {
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(&word);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_folded_to_words() {
        for (text, expected) in [
            ("Zażółć GĘŚLĄ jaźń!", "gesla jazn zazolc"),
            ("Łódź, łódź; ŁÓDŹ", "lodz"),
            ("jan.kowalski@example.org", "example jan kowalski org"),
            ("ABC-1234/5", "1234 5 abc"),
            // Composed and not: both are the same word.
            ("z\u{307}o\u{301}ł\u{107} \u{301}", "zolc"),
            ("Straße ØRSTED", "orsted strasse"),
            ("İstanbul ΣΊΣΥΦΟΣ", "istanbul σισυφοσ"),
            ("'); DROP TABLE--", "drop table"),
            ("\u{0} \"*\" :* & |", ""),
        ] {
            assert_eq!(folded(text), expected, "{text}");
        }
        let long = "ż".repeat(100);
        assert_eq!(folded(&long), "z".repeat(WORD_MAX));
    }

    #[test]
    fn words_know_where_they_stand() {
        let text = "— Zażółć, gęślą";
        let stand: Vec<_> = words(text).iter().map(|word| &text[word.from..word.until]).collect();
        assert_eq!(stand, ["Zażółć", "gęślą"]);
    }
}
