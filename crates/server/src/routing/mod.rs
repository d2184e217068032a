//! Routing: which agent gets which conversation.

pub mod choose;
pub mod floor;
pub mod no_answer;
pub mod position;
pub mod worker;

use rozmowa_db::Tx;

use crate::act::Act;
use crate::audit;
use crate::http::Error;
use crate::live::ToRoute;
use crate::queue::settings::Strategy;
use crate::setting;

const STRATEGIES: &str = "routing.strategies";

/// What queues go by that have no strategies of their own.
pub fn strategies(tx: &mut Tx<'_>) -> Result<Vec<Strategy>, Error> {
    let stored = setting::text(tx, STRATEGIES)?;
    let known = stored.and_then(|text| serde_json::from_str(&text).ok());
    Ok(known.unwrap_or_else(|| Strategy::ALL.to_vec()))
}

pub fn set_strategies(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    strategies: &[Strategy],
) -> Result<(), Error> {
    let strategies = if strategies.is_empty() { &Strategy::ALL } else { strategies };
    let was = self::strategies(tx)?;
    if was == strategies {
        return Ok(());
    }
    let text = serde_json::to_string(strategies).map_err(Error::internal)?;
    setting::set_text(tx, STRATEGIES, &text)?;
    tx.publish(ToRoute(None));
    let subject = format!("setting {STRATEGIES}");
    audit::record(tx, act, "setting.change", &subject, Some(&was), Some(&strategies))
}
