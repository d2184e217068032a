//! The page itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::{Map, Value};

use super::codes;
use super::document::{Answer, Body, Method, Parameter, Place, Subject, is_of_type};
use super::example::{Call, Tool};
use super::words::{Words, gapped, marked};
use crate::http::Code;
use crate::http::html::escaped;
use crate::locale::Language;

/// What everybody has to know first, in this order: the headings are theirs with `_title`.
const BASICS: [&str; 7] =
    ["address", "signing_in", "parameters", "answers", "times", "idempotency", "errors"];

struct Page<'a> {
    words: Words,
    messages: BTreeMap<&'static str, &'static str>,
    base_url: &'a str,
    /// Codes that some method can answer.
    codes: BTreeSet<u32>,
    out: String,
}

pub fn page(subjects: &[Subject], language: Language, base_url: &str, frame: &str) -> String {
    let mut page = Page {
        words: Words::of(language),
        messages: language.section("errors"),
        base_url,
        codes: codes::ALL_METHODS.iter().map(|code| code.number()).collect(),
        out: String::with_capacity(512 * 1024),
    };
    page.head();
    page.contents(subjects);
    page.put("<main id=\"content\">");
    page.basics();
    for subject in subjects {
        page.subject(subject);
    }
    page.table_of_codes();
    page.put("</main></div>");
    let title = escaped(page.words.get("title"));
    frame
        .replacen("__LANGUAGE__", language.tag(), 1)
        .replacen("__TITLE__", &title, 1)
        .replacen("__BODY__", &page.out, 1)
}

/// An identifier as JSON and code have it, with places where a line may end.
fn breakable(name: &str) -> String {
    escaped(name).replace('_', "_<wbr>").replace('.', ".<wbr>")
}

/// `:id` as method lists have it.
fn path(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.strip_prefix('{') {
        Some(name) => format!("<var>:{}</var>", escaped(name.trim_end_matches('}'))),
        None => escaped(part),
    });
    parts.collect::<Vec<_>>().join("/<wbr>")
}

impl Page<'_> {
    fn put(&mut self, html: &str) {
        self.out.push_str(html);
    }

    fn word(&self, key: &str) -> String {
        escaped(self.words.get(key))
    }

    fn head(&mut self) {
        let other = [Language::En, Language::Pl].map(|it| {
            let name = if it == Language::En { "English" } else { "Polski" };
            let tag = it.tag();
            if it == self.words.language {
                format!("<span aria-current=\"true\">{name}</span>")
            } else {
                format!("<a href=\"?lang={tag}\" lang=\"{tag}\" hreflang=\"{tag}\">{name}</a>")
            }
        });
        let html = format!(
            "<a class=\"skip\" href=\"#content\">{}</a>\n<header class=\"top\"><p class=\"name\"><a href=\"/\">Rozmowa</a></p>\
             <div class=\"search\" role=\"search\" hidden><label for=\"search\">{}</label>\
             <input id=\"search\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" placeholder=\"{}\"></div>\
             <nav class=\"languages\" aria-label=\"{}\">{}</nav></header>\n<div class=\"page\">",
            self.word("skip"),
            self.word("search"),
            self.word("search_hint"),
            self.word("language"),
            other.join(" "),
        );
        self.put(&html);
    }

    fn contents(&mut self, subjects: &[Subject]) {
        let html = format!(
            "<nav class=\"contents\" aria-label=\"{}\"><ul><li><a href=\"#basics\">{}</a></li>",
            self.word("contents"),
            self.word("basics"),
        );
        self.put(&html);
        for subject in subjects {
            let title = self.word(&format!("subject_{}", subject.key));
            let html = format!("<li><a href=\"#subject-{}\">{title}</a><ul>", subject.key);
            self.put(&html);
            for method in &subject.methods {
                let html = format!(
                    "<li><a href=\"#{}\"><span class=\"verb {}\">{}</span> {}</a></li>",
                    method.id,
                    method.verb.to_ascii_lowercase(),
                    short(&method.verb),
                    self.title(method),
                );
                self.put(&html);
            }
            self.put("</ul></li>");
        }
        let html = format!("<li><a href=\"#codes\">{}</a></li></ul></nav>\n", self.word("codes"));
        self.put(&html);
    }

    fn title(&self, method: &Method) -> String {
        if self.words.has(&method.id) {
            return self.word(&method.id);
        }
        self.foreign(&escaped(&method.summary))
    }

    fn foreign(&self, html: &str) -> String {
        match self.words.language {
            Language::En => html.to_owned(),
            Language::Pl => format!("<span lang=\"en\">{html}</span>"),
        }
    }

    fn basics(&mut self) {
        let html = format!(
            "<h1>{}</h1><p class=\"lead\">{}</p>\n<p class=\"documents\"><a href=\"/api/openapi.json\">{}</a> \
             <a href=\"/reference/decisions.md\">{}</a></p>\n<p class=\"found\" role=\"status\" data-none=\"{}\" data-found=\"{}\"></p>\n\
             <section id=\"basics\" class=\"basics\"><h2><a href=\"#basics\">{}</a></h2>",
            self.word("title"),
            self.words.html("lead"),
            self.word("openapi"),
            self.word("decisions"),
            self.word("found_none"),
            self.word("found"),
            self.word("basics"),
        );
        self.put(&html);
        for part in BASICS {
            let title = self.word(&format!("{part}_title"));
            let text = self.words.html(part);
            let html = format!(
                "<section id=\"{part}\"><h3><a href=\"#{part}\">{title}</a></h3><p>{text}</p>"
            );
            self.put(&html);
            match part {
                "address" => {
                    let html = format!("<pre><code>{}/api/</code></pre>", escaped(self.base_url));
                    self.put(&html);
                }
                "errors" => {
                    let message = self.messages.get("missing").copied().unwrap_or_default();
                    let message = message.replace("{name}", "chat_queue_id");
                    let html = format!(
                        "<pre><code>{{\n  \"request_id\": \"53678450401cf\",\n  \"errors\": [\n    {{\n      \"message\": \"{}\",\n      \
                         \"code\": {}\n    }}\n  ]\n}}</code></pre>",
                        escaped(&message),
                        Code::Missing.number(),
                    );
                    self.put(&html);
                    let html = format!("<p>{}</p>", self.words.html("errors_all"));
                    self.put(&html);
                    self.codes_of(codes::ALL_METHODS);
                }
                _ => {}
            }
            self.put("</section>");
        }
        self.put("</section>\n");
    }

    fn subject(&mut self, subject: &Subject) {
        let key = subject.key;
        let name = format!("subject_{key}");
        let title = self.word(&name);
        let html = format!(
            "<section class=\"subject\" id=\"subject-{key}\"><h2><a href=\"#subject-{key}\">{title}</a></h2>"
        );
        self.put(&html);
        for method in &subject.methods {
            self.method(method);
        }
        self.put("</section>\n");
    }

    fn method(&mut self, method: &Method) {
        let ours = if method.is_ours {
            format!(" <span class=\"ours\">{}</span>", self.word("ours"))
        } else {
            String::new()
        };
        let key = format!("{}_about", method.id);
        let about = if self.words.has(&key) {
            self.words.html(&key)
        } else {
            self.foreign(&marked(&method.about))
        };
        let html = format!(
            "\n<section class=\"method\" id=\"{id}\"><h3><a href=\"#{id}\">{}</a></h3><p class=\"call\"><span class=\"verb {}\">{}</span> \
             <code>{}</code>{ours}</p><p>{about}</p><div class=\"columns\"><div class=\"told\">",
            self.title(method),
            method.verb.to_ascii_lowercase(),
            method.verb,
            path(&method.path),
            id = method.id,
        );
        self.put(&html);
        self.parameters(method);
        self.errors(method);
        self.put("</div><div class=\"shown\">");
        self.examples(method);
        self.answer(method);
        self.put("</div></div></section>");
    }

    fn parameters(&mut self, method: &Method) {
        let html = format!("<h4>{}</h4>", self.word("taken"));
        self.put(&html);
        if method.body == Body::File {
            let html = format!("<p>{}</p>", self.words.html("taken_file"));
            self.put(&html);
        }
        if method.parameters.is_empty() {
            let html = format!("<p class=\"none\">{}</p>", self.word("taken_nothing"));
            return self.put(&html);
        }
        self.put("<dl class=\"members\">");
        for parameter in &method.parameters {
            if parameter.name == "Idempotency-Key" {
                let html = format!(
                    "<div><dt><code>Idempotency-Key</code> <span class=\"kind\">{}</span></dt><dd>{}</dd></div>",
                    self.word("place_header"),
                    self.words.html("see_idempotency"),
                );
                self.put(&html);
            } else {
                self.member(parameter, true);
            }
        }
        self.put("</dl>");
    }

    /// A parameter, or a member of an answer.
    fn member(&mut self, parameter: &Parameter, is_taken: bool) {
        let mut kinds = vec![self.kind(&parameter.shape)];
        if is_taken {
            kinds.push(self.word(match parameter.place {
                Place::Path => "place_path",
                Place::Query => "place_query",
                Place::Body => "place_body",
                Place::Header => "place_header",
            }));
        }
        let needed = if is_taken && parameter.is_required {
            format!(" <span class=\"needed\">{}</span>", self.word("needed"))
        } else {
            String::new()
        };
        let _ = write!(
            self.out,
            "<div><dt><code>{}</code> <span class=\"kind\">{}</span>{needed}</dt><dd>",
            breakable(&parameter.name),
            kinds.join(" · "),
        );
        if !parameter.about.is_empty() {
            let html = format!("<p>{}</p>", self.words.said_html(&parameter.about));
            self.put(&html);
        }
        let mut notes = self.limits(&parameter.shape);
        let is_plain = |value: &Value| !value.is_object() && *value != "";
        if is_taken && let Some(sample) = parameter.sample.as_ref().filter(|it| is_plain(it)) {
            let text = sample.as_str().map_or_else(|| sample.to_string(), str::to_owned);
            notes.push(format!("{} <code>{}</code>", self.word("example"), escaped(&text)));
        }
        if !notes.is_empty() {
            let html = format!("<p class=\"notes\">{}</p>", notes.join("; "));
            self.put(&html);
        }
        self.put("</dd></div>");
    }

    fn kind(&self, shape: &Map<String, Value>) -> String {
        let is = |name| is_of_type(shape, name);
        if is("array") {
            let empty = Map::new();
            let items = shape.get("items").and_then(Value::as_object).unwrap_or(&empty);
            return format!("{} {}", self.word("kind_list"), self.kind(items));
        }
        let text = |key: &str| shape.get(key).and_then(Value::as_str).unwrap_or_default();
        let key = match text("format") {
            "uuid" => "kind_uuid",
            "date" => "kind_date",
            _ if text("pattern").contains("19[89]") => "kind_time",
            _ if is("integer") => "kind_integer",
            _ if is("number") => "kind_number",
            _ if is("boolean") => "kind_boolean",
            _ if is("string") => "kind_string",
            _ if is("object") || shape.contains_key("$ref") => "kind_object",
            _ => "kind_any",
        };
        let or_null = if is("null") { format!(" {}", self.word("or_null")) } else { String::new() };
        format!("{}{or_null}", self.word(key))
    }

    fn limits(&self, shape: &Map<String, Value>) -> Vec<String> {
        let number = |key: &str| shape.get(key).and_then(Value::as_i64);
        let with = |key: &str, values: &[(&str, i64)]| {
            let values: Vec<_> = values.iter().map(|(name, it)| (*name, it.to_string())).collect();
            escaped(&self.words.filled(key, &values))
        };
        let mut notes = Vec::new();
        let items = shape.get("items").and_then(|items| items.get("enum"));
        if let Some(values) = shape.get("enum").or(items).and_then(Value::as_array) {
            let value =
                |it: &Value| format!("<code>{}</code>", breakable(it.as_str().unwrap_or_default()));
            let values: Vec<_> = values.iter().map(value).collect();
            notes.push(format!("{} {}", self.word("one_of"), values.join(", ")));
        }
        // The largest of all numbers is said once, for all.
        let most = number("maximum").filter(|most| *most != 9_007_199_254_740_991);
        match (number("minimum"), most) {
            (Some(least), Some(most)) => {
                notes.push(with("limit_range", &[("least", least), ("most", most)]));
            }
            (None, Some(most)) => notes.push(with("limit_most", &[("most", most)])),
            _ => {}
        }
        if let Some(most) = number("maxLength") {
            notes.push(with("limit_characters", &[("most", most)]));
        }
        if let Some(most) = number("maxItems") {
            notes.push(with("limit_values", &[("most", most)]));
        }
        if let Some(usual) = shape.get("default").filter(|it| !it.is_object()) {
            notes.push(format!(
                "{} <code>{}</code>",
                self.word("usual"),
                escaped(&usual.to_string())
            ));
        }
        notes
    }

    fn errors(&mut self, method: &Method) {
        let codes = codes::of(method);
        let html = format!("<h4>{}</h4>", self.word("refused"));
        self.put(&html);
        if !codes.is_empty() {
            self.codes.extend(codes.iter().map(|code| code.number()));
            let html = format!("<details><summary>{}</summary>", self.summary_of(&codes));
            self.put(&html);
            self.codes_of(&codes);
            self.put("</details>");
        }
        let html = format!("<p class=\"notes\">{}</p>", self.words.html("refused_all"));
        self.put(&html);
    }

    /// The statuses, and how many codes there are.
    fn summary_of(&self, codes: &[Code]) -> String {
        let mut statuses: Vec<_> = codes.iter().map(|code| code.status().as_u16()).collect();
        statuses.sort_unstable();
        statuses.dedup();
        let statuses: Vec<_> = statuses.iter().map(u16::to_string).collect();
        escaped(&self.words.filled("refused_summary", &[("statuses", statuses.join(", "))]))
    }

    fn codes_of(&mut self, codes: &[Code]) {
        self.put("<ul class=\"codes\">");
        for code in codes {
            let (number, status) = (code.number(), code.status().as_u16());
            let message = self.message(*code);
            let _ = write!(
                self.out,
                "<li><span class=\"status\">{status}</span> <a href=\"#code-{number}\">{number}</a> {message}</li>"
            );
        }
        self.put("</ul>");
    }

    fn message(&self, code: Code) -> String {
        let key = code.key().trim_start_matches("errors.");
        escaped(&gapped(self.messages.get(key).copied().unwrap_or_default()))
    }

    fn examples(&mut self, method: &Method) {
        let call = Call::of(method, self.base_url);
        let html = format!(
            "<h4>{}</h4><div class=\"examples\" data-label=\"{}\" data-copy=\"{}\" data-copied=\"{}\">",
            self.word("examples"),
            self.word("tools"),
            self.word("copy"),
            self.word("copied"),
        );
        self.put(&html);
        for tool in Tool::ALL {
            let open = if tool == Tool::Curl { " open" } else { "" };
            let _ = write!(
                self.out,
                "<details{open} data-tool=\"{}\"><summary>{}</summary><pre><code>{}</code></pre></details>",
                tool.key(),
                tool.name(),
                escaped(tool.write(&call).trim_end()),
            );
        }
        self.put("</div>");
    }

    fn answer(&mut self, method: &Method) {
        let html = format!(
            "<h4>{} <span class=\"status\">{}</span></h4>",
            self.word("answer"),
            method.status
        );
        self.put(&html);
        match &method.answer {
            Answer::Nothing => {
                let html = format!("<p class=\"none\">{}</p>", self.word("answer_nothing"));
                self.put(&html);
            }
            Answer::File => {
                let html = format!("<p class=\"none\">{}</p>", self.word("answer_file"));
                self.put(&html);
            }
            Answer::Events => {
                let html = format!("<p class=\"none\">{}</p>", self.words.html("answer_events"));
                self.put(&html);
            }
            Answer::Json { sample, members } => {
                let text = serde_json::to_string_pretty(sample).unwrap_or_default();
                let html = format!("<pre><code>{}</code></pre>", escaped(&text));
                self.put(&html);
                let told: Vec<_> = members.iter().filter(|it| !it.about.is_empty()).collect();
                if !told.is_empty() {
                    let html = format!(
                        "<details><summary>{}</summary><dl class=\"members\">",
                        self.word("members")
                    );
                    self.put(&html);
                    for member in told {
                        self.member(member, false);
                    }
                    self.put("</dl></details>");
                }
            }
        }
    }

    fn table_of_codes(&mut self) {
        let html = format!(
            "<section id=\"codes\" class=\"subject\"><h2><a href=\"#codes\">{}</a></h2><p>{}</p><dl class=\"meanings\">",
            self.word("codes"),
            self.words.html("codes_about"),
        );
        self.put(&html);
        for number in self.codes.clone() {
            let Some(code) = Code::ALL.iter().find(|code| code.number() == number) else {
                continue;
            };
            let message = self.message(*code);
            let _ = write!(
                self.out,
                "<div id=\"code-{number}\"><dt>{number} <span class=\"status\">{}</span></dt><dd>{message}</dd></div>",
                code.status().as_u16(),
            );
        }
        self.put("</dl></section>");
    }
}

/// In a narrow column.
fn short(verb: &str) -> &str {
    if verb == "DELETE" { "DEL" } else { verb }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_as_method_lists_have_them() {
        assert_eq!(path("/api/chats/{id}"), "/<wbr>api/<wbr>chats/<wbr><var>:id</var>");
    }
}
