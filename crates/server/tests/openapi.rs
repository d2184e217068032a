//! The reference that is checked in is the one that is served.

/// Set to write it anew.
const UPDATE: &str = "UPDATE_OPENAPI";
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

#[test]
fn the_reference_in_docs_is_the_one_that_is_served() {
    let served = rozmowa::router::reference();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(PATH, served).expect("docs/openapi.json can be written");
        return;
    }
    let kept = std::fs::read_to_string(PATH).expect("docs/openapi.json can be read");
    assert!(kept == served, "docs/openapi.json is out of date: run `make openapi`");
}
