//! Custom fields: what an installation knows of customers and companies beyond our columns, and of what they have several of.

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::civil::Date;
use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::act::Act;
use crate::audit;
use crate::http::params::Named;
use crate::http::{Code, Error, Fault};

/// Each list of customers reads all of them.
pub const MAX: i64 = 200;
/// Characters of a value.
pub const VALUE_MAX: usize = 4_000;
/// Values that one field of one customer has.
pub const VALUES_MAX: usize = 50;
/// The fields of customers and companies themselves are of no group.
pub const OF_NO_GROUP: i64 = 0;

rozmowa_db::statements! {
    LIST = "SELECT id, group_id, name, kind, options, is_read_only, is_of_customers, is_of_companies
        FROM custom_field WHERE group_id = $1 ORDER BY id LIMIT 1000";
    FIND = "SELECT id, group_id, name, kind, options, is_read_only, is_of_customers, is_of_companies
        FROM custom_field WHERE id = $1";
    COUNT = "SELECT count(*) FROM custom_field WHERE group_id = $1";
    ADD = "INSERT INTO custom_field (id, group_id, name, kind, options, is_read_only, is_of_customers, is_of_companies,
            created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
    /// Who sets a name holds it, so nobody is giving it to another field.
    SET = "UPDATE custom_field SET name = $2, options = $3, is_read_only = $4, is_of_customers = $5, is_of_companies = $6
        WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM custom_field AS other
            WHERE other.group_id = custom_field.group_id AND other.name = $2 AND other.id <> $1)";
}

/// What a field holds. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text = 0,
    Number = 1,
    /// `2026-12-24`
    Date = 2,
    /// Some of the field's options.
    List = 3,
    YesNo = 4,
}

impl Named for Kind {
    const ALL: &[Self] = &[Self::Text, Self::Number, Self::Date, Self::List, Self::YesNo];

    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Date => "date",
            Self::List => "list",
            Self::YesNo => "yes_no",
        }
    }
}

impl Kind {
    fn from_number(number: i64) -> Self {
        Self::ALL.iter().copied().find(|kind| *kind as i64 == number).unwrap_or(Self::Text)
    }
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub id: i64,
    pub group_id: i64,
    pub name: String,
    pub kind: Kind,
    /// Of a list.
    pub options: Vec<String>,
    /// Written only by who says that they mean to.
    pub is_read_only: bool,
    pub is_of_customers: bool,
    pub is_of_companies: bool,
}

impl Field {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        let options: String = row.get(4)?;
        Ok(Self {
            id: row.get(0)?,
            group_id: row.get(1)?,
            name: row.get(2)?,
            kind: Kind::from_number(row.get(3)?),
            options: options.lines().map(str::to_owned).collect(),
            is_read_only: row.get(5)?,
            is_of_customers: row.get(6)?,
            is_of_companies: row.get(7)?,
        })
    }

    /// Whether customers who are companies, or are none, have it.
    pub fn is_of(&self, is_company: bool) -> bool {
        if is_company { self.is_of_companies } else { self.is_of_customers }
    }

    fn view(&self) -> View<'_> {
        View {
            name: &self.name,
            kind: self.kind.name(),
            options: &self.options,
            read_only: self.is_read_only,
            of_customers: self.is_of_customers,
            of_companies: self.is_of_companies,
        }
    }

    /// Values as they are stored: one way to write each. Empty ones are none. `path` names the parameter.
    pub fn values(&self, path: &str, given: &[String]) -> Result<Vec<String>, Fault> {
        let given = given.iter().map(String::as_str).filter(|text| !text.trim().is_empty());
        let mut values: Vec<String> = Vec::new();
        for text in given {
            let value = self.value(path, text)?;
            if !values.contains(&value) {
                values.push(value);
            }
        }
        let most = if self.kind == Kind::List { VALUES_MAX } else { 1 };
        if values.len() > most {
            return Err(Fault::of(Code::TooManyValues, path).with("limit", most));
        }
        Ok(values)
    }

    /// One value as it is stored, and as it is looked for.
    pub fn value(&self, path: &str, text: &str) -> Result<String, Fault> {
        let trimmed = text.trim();
        match self.kind {
            Kind::Text if text.contains('\0') => Err(Fault::of(Code::ControlCharacter, path)),
            Kind::Text if text.chars().count() > VALUE_MAX => {
                Err(Fault::of(Code::TooLong, path).with("limit", VALUE_MAX))
            }
            Kind::Text => Ok(trimmed.to_owned()),
            Kind::Number => number(trimmed).ok_or_else(|| Fault::of(Code::NotNumber, path)),
            Kind::Date => day(trimmed).ok_or_else(|| Fault::of(Code::NotDate, path)),
            Kind::List if self.options.iter().any(|option| option == trimmed) => {
                Ok(trimmed.to_owned())
            }
            Kind::List => Err(Fault::of(Code::NotAnOption, path)),
            Kind::YesNo => match trimmed.to_ascii_lowercase().as_str() {
                "true" | "1" => Ok("1".to_owned()),
                "false" | "0" => Ok("0".to_owned()),
                _ => Err(Fault::of(Code::NotBoolean, path)),
            },
        }
    }

    /// Stored values as answers have them.
    pub fn shown(&self, values: &[String]) -> Value {
        let Some(first) = values.first() else { return Value::Null };
        match self.kind {
            Kind::Text | Kind::Date => first.clone().into(),
            Kind::Number => serde_json::Number::from_str(first).map_or(Value::Null, Value::Number),
            Kind::List => values.to_vec().into(),
            Kind::YesNo => (first == "1").into(),
        }
    }
}

/// `007.50` is `7.5`: digits with at most one point or comma, up to 30.
fn number(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || digits.len() > 30 {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    let sign = if whole == "0" && fraction.is_empty() { "" } else { sign };
    Some(if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    })
}

/// A date in its one form.
pub fn day(text: &str) -> Option<String> {
    let known = text.parse::<Date>().ok()?.to_string();
    (known == text).then_some(known)
}

/// What values are looked for by: texts may be long, and indexes like it short.
pub fn value_key(value: &str) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(value.as_bytes()).into();
    let mut key = [0; 16];
    key.copy_from_slice(&hash[..16]);
    key
}

#[derive(Serialize, PartialEq)]
struct View<'a> {
    name: &'a str,
    kind: &'static str,
    options: &'a [String],
    read_only: bool,
    of_customers: bool,
    of_companies: bool,
}

/// The fields of a group, or of customers and companies themselves, in the order in which they were made.
pub fn list(tx: &mut Tx<'_>, group_id: i64) -> Result<Vec<Field>, Error> {
    Ok(tx.query(&LIST, params![group_id], Field::read)?)
}

pub fn find(tx: &mut Tx<'_>, id: i64) -> Result<Option<Field>, Error> {
    Ok(tx.query_opt(&FIND, params![id], Field::read)?)
}

/// Adds a field; its number is given here.
pub fn add(tx: &mut Tx<'_>, act: &Act<'_>, new: &Field) -> Result<i64, Error> {
    tx.lock(&["custom fields"])?;
    if tx.query_one(&COUNT, params![new.group_id], |row| row.get::<i64>(0))? >= MAX {
        return Err(Fault::new(Code::TooManyCustomFields).with("limit", MAX).into());
    }
    let id = crate::counter::next(tx, "custom_field")?;
    let options = new.options.join("\n");
    let row = params![
        id,
        new.group_id,
        &new.name,
        new.kind as i64,
        &options,
        new.is_read_only,
        new.is_of_customers,
        new.is_of_companies,
        act.now,
    ];
    if tx.execute(&ADD, row)? == 0 {
        return Err(taken());
    }
    audit::record(tx, act, "custom_field.add", &subject(id), None::<&()>, Some(&new.view()))?;
    Ok(id)
}

/// Stores a field as it is to be. Its kind stays: values are of it.
pub fn change(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: i64,
    apply: impl Fn(&mut Field),
) -> Result<Field, Error> {
    tx.lock(&["custom fields"])?;
    let was = find(tx, id)?.ok_or_else(|| unknown(id))?;
    let mut field = was.clone();
    apply(&mut field);
    if field == was {
        return Ok(field);
    }
    let options = field.options.join("\n");
    let row = params![
        id,
        &field.name,
        &options,
        field.is_read_only,
        field.is_of_customers,
        field.is_of_companies,
    ];
    if tx.execute(&SET, row)? == 0 {
        return Err(taken());
    }
    let change = "custom_field.change";
    audit::record(tx, act, change, &subject(id), Some(&was.view()), Some(&field.view()))?;
    Ok(field)
}

fn unknown(id: i64) -> Error {
    Fault::new(Code::UnknownCustomField).with("id", id).into()
}

fn taken() -> Error {
    Fault::new(Code::CustomFieldTaken).about("name").into()
}

fn subject(id: i64) -> String {
    format!("custom_field {id}")
}

/// What was given for fields, by their names: their numbers with values as they are stored, or all that is wrong with it.
pub fn resolve(
    fields: &[Field],
    given: &BTreeMap<String, Vec<String>>,
    place: &str,
    fills_read_only: bool,
) -> Result<BTreeMap<i64, Vec<String>>, Vec<Fault>> {
    let (mut values, mut faults) = (BTreeMap::new(), Vec::new());
    for (name, texts) in given {
        let path = path(place, name);
        let Some(field) = fields.iter().find(|field| field.name == *name) else {
            faults.push(Fault::of(Code::UnknownCustomFieldName, &path).about(place));
            continue;
        };
        if field.is_read_only && !fills_read_only {
            faults.push(Fault::of(Code::ReadOnlyCustomField, &path).about(place));
            continue;
        }
        match field.values(&path, texts) {
            Ok(read) => {
                values.insert(field.id, read);
            }
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

/// `custom_fields[Kraj]`, of what somebody wrote.
pub fn path(place: &str, name: &str) -> String {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    format!("{place}[{shown}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        for (text, expected) in [
            ("7", Some("7")),
            ("007.50", Some("7.5")),
            ("-0,0", Some("0")),
            ("-3,14", Some("-3.14")),
            ("+2", Some("2")),
            ("1e3", None),
            (".5", None),
            ("5.", None),
            ("1 000", None),
            ("", None),
            ("--1", None),
        ] {
            assert_eq!(number(text).as_deref(), expected, "{text}");
        }
        assert_eq!(number(&"9".repeat(31)), None);
    }

    #[test]
    fn dates_are_days_that_there_are() {
        assert_eq!(day("2026-12-24").as_deref(), Some("2026-12-24"));
        for wrong in ["2026-02-30", "24.12.2026", "2026-1-1", "2026-12-24T00:00", ""] {
            assert_eq!(day(wrong), None, "{wrong}");
        }
    }
}
