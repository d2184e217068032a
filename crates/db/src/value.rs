//! Values that go into statements and cells that come out, the same on both engines.

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::Error;

/// The four storage classes that both engines share. Booleans and epoch milliseconds are integers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Null,
    Int(i64),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Blob(value)
    }
}

impl<'a> From<&'a Uuid> for Value<'a> {
    fn from(value: &'a Uuid) -> Self {
        Self::Blob(value.as_bytes())
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A parameter in the form in which it travels, for a statement that is sent later: what does not fit is found when it
/// is given, not when it is too late.
#[derive(Debug)]
pub(crate) struct Encoded(Option<BytesMut>);

impl Encoded {
    pub(crate) fn new(value: &Value<'_>, ty: &Type) -> Result<Self, String> {
        let mut bytes = BytesMut::new();
        match value.to_sql(ty, &mut bytes) {
            Ok(IsNull::Yes) => Ok(Self(None)),
            Ok(IsNull::No) => Ok(Self(Some(bytes))),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl ToSql for Encoded {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match &self.0 {
            None => Ok(IsNull::Yes),
            Some(bytes) => {
                out.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// `params![id, "text", None::<i64>]`: what a statement's `$1`, `$2`, … stand for.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::Value::from($value)),*] };
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(value),
            Self::Real(value) => ValueRef::Real(value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match *self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Int(value) => match *ty {
                Type::INT8 => value.to_sql(ty, out)?,
                Type::INT4 => i32::try_from(value)?.to_sql(ty, out)?,
                Type::INT2 => i16::try_from(value)?.to_sql(ty, out)?,
                _ => return Err(format!("an integer was given for a {ty}").into()),
            },
            Self::Real(value) => match *ty {
                Type::FLOAT8 => value.to_sql(ty, out)?,
                _ => return Err(format!("a real was given for a {ty}").into()),
            },
            Self::Text(value) => match *ty {
                Type::TEXT | Type::VARCHAR => value.to_sql(ty, out)?,
                _ => return Err(format!("a text was given for a {ty}").into()),
            },
            Self::Blob(value) => match *ty {
                Type::BYTEA => value.to_sql(ty, out)?,
                _ => return Err(format!("bytes were given for a {ty}").into()),
            },
        };
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// One row of an answer. Columns are read by position, in the order of the statement's text.
pub enum Row<'r> {
    #[doc(hidden)]
    Sqlite(&'r rusqlite::Row<'r>),
    #[doc(hidden)]
    Postgres(&'r tokio_postgres::Row),
}

impl Row<'_> {
    pub fn get<T: Column>(&self, index: usize) -> Result<T, Error> {
        self.cell(index)
            .and_then(T::from_cell)
            .map_err(|message| Error::Statement { statement: format!("column {index}"), message })
    }

    fn cell(&self, index: usize) -> Result<Value<'_>, String> {
        match self {
            Self::Sqlite(row) => {
                use rusqlite::types::ValueRef;
                Ok(match row.get_ref(index).map_err(|e| e.to_string())? {
                    ValueRef::Null => Value::Null,
                    ValueRef::Integer(value) => Value::Int(value),
                    ValueRef::Real(value) => Value::Real(value),
                    ValueRef::Text(value) => {
                        Value::Text(std::str::from_utf8(value).map_err(|e| e.to_string())?)
                    }
                    ValueRef::Blob(value) => Value::Blob(value),
                })
            }
            Self::Postgres(row) => {
                let column = row.columns().get(index).ok_or("no such column")?;
                let value = match *column.type_() {
                    Type::INT8 => row.try_get::<_, Option<i64>>(index).map(|v| v.map(Value::Int)),
                    Type::INT4 => row
                        .try_get::<_, Option<i32>>(index)
                        .map(|v| v.map(|v| Value::Int(i64::from(v)))),
                    Type::BOOL => row
                        .try_get::<_, Option<bool>>(index)
                        .map(|v| v.map(|v| Value::Int(i64::from(v)))),
                    Type::FLOAT8 => {
                        row.try_get::<_, Option<f64>>(index).map(|v| v.map(Value::Real))
                    }
                    Type::BYTEA => {
                        row.try_get::<_, Option<&[u8]>>(index).map(|v| v.map(Value::Blob))
                    }
                    _ => row.try_get::<_, Option<&str>>(index).map(|v| v.map(Value::Text)),
                };
                Ok(value.map_err(|e| e.to_string())?.unwrap_or(Value::Null))
            }
        }
    }
}

/// A type that a cell can be read as.
pub trait Column: Sized {
    fn from_cell(cell: Value<'_>) -> Result<Self, String>;
}

impl Column for i64 {
    fn from_cell(cell: Value<'_>) -> Result<Self, String> {
        match cell {
            Value::Int(value) => Ok(value),
            other => Err(format!("{other:?} is not an integer")),
        }
    }
}

impl Column for bool {
    fn from_cell(cell: Value<'_>) -> Result<Self, String> {
        i64::from_cell(cell).map(|value| value != 0)
    }
}

impl Column for f64 {
    fn from_cell(cell: Value<'_>) -> Result<Self, String> {
        match cell {
            Value::Real(value) => Ok(value),
            other => Err(format!("{other:?} is not a real")),
        }
    }
}

impl Column for String {
    fn from_cell(cell: Value<'_>) -> Result<Self, String> {
        match cell {
            Value::Text(value) => Ok(value.to_owned()),
            other => Err(format!("{other:?} is not a text")),
        }
    }
}

impl Column for Vec<u8> {
    fn from_cell(cell: Value<'_>) -> Result<Self, String> {
        match cell {
            Value::Blob(value) => Ok(value.to_owned()),
            other => Err(format!("{other:?} is not bytes")),
        }
    }
}

impl<const N: usize> Column for [u8; N] {
    fn from_cell(cell: Value<'_>) -> Result<Self, String> {
        match cell {
            Value::Blob(value) => {
                value.try_into().map_err(|_| format!("{} bytes instead of {N}", value.len()))
            }
            other => Err(format!("{other:?} is not bytes")),
        }
    }
}

impl Column for Uuid {
    fn from_cell(cell: Value<'_>) -> Result<Self, String> {
        <[u8; 16]>::from_cell(cell).map(Uuid::from_bytes)
    }
}

impl<T: Column> Column for Option<T> {
    fn from_cell(cell: Value<'_>) -> Result<Self, String> {
        match cell {
            Value::Null => Ok(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}
