//! Search: what it finds, for whom, and what it must not find any more.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rozmowa::agent::Role;
use rozmowa::http::{Code, Error};
use rozmowa::queue::agents;
use rozmowa::search;
use rozmowa_db::{Stmt, Tx, params};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::browser::Browser;
use crate::client::{get, post};
use crate::server::{START, Server, new_customer, started};
use crate::store::{Engine, on_both_engines};

fn own(text: &str) -> Stmt {
    Stmt::composed("a test's own".to_owned(), text.to_owned())
}

/// Until all that was said can be found; the server's own worker is at it, too.
async fn indexed(server: &Server) {
    let behind = own("SELECT 1 FROM conversation WHERE seq > indexed_seq LIMIT 1");
    while {
        while server.write(search::index::step).await {}
        server.write(move |tx| Ok(tx.query_opt(&behind, &[], |_| Ok(()))?)).await.is_some()
    } {}
}

async fn start_in(server: &Server, queue: &str) -> String {
    started(&server.call(post(START).query(&[("chat_queue_id", queue)])).await)
}

struct Searching<'a> {
    server: &'a Server,
    browser: Browser,
}

impl<'a> Searching<'a> {
    async fn new(server: &'a Server) -> Self {
        Self { server, browser: Browser::of(server, "jkowalski", Role::Supervisor).await }
    }

    async fn page(&self, parameters: &[(&str, &str)]) -> Value {
        let request = get("/console/search").query(parameters);
        self.browser.call(self.server, request).await.expect(200).json()
    }

    /// Conversation and place of all that is found.
    async fn all(&self, parameters: &[(&str, &str)]) -> Vec<(String, i64)> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut parameters = parameters.to_vec();
            if let Some(cursor) = &cursor {
                parameters.push(("cursor", cursor));
            }
            let page = self.page(&parameters).await;
            for hit in page["result"].as_array().expect("a list") {
                let id = hit["conversation_id"].as_str().expect("an id").to_owned();
                all.push((id, hit["seq"].as_i64().expect("a place")));
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return all,
            }
        }
    }

    async fn finds(&self, q: &str) -> Vec<(String, i64)> {
        self.all(&[("q", q)]).await
    }
}

fn marked(hit: &Value) -> String {
    let parts = hit["parts"].as_array().expect("parts").iter();
    let part = |part: &Value| {
        let text = part["text"].as_str().expect("a text");
        if part["is_hit"] == true { format!("[{text}]") } else { text.to_owned() }
    };
    parts.map(part).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_clients_are_found_and_marked() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let searching = Searching::new(&server).await;
        let id = server
            .start(&[
                ("client_name", "Łucja"),
                ("client_surname", "Żółć-Nowak"),
                ("client_email", "lucja.zolc@example.org"),
                ("client_id", "KL/7781"),
            ])
            .await;
        server.app.clock.advance(1_000);
        server.message(&id, "Zgubiłam paczkę z ŻÓŁTĄ wstążką, nr 12-345").await;
        server.reply(&id, "anowak", "Sprawdzę paczkę").await;
        indexed(&server).await;

        let page = searching.page(&[("q", "paczk")]).await;
        let hits = page["result"].as_array().expect("a list");
        assert_eq!(hits.len(), 2, "{page}");
        assert_eq!(marked(&hits[0]), "Sprawdzę [paczkę]", "the newest first");
        assert_eq!(marked(&hits[1]), "Zgubiłam [paczkę] z ŻÓŁTĄ wstążką, nr 12-345");
        let expected = json!({
            "conversation_id": id, "seq": 4, "at": crate::server::NOON + 1_000, "kind": "message",
            "sent_by": "AGENT", "said_by": "anowak",
            "parts": [{"text": "Sprawdzę ", "is_hit": false}, {"text": "paczkę", "is_hit": true}],
            "chat_queue_id": 3, "status": "IN_PROGRESS", "user_login": "anowak", "client_name": "Łucja Żółć-Nowak",
        });
        assert_eq!(hits[0], expected);
        assert_eq!(page["next_cursor"], Value::Null);

        for (q, seqs) in [
            ("zolta", &[2][..]),
            ("ŻÓŁTĄ paczka", &[]),
            ("ŻÓŁTĄ paczkę", &[2]),
            ("zol", &[2, 0]),
            ("zo", &[]),
            ("12", &[2]),
            ("34", &[]),
            ("345", &[2]),
            ("lucja.zolc@example.org", &[0]),
            ("kl/7781", &[0]),
            ("778", &[0]),
            ("łucja nowak", &[0]),
            ("aczk", &[]),
            ("'; --\" OR paczkę*", &[]),
        ] {
            let found: Vec<_> = searching.finds(q).await.into_iter().map(|(_, seq)| seq).collect();
            assert_eq!(found, seqs, "{q}");
        }
        let client = &searching.page(&[("q", "lucja zol 7781")]).await["result"][0];
        assert_eq!(client["kind"], "client");
        assert_eq!(marked(client), "[Łucja] [Żółć]-Nowak · [lucja].[zolc]@example.org · KL/[7781]");
        let call = async |parameters: &[(&str, &str)]| {
            searching.browser.call(&server, get("/console/search").query(parameters)).await
        };
        call(&[("q", "?!")]).await.expect_fault_of(Code::NothingToSearch, "q");
        call(&[("q", "x"), ("cursor", "z")]).await.expect_fault_of(Code::NotCursor, "cursor");
        call(&[("q", "\u{1}'\"*:&|!()<->")]).await.expect_fault_of(Code::NothingToSearch, "q");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_keeps_it_up_to_date_by_itself_also_after_a_restart() {
    on_both_engines(async |engine| {
        let mut server = Server::on(engine).await;
        let id = server.start(&[]).await;
        server.message(&id, "pierwsza wiadomość").await;
        // What was said last may not be indexed yet.
        server.restart("").await;
        let searching = Searching::new(&server).await;
        server.message(&id, "druga wiadomość").await;
        let found = async { while searching.finds("wiadomosc").await.len() < 2 {} };
        tokio::time::timeout(crate::client::PATIENCE, found).await.expect("it is found soon");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_pages_take_part_of_it() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let searching = Searching::new(&server).await;
        let mut said = Vec::new();
        for number in 0..7 {
            let queue = if number % 2 == 0 { "3" } else { "4" };
            let id = start_in(&server, queue).await;
            for _ in 0..40 {
                server.app.clock.advance(1_000);
                server.message(&id, "szukane słowo").await;
            }
            said.extend((2..42).map(|seq| (id.clone(), seq)));
            server.app.clock.advance(24 * 60 * 60_000);
        }
        server.reply(&said[0].0, "anowak", "inne").await;
        server.stop(&said[40].0).await;
        indexed(&server).await;
        said.reverse();
        let is_of = |number: usize| {
            let id = said[said.len() - 1 - number * 40].0.clone();
            move |(of, _): &&(String, i64)| *of == id
        };
        assert_eq!(searching.finds("szuk słowo").await, said, "newest first, nothing twice");
        let page = searching.page(&[("q", "szuk"), ("limit", "1000")]).await;
        assert_eq!(page["result"].as_array().map(Vec::len), Some(50));
        let q = ("q", "szukane");
        for (filter, count) in [
            (vec![("chat_queue_id", "4")], 120),
            (vec![("chat_queue_id", "9")], 0),
            (vec![("user_login", "anowak")], 40),
            (vec![("status", "CLOSED")], 40),
            (vec![("status", "CREATED")], 200),
            (vec![("date_from", "2026-06-03"), ("date_to", "2026-06-04")], 80),
            (vec![("date_to", "2026-06-01")], 40),
            (vec![("topic_id", "1")], 0),
        ] {
            let all = searching.all(&[&[q][..], &filter, &[("limit", "33")]].concat()).await;
            assert_eq!(all.len(), count, "{filter:?}");
        }
        let (topic, tag): (Uuid, Uuid) = (said[0].0.parse().unwrap(), said[279].0.parse().unwrap());
        server
            .write(move |tx| {
                tx.execute(
                    &own("UPDATE conversation SET topic_id = 5 WHERE id = $1"),
                    params![&topic],
                )?;
                let add =
                    own("INSERT INTO conversation_tag (conversation_id, tag_id) VALUES ($1, 6)");
                Ok(tx.execute(&add, params![&tag])?)
            })
            .await;
        let topic = searching.all(&[q, ("topic_id", "5")]).await;
        assert_eq!(topic, said.iter().filter(is_of(6)).cloned().collect::<Vec<_>>());
        let tag = searching.all(&[q, ("tag_id", "6")]).await;
        assert_eq!(tag, said.iter().filter(is_of(0)).cloned().collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_find_what_is_theirs_or_was() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let supervisor = Searching::new(&server).await;
        let (in_queue, elsewhere) = (server.start(&[]).await, start_in(&server, "4").await);
        let (had, own) = (start_in(&server, "4").await, start_in(&server, "4").await);
        for id in [&in_queue, &elsewhere, &had, &own] {
            server.message(id, "reklamacja").await;
        }
        server.act(|tx, act| agents::set(tx, act, 3, "anowak", 100)).await;
        for id in [&had, &own] {
            server.assign(id, "anowak").await.expect_nothing();
        }
        server.assign(&had, "jkowalski").await.expect_nothing();
        // Not any more when this was said.
        server.message(&had, "reklamacja raz jeszcze").await;
        indexed(&server).await;
        let browser = Browser::of(&server, "anowak", Role::Agent).await;
        let agent = Searching { server: &server, browser };
        let ids = |found: Vec<(String, i64)>| {
            let mut ids: Vec<_> = found.into_iter().map(|(id, _)| id).collect();
            ids.sort_unstable();
            ids
        };
        let mut theirs = vec![in_queue.clone(), had.clone(), own.clone()];
        theirs.sort_unstable();
        assert_eq!(ids(agent.finds("reklamacja").await), theirs);
        assert_eq!(supervisor.finds("reklamacja").await.len(), 5);
        server.act(|tx, act| agents::remove(tx, act, 3, "anowak")).await;
        theirs.retain(|id| *id != in_queue);
        assert_eq!(ids(agent.finds("reklamacja").await), theirs);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_who_becomes_known_is_found_by_the_new_name() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let searching = Searching::new(&server).await;
        let id = server.start(&[("client_id", "77")]).await;
        indexed(&server).await;
        assert!(searching.finds("ewa").await.is_empty());
        server.add_customer(new_customer(Some("77"), "Ewa", "Nowa", &["ewa@example.org"])).await;
        indexed(&server).await;
        assert_eq!(searching.finds("ewa nowa 77").await, [(id, 0)]);
    })
    .await;
}

/// Everything that the index holds, as it is stored.
async fn raw(server: &Server, engine: Engine) -> Vec<u8> {
    match engine {
        Engine::Sqlite => {
            let texts = own("SELECT CAST(c0 AS TEXT) FROM search_text_content");
            let blocks = own("SELECT block FROM search_text_data");
            server
                .write(move |tx| {
                    let mut all = tx.query(&blocks, &[], |row| row.get::<Vec<u8>>(0))?.concat();
                    all.extend(tx.query(&texts, &[], |row| row.get::<String>(0))?.concat().bytes());
                    Ok(all)
                })
                .await
        }
        Engine::Postgres => {
            let texts = own("SELECT words::text FROM search_text");
            let all = server
                .write(move |tx| Ok(tx.query(&texts, &[], |row| row.get::<String>(0))?.concat()));
            all.await.into_bytes()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_is_found_no_more_and_is_not_in_the_index() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let searching = Searching::new(&server).await;
        let (erased, other) = (
            server.start(&[("client_name", "Wqxzjklient")]).await,
            server.start(&[("client_name", "Wrona")]).await,
        );
        for (id, text) in [(&erased, "Qxzjtajemnica"), (&other, "quasi tajemnica")] {
            server.message(id, text).await;
            server.reply(id, "anowak", "Qxkvodpowiedź").await;
        }
        indexed(&server).await;
        let holds = async |word: &str| {
            let raw = raw(&server, engine).await;
            raw.windows(word.len()).any(|part| part == word.as_bytes())
        };
        assert!(holds("xzjtajemnica").await && holds("qxzjklient").await);
        let id: Uuid = erased.parse().expect("an id");
        // The texts of the client, as whoever erases does it.
        let erase = move |tx: &mut Tx<'_>| {
            let texts =
                own("UPDATE event SET text = NULL WHERE conversation_id = $1 AND sent_by = 0");
            tx.execute(&texts, params![&id])?;
            search::forget_texts(tx, &id)
        };
        // At once, also while the index still knows it.
        let early = own("UPDATE event SET text = NULL WHERE conversation_id = $1 AND sent_by = 1");
        server.write(move |tx| Ok(tx.execute(&early, params![&id])?)).await;
        let found = searching.finds("qxkvodpowiedz").await;
        assert_eq!(found, [(other.clone(), 4)]);
        assert!(!server.write(erase).await, "it is done in a step");
        assert!(searching.finds("qxzjtajemnica").await.is_empty());
        assert_eq!(searching.finds("tajemnica").await, [(other.clone(), 2)]);
        assert_eq!(searching.finds("wqxzjklient").await, [(erased.clone(), 0)]);
        assert!(!holds("xzjtajemnica").await && holds("qxzjklient").await);
        // All of it, while something new of it was not indexed yet.
        server.message(&erased, "Qxzjpóźniej").await;
        let forget = move |tx: &mut Tx<'_>| {
            tx.execute(&own("DELETE FROM event WHERE conversation_id = $1"), params![&id])?;
            tx.execute(&own("DELETE FROM conversation WHERE id = $1"), params![&id])?;
            search::forget(tx, &id)
        };
        assert!(!server.write(forget).await);
        indexed(&server).await;
        for word in ["wqxzjklient", "qxzjpozniej"] {
            assert!(searching.finds(word).await.is_empty());
            assert!(!holds(&word[1..]).await, "{word}");
        }
        assert_eq!(searching.finds("wrona").await, [(other, 0)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_conversations_are_forgotten_in_steps_and_indexed_anew() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let searching = Searching::new(&server).await;
        let id = server.start(&[("client_name", "Długi")]).await;
        for number in 0..450 {
            server.message(&id, &format!("zdanie {number}")).await;
        }
        let short = server.start(&[]).await;
        server.message(&short, "zdanie krótkie").await;
        indexed(&server).await;
        let before = searching.all(&[("q", "zdanie"), ("limit", "50")]).await;
        assert_eq!(before.len(), 451);
        // As `rozmowa search rebuild` does it, while the server runs.
        let mut after = Some(Uuid::nil());
        while let Some(from) = after {
            after = server.write(move |tx| search::index::clear(tx, &from)).await;
        }
        indexed(&server).await;
        assert_eq!(searching.all(&[("q", "zdanie"), ("limit", "50")]).await, before);
        let long: Uuid = id.parse().expect("an id");
        let mut steps = 1;
        while server.write(move |tx| search::forget(tx, &long)).await {
            steps += 1;
        }
        assert_eq!(steps, 3);
        assert_eq!(searching.finds("zdanie").await, [(short, 2)]);
        assert!(searching.finds("dlugi").await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_commits_late_is_not_skipped() {
    on_both_engines(async |engine| {
        // One writer: nothing commits late.
        if engine == Engine::Sqlite {
            return;
        }
        let server = Server::on(engine).await;
        let searching = Searching::new(&server).await;
        let (late, early) = (server.start(&[]).await, server.start(&[]).await);
        indexed(&server).await;
        let id: Uuid = late.parse().expect("an id");
        let (go, wait) = std::sync::mpsc::sync_channel::<()>(1);
        let wait = std::sync::Mutex::new(wait);
        let (held, is_held) = tokio::sync::oneshot::channel();
        let held = std::sync::Mutex::new(Some(held));
        let app = server.app.clone();
        let saying = tokio::spawn(async move {
            let own = app.clone();
            app.db
                .write(move |tx| {
                    let actor = rozmowa::act::Actor::system();
                    let act = rozmowa::act::Act::of(tx, &own, &actor)?;
                    let new = rozmowa::conversation::NewMessage {
                        text: "spóźnione".to_owned(),
                        ..Default::default()
                    };
                    rozmowa::conversation::message(tx, &act, &id, &new)?;
                    // So that it has been sent.
                    rozmowa::agent::find(tx, "nobody")?;
                    if let Some(held) = held.lock().expect("nobody panics").take() {
                        held.send(()).expect("the test listens");
                    }
                    wait.lock().expect("nobody panics").recv().expect("the test goes on");
                    Ok::<_, Error>(())
                })
                .await
        });
        is_held.await.expect("it is under way");
        server.message(&early, "wczesne").await;
        indexed(&server).await;
        assert_eq!(searching.finds("wczesne").await.len(), 1);
        assert!(searching.finds("spoznione").await.is_empty());
        go.send(()).expect("it waits");
        saying.await.expect("nothing panics").expect("it is stored");
        indexed(&server).await;
        assert_eq!(searching.finds("spoznione").await.len(), 1);
    })
    .await;
}

/// As somebody would fold who knows Polish and nothing else.
fn plain(text: &str) -> Vec<String> {
    let folded: String = text
        .to_lowercase()
        .chars()
        .map(|c| match c {
            'ą' => 'a',
            'ć' => 'c',
            'ę' => 'e',
            'ł' => 'l',
            'ń' => 'n',
            'ó' => 'o',
            'ś' => 's',
            'ź' | 'ż' => 'z',
            c => c,
        })
        .collect();
    folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}

fn is_found(q: &str, text: &str) -> bool {
    let words = plain(text);
    plain(q).iter().all(|wanted| {
        words.iter().any(|word| {
            if wanted.chars().count() < 3 { word == wanted } else { word.starts_with(wanted) }
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn it_finds_what_a_plain_scan_of_random_texts_finds() {
    const LETTERS: &[char] =
        &['a', 'ą', 'A', 'z', 'ż', 'ź', 'Ż', 'l', 'ł', 'Ł', 'o', 'ó', 'Ó', '1', '2'];
    const BETWEEN: &[&str] =
        &[" ", " ", ", ", ".", "-", "'", "\"", "@", ":", "/", "\n", "*", "&", "!", "(", "\\"];
    on_both_engines(async |engine| {
        let seed = 20_260_601;
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let server = Server::on(engine).await;
        let searching = Searching::new(&server).await;
        let mut word = |most: usize| -> String {
            let length = random.random_range(1..=most);
            (0..length).map(|_| *LETTERS.choose(&mut random).expect("letters")).collect()
        };
        let words: Vec<String> = (0..60).map(|_| word(6)).collect();
        let prefixes: Vec<String> = (0..60).map(|_| word(4)).collect();
        let mut texts = Vec::new();
        for _ in 0..10 {
            let id = server.start(&[]).await;
            for seq in 2..32 {
                let mut text = String::new();
                for _ in 0..random.random_range(1..12) {
                    text.push_str(words.choose(&mut random).expect("words"));
                    text.push_str(BETWEEN.choose(&mut random).expect("signs"));
                }
                server.message(&id, &text).await;
                texts.push((id.clone(), seq, text));
            }
        }
        indexed(&server).await;
        let mut hits = 0;
        for _ in 0..200 {
            let from = if random.random_bool(0.5) { &words } else { &prefixes };
            let many = random.random_range(1..=2);
            let q: Vec<&str> =
                (0..many).map(|_| &**from.choose(&mut random).expect("words")).collect();
            let q = q.join(" ");
            let mut found = searching.all(&[("q", &q), ("limit", "50")]).await;
            found.sort_unstable();
            let expected = texts.iter().filter(|(_, _, text)| is_found(&q, text));
            let mut expected: Vec<_> = expected.map(|(id, seq, _)| (id.clone(), *seq)).collect();
            expected.sort_unstable();
            assert_eq!(found, expected, "{q:?}");
            hits += found.len();
        }
        assert!(hits > 1_000, "{hits}");
    })
    .await;
}
