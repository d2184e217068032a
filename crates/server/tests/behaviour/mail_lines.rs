//! Lines to mail servers that fail in every way, and those that are protected.

use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use rozmowa::mail::{Kind, outbox};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::hooks::{SECOND, until};
use crate::mail::put;
use crate::mail_unread::{JAN, MINUTE, number, settled};
use crate::mailbox::{Mailbox, configuration};
use crate::server::{PASSWORD, Plan, Server};
use crate::store::{Engine, on_both_engines};

/// What a mail server says on one connection: first unasked, then to each command, then to the whole text. When it has
/// said all, it hangs up.
type Script = &'static [&'static str];
/// Says nothing, and does not hang up either.
const SILENCE: &str = "";

const TAKES: Script =
    &["220 hi", "250 hi", "250 ok", "250 ok", "354 go on", "250 taken", "221 bye"];

/// A mail server that follows scripts, one a connection; the last one again and again.
struct Peer {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Peer {
    async fn start(scripts: &'static [Script]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let (all, mut task) = (Arc::clone(&heard), JoinSet::new());
        task.spawn(async move {
            let mut lines = JoinSet::new();
            for count in 0.. {
                let (stream, _) = listener.accept().await.expect("a connection");
                let script = scripts[usize::min(count, scripts.len() - 1)];
                lines.spawn(serve(stream, script, Arc::clone(&all)));
            }
        });
        Self { port, heard, _task: task }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many texts were given to it whole.
    fn texts(&self) -> usize {
        self.heard().iter().filter(|line| *line == ".").count()
    }
}

async fn serve(stream: TcpStream, script: Script, heard: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    let mut is_text = false;
    for (place, answer) in script.iter().enumerate() {
        if place > 0 && !hear(&mut stream, is_text, &heard).await {
            return;
        }
        if *answer == SILENCE {
            return std::future::pending().await;
        }
        is_text = answer.starts_with("354");
        if stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A command, or a text to its end; false when the line was cut before.
async fn hear(
    stream: &mut BufReader<TcpStream>,
    is_text: bool,
    heard: &Mutex<Vec<String>>,
) -> bool {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return false;
        }
        let line = line.trim_end().to_owned();
        let is_end = !is_text || line == ".";
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        if is_end {
            return true;
        }
    }
}

async fn server(engine: Engine, port: u16, lines: &str) -> Server {
    Plan::on(engine).configured(&configuration(port)).configured(lines).start().await
}

/// Waits until an attempt has failed, and gives why; and whether it is given up.
async fn failed(server: &Server) -> (String, bool) {
    until("a failure", async || {
        let shown = server.write(|tx| outbox::list(tx, 10)).await;
        let mail = shown.into_iter().find(|mail| mail.error.is_some())?;
        Some((mail.error.unwrap_or_default(), mail.given_up_at.is_some()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_mail_server_does_is_a_failure_that_is_told() {
    let cases: [(&'static [Script], &str, bool); 11] = [
        (&[&[]], "", false),
        (&[&["554 go away"]], "554", false),
        (&[&["220 hi"]], "", false),
        (&[&["what?"]], "", false),
        (&[&["220 hi", "502 what?"]], "502", false),
        (&[&["220 hi", "250 hi", "451 later"]], "451", false),
        (&[&["220 hi", "250 hi", "530 sign in first"]], "530", false),
        (&[&["220 hi", "250 hi", "550 not from you"]], "550", true),
        (&[&["220 hi", "250 hi", "250 ok", "550 nobody"]], "550", true),
        (&[&["220 hi", "250 hi", "250 ok", "250 ok", "354 go on", "552 too much"]], "552", true),
        (&[&["220 hi", "250 hi", "250 ok", "250 ok", "354 go on"]], "", false),
    ];
    for (scripts, error, is_given_up) in cases {
        let peer = Peer::start(scripts).await;
        let server = server(Engine::Sqlite, peer.port, "").await;
        let secret = put(&server, Kind::Invitation, "nowa@example.org", "anowak").await;
        let (told, given_up) = failed(&server).await;
        assert!(told.contains(error) && !told.contains(&secret), "{scripts:?}: {told}");
        assert_eq!(given_up, is_given_up, "{scripts:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_gives_nothing_up() {
    let scripts: &'static [Script] = &[&["220 hi", "250-hi\r\n250 AUTH PLAIN", "535 no"]];
    let peer = Peer::start(scripts).await;
    let lines = "smtp.user = \"chat\"\nsmtp.password = \"hunter2\"";
    let server = server(Engine::Sqlite, peer.port, lines).await;
    put(&server, Kind::Invitation, "nowa@example.org", "anowak").await;
    let (told, given_up) = failed(&server).await;
    assert!(told.contains("535") && !told.contains("hunter2") && !given_up, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_delays_no_other_and_is_cut() {
    on_both_engines(async |engine| {
        let peer = Peer::start(&[&["220 hi", SILENCE], TAKES]).await;
        let server = server(engine, peer.port, "").await;
        put(&server, Kind::Invitation, "nowa@example.org", "anowak").await;
        until("it to hang", async || (!peer.heard().is_empty()).then_some(())).await;
        for _ in 0..20 {
            put(&server, Kind::PasswordReset, "a@example.org", "anowak").await;
            put(&server, Kind::PasswordReset, "b@example.org", "anowak").await;
        }
        until("the others", async || (peer.texts() == 20).then_some(())).await;
    })
    .await;
    let peer = Peer::start(&[&["220 hi", SILENCE]]).await;
    let hasty = configuration(peer.port).replace("seconds = 20", "seconds = 1");
    let mut server = Plan::on(Engine::Sqlite).configured(&hasty).start().await;
    put(&server, Kind::Invitation, "nowa@example.org", "anowak").await;
    assert_eq!(failed(&server).await, ("no answer in 1 s".to_owned(), false));
    // A server that is told to stop waits for none that hangs.
    server.restart(&configuration(peer.port)).await;
    server.app.clock.advance(MINUTE);
    until("it to hang", async || (peer.heard().len() > 1).then_some(())).await;
    let began = Instant::now();
    server.running.take().expect("it runs").stop().await;
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_in_the_clear_when_protection_is_asked_for() {
    let peer = Peer::start(&[&["220 hi", "250-hi\r\n250 AUTH PLAIN LOGIN", "250 ok"]]).await;
    let lines = "smtp.user = \"chat\"\nsmtp.password = \"hunter2\"";
    let asked = configuration(peer.port).replace("\"none\"", "\"starttls\"");
    let server = Plan::on(Engine::Sqlite).configured(&asked).configured(lines).start().await;
    put(&server, Kind::Invitation, "nowa@example.org", "anowak").await;
    let (told, given_up) = failed(&server).await;
    assert!(told.contains("STARTTLS") && !given_up, "{told}");
    assert!(peer.heard().iter().all(|line| line.starts_with("EHLO") || line == "QUIT"));
}

/// Between sending and noting that it was sent, nobody can help it: it is sent once more, under the same id.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_while_it_sends_sends_it_once_more_at_most() {
    on_both_engines(async |engine| {
        let peer =
            Peer::start(&[&["220 hi", "250 hi", "250 ok", "250 ok", "354 go on", SILENCE], TAKES])
                .await;
        let mut server = server(engine, peer.port, "").await;
        server.running.take().expect("it runs").stop().await;
        let chat = {
            // A server whose tasks all end at once.
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            let dying = runtime.spawn(server.again(&configuration(peer.port))).await.unwrap();
            let address = dying.listen.expect("it listens");
            server.address = address;
            let chat = server.start(&[JAN]).await;
            server.reply(&chat, "jkowalski", "Halo?").await;
            server.app.clock.advance(5 * MINUTE);
            until("the whole text", async || (peer.texts() == 1).then_some(())).await;
            runtime.shutdown_background();
            chat
        };
        server.start_again(&configuration(peer.port)).await;
        assert_eq!(number(&server, "SELECT count(*) FROM mail").await, 1);
        // Not before the lease of the dead one is over.
        server.app.clock.advance(70 * SECOND);
        settled(&server).await;
        assert_eq!(peer.texts(), 1);
        server.app.clock.advance(20 * SECOND);
        until("it to be noted", async || {
            (number(&server, "SELECT count(*) FROM mail").await == 0).then_some(())
        })
        .await;
        server.app.clock.advance(60 * MINUTE);
        settled(&server).await;
        assert_eq!(peer.texts(), 2, "{chat}");
        let heard = peer.heard();
        let mut ids = heard.iter().filter(|line| line.starts_with("Message-ID: "));
        assert_eq!(ids.next().expect("the first"), ids.next().expect("the second"));
    })
    .await;
}

/// The program, as an operator tries e-mail out.
fn test_mail(folder: &TempDir, configuration: &str) -> Output {
    let (file, authority) = (folder.path().join("rozmowa.toml"), folder.path().join("cert.pem"));
    std::fs::write(&file, configuration).expect("the folder can be written to");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rozmowa"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROZMOWA_")) {
        command.env_remove(name);
    }
    let command = command.env("SSL_CERT_FILE", authority).stdin(Stdio::null());
    let command = command.args(["mail", "test", "jan@example.org", "--config"]).arg(&file);
    command.arg("--data").arg(folder.path()).output().expect("the program can be run")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_e_mail_travels_protected_and_signed_in() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = names.self_signed(&key).unwrap();
    let [certificate_file, key_file] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    std::fs::write(&certificate_file, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    for encryption in ["starttls", "tls"] {
        let mailbox = Mailbox::strict(encryption, &certificate_file, &key_file, "chat").await;
        let good = mailbox.configuration().replace("127.0.0.1", "localhost")
            + &format!("\nsmtp.user = \"chat\"\nsmtp.password = \"{PASSWORD}\"");
        let good = good.replace("\"none\"", &format!("\"{encryption}\""));
        let output = test_mail(&folder, &good);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("has taken it"), "{encryption}: {output:?}");
        let mail = mailbox.expect(1).await.remove(0);
        assert_eq!((mail.to(), mail.0["user"].as_str()), ("jan@example.org", Some("chat")));
        assert_eq!(mail.header("Subject"), "Próba");
        // A name that is not the certificate's, a wrong password, and no certificate at all.
        let other = ["localhost\"", "127.0.0.1\"", "certificate"];
        let wrong = [PASSWORD, "wrong", "535"];
        for [from, to, told] in [other, wrong] {
            let output = test_mail(&folder, &good.replace(from, to));
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && said.contains(told), "{encryption}: {said}");
        }
        mailbox.expect(1).await;
    }
    let output = test_mail(&folder, "");
    assert!(String::from_utf8_lossy(&output.stderr).contains("smtp.host is not set"));
}
