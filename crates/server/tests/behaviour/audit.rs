//! The audit log: what is in it, what is not, and how it is read.

use std::sync::LazyLock;

use rozmowa::account::{self, Methods, Rotation, password};
use rozmowa::act::{Act, Actor, ActorKind};
use rozmowa::audit;
use rozmowa::clock::Millis;
use rozmowa::http::{Code, Error};
use rozmowa::queue;
use rozmowa::setting::Setting;
use rozmowa_db::{Stmt, Tx};
use serde_json::{Value, json};

use crate::client::get;
use crate::server::{NOON, PASSWORD, PASSWORD_HASH, Server};
use crate::store::{Engine, on_both_engines};

const DAY: Millis = 24 * 60 * 60 * 1000;
const NEW: &str = "an entirely new password";
static NEW_HASH: LazyLock<String> = LazyLock::new(|| {
    password::beside(NEW, &PASSWORD_HASH).expect("it can be hashed").expect("it is another one")
});

impl Server {
    async fn audit(&self, parameters: &[(&str, &str)]) -> Value {
        self.call(get("/api/audit").query(parameters)).await.expect(200).json()
    }

    /// As somebody at the command line, or through the API.
    async fn act_as<T: Send + 'static>(
        &self,
        actor: Actor,
        mut run: impl FnMut(&mut Tx<'_>, &Act<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        let app = self.app.clone();
        let done = self.app.db.write(move |tx| {
            let act = Act::of(tx, &app, &actor)?;
            run(tx, &act)
        });
        done.await.expect("the store takes it")
    }
}

fn kasia() -> Actor {
    Actor { kind: ActorKind::CommandLine, name: "kasia".to_owned(), from: None, request_id: None }
}

fn changes(page: &Value) -> Vec<&str> {
    let entries = page["result"].as_array().expect("a list");
    entries.iter().map(|entry| entry["change"].as_str().expect("a change")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_a_user_is_told_without_its_secrets() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let methods = Methods::parse("GET chats");
        let all = Methods::parse("*");
        let rotation = Rotation {
            current_hash: PASSWORD_HASH.clone(),
            new_hash: NEW_HASH.clone(),
            overlap: DAY,
        };
        server
            .act_as(kasia(), move |tx, act| {
                account::add_until(tx, act, "shop", &PASSWORD_HASH, &methods, Some(NOON + DAY))?;
                account::set_methods(tx, act, "shop", &all)?;
                account::set_expiry(tx, act, "shop", None)?;
                account::rotate(tx, act, "shop", &rotation)?;
                account::set_password(tx, act, "shop", &PASSWORD_HASH)?;
                account::set_enabled(tx, act, "shop", false)?;
                // These change nothing.
                account::set_enabled(tx, act, "shop", false)?;
                account::set_methods(tx, act, "shop", &all)?;
                account::set_expiry(tx, act, "nobody", None)?;
                account::add(tx, act, "shop", &PASSWORD_HASH, &all)?;
                account::remove(tx, act, "shop")
            })
            .await;
        let page = server.audit(&[("subject", "api_user shop")]).await;
        assert_eq!(
            changes(&page),
            [
                "api_user.remove",
                "api_user.change",
                "api_user.password",
                "api_user.rotate",
                "api_user.change",
                "api_user.change",
                "api_user.add"
            ]
        );
        let entries = page["result"].as_array().unwrap();
        for entry in entries {
            assert_eq!(entry["actor_kind"], "COMMAND_LINE");
            assert_eq!(entry["actor"], "kasia");
            assert_eq!(entry["at"], "2026-06-01 12:00:00");
            assert_eq!(entry["address"], Value::Null);
            assert_eq!(entry["request_id"], Value::Null);
        }
        let ended = json!({
            "id": 3, "name": "shop", "methods": ["GET chats"], "is_enabled": true,
            "expires_at": "2026-06-02T10:00:00Z", "old_password_until": null
        });
        assert_eq!((&entries[6]["was"], &entries[6]["becomes"]), (&Value::Null, &ended));
        let rotated = &entries[3]["becomes"];
        assert_eq!(rotated["password"], "changed");
        assert_eq!(rotated["old_password_until"], "2026-06-02T10:00:00Z");
        assert_eq!(entries[2]["was"]["old_password_until"], "2026-06-02T10:00:00Z");
        assert_eq!(entries[2]["becomes"]["old_password_until"], Value::Null);
        assert_eq!(entries[0]["becomes"], Value::Null);
        assert_eq!(entries[0]["was"]["is_enabled"], false);
        assert!(!page.to_string().contains("argon2"), "{page}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_and_a_queue_that_stay_as_they_are_leave_no_line() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for value in [false, true, true, false] {
            server.act(move |tx, act| Setting::AddCustomers.set(tx, act, value)).await;
            server.act(move |tx, act| queue::set_enabled(tx, act, 3, !value)).await;
        }
        let page = server.audit(&[("subject", "setting customers.add_automatically")]).await;
        assert_eq!(changes(&page), ["setting.change"; 2]);
        let newest = &page["result"][0];
        assert_eq!((&newest["was"], &newest["becomes"]), (&json!(true), &json!(false)));
        let page = server.audit(&[("subject", "queue 3")]).await;
        assert_eq!(changes(&page), ["queue.change", "queue.change", "queue.add"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_rolled_back_leaves_no_line() {
    let server = Server::on(Engine::Sqlite).await;
    let (app, actor) = (server.app.clone(), kasia());
    let done = server.app.db.write(move |tx| {
        let act = Act::of(tx, &app, &actor)?;
        account::set_enabled(tx, &act, "api_reader", false)?;
        Err::<(), _>(Error::internal("on second thoughts"))
    });
    assert!(done.await.is_err());
    assert_eq!(server.audit(&[("actor", "kasia")]).await["result"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_paged_and_filtered() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for number in 0..25_i64 {
            let actor =
                Actor { name: if number % 2 == 0 { "kasia" } else { "ola" }.to_owned(), ..kasia() };
            server
                .act_as(actor, move |tx, act| {
                    let subject = format!("thing {}", number % 5);
                    audit::record(tx, act, "thing.change", &subject, Some(&number), None::<&i64>)
                })
                .await;
            server.app.clock.advance(60 * 60 * 1000);
        }
        let all = server.audit(&[]).await;
        assert_eq!(all["next_cursor"], Value::Null);
        let all: Vec<Value> = all["result"].as_array().unwrap().clone();
        assert_eq!(
            all.iter().filter_map(|entry| entry["was"].as_i64()).collect::<Vec<_>>(),
            (0..25).rev().collect::<Vec<_>>()
        );

        for limit in ["1", "7", "100"] {
            let (mut paged, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = server.audit(&[("limit", limit), ("cursor", &cursor)]).await;
                let entries = page["result"].as_array().unwrap();
                assert!(entries.len() <= limit.parse().unwrap());
                paged.extend(entries.iter().cloned());
                match page["next_cursor"].as_str() {
                    Some(next) => next.clone_into(&mut cursor),
                    None => break,
                }
            }
            assert_eq!(paged, all, "by {limit}");
        }
        let count = async |parameters: &[(&str, &str)]| {
            server.audit(parameters).await["result"].as_array().unwrap().len()
        };
        assert_eq!(count(&[("subject", "thing 3")]).await, 5);
        assert_eq!(count(&[("actor", "ola")]).await, 12);
        assert_eq!(count(&[("subject", "thing 3"), ("actor", "kasia")]).await, 2);
        assert_eq!(count(&[("subject", "thing")]).await, 0, "to the letter");
        assert_eq!(count(&[("subject", "thing 3"), ("limit", "2")]).await, 2);
        // The first is at 12:00 and each an hour later: twelve on that day, 13 on the next.
        let of = [("subject", "thing 0"), ("actor", "kasia")];
        assert_eq!(count(&[("date_to", "2026-06-01"), ("actor", "ola")]).await, 6);
        assert_eq!(count(&[("date_from", "2026-06-02"), ("actor", "ola")]).await, 6);
        assert_eq!(count(&[("date_from", "2026-06-02"), ("date_to", "2026-06-01")]).await, 0);
        assert_eq!(count(&[&of[..], &[("date_from", "2026-06-01 22:00")]].concat()).await, 2);
        assert_eq!(count(&[("limit", "0")]).await, 0);

        for (parameter, value, code) in [
            ("limit", "-1", Code::NotCount),
            ("cursor", "x", Code::NotCursor),
            ("date_from", "yesterday", Code::NotTime),
            ("subject", "a\nb", Code::ControlCharacter),
            ("actor", "a\0", Code::ControlCharacter),
        ] {
            let answer = server.call(get("/api/audit").query(&[(parameter, value)])).await;
            answer.expect_fault_of(code, parameter);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_at_most_a_hundred_entries() {
    let server = Server::on(Engine::Sqlite).await;
    server
        .act(|tx, act| {
            (0..150).try_for_each(|number| {
                audit::record(tx, act, "thing.add", "thing", None::<&i64>, Some(&number))
            })
        })
        .await;
    for limit in [&[][..], &[("limit", "100")], &[("limit", "9007199254740991")]] {
        let page = server.audit(limit).await;
        assert_eq!(page["result"].as_array().unwrap().len(), 100);
        assert!(page["next_cursor"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_come_back_as_they_are() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for name in
            ["'; DROP TABLE audit; --", "żółw 🐢", "\"}],\"x\":[{\"", "<script>", "%00 \\u0000"]
        {
            let subject = format!("agent {name}");
            let (own, text) = (subject.clone(), name.to_owned());
            server
                .act_as(Actor { name: name.to_owned(), ..kasia() }, move |tx, act| {
                    audit::record(tx, act, "agent.add", &own, None::<&String>, Some(&text))
                })
                .await;
            for filter in [("subject", subject.as_str()), ("actor", name)] {
                let page = server.audit(&[filter]).await;
                let [entry] = &page["result"].as_array().unwrap()[..] else { panic!("{page}") };
                assert_eq!((&entry["subject"], &entry["actor"]), (&json!(subject), &json!(name)));
                assert_eq!(entry["becomes"], name);
            }
        }
        // Those with control characters can't be asked for by name, and are told all the same.
        server
            .act(|tx, act| {
                audit::record(tx, act, "agent.add", "agent \u{1b}[2J\n", None::<&i64>, Some(&1))
            })
            .await;
        assert_eq!(server.audit(&[]).await["result"][0]["subject"], "agent \u{1b}[2J\n");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_of_any_table_holds_a_password() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let rotation = Rotation {
            current_hash: PASSWORD_HASH.clone(),
            new_hash: NEW_HASH.clone(),
            overlap: DAY,
        };
        server.act(move |tx, act| account::rotate(tx, act, "api_user", &rotation)).await;
        let start = crate::client::post(crate::server::START).query(&[("chat_queue_id", "3")]);
        server.call(start.clone().by("api_user", NEW).key("a")).await.expect(200);
        server.call(start.by("api_user", PASSWORD).key("b")).await.expect(200);
        server.used("api_user", |user| user.last_used_at.is_some()).await;
        let cells = server.cells().await;
        assert!(cells.iter().any(|(place, _)| place == "audit.becomes"), "{:?}", cells.len());
        assert!(cells.iter().any(|(_, cell)| cell.windows(8).any(|part| part == b"api_user")));
        for secret in [PASSWORD, NEW] {
            for (place, cell) in &cells {
                let is_in = cell.windows(secret.len()).any(|part| part == secret.as_bytes());
                assert!(!is_in, "{place} holds {secret}");
            }
        }
        // Hashes stand in one place each, and in no history.
        for (place, cell) in &cells {
            let is_hash = cell.windows(7).any(|part| part == b"$argon2");
            let may =
                ["api_user.password_hash", "api_user.old_password_hash", "agent.password_hash"];
            assert!(!is_hash || may.contains(&place.as_str()), "{place} holds a hash");
        }
    })
    .await;
}

impl Server {
    /// Every text and every blob of every table, and where it stands.
    async fn cells(&self) -> Vec<(String, Vec<u8>)> {
        self.write(|tx| {
            let mut cells = Vec::new();
            for line in tx.schema()? {
                let Some(column) = line.strip_prefix("column ") else { continue };
                let (place, kind) = column.split_once(' ').expect("a type");
                let (table, name) = place.split_once('.').expect("a table and a column");
                let kind = kind.to_ascii_uppercase();
                let is_text = kind.starts_with("TEXT");
                if !is_text && !kind.starts_with("BLOB") && !kind.starts_with("BYTEA") {
                    continue;
                }
                let text = format!("SELECT {name} FROM {table}");
                let statement = Stmt::composed(format!("all of {place}"), text);
                let found: Vec<Option<Vec<u8>>> = tx.query(&statement, &[], |row| {
                    if is_text {
                        row.get::<Option<String>>(0).map(|text| text.map(String::into_bytes))
                    } else {
                        row.get(0)
                    }
                })?;
                cells.extend(found.into_iter().flatten().map(|cell| (place.to_owned(), cell)));
            }
            Ok(cells)
        })
        .await
    }
}
