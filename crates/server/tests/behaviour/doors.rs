//! Every method of every door for every kind of caller, with all that they have to show.

use std::collections::{BTreeMap, BTreeSet};

use rozmowa::agent::Role;
use rozmowa::http::Code;
use rozmowa::{page, router};
use rozmowa_load::socket::{Closed, Refused};
use serde_json::json;

use crate::browser;
use crate::client::{Request, get};
use crate::people::{agent_socket, cookie_of, member, soon, visitor_socket};
use crate::server::{PASSWORD, Plan, Server};
use crate::store::{Engine, on_both_engines};
use crate::visitors::{AtConsole, Visitor, somebody, with_link};

/// A method, and what is answered to nobody, to an API user, to an agent, a supervisor and an administrator, to the visitor
/// of the conversation it is about, and to the visitor of another one. The conversation is of a queue that none of the agents
/// answers. Other than 401 and 403, an answer says that the caller was let in.
type Line = (&'static str, [u16; 7]);

const fn anybody(status: u16) -> [u16; 7] {
    [status; 7]
}

const fn programs(status: u16) -> [u16; 7] {
    [401, status, 401, 401, 401, 401, 401]
}

const fn agents([agent, supervisor, administrator]: [u16; 3]) -> [u16; 7] {
    [401, 401, agent, supervisor, administrator, 401, 401]
}

/// A visitor's token says which conversation is meant: another visitor sees another one.
const fn visitors([this, other]: [u16; 2]) -> [u16; 7] {
    [401, 401, 401, 401, 401, this, other]
}

const TABLE: &[Line] = &[
    // For anybody.
    ("GET /", anybody(200)),
    ("GET /health/live", anybody(200)),
    ("GET /health/ready", anybody(200)),
    ("GET openapi.json", anybody(200)),
    ("GET /console", anybody(302)),
    ("GET /console/", anybody(200)),
    ("GET /console/welcome", anybody(200)),
    ("GET /console/password", anybody(200)),
    ("GET /console/sw.js", anybody(200)),
    ("GET /console/manifest.webmanifest", anybody(200)),
    ("GET /console/icons/:name", anybody(404)),
    ("GET /widget.js", anybody(200)),
    ("GET /chat/:queues", anybody(404)),
    ("GET /c/:token", anybody(200)),
    ("GET /assets/:name", anybody(404)),
    ("GET /demo/:name", anybody(404)),
    ("GET /reference", anybody(200)),
    ("GET /reference/decisions.md", anybody(200)),
    ("GET /favicon.ico", anybody(200)),
    ("GET /favicon.svg", anybody(200)),
    // The API: agents.
    ("GET agents", programs(200)),
    ("POST agents", programs(400)),
    ("GET agents/:login", programs(200)),
    ("PUT agents/:login", programs(200)),
    ("GET agents/:login/status", programs(200)),
    ("POST agents/:login/login", programs(200)),
    ("POST agents/:login/pause", programs(200)),
    ("POST agents/:login/free", programs(200)),
    ("POST agents/:login/logout", programs(200)),
    ("GET pauses", programs(200)),
    ("POST pauses", programs(400)),
    ("PUT pauses/:id", programs(404)),
    // Conversations.
    ("POST chat_conversations/start", programs(400)),
    ("POST chat_conversations/:id/message", programs(200)),
    ("POST chat_conversations/:id/reply", programs(200)),
    ("POST chat_conversations/:id/note", programs(200)),
    ("POST chat_conversations/:id/assign", programs(200)),
    ("POST chat_conversations/:id/assign_bot", programs(400)),
    ("POST chat_conversations/:id/hand_over", programs(400)),
    ("POST chat_conversations/:id/transfer", programs(200)),
    ("POST chat_conversations/:id/rate", programs(200)),
    ("POST chat_conversations/:id/stop", programs(200)),
    ("POST chat_conversations/:id/close", programs(200)),
    ("POST chat_conversations/:id/reopen", programs(200)),
    ("POST chat_conversations/:id/files", programs(200)),
    ("GET chat_conversations/:id/files/:file_id", programs(200)),
    ("POST chat_conversations/:id/visitor_token", programs(200)),
    ("DELETE chat_conversations/:id/visitor_token", programs(200)),
    ("DELETE chat_conversations/content/:id/:participant", programs(200)),
    ("DELETE chat_conversations/:id", programs(200)),
    ("GET chats", programs(200)),
    ("GET chats/:id", programs(200)),
    ("GET chats/:id/events", programs(200)),
    ("GET chats/reports/summary", programs(400)),
    // The CRM.
    ("GET customers", programs(200)),
    ("POST customers", programs(400)),
    ("GET customers/:id", programs(404)),
    ("PUT customers/:id", programs(404)),
    ("DELETE customers/:id", programs(404)),
    ("GET companies", programs(200)),
    ("POST companies", programs(400)),
    ("GET companies/:id", programs(404)),
    ("PUT companies/:id", programs(404)),
    ("DELETE companies/:id", programs(404)),
    ("POST batch/customers", programs(400)),
    ("PUT batch/customers", programs(400)),
    ("POST batch/companies", programs(400)),
    ("PUT batch/companies", programs(400)),
    ("GET customer_field_groups", programs(200)),
    ("POST customer_field_groups", programs(400)),
    ("POST customer_field_groups/:id/fields", programs(400)),
    ("GET customer_field_group_items", programs(400)),
    ("POST customer_field_group_items", programs(400)),
    ("PUT customer_field_group_items/:id", programs(404)),
    ("DELETE customer_field_group_items/:id", programs(404)),
    ("GET customers/:id/feed_records", programs(404)),
    ("POST customers/:id/feed_records", programs(400)),
    ("GET custom_fields", programs(200)),
    ("POST custom_fields", programs(400)),
    ("PUT custom_fields/:id", programs(404)),
    ("GET persons/export", programs(400)),
    ("POST persons/erase", programs(400)),
    // Queues.
    ("GET chats/queues", programs(200)),
    ("POST chats/queues", programs(400)),
    ("GET chats/queues/:id", programs(200)),
    ("PUT chats/queues/:id", programs(200)),
    ("GET chats/queues/:id/events", programs(200)),
    ("GET chats/queues/:id/agents", programs(200)),
    ("PUT chats/queues/:id/agents/:login", programs(200)),
    ("DELETE chats/queues/:id/agents/:login", programs(200)),
    ("GET chats/routing", programs(200)),
    ("PUT chats/routing", programs(400)),
    // Bots, webhooks, and what was done.
    ("GET bots", programs(200)),
    ("POST bots", programs(400)),
    ("PUT bots/:id", programs(404)),
    ("DELETE bots/:id", programs(404)),
    ("GET webhooks", programs(200)),
    ("POST webhooks", programs(400)),
    ("GET webhooks/:id", programs(404)),
    ("PUT webhooks/:id", programs(404)),
    ("DELETE webhooks/:id", programs(404)),
    ("GET webhooks/:id/attempts", programs(404)),
    ("GET webhooks/:id/pending", programs(404)),
    ("POST webhooks/:id/recover", programs(400)),
    ("POST webhooks/:id/redeliver", programs(400)),
    ("POST webhooks/:id/rotate_secret", programs(404)),
    ("POST webhooks/:id/test", programs(404)),
    ("GET audit", programs(200)),
    // The console: signing in, and one's own account.
    ("POST /console/session", anybody(400)),
    ("GET /console/session", agents([200; 3])),
    ("DELETE /console/session", agents([200; 3])),
    ("GET /console/sessions", agents([200; 3])),
    ("DELETE /console/sessions", agents([200; 3])),
    ("DELETE /console/sessions/:session_id", agents([404; 3])),
    ("PUT /console/account", agents([200; 3])),
    ("PUT /console/account/password", agents([400; 3])),
    ("POST /console/account/second_factor", agents([400; 3])),
    ("PUT /console/account/second_factor", agents([400; 3])),
    ("POST /console/account/second_factor/remove", agents([400; 3])),
    ("POST /console/welcome", anybody(400)),
    ("POST /console/password_reset", anybody(400)),
    ("POST /console/password", anybody(400)),
    ("POST /console/password_link", anybody(400)),
    ("GET /console/socket", agents([101; 3])),
    // Agents.
    ("GET /console/agents", agents([200; 3])),
    ("POST /console/agents", agents([403, 403, 400])),
    ("GET /console/agents/:login", agents([403, 403, 200])),
    ("PUT /console/agents/:login", agents([403, 403, 200])),
    ("DELETE /console/agents/:login/sessions", agents([403, 403, 200])),
    // The administrator's own.
    ("DELETE /console/agents/:login/second_factor", agents([403, 403, 409])),
    ("POST /console/agents/:login/invitation", agents([403, 403, 200])),
    ("GET /console/agents/:login/duty", agents([403, 200, 200])),
    ("PUT /console/agents/:login/duty", agents([403, 400, 400])),
    ("GET /console/directory", agents([200; 3])),
    ("GET /console/settings/installation", agents([403, 403, 200])),
    ("PUT /console/settings/installation", agents([403, 403, 200])),
    ("GET /console/settings/mail", agents([403, 403, 200])),
    ("POST /console/settings/mail/test", agents([403, 403, 409])),
    ("GET /console/customers", agents([400; 3])),
    ("POST /console/customers", agents([400; 3])),
    ("GET /console/customers/:id", agents([404; 3])),
    ("PUT /console/customers/:id", agents([404; 3])),
    ("GET /console/customers/:id/feed_records", agents([404; 3])),
    ("GET /console/customers/:id/conversations", agents([404; 3])),
    ("GET /console/wall", agents([403, 200, 200])),
    ("GET /console/reports/summary", agents([403, 400, 400])),
    ("GET /console/duty", agents([200; 3])),
    ("PUT /console/duty", agents([400; 3])),
    // Conversations.
    ("GET /console/conversations", agents([400; 3])),
    ("GET /console/conversations/:id", agents([403, 200, 200])),
    ("GET /console/conversations/:id/events", agents([403, 200, 200])),
    ("GET /console/conversations/:id/lookup", agents([403, 200, 200])),
    ("POST /console/conversations/:id/customer", agents([403, 200, 200])),
    ("DELETE /console/conversations/:id/customer", agents([403, 200, 200])),
    ("POST /console/conversations/:id/reply", agents([403, 200, 200])),
    ("POST /console/conversations/:id/note", agents([403, 200, 200])),
    ("POST /console/conversations/:id/whisper", agents([403, 200, 200])),
    ("POST /console/conversations/:id/claim", agents([403, 409, 409])),
    ("POST /console/conversations/:id/assign", agents([403, 400, 400])),
    ("POST /console/conversations/:id/take_over", agents([403, 200, 200])),
    ("POST /console/conversations/:id/transfer", agents([403, 200, 409])),
    ("POST /console/conversations/:id/close", agents([403, 200, 200])),
    ("POST /console/conversations/:id/label", agents([403, 200, 200])),
    ("POST /console/conversations/:id/reopen", agents([403, 200, 200])),
    ("POST /console/conversations/:id/read", agents([403, 200, 200])),
    ("POST /console/conversations/:id/transcript_mail", agents([403, 409, 409])),
    ("POST /console/conversations/:id/files", agents([403, 200, 200])),
    ("GET /console/conversations/:id/files/:file_id", agents([403, 200, 200])),
    ("GET /console/search", agents([400; 3])),
    // What agents choose from, and who may not write.
    ("GET /console/canned_answers", agents([200; 3])),
    ("POST /console/canned_answers", agents([403, 400, 400])),
    ("PUT /console/canned_answers/:id", agents([403, 404, 404])),
    ("DELETE /console/canned_answers/:id", agents([403, 404, 404])),
    ("GET /console/topics", agents([200; 3])),
    ("POST /console/topics", agents([403, 400, 400])),
    ("PUT /console/topics/:id", agents([403, 404, 404])),
    ("GET /console/tags", agents([200; 3])),
    ("POST /console/tags", agents([403, 400, 400])),
    ("PUT /console/tags/:id", agents([403, 404, 404])),
    ("GET /console/blocks", agents([200; 3])),
    ("POST /console/blocks", agents([400; 3])),
    ("DELETE /console/blocks/:id", agents([404; 3])),
    // What administrators set.
    ("GET /console/settings/lookup", agents([403, 403, 200])),
    ("PUT /console/settings/lookup", agents([403, 403, 200])),
    ("GET /console/custom_fields", agents([200; 3])),
    ("POST /console/custom_fields", agents([403, 403, 400])),
    ("PUT /console/custom_fields/:id", agents([403, 403, 404])),
    ("GET /console/persons/export", agents([403, 403, 400])),
    ("POST /console/persons/erase", agents([403, 403, 400])),
    ("GET /console/clauses", agents([403, 403, 200])),
    ("POST /console/clauses", agents([403, 403, 400])),
    ("PUT /console/clauses/:id", agents([403, 403, 400])),
    ("GET /console/queues", agents([403, 403, 200])),
    ("POST /console/queues", agents([403, 403, 400])),
    ("GET /console/queues/:id/agents", agents([403, 403, 200])),
    ("PUT /console/queues/:id/agents/:login", agents([403, 403, 200])),
    ("DELETE /console/queues/:id/agents/:login", agents([403, 403, 200])),
    ("GET /console/pauses", agents([200; 3])),
    ("POST /console/pauses", agents([403, 403, 400])),
    ("PUT /console/pauses/:id", agents([403, 403, 404])),
    ("GET /console/api_users", agents([403, 403, 200])),
    ("POST /console/api_users", agents([403, 403, 400])),
    ("PUT /console/api_users/:id", agents([403, 403, 404])),
    ("DELETE /console/api_users/:id", agents([403, 403, 404])),
    ("POST /console/api_users/:id/rotate_password", agents([403, 403, 404])),
    ("GET /console/api_methods", agents([403, 403, 200])),
    ("GET /console/bots", agents([403, 403, 200])),
    ("POST /console/bots", agents([403, 403, 400])),
    ("PUT /console/bots/:id", agents([403, 403, 404])),
    ("DELETE /console/bots/:id", agents([403, 403, 404])),
    ("GET /console/webhooks", agents([403, 403, 200])),
    ("POST /console/webhooks", agents([403, 403, 400])),
    ("GET /console/webhooks/:id", agents([403, 403, 404])),
    ("PUT /console/webhooks/:id", agents([403, 403, 404])),
    ("DELETE /console/webhooks/:id", agents([403, 403, 404])),
    ("POST /console/webhooks/:id/rotate_secret", agents([403, 403, 404])),
    ("POST /console/webhooks/:id/test", agents([403, 403, 404])),
    ("GET /console/webhooks/:id/attempts", agents([403, 403, 404])),
    ("GET /console/webhooks/:id/pending", agents([403, 403, 404])),
    ("POST /console/webhooks/:id/redeliver", agents([403, 403, 400])),
    ("POST /console/webhooks/:id/recover", agents([403, 403, 400])),
    ("GET /console/audit", agents([403, 403, 200])),
    ("GET /console/queues/:id", agents([403, 403, 200])),
    ("PUT /console/queues/:id", agents([403, 403, 200])),
    ("POST /console/queues/:id/identity_secret", agents([403, 403, 200])),
    ("DELETE /console/queues/:id/identity_secret", agents([403, 403, 200])),
    ("GET /console/routing", agents([403, 403, 200])),
    ("PUT /console/routing", agents([403, 403, 400])),
    // The visitor door. Its socket asks for the token in the first frame.
    ("GET /visitor/queues/:id", anybody(200)),
    ("POST /visitor/conversations", anybody(200)),
    ("GET /visitor/socket", anybody(101)),
    ("GET /visitor/conversation", visitors([200, 200])),
    ("GET /visitor/conversation/events", visitors([200, 200])),
    ("POST /visitor/conversation/messages", visitors([200, 200])),
    ("POST /visitor/conversation/read", visitors([200, 200])),
    ("POST /visitor/conversation/typing", visitors([200, 200])),
    ("POST /visitor/conversation/page", visitors([200, 200])),
    ("POST /visitor/conversation/rating", visitors([200, 200])),
    ("POST /visitor/conversation/close", visitors([200, 200])),
    ("GET /visitor/conversation/transcript/:format", visitors([200, 200])),
    ("POST /visitor/conversation/transcript_mail", visitors([409, 409])),
    ("POST /visitor/conversation/files", visitors([200, 200])),
    ("GET /visitor/conversation/files/:file_id", visitors([200, 404])),
];

/// What a server answers that was built without its pages.
const WITHOUT_PAGES: &[Line] = &[
    ("GET /c/:token", anybody(503)),
    ("GET /reference", anybody(503)),
    ("GET /favicon.ico", anybody(404)),
    ("GET /favicon.svg", anybody(404)),
];

const WITHOUT_CONSOLE: &[Line] = &[
    ("GET /console/", anybody(503)),
    ("GET /console/welcome", anybody(503)),
    ("GET /console/password", anybody(503)),
    ("GET /console/sw.js", anybody(404)),
    ("GET /console/manifest.webmanifest", anybody(404)),
];

/// What is expected of this server.
fn expected(line: &Line) -> [u16; 7] {
    let missing = [(WITHOUT_PAGES, page::is_built()), (WITHOUT_CONSOLE, page::is_console_built())];
    let mut otherwise =
        missing.into_iter().filter(|(_, is_built)| !is_built).flat_map(|(lines, _)| lines);
    let otherwise = otherwise.find(|(method, _)| *method == line.0);
    otherwise.map_or(line.1, |(_, answers)| *answers)
}

const VERBS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"];

/// A call of a method, spelled as the router spells it, with something plausible in the place of each parameter.
pub fn call(method: &str, conversation: &str, file: &str) -> Request {
    let (verb, path) = method.split_once(' ').expect("a verb and a path");
    let is_api = !path.starts_with('/');
    let mut of = "";
    let parts = path.split('/').map(|part| {
        let filled = match (of, part) {
            ("chats" | "chat_conversations" | "content" | "conversations", ":id") => conversation,
            ("queues", ":id") => "4",
            (_, ":file_id") => file,
            (_, ":login") => "retired",
            (_, ":participant") => "both",
            (_, ":format") => "txt",
            (_, part) if part.starts_with(':') => "999",
            (_, part) => part,
        };
        of = part;
        filled
    });
    let path = parts.collect::<Vec<_>>().join("/");
    let has_conversation = path.contains(conversation) || path.starts_with("/visitor/");
    let verb = VERBS.into_iter().find(|known| *known == verb).expect("a known verb");
    let path = if is_api { format!("/api/{path}") } else { path };
    let request = Request::new(verb, path);
    if verb != "POST" || !has_conversation {
        return request;
    }
    // What actions on conversations ask for, so that it is seen whom they let in.
    let mut body = json!({"text": "x", "seq": 1, "chat_queue_id": 4, "is_typing": true, "rating": "happy", "customer_id": 1});
    if is_api {
        body["user_login"] = json!("retired");
    }
    request.json(&body)
}

/// A conversation, and all who may have to do with it.
struct Scene {
    conversation: String,
    file: String,
    /// An agent, a supervisor and an administrator.
    agents: [AtConsole; 3],
    this: Visitor,
    other: Visitor,
}

impl Scene {
    async fn of(server: &Server) -> Self {
        let conversation = server.start(&[]).await;
        let other = server.start(&[]).await;
        let (this, other) =
            (with_link(server, &conversation).await, with_link(server, &other).await);
        let file = this.upload(server, "a.pdf", "%PDF-1.7").await.expect(200).json();
        let file = file["file_id"].as_str().expect("an id").to_owned();
        let send = this.post("/messages").json(&json!({"file_ids": [file]}));
        server.call(send).await.expect(200);
        let agents = [
            AtConsole::of(server, "jkowalski", Role::Agent).await,
            AtConsole::of(server, "anowak", Role::Supervisor).await,
            AtConsole::of(server, "retired", Role::Administrator).await,
        ];
        Self { conversation, file, agents, this, other }
    }

    /// What each of them is answered, in turn.
    async fn answers(&self, server: &Server, method: &str) -> [u16; 7] {
        let mut request = call(method, &self.conversation, &self.file);
        // From a page of ours, whoever calls.
        request = request.header("Origin", "http://test");
        if method.ends_with("/socket") {
            for (name, value) in [
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ] {
                request = request.header(name, value);
            }
        }
        let [agent, supervisor, administrator] = &self.agents;
        let callers = [
            request.clone().anonymous(),
            request.clone(),
            agent.as_this(request.clone()),
            supervisor.as_this(request.clone()),
            administrator.as_this(request.clone()),
            self.this.as_this(request.clone()),
            self.other.as_this(request),
        ];
        let mut answers = [0; 7];
        for (caller, status) in callers.into_iter().zip(&mut answers) {
            *status = server.status(caller).await;
        }
        answers
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_of_every_door_lets_in_whom_it_is_for() {
    let mut known: Vec<_> = TABLE.iter().map(|(method, _)| (*method).to_owned()).collect();
    let mut there = [
        router::method_names(),
        router::console_method_names(),
        router::visitor_method_names(),
        router::method_names_beside(),
    ]
    .concat();
    known.sort_unstable();
    there.sort_unstable();
    assert_eq!(known, there, "every method has a line in this table");
    on_both_engines(async |engine| {
        // So many wrong credentials are what this is about.
        let plan = Plan::on(engine).configured("limits.failures_per_minute = 100000");
        let server = plan.configured("visitors.calls_per_minute = 100000").start().await;
        let mut faults = Vec::new();
        for line in TABLE {
            let (method, expected) = (line.0, expected(line));
            let scene = Scene::of(&server).await;
            let answers = scene.answers(&server, method).await;
            if answers != expected {
                faults.push((method.to_owned(), answers));
            }
            // Whoever may not have an answer may not have its head.
            if let Some(path) =
                method.strip_prefix("GET ").filter(|path| !path.ends_with("/socket"))
            {
                let heads = scene.answers(&server, &format!("HEAD {path}")).await;
                if heads != expected {
                    faults.push((format!("HEAD {path}"), heads));
                }
            }
        }
        assert!(faults.is_empty(), "{engine:?}: {faults:#?}");
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_line_opens_nothing() {
    let server = Server::on(Engine::Sqlite).await;
    let mut lines: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (method, _) in TABLE {
        let (verb, path) = method.split_once(' ').expect("a verb and a path");
        lines.entry(path).or_default().insert(verb);
    }
    for (path, verbs) in lines {
        for verb in VERBS {
            let has_line = verbs.contains(if verb == "HEAD" { "GET" } else { verb });
            if !has_line {
                let method = format!("{verb} {path}");
                let status = server.status(call(&method, "1", "1").anonymous()).await;
                assert_eq!(status, 405, "{method}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_let_in_to_the_conversations_of_its_queue() {
    const FOR_SUPERVISORS: [&str; 3] = ["/whisper", "/assign", "/take_over"];
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        member(&server, 3, "jkowalski").await;
        for method in router::console_method_names() {
            let Some((_, what)) = method.split_once("/conversations/:id") else { continue };
            let scene = Scene::of(&server).await;
            let request = call(&method, &scene.conversation, &scene.file);
            let status = server.status(scene.agents[0].as_this(request)).await;
            assert_ne!(status, 401, "{method}");
            assert_eq!(status == 403, FOR_SUPERVISORS.contains(&what), "{method}: {status}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_console_nothing_is_done_without_a_session_or_from_another_sites_page() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let scene = Scene::of(&server).await;
        let before = scene.this.events(&server).await;
        let cookie = cookie_of(&server, "retired").await;
        let [_, _, administrator] = &scene.agents;
        let beside = router::method_names_beside();
        for (method, expected) in TABLE {
            // The pages themselves, and the socket, which has tests of its own.
            if !method.contains(" /console/") || beside.iter().any(|it| it == method) {
                continue;
            }
            let is_refused = async |request: Request, code: Code| {
                let answer = server.call(request).await;
                let told: Vec<u32> = answer.faults().into_iter().map(|(code, _)| code).collect();
                assert_eq!(told, [code.number()], "{method}");
            };
            let request = call(method, &scene.conversation, &scene.file);
            let foreign = request.clone().header("Origin", "https://evil.example");
            is_refused(administrator.as_this(foreign.clone()), Code::ForeignOrigin).await;
            let is_for_anybody = expected[0] != 401;
            if is_for_anybody {
                is_refused(foreign.anonymous(), Code::ForeignOrigin).await;
                continue;
            }
            is_refused(request.clone(), Code::NotSignedIn).await;
            let request = request.anonymous();
            is_refused(request.clone(), Code::NotSignedIn).await;
            if !method.starts_with("GET ") {
                // The cookie comes along by itself; what a page of ours knows does not.
                is_refused(request.header("Cookie", &cookie), Code::CsrfTokenNeeded).await;
            }
        }
        assert_eq!(scene.this.events(&server).await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_opens_one_door_opens_no_other() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        browser::set_up(&server, "jkowalski", Role::Administrator).await;
        let cookie = cookie_of(&server, "jkowalski").await;
        let (name, session) = cookie.split_once('=').expect("a name and a value");
        let token = somebody(&server).await.token;
        let bearing = |secret: &str| {
            let value = format!("Bearer {secret}");
            get("/visitor/conversation").anonymous().header("Authorization", &value)
        };
        for secret in [session, PASSWORD, &cookie, ""] {
            server.call(bearing(secret)).await.expect_fault(Code::BadVisitorToken);
            let mut socket = visitor_socket(&server).await;
            let hello = json!({"type": "hello", "v": 1, "token": secret});
            socket.send(&hello).await.expect("it is taken");
            assert_eq!(soon(socket.next_text()).await, Err(Closed(4011)));
        }
        for secret in [&*token, PASSWORD, "api_user", ""] {
            let cookie = format!("{name}={secret}");
            let request = get("/console/session").anonymous().header("Cookie", &cookie);
            server.call(request).await.expect_fault(Code::NotSignedIn);
            let refused = agent_socket(&server, &cookie).await.err().expect("it is refused");
            assert!(matches!(refused, Refused::Status(401)), "{refused:?}");
        }
        for (name, secret) in
            [("jkowalski", PASSWORD), ("jkowalski", session), ("api_user", session), ("", &*token)]
        {
            let request = get("/api/chats").by(name, secret);
            server.call(request).await.expect_fault(Code::Unauthorized);
        }
    })
    .await;
}
