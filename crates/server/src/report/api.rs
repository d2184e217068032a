//! The report, for integrators.

use std::collections::HashSet;

use rozmowa_db::Tx;

use super::period::Aggregation;
use super::summary::{self, Query};
use super::tally::SummaryRow;
use crate::agent;
use crate::http::error::Envelope;
use crate::http::params::{Count, Flag, Id, Line, Many, OneOf, TimeFrom, TimeUntil};
use crate::http::{Call, Error, Reply, page};

/// Seconds, where nothing else is said.
const THRESHOLD_DEFAULT: i64 = 20;
/// Agents or queues that one report can be asked for.
pub(super) const NAMED_MAX: usize = 100;

crate::params! { query
    SummarizeChats {
        /// Started then or later: `2014-07-04`, `2014-07-14 12:34` or `2014-07-14 12:34:56`.
        date_from: TimeFrom = "2021-12-01",
        /// Started then or earlier, that whole day, minute or second included.
        date_to: TimeUntil = "2021-12-28",
        /// Of these agents alone.
        user_logins: Option<Many<Line<255>, NAMED_MAX>> = ["jkowalski"],
        /// In these queues alone.
        chat_queue_ids: Option<Many<Id, NAMED_MAX>> = [3],
        /// All agents in one row.
        sum_users: Flag,
        /// The period of a row: `hour_of_day`, `minute`, `hour`, `day`, `week`, `month` (the default) or `year`.
        aggregate_by: Option<OneOf<Aggregation>> = "month",
        /// Seconds within which an answer is in time; 20 by default.
        response_threshold: Option<Count> = 20,
        /// At most so many rows; more than 100 is taken as 100.
        limit: Option<Count>,
        /// Skips so many rows.
        offset: Option<Count>,
    }
}

/// Counts conversations by period and agent
///
/// A conversation counts in the period in which it was started, for the agent whose it is, in the queue where it is. Rows come in the
/// order of periods, then of names; what has no conversation has no row.
#[utoipa::path(
    get, path = "/api/chats/reports/summary", operation_id = "summarize_chats", tag = "chats", params(SummarizeChats),
    responses(
        (status = 200, description = "The rows.", body = Vec<SummaryRow>),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn summarize(mut call: Call) -> Result<Reply, Error> {
    let given: SummarizeChats = call.params()?;
    let app = call.app().clone();
    let _permit = app.reports.acquire().await.map_err(Error::internal)?;
    call.read(move |tx, app| {
        let query = query(tx, &given)?;
        Reply::json(&summary::summary(tx, &query, &app.config.time_zone)?)
    })
    .await
}

/// Names of nobody are names of no conversation.
pub(super) fn query(tx: &mut Tx<'_>, given: &SummarizeChats) -> Result<Query, Error> {
    let agents = match &given.user_logins {
        Some(Many(logins)) => {
            let mut agents = HashSet::new();
            for login in logins {
                agents.extend(agent::find(tx, login)?.map(|agent| agent.id));
            }
            Some(agents)
        }
        None => None,
    };
    let queues = given.chat_queue_ids.as_ref();
    let queues = queues.map(|Many(ids)| ids.iter().map(|id| id.0).collect());
    let threshold = given.response_threshold.map_or(THRESHOLD_DEFAULT, |seconds| seconds.0);
    Ok(Query {
        from: given.date_from.0,
        until: given.date_to.0,
        agents,
        queues,
        is_sum: given.sum_users.0,
        by: given.aggregate_by.map(|by| by.0).unwrap_or_default(),
        threshold: threshold.saturating_mul(1_000),
        limit: usize::try_from(page::limit(given.limit)).unwrap_or_default(),
        offset: given.offset.map_or(0, |offset| usize::try_from(offset.0).unwrap_or(usize::MAX)),
    })
}
