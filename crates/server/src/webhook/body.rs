//! What receivers read: the documented form, byte for byte, or JSON for those who asked for it.

use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::Format;
use super::action::Action;
use super::delivery::{Due, Event, Told};
use crate::http::params::Named;
use crate::time;

/// As PHP encodes: the vendor's bodies come from there.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// A value of a field; the empty text is as good as none.
enum Field {
    Text(Option<String>),
    Number(Option<i64>),
    /// An object; in a form as its text.
    Json(Option<String>),
}

type Fields = Vec<(&'static str, Field)>;

/// The body of a delivery; none when what it tells of is there no more.
pub fn render(
    due: &Due,
    told: &Told,
    webhook_id: i64,
    format: Format,
    zone: &TimeZone,
) -> Option<Vec<u8>> {
    let fields = fields(due, told, webhook_id, zone)?;
    Some(match format {
        Format::Form => form(due.action, &fields).into_bytes(),
        Format::Json => in_json(due, told, fields, zone).to_string().into_bytes(),
    })
}

/// The fields in the documented order, after `action`.
fn fields(due: &Due, told: &Told, webhook_id: i64, zone: &TimeZone) -> Option<Fields> {
    let date = text(time::with_seconds(due.at, zone));
    let fields = match (told, due.action) {
        (_, Action::Test) => vec![("webhook_id", number(webhook_id)), ("date", date)],
        (Told::Customer { customer_id, company_id }, _) => vec![
            ("customer_id", number(*customer_id)),
            ("company_id", Field::Number(*company_id)),
            ("date", date),
        ],
        (Told::Event(event), action) => {
            let id = event.conversation_id;
            let mut fields = vec![("conversation_id", text(id.to_string()))];
            match action {
                Action::ConversationCreated => {
                    fields.push(("client_name", text(event.client_name.clone())));
                    fields.push(("client_email", text(event.client_email.clone())));
                }
                Action::AgentAssigned => {
                    fields.push(("agent_login", Field::Text(event.agent_login.clone())));
                }
                Action::MessageCreated => {
                    fields.push(("message_id", text(format!("{id}-{}", event.seq))));
                    fields.push(("sent_by", text(event.sent_by.name().to_owned())));
                    fields.push(("agent_login", Field::Text(event.agent_login.clone())));
                    fields.push(("text", Field::Text(event.text.clone())));
                }
                Action::ConversationClosed => {}
                // All of ours alike.
                _ => {
                    fields.push(("sent_by", text(event.sent_by.name().to_owned())));
                    fields.push(("agent_login", Field::Text(event.agent_login.clone())));
                    let bot_id = event.bot_id.map(|id| id.to_string());
                    fields.push(("external_chatbot_id", Field::Text(bot_id)));
                    fields.push(("text", Field::Text(event.text.clone())));
                    fields.push(("details", Field::Json(event.data.clone())));
                }
            }
            fields.extend([("date", date), ("chat_queue_id", number(event.chat_queue_id))]);
            fields
        }
        (Told::Deleted { conversation_id, .. }, _) => {
            vec![("conversation_id", text(conversation_id.to_string())), ("date", date)]
        }
        (Told::Nothing, _) => return None,
    };
    Some(fields)
}

fn text(text: String) -> Field {
    Field::Text(Some(text))
}

fn number(number: i64) -> Field {
    Field::Number(Some(number))
}

/// Every value a string, an empty one the literal `null`, a space as `+`.
fn form(action: Action, fields: &Fields) -> String {
    let mut body = format!("action={}", action.name());
    for (name, field) in fields {
        body.extend(["&", name, "="]);
        match field {
            Field::Text(Some(text)) | Field::Json(Some(text)) if !text.is_empty() => {
                for (place, part) in text.split(' ').enumerate() {
                    if place > 0 {
                        body.push('+');
                    }
                    body.extend(utf8_percent_encode(part, ESCAPED));
                }
            }
            Field::Number(Some(number)) => body.push_str(&number.to_string()),
            _ => body.push_str("null"),
        }
    }
    body
}

/// As Standard Webhooks recommends: type, timestamp and the rest as data.
fn in_json(due: &Due, told: &Told, fields: Fields, zone: &TimeZone) -> Value {
    let mut data = Map::new();
    for (name, field) in fields {
        let value = match field {
            Field::Text(text) => text.filter(|text| !text.is_empty()).map(Value::from),
            Field::Number(number) => number.map(Value::from),
            Field::Json(text) => text.and_then(|text| serde_json::from_str(&text).ok()),
        };
        data.insert(name.to_owned(), value.unwrap_or_default());
    }
    if let Told::Event(Event { seq, .. }) | Told::Deleted { seq, .. } = told {
        data.insert("seq".to_owned(), (*seq).into());
    }
    json!({
        "type": due.action.name(),
        "timestamp": time::with_offset(due.at, zone),
        "data": data,
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::delivery::References;
    use super::*;
    use crate::conversation::log::Speaker;

    fn due(action: Action) -> Due {
        // 4 September 2026, 12:19:43 in Warsaw.
        let at = 1_788_517_183_000;
        let references = References::default();
        Due { id: Uuid::nil(), due_at: at, action, at, attempts: 0, step: 0, references }
    }

    fn warsaw() -> TimeZone {
        TimeZone::get("Europe/Warsaw").unwrap()
    }

    fn rendered(action: Action, told: Told) -> String {
        String::from_utf8(render(&due(action), &told, 7, Format::Form, &warsaw()).unwrap()).unwrap()
    }

    fn event() -> Told {
        Told::Event(Event {
            conversation_id: Uuid::from_u128(0x6ed7_c941_2c8a_411e_95d2_338a_9f64_800a),
            seq: 2,
            client_name: "Zażółć & Spółka".to_owned(),
            client_email: String::new(),
            chat_queue_id: 3,
            sent_by: Speaker::Client,
            text: Some("a+b=ć\n~*".to_owned()),
            agent_login: None,
            data: None,
            bot_id: None,
        })
    }

    #[test]
    fn the_documented_example_comes_out() {
        assert_eq!(
            rendered(
                Action::CustomerUpdated,
                Told::Customer { customer_id: 682, company_id: None }
            ),
            "action=CUSTOMER_UPDATED&customer_id=682&company_id=null&date=2026-09-04+12%3A19%3A43"
        );
    }

    #[test]
    fn fields_stand_in_the_documented_order_and_what_is_empty_is_null() {
        assert_eq!(
            rendered(Action::ConversationCreated, event()),
            "action=CHAT_CONVERSATION_CREATED&conversation_id=6ed7c941-2c8a-411e-95d2-338a9f64800a\
             &client_name=Za%C5%BC%C3%B3%C5%82%C4%87+%26+Sp%C3%B3%C5%82ka&client_email=null\
             &date=2026-09-04+12%3A19%3A43&chat_queue_id=3"
        );
        assert_eq!(
            rendered(Action::MessageCreated, event()),
            "action=CHAT_MESSAGE_CREATED&conversation_id=6ed7c941-2c8a-411e-95d2-338a9f64800a\
             &message_id=6ed7c941-2c8a-411e-95d2-338a9f64800a-2&sent_by=CLIENT&agent_login=null\
             &text=a%2Bb%3D%C4%87%0A%7E%2A&date=2026-09-04+12%3A19%3A43&chat_queue_id=3"
        );
    }

    #[test]
    fn what_is_gone_has_no_body() {
        assert!(
            render(&due(Action::ConversationClosed), &Told::Nothing, 7, Format::Form, &warsaw())
                .is_none()
        );
    }
}
