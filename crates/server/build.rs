//! Says so when the pages that browsers get are not there: the server is built without them.

use std::path::Path;

const DIST: &str = "../../web/dist";

fn main() {
    println!("cargo::rerun-if-changed={DIST}");
    if !Path::new(DIST).join("chat.html").exists() {
        println!(
            "cargo::warning=web/dist has no pages, so this server shows none: `make web` builds them (it needs Node)"
        );
    }
}
