//! A call at any door: who calls, what was given, and one transaction for the answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use rozmowa_db::Tx;
use serde::Serialize;

use super::address;
use super::auth::ApiUser;
use super::error::{Code, Error, Fault};
use super::params::{FromParams, Object, Params};
use super::{idempotency, json};
use crate::act::{Act, Actor, ActorKind};
use crate::app::App;
use crate::clock::Millis;

/// The address of the connection's other end, put there by the listener.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// That the connection is encrypted, put there by the listener.
#[derive(Debug, Clone, Copy)]
pub struct OverTls(pub bool);

/// The id of the request, put there by the service.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// What a caller is known by, before the body is read.
pub struct Head {
    pub method: Method,
    pub path: Option<MatchedPath>,
    pub uri: Uri,
    pub headers: HeaderMap,
    /// Behind trusted proxies: whom they name.
    pub from: IpAddr,
    pub is_tls: bool,
    pub request_id: Option<String>,
}

impl Head {
    pub fn new(parts: Parts, app: &App) -> Self {
        let peer = parts.extensions.get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
        Self {
            from: address::client(peer, &parts.headers, &app.config.trusted_proxies),
            is_tls: parts.extensions.get::<OverTls>().is_some_and(|tls| tls.0),
            path: parts.extensions.get::<MatchedPath>().cloned(),
            request_id: parts.extensions.get::<RequestId>().map(|id| id.0.clone()),
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
        }
    }

    /// The method, as method lists spell it.
    pub fn method_name(&self) -> String {
        method_name(self.method.as_str(), self.path.as_ref().map_or("", MatchedPath::as_str))
    }
}

impl FromRequestParts<App> for Head {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        Ok(Self::new(parts.clone(), app))
    }
}

/// A kind of caller: each door knows its own.
pub trait Caller: Sized + Send + Sync + 'static {
    const KIND: ActorKind;

    /// Who calls, and whether they may call this.
    fn enter(head: &Head, app: &App) -> impl Future<Output = Result<Arc<Self>, Error>> + Send;

    /// The same after the caller was found changed since.
    fn enter_again(
        head: &Head,
        app: &App,
    ) -> impl Future<Output = Result<Arc<Self>, Error>> + Send {
        Self::enter(head, app)
    }

    /// Runs first in every transaction of the call: fails with a stale credential when the caller is not what was
    /// entered any more. Brings along the revision of the subscriptions.
    fn recheck(&self, tx: &mut Tx<'_>, now: Millis) -> Result<Option<String>, Error>;

    fn name(&self) -> String;

    /// What tells this caller from all others of its kind: whose an idempotency key is.
    fn scope(&self) -> Vec<u8>;
}

/// A call whose caller is known and may call this method.
pub struct Call<C: Caller = ApiUser> {
    app: App,
    caller: Arc<C>,
    head: Head,
    params: Params,
    key: Option<idempotency::Key>,
}

/// An answer of success: nothing, or JSON. 200, but where clients know it as 201.
#[derive(Clone, Default)]
pub struct Reply {
    body: Bytes,
    is_secret: bool,
    is_created: bool,
}

impl Reply {
    pub fn json(value: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(value).map_err(Error::internal)?;
        Ok(Self { body: body.into(), ..Self::default() })
    }

    /// 201, which clients of two methods wait for.
    #[must_use]
    pub fn created(self) -> Self {
        Self { is_created: true, ..self }
    }

    pub fn status(&self) -> StatusCode {
        if self.is_created { StatusCode::CREATED } else { StatusCode::OK }
    }

    /// It holds something that must not lie about in clear: where it is stored for a call that is sent again, it is sealed.
    #[must_use]
    pub fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    pub fn is_secret(&self) -> bool {
        self.is_secret
    }

    pub fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn from_stored(body: Vec<u8>, status: i64) -> Self {
        let is_created = status == i64::from(StatusCode::CREATED.as_u16());
        Self { body: body.into(), is_secret: false, is_created }
    }
}

/// Without what is said: it may be secret.
impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reply of {} bytes", self.body.len())
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let (is_empty, status) = (self.body.is_empty(), self.status());
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = status;
        if !is_empty {
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        response
    }
}

impl<C: Caller> FromRequest<App> for Call<C> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (mut call, body) = Self::before_body(request, app).await?;
        let body = read_body(app, &call.head.headers, body).await?;
        let mut read = add_body(&mut call.params, &call.head.headers, &body);
        // Visitors' browsers send what other pages say of themselves, half an emoji too.
        if C::KIND == ActorKind::Visitor
            && read.as_ref().is_err_and(|error| error.is(Code::MalformedJson))
            && let Some(mended) = str::from_utf8(&body).ok().and_then(json::mended)
        {
            read = add_body(&mut call.params, &call.head.headers, mended.as_bytes());
        }
        read?;
        call.body_is(&body)?;
        Ok(call)
    }
}

impl<C: Caller> Call<C> {
    /// For methods whose body is no parameters. They tell what it was by [`Call::body_is`] before they write.
    pub async fn before_body(request: Request, app: &App) -> Result<(Self, Body), Error> {
        let (parts, body) = request.into_parts();
        let head = Head::new(parts, app);
        let caller = C::enter(&head, app).await?;
        let mut params = Params::new(app.config.time_zone.clone());
        params.add_form("query", head.uri.query().unwrap_or_default().as_bytes());
        Ok((Self { app: app.clone(), caller, head, params, key: None }, body))
    }

    /// What the request is known by when it is sent again.
    pub fn body_is(&mut self, body: &[u8]) -> Result<(), Error> {
        let Some(text) = idempotency::header(&self.head.headers)? else { return Ok(()) };
        if self.head.method == Method::POST {
            let (whose, secret) = (self.caller.scope(), &self.app.secret);
            let path = self.head.uri.path().as_bytes();
            let query = self.head.uri.query().unwrap_or_default().as_bytes();
            self.key = Some(idempotency::Key {
                key: secret.short_fingerprint(&[b"key", &whose, path, text.as_bytes()]),
                fingerprint: secret.short_fingerprint(&[b"request", query, body]),
            });
        }
        Ok(())
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    pub fn caller(&self) -> &Arc<C> {
        &self.caller
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What was given, before it is read.
    pub fn given(&mut self) -> &mut Params {
        &mut self.params
    }

    /// What the method declares to take, or all that is wrong with it.
    pub fn params<P: FromParams>(&mut self) -> Result<P, Error> {
        let params = P::from_params(&mut self.params);
        let faults = self.params.faults();
        match params {
            Some(params) if faults.is_empty() => Ok(params),
            _ => Err(Error::new(faults)),
        }
    }

    /// Answers from one transaction that may change things; resolves when it is durable. The closure may run again.
    pub async fn write<F>(self, run: F) -> Result<Reply, Error>
    where
        F: Fn(&mut Tx<'_>, &Act<'_>) -> Result<Reply, Error> + Send + Sync + 'static,
    {
        self.written(self.key.clone(), run).await
    }

    /// The same of one step of several, each a transaction of its own: sent again, the call goes on where it was broken off.
    pub async fn step<F>(&self, number: usize, run: F) -> Result<Reply, Error>
    where
        F: Fn(&mut Tx<'_>, &Act<'_>) -> Result<Reply, Error> + Send + Sync + 'static,
    {
        let key = self.key.as_ref().map(|key| key.step(&self.app.secret, number));
        self.written(key, run).await
    }

    async fn written<F>(&self, key: Option<idempotency::Key>, run: F) -> Result<Reply, Error>
    where
        F: Fn(&mut Tx<'_>, &Act<'_>) -> Result<Reply, Error> + Send + Sync + 'static,
    {
        let run = Arc::new(run);
        let answer = |caller: Arc<C>| {
            let (app, key, run) = (self.app.clone(), key.clone(), Arc::clone(&run));
            let request_id = self.head.request_id.clone();
            write_as(&self.app, caller, self.head.from, request_id, move |tx, act| match &key {
                Some(key) => idempotency::once(tx, &app.secret, key, act, |tx| run(tx, act)),
                None => run(tx, act),
            })
        };
        match answer(Arc::clone(&self.caller)).await {
            Err(error) if error.is_stale_credential() => answer(self.enter_again().await?).await,
            answer => answer,
        }
    }

    /// Answers from one snapshot.
    pub async fn read<F>(self, run: F) -> Result<Reply, Error>
    where
        F: Fn(&mut Tx<'_>, &App) -> Result<Reply, Error> + Send + Sync + 'static,
    {
        let app = self.app.clone();
        self.look(move |tx| run(tx, &app)).await
    }

    /// The answer that this request got before, for calls that do more than a transaction.
    pub async fn answered(&self) -> Result<Option<Reply>, Error> {
        let Some(key) = self.key.clone() else { return Ok(None) };
        let app = self.app.clone();
        self.look(move |tx| idempotency::find(tx, &app.secret, &key, app.clock.now())).await
    }

    /// Looks something up before the answer is made.
    pub async fn look<T, F>(&self, run: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, Error> + Send + Sync + 'static,
    {
        let run = Arc::new(run);
        let answer = |caller: Arc<C>| {
            let (app, run) = (self.app.clone(), Arc::clone(&run));
            self.app.db.read(move |tx| {
                caller.recheck(tx, app.clock.now())?;
                run(tx)
            })
        };
        match answer(Arc::clone(&self.caller)).await {
            Err(error) if error.is_stale_credential() => answer(self.enter_again().await?).await,
            answer => answer,
        }
    }

    async fn enter_again(&self) -> Result<Arc<C>, Error> {
        C::enter_again(&self.head, &self.app).await
    }
}

/// One transaction of a caller that is known: at its beginning it is checked that it still is.
pub async fn write_as<C: Caller, T: Send + 'static>(
    app: &App,
    caller: Arc<C>,
    from: IpAddr,
    request_id: Option<String>,
    run: impl Fn(&mut Tx<'_>, &Act<'_>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let actor = Actor { kind: C::KIND, name: caller.name(), from: Some(from), request_id };
    let of_call = app.clone();
    let write = app.db.write(move |tx| {
        let revision = caller.recheck(tx, of_call.clock.now())?;
        let act = Act::at(tx, &of_call, &actor, revision)?;
        run(tx, &act)
    });
    write.await
}

/// `POST chat_conversations/:id/message`, as method lists and the vendor's reference spell it.
pub fn method_name(method: &str, path: &str) -> String {
    // Who may ask for an answer may ask for its head.
    let method = if method == "HEAD" { "GET" } else { method };
    let path = path.trim_start_matches("/api/").replace('{', ":").replace('}', "");
    format!("{method} {path}")
}

async fn read_body(app: &App, headers: &HeaderMap, body: Body) -> Result<Bytes, Error> {
    let limit = app.config.limits.body_bytes;
    let too_large = || Error::from(Fault::new(Code::BodyTooLarge).with("limit", limit)).closing();
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<u64>().ok());
    if announced == Some(0) {
        return Ok(Bytes::new());
    }
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let time = Duration::from_secs(app.config.limits.body_seconds);
    match tokio::time::timeout(time, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        _ => Err(Error::from(Code::BodyIncomplete).closing()),
    }
}

fn add_body(params: &mut Params, headers: &HeaderMap, body: &[u8]) -> Result<(), Error> {
    // The vendor's clients send "application/json" with nothing behind it.
    if body.is_empty() {
        return Ok(());
    }
    let given = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let (kind, rest) = given.map_or(("", ""), |given| given.split_once(';').unwrap_or((given, "")));
    let rest = rest.to_ascii_lowercase();
    let charset = rest.split(';').find_map(|part| part.trim().strip_prefix("charset="));
    if charset.is_some_and(|name| !matches!(name.trim_matches('"'), "utf-8" | "utf8" | "us-ascii"))
    {
        return Err(Error::from(Code::UnsupportedMediaType));
    }
    let starts_like_json = body.trim_ascii_start().starts_with(b"{");
    match kind.trim().to_ascii_lowercase().as_str() {
        "application/json" => add_json(params, body),
        // What curl calls a form when it is given JSON and no type.
        "application/x-www-form-urlencoded"
            if starts_like_json && add_json(params, body).is_ok() =>
        {
            Ok(())
        }
        "application/x-www-form-urlencoded" => {
            params.add_form("form", body);
            Ok(())
        }
        // A client that says nothing is taken at its first letter.
        "" if starts_like_json => add_json(params, body),
        _ => Err(Code::UnsupportedMediaType.into()),
    }
}

fn add_json(params: &mut Params, body: &[u8]) -> Result<(), Error> {
    let error = match serde_json::from_slice::<Option<Object>>(body) {
        Ok(object) => {
            if let Some(object) = object {
                params.add_json(object);
            }
            return Ok(());
        }
        Err(error) if error.is_data() => return Err(Code::JsonNotObject.into()),
        Err(error) => error,
    };
    // The vendor's sample counts characters where bytes are meant, so what follows may be the rest of this body.
    let detail = format!("line {}, column {}", error.line(), error.column());
    Err(Error::from(Fault::new(Code::MalformedJson).with("detail", detail)).closing())
}
