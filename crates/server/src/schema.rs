//! The schema and every statement that touches it.

use rozmowa_db::{Migration, Stmt};

use crate::{
    account, agent, audit, block, bot, canned, clause, conversation, counter, customer, demo,
    directory, file, http, label, live, lookup, mail, pause, queue, report, routing, search,
    setting, timer, visitor, wall, webhook,
};

pub const MIGRATIONS: &[Migration] = rozmowa_db::migrations!(
    "0001_start",
    "0002_tell",
    "0003_live",
    "0004_console",
    "0005_crm",
    "0006_report",
    "0007_import"
);

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
        agent::status::STATEMENTS,
        audit::STATEMENTS,
        audit::news::STATEMENTS,
        bot::STATEMENTS,
        bot::talk::STATEMENTS,
        bot::work::STATEMENTS,
        clause::STATEMENTS,
        block::STATEMENTS,
        canned::STATEMENTS,
        conversation::STATEMENTS,
        conversation::access::STATEMENTS,
        conversation::assign::STATEMENTS,
        conversation::erase::STATEMENTS,
        conversation::board::STATEMENTS,
        conversation::idle::STATEMENTS,
        conversation::label::STATEMENTS,
        conversation::link::STATEMENTS,
        conversation::log::STATEMENTS,
        conversation::retention::STATEMENTS,
        conversation::stream::STATEMENTS,
        conversation::rate::STATEMENTS,
        conversation::read::STATEMENTS,
        conversation::reopen::STATEMENTS,
        conversation::sheet::STATEMENTS,
        conversation::transfer::STATEMENTS,
        conversation::view::STATEMENTS,
        counter::STATEMENTS,
        customer::STATEMENTS,
        customer::change::STATEMENTS,
        customer::company::STATEMENTS,
        customer::custom::STATEMENTS,
        customer::export::STATEMENTS,
        customer::feed::STATEMENTS,
        customer::find::STATEMENTS,
        customer::gone::STATEMENTS,
        customer::groups::STATEMENTS,
        customer::import::STATEMENTS,
        customer::place::STATEMENTS,
        demo::script::STATEMENTS,
        directory::STATEMENTS,
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
        report::build::STATEMENTS,
        report::fact::STATEMENTS,
        report::summary::STATEMENTS,
        search::STATEMENTS,
        search::find::STATEMENTS,
        search::index::STATEMENTS,
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
        wall::STATEMENTS,
        wall::day::STATEMENTS,
        webhook::STATEMENTS,
        webhook::courier::STATEMENTS,
        webhook::delivery::STATEMENTS,
        webhook::lane::STATEMENTS,
        webhook::log::STATEMENTS,
        webhook::tell::STATEMENTS,
        webhook::wanted::STATEMENTS,
    ];
    rooms.into_iter().flatten().copied().chain(composed()).collect()
}

/// Those that are put together.
fn composed() -> impl Iterator<Item = Stmt> {
    conversation::list::statements()
        .chain(customer::list::statements())
        .chain(customer::bulk::statements())
        .chain(customer::import::composed())
}
