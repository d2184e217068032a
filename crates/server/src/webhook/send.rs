//! One attempt: a POST to a receiver, and what came of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header;
use http_body_util::{BodyExt, Collected, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::Notify;
use url::Url;

use super::delivery::{Due, Told};
use super::guard::{Guard, Refusal};
use super::{Format, Webhook, body, sign};
use crate::clock::Millis;
use crate::config::Config;
use crate::secret::Key;

/// Answers are not looked at, but reading short ones keeps the connection for the next delivery.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// For the body of an answer, after its head.
const REST_TIME: Duration = Duration::from_secs(1);
const IDLE_CONNECTIONS_PER_RECEIVER: usize = 64;
const IDLE_TIME: Duration = Duration::from_secs(30);
/// Answers of 1xx that a receiver may send before its answer.
const INTERIM_MAX: u32 = 20;
const USER_AGENT: &str = concat!("Rozmowa/", env!("CARGO_PKG_VERSION"));
/// Nobody is believed who asks for more patience than this.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

type Client = legacy::Client<HttpsConnector<HttpConnector<Guard>>, Full<Bytes>>;

/// The one way to call out: public addresses only, no redirects, a limit of time.
pub struct Sender {
    guard: Guard,
    timeout: Duration,
    /// Made for the first delivery: most of its cost is reading the system's authorities.
    client: OnceLock<Client>,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub http_status: Option<u16>,
    /// Why it failed, in a few words.
    pub error: Option<String>,
    pub retry_after: Option<Duration>,
    pub duration_ms: i64,
}

impl Answer {
    pub fn failed(error: impl Into<String>) -> Self {
        Self { http_status: None, error: Some(error.into()), retry_after: None, duration_ms: 0 }
    }
}

/// Why there is nothing to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfetched {
    /// The address may not be called.
    NotAllowed,
    /// None in time, or no connection: also when the address that its name resolves to may not be called.
    NoAnswer,
    Status(u16),
    TooLarge,
}

/// A request that is ready to go.
pub struct Parcel {
    url: String,
    credentials: Option<(String, String)>,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Parcel {
    /// None when what the delivery tells of is there no more.
    pub fn pack(
        webhook: &Webhook,
        due: &Due,
        told: &Told,
        key: &Key,
        config: &Config,
        now: Millis,
    ) -> Result<Option<Self>, String> {
        let Some(body) = body::render(due, told, webhook.id, webhook.format, &config.time_zone)
        else {
            return Ok(None);
        };
        let secrets = webhook.signing_secrets(key, now)?;
        let mut headers = Vec::new();
        // Only for those who asked for more than the vendor sends.
        if webhook.format == Format::Json || !secrets.is_empty() {
            let (id, seconds) = (due.id.to_string(), now.div_euclid(1000));
            if !secrets.is_empty() {
                let signature = sign::header(&secrets, &id, seconds, &body);
                headers.push(("webhook-signature", signature));
            }
            headers.push(("webhook-id", id));
            headers.push(("webhook-timestamp", seconds.to_string()));
        }
        Ok(Some(Self {
            url: webhook.subscription_url.clone(),
            credentials: webhook.credentials(key)?,
            content_type: match webhook.format {
                Format::Form => "application/x-www-form-urlencoded",
                Format::Json => "application/json",
            },
            headers,
            body,
        }))
    }
}

impl Sender {
    pub fn new(guard: Guard, timeout: Duration) -> Self {
        Self { guard, timeout, client: OnceLock::new() }
    }

    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    pub async fn send(&self, parcel: Parcel, clock_now: Millis) -> Answer {
        let started = Instant::now();
        let mut answer =
            match tokio::time::timeout(self.timeout, self.call(parcel, clock_now)).await {
                Ok(answer) => answer,
                Err(_) => Answer::failed(format!("no answer in {} s", self.timeout.as_secs())),
            };
        answer.duration_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        answer
    }

    async fn call(&self, parcel: Parcel, now: Millis) -> Answer {
        // The resolver is not asked about addresses that stand in the URL.
        let url = match self.guard.read(&parcel.url) {
            Ok(url) => url,
            Err(refusal) => return Answer::failed(refusal.to_string()),
        };
        let request = match parcel.request(&url) {
            Ok(request) => request,
            Err(error) => return Answer::failed(error.to_string()),
        };
        let response = match self.respond(request).await {
            Ok(response) => response,
            Err(error) => return Answer::failed(error),
        };
        let status = response.status();
        let retry_after = response.headers().get(http::header::RETRY_AFTER);
        let retry_after =
            retry_after.and_then(|value| value.to_str().ok()).and_then(|text| wait(text, now));
        // What was said counts, however long the rest takes to arrive. Read, the connection can be used again.
        let rest = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect();
        let _ = tokio::time::timeout(REST_TIME, rest).await;
        let error = match status.as_u16() {
            200..=299 => None,
            300..=399 => Some(format!("{status}: redirects are not followed")),
            _ => Some(status.to_string()),
        };
        Answer { http_status: Some(status.as_u16()), error, retry_after, duration_ms: 0 }
    }

    /// Asks for something and reads the answer, within a time and up to a size. Redirects are not followed.
    pub async fn fetch(
        &self,
        url: &str,
        bearer: Option<&str>,
        time: Duration,
        bytes_max: usize,
    ) -> Result<Bytes, Unfetched> {
        let url = self.guard.read(url).map_err(|_| Unfetched::NotAllowed)?;
        let mut request = http::Request::get(url.as_str())
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, USER_AGENT);
        if let Some(bearer) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        let request = request.body(Full::default()).map_err(|_| Unfetched::NoAnswer)?;
        let fetched = tokio::time::timeout(time, async {
            let response = self.respond(request).await.map_err(|cause| {
                tracing::info!(cause, "a look-up got no answer");
                Unfetched::NoAnswer
            })?;
            let status = response.status();
            if !status.is_success() {
                return Err(Unfetched::Status(status.as_u16()));
            }
            let body = Limited::new(response.into_body(), bytes_max).collect().await;
            body.map(Collected::to_bytes).map_err(|error| {
                if error.is::<LengthLimitError>() {
                    Unfetched::TooLarge
                } else {
                    Unfetched::NoAnswer
                }
            })
        });
        fetched.await.unwrap_or(Err(Unfetched::NoAnswer))
    }

    /// The head of an answer, or why there is none.
    async fn respond(
        &self,
        mut request: http::Request<Full<Bytes>>,
    ) -> Result<http::Response<Incoming>, String> {
        let client = self.client().map_err(|error| error.to_string())?;
        let (interim, flood) = (AtomicU32::new(0), Arc::new(Notify::new()));
        let alarm = Arc::clone(&flood);
        hyper::ext::on_informational(&mut request, move |_| {
            if interim.fetch_add(1, Ordering::Relaxed) == INTERIM_MAX {
                alarm.notify_one();
            }
        });
        tokio::select! {
            response = client.request(request) => response.map_err(|error| told(&error)),
            () = flood.notified() => Err("no answer: too many interim ones".to_owned()),
        }
    }

    fn client(&self) -> Result<&Client, rustls::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
        let mut connector = HttpConnector::new_with_resolver(self.guard.clone());
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        #[expect(clippy::disallowed_methods, reason = "this is the filtering client")]
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_RECEIVER)
            .pool_idle_timeout(IDLE_TIME)
            .build(connector);
        Ok(self.client.get_or_init(|| client))
    }
}

impl Parcel {
    fn request(self, url: &Url) -> Result<http::Request<Full<Bytes>>, http::Error> {
        let mut request = http::Request::post(url.as_str())
            .header(header::CONTENT_TYPE, self.content_type)
            .header(header::ACCEPT, "*/*")
            .header(header::USER_AGENT, USER_AGENT);
        if let Some((user, password)) = &self.credentials {
            let encoded = STANDARD.encode(format!("{user}:{password}"));
            request = request.header(header::AUTHORIZATION, format!("Basic {encoded}"));
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(self.body.into()))
    }
}

/// The seconds or the date of a `Retry-After` header.
fn wait(text: &str, now: Millis) -> Option<Duration> {
    let wait = if let Ok(seconds) = text.trim().parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let at = httpdate::parse_http_date(text).ok()?;
        let at = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        at.saturating_sub(Duration::from_millis(now.max(0).unsigned_abs()))
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// The root of an error, without the address, which may hold what is nobody's business.
fn told(error: &legacy::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        // The resolver's errors are the system's, with ours inside.
        let inner = next.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(refusal) = inner.and_then(|inner| inner.downcast_ref::<Refusal>()) {
            return refusal.to_string();
        }
        cause = next;
    }
    let what = if error.is_connect() { "no connection" } else { "no answer" };
    let cause = cause.to_string();
    let cause: String = cause.chars().filter(|c| !c.is_control()).take(200).collect();
    format!("{what}: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_has_a_limit() {
        // Sunday, 6 November 1994, 08:49:37 GMT.
        let now = 784_111_777_000;
        assert_eq!(wait("120", now), Some(Duration::from_mins(2)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:37 GMT", now), Some(Duration::from_mins(1)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(wait("99999999", now), Some(RETRY_AFTER_MAX));
        assert_eq!(wait("soon", now), None);
        assert_eq!(wait("-5", now), None);
    }
}
