//! Parameters: from the query, a JSON object and a form alike, with all faults told at once.
//!
//! A method declares what it takes with [`params!`](crate::params), once, for reading and for the reference.

mod members;
mod tree;
mod types;

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
pub use members::Members;
pub use tree::{Node, Object};
pub use types::{
    Count, Cursor, Email, Flag, Hearsay, Id, Line, Listed, Login, Many, Moment, Named, OneOf,
    OrEmpty, Param, Password, Text, TimeFrom, TimeUntil, Within, YesNo, integer, path_number,
};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{RefOr, Required};

use super::error::{Code, Fault};
use tree::{Refusal, decode, from_json, listed, plant};

/// Names and values of one request.
const PARAMETERS_MAX: usize = 1_000;
/// More faults than this say nothing new.
const FAULTS_MAX: usize = 50;

/// What a request gave, wherever it stood.
#[derive(Debug)]
pub struct Params {
    values: BTreeMap<String, Node>,
    /// Given more than once, with different values. Of no consequence unless somebody asks for it.
    contradictory: BTreeSet<String>,
    faults: Vec<Fault>,
    /// Objects of a JSON body as they were: in the tree numbers are texts.
    objects: BTreeMap<String, serde_json::Value>,
    zone: TimeZone,
}

impl Params {
    pub fn new(zone: TimeZone) -> Self {
        let (values, contradictory) = (BTreeMap::new(), BTreeSet::new());
        Self { values, contradictory, faults: Vec::new(), objects: BTreeMap::new(), zone }
    }

    /// Reads a query or a form, PHP's brackets included.
    pub fn add_form(&mut self, place: &'static str, text: &[u8]) {
        let mut tree = BTreeMap::new();
        let (mut is_unreadable, mut is_too_much) = (false, false);
        let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        for (count, pair) in pairs.enumerate() {
            if count == PARAMETERS_MAX {
                is_too_much = true;
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
            match plant(&mut tree, &name, value) {
                Ok(()) => {}
                Err(Refusal::TooDeep) => is_too_much = true,
                Err(Refusal::Contradiction(name)) => {
                    self.contradictory.insert(name);
                }
            }
        }
        self.merge(tree.into_iter().map(|(name, node)| (name, listed(node))));
        if is_unreadable {
            self.faults.push(Fault::new(Code::MalformedForm).with("place", place));
        }
        if is_too_much {
            self.faults.push(Fault::new(Code::TooManyParameters));
        }
    }

    /// Reads a JSON object; `null` is as good as absent.
    pub fn add_json(&mut self, object: Object) {
        let mut values = Vec::new();
        for (count, (name, value)) in object.0.into_iter().enumerate() {
            if count == PARAMETERS_MAX {
                self.faults.push(Fault::new(Code::TooManyParameters));
                break;
            }
            if value.is_object() {
                self.objects.insert(name.clone(), value.clone());
            }
            match from_json(value, 0) {
                Ok(Some(node)) => values.push((name, node)),
                Ok(None) => {}
                Err(fault) => self.faults.push(fault),
            }
        }
        self.merge(values.into_iter());
    }

    /// One entry of a list of such: it has parameters of its own.
    pub fn of_entry(entry: Node, zone: TimeZone) -> Option<Self> {
        let Node::Map(values) = entry else { return None };
        Some(Self { values, ..Self::new(zone) })
    }

    fn merge(&mut self, more: impl Iterator<Item = (String, Node)>) {
        for (name, node) in more {
            match self.values.get(&name) {
                // What is empty says nothing, and contradicts nothing.
                Some(_) if node.is_empty() => {}
                Some(earlier) if *earlier != node && !earlier.is_empty() => {
                    self.contradictory.insert(name);
                }
                _ => {
                    self.values.insert(name, node);
                }
            }
        }
    }

    /// Reads one parameter; a fault is kept until [`Params::faults`].
    pub fn take<T: Param>(&mut self, name: &'static str) -> Option<T> {
        if self.contradictory.contains(name) {
            self.faults.push(Fault::of(Code::Contradiction, name));
            return None;
        }
        let node = self.values.remove(name).filter(|node| match node {
            // `name=` says as little as no name at all, except to those who ask for it.
            Node::Scalar(_) => T::TAKES_EMPTY || !node.says_nothing(),
            Node::List(_) if T::IS_LIST => T::TAKES_EMPTY || !node.says_nothing(),
            _ => true,
        });
        T::read(name, node, &self.zone).map_err(|fault| self.faults.push(fault)).ok()
    }

    /// A value alone, before it is read: for what takes more than its text to judge.
    pub fn peek(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(Node::Scalar(text)) if !self.contradictory.contains(name) => Some(text.trim()),
            _ => None,
        }
    }

    /// An object of a JSON body to the letter: for what is kept and not read.
    pub fn object(&mut self, name: &str) -> Option<serde_json::Value> {
        self.objects.remove(name)
    }

    /// Told with all others.
    pub fn add_fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// What is wrong. A parameter is not called missing when it may stand in what could not be read.
    pub fn faults(&mut self) -> Vec<Fault> {
        let mut faults = std::mem::take(&mut self.faults);
        if faults.iter().any(|f| matches!(f.code, Code::MalformedForm | Code::TooManyParameters)) {
            faults.retain(|fault| fault.code != Code::Missing);
        }
        faults.dedup();
        faults.truncate(FAULTS_MAX);
        faults
    }
}

/// A struct of parameters; made by [`params!`](crate::params).
pub trait FromParams: Sized {
    fn from_params(params: &mut Params) -> Option<Self>;
}

/// Declares what a method takes: a struct that reads itself from [`Params`] and describes itself to the reference,
/// in the place where the vendor documents it: `query` or `body`. Types say what is required: `Option` is not. The value
/// behind a type is an example.
#[macro_export]
macro_rules! params {
    (query $($rest:tt)*) => {
        $crate::params!(@read $($rest)*);
        $crate::params!(@query $($rest)*);
    };
    (body $($rest:tt)*) => {
        $crate::params!(@read $($rest)*);
        $crate::params!(@body $($rest)*);
    };
    (@read $name:ident { $($(#[doc = $about:literal])* $field:ident: $type:ty $(= $example:expr)?,)* }) => {
        #[derive(Debug)]
        pub struct $name { $($(#[doc = $about])* pub $field: $type,)* }

        impl $crate::http::params::FromParams for $name {
            fn from_params(params: &mut $crate::http::params::Params) -> Option<Self> {
                // All are read before any is missed, so that all faults are told.
                $(let $field = params.take::<$type>($crate::http::params::bare(stringify!($field)));)*
                Some(Self { $($field: $field?),* })
            }
        }
    };
    (@query $name:ident { $($(#[doc = $about:literal])* $field:ident: $type:ty $(= $example:expr)?,)* }) => {
        impl utoipa::IntoParams for $name {
            fn into_params(
                _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                vec![$($crate::http::params::About {
                    name: $crate::http::params::bare(stringify!($field)),
                    text: concat!($($about),*),
                    example: $crate::params!(@example $($example)?),
                }.in_query::<$type>()),*]
            }
        }
    };
    (@body $name:ident { $($(#[doc = $about:literal])* $field:ident: $type:ty $(= $example:expr)?,)* }) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let object = utoipa::openapi::schema::ObjectBuilder::new();
                $(let object = $crate::http::params::About {
                    name: $crate::http::params::bare(stringify!($field)),
                    text: concat!($($about),*),
                    example: $crate::params!(@example $($example)?),
                }.in_body::<$type>(object);)*
                object.into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
    (@example) => { None };
    (@example $example:expr) => { Some(serde_json::json!($example)) };
}

/// The name of a field as callers know it: `type` is a word of the language.
#[doc(hidden)]
pub fn bare(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// A parameter, for the reference.
#[doc(hidden)]
pub struct About {
    pub name: &'static str,
    pub text: &'static str,
    pub example: Option<serde_json::Value>,
}

impl About {
    pub fn in_query<T: Param>(self) -> Parameter {
        let name = if T::IS_LIST { format!("{}[]", self.name) } else { self.name.to_owned() };
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .required(if T::IS_REQUIRED { Required::True } else { Required::False })
            .description(Some(self.text.trim()))
            .schema(Some(RefOr::T(T::schema(T::IS_REQUIRED, None, None))))
            .example(self.example)
            .style(T::IS_MAP.then_some(ParameterStyle::DeepObject))
            .explode(T::IS_MAP.then_some(true))
            .build()
    }

    pub fn in_body<T: Param>(self, object: ObjectBuilder) -> ObjectBuilder {
        let property = T::schema(T::IS_REQUIRED, Some(self.text.trim()), self.example);
        let object = object.property(self.name, property);
        if T::IS_REQUIRED { object.required(self.name) } else { object }
    }
}

#[cfg(test)]
mod tests {
    use super::types::*;
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
        assert_eq!(params.take::<Option<Id>>("b"), None);
        assert_eq!(params.faults(), vec![Fault::of(Code::Contradiction, "b")]);
        params.add_json(serde_json::from_str(r#"{"a": 1}"#).unwrap());
        assert_eq!(params.faults(), vec![]);
        params.add_json(serde_json::from_str(r#"{"a": 2}"#).unwrap());
        params.take::<Id>("a");
        assert_eq!(params.faults(), vec![Fault::of(Code::Contradiction, "a")]);
    }

    #[test]
    fn types_take_what_the_contract_says() {
        let mut params =
            form("id=+3&flag=TRUE&off=0&name=+Jan+&empty=&big=9007199254740992&mail=a%40b");
        assert_eq!(params.take::<Id>("id"), Some(Id(3)));
        assert_eq!(params.take::<Flag>("flag"), Some(Flag(true)));
        assert_eq!(params.take::<Flag>("off"), Some(Flag(false)));
        assert_eq!(params.take::<Line<10>>("name").map(String::from), Some("Jan".to_owned()));
        assert_eq!(params.take::<Option<Line<10>>>("empty"), Some(None));
        assert_eq!(params.take::<Id>("big"), None);
        assert_eq!(params.take::<Email>("mail"), Email::parse("a@b"));
        assert_eq!(params.faults(), vec![Fault::of(Code::NotInteger, "big")]);
    }

    #[test]
    fn lists_are_given_in_brackets_in_json_or_as_one_value() {
        type Roles = Many<Line<10>, 2>;
        let texts = |params: &mut Params| {
            let many = params.take::<Roles>("roles")?;
            Some(many.0.into_iter().map(String::from).collect::<Vec<_>>())
        };
        let json = |text| {
            let mut params = Params::new(TimeZone::UTC);
            params.add_json(serde_json::from_str(text).expect("it is JSON"));
            params
        };
        for mut params in [
            form("roles[]=a&roles[]=b"),
            form("roles[1]=b&roles[0]=+a+"),
            form("roles[]=a&roles[]=&roles[]=b"),
            json(r#"{"roles": ["a", null, "b"]}"#),
        ] {
            assert_eq!(texts(&mut params), Some(vec!["a".to_owned(), "b".to_owned()]));
        }
        for mut params in [form("roles=a"), json(r#"{"roles": "a"}"#), json(r#"{"roles": ["a"]}"#)]
        {
            assert_eq!(texts(&mut params), Some(vec!["a".to_owned()]));
        }
        for nothing in [r#"{"roles": []}"#, r#"{"roles": [""]}"#, r#"{"roles": ""}"#, "{}"] {
            assert_eq!(json(nothing).take::<Option<Roles>>("roles"), Some(None), "{nothing}");
            let mut params = json(nothing);
            assert_eq!(params.take::<Roles>("roles"), None);
            assert_eq!(params.faults(), vec![Fault::of(Code::Missing, "roles")], "{nothing}");
        }
        for (wrong, fault) in [
            (
                "roles[]=a&roles[]=b&roles[]=c",
                Fault::of(Code::TooManyValues, "roles").with("limit", 2),
            ),
            ("roles[x]=a", Fault::of(Code::NotList, "roles")),
            ("roles[0][0]=a", Fault::of(Code::NotText, "roles")),
            ("roles[]=a&roles[]=%01", Fault::of(Code::ControlCharacter, "roles")),
            ("roles=a&roles=b", Fault::of(Code::Contradiction, "roles")),
        ] {
            let mut params = form(wrong);
            assert_eq!(params.take::<Roles>("roles"), None, "{wrong}");
            assert_eq!(params.faults(), vec![fault], "{wrong}");
        }
    }

    #[test]
    fn integers_stay_within_their_bounds() {
        let mut params = form("low=0&least=1&most=5&high=6");
        assert_eq!(params.take::<Within<1, 5>>("least"), Some(Within(1)));
        assert_eq!(params.take::<Within<1, 5>>("most"), Some(Within(5)));
        for name in ["low", "high"] {
            assert_eq!(params.take::<Within<1, 5>>(name), None);
            let fault = Fault::of(Code::NotWithin, name).with("least", 1).with("most", 5);
            assert_eq!(params.faults(), vec![fault]);
        }
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
        assert_eq!(form(&"a&".repeat(2_000)).faults(), vec![Fault::new(Code::TooManyParameters)]);
        assert_eq!(form("a=%ff").faults().len(), 1);
        form("a[18446744073709551615]=1&a[]=2");
    }
}
