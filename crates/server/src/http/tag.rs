//! Tags of contents: whoever has it already is not sent it again.

use http::{HeaderMap, header};

/// Whether the reader has the content of this tag.
pub fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|it| it.to_str().ok());
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.flat_map(|list| list.split(',')).any(|one| one.trim() == "*" || bare(one) == bare(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_however_it_is_told() {
        for (given, known) in [
            (&[][..], false),
            (&["\"a\""], false),
            (&["*"], true),
            (&["\"7\", W/\"fb8e\" , \"8\""], true),
            (&["\"7\"", "\"fb8e\""], true),
        ] {
            let mut headers = HeaderMap::new();
            for value in given {
                headers.append(header::IF_NONE_MATCH, value.parse().expect("a value"));
            }
            assert_eq!(is_known(&headers, "W/\"fb8e\""), known, "{given:?}");
        }
    }
}
