//! Topics and tags: what conversations are about, in the company's own words. Two lists of the same kind.

pub mod console;

use rozmowa_db::{Row, Stmt, Tx, params};
use serde::Serialize;

use crate::act::Act;
use crate::audit;
use crate::http::{Code, Error, Fault};

rozmowa_db::statements! {
    FIND_TOPIC = "SELECT id, name, is_enabled FROM topic WHERE id = $1";
    FIND_TAG = "SELECT id, name, is_enabled FROM tag WHERE id = $1";
    TOPIC_NAMED = "SELECT id, name, is_enabled FROM topic WHERE name = $1";
    TAG_NAMED = "SELECT id, name, is_enabled FROM tag WHERE name = $1";
    LIST_TOPICS = "SELECT id, name, is_enabled FROM topic ORDER BY name, id LIMIT 10000";
    LIST_TAGS = "SELECT id, name, is_enabled FROM tag ORDER BY name, id LIMIT 10000";
    ADD_TOPIC = "INSERT INTO topic (id, name, is_enabled) VALUES ($1, $2, 1)";
    ADD_TAG = "INSERT INTO tag (id, name, is_enabled) VALUES ($1, $2, 1)";
    CHANGE_TOPIC = "UPDATE topic SET name = $2, is_enabled = $3 WHERE id = $1";
    CHANGE_TAG = "UPDATE tag SET name = $2, is_enabled = $3 WHERE id = $1";
}

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// At most one a conversation.
    Topic,
    /// As many as help.
    Tag,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Tag => "tag",
        }
    }

    const fn unknown(self) -> Code {
        match self {
            Self::Topic => Code::UnknownTopic,
            Self::Tag => Code::UnknownTag,
        }
    }

    const fn choose(self, topic: &'static Stmt, tag: &'static Stmt) -> &'static Stmt {
        match self {
            Self::Topic => topic,
            Self::Tag => tag,
        }
    }
}

/// A topic or a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    pub id: i64,
    pub name: String,
    /// Nobody can choose a disabled one.
    pub is_enabled: bool,
}

fn read(row: &Row<'_>) -> Result<Label, rozmowa_db::Error> {
    Ok(Label { id: row.get(0)?, name: row.get(1)?, is_enabled: row.get(2)? })
}

/// By name.
pub fn list(tx: &mut Tx<'_>, kind: Kind) -> Result<Vec<Label>, Error> {
    Ok(tx.query(kind.choose(&LIST_TOPICS, &LIST_TAGS), params![], read)?)
}

fn find(tx: &mut Tx<'_>, kind: Kind, id: i64) -> Result<Label, Error> {
    let found = tx.query_opt(kind.choose(&FIND_TOPIC, &FIND_TAG), params![id], read)?;
    found.ok_or_else(|| unknown(kind, id))
}

pub fn unknown(kind: Kind, id: impl ToString) -> Error {
    Fault::new(kind.unknown()).with("id", id).into()
}

/// Fails when nobody can choose it.
pub fn check_usable(tx: &mut Tx<'_>, kind: Kind, id: i64) -> Result<(), Error> {
    let label = find(tx, kind, id)?;
    if label.is_enabled {
        return Ok(());
    }
    Err(Fault::new(Code::LabelDisabled).with("name", label.name).into())
}

/// The one of this name.
pub fn named(tx: &mut Tx<'_>, kind: Kind, name: &str) -> Result<Option<Label>, Error> {
    Ok(tx.query_opt(kind.choose(&TOPIC_NAMED, &TAG_NAMED), params![name], read)?)
}

/// Gives the number.
pub fn add(tx: &mut Tx<'_>, act: &Act<'_>, kind: Kind, name: &str) -> Result<i64, Error> {
    hold_names(tx, kind)?;
    check_free(tx, kind, name)?;
    let id = crate::counter::next(tx, kind.name())?;
    tx.execute(kind.choose(&ADD_TOPIC, &ADD_TAG), params![id, name])?;
    let label = Label { id, name: name.to_owned(), is_enabled: true };
    let change = format!("{}.add", kind.name());
    audit::record(tx, act, &change, &subject(kind, id), None::<&Label>, Some(&label))?;
    Ok(id)
}

/// What is given changes; the rest stays.
pub fn change(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    kind: Kind,
    id: i64,
    name: Option<&str>,
    is_enabled: Option<bool>,
) -> Result<(), Error> {
    hold_names(tx, kind)?;
    let was = find(tx, kind, id)?;
    let becomes = Label {
        id,
        name: name.unwrap_or(&was.name).to_owned(),
        is_enabled: is_enabled.unwrap_or(was.is_enabled),
    };
    if becomes == was {
        return Ok(());
    }
    if becomes.name != was.name {
        check_free(tx, kind, &becomes.name)?;
    }
    let row = params![id, &becomes.name, becomes.is_enabled];
    tx.execute(kind.choose(&CHANGE_TOPIC, &CHANGE_TAG), row)?;
    let change = format!("{}.change", kind.name());
    audit::record(tx, act, &change, &subject(kind, id), Some(&was), Some(&becomes))
}

/// A name given by an update can't be settled by `ON CONFLICT`: whoever gives one holds all names.
fn hold_names(tx: &mut Tx<'_>, kind: Kind) -> Result<(), Error> {
    Ok(tx.lock(&[match kind {
        Kind::Topic => "topic names",
        Kind::Tag => "tag names",
    }])?)
}

fn check_free(tx: &mut Tx<'_>, kind: Kind, name: &str) -> Result<(), Error> {
    match named(tx, kind, name)? {
        Some(_) => Err(Fault::new(Code::LabelTaken).about("name").with("name", name).into()),
        None => Ok(()),
    }
}

fn subject(kind: Kind, id: i64) -> String {
    format!("{} {id}", kind.name())
}
