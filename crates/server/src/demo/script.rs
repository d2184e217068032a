//! An agent that is a script, and says so: in the demo, it answers visitors while nobody else is there. It does what agents
//! do, by the same rules: takes a conversation that waits, reads, types, answers, gives it back when a person comes.
//!
//! All that it has to do stands in the store, so nothing is lost with the process; what it remembers is how it paces itself.

use std::collections::HashMap;

use rozmowa_db::{Row, Tx, params};
use tokio::sync::watch;
use uuid::Uuid;

use super::words::{self, Words};
use crate::act::{Act, Actor};
use crate::agent::{self, Agent, NewAgent, capacity};
use crate::app::App;
use crate::clock::Millis;
use crate::conversation::assign::{self, Because};
use crate::conversation::label::Labels;
use crate::conversation::log::Speaker;
use crate::conversation::{self, NewMessage, Origin, read};
use crate::http::Error;
use crate::live::{By, Passing, Topic};
use crate::locale::Language;
use crate::queue;
use crate::setting;

rozmowa_db::statements! {
    /// People of a queue who could be given a conversation, if they have room.
    FREE = "SELECT 1 FROM queue_agent q JOIN presence p ON p.agent_id = q.agent_id JOIN agent a ON a.id = q.agent_id
        WHERE q.chat_queue_id = $1 AND q.agent_id <> $2 AND p.status = 1 AND p.lease_until > $3 AND a.is_active = 1 LIMIT 1";
    /// A page of those who wait: what programs have started may be a million, and is passed over.
    WAITING = "SELECT c.id, c.waiting_rank, c.waiting_since, c.origin, c.bot_id FROM conversation c
        WHERE c.chat_queue_id = $1 AND c.waiting_rank IS NOT NULL
          AND (c.waiting_rank, c.waiting_since, c.id) > ($2, $3, $4)
        ORDER BY c.waiting_rank, c.waiting_since, c.id LIMIT $5";
    OWN = "SELECT c.id, c.seq, c.chat_queue_id FROM conversation c
        WHERE c.agent_id = $1 AND c.status <> 2 AND c.origin = 1 ORDER BY c.id LIMIT 500";
    /// What is decided by what was read stays so until the transaction's end.
    HOLD = {
        sqlite: "SELECT agent_id, status, chat_queue_id, language FROM conversation WHERE id = $1",
        postgres: "SELECT agent_id, status, chat_queue_id, language FROM conversation WHERE id = $1 FOR UPDATE",
    };
    /// What was said, the last first.
    SAID = "SELECT e.sent_by, e.text FROM event e WHERE e.conversation_id = $1 AND e.kind = 1 ORDER BY e.seq DESC LIMIT 20";
    HAS_SPOKEN = "SELECT 1 FROM event e WHERE e.conversation_id = $1 AND e.kind = 1 AND e.sent_by = 1 AND e.agent_id = $2 LIMIT 1";
}

const LOGIN: &str = "demo";
/// The setting that has the script's login, where it was installed: an agent of that name elsewhere is somebody.
const INSTALLED: &str = "demo.agent";
const LOOK_EVERY: Millis = 250;
/// So that it is seen how a visitor waits.
const TAKES_AFTER: Millis = 2_000;
/// So that it is seen how an agent types.
const TYPES_FOR: Millis = 1_500;
/// Of those who wait, so many are looked at at a time.
const PAGE: usize = 200;

/// Adds the agent. Nobody can sign in as it, and it is never on duty: nothing is given to it.
pub fn install(tx: &mut Tx<'_>, act: &Act<'_>) -> Result<(), Error> {
    let agent = NewAgent {
        login: LOGIN.to_owned(),
        name: "Demo".to_owned(),
        capacity: capacity::MOST,
        ..NewAgent::default()
    };
    agent::add(tx, act, &agent)?;
    setting::set_text(tx, INSTALLED, LOGIN)
}

/// Whether visitors of this server are answered even when nobody is on duty.
pub fn answers(tx: &mut Tx<'_>, app: &App) -> Result<bool, Error> {
    Ok(app.config.is_demo && installed(tx)?.is_some())
}

fn installed(tx: &mut Tx<'_>) -> Result<Option<Agent>, Error> {
    let Some(login) = setting::text(tx, INSTALLED)? else { return Ok(None) };
    Ok(agent::find(tx, &login)?.filter(|agent| agent.is_active))
}

/// Until it is told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let mut script = Script { app, paces: HashMap::new(), places: Places::new() };
    loop {
        let next = script.app.clock.now() + LOOK_EVERY;
        if let Err(error) = script.look().await {
            tracing::debug!(cause = error.cause(), "the demo's agent will look again");
        }
        tokio::select! {
            () = script.app.clock.sleep_until(next) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// How far it is with a conversation.
#[derive(Debug, Clone, Copy)]
struct Pace {
    seq: i64,
    /// When it will have typed what it has to say, if there is anything.
    says_at: Option<Millis>,
}

/// Among those who wait in a queue: rank, since when, and who.
type Place = (i64, Millis, Uuid);
const FIRST: Place = (-1, 0, Uuid::nil());

/// Up to where each queue was looked through; from the start again when the end was reached.
type Places = HashMap<i64, Place>;

struct Script {
    app: App,
    paces: HashMap<Uuid, Pace>,
    places: Places,
}

/// What there is to do.
struct Todo {
    agent: Agent,
    to_take: Vec<Uuid>,
    to_give_back: Vec<Uuid>,
    own: Vec<(Uuid, i64)>,
    places: Places,
}

impl Script {
    async fn look(&mut self) -> Result<(), Error> {
        let (now, places) = (self.app.clock.now(), self.places.clone());
        let todo = self.app.db.read(move |tx| todo(tx, &places, now)).await?;
        let Some(todo) = todo else { return Ok(()) };
        self.places = todo.places;
        let agent = todo.agent;
        for id in todo.to_take {
            self.write(&agent, move |tx, act, agent| take(tx, act, &id, agent)).await?;
        }
        for id in todo.to_give_back {
            self.write(&agent, move |tx, act, agent| give_back(tx, act, &id, agent)).await?;
        }
        self.paces.retain(|id, _| todo.own.iter().any(|(own, _)| own == id));
        for (id, seq) in todo.own {
            self.attend(&agent, id, seq, now).await?;
        }
        Ok(())
    }

    /// Reads and types, and says it when it has typed for long enough.
    async fn attend(
        &mut self,
        agent: &Agent,
        id: Uuid,
        seq: i64,
        now: Millis,
    ) -> Result<(), Error> {
        let known = self.paces.get(&id).copied();
        let pace = if let Some(pace) = known.filter(|pace| pace.seq == seq) {
            pace
        } else {
            let says_at = known.and_then(|pace| pace.says_at);
            let pace = self.hear(agent, id, seq, says_at.unwrap_or(now + TYPES_FOR)).await?;
            self.paces.insert(id, pace);
            pace
        };
        if pace.says_at.is_some_and(|at| at <= now) {
            self.write(agent, move |tx, act, agent| say(tx, act, &id, agent)).await?;
            self.type_in(agent, id, false);
            self.paces.insert(id, Pace { says_at: None, ..pace });
        }
        Ok(())
    }

    async fn hear(
        &self,
        agent: &Agent,
        id: Uuid,
        seq: i64,
        says_at: Millis,
    ) -> Result<Pace, Error> {
        let has_words = self
            .write(agent, move |tx, _, agent| {
                read::by_agent(tx, &id, agent.id, seq)?;
                Ok(words(tx, &id, agent, Language::Pl)?.is_some())
            })
            .await?;
        if has_words {
            self.type_in(agent, id, true);
        }
        Ok(Pace { seq, says_at: has_words.then_some(says_at) })
    }

    fn type_in(&self, agent: &Agent, conversation: Uuid, is_typing: bool) {
        let typing =
            Passing::Typing { conversation, by: By::Agent(agent.id), is_typing, text: None };
        self.app.hub.pass(Topic::Conversation(conversation), typing, None);
    }

    async fn write<T: Send + 'static>(
        &self,
        agent: &Agent,
        run: impl Fn(&mut Tx<'_>, &Act<'_>, &Agent) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (app, actor, agent) = (self.app.clone(), Actor::system(), agent.clone());
        let write = move |tx: &mut Tx<'_>| {
            let act = Act::of(tx, &app, &actor)?;
            run(tx, &act, &agent)
        };
        self.app.db.write(write).await
    }
}

fn todo(tx: &mut Tx<'_>, places: &Places, now: Millis) -> Result<Option<Todo>, Error> {
    let Some(agent) = installed(tx)? else { return Ok(None) };
    let mut is_attended = HashMap::new();
    let (mut to_take, mut reached) = (Vec::new(), Places::new());
    for queue in queue::list(tx)? {
        let is_free = has_free(tx, queue.id, &agent, now)?;
        is_attended.insert(queue.id, is_free);
        if is_free {
            continue;
        }
        let page = waiting(tx, queue.id, places.get(&queue.id).copied().unwrap_or(FIRST))?;
        if let Some(last) = page.last().filter(|_| page.len() == PAGE) {
            reached.insert(queue.id, last.place);
        }
        let is_ready = |it: &&Waiting| it.is_visitors && it.place.1 <= now - TAKES_AFTER;
        to_take.extend(page.iter().filter(is_ready).map(|it| it.place.2));
    }
    let (mut to_give_back, mut own) = (Vec::new(), Vec::new());
    let found = tx.query(&OWN, params![agent.id], |row: &Row<'_>| {
        Ok((row.get::<Uuid>(0)?, row.get::<i64>(1)?, row.get::<i64>(2)?))
    })?;
    for (id, seq, chat_queue_id) in found {
        match is_attended.get(&chat_queue_id) {
            Some(true) => to_give_back.push(id),
            _ => own.push((id, seq)),
        }
    }
    Ok(Some(Todo { agent, to_take, to_give_back, own, places: reached }))
}

/// Somebody who waits.
struct Waiting {
    place: Place,
    /// A visitor's, and no bot's. What programs start is theirs to try things out with.
    is_visitors: bool,
}

fn waiting(
    tx: &mut Tx<'_>,
    chat_queue_id: i64,
    (rank, since, id): Place,
) -> Result<Vec<Waiting>, Error> {
    let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let row = params![chat_queue_id, rank, since, &id, page];
    let found = tx.query(&WAITING, row, |row: &Row<'_>| {
        let is_visitors = row.get::<i64>(3)? == Origin::Visitor as i64;
        let is_bots = row.get::<Option<Uuid>>(4)?.is_some();
        let place = (row.get(1)?, row.get(2)?, row.get(0)?);
        Ok(Waiting { place, is_visitors: is_visitors && !is_bots })
    })?;
    Ok(found)
}

fn has_free(
    tx: &mut Tx<'_>,
    chat_queue_id: i64,
    agent: &Agent,
    now: Millis,
) -> Result<bool, Error> {
    Ok(tx.query_opt(&FREE, params![chat_queue_id, agent.id, now], |_| Ok(()))?.is_some())
}

/// A conversation that is open, and whose it is.
struct Held {
    agent_id: Option<i64>,
    chat_queue_id: i64,
    language: Language,
}

fn hold(tx: &mut Tx<'_>, id: &Uuid) -> Result<Option<Held>, Error> {
    let held = tx.query_opt(&HOLD, params![id], |row: &Row<'_>| {
        let held = Held {
            agent_id: row.get(0)?,
            chat_queue_id: row.get(2)?,
            language: match row.get::<Option<String>>(3)?.as_deref() {
                Some("en") => Language::En,
                _ => Language::Pl,
            },
        };
        Ok((row.get::<i64>(1)?, held))
    })?;
    let is_closed = conversation::Status::Closed.number();
    Ok(held.filter(|(status, _)| *status != is_closed).map(|(_, held)| held))
}

/// One that waits, while nobody else could be given it.
fn take(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, agent: &Agent) -> Result<(), Error> {
    let Some(held) = hold(tx, id)? else { return Ok(()) };
    if held.agent_id.is_some() || has_free(tx, held.chat_queue_id, agent, act.now)? {
        return Ok(());
    }
    assign::take(tx, act, id, agent)
}

fn give_back(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, agent: &Agent) -> Result<(), Error> {
    match hold(tx, id)?.and_then(|held| held.agent_id) {
        Some(whose) if whose == agent.id => assign::take_away(tx, act, id, agent.id, Because::Left),
        _ => Ok(()),
    }
}

fn say(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, agent: &Agent) -> Result<(), Error> {
    let own = hold(tx, id)?.filter(|held| held.agent_id == Some(agent.id));
    let Some(held) = own else { return Ok(()) };
    let Some(Words { text, is_goodbye }) = words(tx, id, agent, held.language)? else {
        return Ok(());
    };
    let new = NewMessage { text, ..NewMessage::default() };
    conversation::reply(tx, act, id, &agent.login, &new)?;
    if is_goodbye {
        conversation::finish(tx, act, id, Some(agent.id), &Labels::default(), None)?;
    }
    Ok(())
}

/// What there is to say: to what the client has said since somebody answered, and at first who it is that answers.
fn words(
    tx: &mut Tx<'_>,
    id: &Uuid,
    agent: &Agent,
    language: Language,
) -> Result<Option<Words>, Error> {
    let is_first = tx.query_opt(&HAS_SPOKEN, params![id, agent.id], |_| Ok(()))?.is_none();
    let said = tx.query(&SAID, params![id], |row: &Row<'_>| {
        Ok((row.get::<i64>(0)?, row.get::<Option<String>>(1)?))
    })?;
    let is_agents = |(sent_by, _): &(i64, _)| *sent_by == Speaker::Agent as i64;
    let since = said.into_iter().take_while(|message| !is_agents(message));
    let texts = since.filter(|(sent_by, _)| *sent_by == Speaker::Client as i64);
    let texts: Vec<_> = texts.map(|(_, text)| text.unwrap_or_default()).collect();
    if texts.is_empty() && !is_first {
        return Ok(None);
    }
    Ok(Some(words::answer(&texts.join("\n"), is_first, language)))
}
