//! The command line, as operators use it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Runs the program on a data folder, with nothing on standard input but a password.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rozmowa"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROZMOWA_")) {
        command.env_remove(name);
    }
    let password = folder.join("password");
    std::fs::write(&password, "correct horse\n").expect("the folder can be written to");
    command
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
    assert!(fails(at, &["queue", "add", " "]).contains("needs a name"));
}

#[test]
fn a_setting_is_changed() {
    let folder = installation();
    let at = folder.path();
    assert_eq!(succeeds(at, &["setting", "list"]), "customers.add_automatically = false\n");
    succeeds(at, &["setting", "set", "customers.add_automatically", "true"]);
    assert_eq!(succeeds(at, &["setting", "list"]), "customers.add_automatically = true\n");
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
