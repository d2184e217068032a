//! New queues and who answers them, as both doors of administrators read and show it.

use serde::Serialize;
use utoipa::ToSchema;

use super::agents::{self, PRIORITY_DEFAULT, PRIORITY_LEAST, PRIORITY_MOST};
use super::given::number;
use crate::agent::api::known;
use crate::http::call::Caller;
use crate::http::params::{Line, Within};
use crate::http::{Call, Code, Error, Fault, Reply};

crate::params! { body
    AddChatQueue {
        /// Its name, which no other has.
        name: Line<255> = "Reklamacje",
        /// The number its callers know it by; without it the next free one.
        id: Option<Within<1, 2_147_483_647>> = 4,
    }
}

/// The chat queue that was added.
#[derive(Serialize, ToSchema)]
pub struct AddedChatQueue {
    #[schema(example = 4)]
    chat_queue_id: i64,
}

/// Adds a queue, whoever asks.
pub async fn add<C: Caller>(mut call: Call<C>) -> Result<Reply, Error> {
    let given: AddChatQueue = call.params()?;
    call.write(move |tx, act| {
        let id = given.id.map(|id| id.0);
        // With a number, it may be that one.
        let taken = || {
            let fault = Fault::new(Code::QueueTaken);
            if id.is_none() { fault.about("name") } else { fault }
        };
        let chat_queue_id = super::add(tx, act, id, &given.name)?.ok_or_else(taken)?;
        Reply::json(&AddedChatQueue { chat_queue_id })
    })
    .await
}

/// An agent who answers a queue.
#[derive(Serialize, ToSchema)]
pub struct QueueAgent {
    #[schema(example = "jkowalski")]
    login: String,
    /// A smaller one goes first.
    #[schema(example = 100)]
    priority: i64,
    /// How many conversations the agent can have open at once, in all queues.
    #[schema(example = 3)]
    capacity: i64,
    /// How many are.
    #[schema(example = 1)]
    open_chats: i64,
    /// `OFF`, `FREE` or `PAUSED`.
    #[schema(example = "FREE")]
    status: &'static str,
}

/// Lists the agents of a queue, whoever asks.
pub async fn list_agents<C: Caller>(call: Call<C>, id: &str) -> Result<Reply, Error> {
    let id = number(id)?;
    call.read(move |tx, app| {
        let agents: Vec<_> = agents::list(tx, id, app.clock.now())?
            .into_iter()
            .map(|member| QueueAgent {
                login: member.login,
                priority: member.priority,
                capacity: member.capacity,
                open_chats: member.open_chats,
                status: member.status.name(),
            })
            .collect();
        Reply::json(&agents)
    })
    .await
}

crate::params! { body
    SetQueueAgent {
        /// A smaller one goes first; without it 100.
        priority: Option<Within<PRIORITY_LEAST, PRIORITY_MOST>> = 100,
    }
}

/// Has an agent answer a queue, whoever asks.
pub async fn set_agent<C: Caller>(
    mut call: Call<C>,
    id: &str,
    login: String,
) -> Result<Reply, Error> {
    let given: SetQueueAgent = call.params()?;
    let (id, login) = (number(id)?, known(login)?);
    call.write(move |tx, act| {
        let priority = given.priority.map_or(PRIORITY_DEFAULT, |priority| priority.0);
        agents::set(tx, act, id, &login, priority)?;
        Ok(Reply::default())
    })
    .await
}

/// Has an agent answer a queue no more, whoever asks.
pub async fn remove_agent<C: Caller>(
    call: Call<C>,
    id: &str,
    login: String,
) -> Result<Reply, Error> {
    let (id, login) = (number(id)?, known(login)?);
    call.write(move |tx, act| {
        agents::remove(tx, act, id, &login)?;
        Ok(Reply::default())
    })
    .await
}
