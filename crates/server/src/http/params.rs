//! Parameters: from the query, a JSON object and a form alike, with all faults told at once.
//!
//! A method declares what it takes with [`params!`](crate::params), once, for reading and for the reference.

use std::collections::BTreeMap;
use std::ops::Deref;

use jiff::tz::TimeZone;
use percent_encoding::percent_decode;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::error::{Code, Fault};
use crate::clock::Millis;
use crate::time::{self, Bound};

/// Names and values of one request.
const PARAMETERS_MAX: usize = 10_000;
/// `a[b][c]…`
const DEPTH_MAX: usize = 8;

/// A value as it was given. Scalars are texts: `3` and `"3"` are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    Scalar(String),
    List(Vec<Node>),
    Map(BTreeMap<String, Node>),
}

impl Node {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Scalar(text) if text.is_empty())
    }
}

/// What a request gave, wherever it stood.
#[derive(Debug)]
pub struct Params {
    values: BTreeMap<String, Node>,
    faults: Vec<Fault>,
    zone: TimeZone,
}

impl Params {
    pub fn new(zone: TimeZone) -> Self {
        Self { values: BTreeMap::new(), faults: Vec::new(), zone }
    }

    /// Reads a query or a form, PHP's brackets included.
    pub fn add_form(&mut self, place: &'static str, text: &[u8]) {
        let mut tree = BTreeMap::new();
        let mut is_unreadable = false;
        for (count, pair) in
            text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).enumerate()
        {
            if count == PARAMETERS_MAX {
                self.faults.push(Fault::new(Code::TooManyParameters));
                break;
            }
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            let (Some(name), Some(value)) = (decode(name), decode(value)) else {
                is_unreadable = true;
                continue;
            };
            if let Err(fault) = plant(&mut tree, &name, value) {
                self.faults.push(fault);
            }
        }
        self.merge(tree.into_iter().map(|(name, node)| (name, listed(node))));
        if is_unreadable {
            self.faults.push(Fault::new(Code::MalformedForm).with("place", place));
        }
    }

    /// Reads a JSON object; `null` is as good as absent.
    pub fn add_json(&mut self, object: serde_json::Map<String, serde_json::Value>) {
        let mut values = Vec::with_capacity(object.len());
        for (name, value) in object {
            match from_json(value, 0) {
                Ok(Some(node)) => values.push((name, node)),
                Ok(None) => {}
                Err(fault) => self.faults.push(fault),
            }
        }
        self.merge(values.into_iter());
    }

    fn merge(&mut self, more: impl Iterator<Item = (String, Node)>) {
        for (name, node) in more {
            match self.values.get(&name) {
                // What is empty says nothing, and contradicts nothing.
                Some(_) if node.is_empty() => {}
                Some(earlier) if *earlier != node && !earlier.is_empty() => {
                    self.faults.push(Fault::of(Code::Contradiction, &shown(&name)));
                }
                _ => {
                    self.values.insert(name, node);
                }
            }
        }
    }

    /// Reads one parameter; a fault is kept until [`Params::faults`].
    pub fn take<T: Param>(&mut self, name: &'static str) -> Option<T> {
        let node = self.values.remove(name).filter(|node| match node {
            // `name=` says as little as no name at all, except to those who ask for it.
            Node::Scalar(text) => T::TAKES_EMPTY || !text.trim().is_empty(),
            _ => true,
        });
        T::read(name, node, &self.zone).map_err(|fault| self.faults.push(fault)).ok()
    }

    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// What is wrong. A parameter is not called missing when it may stand in what could not be read.
    pub fn faults(&mut self) -> Vec<Fault> {
        let mut faults = std::mem::take(&mut self.faults);
        if faults.iter().any(|f| matches!(f.code, Code::MalformedForm | Code::TooManyParameters)) {
            faults.retain(|fault| fault.code != Code::Missing);
        }
        faults
    }
}

/// A struct of parameters; made by [`params!`](crate::params).
pub trait FromParams: Sized {
    fn from_params(params: &mut Params) -> Option<Self>;
}

/// Declares what a method takes: a struct that reads itself from [`Params`] and describes itself to the reference,
/// in the place where the vendor documents it: `query` or `body`. Types say what is required: `Option` is not.
#[macro_export]
macro_rules! params {
    (query $($rest:tt)*) => {
        $crate::params!(@make (#[derive(utoipa::IntoParams)] #[into_params(parameter_in = Query)]) (#[param(inline)]) $($rest)*);
    };
    (body $($rest:tt)*) => {
        $crate::params!(@make (#[derive(utoipa::ToSchema)]) (#[schema(inline)]) $($rest)*);
    };
    (@make ($($derive:tt)*) $inline:tt
        $(#[$meta:meta])* $name:ident { $($(#[$about:meta])* $field:ident: $type:ty,)* }
    ) => {
        $crate::params!(@struct ($($derive)*) $(#[$meta])* $name { $($inline $(#[$about])* $field: $type,)* });

        impl $crate::http::params::FromParams for $name {
            fn from_params(params: &mut $crate::http::params::Params) -> Option<Self> {
                // All are read before any is missed, so that all faults are told.
                $(let $field = params.take::<$type>(stringify!($field));)*
                Some(Self { $($field: $field?),* })
            }
        }
    };
    (@struct ($($derive:tt)*) $(#[$meta:meta])* $name:ident {
        $(($($inline:tt)*) $(#[$about:meta])* $field:ident: $type:ty,)*
    }) => {
        #[derive(Debug)]
        $($derive)*
        $(#[$meta])*
        pub struct $name { $($(#[$about])* $($inline)* pub $field: $type,)* }
    };
}

/// A type that a parameter can be read as.
pub trait Param: Sized {
    /// Whether an empty value means something other than none.
    const TAKES_EMPTY: bool = false;

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault>;
}

impl<T: Param> Param for Option<T> {
    const TAKES_EMPTY: bool = T::TAKES_EMPTY;

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        node.map(|node| T::read(name, Some(node), zone)).transpose()
    }
}

fn scalar(name: &'static str, node: Option<Node>) -> Result<String, Fault> {
    match node {
        Some(Node::Scalar(text)) => Ok(text),
        Some(_) => Err(Fault::of(Code::NotText, name)),
        None => Err(Fault::of(Code::Missing, name)),
    }
}

/// The number of a thing: an integer from 1 to 2⁵³ − 1, the largest that every JSON reader holds exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(pub i64);

impl Id {
    const MAX: i64 = (1 << 53) - 1;
}

impl Param for Id {
    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        integer(&scalar(name, node)?)
            .filter(|id| (1..=Self::MAX).contains(id))
            .map(Self)
            .ok_or_else(|| Fault::of(Code::NotInteger, name))
    }
}

/// How many: an integer from 0 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub i64);

impl Param for Count {
    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        integer(&scalar(name, node)?)
            .filter(|count| (0..=Id::MAX).contains(count))
            .map(Self)
            .ok_or_else(|| Fault::of(Code::NotCount, name))
    }
}

fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    // JSON has one kind of number, and some writers print whole ones with a fraction.
    text.strip_suffix(".0").unwrap_or(text).parse().ok()
}

/// `true`, `false`, `1` or `0`; false when absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag(pub bool);

impl Param for Flag {
    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        if node.is_none() {
            return Ok(Self(false));
        }
        match scalar(name, node)?.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(Self(true)),
            "false" | "0" => Ok(Self(false)),
            _ => Err(Fault::of(Code::NotBoolean, name)),
        }
    }
}

/// One line of text of at most `MAX` characters, without control characters, trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<const MAX: usize>(String);

impl<const MAX: usize> Param for Line<MAX> {
    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        let text = scalar(name, node)?;
        if text.chars().any(char::is_control) {
            return Err(Fault::of(Code::ControlCharacter, name));
        }
        limited(name, &text, MAX)?;
        Ok(Self(text.trim().to_owned()))
    }
}

impl<const MAX: usize> Deref for Line<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> From<Line<MAX>> for String {
    fn from(line: Line<MAX>) -> Self {
        line.0
    }
}

/// What people write: at most `MAX` characters, kept to the letter, not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<const MAX: usize>(pub String);

impl<const MAX: usize> Param for Text<MAX> {
    /// A blank text is not a missing one.
    const TAKES_EMPTY: bool = true;

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        let text = scalar(name, node)?;
        // PostgreSQL can't store NUL, and no reader shows it.
        if text.contains('\0') {
            return Err(Fault::of(Code::ControlCharacter, name));
        }
        if text.trim().is_empty() {
            return Err(Fault::of(Code::BlankText, name));
        }
        limited(name, &text, MAX)?;
        Ok(Self(text))
    }
}

fn limited(name: &'static str, text: &str, max: usize) -> Result<(), Fault> {
    if text.len() > max && text.chars().count() > max {
        return Err(Fault::of(Code::TooLong, name).with("limit", max));
    }
    Ok(())
}

/// An e-mail address, judged by its shape alone: the mail server knows better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    const MAX: usize = 254;
    const PATTERN: &str = r"^[^\s@\u0000-\u001F\u007F-\u009F]+@[^\s@\u0000-\u001F\u007F-\u009F]+$";

    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (user, host) = text.split_once('@')?;
        let odd = |c: char| c.is_whitespace() || c.is_control() || c == '@';
        let is_email =
            !user.is_empty() && !host.is_empty() && !user.contains(odd) && !host.contains(odd);
        (is_email && text.chars().count() <= Self::MAX).then(|| Self(text.to_owned()))
    }
}

impl Param for Email {
    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        Self::parse(&scalar(name, node)?).ok_or_else(|| Fault::of(Code::NotEmail, name))
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl Deref for Email {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Param for Uuid {
    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        scalar(name, node)?.trim().parse().map_err(|_| Fault::of(Code::NotUuid, name))
    }
}

/// A lower bound in time, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeFrom(pub Millis);

/// An upper bound in time: the first moment beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeUntil(pub Millis);

fn moment(
    name: &'static str,
    node: Option<Node>,
    bound: Bound,
    zone: &TimeZone,
) -> Result<Millis, Fault> {
    time::parse(scalar(name, node)?.trim(), bound, zone)
        .ok_or_else(|| Fault::of(Code::NotTime, name))
}

impl Param for TimeFrom {
    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        moment(name, node, Bound::From, zone).map(Self)
    }
}

impl Param for TimeUntil {
    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        moment(name, node, Bound::Until, zone).map(Self)
    }
}

/// Gives a type its place in the reference.
macro_rules! describe {
    (<$($generic:ident $of:ident: $kind:ty)?> $type:ty, $name:literal, $schema:expr) => {
        impl<$($generic $of: $kind)?> PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::from($schema))
            }
        }
        impl<$($generic $of: $kind)?> ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
        }
    };
}

fn text_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn integer_schema(least: i64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(least))
        .maximum(Some(Id::MAX))
}

/// Day 29 is in every month but one of most years, and the zone may skip an hour: the pattern stays on safe ground.
const TIME_PATTERN: &str = r"^(19[89]|20[0-9])[0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])( ([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?)?$";

describe!(<> Id, "Id", integer_schema(1));
describe!(<> Count, "Count", integer_schema(0));
describe!(<> Flag, "Flag", ObjectBuilder::new().schema_type(Type::Boolean).default(Some(false.into())));
describe!(<const MAX: usize> Line<MAX>, "Line", text_schema()
    .max_length(Some(MAX)).pattern(Some(r"^[^\u0000-\u001F\u007F-\u009F]*$")));
describe!(<const MAX: usize> Text<MAX>, "Text", text_schema()
    .min_length(Some(1)).max_length(Some(MAX)).pattern(Some(r"^[^\u0000]*[^\s\u0000\u001C-\u001F\u0085\uFEFF][^\u0000]*$")));
describe!(<> Email, "Email", text_schema().max_length(Some(Email::MAX)).pattern(Some(Email::PATTERN)));
describe!(<> TimeFrom, "TimeFrom", text_schema().pattern(Some(TIME_PATTERN)));
describe!(<> TimeUntil, "TimeUntil", text_schema().pattern(Some(TIME_PATTERN)));

/// `+` is a space in queries and forms alike.
fn decode(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> =
        text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}

/// A name in a message: a hostile one must not fill it.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Puts `a[b][]=value` where it belongs. Lists are maps by position until all is planted.
fn plant(tree: &mut BTreeMap<String, Node>, name: &str, value: String) -> Result<(), Fault> {
    let contradiction = || Fault::of(Code::Contradiction, &shown(name));
    let (first, rest) = match name.find('[') {
        Some(at) if at > 0 && name.ends_with(']') => (&name[..at], &name[at + 1..name.len() - 1]),
        _ => (name, ""),
    };
    let mut keys: Vec<&str> = Vec::new();
    if first.len() < name.len() {
        keys = rest.split("][").collect();
    }
    if keys.len() > DEPTH_MAX {
        return Err(Fault::new(Code::TooManyParameters));
    }
    let mut level = tree;
    let mut key = first.to_owned();
    for next in keys {
        let Node::Map(inner) = level.entry(key).or_insert_with(|| Node::Map(BTreeMap::new()))
        else {
            return Err(contradiction());
        };
        key = if next.is_empty() { next_position(inner) } else { next.to_owned() };
        level = inner;
    }
    match level.get(&key) {
        Some(Node::Scalar(earlier)) if *earlier == value => Ok(()),
        Some(_) => Err(contradiction()),
        None => {
            level.insert(key, Node::Scalar(value));
            Ok(())
        }
    }
}

fn next_position(level: &BTreeMap<String, Node>) -> String {
    level
        .keys()
        .filter_map(|key| key.parse::<usize>().ok())
        .max()
        .map_or(0, |last| last.saturating_add(1))
        .to_string()
}

/// Maps whose keys are 0, 1, 2, … become lists.
fn listed(node: Node) -> Node {
    let Node::Map(map) = node else { return node };
    let mut items: Vec<(String, Node)> =
        map.into_iter().map(|(key, node)| (key, listed(node))).collect();
    items.sort_by_key(|(key, _)| key.parse::<usize>().unwrap_or(usize::MAX));
    if items.iter().enumerate().all(|(position, (key, _))| *key == position.to_string()) {
        return Node::List(items.into_iter().map(|(_, node)| node).collect());
    }
    Node::Map(items.into_iter().collect())
}

fn from_json(value: serde_json::Value, depth: usize) -> Result<Option<Node>, Fault> {
    use serde_json::Value;
    if depth > DEPTH_MAX {
        return Err(Fault::new(Code::TooManyParameters));
    }
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(value) => Node::Scalar(value.to_string()),
        Value::Number(value) => Node::Scalar(value.to_string()),
        Value::String(value) => Node::Scalar(value),
        Value::Array(items) => {
            let items = items.into_iter().map(|item| from_json(item, depth + 1));
            Node::List(items.filter_map(Result::transpose).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let mut nodes = BTreeMap::new();
            for (key, value) in map {
                if let Some(node) = from_json(value, depth + 1)? {
                    nodes.insert(key, node);
                }
            }
            Node::Map(nodes)
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Params {
        let mut params = Params::new(TimeZone::UTC);
        params.add_form("query", text.as_bytes());
        params
    }

    fn scalar(text: &str) -> Node {
        Node::Scalar(text.to_owned())
    }

    #[test]
    fn php_arrays_become_lists_and_maps() {
        let params = form(
            "user_logins[]=a&user_logins[]=b&custom_fields[Kraj][0]=POLSKA&custom_fields%5BMiasto%5D=Krak%C3%B3w&x[5]=y&odd[=1",
        );
        assert_eq!(params.values["user_logins"], Node::List(vec![scalar("a"), scalar("b")]));
        let Node::Map(fields) = &params.values["custom_fields"] else { panic!("no map") };
        assert_eq!(fields["Kraj"], Node::List(vec![scalar("POLSKA")]));
        assert_eq!(fields["Miasto"], scalar("Kraków"));
        assert_eq!(params.values["x"], Node::Map([("5".to_owned(), scalar("y"))].into()));
        assert_eq!(params.values["odd["], scalar("1"));
    }

    #[test]
    fn the_same_name_twice_is_a_fault_only_with_another_value() {
        let mut params = form("a=1&a=1&b=1&b=2");
        assert_eq!(params.faults(), vec![Fault::of(Code::Contradiction, "b")]);
        params.add_json(serde_json::from_str(r#"{"a": 1}"#).unwrap());
        assert_eq!(params.faults(), vec![]);
        params.add_json(serde_json::from_str(r#"{"a": 2}"#).unwrap());
        assert_eq!(params.faults(), vec![Fault::of(Code::Contradiction, "a")]);
    }

    #[test]
    fn types_take_what_the_contract_says() {
        let mut params =
            form("id=+3&flag=TRUE&off=0&name=+Jan+&empty=&big=9007199254740992&mail=a%40b");
        assert_eq!(params.take::<Id>("id"), Some(Id(3)));
        assert_eq!(params.take::<Flag>("flag"), Some(Flag(true)));
        assert_eq!(params.take::<Flag>("off"), Some(Flag(false)));
        assert_eq!(params.take::<Line<10>>("name"), Some(Line("Jan".into())));
        assert_eq!(params.take::<Option<Line<10>>>("empty"), Some(None));
        assert_eq!(params.take::<Id>("big"), None);
        assert_eq!(params.take::<Email>("mail"), Some(Email("a@b".into())));
        assert_eq!(params.faults(), vec![Fault::of(Code::NotInteger, "big")]);
    }

    #[test]
    fn all_faults_are_kept() {
        let mut params = form("flag=maybe&mail=x%40&time=yesterday");
        params.take::<Id>("id");
        params.take::<Flag>("flag");
        params.take::<Email>("mail");
        params.take::<TimeFrom>("time");
        let codes: Vec<_> = params.faults().iter().map(|fault| fault.code).collect();
        assert_eq!(codes, [Code::Missing, Code::NotBoolean, Code::NotEmail, Code::NotTime]);
    }

    #[test]
    fn hostile_forms_end() {
        form(&"a[".repeat(10_000));
        assert_eq!(form(&format!("a{}=1", "[x]".repeat(100))).faults().len(), 1);
        assert_eq!(form(&"a&".repeat(20_000)).faults(), vec![Fault::new(Code::TooManyParameters)]);
        assert_eq!(form("a=%ff").faults().len(), 1);
        form("a[18446744073709551615]=1&a[]=2");
    }
}
