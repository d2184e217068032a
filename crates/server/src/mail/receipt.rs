//! That a message has arrived while nobody works.

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::{Kind, NewMail};
use crate::act::Act;
use crate::http::Error;
use crate::queue::hours;
use crate::queue::settings::Settings;
use crate::visitor::token;

rozmowa_db::statements! {
    WHETHER = "SELECT c.client_email, c.language, q.settings
        FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id
        WHERE c.id = $1 AND c.client_email <> '' AND c.has_receipt = 0";
    MARK = "UPDATE conversation SET has_receipt = 1 WHERE id = $1 AND has_receipt = 0";
}

/// The client has said something, and no agent has the conversation: once in a conversation they are told that it has
/// arrived outside working hours.
pub fn said(tx: &mut Tx<'_>, act: &Act<'_>, conversation: &Uuid) -> Result<(), Error> {
    let Some(app) = super::sending(act) else { return Ok(()) };
    let row = |row: &Row<'_>| {
        let settings = Settings::from_stored(&row.get::<String>(2)?);
        Ok((row.get::<String>(0)?, row.get::<Option<String>>(1)?, settings))
    };
    let found = tx.query_opt(&WHETHER, params![conversation], row)?;
    let Some((address, language, settings)) = found else { return Ok(()) };
    if hours::is_open(settings.hours.as_ref(), act.now, &app.config.time_zone)
        || super::address(&address).is_none()
        || tx.execute(&MARK, params![conversation])? == 0
    {
        return Ok(());
    }
    let secret = token::issue(tx, act, conversation, None)?;
    let mail = NewMail {
        kind: Kind::Receipt,
        address: &address,
        language: super::language(language.as_deref()),
        conversation: Some(conversation),
        agent_id: None,
        seqs: None,
        secret: Some(&secret),
    };
    super::put(tx, act, &app.secret, &mail).map(drop)
}
