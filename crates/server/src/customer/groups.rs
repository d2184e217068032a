//! Field groups: what a customer has several of, such as orders. Each of a group's items has values of the group's fields.

use std::collections::{BTreeMap, HashMap};

use rozmowa_db::{Row, Tx, params};

use super::change;
use super::custom::{self, Field};
use crate::act::Act;
use crate::audit;
use crate::http::{Code, Error, Fault};

/// Groups of an installation.
const MAX: i64 = 100;
/// Items of a customer, of all groups.
pub const ITEMS_MAX: i64 = 1_000;

rozmowa_db::statements! {
    LIST = "SELECT id, name FROM field_group ORDER BY id LIMIT 1000";
    FIND = "SELECT id, name FROM field_group WHERE id = $1";
    COUNT = "SELECT count(*) FROM field_group";
    ADD = "INSERT INTO field_group (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    COUNT_ITEMS = "SELECT count(*) FROM field_item WHERE customer_id = $1";
    ADD_ITEM = "INSERT INTO field_item (id, customer_id, group_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)";
    ITEM = "SELECT i.group_id, i.customer_id FROM field_item i JOIN customer u ON u.id = i.customer_id WHERE i.id = $1";
    TOUCH_ITEM = "UPDATE field_item SET updated_at = $2 WHERE id = $1";
    REMOVE_ITEM = "DELETE FROM field_item WHERE id = $1";
    /// Of one group, or of all.
    ITEMS = "SELECT i.id, i.group_id FROM field_item i WHERE i.customer_id = $1 AND (i.group_id = $2 OR $2 = 0)
        ORDER BY i.group_id, i.id LIMIT 1000";
    VALUES = "SELECT item.id, v.field_id, v.value FROM field_item item JOIN field_item_value v ON v.item_id = item.id
        WHERE item.customer_id = $1 AND (item.group_id = $2 OR $2 = 0) ORDER BY item.id, v.field_id, v.position";
    ADD_VALUE = "INSERT INTO field_item_value (item_id, field_id, position, value) VALUES ($1, $2, $3, $4)";
    REMOVE_VALUE = "DELETE FROM field_item_value WHERE item_id = $1 AND field_id = $2";
    REMOVE_VALUES = "DELETE FROM field_item_value WHERE item_id = $1";
}

/// A group with its fields.
#[derive(Debug, Clone)]
pub struct Group {
    pub id: i64,
    pub name: String,
    pub fields: Vec<Field>,
}

/// An item with the values of its fields, as they are stored.
#[derive(Debug, Clone)]
pub struct Item {
    pub id: i64,
    pub group_id: i64,
    pub values: BTreeMap<i64, Vec<String>>,
}

/// What is given of an item: fields by their numbers.
pub type Given = Vec<(i64, Vec<String>)>;

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Group>, Error> {
    let groups = tx.query(&LIST, params![], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let with_fields = |(id, name)| Ok(Group { id, name, fields: custom::list(tx, id)? });
    groups.into_iter().map(with_fields).collect()
}

pub fn get(tx: &mut Tx<'_>, id: i64) -> Result<Group, Error> {
    let found = tx.query_opt(&FIND, params![id], |row| row.get::<String>(1))?;
    let unknown = || Fault::new(Code::UnknownFieldGroup).with("id", id).about("group_id");
    let name = found.ok_or_else(unknown)?;
    Ok(Group { id, name, fields: custom::list(tx, id)? })
}

pub fn add(tx: &mut Tx<'_>, act: &Act<'_>, name: &str) -> Result<i64, Error> {
    tx.lock(&["field groups"])?;
    if tx.query_one(&COUNT, params![], |row| row.get::<i64>(0))? >= MAX {
        return Err(Fault::new(Code::TooManyFieldGroups).with("limit", MAX).into());
    }
    let id = crate::counter::next(tx, "field_group")?;
    if tx.execute(&ADD, params![id, name, act.now])? == 0 {
        return Err(Fault::new(Code::FieldGroupTaken).about("name").into());
    }
    let (subject, view) = (format!("field_group {id}"), serde_json::json!({ "name": name }));
    audit::record(tx, act, "field_group.add", &subject, None::<&()>, Some(&view))?;
    Ok(id)
}

/// The items of a customer, of one group or of all.
pub fn items(tx: &mut Tx<'_>, customer_id: i64, group_id: Option<i64>) -> Result<Vec<Item>, Error> {
    let of = params![customer_id, group_id.unwrap_or(0)];
    let mut items = tx.query(&ITEMS, of, |row: &Row<'_>| {
        Ok(Item { id: row.get(0)?, group_id: row.get(1)?, values: BTreeMap::new() })
    })?;
    let at: HashMap<i64, usize> =
        items.iter().enumerate().map(|(at, item)| (item.id, at)).collect();
    tx.query(&VALUES, of, |row: &Row<'_>| {
        if let Some(at) = at.get(&row.get::<i64>(0)?) {
            items[*at].values.entry(row.get(1)?).or_default().push(row.get(2)?);
        }
        Ok(())
    })?;
    Ok(items)
}

/// Adds an item, and says its number.
pub fn add_item(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    group_id: i64,
    customer_id: i64,
    given: &Given,
) -> Result<i64, Error> {
    let group = get(tx, group_id)?;
    // Nobody deletes the customer meanwhile, and no two find room for one.
    if !change::hold_customer(tx, customer_id)? {
        let fault = Fault::new(Code::UnknownCustomer).with("id", customer_id);
        return Err(fault.about("customer_id").into());
    }
    let values = resolve(&group.fields, given)?;
    if tx.query_one(&COUNT_ITEMS, params![customer_id], |row| row.get::<i64>(0))? >= ITEMS_MAX {
        return Err(Fault::new(Code::TooManyFieldItems).with("limit", ITEMS_MAX).into());
    }
    let id = crate::counter::next(tx, "field_item")?;
    tx.put(&ADD_ITEM, params![id, customer_id, group_id, act.now])?;
    add_values(tx, id, &values)?;
    Ok(id)
}

/// Changes the values that are given; the others stay.
pub fn change_item(tx: &mut Tx<'_>, act: &Act<'_>, id: i64, given: &Given) -> Result<(), Error> {
    let group_id = hold_item(tx, id)?;
    let group = get(tx, group_id)?;
    let values = resolve(&group.fields, given)?;
    for field in values.keys() {
        tx.put(&REMOVE_VALUE, params![id, *field])?;
    }
    add_values(tx, id, &values)?;
    tx.put(&TOUCH_ITEM, params![id, act.now])?;
    Ok(())
}

pub fn remove_item(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
    hold_item(tx, id)?;
    tx.put(&REMOVE_VALUES, params![id])?;
    tx.put(&REMOVE_ITEM, params![id])?;
    Ok(())
}

/// The group of an item whose customer is held.
fn hold_item(tx: &mut Tx<'_>, id: i64) -> Result<i64, Error> {
    let row = |row: &Row<'_>| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?));
    let unknown = || Error::from(Fault::new(Code::UnknownFieldItem).with("id", id));
    let (_, customer_id) = tx.query_opt(&ITEM, params![id], row)?.ok_or_else(unknown)?;
    if !change::hold_customer(tx, customer_id)? {
        return Err(unknown());
    }
    // Somebody may have taken it away before it was held.
    Ok(tx.query_opt(&ITEM, params![id], row)?.ok_or_else(unknown)?.0)
}

fn add_values(tx: &mut Tx<'_>, id: i64, values: &BTreeMap<i64, Vec<String>>) -> Result<(), Error> {
    for (field, values) in values {
        for (position, value) in (0_i64..).zip(values) {
            tx.put(&ADD_VALUE, params![id, *field, position, value])?;
        }
    }
    Ok(())
}

fn resolve(fields: &[Field], given: &Given) -> Result<BTreeMap<i64, Vec<String>>, Error> {
    let (mut values, mut faults) = (BTreeMap::new(), Vec::new());
    for (at, (id, texts)) in given.iter().enumerate() {
        let path = format!("values[{at}]");
        let Some(field) = fields.iter().find(|field| field.id == *id) else {
            faults.push(Fault::of(Code::UnknownFieldOfGroup, &path).with("id", id));
            continue;
        };
        match field.values(&path, texts) {
            Ok(read) => {
                values.insert(field.id, read);
            }
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(values) } else { Err(Error::new(faults)) }
}
