//! Objects within parameters, with members that are known.

use std::collections::BTreeMap;

use super::tree::Node;
use crate::http::error::{Code, Fault};

/// An object that was given, and where it stands.
pub struct Members {
    place: String,
    pub members: BTreeMap<String, Node>,
}

impl Members {
    /// With these members and no others: one that is misspelt would say nothing.
    pub fn of(place: &str, node: Option<Node>, known: &[&str]) -> Result<Self, Fault> {
        let Some(Node::Map(members)) = node else { return Err(Fault::of(Code::NotObject, place)) };
        if let Some(member) = members.keys().find(|name| !known.contains(&name.as_str())) {
            let fault = Fault::of(Code::UnknownMember, place).with("members", known.join(", "));
            let shown: String = member.chars().filter(|c| !c.is_control()).take(64).collect();
            return Err(fault.with("member", shown));
        }
        Ok(Self { place: place.to_owned(), members })
    }

    pub fn path(&self, name: &str) -> String {
        format!("{}[{name}]", self.place)
    }

    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Empty when it is not there.
    pub fn text(&mut self, name: &str, max: usize) -> Result<String, Fault> {
        match self.members.remove(name) {
            None => Ok(String::new()),
            Some(Node::Scalar(text)) if text.contains('\0') => {
                Err(Fault::of(Code::ControlCharacter, &self.path(name)))
            }
            Some(Node::Scalar(text)) if text.chars().count() <= max => Ok(text),
            Some(Node::Scalar(_)) => {
                Err(Fault::of(Code::TooLong, &self.path(name)).with("limit", max))
            }
            Some(_) => Err(Fault::of(Code::NotText, &self.path(name))),
        }
    }

    pub fn flag(&mut self, name: &str) -> Result<bool, Fault> {
        match self.text(name, 8)?.as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" | "" => Ok(false),
            _ => Err(Fault::of(Code::NotBoolean, &self.path(name))),
        }
    }

    /// Each with its place.
    pub fn list(&mut self, name: &str) -> Result<Vec<(String, Node)>, Fault> {
        let path = self.path(name);
        match self.members.remove(name) {
            None => Ok(Vec::new()),
            Some(Node::List(nodes)) => {
                let placed = |(at, node)| (format!("{path}[{at}]"), node);
                Ok(nodes.into_iter().enumerate().map(placed).collect())
            }
            Some(_) => Err(Fault::of(Code::NotList, &path)),
        }
    }
}
