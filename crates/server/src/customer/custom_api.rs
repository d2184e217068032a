//! Which custom fields there are, for integrators: our additions.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::custom::{self, Field, Kind};
use super::given::Name;
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
    call.read(|tx, _| {
        let fields = custom::list(tx, custom::OF_NO_GROUP)?;
        Reply::json(&fields.into_iter().map(CustomFieldShown::from).collect::<Vec<_>>())
    })
    .await
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
    let given: AddCustomField = call.params()?;
    let field = Field {
        id: 0,
        group_id: custom::OF_NO_GROUP,
        name: given.name.into(),
        kind: given.kind.map_or(Kind::Text, |kind| kind.0),
        options: options(given.options),
        is_read_only: given.read_only.0,
        is_of_customers: given.of_customers.is_none_or(|yes| yes.0),
        is_of_companies: given.of_companies.is_none_or(|yes| yes.0),
    };
    check(&field)?;
    call.write(move |tx, act| {
        let id = custom::add(tx, act, &field)?;
        Reply::json(&CustomFieldShown::from(Field { id, ..field.clone() }))
    })
    .await
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
    let unknown = Fault::new(Code::UnknownCustomField).with("id", &id);
    let id = path_number(&id).ok_or(unknown.clone())?;
    let name = given.name.map(String::from).filter(|name| !name.is_empty());
    let options = given.options.map(|given| options(Some(given)));
    call.write(move |tx, act| {
        let was = custom::find(tx, id)?.filter(|field| field.group_id == custom::OF_NO_GROUP);
        let mut wanted = was.ok_or_else(|| Error::from(unknown.clone()))?;
        let apply = |field: &mut Field| {
            if let Some(name) = &name {
                field.name.clone_from(name);
            }
            if let Some(options) = &options {
                field.options.clone_from(options);
            }
            field.is_read_only = given.read_only.map_or(field.is_read_only, |yes| yes.0);
            field.is_of_customers = given.of_customers.map_or(field.is_of_customers, |yes| yes.0);
            field.is_of_companies = given.of_companies.map_or(field.is_of_companies, |yes| yes.0);
        };
        apply(&mut wanted);
        check(&wanted)?;
        Reply::json(&CustomFieldShown::from(custom::change(tx, act, id, apply)?))
    })
    .await
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
