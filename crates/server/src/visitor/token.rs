//! Tokens: whoever has one is the visitor of its conversation.

use std::sync::Arc;

use http::header;
use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::limit::{Rate, What};
use crate::act::{Act, ActorKind};
use crate::agent::session::{TokenHash, new_token, token_hash};
use crate::app::App;
use crate::clock::{self, Millis};
use crate::http::call::{Caller, Head};
use crate::http::{Code, Error};
use crate::live::{Passed, Passing, Topic};

rozmowa_db::statements! {
    ADD = "INSERT INTO visitor_token (token_hash, conversation_id, created_at, expires_at) VALUES ($1, $2, $3, $4)";
    /// Runs first in every call's transaction, and brings along what the rest of it may need to know.
    FIND = "SELECT t.conversation_id, (SELECT value FROM setting WHERE name = 'webhooks.revision')
        FROM visitor_token t JOIN conversation c ON c.id = t.conversation_id
        WHERE t.token_hash = $1 AND (t.expires_at IS NULL OR t.expires_at > $2)
          AND (c.closed_at IS NULL OR c.closed_at > $3)";
    /// All but the newest, and but the one that came with a conversation that its visitor has opened: links that are made later
    /// don't take it away from under them.
    CROWD_OUT = "DELETE FROM visitor_token WHERE token_hash IN (SELECT t.token_hash FROM visitor_token t
        JOIN conversation c ON c.id = t.conversation_id
        WHERE t.conversation_id = $1 AND (t.created_at > $3 OR c.origin <> 1)
        ORDER BY t.created_at DESC, t.token_hash LIMIT 1000 OFFSET $2)";
    REVOKE = "DELETE FROM visitor_token WHERE conversation_id = $1";
}

/// Links outlive the conversation by so much.
pub const AFTER_CLOSE: Millis = 30 * 24 * 60 * 60 * 1000;

/// Tokens of one conversation that are good at once; a further one is in place of the oldest.
const TOKENS_MAX: i64 = 100;

/// The visitor of a conversation.
#[derive(Debug, Clone)]
pub struct Visitor {
    pub token_hash: TokenHash,
    pub conversation: Uuid,
}

impl Visitor {
    /// Whose token this is.
    pub async fn of_token(token: &str, app: &App) -> Result<Self, Error> {
        let (hash, now) = (token_hash(token), app.clock.now());
        let found = app.db.read(move |tx| find(tx, &hash, now)).await?;
        let (conversation, _) = found.ok_or(Code::BadVisitorToken)?;
        Ok(Self { token_hash: hash, conversation })
    }
}

impl Caller for Visitor {
    const KIND: ActorKind = ActorKind::Visitor;

    async fn enter(head: &Head, app: &App) -> Result<Arc<Self>, Error> {
        let given = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token =
            given.and_then(|given| given.strip_prefix("Bearer ")).ok_or(Code::BadVisitorToken)?;
        let visitor = Self::of_token(token.trim(), app).await?;
        let rate = Rate::per_minute(app.config.visitors.calls_per_minute / 5);
        app.visits.take(What::CallsWith(visitor.token_hash), rate)?;
        Ok(Arc::new(visitor))
    }

    fn recheck(&self, tx: &mut Tx<'_>, now: Millis) -> Result<Option<String>, Error> {
        let found = find(tx, &self.token_hash, now)?;
        found.map(|(_, revision)| revision).ok_or_else(Error::stale_credential)
    }

    fn name(&self) -> String {
        self.conversation.to_string()
    }

    fn scope(&self) -> Vec<u8> {
        [b"visitor", &self.token_hash[..]].concat()
    }
}

fn find(
    tx: &mut Tx<'_>,
    hash: &TokenHash,
    now: Millis,
) -> Result<Option<(Uuid, Option<String>)>, Error> {
    let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    Ok(tx.query_opt(&FIND, params![hash, now, now - AFTER_CLOSE], row)?)
}

/// A new token for a conversation that is there; until a given time, or for as long as the conversation and a while.
pub fn issue(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    conversation: &Uuid,
    expires_at: Option<Millis>,
) -> Result<String, Error> {
    let token = new_token(act.ids);
    let began_at = clock::made_at(conversation);
    tx.put(&CROWD_OUT, params![conversation, TOKENS_MAX - 1, began_at])?;
    tx.put(&ADD, params![&token_hash(&token), conversation, act.now, expires_at])?;
    Ok(token)
}

/// All tokens of a conversation are good no more.
pub fn revoke(tx: &mut Tx<'_>, conversation: &Uuid) -> Result<(), Error> {
    let topic = Topic::Conversation(*conversation);
    tx.publish(Passed { topic, passing: Passing::Recheck });
    Ok(tx.put(&REVOKE, params![conversation])?)
}

/// Where a token leads.
pub fn link(app: &App, token: &str) -> String {
    app.link(&format!("c/{token}"))
}
