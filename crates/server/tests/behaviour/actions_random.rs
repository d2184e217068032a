//! Whatever agents do, one after the other or all at once: the counts are right, and nobody has too many.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rozmowa::agent::{Changes, Role};
use rozmowa::http::Code;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::{Request, post};
use crate::desk::{Desk, go, start_in};
use crate::server::Server;
use crate::store::{engines, on_both_engines};

const CASES: u32 = 24;
/// Supervisors who answer no queue: they see all, and nothing is assigned to them by itself.
const AGENTS: [&str; 3] = ["jkowalski", "anowak", "retired"];
const CAPACITY: i64 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duty {
    Off,
    Paused,
    Free,
}

#[derive(Debug, Clone)]
enum Step {
    Start(i64),
    /// Of the conversation with this number, if there are so many, by this agent.
    Claim(usize, usize),
    Reply(usize, usize),
    Assign(usize, usize, usize),
    TakeOver(usize, usize),
    ToAgent(usize, usize, usize),
    ToQueue(usize, usize, i64),
    Close(usize, usize),
    Reopen(usize, usize),
    Note(usize, usize),
    Go(usize, Duty),
    SetCapacity(usize, i64),
}

fn step() -> impl Strategy<Value = Step> {
    let (at, by) = (|| 0..6_usize, || 0..AGENTS.len());
    let duty = prop_oneof![Just(Duty::Off), Just(Duty::Paused), Just(Duty::Free)];
    prop_oneof![
        4 => (3..5_i64).prop_map(Step::Start),
        4 => (at(), by()).prop_map(|(at, by)| Step::Claim(at, by)),
        2 => (at(), by()).prop_map(|(at, by)| Step::Reply(at, by)),
        3 => (at(), by(), by()).prop_map(|(at, by, to)| Step::Assign(at, by, to)),
        2 => (at(), by()).prop_map(|(at, by)| Step::TakeOver(at, by)),
        5 => (at(), by(), by()).prop_map(|(at, by, to)| Step::ToAgent(at, by, to)),
        4 => (at(), by(), 3..5_i64).prop_map(|(at, by, to)| Step::ToQueue(at, by, to)),
        3 => (at(), by()).prop_map(|(at, by)| Step::Close(at, by)),
        4 => (at(), by()).prop_map(|(at, by)| Step::Reopen(at, by)),
        1 => (at(), by()).prop_map(|(at, by)| Step::Note(at, by)),
        3 => (by(), duty).prop_map(|(by, duty)| Step::Go(by, duty)),
        1 => (by(), 1..4_i64).prop_map(|(by, to)| Step::SetCapacity(by, to)),
    ]
}

#[derive(Debug, Clone)]
struct Chat {
    id: String,
    queue: i64,
    whose: Option<usize>,
    is_closed: bool,
    was_answered: bool,
}

#[derive(Debug)]
struct Model {
    chats: Vec<Chat>,
    capacity: [i64; 3],
    duty: [Duty; 3],
}

impl Model {
    fn open(&self, agent: usize) -> i64 {
        let open = self.chats.iter().filter(|chat| chat.whose == Some(agent) && !chat.is_closed);
        i64::try_from(open.count()).unwrap()
    }

    fn is_full(&self, agent: usize) -> bool {
        self.open(agent) >= self.capacity[agent]
    }

    fn give(&mut self, at: usize, agent: usize) -> Option<Code> {
        if self.is_full(agent) {
            return Some(Code::AgentAtCapacity);
        }
        self.chats[at].whose = Some(agent);
        None
    }

    fn assign(&mut self, at: usize, agent: usize) -> Option<Code> {
        match &self.chats[at] {
            chat if chat.is_closed => Some(Code::ConversationClosed),
            chat if chat.whose == Some(agent) => None,
            _ => self.give(at, agent),
        }
    }

    fn claim(&mut self, at: usize, agent: usize) -> Option<Code> {
        match &self.chats[at] {
            chat if !chat.is_closed && chat.whose == Some(agent) => None,
            chat if chat.is_closed || chat.whose.is_some() => Some(Code::NotWaiting),
            _ if self.duty[agent] == Duty::Off => Some(Code::AgentOffDuty),
            _ => self.give(at, agent),
        }
    }

    fn reply(&mut self, at: usize, agent: usize) -> Option<Code> {
        let refused = match &self.chats[at] {
            chat if chat.is_closed => Some(Code::ConversationClosed),
            chat if chat.whose.is_none() => self.give(at, agent),
            _ => None,
        };
        self.chats[at].was_answered |= refused.is_none();
        refused
    }

    fn agent_gets(&mut self, at: usize, to: usize) -> Option<Code> {
        match &self.chats[at] {
            chat if chat.is_closed => Some(Code::ConversationClosed),
            chat if chat.whose == Some(to) => Some(Code::TransferredAlready),
            _ if self.duty[to] == Duty::Off => Some(Code::AgentOffDuty),
            _ => self.give(at, to),
        }
    }

    fn queue_gets(&mut self, at: usize, to: i64) -> Option<Code> {
        let chat = &mut self.chats[at];
        if chat.is_closed {
            return Some(Code::ConversationClosed);
        }
        if chat.whose.is_none() && chat.queue == to {
            return Some(Code::TransferredAlready);
        }
        (chat.queue, chat.whose) = (to, None);
        None
    }

    fn reopen(&mut self, at: usize) {
        if !self.chats[at].is_closed {
            return;
        }
        let former = self.chats[at].whose;
        let back = former.filter(|agent| self.duty[*agent] == Duty::Free && !self.is_full(*agent));
        (self.chats[at].is_closed, self.chats[at].whose) = (false, back);
    }
}

struct Room {
    server: Server,
    desks: Vec<Desk>,
}

impl Room {
    async fn on(engine: crate::store::Engine) -> Self {
        let server = Server::on(engine).await;
        let mut desks = Vec::new();
        for login in AGENTS {
            desks.push(Desk::with(&server, login, Role::Supervisor).await);
        }
        Self { server, desks }
    }

    fn request(&self, by: usize, id: &str, what: &str, body: &Value) -> Request {
        let target = format!("/console/conversations/{id}/{what}");
        self.desks[by].signed(post(target)).json(body)
    }

    async fn go(&self, agent: usize, to: Duty) {
        let login = AGENTS[agent];
        match to {
            Duty::Off => go(&self.server, login, "logout").await,
            Duty::Paused => {
                go(&self.server, login, "login").await;
                go(&self.server, login, "pause").await;
            }
            Duty::Free => {
                go(&self.server, login, "login").await;
                go(&self.server, login, "free").await;
            }
        }
    }

    async fn set_capacity(&self, agent: usize, capacity: i64) {
        let changes = Changes { capacity: Some(capacity), ..Changes::default() };
        let login = AGENTS[agent];
        self.server.act(move |tx, act| rozmowa::agent::change(tx, act, login, &changes)).await;
    }

    async fn expect(&self, by: usize, chat: &str, what: &str, body: Value, expected: Option<Code>) {
        let answer = self.server.call(self.request(by, chat, what, &body)).await;
        match expected {
            Some(code) => drop(answer.expect_fault(code)),
            None => drop(answer.expect(200)),
        }
    }

    async fn take(&self, model: &mut Model, step: &Step) {
        let there = |at: usize| model.chats.get(at).map(|chat| chat.id.clone());
        match *step {
            Step::Start(queue) => {
                let id = start_in(&self.server, queue).await;
                let chat = Chat { id, queue, whose: None, is_closed: false, was_answered: false };
                model.chats.push(chat);
            }
            Step::Go(agent, to) => {
                self.go(agent, to).await;
                model.duty[agent] = to;
            }
            Step::SetCapacity(agent, to) => {
                self.set_capacity(agent, to).await;
                model.capacity[agent] = to;
            }
            Step::Claim(at, by) => {
                let Some(id) = there(at) else { return };
                self.expect(by, &id, "claim", json!({}), model.claim(at, by)).await;
            }
            Step::Reply(at, by) => {
                let Some(id) = there(at) else { return };
                self.expect(by, &id, "reply", json!({"text": "a"}), model.reply(at, by)).await;
            }
            Step::Note(at, by) => {
                let Some(id) = there(at) else { return };
                self.expect(by, &id, "note", json!({"text": "a"}), None).await;
            }
            Step::Assign(at, by, to) => {
                let Some(id) = there(at) else { return };
                let body = json!({"user_login": AGENTS[to]});
                self.expect(by, &id, "assign", body, model.assign(at, to)).await;
            }
            Step::TakeOver(at, by) => {
                let Some(id) = there(at) else { return };
                self.expect(by, &id, "take_over", json!({}), model.assign(at, by)).await;
            }
            Step::ToAgent(at, by, to) => {
                let Some(id) = there(at) else { return };
                let body = json!({"user_login": AGENTS[to], "note": "a"});
                self.expect(by, &id, "transfer", body, model.agent_gets(at, to)).await;
            }
            Step::ToQueue(at, by, to) => {
                let Some(id) = there(at) else { return };
                let body = json!({"chat_queue_id": to});
                self.expect(by, &id, "transfer", body, model.queue_gets(at, to)).await;
            }
            Step::Close(at, by) => {
                let Some(id) = there(at) else { return };
                self.expect(by, &id, "close", json!({}), None).await;
                model.chats[at].is_closed = true;
            }
            Step::Reopen(at, by) => {
                let Some(id) = there(at) else { return };
                self.expect(by, &id, "reopen", json!({}), None).await;
                model.reopen(at);
            }
        }
    }

    async fn tell(&self, steps: &[Step]) {
        let mut model = Model { chats: Vec::new(), capacity: [CAPACITY; 3], duty: [Duty::Off; 3] };
        for agent in 0..AGENTS.len() {
            self.set_capacity(agent, CAPACITY).await;
            self.go(agent, Duty::Off).await;
        }
        for step in steps {
            self.take(&mut model, step).await;
        }
        for (agent, login) in AGENTS.into_iter().enumerate() {
            assert_eq!(self.server.open_chats(login).await, model.open(agent), "{login}");
        }
        for chat in &model.chats {
            let sheet = self.desks[0].sheet(&self.server, &chat.id).await;
            let whose = chat.whose.map(|agent| AGENTS[agent]);
            assert_eq!(sheet["agent"]["login"], json!(whose));
            assert_eq!(sheet["chat_queue_id"], chat.queue);
            assert_eq!(sheet["status"] == "CLOSED", chat.is_closed);
            if !chat.is_closed {
                assert_eq!(sheet["status"] == "IN_PROGRESS", chat.was_answered);
            }
            let waits = !chat.is_closed && chat.whose.is_none();
            assert_eq!(!sheet["position"].is_null(), waits);
            self.server.stop(&chat.id).await;
        }
        assert_eq!(self.server.log_faults().await, Vec::<String>::new());
    }
}

#[test]
fn every_history_ends_as_a_plain_list_says() {
    for engine in engines() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let room = runtime.block_on(Room::on(engine));
        let config = Config { failure_persistence: None, ..Config::with_cases(CASES) };
        let histories = prop::collection::vec(step(), 1..50);
        TestRunner::new(config)
            .run(&histories, |steps| {
                runtime.block_on(room.tell(&steps));
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{engine:?}: {error}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_at_once_leaves_every_log_whole_and_nobody_above_capacity() {
    on_both_engines(async |engine| {
        let room = Room::on(engine).await;
        for agent in 0..AGENTS.len() {
            room.set_capacity(agent, CAPACITY).await;
            room.go(agent, Duty::Free).await;
        }
        let mut chats = Vec::new();
        for queue in [3, 4, 3, 4, 3, 4, 3, 4] {
            chats.push(start_in(&room.server, queue).await);
        }
        let mut calls = JoinSet::new();
        for number in 0..400_usize {
            let (by, to) = (number % 3, (number / 3) % 3);
            let id = &chats[(number * 7) % chats.len()];
            let (what, body) = match number % 11 {
                0 | 1 => ("claim", json!({})),
                2 => ("take_over", json!({})),
                3 => ("assign", json!({"user_login": AGENTS[to]})),
                4..=6 => ("transfer", json!({"user_login": AGENTS[to], "note": "a"})),
                7 => ("transfer", json!({"chat_queue_id": 3 + to % 2, "note": "b"})),
                8 => ("close", json!({})),
                9 => ("reopen", json!({})),
                _ => ("reply", json!({"text": "a"})),
            };
            let request = room.request(by, id, what, &body);
            let mut wire = room.server.wire().await;
            calls.spawn(async move { wire.call(&request).await.status });
        }
        let statuses = calls.join_all().await;
        assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
        for login in AGENTS {
            let open = room.server.open_chats(login).await;
            assert!((0..=CAPACITY).contains(&open), "{login} has {open}");
        }
        assert_eq!(room.server.log_faults().await, Vec::<String>::new());
    })
    .await;
}
