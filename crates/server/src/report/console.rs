//! The report, for supervisors.

use super::api::{self, SummarizeChats};
use super::period::Aggregation;
use super::summary::{self, Query};
use super::whole::Report;
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::params::{Count, Flag, Id, Line, Many, OneOf, TimeFrom, TimeUntil};
use crate::http::{Call, Error, Reply};

/// A year by day for five agents, or some months by hour.
const ROWS_MAX: usize = 2_000;

crate::params! { query
    ShowReport {
        /// Started then or later: `2014-07-04`, `2014-07-14 12:34` or `2014-07-14 12:34:56`.
        date_from: TimeFrom = "2021-12-01",
        /// Started then or earlier, that whole day, minute or second included.
        date_to: TimeUntil = "2021-12-28",
        /// Of these agents alone.
        user_logins: Option<Many<Line<255>, { api::NAMED_MAX }>> = ["jkowalski"],
        /// In these queues alone.
        chat_queue_ids: Option<Many<Id, { api::NAMED_MAX }>> = [3],
        /// All agents in one row.
        sum_users: Flag,
        /// The period of a row: `hour_of_day`, `minute`, `hour`, `day`, `week`, `month` (the default) or `year`.
        aggregate_by: Option<OneOf<Aggregation>> = "day",
        /// Seconds within which an answer is in time; 20 by default.
        response_threshold: Option<Count> = 20,
    }
}

/// Counts conversations by period and agent, for supervisors
///
/// As `GET chats/reports/summary` counts them, with up to 2,000 rows, and with everything together, by agent and by queue.
#[utoipa::path(
    get, path = "/console/reports/summary", operation_id = "show_report", tag = "console", params(ShowReport),
    security(("session" = [])),
    responses(
        (status = 200, description = "The report.", body = Report),
        (status = 403, description = "For supervisors and administrators.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Supervisor)?;
    let given: ShowReport = call.params()?;
    let given = SummarizeChats {
        date_from: given.date_from,
        date_to: given.date_to,
        user_logins: given.user_logins,
        chat_queue_ids: given.chat_queue_ids,
        sum_users: given.sum_users,
        aggregate_by: given.aggregate_by,
        response_threshold: given.response_threshold,
        limit: None,
        offset: None,
    };
    let app = call.app().clone();
    let _permit = app.reports.acquire().await.map_err(Error::internal)?;
    call.read(move |tx, app| {
        let query = Query { limit: ROWS_MAX, ..api::query(tx, &given)? };
        Reply::json(&summary::report(tx, &query, &app.config.time_zone)?)
    })
    .await
}
