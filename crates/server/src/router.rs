//! Every route, in reading order: the table of contents.

use axum::Router;
use axum::routing::get;
use http::header;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi, OpenApiBuilder, SecurityRequirement};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::{call, health};
use crate::{agent, audit, conversation, pause, queue, webhook};

/// The API: what integrators call, by name and password.
fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(about())
        // Chats, as the vendor documents them.
        .routes(routes!(conversation::api::start))
        .routes(routes!(conversation::api::message))
        .routes(routes!(conversation::api::stop))
        .routes(routes!(conversation::api::list))
        .routes(routes!(queue::api::list, queue::api::add))
        // Agents, as the vendor documents them.
        .routes(routes!(agent::api::list, agent::api::add))
        .routes(routes!(agent::api::show, agent::api::change))
        .routes(routes!(agent::api::status))
        .routes(routes!(agent::api::login))
        .routes(routes!(agent::api::logout))
        .routes(routes!(agent::api::pause))
        .routes(routes!(agent::api::free))
        // Webhooks, as the vendor documents them.
        .routes(routes!(webhook::api::list, webhook::api::add))
        .routes(routes!(webhook::api::show, webhook::api::change, webhook::api::remove))
        // Our additions.
        .routes(routes!(conversation::api::show))
        .routes(routes!(conversation::api::reply))
        .routes(routes!(conversation::api::assign))
        .routes(routes!(pause::api::list, pause::api::add))
        .routes(routes!(pause::api::change))
        .routes(routes!(queue::api::change))
        .routes(routes!(queue::api::list_agents))
        .routes(routes!(queue::api::set_agent, queue::api::remove_agent))
        .routes(routes!(webhook::api::rotate_secret))
        .routes(routes!(webhook::deliveries_api::test))
        .routes(routes!(webhook::deliveries_api::attempts))
        .routes(routes!(webhook::deliveries_api::pending))
        .routes(routes!(webhook::deliveries_api::redeliver))
        .routes(routes!(webhook::deliveries_api::recover))
        .routes(routes!(audit::api::list))
}

/// Everything the main listeners serve.
pub fn router(app: App) -> Router {
    let (api, reference) = api().split_for_parts();
    let reference = text(&reference);
    let openapi =
        get(move || async move { ([(header::CONTENT_TYPE, "application/json")], reference) });
    api.route("/api/openapi.json", openapi)
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/", get(health::index))
        .with_state(app)
}

/// The reference of the API as it is served and checked in.
pub fn reference() -> String {
    text(&api().split_for_parts().1)
}

/// Every method of the API, spelled as method lists spell it.
pub fn method_names() -> Vec<String> {
    let paths = api().split_for_parts().1.paths.paths;
    let mut names = Vec::new();
    for (path, item) in &paths {
        let operations = [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("DELETE", &item.delete),
        ];
        names.extend(
            operations
                .iter()
                .filter(|(_, operation)| operation.is_some())
                .map(|(method, _)| call::method_name(method, path)),
        );
    }
    names
}

fn text(reference: &OpenApi) -> String {
    let mut text = reference.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
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
