//! An agent's own account at the console: language, password, second factor.

use serde::Serialize;
use utoipa::ToSchema;

use super::session::AgentSession;
use super::{Agent, Changes, signin, totp};
use crate::app::App;
use crate::http::error::Envelope;
use crate::http::params::{Line, OneOf, Password};
use crate::http::{Call, Code, Error, Fault, Reply};
use crate::locale::Language;

/// As short as a password that people choose may be.
const PASSWORD_LEAST: usize = 8;

/// The hash of a password that somebody chose at a page, parameter `name`.
pub async fn chosen(app: &App, name: &str, password: Password) -> Result<String, Error> {
    check_length(name, &password)?;
    app.gate.hasher().hash(password.0, app.ids.bytes()).await
}

pub fn check_length(name: &str, password: &Password) -> Result<(), Error> {
    if password.0.chars().count() >= PASSWORD_LEAST {
        return Ok(());
    }
    Err(Fault::of(Code::PasswordTooShort, name).with("least", PASSWORD_LEAST).into())
}

crate::params! { body
    ChangeAccount {
        language: Option<OneOf<Language>> = "pl",
    }
}

/// Changes the agent's own account
#[utoipa::path(
    put, path = "/console/account", operation_id = "change_account", tag = "console", security(("session" = [])),
    request_body(content = Option<ChangeAccount>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: ChangeAccount = call.params()?;
    let caller = call.caller().clone();
    let changes =
        Changes { language: given.language.map(|language| language.0), ..Changes::default() };
    call.write(move |tx, act| {
        super::change(tx, act, &caller.login, &changes)?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    ChangePassword {
        old_password: Password = "correct horse",
        /// At least 8 characters.
        new_password: Password = "battery staple",
    }
}

/// Changes the agent's own password
///
/// All other sessions are over; this one goes on.
#[utoipa::path(
    put, path = "/console/account/password", operation_id = "change_password", tag = "console", security(("session" = [])),
    request_body(content = ChangePassword, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 401, description = "The old password is wrong.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change_password(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: ChangePassword = call.params()?;
    check_length("new_password", &given.new_password)?;
    let (app, caller, from) = (call.app().clone(), call.caller().clone(), call.head().from);
    let checked = signin::check_again(&app, from, &caller, given.old_password.0, None).await?;
    let password_hash = Some(chosen(&app, "new_password", given.new_password).await?);
    let changes = Changes { password_hash, ..Changes::default() };
    call.write(move |tx, act| {
        if !signin::succeed(tx, &checked, act.now)? {
            return Err(Code::WrongSignIn.into());
        }
        super::change_from(tx, act, &caller.login, &changes, Some(&caller))?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    OwnPassword {
        /// The agent's.
        password: Password = "correct horse",
    }
}

/// A second factor that was set up. Shown once.
#[derive(Serialize, ToSchema)]
pub struct SecondFactor {
    /// For an authenticator, as a QR code or by hand.
    #[schema(
        example = "otpauth://totp/Rozmowa:jkowalski?secret=MZXW6YTBOI&issuer=Rozmowa&algorithm=SHA1&digits=6&period=30"
    )]
    otpauth_uri: String,
}

/// Sets up a second factor
///
/// It counts once a code of it confirms it. In place of one that was not confirmed.
#[utoipa::path(
    post, path = "/console/account/second_factor", operation_id = "set_up_second_factor", tag = "console",
    security(("session" = [])), request_body(content = OwnPassword, content_type = "application/json"),
    responses(
        (status = 200, description = "The secret.", body = SecondFactor),
        (status = 401, description = "The password is wrong.", body = Envelope),
        (status = 409, description = "It is on already.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn set_up_second_factor(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: OwnPassword = call.params()?;
    let (app, caller, from) = (call.app().clone(), call.caller().clone(), call.head().from);
    let checked = signin::check_again(&app, from, &caller, given.password.0, None).await?;
    let secret = totp::new_secret(&app.ids);
    call.write(move |tx, act| {
        if !signin::succeed(tx, &checked, act.now)? {
            return Err(Code::WrongSignIn.into());
        }
        totp::set_up(tx, act, &app.secret, caller.agent_id, &secret)?;
        let otpauth_uri = totp::uri(&caller.login, &secret);
        Ok(Reply::json(&SecondFactor { otpauth_uri })?.secret())
    })
    .await
}

crate::params! { body
    Confirm {
        /// Of the second factor that was set up.
        code: Line<16> = "287082",
    }
}

/// Confirms a second factor
///
/// From now on signing in takes a code.
#[utoipa::path(
    put, path = "/console/account/second_factor", operation_id = "confirm_second_factor", tag = "console",
    security(("session" = [])), request_body(content = Confirm, content_type = "application/json"),
    responses(
        (status = 200, description = "It is on. The body is empty."),
        (status = 400, description = "The code is wrong.", body = Envelope),
        (status = 409, description = "Nothing waits to be confirmed.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn confirm_second_factor(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: Confirm = call.params()?;
    let (app, caller) = (call.app().clone(), call.caller().clone());
    call.write(move |tx, act| {
        let agent = own(tx, &caller)?;
        totp::confirm(tx, act, &app.secret, &agent, &given.code)?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    RemoveSecondFactor {
        password: Password = "correct horse",
        /// One that was not used yet.
        code: Line<16> = "287082",
    }
}

/// Removes the second factor
#[utoipa::path(
    post, path = "/console/account/second_factor/remove", operation_id = "remove_second_factor", tag = "console",
    security(("session" = [])), request_body(content = RemoveSecondFactor, content_type = "application/json"),
    responses(
        (status = 200, description = "It is off. The body is empty."),
        (status = 401, description = "The password or the code is wrong.", body = Envelope),
        (status = 409, description = "It is not on.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove_second_factor(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: RemoveSecondFactor = call.params()?;
    let (app, caller, from) = (call.app().clone(), call.caller().clone(), call.head().from);
    let code = Some(given.code.into());
    let checked = signin::check_again(&app, from, &caller, given.password.0, code).await?;
    let of = checked.clone();
    let removed = call.write(move |tx, act| {
        let agent = own(tx, &caller)?;
        if !totp::is_on(tx, agent.id)? {
            return Err(Code::SecondFactorOff.into());
        }
        if !signin::succeed(tx, &of, act.now)? {
            return Err(Code::WrongSignIn.into());
        }
        totp::remove(tx, act, &agent)?;
        Ok(Reply::default())
    });
    match removed.await {
        // A code that was used before is a guess like any other.
        Err(error) if error.is(Code::WrongSignIn) => Err(checked.refuse(&app).await?),
        removed => removed,
    }
}

fn own(tx: &mut rozmowa_db::Tx<'_>, caller: &AgentSession) -> Result<Agent, Error> {
    super::find(tx, &caller.login)?.ok_or_else(|| Code::NotSignedIn.into())
}
