//! E-mails that a visitor asks for.

use super::transcript;
use crate::http::error::Envelope;
use crate::http::{Call, Error, Reply};
use crate::visitor::token::Visitor;

/// Sends the conversation's transcript to the visitor's address
///
/// To the address that the conversation has, and nowhere else.
#[utoipa::path(
    post, path = "/visitor/conversation/transcript_mail", operation_id = "mail_own_transcript", tag = "visitor",
    security(("visitor" = [])),
    responses(
        (status = 200, description = "It will be sent."),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn mail_transcript(call: Call<Visitor>) -> Result<Reply, Error> {
    let conversation = call.caller().conversation;
    call.write(move |tx, act| {
        transcript::order(tx, act, &conversation)?;
        Ok(Reply::default())
    })
    .await
}
