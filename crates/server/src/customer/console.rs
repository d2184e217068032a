//! Customers at the console: agents look for whom they talk to.

use super::find::{self, CustomerFound};
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::params::{Flag, Line};
use crate::http::{Call, Error, Reply};

crate::params! { query
    FindCustomers {
        /// Beginnings of words of the name, the identifier, an e-mail address or a telephone number, in any order.
        q: Line<255> = "kowal jan",
        /// Companies alone.
        companies: Flag,
    }
}

/// Finds customers
///
/// Up to 20, by surname. Case and accents make no difference.
#[utoipa::path(
    get, path = "/console/customers", operation_id = "find_customers", tag = "console", params(FindCustomers),
    security(("session" = [])),
    responses(
        (status = 200, description = "Those that have all the words.", body = [CustomerFound]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: FindCustomers = call.params()?;
    call.read(move |tx, _| Reply::json(&find::find(tx, &given.q, given.companies.0)?)).await
}
