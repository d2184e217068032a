//! Sample data, so that the vendor's own sample call works as printed, and a visitor sees what there is.

use rozmowa_db::Tx;

use super::script;
use crate::account::{self, Methods};
use crate::act::Act;
use crate::agent::{self, NewAgent, Role};
use crate::canned;
use crate::clause::{self, Kind, NewClause};
use crate::customer::custom::{self, Field, Kind as FieldKind};
use crate::customer::{self, Customer};
use crate::http::{Code, Error};
use crate::label;
use crate::locale::Language;
use crate::pause;
use crate::queue::settings::Texts;
use crate::queue::{self, Changes};
use crate::setting;

/// Set where the sample data were put in.
const MARK: &str = "demo.filled";
const QUEUE: i64 = 3;

pub fn are_in(tx: &mut Tx<'_>) -> Result<bool, Error> {
    Ok(setting::text(tx, MARK)?.is_some())
}

pub fn put(tx: &mut Tx<'_>, act: &Act<'_>, api_hash: &str, agent_hash: &str) -> Result<(), Error> {
    setting::set_text(tx, MARK, "true")?;
    account::add(tx, act, "api_user", api_hash, &Methods::parse("*"))?;
    account::add(tx, act, "api_reader", api_hash, &Methods::parse("GET chats"))?;
    queue::add(tx, act, Some(QUEUE), "Sklep")?;
    for (identifier, name, surname, email) in [
        (Some("1234"), "Jan", "Kowalski", "jan.kowalski@example.org"),
        (None, "Andrzej", "Nowak", "andrzej.nowak@company.bar"),
    ] {
        let customer = Customer {
            identifier: identifier.map(str::to_owned),
            name: name.to_owned(),
            surname: surname.to_owned(),
            emails: vec![email.to_owned()],
            ..Customer::default()
        };
        customer::add(tx, act, &customer)?;
    }
    let campaign = Field {
        id: 0,
        group_id: custom::OF_NO_GROUP,
        name: "kampania".to_owned(),
        kind: FieldKind::Text,
        options: Vec::new(),
        is_read_only: false,
        is_of_customers: true,
        is_of_companies: true,
    };
    custom::add(tx, act, &campaign)?;
    for (login, name, surname) in [("jkowalski", "Jan", "Kowalski"), ("anowak", "Anna", "Nowak")] {
        let agent = NewAgent {
            login: login.to_owned(),
            name: name.to_owned(),
            surname: surname.to_owned(),
            email: format!("{login}@example.org"),
            password_hash: agent_hash.to_owned(),
            ..NewAgent::default()
        };
        agent::add(tx, act, &agent)?;
        queue::agents::set(tx, act, QUEUE, login, queue::agents::PRIORITY_DEFAULT)?;
    }
    for (login, name, surname, role) in [
        ("ezielinska", "Ewa", "Zielińska", Role::Supervisor),
        ("admin", "Maria", "Wiśniewska", Role::Administrator),
    ] {
        let agent = NewAgent {
            login: login.to_owned(),
            name: name.to_owned(),
            surname: surname.to_owned(),
            email: format!("{login}@example.org"),
            role,
            password_hash: agent_hash.to_owned(),
            ..NewAgent::default()
        };
        agent::add(tx, act, &agent)?;
    }
    shop(tx, act)?;
    desk(tx, act)?;
    script::install(tx, act)
}

/// What visitors of the queue are shown.
fn shop(tx: &mut Tx<'_>, act: &Act<'_>) -> Result<(), Error> {
    let clauses = [("information", Kind::Information), ("consent", Kind::Consent)];
    for (name, kind) in clauses {
        let texts = texts(&format!("demo.{name}"));
        clause::write(
            tx,
            act,
            &NewClause { kind, name: name.to_owned(), is_required: false, texts },
        )?;
    }
    let queue = queue::find(tx, QUEUE)?.ok_or(Code::UnknownQueue)?;
    let mut settings = queue.settings;
    settings.clauses = clauses.map(|(name, _)| name.to_owned()).into();
    settings.widget.greeting = texts("demo.greeting");
    let changes = Changes { settings: Some(settings), ..Changes::default() };
    queue::change(tx, act, QUEUE, &changes)
}

/// What agents choose from.
fn desk(tx: &mut Tx<'_>, act: &Act<'_>) -> Result<(), Error> {
    for name in ["Przerwa", "Obiad", "Szkolenie"] {
        pause::add(tx, act, name)?;
    }
    for name in ["Dostawa", "Płatność", "Pytanie o produkt", "Reklamacja", "Zwrot"] {
        label::add(tx, act, label::Kind::Topic, name)?;
    }
    for name in ["Do wyjaśnienia", "Pilne", "Stały klient"] {
        label::add(tx, act, label::Kind::Tag, name)?;
    }
    for (shortcut, text, queue) in [
        (
            "witam",
            "Dzień dobry, {client_name|dziękujemy za kontakt}! Nazywam się {agent_name}. W czym mogę pomóc?",
            None,
        ),
        ("chwila", "Już sprawdzam, proszę o chwilę cierpliwości.", None),
        (
            "dostawa",
            "Paczki zamówione przed południem wysyłamy tego samego dnia. Kurier doręcza je zwykle następnego dnia.",
            Some(QUEUE),
        ),
        (
            "zwrot",
            "Towar można zwrócić w ciągu 30 dni. Etykieta zwrotna jest w paczce, a pieniądze oddajemy w ciągu 14 dni.",
            Some(QUEUE),
        ),
        ("koniec", "Czy mogę jeszcze w czymś pomóc?", None),
        ("dziekuje", "Dziękuję za rozmowę i życzę miłego dnia!", None),
    ] {
        canned::add(tx, act, shortcut, text, queue)?;
    }
    Ok(())
}

fn texts(key: &str) -> Texts {
    Texts { pl: Language::Pl.text(key, &[]), en: Language::En.text(key, &[]) }
}
