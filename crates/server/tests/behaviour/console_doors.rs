//! Every method of the console door with every kind of caller.

use rozmowa::agent::Role;
use rozmowa::router;

use crate::browser::Browser;
use crate::client::{Request, delete, get, post, put};
use crate::server::Server;
use crate::store::on_both_engines;

/// A method, and what is answered without a session, and to an agent, a supervisor and an administrator, of a conversation
/// that is nobody's: 400, 404 and 409 say that the caller was let in.
type Line = (&'static str, [u16; 4]);

const ANYBODY: [u16; 4] = [400; 4];

const TABLE: &[Line] = &[
    ("GET /console/session", [401, 200, 200, 200]),
    ("POST /console/session", ANYBODY),
    ("DELETE /console/session", [401, 200, 200, 200]),
    ("GET /console/sessions", [401, 200, 200, 200]),
    ("DELETE /console/sessions", [401, 200, 200, 200]),
    ("DELETE /console/sessions/:session_id", [401, 404, 404, 404]),
    ("PUT /console/account", [401, 200, 200, 200]),
    ("PUT /console/account/password", [401, 400, 400, 400]),
    ("POST /console/account/second_factor", [401, 400, 400, 400]),
    ("PUT /console/account/second_factor", [401, 400, 400, 400]),
    ("POST /console/account/second_factor/remove", [401, 400, 400, 400]),
    ("POST /console/welcome", ANYBODY),
    ("POST /console/password_reset", ANYBODY),
    ("POST /console/password", ANYBODY),
    ("GET /console/agents", [401, 200, 200, 200]),
    ("POST /console/agents", [401, 403, 403, 400]),
    ("GET /console/agents/:login", [401, 403, 403, 404]),
    ("PUT /console/agents/:login", [401, 403, 403, 404]),
    ("POST /console/agents/:login/invitation", [401, 403, 403, 404]),
    ("POST /console/conversations/:id/transcript_mail", [401, 403, 409, 409]),
    ("GET /console/search", [401, 400, 400, 400]),
    ("GET /console/agents/:login/duty", [401, 403, 404, 404]),
    ("PUT /console/agents/:login/duty", [401, 403, 400, 400]),
    ("GET /console/duty", [401, 200, 200, 200]),
    ("PUT /console/duty", [401, 400, 400, 400]),
    // Conversations.
    ("GET /console/conversations", [401, 400, 400, 400]),
    ("GET /console/conversations/:id", [401, 403, 200, 200]),
    ("GET /console/conversations/:id/events", [401, 403, 200, 200]),
    ("GET /console/conversations/:id/lookup", [401, 403, 200, 200]),
    ("POST /console/conversations/:id/reply", [401, 403, 200, 200]),
    ("POST /console/conversations/:id/note", [401, 403, 200, 200]),
    ("POST /console/conversations/:id/whisper", [401, 403, 200, 200]),
    ("POST /console/conversations/:id/claim", [401, 403, 409, 409]),
    ("POST /console/conversations/:id/assign", [401, 403, 400, 400]),
    ("POST /console/conversations/:id/take_over", [401, 403, 200, 200]),
    ("POST /console/conversations/:id/transfer", [401, 403, 200, 409]),
    ("POST /console/conversations/:id/close", [401, 403, 200, 200]),
    ("POST /console/conversations/:id/label", [401, 403, 200, 200]),
    ("POST /console/conversations/:id/reopen", [401, 403, 200, 200]),
    ("POST /console/conversations/:id/read", [401, 403, 200, 200]),
    ("GET /console/canned_answers", [401, 200, 200, 200]),
    ("POST /console/canned_answers", [401, 403, 400, 400]),
    ("PUT /console/canned_answers/:id", [401, 403, 404, 404]),
    ("DELETE /console/canned_answers/:id", [401, 403, 404, 404]),
    ("GET /console/topics", [401, 200, 200, 200]),
    ("POST /console/topics", [401, 403, 400, 400]),
    ("PUT /console/topics/:id", [401, 403, 404, 404]),
    ("GET /console/tags", [401, 200, 200, 200]),
    ("POST /console/tags", [401, 403, 400, 400]),
    ("PUT /console/tags/:id", [401, 403, 404, 404]),
    ("GET /console/blocks", [401, 200, 200, 200]),
    ("POST /console/blocks", [401, 400, 400, 400]),
    ("DELETE /console/blocks/:id", [401, 404, 404, 404]),
    ("GET /console/settings/lookup", [401, 403, 403, 200]),
    ("PUT /console/settings/lookup", [401, 403, 403, 200]),
    // What administrators set, and files.
    ("GET /console/clauses", [401, 403, 403, 200]),
    ("POST /console/clauses", [401, 403, 403, 400]),
    ("PUT /console/clauses/:id", [401, 403, 403, 400]),
    ("POST /console/conversations/:id/files", [401, 403, 200, 200]),
    ("GET /console/conversations/:id/files/:file_id", [401, 404, 404, 404]),
    ("GET /console/queues/:id", [401, 403, 403, 404]),
    ("PUT /console/queues/:id", [401, 403, 403, 404]),
    ("DELETE /console/queues/:id/identity_secret", [401, 403, 403, 404]),
    ("POST /console/queues/:id/identity_secret", [401, 403, 403, 404]),
    ("GET /console/routing", [401, 403, 403, 200]),
    ("PUT /console/routing", [401, 403, 403, 400]),
];

fn request(method: &str, conversation: &str) -> Request {
    let (verb, path) = method.split_once(' ').expect("a verb and a path");
    let path = path.replace("/conversations/:id", &format!("/conversations/{conversation}"));
    let parts = path.split('/').map(|part| match part {
        ":login" => "nobody",
        ":session_id" => "0",
        part if part.starts_with(':') => "999",
        part => part,
    });
    let path = parts.collect::<Vec<_>>().join("/");
    let has_conversation = path.contains(conversation);
    match verb {
        "GET" => get(path),
        // What actions on conversations ask for, so that it is seen whom they let in.
        "POST" if has_conversation => {
            post(path).json(&serde_json::json!({"text": "x", "seq": 1, "chat_queue_id": 4}))
        }
        "POST" => post(path),
        "PUT" => put(path),
        "DELETE" => delete(path),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_method_lets_in_whom_it_is_for() {
    let mut known: Vec<_> = TABLE.iter().map(|(method, _)| (*method).to_owned()).collect();
    let mut there = router::console_method_names();
    known.sort_unstable();
    there.sort_unstable();
    assert_eq!(known, there, "every method has a line in this table");
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let roles = [
            ("jkowalski", Role::Agent),
            ("anowak", Role::Supervisor),
            ("retired", Role::Administrator),
        ];
        for (login, role) in roles {
            crate::browser::set_up(&server, login, role).await;
        }
        for (method, expected) in TABLE {
            // Of a queue that none of them answers.
            let conversation = server.start(&[]).await;
            let mut answers = [0; 4];
            answers[0] = server.call(request(method, &conversation).anonymous()).await.status;
            for ((login, _), status) in roles.iter().zip(&mut answers[1..]) {
                // Some of them end it.
                let browser = Browser::sign_in(&server, login).await;
                *status = browser.call(&server, request(method, &conversation)).await.status;
            }
            assert_eq!(answers, *expected, "{method}");
            // Whatever an API user may do elsewhere.
            let api_user = server.call(request(method, &conversation)).await.status;
            assert_eq!(api_user, expected[0], "{method}");
        }
    })
    .await;
}
