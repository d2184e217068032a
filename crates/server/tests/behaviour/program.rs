//! The built program: a process of its own, with its real clock, its log and its end.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::client::{Answer, Request, Wire};
use crate::hooks::until;
use crate::server::PASSWORD;
use crate::store::{Engine, Store};

/// What a program has across its lives: its data folder, and its database.
pub struct Home {
    pub folder: PathBuf,
    store: Store,
}

impl Home {
    /// In a folder that is not there yet.
    pub async fn make(engine: Engine, folder: PathBuf) -> Self {
        std::fs::create_dir(&folder).expect("a folder can be made");
        let data = folder.clone();
        let made = tokio::task::spawn_blocking(move || Store::make(engine, &data));
        Self { folder, store: made.await.expect("nothing panics") }
    }
}

/// The program, and nothing of this process's configuration.
fn command(home: &Home) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rozmowa"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROZMOWA_")) {
        command.env_remove(name);
    }
    command
        .env("ROZMOWA_WEBHOOKS_ALLOWED_NETWORKS", "127.0.0.0/8")
        .env("ROZMOWA_LISTEN", "127.0.0.1:0")
        .env("ROZMOWA_LOG_LEVEL", "debug")
        .env("ROZMOWA_DATABASE", home.store.url())
        .arg("--data")
        .arg(&home.folder);
    command
}

/// Runs a command of the command line, and gives what it says on both outputs.
pub fn run(home: &Home, arguments: &[&str]) -> String {
    let password = home.folder.join("password");
    std::fs::write(&password, PASSWORD).expect("the folder can be written to");
    let input = File::open(&password).expect("it was just written");
    let output = command(home).args(arguments).stdin(Stdio::from(input)).output();
    let output = output.expect("the program can be run");
    std::fs::remove_file(&password).expect("it is still there");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

/// The same of a command that may refuse something: its code and what it says, in English.
pub fn attempt(home: &Home, arguments: &[&str]) -> (i32, String) {
    let output = begin(home, arguments).wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

/// A command that is under way.
pub fn begin(home: &Home, arguments: &[&str]) -> Child {
    let mut command = command(home);
    command.env("LC_ALL", "C").args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program can be run")
}

/// A queue and an API user, as operators add them.
pub fn install(home: &Home) {
    run(home, &["queue", "add", "Sklep", "--id", "3"]);
    run(home, &["api-user", "add", "api_user", "--methods", "*"]);
}

/// A server that is killed when this is dropped.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
}

impl Program {
    /// Its log goes to this file, after what is there.
    pub async fn serve(home: &Home, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).expect("a log");
        let begin = usize::try_from(file.metadata().expect("its length").len()).expect("it fits");
        let child = command(home).arg("serve").stdin(Stdio::null()).stderr(file).spawn();
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
