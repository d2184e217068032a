//! The columns of a file of customers: the parameters that calls give, and what lines are told apart by.

use std::collections::BTreeMap;

use super::csv;
use super::custom::{Field, Kind};
use super::given::PARTS;
use crate::http::params::Node;

/// By its number here: for files that go back where they came from.
pub const CUSTOMER_ID: &str = "customer_id";
/// Whether it is a company.
pub const COMPANY_FLAG: &str = "company_flag";
/// The company that the customer belongs to, by its identifier: numbers are others elsewhere.
pub const COMPANY_IDENTIFIER: &str = "company_identifier";
/// What was wrong with a line. Of no consequence, so that a file of refused lines can be mended and given again.
pub const WHY: &str = "why";

/// Those with one value, and those with several.
const PLAIN: [&str; 20] = [
    "identifier",
    COMPANY_FLAG,
    "name",
    "surname",
    "email",
    "phone_number",
    COMPANY_IDENTIFIER,
    "company_id",
    "type",
    "group",
    "gender",
    "homepage",
    "birthdate",
    "nip",
    "note",
    "pesel",
    "job",
    "job_title",
    "account_manager",
    "vip",
];
const MANY: [&str; 2] = ["email", "phone_number"];
const ADDRESSES: [&str; 3] = ["address", "invoice_address", "mail_drop_address"];
const CUSTOM: &str = "custom_fields";

/// Where a cell belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Plain(&'static str),
    Many(&'static str),
    Part(&'static str, &'static str),
    /// A custom field, by its name, and whether it may have several values.
    Custom(String, bool),
    Nowhere,
}

/// The columns of a file.
#[derive(Debug, Clone)]
pub struct Columns {
    names: Vec<String>,
    places: Vec<Place>,
}

/// What is wrong with a header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wrong {
    pub unknown: Vec<String>,
    pub twice: Vec<String>,
    /// Custom fields that are read only.
    pub read_only: Vec<String>,
}

/// Names of all columns that an export has.
pub fn exported(fields: &[Field], has_numbers: bool) -> Vec<String> {
    let numbers = has_numbers.then(|| CUSTOMER_ID.to_owned());
    let plain = PLAIN.iter().map(|name| (*name).to_owned());
    let parts =
        ADDRESSES.iter().flat_map(|kind| PARTS.iter().map(move |part| format!("{kind}[{part}]")));
    let custom = fields.iter().map(|field| format!("{CUSTOM}[{}]", field.name));
    numbers.into_iter().chain(plain).chain(parts).chain(custom).collect()
}

/// Whether a column may be called so.
pub fn is_known(name: &str, fields: &[Field]) -> bool {
    place(name, fields).is_some()
}

fn place(name: &str, fields: &[Field]) -> Option<Place> {
    if name == WHY {
        return Some(Place::Nowhere);
    }
    if let Some(many) = MANY.into_iter().find(|many| *many == name) {
        return Some(Place::Many(many));
    }
    let mut plain = PLAIN.into_iter().chain([CUSTOMER_ID]);
    if let Some(plain) = plain.find(|plain| *plain == name) {
        return Some(Place::Plain(plain));
    }
    let (outer, inner) = name.strip_suffix(']')?.split_once('[')?;
    if outer == CUSTOM {
        let field = fields.iter().find(|field| field.name == inner)?;
        return Some(Place::Custom(field.name.clone(), field.kind == Kind::List));
    }
    let kind = ADDRESSES.into_iter().find(|kind| *kind == outer)?;
    let part = PARTS.into_iter().find(|part| *part == inner)?;
    Some(Place::Part(kind, part))
}

impl Columns {
    /// Reads a header.
    pub fn read(
        header: Vec<String>,
        fields: &[Field],
        fills_read_only: bool,
    ) -> Result<Self, Wrong> {
        let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let (mut places, mut wrong) = (Vec::new(), Wrong::default());
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                wrong.twice.push(name.clone());
            }
            let found = place(name, fields);
            if let Some(Place::Custom(field, _)) = &found
                && !fills_read_only
                && fields.iter().any(|known| known.name == *field && known.is_read_only)
            {
                wrong.read_only.push(name.clone());
            }
            match found {
                Some(place) => places.push(place),
                None => wrong.unknown.push(name.clone()),
            }
        }
        if wrong == Wrong::default() { Ok(Self { names, places }) } else { Err(wrong) }
    }

    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Names and cells that say something, in the order of names: by these lines without an identifier are known again.
    pub fn said<'a>(&'a self, cells: &'a [String]) -> Vec<(&'a str, &'a str)> {
        let all = self.names.iter().map(String::as_str).zip(cells.iter().map(|cell| cell.trim()));
        let mut said: Vec<_> =
            all.filter(|(name, cell)| *name != WHY && !cell.is_empty()).collect();
        said.sort_unstable();
        said
    }

    /// The line as the parameters of a call.
    pub fn parameters(&self, cells: Vec<String>) -> Node {
        let mut all: BTreeMap<String, Node> = BTreeMap::new();
        for (place, cell) in self.places.iter().zip(cells) {
            let mut member = |outer: &str, inner: String, node: Node| {
                let map = all.entry(outer.to_owned()).or_insert_with(|| Node::Map(BTreeMap::new()));
                if let Node::Map(members) = map {
                    members.insert(inner, node);
                }
            };
            let several =
                |cell: &str| Node::List(csv::values(cell).into_iter().map(Node::Scalar).collect());
            match place {
                Place::Plain(name) => {
                    all.insert((*name).to_owned(), Node::Scalar(cell));
                }
                Place::Many(name) => {
                    all.insert((*name).to_owned(), several(&cell));
                }
                Place::Part(outer, inner) => member(outer, (*inner).to_owned(), Node::Scalar(cell)),
                Place::Custom(name, true) => member(CUSTOM, name.clone(), several(&cell)),
                Place::Custom(name, false) => member(CUSTOM, name.clone(), Node::Scalar(cell)),
                Place::Nowhere => {}
            }
        }
        Node::Map(all)
    }

    /// The same columns and [`WHY`], if that is not among them: for a file of refused lines.
    pub fn with_why(&self) -> Vec<&str> {
        let more = self.why().is_none().then_some(WHY);
        self.names.iter().map(String::as_str).chain(more).collect()
    }

    /// Where [`WHY`] stands already.
    pub fn why(&self) -> Option<usize> {
        self.names.iter().position(|name| name == WHY)
    }
}
