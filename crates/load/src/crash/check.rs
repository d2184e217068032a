//! Compares what is stored with what was answered.

use std::{io, net::SocketAddr};

use serde_json::Value;

use super::ledger::Expected;
use crate::{
    client::{BlockingConnection, Connection},
    closed_loop::spread,
    request,
};

const CONNECTIONS: usize = 16;

/// Enough to see a pattern.
const SHOWN: usize = 10;

/// How many conversations are stored.
pub(crate) fn total(address: SocketAddr) -> io::Result<u64> {
    let mut connection = BlockingConnection::open(address)?;
    let answer = connection.call(&request::get("/api/chats?limit=1"))?;
    answer.expect_ok()?;
    answer
        .json()?
        .get("count")
        .and_then(Value::as_u64)
        .ok_or_else(|| io::Error::other("the list has no count"))
}

/// Every one of these must be stored, once, with exactly these messages in this order.
pub(crate) fn conversations(address: SocketAddr, expected: Vec<Expected>) -> io::Result<()> {
    let mut shares: Vec<Vec<Expected>> = (0..CONNECTIONS).map(|_| Vec::new()).collect();
    for (index, one) in expected.into_iter().enumerate() {
        shares[index % CONNECTIONS].push(one);
    }
    let checks = shares.into_iter().map(|share| check_share(address, share)).collect();
    let mut wrongs = Vec::new();
    for found in spread(checks) {
        wrongs.extend(found?);
    }
    none_wrong(wrongs)
}

/// An error with what is wrong, if anything is.
pub(crate) fn none_wrong(wrongs: Vec<String>) -> io::Result<()> {
    if wrongs.is_empty() {
        return Ok(());
    }
    let mut text = format!("{} violations", wrongs.len());
    for wrong in wrongs.iter().take(SHOWN) {
        text.push_str("\n  ");
        text.push_str(wrong);
    }
    if wrongs.len() > SHOWN {
        text.push_str("\n  …");
    }
    Err(io::Error::other(text))
}

async fn check_share(address: SocketAddr, share: Vec<Expected>) -> io::Result<Vec<String>> {
    let mut connection = Connection::open(address).await?;
    let mut wrongs = Vec::new();
    for expected in share {
        let path = format!("/api/chats/{}?include_messages=1", expected.id);
        let answer = connection.call(&request::get(&path)).await?;
        wrongs.extend(match answer.status {
            200 => difference(&expected, &answer.json()?),
            status => Some(format!(
                "conversation {} ({}) was answered, and now: status {status}",
                expected.id, expected.client_id
            )),
        });
        let path = format!("/api/chats?limit=2&client_id={}", expected.client_id);
        let answer = connection.call(&request::get(&path)).await?;
        answer.expect_ok()?;
        wrongs.extend(repetition(&expected, &answer.json()?));
    }
    Ok(wrongs)
}

/// How a stored conversation differs from what was answered.
pub(crate) fn difference(expected: &Expected, stored: &Value) -> Option<String> {
    let of = format!("conversation {} ({})", expected.id, expected.client_id);
    let text = |name: &str| stored.get(name).and_then(Value::as_str);
    if text("conversation_id") != Some(expected.id.as_str()) {
        return Some(format!("{of}: the answer is another one: {stored}"));
    }
    if (text("status") == Some("CLOSED")) != expected.closed {
        return Some(format!(
            "{of}: status {:?}, stop answered: {}",
            text("status"),
            expected.closed
        ));
    }
    if text("closed_at").is_some() != expected.closed {
        return Some(format!("{of}: closed_at {:?}", text("closed_at")));
    }
    let Some(messages) = stored.get("messages").and_then(Value::as_array) else {
        return Some(format!("{of}: no messages in the answer"));
    };
    let texts = client_texts(messages);
    (texts != expected.texts).then(|| {
        format!("{of}: messages {texts:?}, but answered in this order were {:?}", expected.texts)
    })
}

/// What a stored conversation lacks of what was answered. It may hold more: calls went on meanwhile.
pub(crate) fn lack(expected: &Expected, stored: &Value) -> Option<String> {
    let of = format!("conversation {} ({})", expected.id, expected.client_id);
    let closed = stored.get("status").and_then(Value::as_str) == Some("CLOSED");
    if expected.closed && !closed {
        return Some(format!("{of}: stop was answered, and it is not closed"));
    }
    let Some(messages) = stored.get("messages").and_then(Value::as_array) else {
        return Some(format!("{of}: no messages in the answer"));
    };
    let texts = client_texts(messages);
    let answered = expected.texts.iter().map(String::as_str);
    (!texts.iter().copied().take(expected.texts.len()).eq(answered))
        .then(|| format!("{of}: messages {texts:?}, but answered before were {:?}", expected.texts))
}

/// What the system says by itself (a greeting) is not ours to expect.
fn client_texts(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .filter(|message| message.get("sent_by").and_then(Value::as_str) == Some("CLIENT"))
        .map(|message| message.get("text").and_then(Value::as_str).unwrap_or("(no text)"))
        .collect()
}

/// Whether one key made anything but one conversation: its client id is in no other call.
fn repetition(expected: &Expected, list: &Value) -> Option<String> {
    let count = list.get("count").and_then(Value::as_u64);
    let id = list.pointer("/result/0/conversation_id").and_then(Value::as_str);
    (count != Some(1) || id != Some(expected.id.as_str())).then(|| {
        format!(
            "the key {} made {count:?} conversations, of which the first is {id:?} and should be {}",
            expected.client_id, expected.id
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expected() -> Expected {
        Expected {
            id: "i".to_owned(),
            client_id: "c".to_owned(),
            texts: vec!["a".to_owned(), "b".to_owned()],
            closed: false,
        }
    }

    fn stored(texts: &[&str], status: &str) -> Value {
        let messages: Vec<Value> = texts
            .iter()
            .map(|text| json!({"sent_by": "CLIENT", "text": text}))
            .chain([json!({"sent_by": "SYSTEM", "text": "Witamy"})])
            .collect();
        json!({"conversation_id": "i", "status": status, "closed_at": null, "messages": messages})
    }

    #[test]
    fn what_was_answered_is_there() {
        assert_eq!(difference(&expected(), &stored(&["a", "b"], "CREATED")), None);
    }

    #[test]
    fn loss_repetition_and_disorder_are_found() {
        for texts in [&["a"][..], &["a", "b", "b"], &["b", "a"], &["a", "b", "x"]] {
            assert!(difference(&expected(), &stored(texts, "CREATED")).is_some(), "{texts:?}");
        }
        assert!(difference(&expected(), &stored(&["a", "b"], "CLOSED")).is_some());
    }

    #[test]
    fn a_later_state_lacks_nothing() {
        for (texts, lacks) in [(&["a", "b"][..], false), (&["a", "b", "c"], false), (&["a"], true)]
        {
            let stored = stored(texts, "CLOSED");
            assert_eq!(lack(&expected(), &stored).is_some(), lacks, "{texts:?}");
        }
        let closed = Expected { closed: true, ..expected() };
        assert!(lack(&closed, &stored(&["a", "b"], "CREATED")).is_some());
    }

    #[test]
    fn two_conversations_of_one_key_are_found() {
        let once = json!({"count": 1, "result": [{"conversation_id": "i"}]});
        let twice = json!({"count": 2, "result": [{"conversation_id": "i"}]});
        let other = json!({"count": 1, "result": [{"conversation_id": "j"}]});
        assert_eq!(repetition(&expected(), &once), None);
        assert!(repetition(&expected(), &twice).is_some());
        assert!(repetition(&expected(), &other).is_some());
    }

    #[test]
    fn many_wrongs_are_shown_in_part() {
        assert!(none_wrong(Vec::new()).is_ok());
        let error = none_wrong(vec!["w".to_owned(); 25]).unwrap_err();
        assert!(error.to_string().starts_with("25 violations"));
        assert!(error.to_string().ends_with('…'));
    }
}
