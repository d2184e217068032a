//! What calls give of customers and companies: parameters of POST and PUT, and of the entries of a batch.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use rozmowa_db::Tx;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type,
};

use super::change::{self, Customer};
use super::custom::{self, Field};
use super::phone::{Phone, Region};
use crate::agent;
use crate::http::params::{Email, Id, Line, Listed, Members, Node, OrEmpty, Param, Text, YesNo};
use crate::http::{Code, Error, Fault};

/// Addresses and numbers that a customer has at most.
pub const MANY: usize = 50;
pub const NOTE_MAX: usize = 16_384;
/// The parts of an address, in the order in which they are stored.
pub const PARTS: [&str; 6] = ["street", "building", "flat", "postcode", "city", "country"];
/// Custom fields that one call names at most.
const FIELDS_MAX: usize = 200;

pub type Name = Line<255>;
pub type Emails = Listed<Email, MANY>;
pub type Phones = Listed<PhoneText, MANY>;

/// Declares what makes or changes a customer: what differs, then what is common.
macro_rules! of_customers {
    ($name:ident { $($(#[doc = $about:literal])* $own:ident: $type:ty = $example:expr),* $(,)? }) => {
        crate::params! { body
            $name {
                $($(#[doc = $about])* $own: $type = $example,)*
                name: Option<OrEmpty<Name>> = "Jan",
                /// One or several, the main one first.
                email: Option<Emails> = ["jan.kowalski@foo.bar"],
                /// One or several, the main one first; kept as they are written.
                phone_number: Option<Phones> = ["222333444"],
                /// The company that the customer belongs to.
                company_id: Option<OrEmpty<Id>>,
                /// What kind of customer it is, in your own words.
                r#type: Option<OrEmpty<Name>> = "Klient",
                group: Option<OrEmpty<Name>> = "Hurt",
                /// The id in your own systems; no two customers have the same one.
                identifier: Option<OrEmpty<Name>> = "K-1234",
                gender: Option<OrEmpty<Line<32>>>,
                homepage: Option<OrEmpty<Line<1000>>> = "https://example.org",
                birthdate: Option<OrEmpty<Day>> = "1980-05-17",
                nip: Option<OrEmpty<Line<32>>> = "123-456-32-18",
                note: Option<OrEmpty<Text<NOTE_MAX>>>,
                pesel: Option<OrEmpty<Line<32>>>,
                job: Option<OrEmpty<Name>>,
                job_title: Option<OrEmpty<Name>>,
                /// The login of the agent who looks after the customer: conversations go there first.
                account_manager: Option<OrEmpty<Name>> = "jkowalski",
                /// Values by the names of the fields; a list may have several. An empty one takes the value away.
                custom_fields: Option<CustomFields>,
                /// Whether fields that are read only are filled, too.
                fill_read_only_custom_fields: Option<YesNo> = false,
                vip: Option<YesNo> = false,
                address: Option<Parts>,
                invoice_address: Option<Parts>,
                mail_drop_address: Option<Parts>,
            }
        }

        impl $name {
            /// The surname apart, which one of them needs.
            fn common(self) -> Given {
                let text = |line: Option<OrEmpty<Name>>| line.map(or_empty);
                Given {
                    name: text(self.name),
                    surname: None,
                    emails: self.email.map(|emails| emails.0.into_iter().map(Into::into).collect()),
                    phones: self.phone_number.map(|all| all.0.into_iter().map(|one| one.0).collect()),
                    company_id: self.company_id.map(|id| OrEmpty(id.0.map(|id| id.0))),
                    type_name: text(self.r#type),
                    group_name: text(self.group),
                    identifier: text(self.identifier),
                    gender: self.gender.map(or_empty),
                    homepage: self.homepage.map(or_empty),
                    birthdate: self.birthdate.map(|day| day.0.map(|day| day.0).unwrap_or_default()),
                    nip: self.nip.map(or_empty),
                    note: self.note.map(|note| note.0.map(|note| note.0).unwrap_or_default()),
                    pesel: self.pesel.map(or_empty),
                    job: text(self.job),
                    job_title: text(self.job_title),
                    account_manager: text(self.account_manager),
                    custom: self.custom_fields.map(|fields| fields.0).unwrap_or_default(),
                    fills_read_only: self.fill_read_only_custom_fields.is_some_and(|yes| yes.0),
                    vip: self.vip.map(|vip| vip.0),
                    addresses: [self.address, self.invoice_address, self.mail_drop_address]
                        .map(|address| address.map(|parts| parts.0).unwrap_or_default()),
                }
            }
        }
    };
}

/// The same of companies.
macro_rules! of_companies {
    ($name:ident { $($(#[doc = $about:literal])* $own:ident: $type:ty = $example:expr),* $(,)? }) => {
        crate::params! { body
            $name {
                $($(#[doc = $about])* $own: $type = $example,)*
                /// One or several, the main one first.
                email: Option<Emails> = ["biuro@firma.example"],
                /// One or several, the main one first; kept as they are written.
                phone_number: Option<Phones> = ["222333444"],
                /// What kind of customer it is, in your own words.
                r#type: Option<OrEmpty<Name>> = "Klient",
                group: Option<OrEmpty<Name>> = "Hurt",
                /// The id in your own systems; no two customers and companies have the same one.
                identifier: Option<OrEmpty<Name>> = "F-1234",
                homepage: Option<OrEmpty<Line<1000>>> = "https://firma.example",
                nip: Option<OrEmpty<Line<32>>> = "123-456-32-18",
                note: Option<OrEmpty<Text<NOTE_MAX>>>,
                /// The login of the agent who looks after the company: conversations go there first.
                account_manager: Option<OrEmpty<Name>> = "jkowalski",
                /// Values by the names of the fields; a list may have several. An empty one takes the value away.
                custom_fields: Option<CustomFields>,
                /// Whether fields that are read only are filled, too.
                fill_read_only_custom_fields: Option<YesNo> = false,
                vip: Option<YesNo> = false,
                address: Option<Parts>,
                invoice_address: Option<Parts>,
                mail_drop_address: Option<Parts>,
            }
        }

        impl $name {
            /// The name apart, which one of them needs.
            fn common(self) -> Given {
                let text = |line: Option<OrEmpty<Name>>| line.map(or_empty);
                Given {
                    emails: self.email.map(|emails| emails.0.into_iter().map(Into::into).collect()),
                    phones: self.phone_number.map(|all| all.0.into_iter().map(|one| one.0).collect()),
                    type_name: text(self.r#type),
                    group_name: text(self.group),
                    identifier: text(self.identifier),
                    homepage: self.homepage.map(or_empty),
                    nip: self.nip.map(or_empty),
                    note: self.note.map(|note| note.0.map(|note| note.0).unwrap_or_default()),
                    account_manager: text(self.account_manager),
                    custom: self.custom_fields.map(|fields| fields.0).unwrap_or_default(),
                    fills_read_only: self.fill_read_only_custom_fields.is_some_and(|yes| yes.0),
                    vip: self.vip.map(|vip| vip.0),
                    addresses: [self.address, self.invoice_address, self.mail_drop_address]
                        .map(|address| address.map(|parts| parts.0).unwrap_or_default()),
                    ..Given::default()
                }
            }
        }
    };
}

of_customers!(AddCustomer { surname: Name = "Kowalski" });

of_customers!(ChangeCustomer {
    surname: Option<Name> = "Kowalski",
});

of_customers!(ChangeCustomerOfBatch {
    /// Which customer.
    customer_id: Id = 273,
    surname: Option<Name> = "Kowalski",
});

of_companies!(AddCompany { name: Name = "Firma sp. z o.o." });

of_companies!(ChangeCompany {
    name: Option<Name> = "Firma sp. z o.o.",
});

of_companies!(ChangeCompanyOfBatch {
    /// Which company.
    company_id: Id = 12,
    name: Option<Name> = "Firma sp. z o.o.",
});

impl AddCustomer {
    pub fn given(self) -> Given {
        let surname = Some(String::from(self.surname.clone()));
        Given { surname, ..self.common() }
    }
}

impl ChangeCustomer {
    pub fn given(self) -> Given {
        let surname = self.surname.clone().map(String::from);
        Given { surname, ..self.common() }
    }
}

impl ChangeCustomerOfBatch {
    pub fn given(self) -> Given {
        let surname = self.surname.clone().map(String::from);
        Given { surname, ..self.common() }
    }
}

impl AddCompany {
    pub fn given(self) -> Given {
        let surname = Some(String::from(self.name.clone()));
        Given { surname, ..self.common() }
    }
}

impl ChangeCompany {
    pub fn given(self) -> Given {
        let surname = self.name.clone().map(String::from);
        Given { surname, ..self.common() }
    }
}

impl ChangeCompanyOfBatch {
    pub fn given(self) -> Given {
        let surname = self.name.clone().map(String::from);
        Given { surname, ..self.common() }
    }
}

fn or_empty<const MAX: usize>(line: OrEmpty<Line<MAX>>) -> String {
    line.0.map(String::from).unwrap_or_default()
}

/// What is to be known of a customer or company, as somebody says it: what is none stays as it is, what is empty is taken
/// away.
#[derive(Debug, Clone, Default)]
pub struct Given {
    pub name: Option<String>,
    /// Of a company: its name.
    pub surname: Option<String>,
    pub emails: Option<Vec<String>>,
    pub phones: Option<Vec<String>>,
    pub company_id: Option<OrEmpty<i64>>,
    pub type_name: Option<String>,
    pub group_name: Option<String>,
    pub identifier: Option<String>,
    pub gender: Option<String>,
    pub homepage: Option<String>,
    pub birthdate: Option<String>,
    pub nip: Option<String>,
    pub note: Option<String>,
    pub pesel: Option<String>,
    pub job: Option<String>,
    pub job_title: Option<String>,
    /// A login.
    pub account_manager: Option<String>,
    /// By the names of fields.
    pub custom: BTreeMap<String, Vec<String>>,
    pub fills_read_only: bool,
    pub vip: Option<bool>,
    /// Each part by its place.
    pub addresses: [[Option<String>; 6]; 3],
}

/// The same with what its names stand for: ready to be applied to what is known.
#[derive(Debug, Clone)]
pub struct Edit {
    given: Given,
    phones: Option<Vec<Phone>>,
    account_manager_id: Option<OrEmpty<i64>>,
    custom: BTreeMap<i64, Vec<String>>,
}

impl Given {
    /// Looks up what it names. All that is wrong with it is told at once.
    pub fn resolve(
        mut self,
        tx: &mut Tx<'_>,
        region: Region,
        is_company: bool,
    ) -> Result<Edit, Error> {
        let mut faults = Vec::new();
        let mut custom = BTreeMap::new();
        if !self.custom.is_empty() {
            let mut fields = custom::list(tx, custom::OF_NO_GROUP)?;
            fields.retain(|field: &Field| field.is_of(is_company));
            let read =
                custom::resolve(&fields, &self.custom, "custom_fields", self.fills_read_only);
            match read {
                Ok(values) => custom = values,
                Err(wrong) => faults = wrong,
            }
        }
        let phones = self.phones.take().map(|texts| {
            texts.iter().filter_map(|text| Phone::parse(text, region)).collect::<Vec<_>>()
        });
        if let Some(OrEmpty(Some(id))) = self.company_id
            && !change::hold_company(tx, id)?
        {
            faults.push(Fault::new(Code::UnknownCompany).with("id", id).about("company_id"));
        }
        let mut account_manager_id = None;
        if let Some(login) = self.account_manager.as_deref() {
            let found = if login.is_empty() { None } else { agent::find(tx, login)? };
            if found.is_none() && !login.is_empty() {
                let fault = Fault::new(Code::UnknownAccountManager).with("login", login);
                faults.push(fault.about("account_manager"));
            }
            account_manager_id = Some(OrEmpty(found.map(|agent| agent.id)));
        }
        if !faults.is_empty() {
            return Err(Error::new(faults));
        }
        Ok(Edit { given: self, phones, account_manager_id, custom })
    }
}

impl Edit {
    /// Of what is looked up already.
    pub(super) fn of(
        given: Given,
        phones: Option<Vec<Phone>>,
        account_manager_id: Option<OrEmpty<i64>>,
        custom: BTreeMap<i64, Vec<String>>,
    ) -> Self {
        Self { given, phones, account_manager_id, custom }
    }

    pub fn apply(&self, customer: &mut Customer) {
        fn set(place: &mut String, given: Option<&String>) {
            if let Some(given) = given {
                place.clone_from(given);
            }
        }
        let given = &self.given;
        set(&mut customer.name, given.name.as_ref());
        set(&mut customer.surname, given.surname.as_ref());
        set(&mut customer.type_name, given.type_name.as_ref());
        set(&mut customer.group_name, given.group_name.as_ref());
        set(&mut customer.gender, given.gender.as_ref());
        set(&mut customer.homepage, given.homepage.as_ref());
        set(&mut customer.birthdate, given.birthdate.as_ref());
        set(&mut customer.nip, given.nip.as_ref());
        set(&mut customer.note, given.note.as_ref());
        set(&mut customer.pesel, given.pesel.as_ref());
        set(&mut customer.job, given.job.as_ref());
        set(&mut customer.job_title, given.job_title.as_ref());
        if let Some(identifier) = &given.identifier {
            customer.identifier = Some(identifier.clone()).filter(|text| !text.is_empty());
        }
        if let Some(emails) = &given.emails {
            customer.emails = once_each(emails, |email| super::fold(email));
        }
        if let Some(phones) = &self.phones {
            customer.phones = once_each(phones, |phone| phone.key.clone());
        }
        // A company is its own: it belongs to no other.
        if let (Some(OrEmpty(id)), false) = (&given.company_id, customer.is_company) {
            customer.company_id = *id;
        }
        if let Some(OrEmpty(id)) = &self.account_manager_id {
            customer.account_manager_id = *id;
        }
        if let Some(is_vip) = given.vip {
            customer.is_vip = is_vip;
        }
        for (address, parts) in customer.addresses.iter_mut().zip(&given.addresses) {
            for (place, part) in address.iter_mut().zip(parts) {
                if let Some(text) = part {
                    *place = Some(text.clone()).filter(|text| !text.is_empty());
                }
            }
        }
        for (field, values) in &self.custom {
            if values.is_empty() {
                customer.custom.remove(field);
            } else {
                customer.custom.insert(*field, values.clone());
            }
        }
    }
}

/// The same address or number twice is one.
fn once_each<T: Clone>(all: &[T], key: impl Fn(&T) -> String) -> Vec<T> {
    let mut seen = std::collections::BTreeSet::new();
    all.iter().filter(|one| seen.insert(key(one))).cloned().collect()
}

/// A telephone number: anything of up to 64 characters with a digit in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneText(pub String);

impl Param for PhoneText {
    fn describe(_: bool) -> ObjectBuilder {
        const PATTERN: &str =
            r"^[^\u0000-\u001F\u007F-\u009F]*[0-9][^\u0000-\u001F\u007F-\u009F]*$";
        ObjectBuilder::new().schema_type(Type::String).max_length(Some(64)).pattern(Some(PATTERN))
    }

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        let text = String::from(Line::<64>::read(name, node, zone)?);
        if !text.bytes().any(|byte| byte.is_ascii_digit()) {
            return Err(Fault::of(Code::NotPhone, name));
        }
        Ok(Self(text))
    }
}

/// A date like `1980-05-17`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day(pub String);

impl Param for Day {
    fn describe(_: bool) -> ObjectBuilder {
        // Day 29 is in every month but one of most years: the pattern stays on safe ground.
        const PATTERN: &str = "^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$";
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(PATTERN))
    }

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        let text = Line::<32>::read(name, node, zone)?;
        custom::day(&text).map(Self).ok_or_else(|| Fault::of(Code::NotDate, name))
    }
}

/// The parts of an address that are given: empty ones are taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts(pub [Option<String>; 6]);

const PART_MAX: usize = 255;

impl Param for Parts {
    fn describe(_: bool) -> ObjectBuilder {
        let part = || ObjectBuilder::new().schema_type(Type::String).max_length(Some(PART_MAX));
        let object = ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        PARTS.into_iter().fold(object, |object, name| {
            object.property(name, part().pattern(Some(r"^[^\u0000-\u001F\u007F-\u009F]*$")))
        })
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        let node = node.unwrap_or(Node::Map(BTreeMap::new()));
        // PHP writes an empty object so.
        let node = if node == Node::List(Vec::new()) { Node::Map(BTreeMap::new()) } else { node };
        let mut members = Members::of(name, Some(node), &PARTS)?;
        let mut parts: [Option<String>; 6] = Default::default();
        for (place, part) in parts.iter_mut().zip(PARTS) {
            if !members.has(part) {
                continue;
            }
            let text = members.text(part, PART_MAX)?;
            if text.chars().any(char::is_control) {
                return Err(Fault::of(Code::ControlCharacter, &members.path(part)));
            }
            *place = Some(text.trim().to_owned());
        }
        Ok(Self(parts))
    }
}

/// Values by the names of fields, of which each may have several: `custom_fields[Kraj][0]=POLSKA&custom_fields[Miasto]=Kraków`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomFields(pub BTreeMap<String, Vec<String>>);

impl Param for CustomFields {
    const IS_MAP: bool = true;

    fn describe(_: bool) -> ObjectBuilder {
        let text =
            || ObjectBuilder::new().schema_type(Type::String).max_length(Some(custom::VALUE_MAX));
        let value = OneOfBuilder::new()
            .item(text())
            .item(ObjectBuilder::new().schema_type(Type::Number))
            .item(ObjectBuilder::new().schema_type(Type::Boolean))
            .item(ArrayBuilder::new().items(text()).max_items(Some(custom::VALUES_MAX)));
        ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(
            AdditionalProperties::RefOr(RefOr::T(Schema::OneOf(value.build()))),
        ))
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        let members: Vec<(String, Node)> = match node {
            Some(Node::Map(members)) => members.into_iter().collect(),
            // Fields whose names are numbers look like a list.
            Some(Node::List(nodes)) => {
                let numbered = nodes.into_iter().enumerate();
                numbered.map(|(at, node)| (at.to_string(), node)).collect()
            }
            _ => return Err(Fault::of(Code::NotObject, name)),
        };
        if members.len() > FIELDS_MAX {
            return Err(Fault::of(Code::TooManyValues, name).with("limit", FIELDS_MAX));
        }
        let mut fields = BTreeMap::new();
        for (field, node) in members {
            let path = custom::path(name, &field);
            let nodes = match node {
                Node::List(nodes) => nodes,
                Node::Map(_) => return Err(Fault::of(Code::NotList, &path)),
                alone @ Node::Scalar(_) => vec![alone],
            };
            let texts = nodes.into_iter().map(|node| match node {
                Node::Scalar(text) => Ok(text),
                _ => Err(Fault::of(Code::NotText, &path)),
            });
            fields.insert(field, texts.collect::<Result<_, _>>()?);
        }
        Ok(Self(fields))
    }
}
