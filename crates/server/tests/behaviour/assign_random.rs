//! Whatever is done, agents have as many conversations open as a plain list says, and never too many.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rozmowa::http::Code;
use serde_json::json;

use crate::client::{Request, post};
use crate::server::Server;
use crate::store::engines;

const CASES: u32 = 24;
const AGENTS: [&str; 3] = ["jkowalski", "anowak", "retired"];

#[derive(Debug, Clone)]
enum Step {
    Start,
    /// Of the conversation with this number, if there are so many.
    Assign(usize, usize),
    Reply(usize, usize),
    Stop(usize),
    SetCapacity(usize, i64),
    SetActive(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let (place, agent) = (0..8_usize, 0..AGENTS.len());
    prop_oneof![
        3 => Just(Step::Start),
        6 => (place.clone(), agent.clone()).prop_map(|(place, agent)| Step::Assign(place, agent)),
        4 => (place.clone(), agent.clone()).prop_map(|(place, agent)| Step::Reply(place, agent)),
        2 => place.prop_map(Step::Stop),
        1 => (agent.clone(), 1..4_i64).prop_map(|(agent, to)| Step::SetCapacity(agent, to)),
        1 => (agent, any::<bool>()).prop_map(|(agent, to)| Step::SetActive(agent, to)),
    ]
}

#[derive(Debug, Default)]
struct Model {
    /// Id, whose it is, whether it is closed.
    conversations: Vec<(String, Option<usize>, bool)>,
    capacity: [i64; 3],
    is_inactive: [bool; 3],
}

impl Model {
    fn open(&self, agent: usize) -> i64 {
        let open = self
            .conversations
            .iter()
            .filter(|(_, whose, is_closed)| *whose == Some(agent) && !is_closed);
        i64::try_from(open.count()).unwrap()
    }

    /// What taking a conversation comes to; one's own is no more work.
    fn take(&mut self, place: usize, agent: usize) -> Option<Code> {
        if self.is_inactive[agent] {
            return Some(Code::AgentInactive);
        }
        if self.open(agent) >= self.capacity[agent] {
            return Some(Code::AgentAtCapacity);
        }
        self.conversations[place].1 = Some(agent);
        None
    }

    fn assign(&mut self, place: usize, agent: usize) -> Option<Code> {
        match self.conversations[place] {
            (_, _, true) => Some(Code::ConversationClosed),
            (_, whose, _) if whose == Some(agent) => None,
            _ => self.take(place, agent),
        }
    }

    fn reply(&mut self, place: usize, agent: usize) -> Option<Code> {
        match self.conversations[place] {
            _ if self.is_inactive[agent] => Some(Code::AgentInactive),
            (_, _, true) => Some(Code::ConversationClosed),
            (_, None, _) => self.take(place, agent),
            _ => None,
        }
    }
}

async fn call(server: &Server, request: Request, expected: Option<Code>) {
    let answer = server.call(request).await;
    match expected {
        Some(code) => drop(answer.expect_fault(code)),
        None => answer.expect_nothing(),
    }
}

async fn change(server: &Server, agent: usize, changes: rozmowa::agent::Changes) {
    server.act(move |tx, act| rozmowa::agent::change(tx, act, AGENTS[agent], &changes)).await;
}

async fn tell(server: &Server, steps: &[Step]) {
    let mut model = Model { capacity: [2; 3], ..Model::default() };
    let target = |id: &str, method: &str| format!("/api/chat_conversations/{id}/{method}");
    for agent in 0..AGENTS.len() {
        let changes = rozmowa::agent::Changes {
            capacity: Some(2),
            is_active: Some(true),
            ..Default::default()
        };
        change(server, agent, changes).await;
    }
    for step in steps {
        match *step {
            Step::Start => model.conversations.push((server.start(&[]).await, None, false)),
            Step::Assign(place, agent) if place < model.conversations.len() => {
                let request = post(target(&model.conversations[place].0, "assign"));
                let expected = model.assign(place, agent);
                call(server, request.form(&[("user_login", AGENTS[agent])]), expected).await;
            }
            Step::Reply(place, agent) if place < model.conversations.len() => {
                let request = post(target(&model.conversations[place].0, "reply"));
                let body = json!({"user_login": AGENTS[agent], "text": "a"});
                let expected = model.reply(place, agent);
                call(server, request.json(&body), expected).await;
            }
            Step::Stop(place) if place < model.conversations.len() => {
                model.conversations[place].2 = true;
                server.stop(&model.conversations[place].0).await;
            }
            Step::SetCapacity(agent, to) => {
                model.capacity[agent] = to;
                let changes = rozmowa::agent::Changes { capacity: Some(to), ..Default::default() };
                change(server, agent, changes).await;
            }
            Step::SetActive(agent, to) => {
                model.is_inactive[agent] = !to;
                let changes = rozmowa::agent::Changes { is_active: Some(to), ..Default::default() };
                change(server, agent, changes).await;
            }
            _ => {}
        }
    }
    for (agent, login) in AGENTS.into_iter().enumerate() {
        assert_eq!(server.open_chats(login).await, model.open(agent), "{login}");
    }
    assert_eq!(server.log_faults().await, Vec::<String>::new());
    for (id, whose, _) in &model.conversations {
        assert_eq!(server.chat(id).await["user_login"], json!(whose.map(|agent| AGENTS[agent])));
        server.stop(id).await;
    }
}

#[test]
fn the_counts_are_what_the_conversations_say() {
    for engine in engines() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let server = runtime.block_on(Server::on(engine));
        let config = Config { failure_persistence: None, ..Config::with_cases(CASES) };
        let histories = prop::collection::vec(step(), 1..40);
        TestRunner::new(config)
            .run(&histories, |steps| {
                runtime.block_on(tell(&server, &steps));
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{engine:?}: {error}"));
    }
}
