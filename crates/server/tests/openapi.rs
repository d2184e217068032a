//! The reference that is checked in is the one that is served.

/// Set to write it anew.
const UPDATE: &str = "UPDATE_OPENAPI";
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
const CODES_START: &str = "<!-- codes: written by `make openapi` -->\n";
const CODES_END: &str = "<!-- /codes -->";

#[test]
fn the_reference_in_docs_is_the_one_that_is_served() {
    check_or_write("openapi.json", |_| rozmowa::router::reference());
}

#[test]
fn so_is_that_of_the_doors_for_people() {
    check_or_write("openapi-people.json", |_| rozmowa::router::reference_for_people());
}

#[test]
fn the_table_of_codes_in_docs_is_the_one_that_is_used() {
    check_or_write("API.md", |kept| {
        let (before, rest) = kept.split_once(CODES_START).expect("the table has a start");
        let (_, after) = rest.split_once(CODES_END).expect("the table has an end");
        format!("{before}{CODES_START}{}{CODES_END}{after}", rozmowa::http::error::table())
    });
}

fn check_or_write(name: &str, made: impl Fn(&str) -> String) {
    let path = format!("{DOCS}/{name}");
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let made = made(&kept);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, made).expect("docs can be written");
        return;
    }
    assert!(kept == made, "docs/{name} is out of date: run `make openapi`");
}
