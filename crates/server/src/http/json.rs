//! JSON, as browsers write it.

/// With U+FFFD in the place of half a surrogate pair: what scripts make of an emoji that they cut in two. None when there
/// is none.
pub fn mended(text: &str) -> Option<String> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut mended, mut done, mut at) = (String::new(), 0, 0);
    while let Some(found) = text[at..].find('\\') {
        at += found;
        at += match (unit(at), unit(at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                mended.push_str(&text[done..at]);
                mended.push('\u{fffd}');
                done = at + 6;
                6
            }
            // Whatever is escaped, a backslash or a quotation mark too; it may be longer than a byte.
            _ => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    (done > 0).then(|| mended + &text[done..])
}
