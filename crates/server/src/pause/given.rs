//! Reasons to pause, as both doors show and change them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::call::Caller;
use crate::http::params::{Line, YesNo, path_number};
use crate::http::{Call, Code, Error, Fault, Reply};

/// A reason to pause.
#[derive(Serialize, ToSchema)]
#[schema(as = Pause)]
pub struct Reason {
    #[schema(example = 1)]
    pause_id: i64,
    #[schema(example = "Przerwa obiadowa")]
    name: String,
    /// Nobody can pause for a disabled one.
    enabled: bool,
}

pub async fn list<C: Caller>(call: Call<C>) -> Result<Reply, Error> {
    call.read(|tx, _| {
        let pauses: Vec<_> = super::list(tx)?
            .into_iter()
            .map(|pause| Reason { pause_id: pause.id, name: pause.name, enabled: pause.is_enabled })
            .collect();
        Reply::json(&pauses)
    })
    .await
}

crate::params! { body
    AddPause {
        /// Its name, which no other has.
        name: Line<255> = "Przerwa obiadowa",
    }
}

/// The reason that was added.
#[derive(Serialize, ToSchema)]
pub struct AddedPause {
    #[schema(example = 1)]
    pause_id: i64,
}

pub async fn add<C: Caller>(mut call: Call<C>) -> Result<Reply, Error> {
    let given: AddPause = call.params()?;
    call.write(move |tx, act| {
        let pause_id = super::add(tx, act, &given.name)?;
        Reply::json(&AddedPause { pause_id })
    })
    .await
}

crate::params! { body
    ChangePause {
        name: Option<Line<255>> = "Przerwa obiadowa",
        /// Nobody can pause for a disabled one; whoever does so already goes on.
        enabled: Option<YesNo> = true,
    }
}

pub async fn change<C: Caller>(mut call: Call<C>, id: &str) -> Result<Reply, Error> {
    let given: ChangePause = call.params()?;
    let id = path_number(id).ok_or_else(|| Fault::new(Code::UnknownPause).with("id", id))?;
    call.write(move |tx, act| {
        super::change(tx, act, id, given.name.as_deref(), given.enabled.map(|yes| yes.0))?;
        Ok(Reply::default())
    })
    .await
}

#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PauseId {
    /// The reason's number.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    #[param(minimum = 1)]
    id: i64,
}
