//! Clauses: what visitors are told, and what they are asked to agree to. A changed text is a new version, so that what
//! somebody agreed to can always be read.

pub mod console;

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use uuid::Uuid;

use crate::act::Act;
use crate::audit;
use crate::clock::Millis;
use crate::http::params::{Line, Named};
use crate::http::{Code, Error, Fault};
use crate::queue::settings::Texts;

rozmowa_db::statements! {
    NEWEST = "SELECT id, kind, name, version, is_required, is_enabled, texts FROM clause
        WHERE name = $1 ORDER BY version DESC LIMIT 1";
    FIND = "SELECT id, kind, name, version, is_required, is_enabled, texts FROM clause WHERE id = $1";
    LIST = "SELECT id, kind, name, version, is_required, is_enabled, texts FROM clause ORDER BY name, version LIMIT 10000";
    ADD = "INSERT INTO clause (id, kind, name, version, is_required, is_enabled, texts, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    ENABLE = "UPDATE clause SET is_enabled = $2 WHERE id = $1";
    GIVE = "INSERT INTO consent (conversation_id, clause_id, is_given, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    GIVEN = "SELECT l.id, l.kind, l.name, l.version, l.is_required, l.is_enabled, l.texts, g.is_given, g.at
        FROM consent g JOIN clause l ON l.id = g.clause_id WHERE g.conversation_id = $1 ORDER BY g.clause_id LIMIT 100";
}

/// The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Information = 0,
    Consent = 1,
}

impl Named for Kind {
    const ALL: &[Self] = &[Self::Information, Self::Consent];

    fn name(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Consent => "consent",
        }
    }
}

/// A version of a clause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clause {
    pub id: i64,
    pub kind: Kind,
    pub name: String,
    pub version: i64,
    pub is_required: bool,
    pub is_enabled: bool,
    pub texts: Texts,
}

fn read(row: &Row<'_>) -> Result<Clause, rozmowa_db::Error> {
    Ok(Clause {
        id: row.get(0)?,
        kind: if row.get::<i64>(1)? == 0 { Kind::Information } else { Kind::Consent },
        name: row.get(2)?,
        version: row.get(3)?,
        is_required: row.get(4)?,
        is_enabled: row.get(5)?,
        texts: serde_json::from_str(&row.get::<String>(6)?).unwrap_or_default(),
    })
}

/// All versions of all.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Clause>, Error> {
    Ok(tx.query(&LIST, params![], read)?)
}

/// What a clause says.
#[derive(Debug, Clone)]
pub struct NewClause {
    pub kind: Kind,
    pub name: String,
    pub is_required: bool,
    pub texts: Texts,
}

/// Adds a clause, or a version of one that says something else than the newest. What says the same is that one.
pub fn write(tx: &mut Tx<'_>, act: &Act<'_>, new: &NewClause) -> Result<Clause, Error> {
    tx.lock(&["clauses"])?;
    let was = tx.query_opt(&NEWEST, params![&new.name], read)?;
    if let Some(was) = &was
        && (was.kind, was.is_required, &was.texts) == (new.kind, new.is_required, &new.texts)
    {
        return Ok(was.clone());
    }
    let clause = Clause {
        id: crate::counter::next(tx, "clause")?,
        kind: new.kind,
        name: new.name.clone(),
        version: was.as_ref().map_or(1, |was| was.version + 1),
        is_required: new.is_required,
        is_enabled: was.as_ref().is_none_or(|was| was.is_enabled),
        texts: new.texts.clone(),
    };
    let texts = serde_json::to_string(&clause.texts).map_err(Error::internal)?;
    let (kind, required, enabled) = (clause.kind as i64, clause.is_required, clause.is_enabled);
    let row =
        params![clause.id, kind, &clause.name, clause.version, required, enabled, &texts, act.now];
    tx.execute(&ADD, row)?;
    audit::record(tx, act, "clause.write", &subject(&clause), was.as_ref(), Some(&clause))?;
    Ok(clause)
}

/// A disabled one is shown to nobody.
pub fn enable(tx: &mut Tx<'_>, act: &Act<'_>, id: i64, is_enabled: bool) -> Result<(), Error> {
    tx.lock(&["clauses"])?;
    let was = tx.query_opt(&FIND, params![id], read)?;
    let was = was.ok_or_else(|| Fault::new(Code::UnknownClause).with("id", id))?;
    if was.is_enabled == is_enabled {
        return Ok(());
    }
    tx.execute(&ENABLE, params![id, is_enabled])?;
    let becomes = Clause { is_enabled, ..was.clone() };
    audit::record(tx, act, "clause.enable", &subject(&was), Some(&was), Some(&becomes))
}

fn subject(clause: &Clause) -> String {
    format!("clause {}", clause.name)
}

/// Fails when one of the names, which are parameter `parameter`, was never given to a clause. Disabled ones are known.
pub fn check_names(tx: &mut Tx<'_>, parameter: &str, names: &[Line<255>]) -> Result<(), Error> {
    let mut faults = Vec::new();
    for name in names {
        if tx.query_opt(&NEWEST, params![&**name], |_| Ok(()))?.is_none() {
            faults.push(Fault::of(Code::UnknownClauseName, parameter).with("clause", &**name));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::new(faults)) }
}

/// The newest versions of those that are named, without the disabled ones.
pub fn current(tx: &mut Tx<'_>, names: &[String]) -> Result<Vec<Clause>, Error> {
    let mut clauses = Vec::with_capacity(names.len());
    for name in names {
        clauses.extend(tx.query_opt(&NEWEST, params![name], read)?);
    }
    clauses.retain(|clause| clause.is_enabled);
    Ok(clauses)
}

/// What a visitor has agreed to of the clauses that are in force, if that is enough.
pub fn check(clauses: &[Clause], agreed: &[i64]) -> Result<(), Error> {
    if agreed.iter().any(|id| !clauses.iter().any(|clause| clause.id == *id)) {
        return Err(Code::ClauseChanged.into());
    }
    let missing =
        clauses.iter().filter(|clause| clause.is_required && !agreed.contains(&clause.id));
    let faults: Vec<_> =
        missing.map(|clause| Fault::new(Code::ConsentNeeded).with("name", &clause.name)).collect();
    if faults.is_empty() { Ok(()) } else { Err(Error::new(faults)) }
}

/// Writes down which were agreed to and which were not.
pub fn give(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    conversation: &Uuid,
    clauses: &[Clause],
    agreed: &[i64],
) -> Result<(), Error> {
    for clause in clauses {
        let is_given = agreed.contains(&clause.id);
        tx.put(&GIVE, params![conversation, clause.id, is_given, act.now])?;
    }
    Ok(())
}

/// What was shown to a visitor, and whether they agreed.
#[derive(Debug, Clone, Serialize)]
pub struct Given {
    pub clause: Clause,
    pub is_given: bool,
    pub at: Millis,
}

pub fn given(tx: &mut Tx<'_>, conversation: &Uuid) -> Result<Vec<Given>, Error> {
    let given = tx.query(&GIVEN, params![conversation], |row: &Row<'_>| {
        Ok(Given { clause: read(row)?, is_given: row.get(7)?, at: row.get(8)? })
    })?;
    Ok(given)
}
