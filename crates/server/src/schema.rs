//! The schema and every statement that touches it.

use rozmowa_db::{Migration, Stmt};

use crate::{
    account, agent, audit, block, canned, clause, conversation, counter, customer, file, http,
    label, live, lookup, mail, pause, queue, routing, setting, timer, visitor, webhook,
};

pub const MIGRATIONS: &[Migration] =
    rozmowa_db::migrations!("0001_start", "0002_tell", "0003_live");

/// The register: a test prepares each on both engines and looks at its plan.
pub fn statements() -> Vec<Stmt> {
    let rooms = [
        account::STATEMENTS,
        agent::STATEMENTS,
        agent::capacity::STATEMENTS,
        agent::leave::STATEMENTS,
        agent::presence::STATEMENTS,
        agent::links::STATEMENTS,
        agent::session::STATEMENTS,
        agent::signin::STATEMENTS,
        agent::totp::STATEMENTS,
        audit::STATEMENTS,
        clause::STATEMENTS,
        block::STATEMENTS,
        canned::STATEMENTS,
        conversation::STATEMENTS,
        conversation::access::STATEMENTS,
        conversation::assign::STATEMENTS,
        conversation::board::STATEMENTS,
        conversation::idle::STATEMENTS,
        conversation::label::STATEMENTS,
        conversation::log::STATEMENTS,
        conversation::rate::STATEMENTS,
        conversation::read::STATEMENTS,
        conversation::reopen::STATEMENTS,
        conversation::sheet::STATEMENTS,
        conversation::transfer::STATEMENTS,
        conversation::view::STATEMENTS,
        counter::STATEMENTS,
        customer::STATEMENTS,
        file::STATEMENTS,
        file::sweep::STATEMENTS,
        http::health::STATEMENTS,
        http::idempotency::STATEMENTS,
        live::agent_socket::STATEMENTS,
        live::names::STATEMENTS,
        live::visitor_socket::STATEMENTS,
        mail::STATEMENTS,
        mail::compose::STATEMENTS,
        mail::outbox::STATEMENTS,
        mail::receipt::STATEMENTS,
        mail::transcript::STATEMENTS,
        mail::unread::STATEMENTS,
        label::STATEMENTS,
        lookup::STATEMENTS,
        pause::STATEMENTS,
        queue::STATEMENTS,
        queue::agents::STATEMENTS,
        routing::floor::STATEMENTS,
        routing::no_answer::STATEMENTS,
        routing::position::STATEMENTS,
        setting::STATEMENTS,
        timer::STATEMENTS,
        visitor::data::STATEMENTS,
        visitor::gate::STATEMENTS,
        visitor::identity::STATEMENTS,
        visitor::open::STATEMENTS,
        visitor::show::STATEMENTS,
        visitor::token::STATEMENTS,
        visitor::view::STATEMENTS,
        webhook::STATEMENTS,
        webhook::courier::STATEMENTS,
        webhook::delivery::STATEMENTS,
        webhook::lane::STATEMENTS,
        webhook::log::STATEMENTS,
        webhook::tell::STATEMENTS,
        webhook::wanted::STATEMENTS,
    ];
    rooms.into_iter().flatten().copied().chain(conversation::list::statements()).collect()
}
