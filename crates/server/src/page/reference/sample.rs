//! Values that stand for what a caller has.

use serde_json::{Map, Value, json};

use super::document::{is_of_type, shape};

/// Lists in lists in lists are as good as empty.
const DEPTH: usize = 6;

/// The one that the vendor's own examples have.
pub const CONVERSATION: &str = "6ed7c941-2c8a-411e-95d2-338a9f64800a";
pub const BOT: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
pub const FILE: &str = "b5b9a4de-7a1f-4c36-8e4a-9d3f6e1c2a70";
pub const DELIVERY: &str = "0197a2c4-5d1e-7b3a-9c41-2f60d8e7a913";
/// As in the vendor's example of a webhook.
const NUMBER: i64 = 5;

/// Numbers by what they are called.
const NUMBERS: [(&str, i64); 2] = [("chat_queue_id", 3), ("size", 48_213)];

/// Of a part of a path without an example of its own.
pub fn of_path(path: &str, name: &str, shape: &Map<String, Value>) -> Value {
    if is_of_type(shape, "integer") {
        return json!(NUMBER);
    }
    if path.starts_with("/api/bots/") { json!(BOT) } else { json!(uuid(name)) }
}

fn uuid(name: &str) -> &'static str {
    match name {
        "external_chatbot_id" => BOT,
        "file_id" => FILE,
        "delivery_id" => DELIVERY,
        _ => CONVERSATION,
    }
}

/// What the document gives as an example.
pub fn said(shape: &Map<String, Value>) -> Option<Value> {
    let first = shape.get("examples").and_then(|all| all.get(0));
    shape.get("example").or(first).cloned()
}

/// An object with what it has to have.
pub fn required(root: &Value, whole: &Map<String, Value>, depth: usize) -> Value {
    let names = whole.get("required").and_then(Value::as_array).into_iter().flatten();
    let properties = whole.get("properties").and_then(Value::as_object);
    let member = |name: &str| {
        let inner = shape(root, properties?.get(name)?);
        Some((name.to_owned(), of_shape(root, name, &inner, depth + 1)))
    };
    Value::Object(names.filter_map(Value::as_str).filter_map(member).collect())
}

/// A value of this shape. Of an object: with what is always there, null or not.
pub fn of_shape(root: &Value, name: &str, whole: &Map<String, Value>, depth: usize) -> Value {
    if let Some(said) = said(whole) {
        return said;
    }
    if let Some(first) = whole.get("enum").and_then(|all| all.get(0)) {
        return first.clone();
    }
    if is_of_type(whole, "null") {
        return Value::Null;
    }
    if is_of_type(whole, "object") {
        return object(root, whole, depth);
    }
    if is_of_type(whole, "array") {
        let inner = shape(root, whole.get("items").unwrap_or(&Value::Null));
        let is_told = depth < DEPTH && !inner.is_empty();
        return if is_told { json!([of_shape(root, name, &inner, depth + 1)]) } else { json!([]) };
    }
    if let Some(usual) = whole.get("default") {
        return usual.clone();
    }
    if is_of_type(whole, "integer") {
        if let Some((_, known)) = NUMBERS.iter().find(|(known, _)| *known == name) {
            return json!(known);
        }
        return whole.get("minimum").filter(|it| **it != 0).cloned().unwrap_or(json!(1));
    }
    if is_of_type(whole, "boolean") {
        return json!(true);
    }
    if is_of_type(whole, "string") { json!(string(name, whole)) } else { Value::Null }
}

fn object(root: &Value, whole: &Map<String, Value>, depth: usize) -> Value {
    let Value::Object(mut members) = required(root, whole, depth) else { return Value::Null };
    let properties = whole.get("properties").and_then(Value::as_object).into_iter().flatten();
    let is_all_optional = members.is_empty();
    for (name, schema) in properties {
        let inner = shape(root, schema);
        // What may be null is there all the same; what is neither is there when somebody asks for it.
        if (is_of_type(&inner, "null") || is_all_optional) && depth < DEPTH {
            members.entry(name.clone()).or_insert_with(|| of_shape(root, name, &inner, depth + 1));
        }
    }
    Value::Object(members)
}

fn string(name: &str, whole: &Map<String, Value>) -> &'static str {
    match whole.get("format").and_then(Value::as_str) {
        Some("uuid") => return uuid(name),
        Some("date") => return "2026-12-24",
        _ => {}
    }
    match name {
        "conversation_id" => CONVERSATION,
        "created_at" | "closed_at" => "2026-06-01 12:00:00.000",
        _ if name.ends_with("_at") || name == "at" => "2026-06-01 12:00:00",
        "date_from" => "2026-06-01",
        "date_to" => "2026-06-30",
        "user_login" | "login" => "jkowalski",
        "text" => "Dzień dobry",
        "content_type" => "application/pdf",
        "sent_by" => "CLIENT",
        "name" => "Jan",
        "surname" => "Kowalski",
        "email" | "client_email" => "jan.kowalski@example.org",
        "client_name" => "Jan Kowalski",
        "url" => {
            "/api/chat_conversations/6ed7c941-2c8a-411e-95d2-338a9f64800a/files/b5b9a4de-7a1f-4c36-8e4a-9d3f6e1c2a70"
        }
        _ => "",
    }
}
