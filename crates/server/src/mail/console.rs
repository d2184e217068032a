//! E-mail at the console: transcripts that agents have sent, and whether e-mail goes out.

use axum::extract::Path;

use serde::Serialize;
use utoipa::ToSchema;

use super::{compose, transcript};
use crate::agent::session::AgentSession;
use crate::agent::{self, Role};
use crate::config::Encryption;
use crate::conversation::{self, access};
use crate::http::error::Envelope;
use crate::http::{Call, Code, Error, Fault, Reply};
use crate::visitor::limit::{Rate, What};

/// Sends a conversation's transcript to its visitor
///
/// To the address that the conversation has, and nowhere else.
#[utoipa::path(
    post, path = "/console/conversations/{id}/transcript_mail", operation_id = "mail_transcript", tag = "console",
    params(conversation::api::ConversationId), security(("session" = [])),
    responses(
        (status = 200, description = "It will be sent."),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn mail_transcript(
    Path(id): Path<String>,
    call: Call<AgentSession>,
) -> Result<Reply, Error> {
    let id = conversation::api::known(&id)?;
    let who = call.caller().clone();
    call.write(move |tx, act| {
        access::hold(tx, &who, &id)?;
        transcript::order(tx, act, &id)?;
        Ok(Reply::default())
    })
    .await
}

/// How e-mail goes out. The password is shown to nobody.
#[derive(Default, Serialize, ToSchema)]
pub struct MailShown {
    /// The configuration names a mail server; without it no e-mail goes out, and the rest is null.
    is_configured: bool,
    #[schema(required)]
    host: Option<String>,
    #[schema(required)]
    port: Option<u16>,
    /// `none`, `starttls` or `tls`.
    #[schema(required)]
    encryption: Option<&'static str>,
    /// Whom e-mails come from.
    #[schema(required)]
    from: Option<String>,
}

/// Shows how e-mail goes out, for administrators
///
/// It is set in the configuration.
#[utoipa::path(
    get, path = "/console/settings/mail", operation_id = "show_mail", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The mail server, if there is one.", body = MailShown),
        (status = 403, description = "For administrators.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    call.read(|_, app| {
        let Some(smtp) = &app.config.smtp else { return Reply::json(&MailShown::default()) };
        Reply::json(&MailShown {
            is_configured: true,
            host: Some(smtp.host.clone()),
            port: Some(smtp.port),
            encryption: Some(match smtp.encryption {
                Encryption::None => "none",
                Encryption::StartTls => "starttls",
                Encryption::Tls => "tls",
            }),
            from: Some(smtp.from.to_string()),
        })
    })
    .await
}

/// Where a test went.
#[derive(Serialize, ToSchema)]
pub struct MailTested {
    #[schema(example = "jan.kowalski@example.org")]
    address: String,
}

/// Tests of an agent.
const TESTS_PER_MINUTE: u32 = 3;

/// Sends a test e-mail to the caller's own address, for administrators
///
/// It is over when the mail server has taken it, or has said why not. Up to three a minute.
#[utoipa::path(
    post, path = "/console/settings/mail/test", operation_id = "test_mail", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The mail server has taken it.", body = MailTested),
        (status = 403, description = "For administrators.", body = Envelope),
        (status = 409, description = "No mail server, no address, or the mail server says no.", body = Envelope),
        (status = 429, description = "Too many tests.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn test(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let (app, caller) = (call.app().clone(), call.caller().clone());
    let (Some(mailer), Some(smtp)) = (&app.mailer, &app.config.smtp) else {
        return Err(Code::MailOff.into());
    };
    let login = caller.login.clone();
    let agent = call.look(move |tx| agent::active(tx, &login)).await?;
    if agent.email.is_empty() {
        return Err(Code::NoOwnAddress.into());
    }
    app.visits.take(What::MailTests(caller.agent_id), Rate::per_minute(TESTS_PER_MINUTE))?;
    let (letter, now) = (compose::test(agent.language), app.clock.now());
    let id = app.ids.v7(now).to_string();
    if let Err(refusal) = mailer.send(&letter, &agent.email, &id, now).await {
        let place = format!("{}:{}", smtp.host, smtp.port);
        let fault = Fault::new(Code::MailRefused).with("place", place).with("error", refusal.error);
        return Err(fault.into());
    }
    Reply::json(&MailTested { address: agent.email })
}
