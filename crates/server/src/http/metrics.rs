//! Metrics for Prometheus, on a listener of their own.

use axum::Router;
use axum::routing::get;
use http::{Method, StatusCode, header};
use metrics::{counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

const REQUESTS: &str = "rozmowa_http_requests_total";
const SECONDS: &str = "rozmowa_http_request_seconds";

/// Installs the recorder of the process. Before it, and without it, measuring costs next to nothing.
pub fn install() -> Result<PrometheusHandle, String> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(
            Matcher::Full(SECONDS.to_owned()),
            &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0],
        )
        .map_err(|error| error.to_string())?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
    describe_counter!(REQUESTS, "Requests answered, by method, route and status.");
    describe_histogram!(
        SECONDS,
        "Seconds from a request's head to its answer, by method and route."
    );
    describe_counter!(
        "rozmowa_password_hashes_total",
        "Password hashes computed to check credentials."
    );
    Ok(handle)
}

pub fn router(handle: PrometheusHandle) -> Router {
    Router::new().route(
        "/metrics",
        get(move || async move {
            handle.run_upkeep();
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render())
        }),
    )
}

/// One request more. Routes are our own words, so labels are few however odd the paths.
pub fn answered(method: &Method, route: String, status: StatusCode, seconds: f64) {
    let method = match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    histogram!(SECONDS, "method" => method, "route" => route.clone()).record(seconds);
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status.as_u16().to_string()).increment(1);
}
