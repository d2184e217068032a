//! Topics and tags at the console: all agents choose among them, supervisors and administrators say what there is.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::Kind;
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::params::{Line, YesNo, path_number};
use crate::http::{Call, Error, Reply};

/// A topic or a tag.
#[derive(Serialize, ToSchema)]
#[schema(as = Label)]
pub struct LabelShown {
    id: i64,
    name: String,
    /// Nobody can choose a disabled one.
    enabled: bool,
}

crate::params! { body
    AddLabel {
        /// Its name, which no other has.
        name: Line<255> = "Zwrot",
    }
}

crate::params! { body
    ChangeLabel {
        name: Option<Line<255>> = "Zwrot",
        /// Nobody can choose a disabled one; conversations that have it keep it.
        enabled: Option<YesNo> = true,
    }
}

/// What was added.
#[derive(Serialize, ToSchema)]
pub struct AddedLabel {
    id: i64,
}

async fn list(call: Call<AgentSession>, kind: Kind) -> Result<Reply, Error> {
    call.read(move |tx, _| {
        let shown = |label: super::Label| LabelShown {
            id: label.id,
            name: label.name,
            enabled: label.is_enabled,
        };
        Reply::json(&super::list(tx, kind)?.into_iter().map(shown).collect::<Vec<_>>())
    })
    .await
}

async fn add(mut call: Call<AgentSession>, kind: Kind) -> Result<Reply, Error> {
    call.caller().needs(Role::Supervisor)?;
    let given: AddLabel = call.params()?;
    call.write(move |tx, act| {
        Reply::json(&AddedLabel { id: super::add(tx, act, kind, &given.name)? })
    })
    .await
}

async fn change(id: &str, mut call: Call<AgentSession>, kind: Kind) -> Result<Reply, Error> {
    call.caller().needs(Role::Supervisor)?;
    let given: ChangeLabel = call.params()?;
    let id = path_number(id).ok_or_else(|| super::unknown(kind, id))?;
    call.write(move |tx, act| {
        let is_enabled = given.enabled.map(|yes| yes.0);
        super::change(tx, act, kind, id, given.name.as_deref(), is_enabled)?;
        Ok(Reply::default())
    })
    .await
}

/// Lists topics
///
/// By name, disabled ones too.
#[utoipa::path(
    get, path = "/console/topics", operation_id = "list_topics", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The topics.", body = [LabelShown]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list_topics(call: Call<AgentSession>) -> Result<Reply, Error> {
    list(call, Kind::Topic).await
}

/// Adds a topic
#[utoipa::path(
    post, path = "/console/topics", operation_id = "add_topic", tag = "console", security(("session" = [])),
    request_body(content = AddLabel, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored.", body = AddedLabel),
        (status = 403, description = "For supervisors and administrators.", body = Envelope),
        (status = 409, description = "The name is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add_topic(call: Call<AgentSession>) -> Result<Reply, Error> {
    add(call, Kind::Topic).await
}

/// Changes a topic
#[utoipa::path(
    put, path = "/console/topics/{id}", operation_id = "change_topic", tag = "console", security(("session" = [])),
    params(("id" = i64, Path)),
    request_body(content = Option<ChangeLabel>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 403, description = "For supervisors and administrators.", body = Envelope),
        (status = 409, description = "The name is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change_topic(
    Path(id): Path<String>,
    call: Call<AgentSession>,
) -> Result<Reply, Error> {
    change(&id, call, Kind::Topic).await
}

/// Lists tags
///
/// By name, disabled ones too.
#[utoipa::path(
    get, path = "/console/tags", operation_id = "list_tags", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The tags.", body = [LabelShown]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list_tags(call: Call<AgentSession>) -> Result<Reply, Error> {
    list(call, Kind::Tag).await
}

/// Adds a tag
#[utoipa::path(
    post, path = "/console/tags", operation_id = "add_tag", tag = "console", security(("session" = [])),
    request_body(content = AddLabel, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored.", body = AddedLabel),
        (status = 403, description = "For supervisors and administrators.", body = Envelope),
        (status = 409, description = "The name is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add_tag(call: Call<AgentSession>) -> Result<Reply, Error> {
    add(call, Kind::Tag).await
}

/// Changes a tag
#[utoipa::path(
    put, path = "/console/tags/{id}", operation_id = "change_tag", tag = "console", security(("session" = [])),
    params(("id" = i64, Path)),
    request_body(content = Option<ChangeLabel>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 403, description = "For supervisors and administrators.", body = Envelope),
        (status = 409, description = "The name is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change_tag(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    change(&id, call, Kind::Tag).await
}
