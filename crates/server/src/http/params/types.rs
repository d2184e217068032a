//! The types that parameters can have, each with its rule and what the reference says of it.

use std::ops::Deref;

use jiff::tz::TimeZone;
use utoipa::openapi::schema::{
    ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type,
};
use uuid::Uuid;

use super::tree::Node;
use crate::clock::Millis;
use crate::http::error::{Code, Fault};
use crate::time::{self, Bound};

/// A type that a parameter can be read as.
pub trait Param: Sized {
    /// Whether a method that takes it needs it.
    const IS_REQUIRED: bool = true;
    /// Whether an empty value means something other than none.
    const TAKES_EMPTY: bool = false;

    /// Whether its name has `[]` behind it in a query.
    const IS_LIST: bool = false;

    /// Whether it has members: `name[member]=value` in a query.
    const IS_MAP: bool = false;

    /// What the reference says of it.
    fn describe(is_required: bool) -> ObjectBuilder;

    /// The same, with what is said of this parameter alone.
    fn schema(
        is_required: bool,
        about: Option<&str>,
        example: Option<serde_json::Value>,
    ) -> Schema {
        Self::describe(is_required).description(about).examples(example).into()
    }

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault>;
}

impl<T: Param> Param for Option<T> {
    const IS_REQUIRED: bool = false;
    const TAKES_EMPTY: bool = T::TAKES_EMPTY;
    const IS_LIST: bool = T::IS_LIST;
    const IS_MAP: bool = T::IS_MAP;

    fn describe(_: bool) -> ObjectBuilder {
        T::describe(false)
    }

    fn schema(_: bool, about: Option<&str>, example: Option<serde_json::Value>) -> Schema {
        T::schema(false, about, example)
    }

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
    fn describe(_: bool) -> ObjectBuilder {
        integers_from(1)
    }

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
    fn describe(_: bool) -> ObjectBuilder {
        integers_from(0)
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        integer(&scalar(name, node)?)
            .filter(|count| (0..=Id::MAX).contains(count))
            .map(Self)
            .ok_or_else(|| Fault::of(Code::NotCount, name))
    }
}

/// An integer from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Within<const LEAST: i64, const MOST: i64>(pub i64);

impl<const LEAST: i64, const MOST: i64> Param for Within<LEAST, MOST> {
    fn describe(_: bool) -> ObjectBuilder {
        integers_from(LEAST).maximum(Some(MOST))
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        integer(&scalar(name, node)?)
            .filter(|it| (LEAST..=MOST).contains(it))
            .map(Self)
            .ok_or_else(|| Fault::of(Code::NotWithin, name).with("least", LEAST).with("most", MOST))
    }
}

/// Epoch milliseconds, as consoles have times: up to the year 9999.
pub type Moment = Within<0, 253_402_300_799_999>;

/// A whole number.
pub fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    // JSON has one kind of number, and some writers print whole ones with a fraction.
    text.strip_suffix(".0").unwrap_or(text).parse().ok()
}

/// `true`, `false`, `1` or `0`; false when absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag(pub bool);

impl Param for Flag {
    const IS_REQUIRED: bool = false;

    fn describe(_: bool) -> ObjectBuilder {
        ObjectBuilder::new().schema_type(Type::Boolean).default(Some(false.into()))
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        if node.is_none() {
            return Ok(Self(false));
        }
        boolean(name, node).map(Self)
    }
}

/// `true`, `false`, `1` or `0`, where absent is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YesNo(pub bool);

impl Param for YesNo {
    fn describe(_: bool) -> ObjectBuilder {
        ObjectBuilder::new().schema_type(Type::Boolean)
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        boolean(name, node).map(Self)
    }
}

fn boolean(name: &'static str, node: Option<Node>) -> Result<bool, Fault> {
    match scalar(name, node)?.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Fault::of(Code::NotBoolean, name)),
    }
}

/// One to `MAX` of a kind: `roles[]=a&roles[]=b`, a JSON array, or a value alone. Those that say nothing are passed over;
/// a list of nothing else is as good as absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Many<T, const MAX: usize>(pub Vec<T>);

impl<T: Param, const MAX: usize> Param for Many<T, MAX> {
    const IS_LIST: bool = true;

    /// Of one of them.
    fn describe(_: bool) -> ObjectBuilder {
        T::describe(true)
    }

    fn schema(_: bool, about: Option<&str>, example: Option<serde_json::Value>) -> Schema {
        let list = ArrayBuilder::new().items(Self::describe(true));
        let list = list.min_items(Some(1)).max_items(Some(MAX));
        list.description(about).examples(example).into()
    }

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        let nodes = match node {
            Some(Node::List(nodes)) => nodes,
            Some(Node::Map(_)) => return Err(Fault::of(Code::NotList, name)),
            Some(alone) => vec![alone],
            None => return Err(Fault::of(Code::Missing, name)),
        };
        let nodes: Vec<_> = nodes.into_iter().filter(|node| !node.says_nothing()).collect();
        if nodes.len() > MAX {
            return Err(Fault::of(Code::TooManyValues, name).with("limit", MAX));
        }
        let read = nodes.into_iter().map(|node| T::read(name, Some(node), zone));
        read.collect::<Result<_, _>>().map(Self)
    }
}

/// None to `MAX` of a kind, in a body: an empty list says that there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T, const MAX: usize>(pub Vec<T>);

impl<T: Param, const MAX: usize> Param for Listed<T, MAX> {
    const TAKES_EMPTY: bool = true;

    /// Of one of them.
    fn describe(_: bool) -> ObjectBuilder {
        T::describe(true)
    }

    fn schema(_: bool, about: Option<&str>, example: Option<serde_json::Value>) -> Schema {
        let list = ArrayBuilder::new().items(Self::describe(true)).max_items(Some(MAX));
        list.description(about).examples(example).into()
    }

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        match node {
            Some(node) if node.says_nothing() => Ok(Self(Vec::new())),
            node => Many::<T, MAX>::read(name, node, zone).map(|many| Self(many.0)),
        }
    }
}

/// One line of text of at most `MAX` characters, without control characters, trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<const MAX: usize>(String);

impl<const MAX: usize> Param for Line<MAX> {
    fn describe(is_required: bool) -> ObjectBuilder {
        const ANY: &str = r"^[^\u0000-\u001F\u007F-\u009F]*$";
        const NOT_BLANK: &str = r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F\uFEFF][^\u0000-\u001F\u007F-\u009F]*$";
        let text = texts_to(MAX).pattern(Some(if is_required { NOT_BLANK } else { ANY }));
        if is_required { text.min_length(Some(1)) } else { text }
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        let text = scalar(name, node)?;
        if text.chars().any(char::is_control) {
            return Err(Fault::of(Code::ControlCharacter, name));
        }
        limited(name, &text, MAX)?;
        Ok(Self(text.trim().to_owned()))
    }
}

impl<const MAX: usize> Line<MAX> {
    /// For other doors than this one; trimmed, and possibly empty.
    pub fn parse(text: &str) -> Option<Self> {
        let is_line = !text.chars().any(char::is_control) && text.chars().count() <= MAX;
        is_line.then(|| Self(text.trim().to_owned()))
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

/// What a page tells of itself, which whoever calls did not choose: it is taken as far as it can be, and never refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hearsay(pub String);

impl Param for Hearsay {
    fn describe(_: bool) -> ObjectBuilder {
        ObjectBuilder::new().schema_type(Type::String)
    }

    fn read(_: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        Ok(match node {
            Some(Node::Scalar(text)) => Self(text),
            _ => Self::default(),
        })
    }
}

/// What people write: at most `MAX` characters, kept to the letter, not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<const MAX: usize>(pub String);

impl<const MAX: usize> Param for Text<MAX> {
    /// A blank text is not a missing one.
    const TAKES_EMPTY: bool = true;

    fn describe(_: bool) -> ObjectBuilder {
        const NOT_BLANK: &str = r"^[^\u0000]*[^\s\u0000\u001C-\u001F\u0085\uFEFF][^\u0000]*$";
        texts_to(MAX).min_length(Some(1)).pattern(Some(NOT_BLANK))
    }

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

/// A new password: any text of 1 to 1,024 characters that is not blank. It shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

impl Param for Password {
    const TAKES_EMPTY: bool = true;

    fn describe(is_required: bool) -> ObjectBuilder {
        Text::<1_024>::describe(is_required)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
    }

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        Text::<1_024>::read(name, node, zone).map(|text| Self(text.0))
    }
}

/// The login of a new agent: it stands in paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login(String);

impl Login {
    const MAX: usize = 255;
    /// Letters of all languages are taken; the reference stays on safe ground.
    const PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._@+-]*$";

    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_login = text.starts_with(char::is_alphanumeric)
            && text.chars().all(|c| c.is_alphanumeric() || "._@+-".contains(c))
            && text.chars().count() <= Self::MAX;
        is_login.then(|| Self(text.to_owned()))
    }
}

impl Param for Login {
    fn describe(_: bool) -> ObjectBuilder {
        texts_to(Self::MAX).pattern(Some(Self::PATTERN))
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        Self::parse(&scalar(name, node)?).ok_or_else(|| Fault::of(Code::NotLogin, name))
    }
}

impl From<Login> for String {
    fn from(login: Login) -> Self {
        login.0
    }
}

/// One of a few, each with a name.
pub trait Named: Copy + 'static {
    const ALL: &[Self];

    fn name(self) -> &'static str;

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.name() == name)
    }

    /// `a, b, c`
    fn names() -> String {
        Self::ALL.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ")
    }
}

/// One of the names of a [`Named`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneOf<T>(pub T);

impl<T: Named> Param for OneOf<T> {
    fn describe(_: bool) -> ObjectBuilder {
        let names = T::ALL.iter().map(|one| one.name());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names))
    }

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        let given = Line::<255>::read(name, node, zone)?;
        T::from_name(&given)
            .map(Self)
            .ok_or_else(|| Fault::of(Code::NotOneOf, name).with("values", T::names()))
    }
}

/// A value that can be taken away: an empty one is none, an absent one is not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrEmpty<T>(pub Option<T>);

impl<T: Param> Param for OrEmpty<T> {
    const IS_REQUIRED: bool = false;
    const TAKES_EMPTY: bool = true;
    const IS_LIST: bool = T::IS_LIST;

    fn describe(_: bool) -> ObjectBuilder {
        T::describe(false)
    }

    fn schema(_: bool, about: Option<&str>, example: Option<serde_json::Value>) -> Schema {
        T::schema(false, about, example)
    }

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        match node {
            Some(node) if node.says_nothing() => Ok(Self(None)),
            node => T::read(name, node, zone).map(|value| Self(Some(value))),
        }
    }
}

/// A number in a path; what is none is the number of nothing.
pub fn path_number(text: &str) -> Option<i64> {
    let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())??;
    (1..=Id::MAX).contains(&number).then_some(number)
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
    fn describe(_: bool) -> ObjectBuilder {
        texts_to(Self::MAX).pattern(Some(Self::PATTERN))
    }

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
    fn describe(_: bool) -> ObjectBuilder {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        scalar(name, node)?.trim().parse().map_err(|_| Fault::of(Code::NotUuid, name))
    }
}

/// Where a page begins: at the start, or after the one that ended with this id.
#[derive(Debug, Clone, Copy)]
pub struct Cursor(pub Option<Uuid>);

impl Param for Cursor {
    const TAKES_EMPTY: bool = true;

    fn describe(_: bool) -> ObjectBuilder {
        const PATTERN: &str =
            "^([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})?$";
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(PATTERN))
    }

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        let given = Line::<64>::read(name, node, zone)?;
        if given.is_empty() {
            return Ok(Self(None));
        }
        Uuid::try_parse(&given)
            .map(|last| Self(Some(last)))
            .map_err(|_| Fault::of(Code::NotCursor, name))
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
    fn describe(_: bool) -> ObjectBuilder {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(TIME_PATTERN))
    }

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        moment(name, node, Bound::From, zone).map(Self)
    }
}

impl Param for TimeUntil {
    fn describe(_: bool) -> ObjectBuilder {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(TIME_PATTERN))
    }

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        moment(name, node, Bound::Until, zone).map(Self)
    }
}

fn integers_from(least: i64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(least))
        .maximum(Some(Id::MAX))
}

fn texts_to(max: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).max_length(Some(max))
}

/// Day 29 is in every month but one of most years, and the zone may skip an hour: the pattern stays on safe ground.
const TIME_PATTERN: &str = r"^(19[89]|20[0-9])[0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])( ([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?)?$";
