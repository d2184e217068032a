//! Importing customers from a file, some lines in a transaction.
//!
//! Who a line is about is said by its `customer_id`, else by its `identifier`. A line that has neither is known again by what it
//! says, so a file that is imported again, or once more after it was broken off, adds nobody twice. Lines are looked at before
//! anything is written; what they would not change is written nowhere.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use jiff::tz::TimeZone;
use rozmowa_db::{Row, Stmt, Tx, Value, params};
use sha2::{Digest, Sha256};

use super::bulk::{self, AT_ONCE, New, TABLES, filled, places_of};
use super::change::{self, Changed, Customer, identifier_taken, known};
use super::columns::{COMPANY_FLAG, COMPANY_IDENTIFIER, CUSTOMER_ID, Columns};
use super::csv::{Broken, Record};
use super::custom::{self, Field};
use super::given::{ChangeCustomer, Edit, Given, Name};
use super::phone::{Phone, Region};
use super::{api, company, find, fold};
use crate::act::Act;
use crate::agent;
use crate::conversation;
use crate::counter;
use crate::http::params::{FromParams, Id, OrEmpty, Params, YesNo};
use crate::http::{Code, Error, Fault};
use crate::locale::Language;

rozmowa_db::statements! {
    COMPANY_OF = "SELECT company_id FROM customer WHERE identifier = $1 AND is_company = 1";
    COMPANY = "SELECT 1 FROM company WHERE id = $1";
}

struct LookUps {
    identifiers: Stmt,
    lines: Stmt,
}

static LOOK_UPS: LazyLock<LookUps> = LazyLock::new(|| {
    let some = places_of(AT_ONCE);
    LookUps {
        identifiers: Stmt::composed(
            "customer::import::IDENTIFIERS".to_owned(),
            format!("SELECT identifier, id FROM customer WHERE identifier IN ({some}) LIMIT {AT_ONCE}"),
        ),
        // Whoever was deleted since is added again.
        lines: Stmt::composed(
            "customer::import::LINES".to_owned(),
            format!(
                "SELECT l.line_key, l.customer_id FROM imported_line l JOIN customer u ON u.id = l.customer_id
                WHERE l.line_key IN ({some}) LIMIT {AT_ONCE}"
            ),
        ),
    }
});

/// Statements that are put together, for the register.
pub fn composed() -> impl Iterator<Item = Stmt> {
    [LOOK_UPS.identifiers, LOOK_UPS.lines].into_iter()
}

/// Why a line is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// As a call with such parameters.
    Fault(Fault),
    Broken(Broken),
    /// It says of a company that it is none, or the other way round.
    OtherKind,
}

impl Why {
    /// Which column it is about, if it is one.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Fault(fault) => fault.parameter(),
            Self::Broken(_) => None,
            Self::OtherKind => Some(COMPANY_FLAG),
        }
    }

    pub fn text(&self, columns: usize, language: Language) -> String {
        let say = |key: &str| {
            let cells = match self {
                Self::Broken(Broken::Cells(cells)) => *cells,
                _ => 0,
            };
            let counts = [("cells", cells.to_string()), ("columns", columns.to_string())];
            language.text(&format!("import.{key}"), &counts)
        };
        match self {
            Self::Fault(fault) => fault.message(language),
            Self::Broken(Broken::Quote) => say("quote"),
            Self::Broken(Broken::NotUtf8) => say("not_utf8"),
            Self::Broken(Broken::Cells(_)) => say("cells"),
            Self::Broken(Broken::TooLong) => say("too_long"),
            Self::OtherKind => say("other_kind"),
        }
    }
}

/// The company that a customer is said to belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Belongs {
    ToNone,
    To(i64),
    /// By its identifier.
    ToIdentified(String),
}

/// A line that could be read.
#[derive(Debug, Clone)]
pub struct Line {
    customer_id: Option<i64>,
    is_company: Option<bool>,
    belongs: Option<Belongs>,
    given: Given,
    phones: Option<Vec<Phone>>,
    /// By the fields' numbers.
    custom: BTreeMap<i64, Vec<String>>,
    /// What somebody new is found by.
    words: Vec<String>,
    /// Of a line that says not otherwise whom it is about.
    key: Option<[u8; 16]>,
}

impl Line {
    /// By what the line is the same as another.
    pub fn identity(&self) -> String {
        match (&self.customer_id, self.identifier(), &self.key) {
            (Some(id), ..) => format!("id {id}"),
            (None, Some(identifier), _) => format!("identifier {identifier}"),
            (None, None, key) => format!("line {key:?}"),
        }
    }

    /// The identifier of somebody who is told by it.
    fn identifier(&self) -> Option<&str> {
        self.given.identifier.as_deref().filter(|text| !text.is_empty())
    }

    /// The identifier of a company, which later lines may belong to.
    pub fn company(&self) -> Option<&str> {
        self.identifier().filter(|_| self.is_company == Some(true))
    }
}

/// How lines are read.
#[derive(Clone)]
pub struct Reading {
    pub columns: Arc<Columns>,
    /// Those of customers and companies themselves.
    pub fields: Arc<Vec<Field>>,
    pub region: Region,
    pub zone: TimeZone,
}

impl Reading {
    /// What a record says, or all that is wrong with it.
    pub fn line(&self, record: &Record) -> Result<Line, Vec<Why>> {
        let cells = match &record.cells {
            Ok(cells) => cells,
            Err(broken) => return Err(vec![Why::Broken(*broken)]),
        };
        let key = key(&self.columns.said(cells));
        let node = self.columns.parameters(cells.clone());
        let Some(mut params) = Params::of_entry(node, self.zone.clone()) else {
            return Err(vec![Why::Broken(Broken::Quote)]);
        };
        let customer_id = params.take::<Option<Id>>(CUSTOMER_ID).flatten().map(|id| id.0);
        let is_company = params.take::<Option<YesNo>>(COMPANY_FLAG).flatten().map(|yes| yes.0);
        let company = params.take::<Option<OrEmpty<Name>>>(COMPANY_IDENTIFIER).flatten();
        let given = ChangeCustomer::from_params(&mut params).map(ChangeCustomer::given);
        let mut faults = params.faults();
        let mut given = given.unwrap_or_default();
        let belongs = match (company, given.company_id.take()) {
            (Some(OrEmpty(Some(_))), Some(OrEmpty(Some(_)))) => {
                faults.push(Fault::of(Code::Contradiction, COMPANY_IDENTIFIER));
                None
            }
            (Some(OrEmpty(Some(identifier))), _) => {
                Some(Belongs::ToIdentified(String::from(identifier)))
            }
            (_, Some(OrEmpty(Some(id)))) => Some(Belongs::To(id)),
            (Some(OrEmpty(None)), _) | (_, Some(OrEmpty(None))) => Some(Belongs::ToNone),
            (None, None) => None,
        };
        let mut custom = BTreeMap::new();
        for (name, texts) in std::mem::take(&mut given.custom) {
            let Some(field) = self.fields.iter().find(|field| field.name == name) else { continue };
            match field.values(&custom::path("custom_fields", &name), &texts) {
                Ok(values) => {
                    custom.insert(field.id, values);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            return Err(faults.into_iter().map(Why::Fault).collect());
        }
        let phones = given.phones.take().map(|texts| {
            texts.iter().filter_map(|text| Phone::parse(text, self.region)).collect::<Vec<_>>()
        });
        let mut described = Customer::default();
        Edit::of(given.clone(), phones.clone(), None, BTreeMap::new()).apply(&mut described);
        let words = find::words(&described).into_iter().collect();
        let is_told = customer_id.is_some() || described.identifier.is_some();
        let key = Some(key).filter(|_| !is_told);
        Ok(Line { customer_id, is_company, belongs, given, phones, custom, words, key })
    }
}

/// Half of a SHA-256 of what a line says, whatever the order of its columns.
fn key(said: &[(&str, &str)]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for (name, cell) in said {
        for text in [name, cell] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
    }
    let hash: [u8; 32] = hash.finalize().into();
    let mut key = [0; 16];
    key.copy_from_slice(&hash[..16]);
    key
}

/// What became of a line, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Became {
    Added,
    Changed,
    /// It was so already.
    Unchanged,
    Refused(Vec<Why>),
}

/// What is to be done for a line.
enum Judged {
    Nothing,
    Add(Box<Customer>),
    Change(i64, Box<Edit>),
    Refuse(Vec<Why>),
}

/// Who is there of those that some lines are about.
struct Known {
    identifiers: HashMap<String, i64>,
    lines: HashMap<[u8; 16], i64>,
}

impl Known {
    fn of(tx: &mut Tx<'_>, lines: &[Line]) -> Result<Self, Error> {
        let mut found = Self { identifiers: HashMap::new(), lines: HashMap::new() };
        let identifiers: Vec<&str> = lines.iter().filter_map(Line::identifier).collect();
        for some in identifiers.chunks(AT_ONCE) {
            let params = filled(some.iter().map(|identifier| Value::from(*identifier)));
            let row = |row: &Row<'_>| Ok((row.get::<String>(0)?, row.get::<i64>(1)?));
            found.identifiers.extend(tx.query(&LOOK_UPS.identifiers, &params, row)?);
        }
        let keys: Vec<&[u8; 16]> = lines.iter().filter_map(|line| line.key.as_ref()).collect();
        for some in keys.chunks(AT_ONCE) {
            let params = filled(some.iter().map(|key| Value::from(*key)));
            let row = |row: &Row<'_>| Ok((row.get::<[u8; 16]>(0)?, row.get::<i64>(1)?));
            found.lines.extend(tx.query(&LOOK_UPS.lines, &params, row)?);
        }
        Ok(found)
    }
}

/// Judges lines by what there is.
struct Judge<'a> {
    fields: &'a [Field],
    known: Known,
    agents: HashMap<String, Option<i64>>,
    /// Whether what lines name is held until the transaction's end.
    holds: bool,
    /// Companies that are not there yet, and will be when these lines are written.
    coming: BTreeSet<String>,
}

/// Stands for a company that is not there yet.
const COMING: i64 = 0;

impl Judge<'_> {
    fn judge(&mut self, tx: &mut Tx<'_>, line: &Line) -> Result<Judged, Error> {
        let by_identifier = line
            .identifier()
            .and_then(|identifier| self.known.identifiers.get(identifier).copied());
        let id = match (line.customer_id, &line.key) {
            (Some(id), _) => {
                if by_identifier.is_some_and(|other| other != id) {
                    return Ok(refuse(identifier_taken()));
                }
                Some(id)
            }
            // It was imported before.
            (None, Some(key)) if self.known.lines.contains_key(key) => return Ok(Judged::Nothing),
            (None, _) => by_identifier,
        };
        let was = match id {
            Some(id) => match known(tx, id)? {
                Some(was) => Some((id, was)),
                None => return Ok(refuse(about(CUSTOMER_ID, api::unknown(id)))),
            },
            None => None,
        };
        let is_company =
            was.as_ref().map_or(line.is_company == Some(true), |(_, was)| was.is_company);
        if line.is_company.is_some_and(|said| said != is_company) {
            return Ok(Judged::Refuse(vec![Why::OtherKind]));
        }
        let edit = match self.resolve(tx, line, is_company)? {
            Ok(edit) => edit,
            Err(faults) => {
                return Ok(Judged::Refuse(faults.into_iter().map(Why::Fault).collect()));
            }
        };
        let Some((id, was)) = was else {
            let mut customer = Customer { is_company, ..Customer::default() };
            edit.apply(&mut customer);
            let Customer { identifier, name, surname, emails, phones, .. } = &customer;
            let is_nobody = identifier.is_none()
                && name.is_empty()
                && surname.is_empty()
                && emails.is_empty()
                && phones.is_empty();
            if is_nobody {
                let missing = Fault::of(Code::Missing, "surname");
                return Ok(Judged::Refuse(vec![Why::Fault(missing)]));
            }
            return Ok(Judged::Add(Box::new(customer)));
        };
        let mut wanted = was.clone();
        edit.apply(&mut wanted);
        Ok(if wanted == was { Judged::Nothing } else { Judged::Change(id, Box::new(edit)) })
    }

    /// Looks up what a line names.
    fn resolve(
        &mut self,
        tx: &mut Tx<'_>,
        line: &Line,
        is_company: bool,
    ) -> Result<Result<Edit, Vec<Fault>>, Error> {
        let (mut faults, mut given) = (Vec::new(), line.given.clone());
        match &line.belongs {
            // A company belongs to none.
            _ if is_company => {}
            None => {}
            Some(Belongs::ToNone) => given.company_id = Some(OrEmpty(None)),
            Some(Belongs::To(id)) => {
                let is_there = if self.holds {
                    change::hold_company(tx, *id)?
                } else {
                    tx.query_opt(&COMPANY, params![*id], |_| Ok(()))?.is_some()
                };
                if !is_there {
                    faults
                        .push(Fault::new(Code::UnknownCompany).with("id", *id).about("company_id"));
                }
                given.company_id = Some(OrEmpty(Some(*id)));
            }
            Some(Belongs::ToIdentified(identifier)) => {
                let row = |row: &Row<'_>| row.get::<Option<i64>>(0);
                let found = tx.query_opt(&COMPANY_OF, params![identifier], row)?.flatten();
                let id = match found {
                    Some(id) if !self.holds || change::hold_company(tx, id)? => Some(id),
                    _ => self.coming.contains(identifier).then_some(COMING),
                };
                if id.is_none() {
                    let fault = Fault::new(Code::UnknownCompany).with("id", identifier);
                    faults.push(fault.about(COMPANY_IDENTIFIER));
                }
                given.company_id = Some(OrEmpty(id));
            }
        }
        let mut account_manager_id = None;
        if let Some(login) = given.account_manager.as_deref() {
            let id = if login.is_empty() { None } else { self.agent(tx, login)? };
            if id.is_none() && !login.is_empty() {
                let fault = Fault::new(Code::UnknownAccountManager).with("login", login);
                faults.push(fault.about("account_manager"));
            }
            account_manager_id = Some(OrEmpty(id));
        }
        let mut custom = BTreeMap::new();
        for (id, values) in &line.custom {
            let Some(field) = self.fields.iter().find(|field| field.id == *id) else { continue };
            if field.is_of(is_company) {
                custom.insert(*id, values.clone());
            } else if !values.is_empty() {
                let path = custom::path("custom_fields", &field.name);
                faults.push(Fault::of(Code::UnknownCustomFieldName, &path));
            }
        }
        if !faults.is_empty() {
            return Ok(Err(faults));
        }
        Ok(Ok(Edit::of(given, line.phones.clone(), account_manager_id, custom)))
    }

    fn agent(&mut self, tx: &mut Tx<'_>, login: &str) -> Result<Option<i64>, Error> {
        if let Some(known) = self.agents.get(login) {
            return Ok(*known);
        }
        let id = agent::find(tx, login)?.map(|agent| agent.id);
        self.agents.insert(login.to_owned(), id);
        Ok(id)
    }
}

fn refuse(error: Error) -> Judged {
    Judged::Refuse(error.faults().iter().cloned().map(Why::Fault).collect())
}

fn about(column: &str, error: Error) -> Error {
    Error::new(error.faults().iter().cloned().map(|fault| fault.about(column)).collect())
}

/// What would become of lines; nothing is written. `coming` are companies that earlier lines would add.
pub fn look(
    tx: &mut Tx<'_>,
    fields: &[Field],
    lines: &[Line],
    coming: &BTreeSet<String>,
) -> Result<Vec<Became>, Error> {
    let (known, coming) = (Known::of(tx, lines)?, coming.clone());
    let mut judge = Judge { fields, known, agents: HashMap::new(), holds: false, coming };
    let mut all = Vec::with_capacity(lines.len());
    for line in lines {
        all.push(match judge.judge(tx, line)? {
            Judged::Nothing => Became::Unchanged,
            Judged::Add(_) => {
                judge.coming.extend(line.company().map(str::to_owned));
                Became::Added
            }
            Judged::Change(..) => Became::Changed,
            Judged::Refuse(whys) => Became::Refused(whys),
        });
    }
    Ok(all)
}

/// Writes what lines say, all of it or, when it fails, nothing.
pub fn write(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    fields: &[Field],
    lines: &[Line],
) -> Result<Vec<Became>, Error> {
    hold(tx, lines)?;
    let known = Known::of(tx, lines)?;
    let coming = BTreeSet::new();
    let judge = Judge { fields, known, agents: HashMap::new(), holds: true, coming };
    let mut writer = Writer { judge, waiting: Vec::new(), awaited: HashSet::new() };
    let mut all = Vec::with_capacity(lines.len());
    for line in lines {
        all.push(writer.write(tx, act, line)?);
    }
    writer.flush(tx, act)?;
    Ok(all)
}

/// All that is about to be given away, and the right to be the one that imports: two that import the same lines add nobody twice.
fn hold(tx: &mut Tx<'_>, lines: &[Line]) -> Result<(), Error> {
    let mut keys = vec!["customer import".to_owned()];
    for given in lines.iter().map(|line| &line.given) {
        keys.extend(given.identifier.iter().map(|identifier| format!("identifier {identifier}")));
        keys.extend(given.emails.iter().flatten().map(|email| format!("email {}", fold(email))));
    }
    Ok(tx.lock(&keys.iter().map(String::as_str).collect::<Vec<_>>())?)
}

struct Writer<'a> {
    judge: Judge<'a>,
    /// Who is added together, when nothing else can wait for it.
    waiting: Vec<(&'a Line, Customer)>,
    /// The same by their lines' identity.
    awaited: HashSet<String>,
}

impl<'a> Writer<'a> {
    fn write(&mut self, tx: &mut Tx<'_>, act: &Act<'_>, line: &'a Line) -> Result<Became, Error> {
        let identity = line.identity();
        if self.awaited.contains(&identity) {
            self.flush(tx, act)?;
        }
        match self.judge.judge(tx, line)? {
            Judged::Nothing => Ok(Became::Unchanged),
            Judged::Refuse(whys) => Ok(Became::Refused(whys)),
            Judged::Add(customer) if customer.is_company => {
                self.flush(tx, act)?;
                self.add_company(tx, act, line, &customer)
            }
            Judged::Add(customer) => {
                self.waiting.push((line, *customer));
                self.awaited.insert(identity);
                Ok(Became::Added)
            }
            Judged::Change(id, edit) => {
                // It may take an identifier that one of them is about to have.
                self.flush(tx, act)?;
                let changed =
                    conversation::change_customer(tx, act, id, |customer| edit.apply(customer));
                match changed {
                    Ok(Changed::Done(_, new)) => {
                        self.judge.known.identifiers.extend(new.map(|identifier| (identifier, id)));
                        Ok(Became::Changed)
                    }
                    Ok(Changed::Nothing) => Ok(Became::Unchanged),
                    Ok(Changed::Unknown) => refused(about(CUSTOMER_ID, api::unknown(id))),
                    Err(error) => refused(error),
                }
            }
        }
    }

    fn add_company(
        &mut self,
        tx: &mut Tx<'_>,
        act: &Act<'_>,
        line: &Line,
        described: &Customer,
    ) -> Result<Became, Error> {
        let Some((_, added)) = company::add(tx, act, described)? else {
            return refused(identifier_taken());
        };
        if let Some(identifier) = &described.identifier {
            conversation::identified(tx, act, identifier, &added)?;
        }
        self.remember(tx, &[(line, added.id)])?;
        Ok(Became::Added)
    }

    /// Adds those that wait for it.
    fn flush(&mut self, tx: &mut Tx<'_>, act: &Act<'_>) -> Result<(), Error> {
        self.awaited.clear();
        let waiting = std::mem::take(&mut self.waiting);
        let Ok(count) = i64::try_from(waiting.len()) else { return Ok(()) };
        if count == 0 {
            return Ok(());
        }
        let first = counter::next_many(tx, "customer", count)?;
        let all: Vec<New<'_>> =
            waiting.iter().map(|(line, customer)| New { customer, words: &line.words }).collect();
        bulk::add(tx, act, first, &all)?;
        let added: Vec<_> =
            waiting.iter().zip(first..).map(|((line, _), id)| (*line, id)).collect();
        self.remember(tx, &added)
    }

    /// By what the same lines are known again.
    fn remember(&mut self, tx: &mut Tx<'_>, added: &[(&Line, i64)]) -> Result<(), Error> {
        let mut rows = Vec::new();
        for (line, id) in added {
            if let Some(key) = &line.key {
                rows.extend([Value::from(key), Value::from(*id)]);
                self.judge.known.lines.insert(*key, *id);
            }
            if let Some(identifier) = line.identifier() {
                self.judge.known.identifiers.insert(identifier.to_owned(), *id);
            }
        }
        TABLES.lines.put(tx, &rows)
    }
}

/// Only the store's own errors end the transaction.
fn refused(error: Error) -> Result<Became, Error> {
    if !error.status().is_client_error() {
        return Err(error);
    }
    Ok(Became::Refused(error.faults().iter().cloned().map(Why::Fault).collect()))
}
