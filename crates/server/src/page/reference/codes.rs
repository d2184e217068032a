//! Which errors a method can answer: its own by what it says of its refusals, and those of its parameters by their shapes.

use crate::http::Code;

use super::document::{Body, Method, Parameter, Place};

/// What every method can answer.
pub const ALL_METHODS: &[Code] = &[
    Code::Unauthorized,
    Code::Expired,
    Code::Forbidden,
    Code::TooManyFailures,
    Code::MalformedJson,
    Code::JsonNotObject,
    Code::MalformedForm,
    Code::BodyIncomplete,
    Code::BodyTooLarge,
    Code::UnsupportedMediaType,
    Code::TooManyParameters,
    Code::Internal,
    Code::StoreUnavailable,
    Code::Overloaded,
    Code::InDoubt,
];

/// A word of what a method says of its refusals, on which paths, and the code that is meant.
const WORDS: &[(u16, &str, &str, Code)] = &[
    (404, "conversation", "", Code::UnknownConversation),
    (404, "chat queue", "", Code::UnknownQueue),
    (404, "bot", "", Code::UnknownBot),
    (404, "agent", "", Code::UnknownAgent),
    (404, "reason", "", Code::UnknownPause),
    (404, "webhook", "", Code::UnknownWebhook),
    (404, "delivery", "", Code::UnknownDelivery),
    (404, "file", "", Code::UnknownFile),
    (404, "clause", "", Code::UnknownClauseName),
    (404, "topic", "", Code::UnknownTopic),
    (404, "tag", "", Code::UnknownTag),
    (404, "customer", "", Code::UnknownCustomer),
    (404, "company", "", Code::UnknownCompany),
    (404, "account manager", "", Code::UnknownAccountManager),
    (404, "field", "/api/custom_fields", Code::UnknownCustomField),
    (404, "group", "/api/customer_field", Code::UnknownFieldGroup),
    (404, "item", "/api/customer_field", Code::UnknownFieldItem),
    (409, "conversation is closed", "", Code::ConversationClosed),
    (409, "account is not active", "", Code::AgentInactive),
    (409, "at capacity", "", Code::AgentAtCapacity),
    (409, "off duty", "", Code::AgentOffDuty),
    (409, "not the bot's", "", Code::NotTheBots),
    (409, "bot is disabled", "", Code::BotDisabled),
    (409, "bot or the queue is disabled", "", Code::BotDisabled),
    (409, "the queue is disabled", "", Code::QueueDisabled),
    (409, "chat queue is disabled", "", Code::QueueDisabled),
    (409, "Disabled chat queue", "", Code::QueueDisabled),
    (409, "there already", "", Code::TransferredAlready),
    (409, "24 hours", "", Code::RatingFinal),
    (409, "tag is disabled", "", Code::LabelDisabled),
    (409, "reason is disabled", "", Code::PauseDisabled),
    (409, "login is taken", "/api/agents", Code::LoginTaken),
    (409, "is taken", "/api/chats/queues", Code::QueueTaken),
    (409, "name is taken", "/api/pauses", Code::PauseNameTaken),
    (409, "identifier is taken", "/api/customers", Code::IdentifierTaken),
    (409, "identifier is another", "", Code::IdentifierTaken),
    (409, "one of this name", "/api/custom_fields", Code::CustomFieldTaken),
    (409, "one of this name", "/api/customer_field_groups", Code::FieldGroupTaken),
    (409, "a field of this name", "", Code::CustomFieldTaken),
    (409, "there are too many", "/api/custom_fields", Code::TooManyCustomFields),
    (409, "field of this name, or there are too many", "", Code::TooManyCustomFields),
    (
        409,
        "one of this name, or there are too many",
        "/api/customer_field_groups",
        Code::TooManyFieldGroups,
    ),
    (409, "customer has too many", "", Code::TooManyFieldItems),
    (409, "many files", "", Code::TooManyFiles),
    (409, "many webhooks", "", Code::TooManyWebhooks),
    (409, "bots or webhooks", "", Code::TooManyBots),
    (409, "bots or webhooks", "", Code::TooManyWebhooks),
    (409, "bot of this UUID", "", Code::BotTaken),
    (413, "too large", "", Code::FileTooLarge),
    (429, "streams", "", Code::TooManyStreams),
];

/// The codes of what a method says that it refuses.
fn of_refusals(method: &Method) -> impl Iterator<Item = Code> {
    method.refusals.iter().flat_map(|(status, about)| of_refusal(&method.path, *status, about))
}

pub fn of_refusal(path: &str, status: u16, about: &str) -> impl Iterator<Item = Code> {
    let is_meant = move |(at, word, start, _): &&(u16, &str, &str, Code)| {
        *at == status && path.starts_with(start) && about.contains(word)
    };
    WORDS.iter().filter(is_meant).map(|(.., code)| *code)
}

/// All that are the method's own, by number.
pub fn of(method: &Method) -> Vec<Code> {
    let mut codes: Vec<_> = of_refusals(method).collect();
    for parameter in &method.parameters {
        of_parameter(parameter, &mut codes);
    }
    if method.of(Place::Body).any(|it| it.is_required)
        || method.of(Place::Query).any(|it| it.is_required)
    {
        codes.push(Code::Missing);
    }
    if method.of(Place::Body).next().is_some() || method.of(Place::Query).next().is_some() {
        codes.push(Code::Contradiction);
    }
    if method.verb == "PUT" && method.of(Place::Body).any(|it| it.name == "http_auth_password") {
        codes.push(Code::PasswordNeeded);
    }
    if method.body == Body::File {
        codes.extend([Code::EmptyFile, Code::PictureTooLarge]);
    }
    codes.sort_unstable_by_key(|code| (code.status().as_u16(), code.number()));
    codes.dedup();
    codes
}

fn of_parameter(parameter: &Parameter, codes: &mut Vec<Code>) {
    match (parameter.place, &*parameter.name) {
        (Place::Path, "participant") => return codes.push(Code::NotOneOf),
        // What is no id is nobody's.
        (Place::Path, _) => return,
        (Place::Header, "Idempotency-Key") => {
            return codes.extend([Code::BadIdempotencyKey, Code::IdempotencyKeyReused]);
        }
        (Place::Header, "Last-Event-ID") | (_, "after") => codes.push(Code::NotEventId),
        (_, "cursor") => codes.push(Code::NotCursor),
        (_, "subscription_url") => codes.extend([Code::NotUrl, Code::AddressNotAllowed]),
        (_, "http_auth_user") => codes.push(Code::ColonInUser),
        (_, "include_messages") => codes.push(Code::AnswerTooLarge),
        (_, "to_user_login") => codes.push(Code::NotExactlyOne),
        (_, "hours") => {
            codes.extend([Code::NotSpans, Code::NotWeek, Code::NotDate, Code::NotTimeZone]);
        }
        (_, "phone_number") => codes.push(Code::NotPhone),
        (_, "email") => codes.push(Code::NotEmail),
        (_, "birthdate") => codes.push(Code::NotDate),
        (_, "payload") => codes.push(Code::NotJson),
        (_, "options" | "kind") => codes.push(Code::OptionsOfList),
        (_, "values") => {
            codes.extend([Code::UnknownFieldOfGroup, Code::UnknownMember, Code::NotObject]);
        }
        (_, "custom_fields") => codes.extend([
            Code::UnknownCustomFieldName,
            Code::ReadOnlyCustomField,
            Code::NotAnOption,
            Code::NotNumber,
            Code::NotDate,
            Code::NotBoolean,
        ]),
        (_, "address" | "invoice_address" | "mail_drop_address") => {
            codes.push(Code::UnknownMember);
        }
        (_, "origins") => codes.push(Code::NotOrigin),
        (_, "widget") => codes.extend([Code::NotColor, Code::UnknownMember]),
        _ => {}
    }
    // Members of objects are judged with the object.
    if parameter.name.contains('.') {
        return;
    }
    of_shape(parameter, codes);
}

fn of_shape(parameter: &Parameter, codes: &mut Vec<Code>) {
    let shape = &parameter.shape;
    let number = |key: &str| shape.get(key).and_then(serde_json::Value::as_i64);
    let text = |key: &str| shape.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    if parameter.is_of_type("boolean") {
        codes.extend([Code::NotBoolean, Code::NotText]);
    } else if parameter.is_of_type("integer") {
        let is_number = number("maximum") == Some(9_007_199_254_740_991);
        codes.push(match number("minimum") {
            Some(1) if is_number => Code::NotInteger,
            Some(0) if is_number => Code::NotCount,
            _ => Code::NotWithin,
        });
        codes.push(Code::NotText);
    } else if parameter.is_of_type("array") {
        codes.extend([Code::NotList, Code::TooManyValues]);
        let items = shape.get("items");
        let has = |key: &str| items.is_some_and(|items| items.get(key).is_some());
        let is_number = items.is_some_and(|items| items.get("maximum").is_some());
        if is_number {
            codes.push(Code::NotInteger);
        } else if has("format") {
            codes.push(Code::NotUuid);
        } else {
            codes.extend([Code::TooLong, Code::ControlCharacter]);
        }
        if has("enum") {
            codes.push(Code::NotOneOf);
        }
        codes.push(Code::NotText);
    } else if parameter.is_of_type("object") {
        codes.extend([Code::NotObject, Code::ObjectTooLarge]);
    } else {
        codes.push(Code::NotText);
        let pattern = text("pattern");
        if shape.contains_key("enum") {
            codes.push(Code::NotOneOf);
        } else if text("format") == "uuid" {
            codes.push(Code::NotUuid);
        } else if pattern.contains("19[89]") {
            codes.push(Code::NotTime);
        } else if pattern.contains("]+@[") {
            codes.extend([Code::NotEmail, Code::TooLong, Code::ControlCharacter]);
        } else if pattern.contains("._@+-") {
            codes.extend([Code::NotLogin, Code::TooLong]);
        } else {
            codes.extend([Code::TooLong, Code::ControlCharacter]);
            if number("minLength").is_some() {
                codes.push(Code::BlankText);
            }
        }
    }
}
