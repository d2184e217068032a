//! All that a server has stored, read page by page.

use std::{collections::HashMap, io, net::SocketAddr};

use serde_json::Value;

use crate::{
    client::BlockingConnection,
    crash::ledger::{Deed, Expected, Ledger},
    request,
};

pub(super) struct Stored(HashMap<String, Value>);

/// Every conversation with its messages.
pub(super) fn all(address: SocketAddr) -> io::Result<Stored> {
    let mut connection = BlockingConnection::open(address)?;
    let mut all = HashMap::new();
    let mut cursor = String::new();
    loop {
        let page = page(&mut connection, &cursor)?;
        let Some(list) = page.get("result").and_then(Value::as_array) else {
            return Err(io::Error::other(format!("no list in {page}")));
        };
        for one in list {
            let id = text(one, "conversation_id").to_owned();
            if all.insert(id.clone(), one.clone()).is_some() {
                return Err(io::Error::other(format!("the pages hold {id} twice")));
            }
        }
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(next) => next.clone_into(&mut cursor),
            None => return Ok(Stored(all)),
        }
    }
}

/// One page by cursor; an empty cursor is the first.
pub(super) fn page(connection: &mut BlockingConnection, cursor: &str) -> io::Result<Value> {
    let cursor = request::query_value(cursor);
    let path = format!("/api/chats?limit=100&include_messages=1&cursor={cursor}");
    let answer = connection.call(&request::get(&path))?;
    answer.expect_ok()?;
    answer.json()
}

impl Stored {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What `compare` finds, or that it is not there at all.
    pub(super) fn compare(
        &self,
        expected: &Expected,
        compare: impl Fn(&Expected, &Value) -> Option<String>,
    ) -> Option<String> {
        match self.0.get(&expected.id) {
            Some(stored) => compare(expected, stored),
            None => Some(format!(
                "conversation {} ({}) was answered and is not there",
                expected.id, expected.client_id
            )),
        }
    }

    /// Whether a call was done that no answer of success was received for.
    pub(super) fn holds(
        &self,
        deed: Deed,
        ledger: &Ledger,
        address: SocketAddr,
    ) -> io::Result<bool> {
        let conversation = match deed {
            Deed::Start { conversation } => {
                let path =
                    format!("/api/chats?limit=1&client_id={}", ledger.client_id(conversation));
                let mut connection = BlockingConnection::open(address)?;
                let answer = connection.call(&request::get(&path))?;
                answer.expect_ok()?;
                return Ok(answer.json()?.get("count").and_then(Value::as_u64) != Some(0));
            }
            Deed::Message { conversation, .. } | Deed::Stop { conversation } => conversation,
        };
        let stored = ledger.expectation(conversation).and_then(|one| self.0.get(&one.id));
        Ok(stored.is_some_and(|stored| match deed {
            Deed::Message { number, .. } => {
                let text = ledger.text(conversation, number);
                stored.to_string().contains(&format!("\"{text}\""))
            }
            _ => self::text(stored, "status") == "CLOSED",
        }))
    }
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
