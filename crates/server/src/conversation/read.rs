//! Read marks: up to where each side has read. Columns and not events, and they never go back.

use rozmowa_db::{Tx, params};
use uuid::Uuid;

use crate::http::Error;
use crate::live::{By, Passed, Passing, Topic};

rozmowa_db::statements! {
    BY_CLIENT = "UPDATE conversation SET client_read_seq = CASE WHEN seq < $2 THEN seq ELSE $2 END
        WHERE id = $1 AND client_read_seq < $2 AND client_read_seq < seq RETURNING client_read_seq";
    BY_AGENT = "UPDATE conversation SET agent_read_seq = CASE WHEN seq < $2 THEN seq ELSE $2 END
        WHERE id = $1 AND agent_read_seq < $2 AND agent_read_seq < seq RETURNING agent_read_seq";
}

/// The visitor has read up to here.
pub fn by_client(tx: &mut Tx<'_>, id: &Uuid, seq: i64) -> Result<(), Error> {
    let moved = tx.query_opt(&BY_CLIENT, params![id, seq], |row| row.get(0))?;
    pass(tx, id, By::Visitor, moved);
    Ok(())
}

/// An agent has read up to here.
pub fn by_agent(tx: &mut Tx<'_>, id: &Uuid, agent_id: i64, seq: i64) -> Result<(), Error> {
    let moved = tx.query_opt(&BY_AGENT, params![id, seq], |row| row.get(0))?;
    pass(tx, id, By::Agent(agent_id), moved);
    Ok(())
}

fn pass(tx: &mut Tx<'_>, id: &Uuid, by: By, moved: Option<i64>) {
    if let Some(seq) = moved {
        let passing = Passing::Read { conversation: *id, by, seq };
        tx.publish(Passed { topic: Topic::Conversation(*id), passing });
    }
}
