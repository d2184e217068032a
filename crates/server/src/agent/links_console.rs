//! Links that are good once, at the console: the first administrator, invitations, new passwords.

use axum::extract::Path;
use rozmowa_db::Tx;
use serde::Serialize;
use utoipa::ToSchema;

use super::account_console::{check_length, chosen};
use super::api::{AgentLogin, known};
use super::links::{self, Kind};
use super::session::{self, AgentSession, Anybody};
use super::{NewAgent, Role};
use crate::act::{Act, Actor, ActorKind};
use crate::clock::Millis;
use crate::http::error::Envelope;
use crate::http::params::{Email, Line, Login, OneOf, Password};
use crate::http::{Call, Code, Error, Reply};
use crate::locale::Language;
use crate::mail::letter::{self, Letter};

/// Another reset for the same agent comes no sooner.
const RESET_EVERY: Millis = 5 * 60 * 1_000;

crate::params! { body
    Welcome {
        /// From the link.
        token: Line<64> = "q8Cw…",
        login: Login = "jkowalski",
        name: Line<255> = "Jan",
        surname: Line<255> = "Kowalski",
        email: Option<Email> = "jan.kowalski@example.org",
        /// At least 8 characters.
        password: Password = "correct horse",
        /// Without it `pl`.
        language: Option<OneOf<Language>> = "pl",
    }
}

/// What a link leads to; it is not used up. Who has none is counted as for a wrong password, and costs no hash.
async fn follow<T: Send + 'static>(
    call: &Call<Anybody>,
    token: &str,
    find: fn(&mut Tx<'_>, &str, Millis) -> Result<Option<T>, Error>,
) -> Result<T, Error> {
    let app = call.app();
    let attempt = app.gate.attempt(call.head().from)?;
    let (token, now) = (token.to_owned(), app.clock.now());
    let found = call.look(move |tx| find(tx, &token, now)).await?.ok_or(Code::UnknownLink)?;
    attempt.was_right();
    Ok(found)
}

/// Adds the first administrator
///
/// With a link from `rozmowa admin-link`, which is used up.
#[utoipa::path(
    post, path = "/console/welcome", operation_id = "add_first_administrator", tag = "console", security(()),
    request_body(content = Welcome, content_type = "application/json"),
    responses(
        (status = 200, description = "The administrator can sign in. The body is empty."),
        (status = 404, description = "The link is not good, or not any more.", body = Envelope),
        (status = 409, description = "There is an administrator, or the login is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn welcome(mut call: Call<Anybody>) -> Result<Reply, Error> {
    let given: Welcome = call.params()?;
    check_length("password", &given.password)?;
    let (app, token) = (call.app().clone(), String::from(given.token));
    follow(&call, &token, |tx, token, now| {
        Ok(links::is_for_administrator(tx, token, now)?.then_some(()))
    })
    .await?;
    let new = NewAgent {
        login: given.login.into(),
        name: given.name.into(),
        surname: given.surname.into(),
        email: given.email.map(Into::into).unwrap_or_default(),
        language: given.language.map_or(Language::Pl, |language| language.0),
        role: Role::Administrator,
        password_hash: chosen(&app, "password", given.password).await?,
        ..NewAgent::default()
    };
    call.write(move |tx, act| {
        links::add_administrator(tx, act, &token, &new)?;
        Ok(Reply::default())
    })
    .await
}

/// An invitation.
#[derive(Serialize, ToSchema)]
pub struct Invitation {
    /// Whether it is sent by e-mail.
    is_sent: bool,
    /// The link, to be handed over, when nothing is sent: without SMTP, or to an agent without an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    link: Option<String>,
    expires_at: Millis,
}

/// Invites an agent to set a password
///
/// For administrators. The link is good for seven days and once.
#[utoipa::path(
    post, path = "/console/agents/{login}/invitation", operation_id = "invite_agent", tag = "console",
    params(AgentLogin), security(("session" = [])),
    responses(
        (status = 200, description = "The invitation.", body = Invitation),
        (status = 404, description = "Unknown agent.", body = Envelope),
        (status = 409, description = "The agent's account is not active.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn invite(Path(login): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let login = known(login)?;
    let app = call.app().clone();
    let token = session::new_token(&app.ids);
    call.write(move |tx, act| {
        let agent = super::hold(tx, &login)?;
        if !agent.is_active {
            return Err(super::fault(Code::AgentInactive, &login));
        }
        links::add(tx, act.now, Kind::Invitation, Some(agent.id), &token)?;
        let is_sent = letter::is_sent(&app) && !agent.email.is_empty();
        if is_sent {
            letter::add(tx, act, &app.secret, Letter::Invitation, &agent, &token)?;
        }
        let view = Some(&"sent");
        crate::audit::record(tx, act, "agent.invite", &super::subject(&login), None::<&()>, view)?;
        let link = (!is_sent).then(|| Kind::Invitation.address(&app.base_url(), &token));
        let expires_at = act.now + Kind::Invitation.time();
        Ok(Reply::json(&Invitation { is_sent, link, expires_at })?.secret())
    })
    .await
}

crate::params! { body
    Forgotten {
        /// The agent's.
        email: Email = "jan.kowalski@example.org",
    }
}

/// Asks for a link to a new password
///
/// The answer is the same whether or not an agent has this address.
#[utoipa::path(
    post, path = "/console/password_reset", operation_id = "forget_password", tag = "console", security(()),
    request_body(content = Forgotten, content_type = "application/json"),
    responses(
        (status = 200, description = "If an agent has this address, an e-mail is on its way. The body is empty."),
        (status = 409, description = "No e-mail goes out from here.", body = Envelope),
        (status = 429, description = "Too many such calls from this address.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn forget_password(mut call: Call<Anybody>) -> Result<Reply, Error> {
    let given: Forgotten = call.params()?;
    let (app, head) = (call.app().clone(), call.head());
    // Counted like a wrong password, whatever becomes of it.
    app.gate.attempt(head.from)?;
    if !letter::is_sent(&app) {
        return Err(Code::MailOff.into());
    }
    let actor = Actor {
        kind: ActorKind::Agent,
        name: String::new(),
        from: Some(head.from),
        request_id: head.request_id.clone(),
    };
    // Not waited for, so that time does not tell who is known. There are no more of them than attempts.
    tokio::spawn(async move {
        let own = app.clone();
        let written = app.db.write(move |tx| {
            let act = Act::of(tx, &own, &actor)?;
            for agent in super::of_email(tx, &given.email)? {
                let since = act.now - RESET_EVERY;
                if links::was_made_since(tx, agent.id, Kind::PasswordReset, since)? {
                    continue;
                }
                let token = session::new_token(&own.ids);
                links::add(tx, act.now, Kind::PasswordReset, Some(agent.id), &token)?;
                letter::add(tx, &act, &own.secret, Letter::PasswordReset, &agent, &token)?;
            }
            Ok::<_, Error>(())
        });
        if let Err(error) = written.await {
            tracing::warn!(cause = error.cause(), "a link to a new password could not be made");
        }
    });
    Ok(Reply::default())
}

crate::params! { body
    NewPassword {
        /// From the link.
        token: Line<64> = "q8Cw…",
        /// At least 8 characters.
        password: Password = "correct horse",
    }
}

crate::params! { body
    LinkFollowed {
        /// From the link.
        token: Line<64> = "q8Cw…",
    }
}

/// Whose password a link sets.
#[derive(Serialize, ToSchema)]
pub struct LinkOwner {
    #[schema(example = "jkowalski")]
    login: String,
    name: String,
    surname: String,
}

/// Says whose password a link sets
///
/// It is not used up.
#[utoipa::path(
    post, path = "/console/password_link", operation_id = "show_password_link", tag = "console", security(()),
    request_body(content = LinkFollowed, content_type = "application/json"),
    responses(
        (status = 200, description = "Whose it is.", body = LinkOwner),
        (status = 404, description = "The link is not good, or not any more.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show_link(mut call: Call<Anybody>) -> Result<Reply, Error> {
    let given: LinkFollowed = call.params()?;
    let super::Agent { login, name, surname, .. } =
        follow(&call, &given.token, links::find).await?;
    Reply::json(&LinkOwner { login, name, surname })
}

/// Whose password was set.
#[derive(Serialize, ToSchema)]
pub struct PasswordSet {
    #[schema(example = "jkowalski")]
    login: String,
}

/// Sets a password
///
/// With a link from an invitation or a reset, which is used up. All sessions are over.
#[utoipa::path(
    post, path = "/console/password", operation_id = "set_password", tag = "console", security(()),
    request_body(content = NewPassword, content_type = "application/json"),
    responses(
        (status = 200, description = "The agent can sign in.", body = PasswordSet),
        (status = 404, description = "The link is not good, or not any more.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn set_password(mut call: Call<Anybody>) -> Result<Reply, Error> {
    let given: NewPassword = call.params()?;
    check_length("password", &given.password)?;
    let (app, token) = (call.app().clone(), String::from(given.token));
    follow(&call, &token, links::find).await?;
    let hash = chosen(&app, "password", given.password).await?;
    call.write(move |tx, act| {
        let login = links::set_password(tx, act, &token, &hash)?;
        Reply::json(&PasswordSet { login })
    })
    .await
}
