//! Settings of the installation that administrators change while it runs.

use rozmowa_db::{Tx, params};

use crate::act::Act;
use crate::audit;
use crate::http::Error;

rozmowa_db::statements! {
    GET = "SELECT value FROM setting WHERE name = $1";
    SET = "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
}

/// A text that the program keeps for itself.
pub fn text(tx: &mut Tx<'_>, name: &str) -> Result<Option<String>, Error> {
    Ok(tx.query_opt(&GET, params![name], |row| row.get(0))?)
}

pub fn set_text(tx: &mut Tx<'_>, name: &str, value: &str) -> Result<(), Error> {
    tx.execute(&SET, params![name, value])?;
    Ok(())
}

/// A setting that is a number; 0 is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Closed conversations are deleted after so many days.
    RetentionDays,
}

impl Amount {
    pub const ALL: &[Self] = &[Self::RetentionDays];
    pub const MOST: i64 = 36_500;

    pub const fn name(self) -> &'static str {
        match self {
            Self::RetentionDays => "retention.days",
        }
    }

    pub fn get(self, tx: &mut Tx<'_>) -> Result<i64, Error> {
        Ok(text(tx, self.name())?.and_then(|value| value.parse().ok()).unwrap_or(0))
    }

    pub fn set(self, tx: &mut Tx<'_>, act: &Act<'_>, value: i64) -> Result<(), Error> {
        let was = self.get(tx)?;
        if value != was {
            let subject = format!("setting {}", self.name());
            audit::record(tx, act, "setting.change", &subject, Some(&was), Some(&value))?;
        }
        set_text(tx, self.name(), &value.to_string())
    }
}

/// A setting that is yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// A client who matches nobody becomes a customer.
    AddCustomers,
}

impl Setting {
    pub const ALL: &[Self] = &[Self::AddCustomers];

    pub const fn name(self) -> &'static str {
        match self {
            Self::AddCustomers => "customers.add_automatically",
        }
    }

    pub const fn default(self) -> bool {
        match self {
            Self::AddCustomers => false,
        }
    }

    pub fn get(self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let value = tx.query_opt(&GET, params![self.name()], |row| row.get::<String>(0))?;
        Ok(value.map_or(self.default(), |value| value == "true"))
    }

    pub fn set(self, tx: &mut Tx<'_>, act: &Act<'_>, value: bool) -> Result<(), Error> {
        let was = self.get(tx)?;
        if value != was {
            let subject = format!("setting {}", self.name());
            audit::record(tx, act, "setting.change", &subject, Some(&was), Some(&value))?;
        }
        tx.execute(&SET, params![self.name(), if value { "true" } else { "false" }])?;
        Ok(())
    }
}
