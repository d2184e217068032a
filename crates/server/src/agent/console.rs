//! Agents at their console: signing in and out.

use axum::extract::Path;
use http::{HeaderMap, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::session::{self, AgentSession, Anybody, TokenHash};
use super::signin::{self, Entrance, Given};
use super::{Agent, totp};
use crate::app::App;
use crate::clock::Millis;
use crate::http::call::Head;
use crate::http::error::Envelope;
use crate::http::params::{Line, Named, Password};
use crate::http::{Call, Code, Error, Reply};
use crate::secret::Key;

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub struct SessionShown {
    agent_id: i64,
    login: String,
    name: String,
    surname: String,
    email: String,
    /// `pl` or `en`.
    language: &'static str,
    /// `agent`, `supervisor` or `administrator`.
    role: &'static str,
    /// Whether signing in takes a code, too.
    has_second_factor: bool,
    /// What changes are to carry in `X-CSRF-Token`. Questions may: then nobody is answered whose session it is not.
    csrf_token: String,
}

impl SessionShown {
    fn new(agent: Agent, has_second_factor: bool, key: &Key, token_hash: &TokenHash) -> Self {
        Self {
            agent_id: agent.id,
            login: agent.login,
            name: agent.name,
            surname: agent.surname,
            email: agent.email,
            language: agent.language.tag(),
            role: agent.role.name(),
            has_second_factor,
            csrf_token: session::csrf_token(key, token_hash),
        }
    }
}

/// Headers of an answer that gives or takes the cookie. Nobody keeps such an answer.
fn with_cookie(head: &Head, app: &App, token: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::SET_COOKIE, session::set_cookie(head, app, token));
    headers.insert(header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    headers
}

crate::params! { body
    SignIn {
        login: Line<255> = "jkowalski",
        password: Password = "correct horse",
        /// Of the second factor, where the agent has one.
        code: Option<Line<16>> = "287082",
    }
}

/// Signs an agent in
///
/// Sets the session's cookie, which scripts can't read.
#[utoipa::path(
    post, path = "/console/session", operation_id = "sign_in", tag = "console", security(()),
    request_body(content = SignIn, content_type = "application/json"),
    responses(
        (status = 200, description = "The agent.", body = SessionShown),
        (status = 401, description = "Wrong, or a code is needed.", body = Envelope),
        (status = 429, description = "Too many failures.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn sign_in(mut call: Call<Anybody>) -> Result<(HeaderMap, Reply), Error> {
    let given: SignIn = call.params()?;
    let (app, head) = (call.app(), call.head());
    let user_agent = head.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let at = Entrance {
        from: head.from,
        request_id: head.request_id.clone(),
        user_agent: user_agent.unwrap_or_default().chars().take(255).collect(),
        former: session::given(head),
    };
    let given = Given {
        login: given.login.into(),
        password: given.password.0,
        code: given.code.map(Into::into),
    };
    let has_code = given.code.is_some();
    let (agent, token) = signin::sign_in(app, given, at).await?;
    let agent_id = agent.id;
    // Without a code none was needed, and with one it may have been given for nothing.
    let has_second_factor = has_code && app.db.read(move |tx| totp::is_on(tx, agent_id)).await?;
    let hash = session::token_hash(&token);
    let shown = SessionShown::new(agent, has_second_factor, &app.secret, &hash);
    Ok((with_cookie(head, app, Some(&token)), Reply::json(&shown)?))
}

/// Shows who is signed in
#[utoipa::path(
    get, path = "/console/session", operation_id = "show_session", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The agent.", body = SessionShown),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show_session(call: Call<AgentSession>) -> Result<Reply, Error> {
    let caller = call.caller().clone();
    call.read(move |tx, app| {
        let agent = super::find(tx, &caller.login)?.ok_or(Code::NotSignedIn)?;
        let has_second_factor = totp::is_on(tx, agent.id)?;
        Reply::json(&SessionShown::new(agent, has_second_factor, &app.secret, &caller.token_hash))
    })
    .await
}

/// Signs out
#[utoipa::path(
    delete, path = "/console/session", operation_id = "sign_out", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "It is over. The body is empty."),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn sign_out(call: Call<AgentSession>) -> Result<(HeaderMap, Reply), Error> {
    let headers = with_cookie(call.head(), call.app(), None);
    let hash = call.caller().token_hash;
    let ended = call.write(move |tx, _| {
        session::end(tx, &hash)?;
        Ok(Reply::default())
    });
    Ok((headers, ended.await?))
}

/// A session of the agent's own.
#[derive(Serialize, ToSchema)]
pub struct SessionListed {
    #[schema(example = "0f3a5c7e9b1d2f4a6c8e0b1d3f5a7c9e")]
    session_id: String,
    created_at: Millis,
    /// To ten minutes.
    used_at: Millis,
    address: String,
    user_agent: String,
    /// Whether it is the one that asks.
    is_own: bool,
}

/// What a session is called: nothing that it could be opened with.
fn name(key: &Key, hash: &TokenHash) -> String {
    format!("{:032x}", u128::from_be_bytes(key.short_fingerprint(&[b"session", hash])))
}

/// Lists the agent's sessions
#[utoipa::path(
    get, path = "/console/sessions", operation_id = "list_sessions", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The one used last first.", body = [SessionListed]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list_sessions(call: Call<AgentSession>) -> Result<Reply, Error> {
    let caller = call.caller().clone();
    call.read(move |tx, app| {
        let sessions = session::list(tx, caller.agent_id, app.clock.now())?;
        let listed = sessions.into_iter().map(|session| SessionListed {
            session_id: name(&app.secret, &session.token_hash),
            created_at: session.created_at,
            used_at: session.used_at,
            address: session.address,
            user_agent: session.user_agent,
            is_own: session.token_hash == caller.token_hash,
        });
        Reply::json(&listed.collect::<Vec<_>>())
    })
    .await
}

/// Ends all sessions of the agent but this one
#[utoipa::path(
    delete, path = "/console/sessions", operation_id = "end_other_sessions", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "They are over. The body is empty."),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn end_other_sessions(call: Call<AgentSession>) -> Result<Reply, Error> {
    let caller = call.caller().clone();
    call.write(move |tx, _| {
        session::end_others(tx, &caller)?;
        Ok(Reply::default())
    })
    .await
}

/// Ends one session of the agent
#[utoipa::path(
    delete, path = "/console/sessions/{session_id}", operation_id = "end_session", tag = "console",
    params(("session_id" = String, Path, description = "From the list.")), security(("session" = [])),
    responses(
        (status = 200, description = "It is over. The body is empty."),
        (status = 404, description = "Unknown session.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn end_session(
    Path(session_id): Path<String>,
    call: Call<AgentSession>,
) -> Result<Reply, Error> {
    let (caller, key) = (call.caller().clone(), call.app().secret.clone());
    call.write(move |tx, act| {
        let sessions = session::list(tx, caller.agent_id, act.now)?;
        let session = sessions.iter().find(|session| name(&key, &session.token_hash) == session_id);
        session::end(tx, &session.ok_or(Code::UnknownSession)?.token_hash)?;
        Ok(Reply::default())
    })
    .await
}
