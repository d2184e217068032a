//! Every route, in reading order: the table of contents.

use axum::routing::{MethodRouter, get};
use axum::{Router, middleware};
use http::header;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi, OpenApiBuilder, PathItem, SecurityRequirement};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::app::App;
use crate::http::{call, health};
use crate::live::{agent_socket, frame, visitor_socket};
use crate::{
    account, agent, audit, block, bot, canned, clause, conversation, customer, directory, file,
    installation, label, lookup, mail, page, pause, person, queue, report, search, visitor, wall,
    webhook,
};

/// The API: what integrators call, by name and password. Made one by one: all descriptions at once would be what an idle
/// server's memory is made of.
const API: &[fn() -> UtoipaMethodRouter<App>] = &[
    // Chats, as the vendor documents them.
    || routes!(conversation::api::start),
    || routes!(conversation::api::message),
    || routes!(conversation::api::stop),
    || routes!(conversation::erase_api::remove),
    || routes!(conversation::erase_api::remove_content),
    || routes!(conversation::api::list),
    || routes!(queue::api::list, queue::api::add),
    || routes!(report::api::summarize),
    // Agents, as the vendor documents them.
    || routes!(agent::api::list, agent::api::add),
    || routes!(agent::api::show, agent::api::change),
    || routes!(agent::api::status),
    || routes!(agent::api::login),
    || routes!(agent::api::logout),
    || routes!(agent::api::pause),
    || routes!(agent::api::free),
    // Webhooks, as the vendor documents them.
    || routes!(webhook::api::list, webhook::api::add),
    || routes!(webhook::api::show, webhook::api::change, webhook::api::remove),
    // The CRM, as the vendor documents it.
    || routes!(customer::api::list, customer::api::add),
    || routes!(customer::api::show, customer::api::change, customer::api::remove),
    || routes!(customer::company_api::list, customer::company_api::add),
    || {
        routes!(
            customer::company_api::show,
            customer::company_api::change,
            customer::company_api::remove
        )
    },
    || routes!(customer::batch_api::add_customers, customer::batch_api::change_customers),
    || routes!(customer::batch_api::add_companies, customer::batch_api::change_companies),
    || routes!(customer::groups_api::list, customer::groups_api::add),
    || routes!(customer::groups_api::list_items, customer::groups_api::add_item),
    || routes!(customer::feed::list, customer::feed::add),
    // Our additions.
    || routes!(customer::groups_api::add_field),
    || routes!(customer::groups_api::change_item, customer::groups_api::remove_item),
    || routes!(customer::custom_api::list, customer::custom_api::add),
    || routes!(customer::custom_api::change),
    || routes!(conversation::api::show),
    || routes!(conversation::stream_api::conversation),
    || routes!(conversation::stream_api::queue),
    || routes!(conversation::api::reply),
    || routes!(conversation::api::assign),
    || routes!(bot::api::list, bot::api::add),
    || routes!(bot::api::change, bot::api::remove),
    || routes!(bot::api::assign),
    || routes!(bot::api::hand_over),
    || routes!(visitor::api::add, visitor::api::revoke),
    || routes!(file::api::upload),
    || routes!(file::api::download),
    || routes!(conversation::api_actions::transfer),
    || routes!(conversation::api_actions::note),
    || routes!(conversation::api_actions::rate),
    || routes!(conversation::api_actions::close),
    || routes!(conversation::api_actions::reopen),
    || routes!(pause::api::list, pause::api::add),
    || routes!(pause::api::change),
    || routes!(queue::api::show, queue::api::change),
    || routes!(queue::api::show_strategies, queue::api::set_strategies),
    || routes!(queue::api::list_agents),
    || routes!(queue::api::set_agent, queue::api::remove_agent),
    || routes!(webhook::api::rotate_secret),
    || routes!(webhook::deliveries_api::test),
    || routes!(webhook::deliveries_api::attempts),
    || routes!(webhook::deliveries_api::pending),
    || routes!(webhook::deliveries_api::redeliver),
    || routes!(webhook::deliveries_api::recover),
    || routes!(person::api::show),
    || routes!(person::api::erase),
    || routes!(audit::api::list),
];

/// The console door: what agents' browsers call, by a session.
const CONSOLE: &[fn() -> UtoipaMethodRouter<App>] = &[
    // Signing in, and one's own account.
    || routes!(agent::console::show_session, agent::console::sign_in, agent::console::sign_out),
    || routes!(agent::console::list_sessions, agent::console::end_other_sessions),
    || routes!(agent::console::end_session),
    || routes!(agent::account_console::change),
    || routes!(agent::account_console::change_password),
    || {
        routes!(
            agent::account_console::set_up_second_factor,
            agent::account_console::confirm_second_factor
        )
    },
    || routes!(agent::account_console::remove_second_factor),
    || routes!(agent::links_console::welcome),
    || routes!(agent::links_console::forget_password),
    || routes!(agent::links_console::set_password),
    || routes!(agent::links_console::show_link),
    // What the console needs to know.
    || routes!(directory::console::show),
    || routes!(wall::console::show),
    || routes!(report::console::show),
    // Agents.
    || routes!(agent::colleagues_console::list, agent::colleagues_console::add),
    || routes!(agent::colleagues_console::show, agent::colleagues_console::change),
    || routes!(agent::colleagues_console::end_sessions),
    || routes!(agent::colleagues_console::take_second_factor),
    || routes!(agent::links_console::invite),
    // Being on duty.
    || routes!(agent::duty::show, agent::duty::set),
    || routes!(agent::duty::show_of, agent::duty::set_of),
    || routes!(pause::console::list, pause::console::add),
    || routes!(pause::console::change),
    // Queues.
    || routes!(queue::console::list, queue::console::add),
    || routes!(queue::console::list_agents),
    || routes!(queue::console::set_agent, queue::console::remove_agent),
    || routes!(queue::console::show, queue::console::change),
    || routes!(queue::console::show_strategies, queue::console::set_strategies),
    || routes!(mail::console::mail_transcript),
    // The installation.
    || routes!(installation::console::show, installation::console::change),
    || routes!(mail::console::show),
    || routes!(mail::console::test),
    // Conversations: what there is, and what is done to it.
    || routes!(conversation::console::list),
    || routes!(conversation::console::show),
    || routes!(conversation::console::events),
    || routes!(conversation::console::look_up),
    || routes!(conversation::link_console::set, conversation::link_console::clear),
    || routes!(conversation::console_actions::reply),
    || routes!(conversation::console_actions::note),
    || routes!(conversation::console_actions::whisper),
    || routes!(conversation::console_actions::claim),
    || routes!(conversation::console_actions::assign),
    || routes!(conversation::console_actions::take_over),
    || routes!(conversation::console_actions::transfer),
    || routes!(conversation::console_actions::close),
    || routes!(conversation::console_actions::label),
    || routes!(conversation::console_actions::reopen),
    || routes!(conversation::console_actions::read),
    // The CRM.
    || routes!(customer::console::list, customer::card_console::add),
    || routes!(customer::card_console::show, customer::card_console::change),
    || routes!(customer::card_console::feed_records),
    || routes!(customer::card_console::conversations),
    // What agents choose from, and who may not write.
    || routes!(canned::console::list, canned::console::add),
    || routes!(canned::console::change, canned::console::remove),
    || routes!(label::console::list_topics, label::console::add_topic),
    || routes!(label::console::change_topic),
    || routes!(label::console::list_tags, label::console::add_tag),
    || routes!(label::console::change_tag),
    || routes!(block::console::list, block::console::add),
    || routes!(block::console::lift),
    || routes!(lookup::console::show, lookup::console::change),
    || routes!(customer::custom_console::list, customer::custom_console::add),
    || routes!(customer::custom_console::change),
    || routes!(file::console::upload),
    || routes!(file::console::download),
    || routes!(clause::console::list, clause::console::write),
    || routes!(clause::console::enable),
    || routes!(visitor::console::rotate, visitor::console::remove),
    || routes!(search::console::search),
    // Programs: who may call the API, and who is told.
    || routes!(account::console::list, account::console::add),
    || routes!(account::console::change, account::console::remove),
    || routes!(account::console::rotate_password),
    || routes!(account::console::list_methods),
    || routes!(bot::console::list, bot::console::add),
    || routes!(bot::console::change, bot::console::remove),
    || routes!(webhook::console::list, webhook::console::add),
    || routes!(webhook::console::show, webhook::console::change, webhook::console::remove),
    || routes!(webhook::console::rotate_secret),
    || routes!(webhook::deliveries_console::test),
    || routes!(webhook::deliveries_console::attempts),
    || routes!(webhook::deliveries_console::pending),
    || routes!(webhook::deliveries_console::redeliver),
    || routes!(webhook::deliveries_console::recover),
    || routes!(person::console::show),
    || routes!(person::console::erase),
    || routes!(audit::console::list),
];

/// The visitor door: what visitors' browsers call, by a token.
const VISITOR: &[fn() -> UtoipaMethodRouter<App>] = &[
    || routes!(visitor::open::show_queue),
    || routes!(visitor::open::open),
    || routes!(visitor::door::show),
    || routes!(visitor::door::events),
    || routes!(visitor::door::message),
    || routes!(visitor::door::mark_read),
    || routes!(visitor::door::typing),
    || routes!(visitor::door::tell_page),
    || routes!(visitor::door::rate),
    || routes!(visitor::door::close),
    || routes!(visitor::door::transcript),
    || routes!(mail::visitor::mail_transcript),
    || routes!(file::visitor::upload),
    || routes!(file::visitor::download),
];

/// A path, and what answers a `GET` there.
type Beside = (&'static str, fn() -> MethodRouter<App>);

/// What no reference describes: the sockets, pages for people, and what anybody may look at.
const BESIDE: &[Beside] = &[
    ("/api/openapi.json", || {
        get(async || ([(header::CONTENT_TYPE, "application/json")], REFERENCE))
    }),
    ("/reference", || get(page::reference::show)),
    ("/reference/decisions.md", || get(page::reference::decisions)),
    ("/visitor/socket", || get(visitor_socket::open)),
    ("/console/socket", || get(agent_socket::open)),
    ("/console", || get(page::console::redirect)),
    ("/console/", || get(page::console::page)),
    ("/console/welcome", || get(page::console::page)),
    ("/console/password", || get(page::console::page)),
    ("/console/sw.js", || get(page::console::worker)),
    ("/console/manifest.webmanifest", || get(page::console::manifest)),
    ("/console/icons/{name}", || get(page::console::icon)),
    ("/widget.js", || get(page::script::show)),
    ("/chat/{queues}", || get(page::chat::framed)),
    ("/c/{token}", || get(page::chat::alone)),
    ("/assets/{name}", || get(page::asset::hashed)),
    ("/favicon.svg", || get(page::asset::icon)),
    ("/favicon.ico", || get(page::asset::icon)),
    ("/demo/{name}", || get(page::shop::show)),
    ("/health/live", || get(health::live)),
    ("/health/ready", || get(health::ready)),
    ("/", || get(health::index)),
];

/// The reference, checked in; a test holds it against the code.
pub const REFERENCE: &str = include_str!("../../../docs/openapi.json");

/// Everything the main listeners serve.
pub fn router(app: App) -> Router {
    let mut api = Router::new();
    for method in [API, CONSOLE].into_iter().flatten() {
        let (path, handlers) = route(method());
        api = api.route(&path, handlers);
    }
    for method in VISITOR {
        let (path, handlers) = route(method());
        let gate = middleware::from_fn_with_state(app.clone(), visitor::gate::layer);
        api = api.route(&path, handlers.layer(gate));
    }
    for (path, handlers) in BESIDE {
        api = api.route(path, handlers());
    }
    api.with_state(app)
}

fn route((_, paths, handlers): UtoipaMethodRouter<App>) -> (String, MethodRouter<App>) {
    let path = paths.paths.into_keys().next().expect("a method has a path");
    (path, handlers)
}

/// The reference of the API, made from the code.
pub fn reference() -> String {
    pretty(&described(about(), API))
}

/// The reference of the doors for people: our own pages call them, and they change with these pages.
pub fn reference_for_people() -> String {
    let doors = described(about_people(), CONSOLE);
    let visitors = OpenApiRouter::with_openapi(doors);
    let visitors = VISITOR.iter().fold(visitors, |api, method| api.routes(method()));
    let mut described = visitors.split_for_parts().1;
    // No path leads to what is said on an agent's socket.
    let mut frames = Vec::new();
    frame::FromAgent::schemas(&mut frames);
    frame::Out::schemas(&mut frames);
    frames.push((frame::FromAgent::name().into(), frame::FromAgent::schema()));
    frames.push((frame::Out::name().into(), frame::Out::schema()));
    described.components.get_or_insert_default().schemas.extend(frames);
    pretty(&described)
}

fn pretty(api: &OpenApi) -> String {
    let mut text = api.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

fn described(about: OpenApi, methods: &[fn() -> UtoipaMethodRouter<App>]) -> OpenApi {
    let api = OpenApiRouter::with_openapi(about);
    methods.iter().fold(api, |api, method| api.routes(method())).split_for_parts().1
}

/// Every method of the API, spelled as method lists spell it.
pub fn method_names() -> Vec<String> {
    names(API)
}

/// Every method of the console door.
pub fn console_method_names() -> Vec<String> {
    names(CONSOLE)
}

/// Every method of the visitor door.
pub fn visitor_method_names() -> Vec<String> {
    names(VISITOR)
}

/// Every method that no reference describes.
pub fn method_names_beside() -> Vec<String> {
    BESIDE.iter().map(|(path, _)| call::method_name("GET", path)).collect()
}

fn names(methods: &[fn() -> UtoipaMethodRouter<App>]) -> Vec<String> {
    let paths = described(about(), methods).paths.paths;
    paths
        .iter()
        .flat_map(|(path, item)| verbs(item).map(|verb| call::method_name(verb, path)))
        .collect()
}

/// The methods of the API, by verb and path, as this file has them.
pub fn reading_order() -> Vec<(String, String)> {
    let paths = API.iter().flat_map(|method| method().1.paths);
    paths
        .flat_map(|(path, item)| {
            verbs(&item).map(|verb| (verb.to_owned(), path.clone())).collect::<Vec<_>>()
        })
        .collect()
}

fn verbs(item: &PathItem) -> impl Iterator<Item = &'static str> {
    let operations =
        [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("DELETE", &item.delete)];
    let there = operations.map(|(verb, operation)| operation.is_some().then_some(verb));
    there.into_iter().flatten()
}

fn about_people() -> OpenApi {
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(agent::session::COOKIE)));
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let info = utoipa::openapi::InfoBuilder::new()
        .title("Rozmowa: console and visitor doors")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "What the pages of agents and visitors call. Not a contract: it changes with the pages. Times are epoch \
             milliseconds. Calls of agents that change something carry X-CSRF-Token; others may, and are refused \
             when it is of another session.",
        ))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(
            utoipa::openapi::ComponentsBuilder::new()
                .security_scheme("session", cookie)
                .security_scheme("visitor", bearer)
                .build(),
        ))
        .build()
}

fn about() -> OpenApi {
    let basic = SecurityScheme::Http(Http::new(HttpAuthScheme::Basic));
    let info = utoipa::openapi::InfoBuilder::new()
        .title("Rozmowa")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The chat API of Thulium, self-hosted. Every parameter may travel in the query, in a JSON object or in a form; \
             it is listed where the vendor documents it. Times are local times of the installation's zone.",
        ))
        .license(Some(utoipa::openapi::License::new("MIT OR Apache-2.0")))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(
            utoipa::openapi::ComponentsBuilder::new().security_scheme("basic", basic).build(),
        ))
        .security(Some([SecurityRequirement::new("basic", Vec::<String>::new())]))
        .build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_two_shapes_of_a_reference_have_the_same_name() {
        let mut frames = Vec::new();
        frame::FromAgent::schemas(&mut frames);
        frame::Out::schemas(&mut frames);
        for (doors, beside) in [(vec![API], vec![]), (vec![CONSOLE, VISITOR], frames)] {
            let methods = doors.into_iter().flatten().flat_map(|method| method().0);
            let mut shapes = BTreeMap::new();
            for (name, shape) in methods.chain(beside) {
                let known = shapes.entry(name.clone()).or_insert_with(|| shape.clone());
                assert!(*known == shape, "two shapes are called {name}");
            }
        }
    }
}
