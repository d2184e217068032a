//! Field groups and their items, for integrators.

use axum::extract::Path;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Schema, Type};

use super::custom::{self, Field, Kind};
use super::custom_api::{Options, check, options};
use super::given::Name;
use super::groups::{self, Given, Group, Item};
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{Id, Members, Named, Node, OneOf, Param, integer, path_number};
use crate::http::{Call, Code, Error, Fault, Reply};

/// Values that a call gives at most.
const VALUES_MAX: usize = 200;

/// A group of fields.
#[derive(Serialize, ToSchema)]
pub struct GroupShown {
    #[schema(example = 2)]
    group_id: i64,
    #[schema(example = "Zamówienia")]
    name: String,
    fields: Vec<GroupField>,
}

/// A field of a group's items.
#[derive(Serialize, ToSchema)]
pub struct GroupField {
    #[schema(example = 9)]
    field_id: i64,
    #[schema(example = "Numer")]
    name: String,
    /// `text`, `number`, `date`, `list` or `yes_no`.
    kind: &'static str,
    /// Of a list.
    options: Vec<String>,
}

impl From<Field> for GroupField {
    fn from(field: Field) -> Self {
        let Field { id, name, kind, options, .. } = field;
        Self { field_id: id, name, kind: kind.name(), options }
    }
}

impl From<Group> for GroupShown {
    fn from(Group { id, name, fields }: Group) -> Self {
        Self { group_id: id, name, fields: fields.into_iter().map(Into::into).collect() }
    }
}

/// Lists field groups
///
/// All of them, with their fields.
#[utoipa::path(
    get, path = "/api/customer_field_groups", operation_id = "list_field_groups", tag = "customers",
    responses(
        (status = 200, description = "The groups.", body = [GroupShown]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(call: Call) -> Result<Reply, Error> {
    call.read(|tx, _| {
        let groups = groups::list(tx)?.into_iter().map(GroupShown::from);
        Reply::json(&groups.collect::<Vec<_>>())
    })
    .await
}

crate::params! { body
    AddFieldGroup {
        name: Name = "Zamówienia",
    }
}

/// Adds a field group
///
/// Our addition. Without fields at first.
#[utoipa::path(
    post, path = "/api/customer_field_groups", operation_id = "add_field_group", tag = "customers", params(IdempotencyKey),
    request_body(content((AddFieldGroup = "application/json"), (AddFieldGroup = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The group.", body = GroupShown),
        (status = 409, description = "There is one of this name, or there are too many.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(mut call: Call) -> Result<Reply, Error> {
    let given: AddFieldGroup = call.params()?;
    call.write(move |tx, act| {
        let id = groups::add(tx, act, &given.name)?;
        Reply::json(&GroupShown::from(groups::get(tx, id)?))
    })
    .await
}

crate::params! { body
    AddGroupField {
        name: Name = "Numer",
        /// What it holds; a text if it is not given.
        kind: Option<OneOf<Kind>> = "text",
        /// Of a list: what can be chosen.
        options: Option<Options>,
    }
}

/// Described once for all methods of one group.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct GroupId {
    /// The group's number.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    #[param(minimum = 1, example = 2)]
    id: i64,
}

/// Adds a field to a group
///
/// Our addition. Items that are there have it without a value.
#[utoipa::path(
    post, path = "/api/customer_field_groups/{id}/fields", operation_id = "add_group_field", tag = "customers",
    params(GroupId, IdempotencyKey),
    request_body(content((AddGroupField = "application/json"))),
    responses(
        (status = 200, description = "The group.", body = GroupShown),
        (status = 404, description = "Unknown group.", body = Envelope),
        (status = 409, description = "There is a field of this name, or there are too many.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add_field(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: AddGroupField = call.params()?;
    let unknown = || Fault::new(Code::UnknownFieldGroup).with("id", &id);
    let group_id = path_number(&id).ok_or_else(unknown)?;
    let field = Field {
        id: 0,
        group_id,
        name: given.name.into(),
        kind: given.kind.map_or(Kind::Text, |kind| kind.0),
        options: options(given.options),
        is_read_only: false,
        is_of_customers: true,
        is_of_companies: true,
    };
    check(&field)?;
    call.write(move |tx, act| {
        groups::get(tx, group_id)?;
        custom::add(tx, act, &field)?;
        Reply::json(&GroupShown::from(groups::get(tx, group_id)?))
    })
    .await
}

/// An item of a group.
#[derive(Serialize, ToSchema)]
pub struct ItemShown {
    #[schema(example = 38)]
    item_id: i64,
    group_id: i64,
    values: Vec<ItemValue>,
}

/// A field's value.
#[derive(Serialize, ToSchema)]
pub struct ItemValue {
    field_id: i64,
    name: String,
    /// A text, number, date like `2026-12-24`, list, true or false; null without a value.
    #[schema(required)]
    value: Value,
}

crate::params! { query
    ListItems {
        customer_id: Id = 1,
        /// Of this group alone.
        group_id: Option<Id> = 1,
    }
}

/// Lists a customer's items
///
/// Our addition. All of them, or those of one group, in the order in which they were made.
#[utoipa::path(
    get, path = "/api/customer_field_group_items", operation_id = "list_field_group_items", tag = "customers", params(ListItems),
    responses(
        (status = 200, description = "The items.", body = [ItemShown]),
        (status = 404, description = "Unknown customer or group.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list_items(mut call: Call) -> Result<Reply, Error> {
    let given: ListItems = call.params()?;
    let (customer_id, group_id) = (given.customer_id.0, given.group_id.map(|id| id.0));
    call.read(move |tx, _| {
        if super::known(tx, customer_id)?.is_none() {
            return Err(super::api::unknown(customer_id));
        }
        let groups = match group_id {
            Some(id) => vec![groups::get(tx, id)?],
            None => groups::list(tx)?,
        };
        let items = groups::items(tx, customer_id, group_id)?;
        Reply::json(&items.iter().filter_map(|item| shown(item, &groups)).collect::<Vec<_>>())
    })
    .await
}

/// An item with the names of its fields; none when its group is not among the given ones.
pub fn shown(item: &Item, groups: &[Group]) -> Option<ItemShown> {
    let group = groups.iter().find(|group| group.id == item.group_id)?;
    let value = |field: &Field| ItemValue {
        field_id: field.id,
        name: field.name.clone(),
        value: field.shown(item.values.get(&field.id).map_or(&[], Vec::as_slice)),
    };
    let values = group.fields.iter().map(value).collect();
    Some(ItemShown { item_id: item.id, group_id: item.group_id, values })
}

crate::params! { body
    AddItem {
        group_id: Id = 1,
        customer_id: Id = 1,
        values: Option<Values>,
    }
}

/// Which item it is.
#[derive(Serialize, ToSchema)]
pub struct ItemNumber {
    #[schema(example = 38)]
    item_id: i64,
}

/// Adds an item
///
/// One more of what the group is about: an order, a contract.
#[utoipa::path(
    post, path = "/api/customer_field_group_items", operation_id = "add_field_group_item", tag = "customers",
    params(IdempotencyKey),
    request_body(content((AddItem = "application/json"))),
    responses(
        (status = 200, description = "The item's number.", body = ItemNumber),
        (status = 404, description = "Unknown customer or group.", body = Envelope),
        (status = 409, description = "The customer has too many.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add_item(mut call: Call) -> Result<Reply, Error> {
    let given: AddItem = call.params()?;
    let values = given.values.map(|values| values.0).unwrap_or_default();
    call.write(move |tx, act| {
        let (group_id, customer_id) = (given.group_id.0, given.customer_id.0);
        let item_id = groups::add_item(tx, act, group_id, customer_id, &values)?;
        Reply::json(&ItemNumber { item_id })
    })
    .await
}

crate::params! { body
    ChangeItem {
        values: Option<Values>,
    }
}

/// Described once for all methods of one item.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ItemId {
    /// The item's number.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    #[param(minimum = 1, example = 38)]
    id: i64,
}

/// Changes an item
///
/// Our addition. Fields that are not given keep their values; empty values are taken away.
#[utoipa::path(
    put, path = "/api/customer_field_group_items/{id}", operation_id = "change_field_group_item", tag = "customers",
    params(ItemId),
    request_body(content((Option<ChangeItem> = "application/json"))),
    responses(
        (status = 200, description = "It is so.", body = ItemNumber),
        (status = 404, description = "Unknown item.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change_item(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ChangeItem = call.params()?;
    let item_id = item_number(&id)?;
    let values = given.values.map(|values| values.0).unwrap_or_default();
    call.write(move |tx, act| {
        groups::change_item(tx, act, item_id, &values)?;
        Reply::json(&ItemNumber { item_id })
    })
    .await
}

/// Deletes an item
///
/// Our addition.
#[utoipa::path(
    delete, path = "/api/customer_field_group_items/{id}", operation_id = "delete_field_group_item", tag = "customers",
    params(ItemId),
    responses(
        (status = 200, description = "It is gone. The body is empty."),
        (status = 404, description = "Unknown item.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove_item(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    let item_id = item_number(&id)?;
    call.write(move |tx, _| {
        groups::remove_item(tx, item_id)?;
        Ok(Reply::default())
    })
    .await
}

fn item_number(text: &str) -> Result<i64, Error> {
    let unknown = || Fault::new(Code::UnknownFieldItem).with("id", text).into();
    path_number(text).ok_or_else(unknown)
}

/// Values of fields by the fields' numbers: `[{"field_id": 9, "value": "Z-77"}]`; a list may have several.
#[derive(Debug, Clone)]
pub struct Values(pub Given);

impl Param for Values {
    const IS_LIST: bool = true;

    /// Of one of them.
    fn describe(_: bool) -> ObjectBuilder {
        let id = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
        let value = ObjectBuilder::new().schema_type(Type::String);
        let object = ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        let object = object.property("field_id", id).property("value", value);
        object.required("field_id")
    }

    fn schema(_: bool, about: Option<&str>, example: Option<Value>) -> Schema {
        let list = ArrayBuilder::new().items(Self::describe(true));
        let list = list.max_items(Some(VALUES_MAX));
        let example = example.unwrap_or_else(|| json!([{"field_id": 9, "value": "Z-77"}]));
        list.description(about).examples([example]).into()
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        let Some(Node::List(nodes)) = node else { return Err(Fault::of(Code::NotList, name)) };
        if nodes.len() > VALUES_MAX {
            return Err(Fault::of(Code::TooManyValues, name).with("limit", VALUES_MAX));
        }
        let one = |(at, node)| {
            let place = format!("{name}[{at}]");
            let mut members = Members::of(&place, Some(node), &["field_id", "value"])?;
            let not_integer = Fault::of(Code::NotInteger, &members.path("field_id"));
            let id = integer(&members.text("field_id", 20)?).ok_or(not_integer)?;
            let texts = match members.members.remove("value") {
                None => Vec::new(),
                Some(Node::Scalar(text)) => vec![text],
                Some(Node::List(nodes)) => {
                    let texts = nodes.into_iter().map(|node| match node {
                        Node::Scalar(text) => Ok(text),
                        _ => Err(Fault::of(Code::NotText, &place)),
                    });
                    texts.collect::<Result<_, _>>()?
                }
                Some(Node::Map(_)) => return Err(Fault::of(Code::NotText, &place)),
            };
            Ok((id, texts))
        };
        nodes.into_iter().enumerate().map(one).collect::<Result<_, _>>().map(Self)
    }
}
