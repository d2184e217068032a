//! What a request gave, as a tree: PHP's brackets and JSON alike.

use std::collections::BTreeMap;

use percent_encoding::percent_decode;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::http::error::{Code, Fault};

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
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Scalar(text) if text.is_empty())
    }

    /// Blank, or a list of nothing but such.
    pub(super) fn says_nothing(&self) -> bool {
        match self {
            Self::Scalar(text) => text.trim().is_empty(),
            Self::List(nodes) => nodes.iter().all(Self::says_nothing),
            Self::Map(_) => false,
        }
    }
}

/// A JSON object with all its members, also those of the same name: which of them is meant is not for us to guess.
pub struct Object(pub Vec<(String, serde_json::Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Why a value found no place.
pub(super) enum Refusal {
    TooDeep,
    /// Another value of that parameter stands there.
    Contradiction(String),
}

/// `+` is a space in queries and forms alike.
pub(super) fn decode(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> =
        text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}

/// Puts `a[b][]=value` where it belongs. Lists are maps by position until all is planted.
pub(super) fn plant(
    tree: &mut BTreeMap<String, Node>,
    name: &str,
    value: String,
) -> Result<(), Refusal> {
    let (first, rest) = match name.find('[') {
        Some(at) if at > 0 && name.ends_with(']') => (&name[..at], &name[at + 1..name.len() - 1]),
        _ => (name, ""),
    };
    let mut keys: Vec<&str> = Vec::new();
    if first.len() < name.len() {
        keys = rest.split("][").collect();
    }
    if keys.len() > DEPTH_MAX {
        return Err(Refusal::TooDeep);
    }
    let mut level = tree;
    let mut key = first.to_owned();
    for next in keys {
        let Node::Map(inner) = level.entry(key).or_insert_with(|| Node::Map(BTreeMap::new()))
        else {
            return Err(Refusal::Contradiction(first.to_owned()));
        };
        key = if next.is_empty() { next_position(inner) } else { next.to_owned() };
        level = inner;
    }
    match level.get(&key) {
        Some(Node::Scalar(earlier)) if *earlier == value => Ok(()),
        Some(_) => Err(Refusal::Contradiction(first.to_owned())),
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
pub(super) fn listed(node: Node) -> Node {
    let Node::Map(map) = node else { return node };
    let mut items: Vec<(String, Node)> =
        map.into_iter().map(|(key, node)| (key, listed(node))).collect();
    items.sort_by_key(|(key, _)| key.parse::<usize>().unwrap_or(usize::MAX));
    if items.iter().enumerate().all(|(position, (key, _))| *key == position.to_string()) {
        return Node::List(items.into_iter().map(|(_, node)| node).collect());
    }
    Node::Map(items.into_iter().collect())
}

pub(super) fn from_json(value: serde_json::Value, depth: usize) -> Result<Option<Node>, Fault> {
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
