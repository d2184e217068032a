//! The command line, as operators use it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// What is on standard input.
const PASSWORD: &str = "correct horse";

/// Runs the program on a data folder, as kasia, with nothing on standard input but a password.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    run_with(folder, PASSWORD, arguments)
}

fn run_with(folder: &Path, given: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rozmowa"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROZMOWA_")) {
        command.env_remove(name);
    }
    let password = folder.join("password");
    std::fs::write(&password, format!("{given}\n")).expect("the folder can be written to");
    command
        .env_remove("SUDO_USER")
        .env("USER", "kasia")
        .args(arguments)
        .arg("--data")
        .arg(folder)
        .stdin(Stdio::from(std::fs::File::open(&password).expect("it was just written")))
        .output()
        .expect("the program can be run")
}

fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn fails(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn installation() -> TempDir {
    let folder = TempDir::new().expect("a folder can be made");
    assert_eq!(succeeds(folder.path(), &["queue", "add", "Sklep", "--id", "3"]), "3\n");
    folder
}

#[test]
fn queues_users_agents_and_customers_are_added_and_listed() {
    let folder = installation();
    let at = folder.path();
    assert_eq!(succeeds(at, &["queue", "add", "Reklamacje"]), "4\n");
    assert!(fails(at, &["queue", "add", "Sklep"]).contains("already"));
    succeeds(at, &["queue", "disable", "4"]);
    assert_eq!(succeeds(at, &["mail", "list"]), "");
    assert_eq!(succeeds(at, &["queue", "list"]), "3\tenabled\tSklep\n4\tdisabled\tReklamacje\n");
    succeeds(
        at,
        &[
            "api-user",
            "add",
            "shop",
            "--methods",
            "GET chats",
            "--methods",
            "POST chat_conversations/*",
        ],
    );
    let listed = "shop\tenabled\tGET chats, POST chat_conversations/*\texpires: never\tlast used: never\t\
        old password: none\n";
    assert_eq!(succeeds(at, &["api-user", "list"]), listed);
    succeeds(at, &["api-user", "passwd", "shop"]);
    succeeds(at, &["api-user", "disable", "shop"]);
    assert!(succeeds(at, &["api-user", "list"]).contains("disabled"));
    succeeds(at, &["agent", "add", "jkowalski", "--name", "Jan", "--surname", "Kowalski"]);
    succeeds(at, &["agent", "disable", "jkowalski"]);
    assert!(succeeds(at, &["agent", "list"]).contains("jkowalski\tinactive\tJan Kowalski"));
    let added = ["customer", "add", "--identifier", "1234", "--email", "jan@example.org"];
    assert_eq!(succeeds(at, &added), "1\n");
    assert!(fails(at, &added).contains("already"));
}

#[test]
fn a_person_is_erased_only_by_whoever_says_so() {
    let folder = installation();
    let at = folder.path();
    let email = ["--email", "Jan@Example.org"];
    succeeds(at, &["customer", "add", "--name", "Jan", "--email", "jan@example.ORG"]);
    let export = [&["person", "export"][..], &email].concat();
    assert!(succeeds(at, &export).contains("\"customers\": 1"));
    let to = at.join("jan");
    let to = [&export[..], &["--to", to.to_str().expect("a path")]].concat();
    assert!(succeeds(at, &to).contains("jan"));
    assert!(fails(at, &to).contains("already"));
    // Not even by the address on standard input.
    let refused = fails(at, &[&["person", "erase"][..], &email].concat());
    assert!(refused.contains("\"customers\": 1") && refused.contains("--yes"), "{refused}");
    assert!(fails(at, &["person", "erase", "--email", "jan"]).contains("e-mail"));
    let erase = [&["person", "erase", "--yes"][..], &email].concat();
    let receipt = succeeds(at, &erase);
    assert!(receipt.contains("\"customers\": 1") && receipt.contains("kasia"), "{receipt}");
    assert!(!receipt.to_lowercase().contains("jan@"), "{receipt}");
    assert!(succeeds(at, &erase).contains("\"customers\": 0"));
    let log = succeeds(at, &["audit"]);
    assert!(log.contains("person.erased") && !log.to_lowercase().contains("jan@"), "{log}");
    let nowhere = folder.path().join("nowhere");
    assert!(fails(&nowhere_of(&nowhere), &export).contains("no such database"));
}

/// A folder without an installation.
fn nowhere_of(folder: &Path) -> std::path::PathBuf {
    std::fs::create_dir(folder).expect("a folder can be made");
    folder.to_owned()
}

#[test]
fn agents_are_described_and_put_into_queues_and_reasons_to_pause_are_kept() {
    let folder = installation();
    let at = folder.path();
    let add = ["agent", "add", "jkowalski", "--name", "Jan", "--capacity", "5", "--language", "en"];
    assert_eq!(succeeds(at, &add), "1\n");
    assert!(fails(at, &["agent", "add", "jkowalski"]).contains("already"));
    assert!(fails(at, &["agent", "add", "a b"]).contains("a login has"));
    let set = [
        "agent",
        "set",
        "jkowalski",
        "--surname",
        "Kowalski",
        "--role",
        "supervisor",
        "--number",
        "101",
    ];
    succeeds(at, &set);
    let listed = "1\tjkowalski\tactive\tJan Kowalski\t\tsupervisor\t0/5\n";
    assert_eq!(succeeds(at, &["agent", "list"]), listed);
    assert!(fails(at, &["agent", "set", "nobody", "--name", "A"]).contains("nobody"));
    assert!(fails(at, &["agent", "set", "jkowalski", "--role", "boss"]).contains("administrator"));
    assert!(fails(at, &["agent", "set", "jkowalski", "--capacity", "0"]).contains("1..=1000000"));
    succeeds(at, &["agent", "passwd", "jkowalski"]);
    succeeds(at, &["agent", "disable", "jkowalski"]);
    succeeds(at, &["agent", "enable", "jkowalski"]);

    succeeds(at, &["queue", "assign", "3", "jkowalski"]);
    assert_eq!(succeeds(at, &["queue", "agents", "3"]), "jkowalski\t100\t0/5\tOFF\n");
    succeeds(at, &["queue", "assign", "3", "jkowalski", "--priority", "7"]);
    assert_eq!(succeeds(at, &["queue", "agents", "3"]), "jkowalski\t7\t0/5\tOFF\n");
    assert!(fails(at, &["queue", "assign", "9", "jkowalski"]).contains('9'));
    assert!(fails(at, &["queue", "assign", "3", "nobody"]).contains("nobody"));
    for _ in 0..2 {
        succeeds(at, &["queue", "unassign", "3", "jkowalski"]);
    }
    assert_eq!(succeeds(at, &["queue", "agents", "3"]), "");

    assert_eq!(succeeds(at, &["pause", "add", "Kawa"]), "1\n");
    assert!(fails(at, &["pause", "add", " Kawa "]).contains("already"));
    succeeds(at, &["pause", "disable", "1"]);
    assert_eq!(succeeds(at, &["pause", "list"]), "1\tdisabled\tKawa\n");
    succeeds(at, &["pause", "enable", "1"]);
    assert_eq!(succeeds(at, &["pause", "list"]), "1\tenabled\tKawa\n");
    assert!(fails(at, &["pause", "disable", "2"]).contains('2'));
    assert!(succeeds(at, &["verify"]).contains("all is well"));
}

#[test]
fn a_link_for_the_first_administrator_is_printed_while_there_is_none() {
    let folder = TempDir::new().expect("a folder can be made");
    let at = folder.path();
    let link = succeeds(at, &["admin-link"]);
    let token = link.trim_end().strip_prefix("http://127.0.0.1:8080/console/welcome#");
    assert_eq!(token.map(str::len), Some(43), "{link}");
    assert_ne!(succeeds(at, &["admin-link"]), link);
    succeeds(at, &["agent", "add", "ewa", "--role", "administrator"]);
    assert!(fails(at, &["admin-link"]).contains("an administrator already"));
    // One stays, whoever asks.
    assert!(fails(at, &["agent", "disable", "ewa"]).contains("Nobody else"));
    succeeds(at, &["agent", "add", "ola", "--role", "administrator"]);
    succeeds(at, &["agent", "disable", "ewa"]);

    assert!(succeeds(at, &["agent", "totp-reset", "ewa"]).contains("no second factor"));
    assert!(fails(at, &["agent", "totp-reset", "nobody"]).contains("nobody"));
}

#[test]
fn slips_of_the_pen_are_named() {
    let folder = installation();
    let at = folder.path();
    let told = fails(at, &["api-user", "add", "shop", "--methods", "GET chat"]);
    assert!(told.contains("did you mean 'GET chats'?"), "{told}");
    assert!(fails(at, &["api-user", "disable", "nobody"]).contains("there is no nobody"));
    assert!(
        fails(at, &["setting", "set", "customers.add", "true"])
            .contains("customers.add_automatically")
    );
    assert!(fails(at, &["customer", "add", "--email", "x"]).contains("not an e-mail"));
    assert!(fails(at, &["customer", "add"]).contains("needs"));
    assert!(fails(at, &["queue", "add", " "]).contains("must not be blank"));
}

#[test]
fn a_setting_is_changed() {
    let folder = installation();
    let at = folder.path();
    let list = |adds: &str, days: i64, url: &str| {
        format!(
            "customers.add_automatically = {adds}\nretention.days = {days}\npublic_url = {url}\n"
        )
    };
    assert_eq!(succeeds(at, &["setting", "list"]), list("false", 0, ""));
    succeeds(at, &["setting", "set", "customers.add_automatically", "true"]);
    succeeds(at, &["setting", "set", "retention.days", "365"]);
    succeeds(at, &["setting", "set", "public_url", "https://chat.example.org/"]);
    assert_eq!(succeeds(at, &["setting", "list"]), list("true", 365, "https://chat.example.org"));
    for (name, value) in [
        ("retention.days", "36501"),
        ("retention.days", "true"),
        ("customers.add_automatically", "1"),
        ("public_url", "chat.example.org"),
    ] {
        assert!(
            fails(at, &["setting", "set", name, value]).contains("it must be"),
            "{name} {value}"
        );
    }
}

#[test]
fn the_clean_up_leaves_a_database_that_is_whole() {
    let folder = installation();
    let at = folder.path();
    assert!(succeeds(at, &["erase-cleanup"]).contains("no more"));
    assert!(succeeds(at, &["verify"]).contains("all is well"));
    assert_eq!(succeeds(at, &["queue", "list"]), "3\tenabled\tSklep\n");
}

#[test]
fn what_is_not_there_is_not_made_by_looking() {
    let folder = TempDir::new().expect("a folder can be made");
    for arguments in
        [&["queue", "list"][..], &["verify"], &["backup", "copy"], &["api-user", "passwd", "x"]]
    {
        let told = fails(folder.path(), arguments);
        assert!(told.contains("there is no such database"), "{arguments:?}: {told}");
    }
    assert!(!folder.path().join("rozmowa.sqlite").exists());
}

#[test]
fn a_backup_is_restored_and_what_it_replaces_is_kept_each_time() {
    let folder = installation();
    let at = folder.path();
    let copy = at.join("copy.db");
    let copy = copy.to_str().expect("the path is UTF-8");
    succeeds(at, &["backup", copy]);
    assert!(fails(at, &["backup", copy]).contains("there already"));
    succeeds(at, &["queue", "add", "Later"]);
    for n in 1..=2 {
        let told = succeeds(at, &["restore", copy]);
        assert!(told.contains(&format!("before-restore-{n}")), "{told}");
        assert_eq!(succeeds(at, &["queue", "list"]), "3\tenabled\tSklep\n");
    }
    assert!(succeeds(at, &["verify"]).contains("all is well"));
    assert!(
        fails(at, &["restore", at.join("password").to_str().expect("UTF-8")]).contains("password")
    );
}

#[test]
fn the_data_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = installation();
    let copy = folder.path().join("copy.db");
    succeeds(folder.path(), &["backup", copy.to_str().expect("the path is UTF-8")]);
    for file in [folder.path().join("rozmowa.sqlite"), copy] {
        let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

#[test]
fn the_configuration_in_force_tells_its_sources() {
    let folder = installation();
    let told = succeeds(folder.path(), &["config", "--database", "postgres://u:secret@db/x"]);
    assert!(told.contains("database = \"postgres://u:***@db/x\"  # command line"), "{told}");
    assert!(told.contains("time_zone = \"Europe/Warsaw\"  # default"), "{told}");
}

#[test]
fn an_api_user_comes_to_an_end_is_rotated_and_removed() {
    let folder = installation();
    let at = folder.path();
    let add = ["api-user", "add", "shop", "--methods", "GET chats", "--expires", "2999-01-01"];
    succeeds(at, &add);
    assert!(fails(at, &add).contains("already"));
    let listed = || succeeds(at, &["api-user", "list"]);
    assert!(
        listed().contains("\tenabled\tGET chats\texpires: 2999-01-01 00:00:00\t"),
        "{}",
        listed()
    );
    succeeds(at, &["api-user", "expires", "shop", "2999-02-03 12:30"]);
    assert!(listed().contains("\texpires: 2999-02-03 12:30:00\t"), "{}", listed());
    succeeds(at, &["api-user", "expires", "shop", "never"]);
    assert!(listed().contains("\texpires: never\t"), "{}", listed());
    for (wrong, told) in
        [("2001-01-01", "disable"), ("tomorrow", "no time"), ("2999-13-01", "no time")]
    {
        let said = fails(at, &["api-user", "expires", "shop", wrong]);
        assert!(said.contains(told), "{said}");
    }
    succeeds(
        at,
        &["api-user", "methods", "shop", "--methods", "GET chats*", "--methods", "GET audit"],
    );
    assert!(listed().contains("\tGET chats*, GET audit\t"), "{}", listed());
    for wrong in ["GET chat", "GET chats\nGET x"] {
        let said = fails(at, &["api-user", "methods", "shop", "--methods", wrong]);
        assert!(said.contains("did you mean"), "{said}");
    }

    let same = fails(at, &["api-user", "rotate", "shop"]);
    assert!(same.contains("current password"), "{same}");
    let rotated = |password: &str, overlap: &str| {
        let output = run_with(at, password, &["api-user", "rotate", "shop", "--overlap", overlap]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.is_empty(), "who brings a password is not told it");
    };
    rotated("battery staple", "90d");
    assert!(listed().contains("old password: until 2"), "{}", listed());
    assert!(listed().contains(", last used: never\n"), "{}", listed());
    rotated("Tr0ub4dor&3", "0");
    assert!(listed().contains("old password: none"), "{}", listed());
    for wrong in ["91d", "x", "-1h", ""] {
        let argument = format!("--overlap={wrong}");
        fails(at, &["api-user", "rotate", "shop", &argument]);
    }
    assert!(fails(at, &["api-user", "rotate", "nobody"]).contains("there is no nobody"));

    succeeds(at, &["api-user", "remove", "shop"]);
    assert_eq!(listed(), "");
    for again in [&["remove", "shop"][..], &["expires", "shop", "never"], &["rotate", "shop"]] {
        let said = fails(at, &[&["api-user"], again].concat());
        assert!(said.contains("there is no shop"), "{said}");
    }
    assert!(fails(at, &["api-user", "add", "", "--methods", "*"]).contains("a name"));
    assert!(fails(at, &["api-user", "add", &"x".repeat(256), "--methods", "*"]).contains("255"));
}

#[test]
fn every_change_is_in_the_audit_log_with_who_made_it_and_without_its_secrets() {
    let folder = installation();
    let at = folder.path();
    for command in [
        &["api-user", "add", "shop", "--methods", "GET chats"][..],
        &["api-user", "methods", "shop", "--methods", "*"],
        &["api-user", "expires", "shop", "2999-01-01"],
        &["api-user", "disable", "shop"],
        &["api-user", "enable", "shop"],
        &["api-user", "passwd", "shop"],
        &["setting", "set", "customers.add_automatically", "true"],
        &["queue", "disable", "3"],
        // These change nothing.
        &["api-user", "enable", "shop"],
        &["setting", "set", "customers.add_automatically", "true"],
        &["queue", "disable", "3"],
    ] {
        succeeds(at, command);
    }
    let rotated = run_with(at, "battery staple", &["api-user", "rotate", "shop"]);
    assert!(rotated.status.success());
    succeeds(at, &["api-user", "remove", "shop"]);

    let told = succeeds(at, &["audit"]);
    let changes: Vec<_> = told.lines().filter_map(|line| line.split('\t').nth(2)).collect();
    assert_eq!(
        changes,
        [
            "api_user.remove",
            "api_user.rotate",
            "queue.change",
            "setting.change",
            "api_user.password",
            "api_user.change",
            "api_user.change",
            "api_user.change",
            "api_user.change",
            "api_user.add",
            "queue.add",
        ]
    );
    assert!(told.lines().all(|line| line.contains("\tCOMMAND_LINE kasia\t")), "{told}");
    assert!(told.contains("\tapi_user shop\tis_enabled: true → false\n"), "{told}");
    assert!(told.contains("\tsetting customers.add_automatically\tfalse → true\n"), "{told}");
    assert!(told.contains("password: \"changed\""), "{told}");

    let few = succeeds(at, &["audit", "--limit", "2", "--subject", "api_user shop"]);
    assert_eq!(few.lines().count(), 2);
    assert_eq!(succeeds(at, &["audit", "--actor", "ola"]), "");
    assert_eq!(succeeds(at, &["audit", "--to", "2001-01-01"]), "");
    let since = succeeds(at, &["audit", "--from", "2001-01-01", "--actor", "kasia"]);
    assert_eq!(since, told);
    assert!(fails(at, &["audit", "--from", "yesterday"]).contains("no time"));
    for line in succeeds(at, &["audit", "--json"]).lines() {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON a line");
        assert_eq!(entry["actor"], "kasia");
    }

    for file in std::fs::read_dir(at).expect("the folder is there") {
        let path = file.expect("it can be listed").path();
        if path.file_name().is_some_and(|name| name == "password") {
            continue;
        }
        let bytes = std::fs::read(&path).expect("it can be read");
        for secret in [PASSWORD, "battery staple"] {
            let is_in = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!is_in, "{} holds a password", path.display());
        }
    }
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let folder = installation();
    let at = folder.path();
    let name = "Sklep\u{9b}2J\u{1b}[2J\r\u{202e}";
    assert!(fails(at, &["queue", "add", name]).contains("control characters"));
    succeeds(at, &["queue", "add", "Sklep\u{202e}"]);
    let told = succeeds(at, &["audit"]);
    assert_eq!(told.lines().count(), 2);
    assert!(!told.contains(['\u{9b}', '\u{1b}', '\r', '\u{202e}']), "{told:?}");
    assert!(fails(at, &["api-user", "add", name, "--methods", "*"]).contains("control"));
    succeeds(at, &["api-user", "add", "x\u{202e}", "--methods", "*"]);
    let listed = succeeds(at, &["api-user", "list"]);
    assert!(listed.starts_with("x\\u{202e}\t"), "{listed:?}");
}
