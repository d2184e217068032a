//! Letters to agents: an invitation, or a way to a new password.

use rozmowa_db::Tx;

pub use super::Kind as Letter;
use super::NewMail;
use crate::act::Act;
use crate::agent::Agent;
use crate::app::App;
use crate::http::Error;
use crate::secret::Key;

/// Whether letters are sent. Without a mail server links have to be handed over in another way.
pub fn is_sent(app: &App) -> bool {
    super::is_on(app)
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
    let mail = NewMail {
        kind: letter,
        address: &agent.email,
        language: agent.language,
        conversation: None,
        agent_id: Some(agent.id),
        seqs: None,
        secret: Some(token),
    };
    super::put(tx, act, key, &mail).map(drop)
}
