//! Agents who do not answer.

use rozmowa_db::Tx;
use uuid::Uuid;

use crate::act::Act;
use crate::http::Error;

/// On to another agent when the first answer is overdue.
pub fn look(_: &mut Tx<'_>, _: &Act<'_>, _: &Uuid) -> Result<(), Error> {
    Ok(())
}
