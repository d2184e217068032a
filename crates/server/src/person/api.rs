//! A person's data, for integrators.

use std::time::Duration;

use uuid::Uuid;

use super::erase::{self, Reach, Receipt};
use super::export::{self, Want};
use super::shown::Export;
use super::{Person, record_export};
use crate::app::App;
use crate::http::call::Caller;
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{Email, Flag};
use crate::http::{Call, Error, Reply};

/// How long an answer waits for the steps.
const PATIENCE: Duration = Duration::from_secs(20);

crate::params! { query
    ExportPerson {
        /// Whose, in any case.
        email: Email = "jan.kowalski@example.org",
        /// Adds the contents of files, in Base64.
        include_files: Flag,
    }
}

/// Exports a person's data
///
/// Our addition. All that is held on whoever has this e-mail address: customers with what belongs to them, their conversations and
/// those whose client gave the address, with the whole log, files, consents and ratings; blocks, e-mails that wait, lines of
/// the audit log, deliveries.
#[utoipa::path(
    get, path = "/api/persons/export", operation_id = "export_person", tag = "additions", params(ExportPerson),
    responses(
        (status = 200, description = "All that is held; of nobody, empty lists.", body = Export),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(mut call: Call) -> Result<Reply, Error> {
    let given: ExportPerson = call.params()?;
    answer(call, &given).await
}

/// Of both doors.
pub(super) async fn answer<C: Caller>(call: Call<C>, given: &ExportPerson) -> Result<Reply, Error> {
    // Whoever may not look any more finds nothing out.
    call.look(|_| Ok(())).await?;
    let (app, person) = (call.app().clone(), Person::new(&given.email));
    let want = Want { file_contents: given.include_files.0, bytes_max: Some(export::BYTES_MAX) };
    let place = app.persons.acquire().await.map_err(Error::internal)?;
    let (export, _) = export::gather(&app, &person, want).await?;
    let reply = Reply::json(&export)?;
    drop(place);
    call.write(move |tx, act| {
        record_export(tx, act, &person)?;
        Ok(reply.clone())
    })
    .await
}

crate::params! { body
    ErasePerson {
        /// Whose, in any case.
        email: Email = "jan.kowalski@example.org",
    }
}

/// Erases a person
///
/// Our addition. All that `GET persons/export` shows is removed for good; what is left is this receipt, without the address, and lines
/// of the audit log that name nobody. What takes long goes on after the answer: then `finished_at` is null.
#[utoipa::path(
    post, path = "/api/persons/erase", operation_id = "erase_person", tag = "additions", params(IdempotencyKey),
    request_body(content((ErasePerson = "application/json"), (ErasePerson = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The receipt; of nobody, one of nothing.", body = Receipt),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn erase(mut call: Call) -> Result<Reply, Error> {
    let given: ErasePerson = call.params()?;
    take(call, &given).await
}

/// Of both doors.
pub(super) async fn take<C: Caller>(call: Call<C>, given: &ErasePerson) -> Result<Reply, Error> {
    if let Some(reply) = call.answered().await? {
        return Ok(reply);
    }
    let (app, person) = (call.app().clone(), Person::new(&given.email));
    let ordered =
        call.step(0, move |tx, act| Reply::json(&erase::order(tx, act, &person)?)).await?;
    let id: Uuid = serde_json::from_slice(ordered.body()).map_err(Error::internal)?;
    let reach = Reach { patience: Some(PATIENCE), has_files: true };
    let is_finished = match erase::run(&app, id, reach).await {
        Ok(is_finished) => is_finished,
        // It is ordered, and goes on by itself.
        Err(error) => {
            tracing::warn!(cause = error.cause(), "a person will be erased later");
            false
        }
    };
    let receipt =
        move |tx: &mut rozmowa_db::Tx<'_>, app: &App| Reply::json(&erase::receipt(tx, &id, app)?);
    if is_finished {
        return call.write(move |tx, _| receipt(tx, &app)).await;
    }
    // Sent again it may be told that it is finished.
    call.read(receipt).await
}
