//! Customers from and to files, beside a running server.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{get, post, put};
use crate::crm::everything;
use crate::hooks::until;
use crate::program::{Home, Program, attempt, begin, install, run};
use crate::receiver::Receiver;
use crate::server::{START, started};
use crate::store::{Engine, on_both_engines};

/// An installation with its server, and a folder for files.
struct Scene {
    home: Home,
    program: Program,
    folder: TempDir,
}

impl Scene {
    async fn on(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let home = Home::make(engine, folder.path().join("data")).await;
        install(&home);
        run(&home, &["agent", "add", "jkowalski"]);
        let program = Program::serve(&home, &folder.path().join("log")).await;
        Self { home, program, folder }
    }

    /// The same with custom fields of each kind.
    async fn with_fields(engine: Engine) -> Self {
        let scene = Self::on(engine).await;
        for field in [
            json!({"name": "Źródło; \"główne\""}),
            json!({"name": "Limit", "kind": "number", "read_only": true}),
            json!({"name": "Od", "kind": "date", "of_companies": false}),
            json!({"name": "Marki", "kind": "list", "options": ["A|B", "C\\D", "E"]}),
            json!({"name": "Zgoda", "kind": "yes_no"}),
        ] {
            scene.program.call(post("/api/custom_fields").json(&field)).await.expect(200);
        }
        scene
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of this text, imported with these options.
    fn import(&self, text: impl AsRef<[u8]>, options: &[&str]) -> (i32, String) {
        let file = self.file("in.csv");
        std::fs::write(&file, text).expect("the folder can be written to");
        let mut arguments = vec!["customer", "import", path(&file)];
        arguments.extend(options);
        attempt(&self.home, &arguments)
    }

    fn export(&self, options: &[&str]) -> String {
        let mut arguments = vec!["customer", "export", "-"];
        arguments.extend(options);
        let (code, said) = attempt(&self.home, &arguments);
        assert_eq!(code, 0, "{said}");
        said
    }

    async fn customers(&self) -> Vec<Value> {
        let target = "/api/customers?include_details=1&include_address=1&include_custom_fields=1";
        let listed = self.program.call(get(target)).await.expect(200).json();
        listed["result"].as_array().expect("a list").clone()
    }

    async fn count(&self) -> i64 {
        let listed = self.program.call(get("/api/customers?limit=1")).await.expect(200).json();
        listed["count"].as_i64().expect("a number")
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// What a report comes to, without the time it took.
fn report(said: &str) -> String {
    let mut told = said.lines().filter_map(|line| line.split_once(" lines in "));
    let (lines, rest) = told.next().unwrap_or_else(|| panic!("{said}"));
    let (_, rest) = rest.split_once(" s: ").expect("seconds");
    format!("{lines}: {rest}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_imported_elsewhere_is_exported_the_same() {
    on_both_engines(async |engine| {
        let scene = Scene::with_fields(engine).await;
        let company = json!({"name": "Łódź & Synowie; \"Sp. z o.o.\"", "identifier": "F-1", "nip": "PL 1234563218",
            "email": ["biuro@firma.example"], "custom_fields": {"Marki": ["E"]}});
        let company = scene.program.call(post("/api/companies").json(&company)).await.expect(201).json();
        // One who is there before the company is, and belongs to it later.
        let early = json!({"surname": "Wcześniejszy"});
        let early = scene.program.call(post("/api/customers").json(&early)).await.expect(201).json();
        let mut known = everything();
        known["company_id"] = company["company_id"].clone();
        known["note"] = json!(" \"Ważne\";\r\nżółć, |\\| \n");
        known["fill_read_only_custom_fields"] = json!(true);
        known["custom_fields"] = json!({"Źródło; \"główne\"": "targi|2026\n\"x\"", "Limit": "-12,50", "Od": "2026-06-01",
            "Marki": ["A|B", "C\\D"], "Zgoda": false});
        known["phone_number"] = json!(["22 2|3", "+48 213443523", "a\\|1"]);
        scene.program.call(post("/api/customers").json(&known)).await.expect(201);
        for body in [json!({"surname": "Nowak"}), json!({"surname": "Nowak"}), json!({"name": "=1+1", "surname": "-"})] {
            scene.program.call(post("/api/customers").json(&body)).await.expect(201);
        }
        let later = json!({"name": "Późniejsza", "identifier": "F-0"});
        let later = scene.program.call(post("/api/companies").json(&later)).await.expect(201).json();
        let early = early["customer_id"].as_i64().expect("a number");
        let change = json!({"company_id": later["company_id"]});
        scene.program.call(put(format!("/api/customers/{early}")).json(&change)).await.expect(200);
        let exported = scene.export(&[]);
        for delimiter in [";", ",", "tab"] {
            let exported = scene.export(&["--delimiter", delimiter]);
            let other = Scene::with_fields(engine).await;
            let (code, said) = other.import(&exported, &["--fill-read-only"]);
            // The two who say nothing but the same name are one line.
            assert_eq!((code, report(&said)), (0, "7: 6 added, 0 changed, 1 unchanged, 0 refused.".to_owned()), "{said}");
        }
        let before = scene.customers().await;
        let twin = before.iter().rfind(|one| one["surname"] == "Nowak").expect("somebody");
        let twin = twin["customer_id"].as_i64().expect("a number");
        scene.program.call(put(format!("/api/customers/{twin}")).json(&json!({"name": "Druga"}))).await.expect(200);
        let exported_at = scene.export(&["--bom"]);
        assert!(exported_at.starts_with('\u{feff}') && exported_at.len() > exported.len());
        let other = Scene::with_fields(engine).await;
        let (code, said) = other.import(&exported_at, &["--fill-read-only"]);
        assert_eq!((code, report(&said)), (0, "7: 7 added, 0 changed, 0 unchanged, 0 refused.".to_owned()), "{said}");
        assert_eq!(other.export(&["--bom"]), exported_at);
        let (code, said) = other.import(&exported_at, &["--fill-read-only"]);
        assert_eq!((code, report(&said)), (0, "7: 0 added, 0 changed, 7 unchanged, 0 refused.".to_owned()), "{said}");
        // Where it came from, with numbers, it changes nobody either.
        let numbered = scene.export(&["--numbers"]);
        let (code, said) = scene.import(&numbered, &["--fill-read-only"]);
        assert_eq!((code, report(&said)), (0, "7: 0 added, 0 changed, 7 unchanged, 0 refused.".to_owned()), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_changes_what_its_columns_give_and_nothing_else() {
    on_both_engines(async |engine| {
        let scene = Scene::on(engine).await;
        scene.program.call(post("/api/customers").json(&everything())).await.expect(201);
        let before = scene.customers().await.remove(0);
        let (code, said) =
            scene.import("identifier,surname,job\nK-1,Kowalski,\nK-1,Nowak,Hurtownia\n", &[]);
        assert_eq!(
            (code, report(&said)),
            (0, "2: 0 added, 2 changed, 0 unchanged, 0 refused.".to_owned()),
            "{said}"
        );
        let after = scene.customers().await;
        assert_eq!(after.len(), 1);
        let mut expected = before.clone();
        expected["surname"] = json!("Nowak");
        expected["details"]["job"] = json!("Hurtownia");
        expected["updated_at"] = after[0]["updated_at"].clone();
        assert_eq!(after[0], expected);
        // By its number; an identifier that is another's is refused.
        let text = "customer_id;identifier;name\n1;;Ola\n1;K-2;Ola\n;K-3;Ewa\n1;K-3;Ula\n7;;Ula\n";
        let (code, said) = scene.import(text, &[]);
        assert_eq!(code, 3, "{said}");
        assert!(
            said.contains("line 5, identifier: There is already a customer of this identifier."),
            "{said}"
        );
        assert!(
            said.contains("line 6, customer_id: There is no customer with the customer_id 7."),
            "{said}"
        );
        let names: Vec<_> = scene
            .customers()
            .await
            .iter()
            .map(|one| (one["identifier"].clone(), one["name"].clone()))
            .collect();
        assert_eq!(names, [(json!("K-2"), json!("Ola")), (json!("K-3"), json!("Ewa"))]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_refused_are_told_with_their_numbers_and_can_be_mended() {
    on_both_engines(async |engine| {
        let scene = Scene::with_fields(engine).await;
        let text = b"surname;email;phone_number;identifier;company_identifier;company_flag;account_manager;custom_fields[Marki];custom_fields[Od]\r\n\
            Dobry;a@b.pl|c@d.pl;22 1|22 2;D-1;F-1;;jkowalski;A\\|B|E;2026-02-03\r\n\
            Firma;;;F-1;;1;;;\r\n\
            \"Otwarty;a@b.pl;;;;;;;\r\n\
            Z\xb3y;;;;;;;;\r\n\
            Kr\xc3\xb3tki;\r\n\
            ;;;;;;;;\r\n\
            Adres;nie adres;x;;;;;;\r\n\
            Pole;;;;F-9;;nikt;Z;2026-02-30\r\n\
            Spolka;;;F-2;;1;;;2026-02-03\r\n\
            Firma;;;F-1;;0;;;\r\n\
            Ostatni;;;;F-1;0;;;\r\n";
        let refused = scene.file("refused.csv");
        let (code, said) = scene.import(text, &["--refused", path(&refused)]);
        assert_eq!(code, 3, "{said}");
        let expected = "line 2, company_identifier: There is no company with the company_id F-1.
line 4: A quote is not closed, or something stands behind a closing quote.
line 5: The line is not in UTF-8.
line 6: The line has 2 cells, and the header has 9.
line 7, surname: Parameter surname is required.
line 8, email: Parameter email must be an e-mail address.
line 8, phone_number: Parameter phone_number must be a telephone number: it has no digit.
";
        assert!(said.starts_with(expected), "{said}");
        for part in [
            "line 9, custom_fields[Marki]: ",
            "line 9, custom_fields[Od]: ",
            "line 10, custom_fields[Od]: Parameter custom_fields[Od] names a custom field that does not exist here.",
            "line 11, company_flag: company_flag says of a company that it is none, or the other way round.",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert_eq!(report(&said), "11: 2 added, 0 changed, 0 unchanged, 9 refused.");
        // What the report tells, the file has, line by line as they stood there.
        let bytes = std::fs::read(&refused).expect("a file");
        let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
        assert_eq!(lines.len(), 11);
        assert!(lines[0].ends_with(b"custom_fields[Od];why"));
        assert!(lines[3].starts_with(b"Z\xb3y;;;;;;;;;The line"), "{:?}", String::from_utf8_lossy(lines[3]));
        // Mended, and given again: `why` is of no consequence, and the company is there now.
        let mended = [lines[0], lines[1]].join(&b'\n');
        let (code, said) = scene.import(&mended, &[]);
        assert_eq!((code, report(&said)), (0, "1: 1 added, 0 changed, 0 unchanged, 0 refused.".to_owned()), "{said}");
        let good = scene.customers().await.pop().expect("somebody");
        assert_eq!(good["emails"], json!(["a@b.pl", "c@d.pl"]));
        assert_eq!(good["phone_numbers"], json!(["22 1", "22 2"]));
        assert_eq!(good["custom_fields"]["Marki"], json!(["A|B", "E"]));
        assert_eq!((&good["account_manager"], &good["company_id"]), (&json!("jkowalski"), &json!(1)));
        let (_, said) = scene.import(text, &["--lang", "pl"]);
        assert!(said.contains("wiersz 5: Wiersz nie jest w UTF-8."), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_column_that_is_not_known_is_refused_whole() {
    on_both_engines(async |engine| {
        let scene = Scene::with_fields(engine).await;
        for (header, told) in [
            (
                "surname;nazwisko;custom_fields[Kraj];address[ulica]",
                "nazwisko, custom_fields[Kraj], address[ulica]",
            ),
            ("surname;name;surname", "twice: surname"),
            ("surname;custom_fields[Limit]", "--fill-read-only fills: custom_fields[Limit]"),
            ("surname;\u{1b}[2J", "u{1b}"),
        ] {
            let (code, said) = scene.import(format!("{header}\nKowalski;;;\n"), &[]);
            assert_eq!(code, 1, "{said}");
            assert!(said.contains(told) && said.contains("Nothing was imported."), "{said}");
        }
        assert_eq!(scene.import("", &[]).0, 1);
        assert_eq!(scene.count().await, 0);
        let (code, said) = scene.import("surname\nKowalski\nKowalski\nNowak\n", &["--dry-run"]);
        assert_eq!(code, 0, "{said}");
        assert!(
            said.contains(
                "Nothing was written. 3 lines: 2 would be added, 0 changed, 1 unchanged, 0 refused."
            ),
            "{said}"
        );
        assert_eq!(scene.count().await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_import_adds_is_told_found_and_linked_and_what_it_does_not_change_is_not_told() {
    on_both_engines(async |engine| {
        let scene = Scene::on(engine).await;
        let receiver = Receiver::start().await;
        let webhook = json!({"actions": ["CUSTOMER_CREATED", "CUSTOMER_UPDATED"], "subscription_url": receiver.url()});
        scene.program.call(post("/api/webhooks").json(&webhook)).await.expect(200);
        let start = post(START).query(&[("chat_queue_id", "3"), ("client_id", "K-2")]);
        let chat = started(&scene.program.call(start).await);
        let text = "identifier;name;surname;phone_number\nK-1;Ala;Kot;22 111 22 33\nK-2;Żaneta;Łoś;\n;Nikt;;\n";
        scene.import(text, &[]);
        receiver.expect(3).await;
        let shown = scene.program.call(get(format!("/api/chats/{chat}"))).await.expect(200).json();
        assert_eq!((&shown["customer_id"], &shown["client_name"]), (&json!(2), &json!("Żaneta Łoś")));
        let found = scene.program.call(get("/api/customers?phone_number=221112233")).await.expect(200).json();
        assert_eq!(found["count"], 1);
        let (code, said) = scene.import(text, &[]);
        assert_eq!((code, report(&said)), (0, "3: 0 added, 0 changed, 3 unchanged, 0 refused.".to_owned()), "{said}");
        scene.import("identifier;name;surname;phone_number\nK-1;Ala;Kot;22 111 22 33\nK-2;Żaneta;Sarna;\n", &[]);
        receiver.expect(4).await;
        // Whoever was deleted is added again.
        scene.program.call(crate::client::delete("/api/customers/3")).await.expect_nothing();
        let (_, said) = scene.import(text, &[]);
        assert_eq!(report(&said), "3: 1 added, 1 changed, 1 unchanged, 0 refused.");
        receiver.expect(6).await;
        assert_eq!(receiver.count(), 6);
    })
    .await;
}

/// Customers as no test writes them by hand, and the numbers of the broken lines among them.
fn generated(count: usize, broken: usize) -> (Vec<u8>, Vec<usize>) {
    let mut text =
        "\u{feff}identifier;name;surname;email;phone_number;group;note;address[city];vip\r\n"
            .to_owned();
    let (mut bytes, mut numbers) = (Vec::new(), Vec::new());
    let (every, mut line) = (count / broken, 2);
    for n in 0..count {
        // A note goes over two lines in every tenth.
        let note =
            if n % 10 == 3 { "\"pierwsza \"\"linia\"\"\r\ndruga; linia\"" } else { "Zażółć" };
        let identifier = if n % 7 == 0 { String::new() } else { format!("K-{n}") };
        let good = format!(
            "{identifier};Świętosława {n};\"Brzęczyszczykiewicz; z d. \"\"Łoś\"\"\";z{n}@Przykład.example;22 {:03} {:02} {:02};Hurt;{note};Łódź;{}\r\n",
            n % 1000,
            n / 1000 % 100,
            n % 100,
            n % 2
        );
        if n % every != 1 {
            text.push_str(&good);
            line += good.matches('\n').count();
            continue;
        }
        numbers.push(line);
        line += 1;
        match n / every % 5 {
            0 => text.push_str("a;b\r\n"),
            1 => writeln!(text, "K-{n};\"Otwarty;x;;;;;;").expect("a text"),
            2 => writeln!(text, "K-{n};Ala;Kot;nie adres;;;;;").expect("a text"),
            3 => writeln!(text, "K-{n};Ala;Kot;;;;;;może").expect("a text"),
            _ => {
                bytes.extend_from_slice(text.as_bytes());
                bytes.extend_from_slice(b"K-;Z\xb3o\xb6\xe6;Kot;;;;;;\r\n");
                text.clear();
            }
        }
    }
    bytes.extend_from_slice(text.as_bytes());
    (bytes, numbers)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_half_way_is_gone_on_with_and_nobody_is_there_twice() {
    const COUNT: usize = 5_000;
    const BROKEN: usize = 50;
    on_both_engines(async |engine| {
        let (text, numbers) = generated(COUNT, BROKEN);
        assert_eq!(numbers.len(), BROKEN);
        let whole = Scene::on(engine).await;
        let (code, said) = whole.import(&text, &[]);
        let expected =
            format!("{COUNT}: {} added, 0 changed, 0 unchanged, {BROKEN} refused.", COUNT - BROKEN);
        assert_eq!((code, report(&said)), (3, expected), "{said}");
        let told: Vec<usize> = said
            .lines()
            .filter_map(|line| line.strip_prefix("line ")?.split([',', ':']).next()?.parse().ok())
            .collect();
        assert_eq!(told, numbers);
        let exported = whole.export(&[]);
        let (code, said) = whole.import(&text, &[]);
        let expected =
            format!("{COUNT}: 0 added, 0 changed, {} unchanged, {BROKEN} refused.", COUNT - BROKEN);
        assert_eq!((code, report(&said)), (3, expected), "{said}");
        assert_eq!(whole.export(&[]), exported);

        let broken_off = Scene::on(engine).await;
        let file = broken_off.file("killed.csv");
        std::fs::write(&file, &text).expect("the folder can be written to");
        let mut child = begin(&broken_off.home, &["customer", "import", path(&file)]);
        until("some of them", async || (broken_off.count().await > 0).then_some(())).await;
        child.kill().expect("it runs or has ended");
        child.wait().expect("it ends");
        let (code, said) = attempt(&broken_off.home, &["customer", "import", path(&file)]);
        assert_eq!(code, 3, "{said}");
        assert_eq!(broken_off.export(&[]), exported);
        assert_eq!(broken_off.count().await, i64::try_from(COUNT - BROKEN).expect("a number"));
    })
    .await;
}
