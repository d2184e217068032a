//! The OpenAPI document, as a page tells it: methods by subject, with what they take and what they answer.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::sample;

/// Members of members of members: more than this no reader follows.
const DEPTH: usize = 3;

/// Where a parameter stands in the examples; it may stand elsewhere, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Path,
    Query,
    Body,
    Header,
}

#[derive(Debug)]
pub struct Parameter {
    pub name: String,
    pub place: Place,
    pub is_required: bool,
    pub about: String,
    /// Without references.
    pub shape: Map<String, Value>,
    pub sample: Option<Value>,
}

impl Parameter {
    pub fn is_of_type(&self, name: &str) -> bool {
        is_of_type(&self.shape, name)
    }
}

/// What a call carries.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Nothing,
    Json(Value),
    File,
}

/// What a call is answered with when all went well.
#[derive(Debug)]
pub enum Answer {
    Nothing,
    Json { sample: Value, members: Vec<Parameter> },
    Events,
    File,
}

#[derive(Debug)]
pub struct Method {
    /// `start_conversation`.
    pub id: String,
    /// `POST`.
    pub verb: String,
    /// `/api/chats/{id}`.
    pub path: String,
    pub summary: String,
    pub about: String,
    /// Of those that the vendor does not have.
    pub is_ours: bool,
    pub parameters: Vec<Parameter>,
    pub body: Body,
    pub status: u16,
    pub answer: Answer,
    /// Statuses of errors that are the method's own, and when they come.
    pub refusals: Vec<(u16, String)>,
}

/// Methods that belong together.
#[derive(Debug)]
pub struct Subject {
    pub key: &'static str,
    pub methods: Vec<Method>,
}

/// Subjects in reading order, and whose paths are theirs behind `/api/`: a `*` at the end stands for any rest, and the longest that
/// fits counts.
const SUBJECTS: &[(&str, &[&str])] = &[
    ("conversations", &["chat_conversations/*"]),
    ("reading", &["chats", "chats/{id}*", "chats/queues/{id}/events"]),
    (
        "acting",
        &[
            "chat_conversations/{id}/reply",
            "chat_conversations/{id}/assign",
            "chat_conversations/{id}/transfer",
            "chat_conversations/{id}/note",
            "chat_conversations/{id}/close",
            "chat_conversations/{id}/reopen",
        ],
    ),
    ("files", &["chat_conversations/{id}/files*", "chat_conversations/{id}/visitor_token"]),
    ("reports", &["chats/reports*"]),
    ("queues", &["chats/queues*", "chats/routing"]),
    ("agents", &["agents*", "pauses*"]),
    ("bots", &["bots*", "chat_conversations/{id}/assign_bot", "chat_conversations/{id}/hand_over"]),
    ("customers", &["customer*", "batch/*", "custom_field*", "persons*"]),
    ("companies", &["compan*", "batch/compan*"]),
    ("webhooks", &["webhooks", "webhooks/{id}", "webhooks/{id}/rotate_secret"]),
    ("deliveries", &["webhooks/{id}/*"]),
    ("audit", &["audit*"]),
    ("more", &["*"]),
];

fn subject_of(path: &str) -> &'static str {
    let path = path.trim_start_matches("/api/");
    let fit = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path == pattern,
    };
    let all = SUBJECTS.iter().flat_map(|(key, patterns)| patterns.iter().map(move |it| (key, it)));
    let fitting = all.filter(|(_, pattern)| fit(pattern));
    // What ends with a star is shorter by that than what says it all.
    let length = |pattern: &str| pattern.len() * 2 - usize::from(pattern.ends_with('*'));
    fitting.max_by_key(|(_, pattern)| length(pattern)).map_or("more", |(key, _)| key)
}

/// Reads the document; methods come in this order within their subject.
pub fn read(document: &str, order: &[(String, String)]) -> serde_json::Result<Vec<Subject>> {
    let root: Value = serde_json::from_str(document)?;
    let mut subjects: Vec<Subject> =
        SUBJECTS.iter().map(|(key, _)| Subject { key, methods: Vec::new() }).collect();
    for (verb, path) in order {
        let described = &root["paths"][path][verb.to_ascii_lowercase()];
        let method = Method::read(&root, verb, path, described);
        let key = subject_of(path);
        if let Some(subject) = subjects.iter_mut().find(|subject| subject.key == key) {
            subject.methods.push(method);
        }
    }
    subjects.retain(|subject| !subject.methods.is_empty());
    Ok(subjects)
}

impl Method {
    fn read(root: &Value, verb: &str, path: &str, described: &Value) -> Self {
        let mut parameters: Vec<_> = list(&described["parameters"])
            .iter()
            .map(|parameter| Parameter::read(root, path, parameter))
            .collect();
        let (body, members) = body(root, verb, &described["requestBody"]);
        // Headers are the last thing that one looks for.
        let headers = parameters.iter().position(|it| it.place == Place::Header);
        let at = headers.unwrap_or(parameters.len());
        parameters.splice(at..at, members);
        let is_good = |status: &str| status.starts_with('2');
        let answers = described["responses"].as_object();
        let answers = || answers.into_iter().flatten();
        let status = |text: &str| text.parse().ok();
        let good = answers().find(|(status, _)| is_good(status));
        let refusals = answers().filter(|(status, _)| !is_good(status));
        let about = text(&described["description"]);
        Self {
            id: text(&described["operationId"]),
            verb: verb.to_owned(),
            path: path.to_owned(),
            summary: text(&described["summary"]),
            is_ours: about.starts_with("Our addition."),
            about: about.trim_start_matches("Our addition.").trim().to_owned(),
            parameters,
            body,
            status: good.and_then(|(code, _)| status(code)).unwrap_or(200),
            answer: good.map_or(Answer::Nothing, |(_, answer)| answer_of(root, answer)),
            refusals: refusals
                .filter_map(|(code, about)| Some((status(code)?, text(&about["description"]))))
                .collect(),
        }
    }

    pub fn of(&self, place: Place) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(move |parameter| parameter.place == place)
    }
}

impl Parameter {
    fn read(root: &Value, path: &str, described: &Value) -> Self {
        let shape = shape(root, &described["schema"]);
        let name = text(&described["name"]);
        let place = match described["in"].as_str() {
            Some("path") => Place::Path,
            Some("header") => Place::Header,
            _ => Place::Query,
        };
        let is_required = described["required"].as_bool().unwrap_or_default();
        let given = described.get("example").cloned();
        let sample = given.or_else(|| match place {
            Place::Path => Some(sample::of_path(path, &name, &shape)),
            _ if is_required => Some(sample::of_shape(root, &name, &shape, 0)),
            _ => None,
        });
        Self { name, place, is_required, about: text(&described["description"]), shape, sample }
    }
}

/// What a call carries, and what of it is told.
fn body(root: &Value, verb: &str, described: &Value) -> (Body, Vec<Parameter>) {
    let content = &described["content"];
    if content.get("application/octet-stream").is_some() {
        return (Body::File, Vec::new());
    }
    let Some(json) = content.get("application/json") else { return (Body::Nothing, Vec::new()) };
    let whole = shape(root, &json["schema"]);
    let parameters = members(root, &whole, "", Place::Body, 0);
    if let Some(example) = json.get("example") {
        return (Body::Json(example.clone()), parameters);
    }
    let mut given = sample::required(root, &whole, 0);
    // A change that changes nothing tells nobody how it is done.
    let is_empty = given.as_object().is_some_and(Map::is_empty);
    if is_empty && verb == "PUT" {
        let own: Vec<_> = parameters.iter().filter(|it| !it.name.contains(['.', '['])).collect();
        let told = own.iter().find(|it| it.sample.is_some()).or(own.first());
        if let Some(it) = told {
            let made = || sample::of_shape(root, &it.name, &it.shape, 0);
            given[&it.name] = it.sample.clone().unwrap_or_else(made);
        }
    }
    let is_empty = given.as_object().is_some_and(Map::is_empty);
    (if is_empty { Body::Nothing } else { Body::Json(given) }, parameters)
}

fn answer_of(root: &Value, described: &Value) -> Answer {
    let content = &described["content"];
    if content.get("text/event-stream").is_some() {
        return Answer::Events;
    }
    if let Some(json) = content.get("application/json") {
        let whole = shape(root, &json["schema"]);
        let given = json.get("example").cloned();
        let sample = given.unwrap_or_else(|| sample::of_shape(root, "", &whole, 0));
        return Answer::Json { sample, members: members(root, &whole, "", Place::Body, 0) };
    }
    if content.as_object().is_some_and(|kinds| !kinds.is_empty()) {
        return Answer::File;
    }
    Answer::Nothing
}

/// The members of an object, or of a list's objects, with those of theirs behind a dot. What is required comes first.
fn members(
    root: &Value,
    whole: &Map<String, Value>,
    before: &str,
    place: Place,
    depth: usize,
) -> Vec<Parameter> {
    if depth == DEPTH {
        return Vec::new();
    }
    if is_of_type(whole, "array") {
        let items = shape(root, whole.get("items").unwrap_or(&Value::Null));
        return members(root, &items, &format!("{before}[]"), place, depth + 1);
    }
    let needed: Vec<_> = list(whole.get("required").unwrap_or(&Value::Null))
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut properties: Vec<_> =
        whole.get("properties").and_then(Value::as_object).into_iter().flatten().collect();
    properties
        .sort_by_key(|(name, _)| needed.iter().position(|it| it == name).unwrap_or(needed.len()));
    let mut found = Vec::new();
    for (name, schema) in properties {
        let inner = shape(root, schema);
        let full = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
        let below = members(root, &inner, &full, place, depth + 1);
        let is_required = needed.contains(&name.as_str());
        let sample = is_required.then(|| sample::of_shape(root, name, &inner, 0));
        found.push(Parameter {
            name: full,
            place,
            is_required,
            about: text(inner.get("description").unwrap_or(&Value::Null)),
            sample: sample::said(&inner).or(sample),
            shape: inner,
        });
        found.extend(below);
    }
    found
}

/// A schema without references, with the parts of an `allOf` as one, and without `null` as another choice.
pub fn shape(root: &Value, schema: &Value) -> Map<String, Value> {
    let mut whole = Map::new();
    let Some(own) = schema.as_object() else { return whole };
    let name = own.get("$ref").and_then(Value::as_str).and_then(|it| it.rsplit('/').next());
    if let Some(name) = name {
        add(&mut whole, shape(root, &root["components"]["schemas"][name]));
    }
    for part in list(own.get("allOf").unwrap_or(&Value::Null)) {
        add(&mut whole, shape(root, part));
    }
    for choice in ["oneOf", "anyOf"] {
        let choices = list(own.get(choice).unwrap_or(&Value::Null));
        let real: Vec<_> = choices.iter().filter(|it| it["type"] != "null").collect();
        if let [only] = &real[..] {
            add(&mut whole, shape(root, only));
        }
    }
    let rest =
        own.iter().filter(|(key, _)| !["$ref", "allOf", "oneOf", "anyOf"].contains(&&***key));
    add(&mut whole, rest.map(|(key, value)| (key.clone(), value.clone())).collect());
    whole
}

fn add(whole: &mut Map<String, Value>, part: Map<String, Value>) {
    for (key, value) in part {
        match (whole.get_mut(&key), value) {
            (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
            (Some(Value::Array(known)), Value::Array(more)) if key == "required" => {
                known.extend(more);
            }
            (_, value) => drop(whole.insert(key, value)),
        }
    }
}

pub fn is_of_type(shape: &Map<String, Value>, name: &str) -> bool {
    match shape.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(all)) => all.iter().any(|it| it == name),
        _ => name == "object" && shape.contains_key("properties"),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text on one line.
fn text(value: &Value) -> String {
    let words = value.as_str().unwrap_or_default().split_whitespace();
    words.collect::<Vec<_>>().join(" ")
}

/// Every text that is translated where there is a translation.
pub fn abouts(subjects: &[Subject]) -> BTreeSet<&str> {
    let methods = subjects.iter().flat_map(|subject| &subject.methods);
    let parameters = methods.flat_map(|method| {
        let answered = match &method.answer {
            Answer::Json { members, .. } => &members[..],
            _ => &[],
        };
        method.parameters.iter().chain(answered)
    });
    parameters.map(|it| it.about.as_str()).filter(|about| !about.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pattern_that_fits_says_the_subject() {
        for (path, subject) in [
            ("/api/chat_conversations/start", "conversations"),
            ("/api/chat_conversations/{id}/reply", "acting"),
            ("/api/chat_conversations/{id}/files/{file_id}", "files"),
            ("/api/chats/queues/{id}/agents", "queues"),
            ("/api/chats/queues/{id}/events", "reading"),
            ("/api/chats/{id}/events", "reading"),
            ("/api/chats/reports/summary", "reports"),
            ("/api/webhooks/{id}", "webhooks"),
            ("/api/webhooks/{id}/test", "deliveries"),
            ("/api/batch/customers", "customers"),
            ("/api/batch/companies", "companies"),
            ("/api/something/new", "more"),
        ] {
            assert_eq!(subject_of(path), subject, "{path}");
        }
    }

    #[test]
    fn a_shape_has_neither_references_nor_choices_of_null() {
        let root = serde_json::json!({"components": {"schemas": {
            "Inner": {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
        }}});
        let schema = serde_json::json!({"oneOf": [{"type": "null"}, {"allOf": [
            {"$ref": "#/components/schemas/Inner"},
            {"type": "object", "required": ["b"], "properties": {"b": {"type": "integer"}}},
        ]}]});
        let shape = shape(&root, &schema);
        assert_eq!(shape["required"], serde_json::json!(["a", "b"]));
        assert_eq!(shape["properties"].as_object().map(Map::len), Some(2));
    }
}
