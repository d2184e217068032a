//! Passwords and signing secrets are told once and never found again.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postgres::{Client, NoTls};
use serde_json::{Value, json};

use crate::client::{Answer, Request, get, post};
use crate::hooks::{CREATED, put, server};
use crate::program::{Home, Program, install, run};
use crate::receiver::{Behaviour, Receiver};
use crate::server::Server;
use crate::store::{Engine, on_both_engines};

const FIRST: &str = "Tajne-haslo-pierwsze-417";
const SECOND: &str = "Tajne-haslo-drugie-9038";
const THIRD: &str = "Tajne-haslo-trzecie-5521";

/// What must not be found, with what it is.
struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    fn known() -> Self {
        let mut all = Self(Vec::new());
        for password in [FIRST, SECOND, THIRD] {
            all.hide(password, password.as_bytes());
            let credentials = STANDARD.encode(format!("user:{password}"));
            all.hide("credentials", credentials.as_bytes());
        }
        all
    }

    fn hide(&mut self, what: &str, bytes: &[u8]) {
        self.0.push((what.to_owned(), bytes.to_vec()));
    }

    /// The signing secret of an answer, as it stands there and as the bytes it means.
    fn hide_signing(&mut self, answer: &Value) {
        let secret = answer["signing_secret"].as_str().expect("a secret");
        let text = secret.strip_prefix("whsec_").expect("its beginning");
        self.hide("a signing secret", text.as_bytes());
        self.hide("a signing secret's bytes", &STANDARD.decode(text).expect("base64"));
    }

    #[track_caller]
    fn are_not_in(&self, place: &str, bytes: &[u8]) {
        for (what, secret) in &self.0 {
            let hex: String =
                secret.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            for spelling in [secret, hex.as_bytes()] {
                let is_there = bytes.windows(spelling.len()).any(|part| part == spelling);
                assert!(!is_there, "{what} is in {place}");
            }
        }
    }
}

/// Sets and changes secrets by every call that takes or makes one.
async fn fill(receiver: &Receiver, call: impl AsyncFn(Request) -> Answer) -> Secrets {
    let mut secrets = Secrets::known();
    let new = |password: &str| {
        json!({
            "actions": [CREATED], "subscription_url": receiver.url(), "signing": true,
            "http_auth_user": "user", "http_auth_password": password,
        })
    };
    let answer = call(post("/api/webhooks").json(&new(FIRST))).await.expect(200);
    secrets.hide_signing(&answer.json());
    let keyed = post("/api/webhooks").json(&new(SECOND)).key("add");
    let answer = call(keyed.clone()).await.expect(200);
    secrets.hide_signing(&answer.json());
    assert_eq!(call(keyed).await.expect(200).body, answer.body, "the stored answer");
    call(put(1, json!({ "http_auth_password": THIRD }))).await.expect(200);
    let rotate = post("/api/webhooks/1/rotate_secret").json(&json!({ "overlap_hours": 24 }));
    secrets.hide_signing(&call(rotate).await.expect(200).json());
    let keyed = post("/api/webhooks/2/rotate_secret").key("rotate");
    let answer = call(keyed.clone()).await.expect(200);
    secrets.hide_signing(&answer.json());
    assert_eq!(call(keyed).await.expect(200).body, answer.body, "the stored answer");
    call(put(2, json!({ "signing": false }))).await.expect(200);
    let answer = call(put(2, json!({ "signing": true }))).await.expect(200);
    secrets.hide_signing(&answer.json());
    // Attempts that succeed and fail, and calls that are refused.
    receiver.script([Behaviour::Answer(500), Behaviour::Answer(401), Behaviour::Close]);
    for _ in 0..3 {
        call(post(crate::server::START).query(&[("chat_queue_id", "3")])).await.expect(200);
    }
    receiver.expect(6).await;
    call(post("/api/webhooks/1/test")).await.expect(200);
    let wrong = json!({ "http_auth_password": THIRD, "http_auth_user": "a:b" });
    call(put(1, wrong.clone())).await.expect(400);
    call(post("/api/webhooks").json(&wrong)).await.expect(400);
    call(put(9, json!({ "http_auth_user": "user", "http_auth_password": THIRD })))
        .await
        .expect(404);
    secrets
}

async fn are_not_answered(secrets: &Secrets, call: impl AsyncFn(Request) -> Answer) {
    for target in [
        "/api/webhooks",
        "/api/webhooks?include_details=true",
        "/api/webhooks/1",
        "/api/webhooks/2",
        "/api/webhooks/1/attempts",
        "/api/webhooks/2/attempts",
        "/api/webhooks/1/pending",
        "/api/webhooks/2/pending",
    ] {
        secrets.are_not_in(target, &call(get(target)).await.expect(200).body);
    }
}

/// All files of a data folder but the one that is secret itself.
fn are_not_in_files(secrets: &Secrets, folder: &Path) {
    let (mut count, mut folders) = (0, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name != "secret.key") {
                let bytes = std::fs::read(&path).expect("a file");
                secrets.are_not_in(&path.display().to_string(), &bytes);
                count += 1;
            }
        }
    }
    assert!(count > 0, "there was nothing to look at");
}

/// All rows of all tables, as text; bytes in hexadecimal.
fn dump(database: &str) -> String {
    let mut client = Client::connect(database, NoTls).expect("PostgreSQL answers");
    let tables =
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
    let mut text = String::new();
    for table in client.query(tables, &[]).expect("the tables") {
        let table: String = table.get(0);
        let rows = format!("SELECT t::text FROM \"{table}\" t");
        for row in client.query(&rows, &[]).expect("the rows") {
            text.push_str(row.get(0));
            text.push('\n');
        }
    }
    text
}

async fn are_not_stored(secrets: Secrets, server: &Server, engine: Engine) {
    let (folder, database) = (server.folder().to_owned(), server.database().to_owned());
    let look = move || match engine {
        Engine::Sqlite => are_not_in_files(&secrets, &folder),
        Engine::Postgres => {
            let text = dump(&database);
            assert!(text.contains("webhook.rotate_secret"), "the audit log is in it");
            secrets.are_not_in("a table", text.as_bytes());
        }
    };
    if let Err(panicked) = tokio::task::spawn_blocking(look).await {
        std::panic::resume_unwind(panicked.into_panic());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_no_answer_and_nowhere_in_the_store() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let secrets = fill(&receiver, async |request| server.call(request).await).await;
        are_not_answered(&secrets, async |request| server.call(request).await).await;
        are_not_stored(secrets, &server, engine).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_no_log_no_output_and_no_file() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let home = Home::make(Engine::Sqlite, data.clone()).await;
    install(&home);
    let receiver = Receiver::start().await;
    let server = Program::serve(&home, &log).await;
    let secrets = fill(&receiver, async |request| server.call(request).await).await;
    are_not_answered(&secrets, async |request| server.call(request).await).await;
    let backup = folder.path().join("backup");
    let backup = backup.to_str().expect("UTF-8");
    for arguments in [
        &["config"][..],
        &["verify"],
        &["api-user", "list"],
        &["queue", "list"],
        &["agent", "list"],
        &["webhook", "list"],
        &["webhook", "attempts", "1"],
        &["audit", "--json"],
        &["setting", "list"],
        &["backup", backup],
        &["openapi"],
    ] {
        secrets.are_not_in(&format!("{arguments:?}"), run(&home, arguments).as_bytes());
    }
    server.kill();
    let said = std::fs::read(&log).expect("a log");
    assert!(String::from_utf8_lossy(&said).contains("a webhook was not delivered"));
    secrets.are_not_in("the log", &said);
    secrets.are_not_in("the backup", &std::fs::read(backup).expect("a backup"));
    are_not_in_files(&secrets, &data);
}
