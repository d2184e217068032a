//! The schema and every statement that touches it.

use rozmowa_db::{Migration, Stmt};

use crate::{
    account, agent, audit, conversation, counter, customer, http, queue, setting, webhook,
};

pub const MIGRATIONS: &[Migration] = rozmowa_db::migrations!("0001_start", "0002_tell");

/// The register: a test prepares each on both engines and looks at its plan.
pub fn statements() -> Vec<Stmt> {
    let rooms = [
        account::STATEMENTS,
        agent::STATEMENTS,
        audit::STATEMENTS,
        conversation::STATEMENTS,
        conversation::log::STATEMENTS,
        conversation::view::STATEMENTS,
        counter::STATEMENTS,
        customer::STATEMENTS,
        http::health::STATEMENTS,
        http::idempotency::STATEMENTS,
        queue::STATEMENTS,
        setting::STATEMENTS,
        webhook::STATEMENTS,
        webhook::courier::STATEMENTS,
        webhook::delivery::STATEMENTS,
        webhook::lane::STATEMENTS,
        webhook::wanted::STATEMENTS,
    ];
    rooms.into_iter().flatten().copied().chain(conversation::list::statements()).collect()
}
