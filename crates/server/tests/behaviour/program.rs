//! The built program: a process of its own, with its real clock, its log and its end.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::client::{Answer, Request, Wire};
use crate::hooks::until;
use crate::server::PASSWORD;

/// The program on a data folder, and nothing of this process's configuration.
fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rozmowa"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROZMOWA_")) {
        command.env_remove(name);
    }
    command
        .env("ROZMOWA_WEBHOOKS_ALLOWED_NETWORKS", "127.0.0.0/8")
        .env("ROZMOWA_LISTEN", "127.0.0.1:0")
        .env("ROZMOWA_LOG_LEVEL", "debug")
        .arg("--data")
        .arg(folder);
    command
}

/// Runs a command of the command line, and gives what it says on both outputs.
pub fn run(folder: &Path, arguments: &[&str]) -> String {
    let password = folder.join("password");
    std::fs::write(&password, PASSWORD).expect("the folder can be written to");
    let input = File::open(&password).expect("it was just written");
    let output = command(folder).args(arguments).stdin(Stdio::from(input)).output();
    let output = output.expect("the program can be run");
    std::fs::remove_file(&password).expect("it is still there");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

/// A queue and an API user, as operators add them.
pub fn install(folder: &Path) {
    run(folder, &["queue", "add", "Sklep", "--id", "3"]);
    run(folder, &["api-user", "add", "api_user", "--methods", "*"]);
}

/// A server that is killed when this is dropped.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
}

impl Program {
    /// Its log goes to this file, after what is there.
    pub async fn serve(folder: &Path, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).expect("a log");
        let begin = usize::try_from(file.metadata().expect("its length").len()).expect("it fits");
        let child = command(folder).arg("serve").stdin(Stdio::null()).stderr(file).spawn();
        let mut child = child.expect("the program can be run");
        let address = until("the server to serve", async || {
            if let Some(status) = child.try_wait().expect("it can be asked") {
                panic!("{status}: {}", std::fs::read_to_string(log).unwrap_or_default());
            }
            let said = std::fs::read_to_string(log).expect("a log");
            said[begin..].lines().find_map(address)
        })
        .await;
        Self { child, address }
    }

    pub async fn call(&self, request: Request) -> Answer {
        Wire::open(self.address).await.call(&request).await
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where it listens, from the line that says so.
fn address(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    line["listen"].as_str()?.parse().ok()
}
