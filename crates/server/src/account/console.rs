//! API users, for administrators at their console.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiUser, Changes, Methods, Rotation, Slip, password, unknown};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::clock::Millis;
use crate::http::error::Envelope;
use crate::http::params::{Line, Many, Moment, OrEmpty, Within, YesNo, path_number};
use crate::http::{Call, Code, Error, Fault, Reply};
use crate::router;
use crate::webhook::given::BasicUser;

const OVERLAP_HOURS: i64 = 24;
const OVERLAP_HOURS_MAX: i64 = 24 * 90;

type Patterns = Many<Line<255>, 100>;

/// A program that may call the API. Its password never comes back.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiUser)]
pub struct Shown {
    id: i64,
    name: String,
    /// What it may call: names of methods; a `*` at the end stands for any rest, alone for all.
    methods: Vec<String>,
    enabled: bool,
    created_at: Millis,
    /// The first moment at which it is refused; null: never.
    #[schema(required)]
    expires_at: Option<Millis>,
    /// When its password was last used, give or take five minutes; null: never.
    #[schema(required)]
    last_used_at: Option<Millis>,
    /// The password before the last rotation, while it is good.
    #[schema(required)]
    old_password: Option<OldPassword>,
}

/// A password that is good beside the newer one.
#[derive(Serialize, ToSchema)]
#[schema(as = OldApiPassword)]
pub struct OldPassword {
    /// The first moment at which it is refused.
    expires_at: Millis,
    /// When it was last used after the rotation or before; null: never.
    #[schema(required)]
    last_used_at: Option<Millis>,
}

impl Shown {
    fn new(user: &ApiUser, now: Millis) -> Self {
        Self {
            id: user.id,
            name: user.name.clone(),
            methods: user.methods.patterns().to_vec(),
            enabled: user.is_enabled,
            created_at: user.created_at,
            expires_at: user.expires_at,
            last_used_at: user.last_used_at,
            old_password: user.old_at(now).map(|old| OldPassword {
                expires_at: old.expires_at,
                last_used_at: old.last_used_at,
            }),
        }
    }
}

/// Lists API users, for administrators
///
/// All of them, by number.
#[utoipa::path(
    get, path = "/console/api_users", operation_id = "list_api_users", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The users.", body = [Shown]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    call.read(|tx, app| {
        let now = app.clock.now();
        let users = super::list(tx)?;
        Reply::json(&users.iter().map(|user| Shown::new(user, now)).collect::<Vec<_>>())
    })
    .await
}

/// Lists the methods of the API, for administrators
///
/// As the `methods` of API users spell them.
#[utoipa::path(
    get, path = "/console/api_methods", operation_id = "list_api_methods", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The methods.", body = [String], example = json!(["GET chats"])),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list_methods(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    call.read(|_, _| Reply::json(&router::method_names())).await
}

crate::params! { body
    AddApiUser {
        /// What it is called by; it can't be changed. It has no colon.
        name: BasicUser = "shop",
        /// What it may call: names of methods; a `*` at the end stands for any rest, alone for all.
        methods: Patterns = ["GET chats", "POST chat_conversations/*"],
        /// The first moment at which it is refused; without it, or empty: never.
        expires_at: Option<OrEmpty<Moment>> = 1_798_758_000_000_i64,
    }
}

/// An API user, and its password.
#[derive(Serialize, ToSchema)]
pub struct AddedApiUser {
    id: i64,
    /// Made up by the server, and shown this once.
    password: String,
}

/// Adds an API user, for administrators
#[utoipa::path(
    post, path = "/console/api_users", operation_id = "add_api_user", tag = "console", security(("session" = [])),
    request_body(content = AddApiUser, content_type = "application/json"),
    responses(
        (status = 200, description = "The user, and its password this once.", body = AddedApiUser),
        (status = 409, description = "The name is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let given: AddApiUser = call.params()?;
    let methods = known_methods(&given.methods)?;
    let expires_at = given.expires_at.and_then(|at| at.0).map(|at| at.0);
    let (app, name) = (call.app().clone(), given.name.0);
    to_come(expires_at, app.clock.now())?;
    let password = password::made_up(&app.ids);
    let hash = app.gate.hasher().hash(password.clone(), app.ids.bytes()).await?;
    call.write(move |tx, act| {
        if !super::add_until(tx, act, &name, &hash, &methods, expires_at)? {
            return Err(Fault::new(Code::ApiUserTaken).about("name").with("name", &name).into());
        }
        let added = super::find(tx, &name)?.ok_or_else(|| unknown(&name))?;
        Ok(Reply::json(&AddedApiUser { id: added.id, password: password.clone() })?.secret())
    })
    .await
}

crate::params! { body
    ChangeApiUser {
        /// These are all, in place of those before.
        methods: Option<Patterns> = ["GET chats", "POST chat_conversations/*"],
        /// The first moment at which it is refused; empty: never.
        expires_at: Option<OrEmpty<Moment>> = 1_798_758_000_000_i64,
        /// A disabled one is refused from its next call on.
        enabled: Option<YesNo> = true,
    }
}

/// Changes an API user, for administrators
///
/// What is not given stays. It counts from the user's next call on.
#[utoipa::path(
    put, path = "/console/api_users/{id}", operation_id = "change_api_user", tag = "console", params(ApiUserId),
    security(("session" = [])), request_body(content = Option<ChangeApiUser>, content_type = "application/json"),
    responses(
        (status = 200, description = "The user as it is now.", body = Shown),
        (status = 404, description = "Unknown API user.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let given: ChangeApiUser = call.params()?;
    let id = known(&id)?;
    let changes = Changes {
        methods: given.methods.as_ref().map(known_methods).transpose()?,
        expires_at: given.expires_at.map(|at| at.0.map(|at| at.0)),
        is_enabled: given.enabled.map(|yes| yes.0),
    };
    call.write(move |tx, act| {
        let was = super::get(tx, id)?;
        // One that is over already may stay so.
        if changes.expires_at.is_some_and(|at| at != was.expires_at) {
            to_come(changes.expires_at.flatten(), act.now)?;
        }
        super::alter(tx, act, &was.name, &changes)?;
        Reply::json(&Shown::new(&super::get(tx, id)?, act.now))
    })
    .await
}

crate::params! { body
    RotateApiPassword {
        /// Hours for which the password before is good, too: 0 to 2160.
        overlap_hours: Option<Within<0, OVERLAP_HOURS_MAX>> = 24,
    }
}

/// A new password.
#[derive(Serialize, ToSchema)]
pub struct NewApiPassword {
    /// Made up by the server, and shown this once.
    password: String,
    /// The first moment at which the one before is refused.
    old_password_expires_at: Millis,
}

/// Gives an API user a new password, for administrators
///
/// The one before stays good for a while; one that was left from the rotation before is over at once.
#[utoipa::path(
    post, path = "/console/api_users/{id}/rotate_password", operation_id = "rotate_api_user_password", tag = "console",
    params(ApiUserId), security(("session" = [])),
    request_body(content = Option<RotateApiPassword>, content_type = "application/json"),
    responses(
        (status = 200, description = "The password, this once.", body = NewApiPassword),
        (status = 404, description = "Unknown API user.", body = Envelope),
        (status = 409, description = "The password was changed meanwhile.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn rotate_password(
    Path(id): Path<String>,
    mut call: Call<AgentSession>,
) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let given: RotateApiPassword = call.params()?;
    let id = known(&id)?;
    if let Some(reply) = call.answered().await? {
        return Ok(reply);
    }
    let app = call.app().clone();
    let user = call.look(move |tx| super::get(tx, id)).await?;
    let password = password::made_up(&app.ids);
    // A hash takes too long for the store to wait for it.
    let made = app.gate.hasher().beside(password.clone(), user.password_hash.clone()).await?;
    let rotation = Rotation {
        current_hash: user.password_hash,
        new_hash: made.ok_or_else(|| Error::internal("the same password was made up again"))?,
        overlap: given.overlap_hours.map_or(OVERLAP_HOURS, |hours| hours.0) * 3_600_000,
    };
    call.write(move |tx, act| {
        let user = super::get(tx, id)?;
        super::rotate(tx, act, &user.name, &rotation)?;
        let old_password_expires_at = act.now.saturating_add(rotation.overlap);
        let reply = NewApiPassword { password: password.clone(), old_password_expires_at };
        Ok(Reply::json(&reply)?.secret())
    })
    .await
}

/// Removes an API user, for administrators
#[utoipa::path(
    delete, path = "/console/api_users/{id}", operation_id = "remove_api_user", tag = "console", params(ApiUserId),
    security(("session" = [])),
    responses(
        (status = 200, description = "It is gone. The body is empty."),
        (status = 404, description = "Unknown API user.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let id = known(&id)?;
    call.write(move |tx, act| {
        let user = super::get(tx, id)?;
        super::remove(tx, act, &user.name)?;
        Ok(Reply::default())
    })
    .await
}

/// The path's `:id`. What is no number is the number of nothing.
fn known(id: &str) -> Result<i64, Error> {
    path_number(id).ok_or_else(|| unknown(id))
}

fn known_methods(given: &Patterns) -> Result<Methods, Error> {
    let patterns: Vec<&str> = given.0.iter().map(|pattern| &**pattern).collect();
    Methods::known(&patterns, &router::method_names()).map_err(|Slip { pattern, near }| {
        Fault::of(Code::UnknownMethod, "methods").with("method", pattern).with("near", near).into()
    })
}

/// Whoever means now wants to disable.
fn to_come(at: Option<Millis>, now: Millis) -> Result<(), Error> {
    match at {
        Some(at) if at <= now => Err(Fault::of(Code::MomentOver, "expires_at").into()),
        _ => Ok(()),
    }
}

#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ApiUserId {
    /// The user's number.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    #[param(minimum = 1)]
    id: i64,
}
