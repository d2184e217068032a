//! The reference of the API as a page, from the document that programs read: `GET /reference`.
//!
//! It is the same for everybody who reads a language, so it is made once and kept packed.

pub mod codes;
pub mod document;
pub mod example;
mod sample;
mod words;
mod write;

use std::io::{Read, Write};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use tokio::sync::Mutex;

use super::{dist, notice};
use crate::app::App;
use crate::http::call::Head;
use crate::http::params::Named;
use crate::http::tag::is_known;
use crate::http::{Code, Error};
use crate::locale::Language;
use crate::router;

/// What the build leaves for what is made here.
const FRAME: &str = "reference.html";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// What we decided where the vendor is silent: the same text as in the repository.
const DECISIONS: &str = include_str!("../../../../../docs/API.md");

/// The page in each language, as it was asked for last.
#[derive(Default)]
pub struct Kept([Mutex<Option<Page>>; 2]);

#[derive(Clone)]
struct Page {
    frame: String,
    base_url: String,
    tag: String,
    packed: Bytes,
}

/// `GET /reference`, `GET /reference?lang=pl`.
pub async fn show(State(app): State<App>, head: Head) -> Result<Response, Error> {
    let Head { headers, uri, .. } = head;
    let language = named(&uri).unwrap_or_else(|| Language::of(&headers));
    let Some(frame) = dist::text(FRAME) else { return notice::of(Code::PagesMissing.into()) };
    let page = page(&app, language, frame).await?;
    let mut response = if is_known(&headers, &page.tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        answer(&headers, page.packed)?
    };
    let own = response.headers_mut();
    dist::dress(own, &page.tag, dist::CHECKED);
    let vary = HeaderValue::from_static("accept-encoding, accept-language");
    for (name, value) in [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag())),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::VARY, vary),
    ] {
        own.insert(name, value);
    }
    Ok(response)
}

/// `GET /reference/decisions.md`: to be read as it is written.
pub async fn decisions(headers: HeaderMap) -> Response {
    let tag = dist::tag(&[DECISIONS.as_bytes()]);
    let mut response = if is_known(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        DECISIONS.into_response()
    };
    dist::dress(response.headers_mut(), &tag, dist::CHECKED);
    response
}

/// The language in the address, if there is one that we have.
fn named(uri: &Uri) -> Option<Language> {
    let query = uri.query().unwrap_or_default();
    let mut given = url::form_urlencoded::parse(query.as_bytes());
    let (_, tag) = given.find(|(name, _)| name == "lang")?;
    Language::ALL.iter().copied().find(|language| language.name() == tag)
}

async fn page(app: &App, language: Language, frame: String) -> Result<Page, Error> {
    // Whoever comes while it is made waits for it.
    let mut kept = app.reference.0[language as usize].lock().await;
    let base_url = app.base_url();
    if let Some(page) = &*kept
        && page.frame == frame
        && page.base_url == base_url
    {
        return Ok(page.clone());
    }
    let made = tokio::task::spawn_blocking(move || make(language, frame, base_url));
    let made = made.await.map_err(Error::internal)??;
    *kept = Some(made.clone());
    Ok(made)
}

fn make(language: Language, frame: String, base_url: String) -> Result<Page, Error> {
    let subjects = document::read(router::REFERENCE, &router::reading_order());
    let subjects = subjects.map_err(Error::internal)?;
    let text = write::page(&subjects, language, &base_url, &frame);
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(text.as_bytes()).map_err(Error::internal)?;
    let packed = packed.finish().map_err(Error::internal)?.into();
    let tag = dist::tag(&[text.as_bytes(), POLICY.as_bytes()]);
    Ok(Page { frame, base_url, tag, packed })
}

fn answer(headers: &HeaderMap, packed: Bytes) -> Result<Response, Error> {
    if dist::takes(headers, "gzip") {
        let coding = HeaderValue::from_static("gzip");
        return Ok(([(header::CONTENT_ENCODING, coding)], packed).into_response());
    }
    let mut text = String::new();
    GzDecoder::new(&packed[..]).read_to_string(&mut text).map_err(Error::internal)?;
    Ok(text.into_response())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn subjects() -> Vec<document::Subject> {
        document::read(router::REFERENCE, &router::reading_order()).expect("it is a document")
    }

    #[test]
    fn every_method_is_described_in_both_languages() {
        let subjects = subjects();
        let methods = || subjects.iter().flat_map(|subject| &subject.methods);
        assert_eq!(methods().count(), router::method_names().len());
        for language in [Language::En, Language::Pl] {
            let words = words::Words::of(language);
            let missing: Vec<_> = methods()
                .flat_map(|method| [method.id.clone(), format!("{}_about", method.id)])
                .filter(|key| !words.has(key))
                .collect();
            assert_eq!(missing, [""; 0], "{language:?}: `reference` in locales/");
        }
        // Titles are those of the document: a method that is called anew is called so here.
        let english = words::Words::of(Language::En);
        for method in methods() {
            assert_eq!(english.get(&method.id), method.summary, "{}", method.id);
        }
    }

    #[test]
    fn what_the_document_says_of_parameters_is_translated_and_nothing_else_is() {
        let subjects = subjects();
        let said = document::abouts(&subjects);
        for language in [Language::En, Language::Pl] {
            let known = words::Words::of(language).translated();
            let known: BTreeSet<_> = known.iter().map(String::as_str).collect();
            let stale: Vec<_> = known.difference(&said).collect();
            assert_eq!(stale, [&""; 0], "{language:?}: nobody says this any more");
        }
        let polish = words::Words::of(Language::Pl);
        let methods = subjects.iter().flat_map(|subject| &subject.methods);
        // The vendor's own methods, and those that we have added to them.
        let of_contract = methods.filter(|method| {
            [
                "/api/chat",
                "/api/webhooks",
                "/api/agents",
                "/api/cust",
                "/api/companies",
                "/api/batch",
            ]
            .iter()
            .any(|it| method.path.starts_with(it))
        });
        let mut missing: Vec<_> = of_contract
            .flat_map(|method| &method.parameters)
            .filter(|it| !it.about.is_empty() && polish.said(&it.about).is_none())
            .map(|it| &it.about)
            .collect();
        missing.sort_unstable();
        missing.dedup();
        assert!(missing.is_empty(), "`reference_parameters` in locales/: {missing:#?}");
    }

    #[test]
    fn every_refusal_of_a_method_has_its_code() {
        let subjects = subjects();
        for method in subjects.iter().flat_map(|subject| &subject.methods) {
            for (status, about) in &method.refusals {
                let is_told = codes::of_refusal(&method.path, *status, about).next().is_some();
                assert!(is_told, "{}: {status} {about}", method.id);
            }
        }
    }
}
