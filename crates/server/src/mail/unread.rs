//! Answers that a visitor has not read.

use rozmowa_db::Tx;
use uuid::Uuid;

use crate::act::Act;
use crate::http::Error;

/// Fires once a silence.
pub fn look(_: &mut Tx<'_>, _: &Act<'_>, _: &Uuid) -> Result<(), Error> {
    Ok(())
}
