//! What a browser calls itself, in words that people use.

/// A few plain rules, the telling ones first: nearly all claim to be several browsers.
const NAMES: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

pub fn name(user_agent: &str) -> Option<&'static str> {
    NAMES.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn browsers_are_known_by_what_only_they_say() {
        for (user_agent, browser) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                Some("Firefox"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/141.0 Safari/537.36 Edg/141.0",
                Some("Edge"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/141.0 Safari/537.36",
                Some("Chrome"),
            ),
            (
                "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1",
                Some("Safari"),
            ),
            (
                "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 CriOS/141.0 Mobile/15E148 Safari/604.1",
                Some("Chrome"),
            ),
            ("curl/8.0", None),
            ("", None),
        ] {
            assert_eq!(name(user_agent), browser, "{user_agent}");
        }
    }
}
