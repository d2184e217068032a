//! Clauses, for administrators.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Clause, Kind, NewClause};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::params::{Flag, Line, OneOf, Text, YesNo, path_number};
use crate::http::{Call, Code, Error, Fault, Reply};
use crate::queue::settings::Texts;

/// A version of a clause.
#[derive(Serialize, ToSchema)]
#[schema(as = Clause)]
pub struct ClauseShown {
    clause_id: i64,
    /// `information` or `consent`.
    kind: &'static str,
    name: String,
    version: i64,
    is_required: bool,
    is_enabled: bool,
    text_pl: String,
    text_en: String,
}

impl From<Clause> for ClauseShown {
    fn from(clause: Clause) -> Self {
        use crate::http::params::Named;
        Self {
            clause_id: clause.id,
            kind: clause.kind.name(),
            name: clause.name,
            version: clause.version,
            is_required: clause.is_required,
            is_enabled: clause.is_enabled,
            text_pl: clause.texts.pl,
            text_en: clause.texts.en,
        }
    }
}

/// Lists clauses
///
/// All versions, by name.
#[utoipa::path(
    get, path = "/console/clauses", operation_id = "list_clauses", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The clauses.", body = [ClauseShown]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    call.read(|tx, _| {
        let all = super::list(tx)?;
        Reply::json(&all.into_iter().map(ClauseShown::from).collect::<Vec<_>>())
    })
    .await
}

crate::params! { body
    WriteClause {
        /// `information` is shown, a `consent` is asked for.
        kind: OneOf<Kind> = "consent",
        /// By which queues name it.
        name: Line<100> = "marketing",
        /// Without it no conversation is opened.
        required: Flag = false,
        text_pl: Text<16_384>,
        text_en: Text<16_384>,
    }
}

/// Writes a clause
///
/// A new one, or a new version of one that is there. Queues name those that their visitors are shown.
#[utoipa::path(
    post, path = "/console/clauses", operation_id = "write_clause", tag = "console", security(("session" = [])),
    request_body(content((WriteClause = "application/json"))),
    responses(
        (status = 200, description = "The version that is in force.", body = ClauseShown),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn write(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let given: WriteClause = call.params()?;
    let new = NewClause {
        kind: given.kind.0,
        name: given.name.into(),
        is_required: given.required.0,
        texts: Texts { pl: given.text_pl.0, en: given.text_en.0 },
    };
    call.write(move |tx, act| Reply::json(&ClauseShown::from(super::write(tx, act, &new)?))).await
}

crate::params! { body
    EnableClause {
        /// A disabled one is shown to nobody.
        enabled: YesNo = false,
    }
}

/// Enables or disables a clause
#[utoipa::path(
    put, path = "/console/clauses/{id}", operation_id = "enable_clause", tag = "console", security(("session" = [])),
    params(("id" = i64, Path, description = "The number of its newest version.", minimum = 1)),
    request_body(content((EnableClause = "application/json"))),
    responses(
        (status = 200, description = "It is so. The body is empty."),
        (status = 404, description = "Unknown clause.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn enable(Path(id): Path<String>, mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let given: EnableClause = call.params()?;
    let id = path_number(&id).ok_or_else(|| Fault::new(Code::UnknownClause).with("id", &id))?;
    call.write(move |tx, act| {
        super::enable(tx, act, id, given.enabled.0)?;
        Ok(Reply::default())
    })
    .await
}
