//! A real mail server on loopback, and what has arrived at it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::client::PATIENCE;
use crate::server::PASSWORD;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/behaviour/mailbox.py");

/// Ends when this is dropped, and with this process however it ends.
pub struct Mailbox {
    pub port: u16,
    child: Child,
    input: Option<ChildStdin>,
    arrived: Arc<Mutex<Vec<Mail>>>,
    count: watch::Receiver<usize>,
}

/// An e-mail as another implementation reads it.
#[derive(Debug, Clone)]
pub struct Mail(pub Value);

impl Mail {
    pub fn header(&self, name: &str) -> &str {
        let headers = self.0["headers"].as_array().expect("a list");
        let found: Vec<_> = headers.iter().filter(|header| header[0] == name).collect();
        assert!(found.len() == 1, "{name}: {headers:?}");
        found[0][1].as_str().expect("a text")
    }

    pub fn plain(&self) -> &str {
        self.0["plain"].as_str().expect("a text")
    }

    pub fn html(&self) -> &str {
        self.0["html"].as_str().expect("a text")
    }

    pub fn to(&self) -> &str {
        let to = self.0["to"].as_array().expect("a list");
        assert_eq!(to.len(), 1);
        to[0].as_str().expect("a text")
    }

    /// What the link in it ends with.
    pub fn secret(&self) -> &str {
        let link = self.plain().lines().find(|line| line.starts_with("https://"));
        let (_, secret) = link.expect("a link").rsplit_once(['/', '#']).expect("a path");
        secret
    }
}

impl Mailbox {
    pub async fn start() -> Self {
        Self::start_with(&["0"]).await
    }

    /// Where one was before.
    pub async fn start_at(port: u16) -> Self {
        Self::start_with(&[&port.to_string()]).await
    }

    /// One that takes e-mail over TLS alone, and from a user alone.
    pub async fn strict(encryption: &str, certificate: &Path, key: &Path, user: &str) -> Self {
        let [certificate, key] = [certificate, key].map(|path| path.to_str().expect("UTF-8"));
        Self::start_with(&["0", encryption, certificate, key, user, PASSWORD]).await
    }

    async fn start_with(arguments: &[&str]) -> Self {
        let child = Command::new("/usr/bin/python3")
            .arg(PROGRAM)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It tells of every handshake that fails.
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.expect("there is Debian's python3");
        let input = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let first = tokio::task::spawn_blocking(move || (lines.next(), lines));
        let (first, lines) = first.await.expect("nothing panics");
        let port = first.and_then(Result::ok).and_then(|line| line.parse().ok());
        let port = port.expect("the mail server starts: scripts/need python3-aiosmtpd installs it");
        let arrived = Arc::default();
        let (counted, count) = watch::channel(0);
        let taken: Arc<Mutex<Vec<Mail>>> = Arc::clone(&arrived);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let said: Value = serde_json::from_str(&line).expect("it says JSON");
                if said.is_object() {
                    taken.lock().unwrap_or_else(PoisonError::into_inner).push(Mail(said));
                }
                counted.send_modify(|count| *count += 1);
            }
        });
        Self { port, child, input, arrived, count }
    }

    /// Lines of a configuration that sends e-mail here.
    pub fn configuration(&self) -> String {
        configuration(self.port)
    }

    /// The next recipients are answered so.
    pub async fn answer(&mut self, answers: &[&str]) {
        let mut count = self.count.clone();
        for answer in answers {
            let before = *count.borrow_and_update();
            let input = self.input.as_mut().expect("it runs");
            writeln!(input, "{answer}").expect("it listens");
            timeout(PATIENCE, count.wait_for(|count| *count > before))
                .await
                .expect("it has noted it")
                .expect("it runs");
        }
    }

    pub fn arrived(&self) -> Vec<Mail> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many have come.
    pub async fn expect(&self, count: usize) -> Vec<Mail> {
        let enough = self.count.clone();
        let come = async {
            let mut enough = enough;
            while self.arrived().len() < count {
                enough.changed().await.expect("it runs");
            }
        };
        let come = timeout(PATIENCE, come).await;
        let all = self.arrived();
        let texts: Vec<_> = all.iter().map(Mail::plain).collect();
        assert!(come.is_ok() && all.len() == count, "{} of {count}: {texts:#?}", all.len());
        all
    }
}

pub fn configuration(port: u16) -> String {
    format!(
        "public_url = \"https://chat.example.org\"\nsmtp.host = \"127.0.0.1\"\nsmtp.port = {port}\n\
         smtp.encryption = \"none\"\nsmtp.from = \"chat@example.org\"\nsmtp.from_name = \"Sklep Żółw\"\n\
         smtp.timeout_seconds = 20"
    )
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
