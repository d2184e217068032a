//! The reference as a page: in both languages, for browsers that have it already, and its examples, run as they stand there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;
use rozmowa::page;
use serde_json::{Value, json};

use crate::client::{Answer, Request, get, post, put};
use crate::hooks::until;
use crate::program::{Home, Program, install, run};
use crate::server::{PASSWORD, Plan, START, Server};
use crate::store::Engine;

/// What stands for a caller's own in the examples.
const CREDENTIALS: &str = "API_USER:PASSWORD";
const CONVERSATION: &str = "6ed7c941-2c8a-411e-95d2-338a9f64800a";
const BOT: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
const FILE_ID: &str = "b5b9a4de-7a1f-4c36-8e4a-9d3f6e1c2a70";
const DELIVERY: &str = "0197a2c4-5d1e-7b3a-9c41-2f60d8e7a913";
const FILE: &str = "faktura.pdf";
/// The number that things have in them.
const NUMBER: i64 = 5;
const CUSTOMER: i64 = 273;
const COMPANY: i64 = 12;
const FIELD: i64 = 7;
const ITEM: i64 = 38;
/// Fields of customers and of groups have numbers of one kind.
const FIELD_OF_GROUP: i64 = 9;

async fn fetch(server: &Server, path: &str) -> Answer {
    server.call(get(path).anonymous()).await
}

fn unescaped(html: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        .into_iter()
        .fold(html.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}

/// A method of the page.
#[derive(Debug, Clone)]
struct Told {
    id: String,
    /// `POST`.
    verb: String,
    /// `/api/chats/:id`.
    path: String,
    html: String,
}

impl Told {
    fn example(&self, tool: &str) -> String {
        let (_, rest) = self.html.split_once(&format!("data-tool=\"{tool}\"")).expect("an example");
        unescaped(between(rest, "<code>", "</code>").expect("its text"))
    }

    /// What it is said to answer when all is well.
    fn status(&self) -> u16 {
        let (_, rest) = self.html.split_once("class=\"shown\"").expect("examples and an answer");
        let status = between(rest, "<span class=\"status\">", "</span>").expect("a status");
        status.parse().expect("a number")
    }

    /// The codes of the method itself.
    fn codes(&self) -> Vec<u64> {
        let links = self.html.split("href=\"#code-").skip(1);
        links.map(|rest| rest[..6].parse().expect("six digits")).collect()
    }
}

fn methods(page: &str) -> Vec<Told> {
    let parts = page.split("<section class=\"method\" id=\"").skip(1);
    parts
        .map(|part| {
            let call = between(part, "<p class=\"call\">", "</p>").expect("a call");
            let path = between(call, "<code>", "</code>").expect("a path");
            let path =
                ["<wbr>", "<var>", "</var>"].iter().fold(path.to_owned(), |p, t| p.replace(t, ""));
            Told {
                id: part.split_once('"').expect("an id").0.to_owned(),
                verb: between(call, "\">", "</span>").expect("a verb").to_owned(),
                path,
                html: part.split_once("</section>").expect("an end").0.to_owned(),
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_has_its_place_in_both_languages() {
    let server = Server::on(Engine::Sqlite).await;
    if !page::is_built() {
        assert!(fetch(&server, "/reference").await.expect(503).text().contains("make web"));
        return;
    }
    let english = fetch(&server, "/reference").await.expect(200);
    let polish = fetch(&server, "/reference?lang=pl").await.expect(200);
    let mut known = rozmowa::router::method_names();
    known.sort_unstable();
    for (answer, language, title) in
        [(&english, "en", "Starts a conversation"), (&polish, "pl", "Rozpoczyna rozmowę")]
    {
        let text = answer.text();
        assert_eq!(answer.header("content-language"), Some(language));
        assert!(text.contains(&format!("<html lang=\"{language}\">")) && text.contains(title));
        let methods = methods(&text);
        let mut told: Vec<_> = methods
            .iter()
            .map(|it| format!("{} {}", it.verb, it.path.trim_start_matches("/api/")))
            .collect();
        told.sort_unstable();
        assert_eq!(told, known);
        for method in &methods {
            assert!(
                text.contains(&format!("href=\"#{}\"", method.id)),
                "{} is linked to",
                method.id
            );
            for code in method.codes() {
                assert!(text.contains(&format!("id=\"code-{code}\"")), "{code} is told");
            }
        }
        for placeholder in ["__BODY__", "__TITLE__", "__LANGUAGE__", "subject_", "kind_", "place_"]
        {
            assert!(!text.contains(placeholder), "{placeholder}");
        }
        assert!(text.contains("<h2><a href=\"#subject-conversations\">"));
    }
    // What a method says of its parameters is Polish on the Polish page.
    let text = polish.text();
    assert!(text.contains("Imię klienta.") && !text.contains("The client&#39;s first name."));
    let english = text.split("<span lang=\"en\">").skip(1).filter_map(|it| it.split('<').next());
    assert_eq!(english.collect::<Vec<_>>(), [""; 0], "left in English");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_language_is_the_one_asked_for_else_the_better_liked() {
    if !page::is_built() {
        return;
    }
    let server = Server::on(Engine::Sqlite).await;
    let language = async |path: &str, request: fn(Request) -> Request| {
        let answer = server.call(request(get(path).anonymous())).await.expect(200);
        answer.header("content-language").expect("a language").to_owned()
    };
    assert_eq!(language("/reference", |it| it).await, "en");
    assert_eq!(language("/reference", Request::in_polish).await, "pl");
    assert_eq!(language("/reference?lang=en", Request::in_polish).await, "en");
    assert_eq!(language("/reference?lang=pl", |it| it).await, "pl");
    assert_eq!(language("/reference?lang=de", Request::in_polish).await, "pl");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_light_and_whoever_has_it_is_not_sent_it_again() {
    if !page::is_built() {
        return;
    }
    let plan = Plan::on(Engine::Sqlite).configured("public_url = \"https://chat.example.org/\"");
    let server = plan.start().await;
    let packed = get("/reference").anonymous().header("Accept-Encoding", "gzip");
    let answer = server.call(packed.clone()).await.expect(200);
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert!(answer.body.len() < 150_000, "{} bytes", answer.body.len());
    let unpacked = fetch(&server, "/reference").await.expect(200);
    let text = std::io::read_to_string(GzDecoder::new(&answer.body[..])).expect("gzip");
    assert!(unpacked.text() == text && unpacked.header("content-encoding").is_none());
    // It calls the address at which the installation is found.
    assert!(text.contains("https://chat.example.org/api/chat_conversations/start"));
    assert!(!text.contains("example.org//"));
    for (name, value) in [
        ("cache-control", "no-cache"),
        ("vary", "accept-encoding, accept-language"),
        ("referrer-policy", "no-referrer"),
        ("content-type", "text/html; charset=utf-8"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!text.contains("<style") && !text.contains(" style=") && !text.contains("onclick"));
    let scripts = text.matches("<script").count();
    assert_eq!((scripts, text.matches("src=\"/assets/reference-").count()), (1, 1));
    let tag = answer.header("etag").expect("a tag");
    let again = server.call(packed.clone().header("If-None-Match", tag)).await.expect(304);
    assert_eq!((&*again.text(), again.header("etag")), ("", Some(tag)));
    let polish = server.call(packed.in_polish().header("If-None-Match", tag)).await.expect(200);
    assert_ne!(polish.header("etag"), Some(tag));
    let decisions = fetch(&server, "/reference/decisions.md").await.expect(200);
    assert_eq!(decisions.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(decisions.text().starts_with("# The API") && decisions.header("etag").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_method_refuses_is_among_the_codes_that_it_lists() {
    if !page::is_built() {
        return;
    }
    let server = Server::on(Engine::Sqlite).await;
    let page = fetch(&server, "/reference").await.expect(200).text();
    let of_all = between(&page, "<section id=\"errors\">", "</section>").expect("a section");
    let of_all: Vec<u64> =
        of_all.split("href=\"#code-").skip(1).map(|it| it[..6].parse().expect("digits")).collect();
    let id = server.start(&[]).await;
    let mut unlisted = Vec::new();
    for method in methods(&page) {
        let listed = [method.codes(), of_all.clone()].concat();
        let verb = ["GET", "POST", "PUT", "DELETE"].into_iter().find(|it| *it == method.verb);
        let verb = verb.expect("a known verb");
        let names: Vec<_> = between(&method.html, "class=\"members\"", "</dl>")
            .into_iter()
            .flat_map(|members| members.split("<dt><code>").skip(1))
            .filter_map(|it| it.split_once("</code>").map(|(name, _)| name.replace("<wbr>", "")))
            .filter(|name| !method.path.contains(&format!(":{name}")))
            .collect();
        let path = method.path.replace(":participant", "both").replace(":login", "jkowalski");
        // As it should not be called: of things that nobody knows, and of one that is there.
        let odd_ones = [
            ("99", json!("\u{1}")),
            (&*id, json!("x".repeat(20_000))),
            (&*id, json!(" ")),
            ("3", json!([["a"]])),
            (&*id, json!({"a": 1})),
        ];
        for (at, (id, odd)) in odd_ones.into_iter().enumerate() {
            let path = path.replace(":file_id", id).replace(":id", id);
            let all = names.iter().map(|name| {
                (
                    name.trim_end_matches("[]").split(['.', '[']).next().unwrap().to_owned(),
                    odd.clone(),
                )
            });
            let request = Request::new(verb, path);
            let request = match verb {
                // A stream that is not refused has no end.
                "GET" if method.id.starts_with("stream_") && odd == json!(" ") => continue,
                "GET" | "DELETE" => {
                    let value = odd.as_str().unwrap_or("-").chars().take(300).collect::<String>();
                    let pairs: Vec<_> =
                        names.iter().map(|name| (name.trim_end_matches("[]"), &*value)).collect();
                    if pairs.is_empty() {
                        continue;
                    }
                    request.query(&pairs)
                }
                _ => request.json(&Value::Object(all.collect())),
            };
            let request = request.key(&format!("{}-{at}", method.id));
            let answer = server.call(request).await;
            if answer.status < 400 {
                continue;
            }
            for (code, message) in answer.faults() {
                if !listed.contains(&u64::from(code)) {
                    unlisted.push(format!("{}: {code} {message} ({odd:.20})", method.id));
                }
            }
        }
    }
    assert!(unlisted.is_empty(), "{unlisted:#?}");
}

/// A server with what the examples speak of.
struct Scene {
    program: Program,
    folder: PathBuf,
    home: Home,
}

impl Scene {
    async fn set(folder: &Path) -> Self {
        let home = Home::make(Engine::Sqlite, folder.join("data")).await;
        install(&home);
        run(&home, &["queue", "add", "Hurt", "--id", "7"]);
        let program = Program::serve(&home, &folder.join("log")).await;
        std::fs::write(folder.join(FILE), "%PDF-1.7 faktura").expect("a file can be written");
        Self { program, folder: folder.to_owned(), home }
    }

    async fn call(&self, request: Request) -> Value {
        let answer = self.program.call(request).await.expect(200);
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// Agents, a bot, and as many of what is numbered as it takes.
    async fn furnish(&self) {
        for login in ["jkowalski", "anowak"] {
            // The first is there since the example that adds one.
            if login == "anowak" {
                let agent = json!({"name": "Anna", "surname": "Nowak", "login": login, "password": PASSWORD});
                self.call(post("/api/agents").json(&agent)).await;
            }
            self.call(put(format!("/api/agents/{login}")).json(&json!({"capacity": 1000}))).await;
        }
        let bot = json!({"name": "Bot", "external_chatbot_id": BOT});
        self.call(post("/api/bots").json(&bot)).await;
        let hook = json!({"actions": ["CHAT_CONVERSATION_CREATED"], "subscription_url": "http://127.0.0.1:9/"});
        while self.call(post("/api/webhooks").json(&hook)).await["id"] != NUMBER {}
        for pause in 1..=NUMBER {
            self.call(post("/api/pauses").json(&json!({"name": format!("Przerwa {pause}")}))).await;
        }
        self.furnish_crm().await;
    }

    /// As many of each as its number in the examples says.
    async fn furnish_crm(&self) {
        let many = |count: i64, of: &str| -> Vec<_> {
            (1..=count).map(|at| json!({of: format!("Przykład {at}")})).collect()
        };
        let companies = json!({"companies": many(COMPANY, "name")});
        self.call(post("/api/batch/companies").json(&companies)).await;
        let customers = json!({"customers": many(CUSTOMER, "surname")});
        self.call(post("/api/batch/customers").json(&customers)).await;
        for field in many(FIELD, "name") {
            self.call(post("/api/custom_fields").json(&field)).await;
        }
        for group in many(NUMBER, "name") {
            self.call(post("/api/customer_field_groups").json(&group)).await;
        }
        let group = post("/api/customer_field_groups/2/fields");
        for at in 1..=FIELD_OF_GROUP {
            self.call(group.clone().json(&json!({"name": format!("Pole {at}")}))).await;
        }
        let item = json!({"group_id": 2, "customer_id": 1, "values": []});
        for _ in 0..ITEM {
            self.call(post("/api/customer_field_group_items").json(&item)).await;
        }
    }

    /// An example with this caller's own values in it, each of which is there and as the method needs it.
    async fn prepared(&self, method: &Told, example: &str) -> String {
        let mut example = example
            .replace("http://127.0.0.1:0/", &format!("http://{}/", self.program.address))
            .replace(CREDENTIALS, &format!("api_user:{PASSWORD}"));
        if method.id != "add_agent" {
            for login in ["jkowalski", "anowak"] {
                self.call(post(format!("/api/agents/{login}/login"))).await;
            }
        }
        if example.contains(CONVERSATION) {
            let started = self.call(post(START).query(&[("chat_queue_id", "7")])).await;
            let id = started["conversation_id"].as_str().expect("an id").to_owned();
            if method.id == "hand_over_conversation" {
                let path = format!("/api/chat_conversations/{id}/assign_bot");
                self.call(post(path).json(&json!({"external_chatbot_id": BOT}))).await;
            }
            if example.contains(FILE_ID) {
                let path = format!("/api/chat_conversations/{id}/files?name=a.pdf");
                let upload = post(path).body("application/octet-stream", "%PDF-1.7");
                let file = self.call(upload).await;
                example = example.replace(FILE_ID, file["file_id"].as_str().expect("an id"));
            }
            example = example.replace(CONVERSATION, &id);
        }
        if example.contains(DELIVERY) {
            example = example.replace(DELIVERY, &self.delivery().await);
        }
        example
    }

    /// One that was tried: the log knows no other.
    async fn delivery(&self) -> String {
        self.call(post(START).query(&[("chat_queue_id", "7")])).await;
        until("an attempt", async || {
            let log = self.call(get(format!("/api/webhooks/{NUMBER}/attempts"))).await;
            let attempts = log["result"].as_array().expect("a list");
            let of_chat = attempts.iter().find(|it| it["action"] == "CHAT_CONVERSATION_CREATED")?;
            of_chat["delivery_id"].as_str().map(str::to_owned)
        })
        .await
    }

    /// Runs it, and gives the status that the server answered; a stream is ended as soon as that is known.
    async fn status(&self, tool: &str, example: &str, is_stream: bool) -> Result<u16, String> {
        let (out, head) = (self.folder.join("out"), self.folder.join("head"));
        std::fs::write(&head, "").expect("a file can be written");
        // What curl was answered is kept beside what it shows.
        std::fs::write(self.folder.join(".curlrc"), "silent\ndump-header = head\n")
            .expect("so can this");
        let mut command = match tool {
            "curl" => Command::new("sh"),
            _ => Command::new("python3"),
        };
        let file = std::fs::File::create(&out).expect("a file can be written");
        let errors = file.try_clone().expect("it has two names");
        command
            .args(if tool == "curl" { ["-c"].as_slice() } else { &["-u", "-c"] })
            .arg(example)
            .current_dir(&self.folder)
            .env("CURL_HOME", &self.folder)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors);
        let mut child = command.spawn().expect("curl and Python are there");
        let told = if tool == "curl" { &head } else { &out };
        let read = || {
            let text = std::fs::read_to_string(told).unwrap_or_default();
            let line = text.lines().next()?.to_owned();
            let word = if tool == "curl" { line.split(' ').nth(1) } else { line.split(' ').next() };
            word.and_then(|word| word.parse().ok())
        };
        let ended = until("the example to end", async || {
            if is_stream && read().is_some() {
                child.kill().expect("it can be ended");
            }
            child.try_wait().expect("it can be asked")
        })
        .await;
        let said = || std::fs::read_to_string(&out).unwrap_or_default();
        if !is_stream && !ended.success() {
            return Err(said());
        }
        read().ok_or_else(said)
    }
}

/// In an order that a caller could take: what adds comes first, what deletes last.
fn in_order(mut methods: Vec<Told>) -> Vec<Told> {
    methods.sort_by_key(|method| match &*method.verb {
        _ if method.id == "add_agent" => 0,
        "DELETE" => 2,
        _ => 1,
    });
    methods
}

async fn run_all(tool: &str) {
    if !page::is_built() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let scene = Scene::set(folder.path()).await;
    let page = scene.program.call(get("/reference").anonymous()).await.expect(200).text();
    let mut faults = Vec::new();
    for method in in_order(methods(&page)) {
        let example = scene.prepared(&method, &method.example(tool)).await;
        let status = scene.status(tool, &example, method.id.starts_with("stream_")).await;
        if status != Ok(method.status()) {
            faults.push(format!("{}: {status:?}\n{example}", method.id));
        }
        match &*method.id {
            "add_agent" => scene.furnish().await,
            // As it was, for those that follow.
            "change_chat_queue" => {
                scene.call(put("/api/chats/queues/3").json(&json!({"agent_capacity": ""}))).await;
            }
            _ => {}
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(scene.home.folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_for_curl_do_what_they_show() {
    run_all("curl").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_for_python_do_what_they_show() {
    run_all("python").await;
}
