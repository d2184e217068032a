//! Requests rendered once, so that a load loop only writes bytes.

use std::{fmt::Write, io};

use crate::client::Answer;

/// `api_user:api_pass`, the API user of `rozmowa demo`, as HTTP Basic wants it.
const DEMO_API_USER: &str = "Authorization: Basic YXBpX3VzZXI6YXBpX3Bhc3M=\r\n";

/// The queue that `rozmowa demo` creates.
pub const DEMO_QUEUE: &str = "3";

/// The documented sample call; customer 1 of the demo data has the identifier 1234.
pub const DEMO_START: &str = "/api/chat_conversations/start?chat_queue_id=3&client_id=1234";

/// A bare route: what the HTTP stack costs when nothing is stored.
pub fn health() -> Vec<u8> {
    b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()
}

pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{DEMO_API_USER}\r\n").into_bytes()
}

/// A POST under the content type that clients of this API send, with or without a body.
pub fn post(path: &str, idempotency_key: Option<&str>, json: &str) -> Vec<u8> {
    let mut text = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{DEMO_API_USER}\
         Content-Type: application/json\r\nContent-Length: {}\r\n",
        json.len()
    );
    if let Some(key) = idempotency_key {
        let _ = write!(text, "Idempotency-Key: {key}\r\n");
    }
    text.push_str("\r\n");
    text.push_str(json);
    text.into_bytes()
}

/// A PUT without a body.
pub fn put(path: &str) -> Vec<u8> {
    format!("PUT {path} HTTP/1.1\r\nHost: localhost\r\n{DEMO_API_USER}Content-Length: 0\r\n\r\n")
        .into_bytes()
}

/// Subscribes this address to the starts of conversations.
pub fn subscribe(url: &str) -> Vec<u8> {
    let body = serde_json::json!({
        "actions": ["CHAT_CONVERSATION_CREATED"],
        "subscription_url": url,
    });
    post("/api/webhooks", None, &body.to_string())
}

pub fn message(conversation: &str, idempotency_key: Option<&str>, text: &str) -> Vec<u8> {
    let body = serde_json::json!({ "text": text }).to_string();
    post(&format!("/api/chat_conversations/{conversation}/message"), idempotency_key, &body)
}

pub fn stop(conversation: &str, idempotency_key: Option<&str>) -> Vec<u8> {
    post(&format!("/api/chat_conversations/{conversation}/stop"), idempotency_key, "")
}

/// The id in the answer to a start.
pub fn started(answer: Answer<'_>) -> io::Result<String> {
    answer.expect_ok()?;
    match answer.json()?.get("conversation_id") {
        Some(serde_json::Value::String(id)) => Ok(id.clone()),
        _ => Err(io::Error::other(format!("no conversation_id in {}", answer.text()))),
    }
}

/// A query value: everything outside the unreserved characters is escaped.
pub fn query_value(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A request that is sent over and over, the same each time or with a fresh `Idempotency-Key`.
#[derive(Debug, Clone)]
pub struct Template {
    bytes: Vec<u8>,
    /// Where the key's counter starts in the bytes, and the counter's next value.
    counter: Option<(usize, u64)>,
}

const COUNTER_DIGITS: usize = 16;

impl Template {
    pub fn fixed(bytes: Vec<u8>) -> Self {
        Self { bytes, counter: None }
    }

    /// A POST whose key is `prefix` and a counter from `first` on. The prefix belongs to one run, the
    /// first value to one connection: no key is ever sent twice.
    pub fn keyed(path: &str, prefix: &str, first: u64) -> Self {
        let marker = "0".repeat(COUNTER_DIGITS);
        let bytes = post(path, Some(&format!("{prefix}-{marker}")), "");
        // The key is the last header and the body is empty, so the counter ends before two line ends.
        let at = bytes.len() - b"\r\n\r\n".len() - COUNTER_DIGITS;
        Self { bytes, counter: Some((at, first)) }
    }

    pub fn next_bytes(&mut self) -> &[u8] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        if let Some((at, value)) = &mut self.counter {
            let mut rest = *value;
            for digit in self.bytes[*at..*at + COUNTER_DIGITS].iter_mut().rev() {
                *digit = HEX[usize::from(rest.to_le_bytes()[0] & 0xF)];
                rest >>= 4;
            }
            *value += 1;
        }
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_fresh() {
        let mut template = Template::keyed(DEMO_START, "run", 0xAB);
        let first = String::from_utf8(template.next_bytes().to_vec()).unwrap();
        let second = String::from_utf8(template.next_bytes().to_vec()).unwrap();
        assert!(first.ends_with("Idempotency-Key: run-00000000000000ab\r\n\r\n"), "{first}");
        assert!(second.ends_with("Idempotency-Key: run-00000000000000ac\r\n\r\n"), "{second}");
    }

    #[test]
    fn a_body_has_its_length_in_bytes() {
        let text = String::from_utf8(message("id", None, "zażółć")).unwrap();
        assert!(text.contains("Content-Length: 21\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n{\"text\":\"zażółć\"}"), "{text}");
    }

    #[test]
    fn query_values_are_escaped() {
        assert_eq!(query_value("2014-07-14 12:34:56"), "2014-07-14%2012%3A34%3A56");
        assert_eq!(query_value("ł+"), "%C5%82%2B");
    }
}
