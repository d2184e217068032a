//! TLS in the process, certificates that change, and HTTP/2 with and without TLS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use rozmowa::http::Code;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{Answer, PATIENCE, Wire, basic, get, post};
use crate::server::{Plan, START, Server};
use crate::store::Engine;

struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

impl Pair {
    fn in_folder(folder: &Path) -> Self {
        Self { certificate: folder.join("server.pem"), key: folder.join("server.key") }
    }

    /// Puts a new pair in the place of the old and returns the certificate.
    fn renew(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&self.certificate, made.cert.pem()).unwrap();
        std::fs::write(&self.key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }
}

async fn with_tls() -> (Server, SocketAddr, Pair, CertificateDer<'static>) {
    let plan = Plan::on(Engine::Sqlite);
    let pair = Pair::in_folder(plan.folder());
    let certificate = pair.renew();
    let lines = format!(
        "tls.listen = \"127.0.0.1:0\"\ntls.certificate = \"{}\"\ntls.key = \"{}\"",
        pair.certificate.display(),
        pair.key.display()
    );
    let server = plan.configured(&lines).start().await;
    let address = server.running.as_ref().unwrap().tls_listen.unwrap();
    (server, address, pair, certificate)
}

/// Shakes hands, trusting one certificate alone.
async fn shake_hands(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// One call over HTTP/2; several in turn over one connection would do as well.
async fn over_http2<S>(stream: S, requests: &[Request<()>], bodies: &[&[u8]]) -> Vec<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = h2::client::handshake(stream).await.expect("it speaks HTTP/2");
    tokio::spawn(connection);
    let mut answers = Vec::new();
    for (request, body) in requests.iter().zip(bodies) {
        sender = sender.ready().await.expect("it takes a request");
        let (answer, mut to) = sender.send_request(request.clone(), body.is_empty()).unwrap();
        if !body.is_empty() {
            to.send_data(body.to_vec().into(), true).unwrap();
        }
        let answer = timeout(PATIENCE, answer).await.expect("an answer").expect("no reset");
        let (parts, mut from) = answer.into_parts();
        let mut body = Vec::new();
        while let Some(data) = from.data().await {
            let data = data.expect("the body comes whole");
            let _ = from.flow_control().release_capacity(data.len());
            body.extend_from_slice(&data);
        }
        answers.push(Answer { status: parts.status.as_u16(), headers: parts.headers, body });
    }
    answers
}

fn request(method: &str, path: &str, scheme: &str) -> Request<()> {
    Request::builder()
        .method(method)
        .uri(format!("{scheme}://localhost{path}"))
        .header("authorization", basic("api_user", "api_pass"))
        .header("content-type", "application/json")
        .body(())
        .unwrap()
}

fn speaks_the_contract(answers: &[Answer]) {
    let [started, cut, unknown, list] = answers else { panic!("{} answers", answers.len()) };
    let id = crate::server::started(started);
    cut.clone().expect_fault(Code::MalformedJson);
    unknown.clone().expect_fault(Code::UnknownPath);
    assert_eq!(crate::server::ids(&list.clone().expect(200).json()), [id]);
}

fn calls(scheme: &str) -> ([Request<()>; 4], [&'static [u8]; 4]) {
    (
        [
            request("POST", START, scheme),
            request("POST", START, scheme),
            request("GET", "/api/nothing", scheme),
            request("GET", "/api/chats", scheme),
        ],
        [b"{\"chat_queue_id\": 3}", b"{\"chat_queue_id\": ", b"", b""],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn https_serves_what_http_serves() {
    let (server, address, _, certificate) = with_tls().await;
    for protocols in [&["http/1.1"][..], &[]] {
        let stream = shake_hands(address, &certificate, protocols).await.expect("hands are shaken");
        let mut wire = Wire::over(stream);
        wire.call(&post(START).query(&[("chat_queue_id", "3")])).await.expect(200);
        wire.call(&get("/api/chats")).await.expect(200);
    }
    server.call(get("/api/chats")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_spoken_over_tls() {
    let (_server, address, _, certificate) = with_tls().await;
    let protocols = ["h2", "http/1.1"];
    let stream = shake_hands(address, &certificate, &protocols).await.expect("hands are shaken");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (requests, bodies) = calls("https");
    speaks_the_contract(&over_http2(stream, &requests, &bodies).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_spoken_without_tls_too() {
    let server = Server::on(Engine::Sqlite).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (requests, bodies) = calls("http");
    speaks_the_contract(&over_http2(stream, &requests, &bodies).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_answers_are_finished_when_the_server_stops() {
    let mut server = Server::on(Engine::Sqlite).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    let (answer, mut to) = sender.send_request(request("POST", START, "http"), false).unwrap();
    to.send_data(b"{\"chat_queue_id\"".as_slice().into(), false).unwrap();
    // What comes after on the same connection tells that the first one was accepted.
    let (live, _) = sender.send_request(request("GET", "/health/live", "http"), true).unwrap();
    assert_eq!(live.await.unwrap().status(), 200);
    let stop = tokio::spawn(server.running.take().unwrap().stop());
    to.send_data(b": 3}".as_slice().into(), true).unwrap();
    assert_eq!(timeout(PATIENCE, answer).await.unwrap().unwrap().status(), 200);
    timeout(PATIENCE, stop).await.expect("it stops").unwrap();
    let _ = timeout(PATIENCE, connection).await.expect("the connection ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_taken_up_while_connections_go_on() {
    let (_server, address, pair, old) = with_tls().await;
    let mut wire = Wire::over(shake_hands(address, &old, &[]).await.expect("the first one fits"));
    wire.call(&get("/health/live")).await.expect(200);
    let new = pair.renew();
    let taken_up = async {
        // Each look is a handshake, so this does not spin.
        while shake_hands(address, &new, &[]).await.is_err() {}
    };
    timeout(Duration::from_secs(15), taken_up).await.expect("the new one is taken up in seconds");
    assert!(shake_hands(address, &old, &[]).await.is_err(), "the old one is gone");
    wire.call(&get("/health/live")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_certificate_and_key_do_not_fit_the_old_pair_stays() {
    let (_server, address, pair, old) = with_tls().await;
    let key = std::fs::read(&pair.key).unwrap();
    let half_renewed = pair.renew();
    std::fs::write(&pair.key, key).unwrap();
    let mut looks = tokio::time::interval(Duration::from_millis(500));
    for _ in 0..8 {
        looks.tick().await;
        shake_hands(address, &old, &[]).await.expect("the old pair stays");
        assert!(shake_hands(address, &half_renewed, &[]).await.is_err());
    }
    let new = pair.renew();
    let taken_up = async { while shake_hands(address, &new, &[]).await.is_err() {} };
    timeout(Duration::from_secs(15), taken_up).await.expect("the whole pair is taken up");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_finish_the_handshake_is_cut() {
    let plan = Plan::on(Engine::Sqlite).configured("limits.head_seconds = 1");
    let pair = Pair::in_folder(plan.folder());
    let certificate = pair.renew();
    let lines = format!(
        "tls.listen = \"127.0.0.1:0\"\ntls.certificate = \"{}\"\ntls.key = \"{}\"",
        pair.certificate.display(),
        pair.key.display()
    );
    let server = plan.configured(&lines).start().await;
    let address = server.running.as_ref().unwrap().tls_listen.unwrap();
    let mut silent = Wire::open(address).await;
    let mut half = Wire::open(address).await;
    half.send(b"\x16\x03\x01\x02\x00\x01").await;
    // Hands are shaken, HTTP/2 is agreed on, and then nothing.
    let agreed = shake_hands(address, &certificate, &["h2"]).await.expect("hands are shaken");
    let mut agreed = Wire::over(agreed);
    for (what, end) in [("silent", silent.end()), ("half", half.end())] {
        assert!(timeout(Duration::from_secs(4), end).await.is_ok(), "{what}");
    }
    assert!(
        timeout(Duration::from_secs(4), agreed.end()).await.is_ok(),
        "nothing after the handshake"
    );
}
