//! A conversation's transcript, to its visitor's address.

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::{Kind, NewMail};
use crate::act::Act;
use crate::http::{Code, Error};

rozmowa_db::statements! {
    /// One that waits already is enough.
    ABOUT = "SELECT c.client_email, c.language, c.seq,
            (SELECT count(*) FROM mail m WHERE m.conversation_id = c.id AND m.kind = 2 AND m.given_up_at IS NULL)
        FROM conversation c WHERE c.id = $1";
}

/// Has it sent. Asked for again while one waits, it is that one.
pub fn order(tx: &mut Tx<'_>, act: &Act<'_>, conversation: &Uuid) -> Result<(), Error> {
    let app = super::sending(act).ok_or(Code::MailOff)?;
    let row = |row: &Row<'_>| {
        let (address, language): (String, Option<String>) = (row.get(0)?, row.get(1)?);
        Ok((address, language, row.get::<i64>(2)?, row.get::<i64>(3)?))
    };
    let found = tx.query_opt(&ABOUT, params![conversation], row)?;
    let (address, language, seq, waiting) = found.ok_or(Code::UnknownConversation)?;
    if super::address(&address).is_none() {
        return Err(Code::NoMailAddress.into());
    }
    if waiting > 0 {
        return Ok(());
    }
    if let Some(seconds) = super::outbox::full_for(tx, &app.secret, &address, act.now)? {
        return Err(Error::from(Code::TooManyMails).retry_after(seconds));
    }
    let mail = NewMail {
        kind: Kind::Transcript,
        address: &address,
        language: super::language(language.as_deref()),
        conversation: Some(conversation),
        agent_id: None,
        seqs: Some((0, seq)),
        secret: None,
    };
    super::put(tx, act, &app.secret, &mail).map(drop)
}
