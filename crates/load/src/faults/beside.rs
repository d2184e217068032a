//! Administration while calls come in: it gets its turn, and counts from the next call on.

use std::{io, net::SocketAddr, time::Duration};

use serde_json::Value;

use super::{Outcome, Scene, cli, fleet::Fleet, stored};
use crate::{
    client::BlockingConnection,
    pause::pause,
    request,
    server::{Server, Setup},
};

/// What an administrator waits at most.
const DONE_WITHIN: Duration = Duration::from_secs(10);

const USER: &str = "beside";
const PASSWORD: &str = "beside_pass";
/// `beside:beside_pass`, as HTTP Basic wants it.
const CREDENTIALS: &str = "YmVzaWRlOmJlc2lkZV9wYXNz";

pub(super) fn under_load(scene: &mut Scene) -> io::Result<Outcome> {
    let setup = Setup::sqlite(&scene.binary, &scene.folder("cli")?.join("data"));
    let mut server = Server::start(&setup)?;
    let address = server.address();
    let mut fleet = Fleet::new(scene, "a", &server)?;
    let rounds = scene.times(6);
    let (slowest, tally) = fleet.during(address, |_| {
        pause(scene.time(Duration::from_millis(600)));
        let mut console = Console { setup: &setup, slowest: Duration::ZERO };
        console.run(&["api-user", "add", USER, "--methods", "*"], PASSWORD)?;
        expect_status(address, 200)?;
        for round in 0..rounds {
            console.run(&["api-user", "disable", USER], "")?;
            expect_status(address, 401)?;
            console.run(&["api-user", "enable", USER], "")?;
            expect_status(address, 200)?;
            queue_counts(&mut console, address, round)?;
            customer_counts(&mut console, address, round)?;
        }
        Ok(console.slowest)
    })?;
    server.expect_running()?;
    fleet.settle(&server)?;
    setup.verify()?;
    server.stop()?;
    Ok(Outcome::Kept(format!(
        "{tally}; {rounds} times api-user disable and enable, queue add, customer add, each counts from \
         the next call on; the slowest took {} ms",
        slowest.as_millis()
    )))
}

struct Console<'a> {
    setup: &'a Setup,
    slowest: Duration,
}

impl Console<'_> {
    fn run(&mut self, arguments: &[&str], input: &str) -> io::Result<String> {
        let said = cli::run(self.setup, arguments, input)?;
        self.slowest = self.slowest.max(said.time);
        if said.time > DONE_WITHIN {
            return Err(io::Error::other(format!(
                "rozmowa {} took {} s",
                arguments.join(" "),
                said.time.as_secs()
            )));
        }
        Ok(said.text)
    }
}

fn expect_status(address: SocketAddr, expected: u16) -> io::Result<()> {
    let text = format!(
        "GET /api/chats/queues HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {CREDENTIALS}\r\n\r\n"
    );
    let mut connection = BlockingConnection::open(address)?;
    let answer = connection.call(text.as_bytes())?;
    if answer.status == expected {
        return Ok(());
    }
    Err(io::Error::other(format!("status {}, not {expected}: {}", answer.status, answer.text())))
}

fn queue_counts(console: &mut Console<'_>, address: SocketAddr, round: u32) -> io::Result<()> {
    let queue = console.run(&["queue", "add", &format!("Beside {round}")], "")?;
    let mut connection = BlockingConnection::open(address)?;
    let path = format!("/api/chat_conversations/start?chat_queue_id={queue}");
    request::started(connection.call(&request::post(&path, None, ""))?).map(|_| ())
}

fn customer_counts(console: &mut Console<'_>, address: SocketAddr, round: u32) -> io::Result<()> {
    let identifier = format!("beside-{round}");
    let mut connection = BlockingConnection::open(address)?;
    let path = format!(
        "/api/chat_conversations/start?chat_queue_id={}&client_id={identifier}",
        request::DEMO_QUEUE
    );
    let start = request::post(&path, None, "");
    let before = request::started(connection.call(&start)?)?;
    let customer = console.run(&["customer", "add", "--identifier", &identifier], "")?;
    let after = request::started(connection.call(&start)?)?;
    for id in [before, after] {
        let answer = connection.call(&request::get(&format!("/api/chats/{id}")))?;
        answer.expect_ok()?;
        let stored = answer.json()?;
        let linked = stored.get("customer_id").and_then(Value::as_u64).map(|id| id.to_string());
        if linked.as_deref() != Some(customer.as_str()) {
            return Err(io::Error::other(format!(
                "conversation {} belongs to customer {linked:?}, not {customer}",
                stored::text(&stored, "conversation_id")
            )));
        }
    }
    Ok(())
}
