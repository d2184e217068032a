//! Conversations that visitors open themselves: from where, as whom, and how many.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use rozmowa::agent::Role;
use rozmowa::http::Code;
use rozmowa::queue::settings::{Hours, Span};
use serde_json::{Value, json};

use crate::client::{Request, delete, get, post, put};
use crate::desk::Desk;
use crate::people::{soon, token_of, visitor_socket};
use crate::server::{NOON, Server, new_customer};
use crate::store::{Engine, on_both_engines};
use crate::visitors::{AtConsole, OPEN, Visitor, open, opened, set, somebody, visitor};

const SHOP: &str = "https://shop.example.org";

pub fn jwt(claims: &Value, secret: &str) -> String {
    jwt_of(&json!({"alg": "HS256", "typ": "JWT"}), claims, secret)
}

fn jwt_of(header: &Value, claims: &Value, secret: &str) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(header), encode(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, text.as_bytes())))
}

pub async fn secret_of(server: &Server, queue: i64) -> String {
    let admin = AtConsole::of(server, "anowak", Role::Administrator).await;
    let call = admin.as_this(post(format!("/console/queues/{queue}/identity_secret")));
    let answer = server.call(call).await.expect(200).json();
    answer["identity_secret"].as_str().expect("a secret").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_opens_a_conversation_and_goes_on_with_the_token() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let key = "0190aaaa-0000-7000-8000-000000000001";
        let answer = server
            .call(
                open(&json!({
                    "chat_queue_id": 3, "name": "Ola Bąk", "email": "ola@example.org", "language": "pl",
                    "page_url": "https://shop.example.org/buty", "page_title": "Buty",
                    "referrer": "https://search.example/?q=buty", "text": "Dzień dobry", "client_key": key,
                }))
                .header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
                .header("Accept-Language", "pl-PL,pl;q=0.9"),
            )
            .await
            .expect(200)
            .json();
        assert_eq!(answer["is_verified"], false);
        assert_eq!(answer["is_open"], true);
        assert_eq!(answer["is_attended"], false);
        let visitor = visitor(&answer);
        let shown = server.call(visitor.get("")).await.expect(200).json();
        assert_eq!(
            shown,
            json!({
                "conversation_id": visitor.id, "status": "CREATED", "seq": 2, "queue": "Sklep", "agent": null,
                "name": "Ola Bąk", "rating": null, "agent_read_seq": 0, "read_seq": 0, "language": "pl",
                "has_text_preview": false, "takes_files": true, "chat_queue_id": 3, "is_mailed": false,
            })
        );
        let events = visitor.events(&server).await;
        assert_eq!(events.len(), 2);
        assert_eq!(events[1]["text"], "Dzień dobry");
        assert_eq!(events[1]["id"], key);
        let target = format!("/api/chats/{}?include_client_data=1&include_files=1", visitor.id);
        let chat = server.call(get(target)).await.expect(200).json();
        assert_eq!(chat["client_name"], "Ola Bąk");
        assert_eq!(chat["client_email"], "ola@example.org");
        assert_eq!(
            chat["client_data"],
            json!({
                "ip": "127.0.0.1",
                "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "browser": "Firefox", "language": "pl-PL,pl;q=0.9",
                "page_url": "https://shop.example.org/buty", "referrer": "https://search.example/?q=buty",
            })
        );
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_made_later_leave_the_visitor_their_own() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let visitor = opened(&server, &json!({"chat_queue_id": 3, "text": "Dzień dobry"})).await;
        for _ in 0..100 {
            server.app.clock.advance(1);
            token_of(&server, &visitor.id).await;
        }
        server.call(visitor.get("")).await.expect(200);
        let started = server.start(&[]).await;
        let oldest = token_of(&server, &started).await;
        for _ in 0..100 {
            server.app.clock.advance(1);
            token_of(&server, &started).await;
        }
        let with = |token: &str| {
            get("/visitor/conversation").header("Authorization", &format!("Bearer {token}"))
        };
        server.call(with(&oldest)).await.expect(401);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_says_of_itself_refuses_nobody_and_is_kept_clean() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let boss = Desk::supervisor(&server, "anowak").await;
        let data = async |visitor: &Visitor| {
            let data = boss.sheet(&server, &visitor.id).await["client_data"].clone();
            ["page_url", "page_title", "referrer"].map(|name| data[name].clone())
        };
        let long = "a".repeat(3_000);
        for (url, title, referrer, kept) in [
            (
                "https://shop.example.org/buty?a=b#token=tajne#x".to_owned(),
                "Buty\u{85}i\0 sanda\u{1f}ły".to_owned(),
                " https://a.example/\u{7f}x\0".to_owned(),
                ["https://shop.example.org/buty?a=b", "Buty i  sanda ły", "https://a.example/ x"]
                    .map(str::to_owned),
            ),
            (
                format!("https://a.example/{long}"),
                long.clone(),
                long.clone(),
                [format!("https://a.example/{}", &long[18..2_000]), long[..255].to_owned(), long[..2_000].to_owned()],
            ),
        ] {
            let body = json!({"chat_queue_id": 3, "page_url": url, "page_title": title, "referrer": referrer});
            let visitor = opened(&server, &body).await;
            assert_eq!(json!(data(&visitor).await), json!(kept));
            // The same while it goes on, by both ways.
            let later = opened(&server, &json!({"chat_queue_id": 3})).await;
            let page = json!({"url": url, "title": title});
            server.call(later.post("/page").json(&page)).await.expect_nothing();
            assert_eq!(json!(data(&later).await[..2]), json!(kept[..2]));
            let mut socket = visitor_socket(&server).await;
            let later = opened(&server, &json!({"chat_queue_id": 3})).await;
            for frame in [
                json!({"type": "hello", "v": 1, "token": later.token}),
                json!({"type": "page", "url": url, "title": title}),
                json!({"type": "ping"}),
            ] {
                socket.send(&frame).await.expect("it is taken");
            }
            soon(socket.next_of("pong")).await.expect("the socket goes on");
            assert_eq!(json!(data(&later).await[..2]), json!(kept[..2]));
        }
        // Half an emoji, and what is no text at all.
        let cut = r#"{"chat_queue_id": 3, "page_title": "Buty \ud83d", "page_url": [], "referrer": {}}"#;
        let answer = server.call(post(OPEN).anonymous().body("application/json", cut)).await;
        let kept = data(&visitor(&answer.expect(200).json())).await;
        assert_eq!(json!(kept), json!([null, "Buty \u{fffd}", null]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_gives_a_customers_address_is_not_that_customer() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.add_customers_automatically(true).await;
        let body =
            json!({"chat_queue_id": 3, "email": "jan.kowalski@example.org", "client_id": "1234"});
        let visitor = opened(&server, &body).await;
        let chat = server.chat(&visitor.id).await;
        assert_eq!(chat["customer_id"], Value::Null);
        assert_eq!(chat["client_name"], "");
        assert_eq!(chat["client_email"], "jan.kowalski@example.org");
        assert_eq!(server.customers().await, 2);
        // Nor later, when somebody of that identifier appears.
        server
            .add_customer(new_customer(Some("77"), "Ewa", "Nowa", &["jan.kowalski@example.org"]))
            .await;
        assert_eq!(server.chat(&visitor.id).await["customer_id"], Value::Null);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_identity_is_the_customer_and_the_visitor_sees_nothing_of_the_crm() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let secret = secret_of(&server, 3).await;
        let exp = NOON / 1_000 + 300;
        let identity =
            jwt(&json!({"exp": exp, "jti": "a", "identifier": "1234", "queue": 3}), &secret);
        let body = json!({"chat_queue_id": 3, "identity": identity});
        let answer = server.call(open(&body)).await.expect(200).json();
        assert_eq!(answer["is_verified"], true);
        let visitor = visitor(&answer);
        let chat = server.chat(&visitor.id).await;
        assert_eq!(chat["customer_id"], 1);
        assert_eq!(chat["client_name"], "Jan Kowalski");
        for path in ["", "/events", "/transcript/txt", "/transcript/html"] {
            let text = server.call(visitor.get(path)).await.expect(200).text();
            assert!(
                !text.contains("Kowalski") && !text.contains("1234") && !text.contains("Jan"),
                "{text}"
            );
        }
        // Once and never again, also at the same time.
        server.call(open(&body)).await.expect_fault(Code::IdentityRefused);
        let (other, third) = (
            jwt(&json!({"exp": exp, "jti": "b", "email": "ANDRZEJ.nowak@company.bar"}), &secret),
            jwt(
                &json!({"exp": exp, "jti": "c", "name": "Zofia", "email": "zofia@example.org"}),
                &secret,
            ),
        );
        let again = open(&json!({"chat_queue_id": 3, "identity": other}));
        let (one, two) = tokio::join!(server.call(again.clone()), server.call(again));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 403]);
        let visitor = opened(&server, &json!({"chat_queue_id": 3, "identity": third})).await;
        let chat = server.chat(&visitor.id).await;
        assert_eq!((&chat["client_name"], &chat["customer_id"]), (&json!("Zofia"), &Value::Null));
        // Nobody vouches for what is said beside it.
        let bare = jwt(&json!({"exp": exp, "jti": "d", "email": "ewa@example.org"}), &secret);
        let body = json!({"chat_queue_id": 3, "identity": bare, "name": "Prezes", "email": "prezes@example.org"});
        let visitor = opened(&server, &body).await;
        let chat = server.chat(&visitor.id).await;
        assert_eq!(
            (&chat["client_name"], &chat["client_email"]),
            (&json!(""), &json!("ewa@example.org"))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_identities_are_refused_and_nothing_is_opened() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let secret = secret_of(&server, 3).await;
        let other = secret_of(&server, 4).await;
        let seconds = NOON / 1_000;
        let good = json!({"exp": seconds + 300, "jti": "1", "identifier": "1234"});
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            claims
        };
        let unsigned = {
            let token = jwt_of(&json!({"alg": "none"}), &good, &secret);
            format!("{}.", token.rsplit_once('.').expect("three parts").0)
        };
        let public = json!({"alg": "RS256"});
        for identity in [
            unsigned,
            jwt_of(&json!({"alg": "none"}), &good, &secret),
            jwt_of(&public, &good, &secret),
            jwt(&good, &other),
            jwt(&good, ""),
            jwt(&with("exp", json!(seconds)), &secret),
            jwt(&with("exp", json!(seconds + 3_601)), &secret),
            jwt(&with("nbf", json!(seconds + 600)), &secret),
            jwt(&with("queue", json!(4)), &secret),
            jwt(&with("aud", json!("4")), &secret),
            jwt(&with("jti", Value::Null), &secret),
            "nonsense".to_owned(),
        ] {
            let body = json!({"chat_queue_id": 3, "identity": identity});
            server.call(open(&body)).await.expect_fault(Code::IdentityRefused);
        }
        // What failed has not used the number up.
        opened(&server, &json!({"chat_queue_id": 3, "identity": jwt(&good, &secret)})).await;
        assert_eq!(server.count().await, 1);
        // A new secret ends the old one; none ends all.
        let newer = secret_of(&server, 3).await;
        let with_old = jwt(&with("jti", json!("2")), &secret);
        let with_new = jwt(&with("jti", json!("3")), &newer);
        let with_none = jwt(&with("jti", json!("4")), &newer);
        let body = |identity: &str| open(&json!({"chat_queue_id": 3, "identity": identity}));
        server.call(body(&with_old)).await.expect_fault(Code::IdentityRefused);
        server.call(body(&with_new)).await.expect(200);
        let admin = AtConsole::of(&server, "jkowalski", Role::Administrator).await;
        let has_secret = async || {
            let queue = server.call(admin.as_this(get("/console/queues/3"))).await.expect(200);
            queue.json()["has_identity_secret"].as_bool().expect("yes or no")
        };
        assert!(has_secret().await);
        let remove = admin.as_this(delete("/console/queues/3/identity_secret"));
        server.call(remove).await.expect_nothing();
        assert!(!has_secret().await);
        server.call(body(&with_none)).await.expect_fault(Code::IdentityRefused);
        // The secret is in no line of the audit log.
        let audit = server.call(get("/api/audit")).await.expect(200).text();
        assert!(audit.contains("queue.identity_secret") && !audit.contains(&secret), "{audit}");
        set(&server, 3, |settings| settings.takes_unverified = false).await;
        server.call(open(&json!({"chat_queue_id": 3}))).await.expect_fault(Code::IdentityNeeded);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_make_secrets() {
    let server = Server::on(Engine::Sqlite).await;
    let supervisor = AtConsole::of(&server, "anowak", Role::Supervisor).await;
    for call in [
        post("/console/queues/3/identity_secret"),
        delete("/console/queues/3/identity_secret"),
        get("/console/clauses"),
        post("/console/clauses"),
        put("/console/clauses/1"),
    ] {
        server.call(supervisor.as_this(call.clone())).await.expect_fault(Code::RoleNeeded);
        server.call(call.anonymous()).await.expect_fault(Code::NotSignedIn);
    }
    let admin = AtConsole::of(&server, "jkowalski", Role::Administrator).await;
    let unknown = admin.as_this(post("/console/queues/99/identity_secret"));
    server.call(unknown).await.expect_fault(Code::UnknownQueue);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_call_where_a_queue_allows_them() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        set(&server, 3, |settings| settings.origins = vec![SHOP.to_owned()]).await;
        let from = |origin: &str, queue: i64| {
            open(&json!({ "chat_queue_id": queue })).header("Origin", origin)
        };
        let answer = server.call(from(SHOP, 3)).await.expect(200);
        assert_eq!(answer.header("Access-Control-Allow-Origin"), Some(SHOP));
        assert_eq!(answer.header("Access-Control-Allow-Credentials"), None);
        assert_eq!(answer.header("Vary"), Some("origin"));
        // Errors can be read, too.
        let answer = server.call(from(SHOP, 99)).await.expect_fault(Code::UnknownQueue);
        assert_eq!(answer.header("Access-Control-Allow-Origin"), Some(SHOP));
        server.call(from(SHOP, 4)).await.expect_fault(Code::ForeignOrigin);
        for foreign in [
            "https://evil.example",
            "null",
            "http://shop.example.org",
            "https://shop.example.org.evil.example",
        ] {
            let answer = server.call(from(foreign, 3)).await.expect_fault(Code::ForeignOrigin);
            assert_eq!(answer.header("Access-Control-Allow-Origin"), None);
            assert_eq!(answer.header("Vary"), Some("origin"));
        }
        // Our own page, by the host that was called.
        server.call(from("http://test", 4)).await.expect(200);
        let preflight = |origin: &str, target: &str| {
            Request::new("OPTIONS", target)
                .anonymous()
                .header("Origin", origin)
                .header("Access-Control-Request-Method", "POST")
                .header("Access-Control-Request-Headers", "content-type")
        };
        for target in [OPEN, "/visitor/conversation/messages", "/visitor/queues/3"] {
            let answer = server.call(preflight(SHOP, target)).await.expect(200);
            assert_eq!(answer.header("Access-Control-Allow-Origin"), Some(SHOP));
            assert!(
                answer
                    .header("Access-Control-Allow-Headers")
                    .is_some_and(|all| all.contains("content-type"))
            );
            let answer = server.call(preflight("https://evil.example", target)).await;
            assert_eq!(
                answer.expect_fault(Code::ForeignOrigin).header("Access-Control-Allow-Origin"),
                None
            );
        }
        // A token is no key for foreign pages.
        let visitor = somebody(&server).await;
        let call = visitor.get("").header("Origin", "https://evil.example");
        server.call(call).await.expect_fault(Code::ForeignOrigin);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_that_are_not_there_or_disabled_and_blocked_visitors() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.call(open(&json!({"chat_queue_id": 99}))).await.expect_fault(Code::UnknownQueue);
        server.act(|tx, act| rozmowa::queue::set_enabled(tx, act, 4, false)).await;
        server.call(open(&json!({"chat_queue_id": 4}))).await.expect_fault(Code::QueueDisabled);
        server.call(get("/visitor/queues/4").anonymous()).await.expect_fault(Code::QueueDisabled);
        server.call(open(&json!({}))).await.expect_fault_of(Code::Missing, "chat_queue_id");
        let early = opened(&server, &json!({"chat_queue_id": 3, "email": "Zly@example.org"})).await;
        server
            .execute(
                "INSERT INTO block (id, kind, value, reason, created_at, expires_at)
                    VALUES (1, 1, 'zly@example.org', '', 0, 1780308060000)",
            )
            .await;
        let bad = json!({"chat_queue_id": 3, "email": "ZLY@example.org"});
        server.call(open(&bad)).await.expect_fault(Code::VisitorBlocked);
        let message = early.post("/messages").json(&json!({"text": "x"}));
        server.call(message.clone()).await.expect_fault(Code::VisitorBlocked);
        early.upload(&server, "x", "x").await.expect_fault(Code::VisitorBlocked);
        for (path, body) in [
            ("/rating", json!({"rating": "sad", "text": "x"})),
            ("/page", json!({"url": "https://shop.example.org/x"})),
        ] {
            let call = early.post(path).json(&body);
            server.call(call).await.expect_fault(Code::VisitorBlocked);
        }
        server.app.clock.advance(60_000);
        server.call(message).await.expect(200);
        server
            .execute("INSERT INTO block (id, kind, value, reason, created_at) VALUES (2, 0, '127.0.0.1', '', 0)")
            .await;
        server.call(open(&json!({"chat_queue_id": 3}))).await.expect_fault(Code::VisitorBlocked);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_opens_so_many_an_hour_and_the_same_call_is_the_same() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        set(&server, 3, |settings| settings.opens_per_hour = 2).await;
        let call = open(&json!({"chat_queue_id": 3, "text": "a"})).key("one");
        let first = server.call(call.clone()).await.expect(200);
        somebody(&server).await;
        let refused = server.call(open(&json!({"chat_queue_id": 3}))).await;
        let refused = refused.expect_fault(Code::TooManyCalls);
        assert!(refused.header("Retry-After").is_some());
        // Another queue, and the same call again, are not refused.
        opened(&server, &json!({"chat_queue_id": 4})).await;
        assert_eq!(server.call(call).await.expect(200).text(), first.text());
        assert_eq!(server.count().await, 3);
        // What is stored of the answer does not open the conversation.
        let token = visitor(&first.json()).token;
        let stored =
            rozmowa_db::Stmt::composed("stored".into(), "SELECT body FROM idempotency".into());
        let bodies =
            server.write(move |tx| Ok(tx.query(&stored, &[], |row| row.get::<String>(0))?)).await;
        assert!(bodies.iter().all(|body| !body.contains(&token)), "{bodies:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consents_are_asked_for_by_version() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let admin = AtConsole::of(&server, "anowak", Role::Administrator).await;
        let write = async |name: &str, kind: &str, required: bool, text: &str| {
            let body = json!({"name": name, "kind": kind, "required": required, "text_pl": text, "text_en": text});
            let call = admin.as_this(post("/console/clauses").json(&body));
            let clause = server.call(call).await.expect(200).json();
            (clause["clause_id"].as_i64().expect("a number"), clause["version"].as_i64().expect("a number"))
        };
        let (rules, _) = write("regulamin", "information", true, "Regulamin 1").await;
        let (news, _) = write("marketing", "consent", false, "Nowości").await;
        write("inne", "consent", true, "Nie tej kolejki").await;
        set(&server, 3, |settings| settings.clauses = vec!["regulamin".into(), "marketing".into(), "brak".into()]).await;
        let shown = server.call(get("/visitor/queues/3").anonymous()).await.expect(200).json();
        let clauses: Vec<_> = shown["clauses"].as_array().expect("a list").iter().map(|one| &one["clause_id"]).collect();
        assert_eq!(clauses, [&json!(rules), &json!(news)]);
        let open_with = |ids: &[i64]| open(&json!({"chat_queue_id": 3, "consents": ids}));
        server.call(open_with(&[])).await.expect_fault(Code::ConsentNeeded);
        server.call(open_with(&[news])).await.expect_fault(Code::ConsentNeeded);
        server.call(open_with(&[rules, 999])).await.expect_fault(Code::ClauseChanged);
        let visitor = visitor(&server.call(open_with(&[rules])).await.expect(200).json());
        // The same text is the same version; another one has to be agreed to anew.
        assert_eq!(write("regulamin", "information", true, "Regulamin 1").await, (rules, 1));
        let (newer, version) = write("regulamin", "information", true, "Regulamin 2").await;
        assert_eq!(version, 2);
        server.call(open_with(&[rules])).await.expect_fault(Code::ClauseChanged);
        server.call(open_with(&[newer, news])).await.expect(200);
        let id: uuid::Uuid = visitor.id.parse().expect("an id");
        let given = server.write(move |tx| rozmowa::clause::given(tx, &id)).await;
        let given: Vec<_> = given.iter().map(|one| (one.clause.id, one.clause.version, one.is_given, one.at)).collect();
        assert_eq!(given, [(rules, 1, true, NOON), (news, 1, false, NOON)]);
        let disable = admin.as_this(put(format!("/console/clauses/{newer}")).json(&json!({"enabled": false})));
        server.call(disable).await.expect_nothing();
        server.call(open_with(&[])).await.expect(200);
        let all = server.call(admin.as_this(get("/console/clauses"))).await.expect(200).json();
        assert_eq!(all.as_array().map(Vec::len), Some(4));
        let audit = server.call(get("/api/audit")).await.expect(200).text();
        assert!(audit.contains("clause.write") && audit.contains("clause.enable"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_tells_visitors_no_more_than_they_need() {
    let server = Server::on(Engine::Sqlite).await;
    let shown = server.call(get("/visitor/queues/3").anonymous()).await.expect(200).json();
    let keys: Vec<_> = shown.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(
        keys,
        [
            "answers_by_email",
            "chat_queue_id",
            "clauses",
            "file_bytes_max",
            "has_text_preview",
            "is_attended",
            "is_open",
            "name",
            "next_opening_at",
            "takes_files",
            "takes_unverified",
            "widget"
        ]
    );
    server.act(|tx, act| rozmowa::queue::agents::set(tx, act, 3, "jkowalski", 1)).await;
    server.call(post("/api/agents/jkowalski/login")).await.expect_nothing();
    let shown = server.call(get("/visitor/queues/3").anonymous()).await.expect(200).json();
    assert_eq!(shown["is_attended"], true);
    server.call(get("/visitor/queues/x").anonymous()).await.expect_fault(Code::UnknownQueue);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_one_conversation_until_it_is_revoked_or_over() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let (id, other) = (server.start(&[]).await, server.start(&[]).await);
        let target = format!("/api/chat_conversations/{id}/visitor_token");
        let add = post(&*target).json(&json!({"expires_in_seconds": 60})).key("t");
        let answer = server.call(add.clone()).await.expect(200);
        assert_eq!(server.call(add).await.text(), answer.text());
        let (token, link) = (answer.json()["token"].clone(), answer.json()["link"].clone());
        assert!(
            link.as_str().expect("a link").ends_with(&format!("/c/{}", token.as_str().unwrap())),
            "{link}"
        );
        let short = Visitor { id: id.clone(), token: token.as_str().expect("a token").to_owned() };
        let long = crate::visitors::with_link(&server, &id).await;
        let of_other = crate::visitors::with_link(&server, &other).await;
        for _ in 0..3 {
            // Looking uses nothing up, and reads nothing.
            for path in ["", "/events", "/transcript/txt"] {
                server.call(short.get(path)).await.expect(200);
            }
        }
        assert_eq!(server.call(short.get("")).await.json()["read_seq"], 0);
        assert_eq!(server.call(of_other.get("")).await.json()["conversation_id"], other);
        server.app.clock.advance(60_000);
        server.call(short.get("")).await.expect_fault(Code::BadVisitorToken);
        server.call(long.get("")).await.expect(200);
        for wrong in ["", "x", &"A".repeat(5_000)] {
            let call = get("/visitor/conversation")
                .anonymous()
                .header("Authorization", &format!("Bearer {wrong}"));
            server.call(call).await.expect_fault(Code::BadVisitorToken);
        }
        server.call(get("/visitor/conversation")).await.expect_fault(Code::BadVisitorToken);
        server.call(delete(&*target)).await.expect_nothing();
        server.call(delete(&*target)).await.expect_nothing();
        server.call(long.get("")).await.expect_fault(Code::BadVisitorToken);
        server.call(of_other.get("")).await.expect(200);
        // It outlives the conversation by 30 days.
        server.stop(&other).await;
        server.app.clock.advance(30 * 24 * 3_600_000 - 1);
        server.call(of_other.get("")).await.expect(200);
        server.app.clock.advance(1);
        server.call(of_other.get("")).await.expect_fault(Code::BadVisitorToken);
        for unknown in ["x", "6ed7c941-2c8a-411e-95d2-338a9f64800a"] {
            let target = format!("/api/chat_conversations/{unknown}/visitor_token");
            server.call(post(&*target)).await.expect_fault(Code::UnknownConversation);
            server.call(delete(&*target)).await.expect_fault(Code::UnknownConversation);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_tokens_are_good_at_once() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        let mut all = Vec::new();
        for _ in 0..102 {
            server.app.clock.advance(1);
            all.push(crate::visitors::with_link(&server, &id).await);
        }
        let mut good = Vec::new();
        for visitor in &all {
            good.push(server.call(visitor.get("")).await.status == 200);
        }
        assert_eq!(good.iter().position(|is_good| *is_good), Some(2));
        assert!(good[2..].iter().all(|is_good| *is_good));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_working_hours_it_is_said_so_and_opened_all_the_same() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        set(&server, 3, |settings| {
            let afternoon = Span { from_minute: 13 * 60, until_minute: 17 * 60 };
            settings.hours = Some(Hours {
                week: std::array::from_fn(|_| vec![afternoon]),
                time_zone: None,
                special_days: Vec::new(),
                has_polish_holidays: false,
            });
        })
        .await;
        let queue =
            async || server.call(get("/visitor/queues/3").anonymous()).await.expect(200).json();
        let shown = queue().await;
        assert_eq!(
            (&shown["is_open"], &shown["next_opening_at"]),
            (&json!(false), &json!(NOON + 3_600_000))
        );
        let answer = server.call(open(&json!({"chat_queue_id": 3}))).await.expect(200).json();
        assert_eq!(
            (&answer["is_open"], &answer["next_opening_at"]),
            (&json!(false), &json!(NOON + 3_600_000))
        );
        server.app.clock.advance(3_600_000);
        let shown = queue().await;
        assert_eq!((&shown["is_open"], &shown["next_opening_at"]), (&json!(true), &Value::Null));
    })
    .await;
}
