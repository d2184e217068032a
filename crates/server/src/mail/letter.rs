//! Letters to agents: an invitation, or a way to a new password.

use rozmowa_db::{Tx, params};

use crate::act::Act;
use crate::agent::Agent;
use crate::app::App;
use crate::http::Error;
use crate::secret::Key;

rozmowa_db::statements! {
    ADD = "INSERT INTO mail (id, due_at, kind, address, language, agent_id, secret, attempts)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 0)";
}

/// What it is about. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letter {
    Invitation = 3,
    PasswordReset = 4,
}

/// Whether letters are sent. Until there is SMTP nobody sends them, and links have to be handed over in another way.
pub fn is_sent(_: &App) -> bool {
    false
}

/// Has a letter sent to an agent, with the secret of a link: sealed, for the purpose of this letter alone.
pub fn add(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    key: &Key,
    letter: Letter,
    agent: &Agent,
    token: &str,
) -> Result<(), Error> {
    let id = act.ids.v7(act.now);
    let sealed = key.seal(act.ids, &format!("mail {id}"), token.as_bytes());
    let row = params![
        &id,
        act.now,
        letter as i64,
        &agent.email,
        agent.language.tag(),
        agent.id,
        &sealed[..],
    ];
    Ok(tx.put(&ADD, row)?)
}
