//! Blocks at the console: any agent may block; whoever made a block, and supervisors, may lift it.

use std::net::IpAddr;

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Blocked, unknown};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::params::{Count, Email, Id, Line, Named, Within, path_number};
use crate::http::{Call, Code, Error, Fault, Reply, page};

/// Ten years, in seconds.
type Seconds = Within<60, 315_360_000>;

/// A visitor who may not write.
#[derive(Serialize, ToSchema)]
pub struct BlockShown {
    id: i64,
    /// `address` or `email`.
    kind: &'static str,
    /// An address of IPv6 stands for its network of 64 bits.
    value: String,
    reason: String,
    /// Who blocked; null when that agent is there no more.
    #[schema(required)]
    agent_login: Option<String>,
    created_at: i64,
    /// Null: until it is lifted.
    #[schema(required)]
    expires_at: Option<i64>,
}

/// Blocks, the newest first.
#[derive(Serialize, ToSchema)]
pub struct Blocks {
    result: Vec<BlockShown>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next_cursor: Option<i64>,
}

crate::params! { query
    ListBlocks {
        /// At most so many; more than 100 is taken as 100.
        limit: Option<Count>,
        /// Absent for the first page, then `next_cursor`.
        cursor: Option<Id>,
    }
}

/// Lists who is blocked
#[utoipa::path(
    get, path = "/console/blocks", operation_id = "list_blocks", tag = "console", security(("session" = [])),
    params(ListBlocks),
    responses(
        (status = 200, description = "The blocks that hold.", body = Blocks),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: ListBlocks = call.params()?;
    call.read(move |tx, app| {
        let limit = page::limit(given.limit);
        let below = given.cursor.map_or(i64::MAX, |id| id.0);
        let found = super::list(tx, below, app.clock.now(), limit + 1)?;
        let (blocks, has_more) = page::cut(found, limit);
        let next_cursor = blocks.last().map(|block| block.id).filter(|_| has_more);
        let shown = |block: super::Block| BlockShown {
            id: block.id,
            kind: block.blocked.kind.name(),
            value: block.blocked.value,
            reason: block.reason,
            agent_login: block.agent_login,
            created_at: block.created_at,
            expires_at: block.expires_at,
        };
        Reply::json(&Blocks { result: blocks.into_iter().map(shown).collect(), next_cursor })
    })
    .await
}

crate::params! { body
    AddBlock {
        /// Either this, an IP address,
        address: Option<Line<64>> = "203.0.113.5",
        /// or this, an e-mail address.
        email: Option<Email> = "jan.kowalski@example.org",
        reason: Line<500> = "Wyzwiska",
        /// How long; without it until it is lifted.
        expires_in_seconds: Option<Seconds> = 86_400,
    }
}

/// What was added.
#[derive(Serialize, ToSchema)]
pub struct AddedBlock {
    id: i64,
}

/// Blocks a visitor
///
/// By address or e-mail. Who is blocked already is so anew, for this reason and time.
#[utoipa::path(
    post, path = "/console/blocks", operation_id = "add_block", tag = "console", security(("session" = [])),
    request_body(content = AddBlock, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored.", body = AddedBlock),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: AddBlock = call.params()?;
    let blocked = match (given.address, given.email) {
        (Some(address), None) => {
            let address: IpAddr =
                address.parse().map_err(|_| Fault::of(Code::NotAddress, "address"))?;
            Blocked::address(address)
        }
        (None, Some(email)) => Blocked::email(&email),
        _ => {
            let fault = Fault::of(Code::NotExactlyOne, "address").with("other", "email");
            return Err(fault.into());
        }
    };
    let agent_id = call.caller().agent_id;
    call.write(move |tx, act| {
        let expires_at = given.expires_in_seconds.map(|seconds| act.now + seconds.0 * 1_000);
        let id = super::add(tx, act, agent_id, &blocked, &given.reason, expires_at)?;
        Reply::json(&AddedBlock { id })
    })
    .await
}

/// Lifts a block
#[utoipa::path(
    delete, path = "/console/blocks/{id}", operation_id = "lift_block", tag = "console", security(("session" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 200, description = "It is lifted. The body is empty."),
        (status = 403, description = "For the agent who made it, supervisors and administrators.", body = Envelope),
        (status = 404, description = "Unknown block.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn lift(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    let id = path_number(&id).ok_or_else(|| unknown(&id))?;
    let caller = call.caller().clone();
    call.write(move |tx, act| {
        let block = super::find(tx, id)?;
        if block.agent_id != Some(caller.agent_id) {
            caller.needs(Role::Supervisor)?;
        }
        super::lift(tx, act, &block)?;
        Ok(Reply::default())
    })
    .await
}
