//! Which custom fields there are, for integrators: our additions.

use axum::extract::Path;
use rozmowa_db::Tx;
use serde::Serialize;
use utoipa::ToSchema;

use super::custom::{self, Field, Kind};
use super::given::Name;
use crate::act::Act;
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{Flag, Listed, Named, OneOf, YesNo, path_number};
use crate::http::{Call, Code, Error, Fault, Reply};

/// Options of a list at most.
pub const OPTIONS_MAX: usize = 500;

pub type Options = Listed<Name, OPTIONS_MAX>;

/// A custom field.
#[derive(Serialize, ToSchema)]
pub struct CustomFieldShown {
    #[schema(example = 7)]
    field_id: i64,
    #[schema(example = "Kraj")]
    name: String,
    /// `text`, `number`, `date`, `list` or `yes_no`.
    #[schema(example = "list")]
    kind: &'static str,
    /// Of a list.
    options: Vec<String>,
    /// Written only with `fill_read_only_custom_fields`.
    read_only: bool,
    of_customers: bool,
    of_companies: bool,
}

impl From<Field> for CustomFieldShown {
    fn from(field: Field) -> Self {
        Self {
            field_id: field.id,
            name: field.name,
            kind: field.kind.name(),
            options: field.options,
            read_only: field.is_read_only,
            of_customers: field.is_of_customers,
            of_companies: field.is_of_companies,
        }
    }
}

/// Lists custom fields
///
/// Our addition. All of them.
#[utoipa::path(
    get, path = "/api/custom_fields", operation_id = "list_custom_fields", tag = "customers",
    responses(
        (status = 200, description = "The fields.", body = [CustomFieldShown]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(call: Call) -> Result<Reply, Error> {
    call.read(|tx, _| Reply::json(&all(tx)?)).await
}

pub(super) fn all(tx: &mut Tx<'_>) -> Result<Vec<CustomFieldShown>, Error> {
    Ok(custom::list(tx, custom::OF_NO_GROUP)?.into_iter().map(Into::into).collect())
}

crate::params! { body
    AddCustomField {
        /// By which calls give and get its values.
        name: Name = "Kraj",
        /// What it holds; a text if it is not given.
        kind: Option<OneOf<Kind>> = "list",
        /// Of a list: what can be chosen.
        options: Option<Options> = ["POLSKA", "CZECHY"],
        /// Written only with `fill_read_only_custom_fields`.
        read_only: Flag = false,
        /// Whether customers have it: so if it is not given.
        of_customers: Option<YesNo> = true,
        /// Whether companies have it: so if it is not given.
        of_companies: Option<YesNo> = true,
    }
}

/// Adds a custom field
///
/// Our addition. Customers and companies have it from now on, without a value.
#[utoipa::path(
    post, path = "/api/custom_fields", operation_id = "add_custom_field", tag = "customers", params(IdempotencyKey),
    request_body(content((AddCustomField = "application/json"))),
    responses(
        (status = 200, description = "The field.", body = CustomFieldShown),
        (status = 409, description = "There is one of this name, or there are too many.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(mut call: Call) -> Result<Reply, Error> {
    let field = call.params::<AddCustomField>()?.field()?;
    call.write(move |tx, act| Reply::json(&add_field(tx, act, &field)?)).await
}

impl AddCustomField {
    /// The field as it is to be, without its number.
    pub(super) fn field(self) -> Result<Field, Error> {
        let field = Field {
            id: 0,
            group_id: custom::OF_NO_GROUP,
            name: self.name.into(),
            kind: self.kind.map_or(Kind::Text, |kind| kind.0),
            options: options(self.options),
            is_read_only: self.read_only.0,
            is_of_customers: self.of_customers.is_none_or(|yes| yes.0),
            is_of_companies: self.of_companies.is_none_or(|yes| yes.0),
        };
        check(&field)?;
        Ok(field)
    }
}

pub(super) fn add_field(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    field: &Field,
) -> Result<CustomFieldShown, Error> {
    let id = custom::add(tx, act, field)?;
    Ok(Field { id, ..field.clone() }.into())
}

crate::params! { body
    ChangeCustomField {
        name: Option<Name> = "Kraj dostawy",
        /// In place of all that there were. Values that are no option any more stay.
        options: Option<Options> = ["POLSKA", "CZECHY"],
        read_only: Option<YesNo> = false,
        of_customers: Option<YesNo> = true,
        of_companies: Option<YesNo> = true,
    }
}

/// Described once for all methods of one field.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct FieldId {
    /// The field's number.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    #[param(minimum = 1, example = 7)]
    id: i64,
}

/// Changes a custom field
///
/// Our addition. What is not given stays; its kind does always. Who does not have it any more keeps its value, unseen.
#[utoipa::path(
    put, path = "/api/custom_fields/{id}", operation_id = "change_custom_field", tag = "customers", params(FieldId),
    request_body(content((Option<ChangeCustomField> = "application/json"))),
    responses(
        (status = 200, description = "The field as it is now.", body = CustomFieldShown),
        (status = 404, description = "Unknown field.", body = Envelope),
        (status = 409, description = "There is another one of this name.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ChangeCustomField = call.params()?;
    let (id, changes) = (number(&id)?, given.changes());
    call.write(move |tx, act| Reply::json(&change_field(tx, act, id, &changes)?)).await
}

/// What a field is to be from now on. What is none stays.
pub(super) struct Changes {
    name: Option<String>,
    options: Option<Vec<String>>,
    read_only: Option<bool>,
    of_customers: Option<bool>,
    of_companies: Option<bool>,
}

impl ChangeCustomField {
    pub(super) fn changes(self) -> Changes {
        let yes = |given: Option<YesNo>| given.map(|yes| yes.0);
        Changes {
            name: self.name.map(String::from).filter(|name| !name.is_empty()),
            options: self.options.map(|given| options(Some(given))),
            read_only: yes(self.read_only),
            of_customers: yes(self.of_customers),
            of_companies: yes(self.of_companies),
        }
    }
}

impl Changes {
    fn apply(&self, field: &mut Field) {
        if let Some(name) = &self.name {
            field.name.clone_from(name);
        }
        if let Some(options) = &self.options {
            field.options.clone_from(options);
        }
        field.is_read_only = self.read_only.unwrap_or(field.is_read_only);
        field.is_of_customers = self.of_customers.unwrap_or(field.is_of_customers);
        field.is_of_companies = self.of_companies.unwrap_or(field.is_of_companies);
    }
}

pub(super) fn change_field(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: i64,
    changes: &Changes,
) -> Result<CustomFieldShown, Error> {
    let was = custom::find(tx, id)?.filter(|field| field.group_id == custom::OF_NO_GROUP);
    let mut wanted = was.ok_or_else(|| unknown(id))?;
    changes.apply(&mut wanted);
    check(&wanted)?;
    Ok(custom::change(tx, act, id, |field| changes.apply(field))?.into())
}

/// The path's `:id`.
pub(super) fn number(text: &str) -> Result<i64, Error> {
    path_number(text).ok_or_else(|| unknown(text))
}

fn unknown(id: impl ToString) -> Error {
    Fault::new(Code::UnknownCustomField).with("id", id).into()
}

/// The same one twice is one.
pub(super) fn options(given: Option<Options>) -> Vec<String> {
    let mut options: Vec<String> = Vec::new();
    for option in given.into_iter().flat_map(|given| given.0).map(String::from) {
        if !options.contains(&option) {
            options.push(option);
        }
    }
    options
}

/// A list has options, and nothing else has.
pub(super) fn check(field: &Field) -> Result<(), Error> {
    if (field.kind == Kind::List) == field.options.is_empty() {
        return Err(Fault::of(Code::OptionsOfList, "options").into());
    }
    Ok(())
}
