//! What an answer to a call under crashes means.

use serde_json::Value;

use super::ledger::Deed;
use crate::{client::Answer, request};

/// The one code of a 5xx after which something may have been changed.
const IN_DOUBT: u64 = 500_104;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Done, with the conversation's id after a start.
    Done(Option<String>),
    /// The store is away: ask again, with the key, which settles whether it was done. The answer promises
    /// that it was not, unless it is `in_doubt`.
    Later {
        in_doubt: bool,
    },
    Wrong(String),
}

pub(crate) fn judge(deed: Deed, answer: Answer<'_>) -> Verdict {
    match answer.status {
        200 => done(deed, answer),
        503 => match fault_of_refusal(answer) {
            None => Verdict::Later { in_doubt: code_of(answer) == Some(IN_DOUBT) },
            Some(fault) => Verdict::Wrong(format!("a 503 {fault}: {}", answer.text())),
        },
        status => Verdict::Wrong(format!("{deed:?}: status {status}: {}", answer.text())),
    }
}

fn done(deed: Deed, answer: Answer<'_>) -> Verdict {
    if let Deed::Start { .. } = deed {
        return match request::started(answer) {
            Ok(id) => Verdict::Done(Some(id)),
            Err(error) => Verdict::Wrong(error.to_string()),
        };
    }
    if answer.body.is_empty() {
        Verdict::Done(None)
    } else {
        Verdict::Wrong(format!("{deed:?}: a body where none is documented"))
    }
}

fn code_of(answer: Answer<'_>) -> Option<u64> {
    answer.json().ok()?.pointer("/errors/0/code")?.as_u64()
}

/// What the error envelope of a refusal lacks.
fn fault_of_refusal(answer: Answer<'_>) -> Option<&'static str> {
    let Ok(body) = answer.json() else {
        return Some("without JSON");
    };
    let request_id = body.get("request_id").and_then(Value::as_str);
    if request_id.is_none_or(str::is_empty) {
        return Some("without a request_id");
    }
    let error = body.pointer("/errors/0");
    let message = error.and_then(|error| error.get("message")?.as_str());
    let code = error.and_then(|error| error.get("code")?.as_u64());
    if message.is_none() || code.is_none() {
        return Some("without an error and its code");
    }
    if answer.header("retry-after").is_none() {
        return Some("without Retry-After");
    }
    None
}
