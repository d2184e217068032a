//! The socket of an agent: lists as they change, and the conversations that are looked at.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Utf8Bytes, WebSocketUpgrade};
use axum::response::Response;
use rozmowa_db::params;
use tokio::time::Instant;
use uuid::Uuid;

use super::close::Close;
use super::frame::{self, Audience, FromAgent, Out};
use super::hub::{Signal, Topic};
use super::line::{self, Line, Next, PING_EVERY};
use super::{By, Passing, Told};
use crate::agent::session::AgentSession;
use crate::agent::{Role, presence};
use crate::app::App;
use crate::conversation::log::{self, Kind};
use crate::conversation::{self, NewMessage, access, read};
use crate::http::call::{Caller, Head, write_as};
use crate::http::{Code, Error, origin};
use crate::locale::Language;

rozmowa_db::statements! {
    QUEUES = "SELECT chat_queue_id FROM queue_agent WHERE agent_id = $1 ORDER BY chat_queue_id LIMIT 1000";
}

const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// Conversations that are looked at at once.
const WATCHED_MAX: usize = 200;
/// How often it is looked whether the session is still good, and which queues are the agent's.
const RECHECK_EVERY: Duration = Duration::from_mins(1);
/// Of a message, in lists.
const PREVIEW_CHARACTERS: usize = 140;

/// `GET /console/socket`
pub async fn open(
    State(app): State<App>,
    head: Head,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Error> {
    let upgrade = upgrade.map_err(|_| Code::UpgradeNeeded)?;
    // The cookie comes along whoever asks: only pages of ours may.
    match origin::given(&head.headers) {
        Some(origin) if origin::is_own(&head, &app, origin) => {}
        _ => return Err(Code::ForeignOrigin.into()),
    }
    let session = AgentSession::of_cookie(&head, &app).await?;
    let place = app.sockets.enter(head.from)?;
    let language = Language::of(&head.headers);
    let inbox = app.hub.inbox();
    let inbox_id = inbox.id();
    Ok(line::configured(upgrade).on_upgrade(move |socket| async move {
        let mut line = Line::new(socket, inbox, place);
        let mut party = Party {
            app,
            inbox_id,
            session: Arc::new(session),
            from: head.from,
            language,
            queues: BTreeSet::new(),
            watched: HashMap::new(),
            listed: None,
            rechecked_at: Instant::now(),
            is_doubted: false,
        };
        let Err(why) = party.run(&mut line).await;
        party.leave();
        Box::pin(line.close(why)).await;
    }))
}

enum Never {}

struct Party {
    app: App,
    inbox_id: u64,
    session: Arc<AgentSession>,
    from: IpAddr,
    language: Language,
    queues: BTreeSet<i64>,
    /// Up to where the client has the log of each conversation that it looks at.
    watched: HashMap<Uuid, i64>,
    /// What was last told of a list.
    listed: Option<(Uuid, i64)>,
    rechecked_at: Instant,
    /// The session may be over.
    is_doubted: bool,
}

impl Party {
    async fn run(&mut self, line: &mut Line) -> Result<Never, Close> {
        // Boxed is what runs for a moment.
        Box::pin(self.greet(line)).await?;
        loop {
            let next = line.next().await?;
            Box::pin(self.take(line, next)).await?;
        }
    }

    async fn greet(&mut self, line: &mut Line) -> Result<(), Close> {
        let hello = line.hello(HELLO_WITHIN).await?;
        let FromAgent::Hello { v, watch, language } = frame::parse(&hello)? else {
            return Err(Close::BadFrame);
        };
        if v != frame::VERSION {
            return Err(Close::Version);
        }
        if let Some(language) = language {
            self.language = Language::accepted(&language);
        }
        // A list is asked for when this has come: so nothing is missed in between.
        line.inbox.listen(Topic::Agent(self.session.agent_id));
        line.inbox.listen(Topic::Agents);
        self.refresh(line).await?;
        self.renew().await?;
        line.send(&Out::Welcome {
            v: frame::VERSION,
            server_time: self.app.clock.now(),
            ping_seconds: PING_EVERY.as_secs(),
            agent_id: Some(self.session.agent_id),
            conversation: None,
        })
        .await?;
        self.watch_all(line, watch).await
    }

    async fn take(&mut self, line: &mut Line, next: Next) -> Result<(), Close> {
        match next {
            Next::Signal(Signal::Told(told)) => self.tell(line, &told).await?,
            Next::Signal(Signal::Passing(passing)) => self.pass(line, &passing).await?,
            Next::Frame(frame) => self.hear(line, &frame).await?,
            Next::Alive => self.renew().await?,
        }
        if self.is_doubted || self.rechecked_at.elapsed() > RECHECK_EVERY {
            self.is_doubted = false;
            self.refresh(line).await?;
            let watched: Vec<Uuid> = self.watched.keys().copied().collect();
            for conversation in watched {
                self.check(line, conversation).await?;
            }
        }
        Ok(())
    }

    /// Whether the session is still good, and which lists are the agent's.
    async fn refresh(&mut self, line: &mut Line) -> Result<(), Close> {
        self.rechecked_at = Instant::now();
        let (session, now) = (Arc::clone(&self.session), self.app.clock.now());
        let queues = self.app.db.read(move |tx| {
            session.recheck(tx, now)?;
            Ok::<_, Error>(tx.query(&QUEUES, params![session.agent_id], |row| row.get(0))?)
        });
        let queues = queues.await.map_err(|error: Error| Close::from(&error))?;
        if self.session.role >= Role::Supervisor {
            line.inbox.listen(Topic::AllLists);
            return Ok(());
        }
        let queues: BTreeSet<i64> = queues.into_iter().collect();
        for gone in self.queues.difference(&queues) {
            line.inbox.unlisten(Topic::List(*gone));
        }
        for queue in &queues {
            line.inbox.listen(Topic::List(*queue));
        }
        self.queues = queues;
        Ok(())
    }

    /// The agent is there: on duty for longer, if on duty.
    async fn renew(&self) -> Result<(), Close> {
        let (agent, now) = (self.session.agent_id, self.app.clock.now());
        let renewed = self.app.db.write(move |tx| presence::renew_at_console(tx, agent, now));
        renewed.await.map(drop).map_err(|error| Close::from(&error))
    }

    async fn watch_all(
        &mut self,
        line: &mut Line,
        watch: BTreeMap<Uuid, i64>,
    ) -> Result<(), Close> {
        for (conversation, after) in watch {
            self.watch(line, conversation, after).await?;
        }
        Ok(())
    }

    async fn watch(
        &mut self,
        line: &mut Line,
        conversation: Uuid,
        after: i64,
    ) -> Result<(), Close> {
        if self.watched.len() >= WATCHED_MAX && !self.watched.contains_key(&conversation) {
            return self.refuse(line, conversation, Code::TooManyWatched.into()).await;
        }
        line.inbox.listen(Topic::Conversation(conversation));
        let session = Arc::clone(&self.session);
        let found = self.app.db.read(move |tx| access::see(tx, &session, &conversation)).await;
        match found {
            Ok(seen) => {
                self.watched.insert(conversation, after.clamp(0, seen.seq));
                self.looking(conversation, true);
                self.catch_up(line, conversation).await
            }
            Err(error) if Close::from(&error) == Close::Refused => Err(Close::Refused),
            Err(error) => {
                line.inbox.unlisten(Topic::Conversation(conversation));
                self.watched.remove(&conversation);
                self.refuse(line, conversation, error).await
            }
        }
    }

    /// Whether a conversation that is looked at is still theirs to see.
    async fn check(&mut self, line: &mut Line, conversation: Uuid) -> Result<(), Close> {
        let session = Arc::clone(&self.session);
        let found = self.app.db.read(move |tx| access::see(tx, &session, &conversation)).await;
        match found {
            Ok(_) => Ok(()),
            Err(error) if Close::from(&error) == Close::Refused => Err(Close::Refused),
            Err(error) => {
                self.unwatch(line, conversation);
                self.refuse(line, conversation, error).await
            }
        }
    }

    async fn refuse(&self, line: &mut Line, id: Uuid, error: Error) -> Result<(), Close> {
        line.send(&Out::Refused {
            id: None,
            conversation: Some(id),
            errors: frame::refusals(&error, self.language),
            retry_after_seconds: error.retry_after_seconds(),
        })
        .await
    }

    fn unwatch(&mut self, line: &mut Line, conversation: Uuid) {
        if self.watched.remove(&conversation).is_some() {
            line.inbox.unlisten(Topic::Conversation(conversation));
            self.looking(conversation, false);
        }
    }

    /// Sends what the log has and the client has not.
    async fn catch_up(&mut self, line: &mut Line, id: Uuid) -> Result<(), Close> {
        loop {
            let Some(cursor) = self.watched.get_mut(&id) else { return Ok(()) };
            let after = *cursor;
            let events = self.app.db.read(move |tx| log::page(tx, &id, after)).await;
            let events = events.map_err(|error| Close::from(&error))?;
            let Some(last) = events.last() else { return Ok(()) };
            *cursor = last.seq;
            self.send(line, id, events.iter()).await?;
            if events.len() < log::PAGE {
                return Ok(());
            }
        }
    }

    async fn tell(&mut self, line: &mut Line, told: &Told) -> Result<(), Close> {
        let id = told.conversation;
        let has_moved = told.was.chat_queue_id.is_some() || told.was.agent_id.is_some();
        if has_moved && self.watched.contains_key(&id) {
            self.check(line, id).await?;
        }
        if told.event.kind == Kind::Deleted {
            // There is no log any more that would have it.
            if self.watched.remove(&id).is_some() {
                line.inbox.unlisten(Topic::Conversation(id));
                self.send(line, id, std::iter::once(&told.event)).await?;
            }
        } else if let Some(cursor) = self.watched.get_mut(&id) {
            match told.event.seq - *cursor {
                ..=0 => return Ok(()),
                1 => {
                    *cursor = told.event.seq;
                    self.send(line, id, std::iter::once(&told.event)).await?;
                }
                // Told out of order: the log has the rest.
                _ => self.catch_up(line, id).await?,
            }
        }
        let (turn, event) = (told.turn, &told.event);
        // What is told to several lists of the agent's comes once.
        if !self.lists(told) || self.listed.replace((id, event.seq)) == Some((id, event.seq)) {
            return Ok(());
        }
        line.send(&Out::Conversation {
            conversation: id,
            seq: turn.seq,
            at: turn.at,
            kind: event.kind.name(),
            by: frame::speaker(event.sent_by),
            status: turn.status.name(),
            chat_queue_id: turn.chat_queue_id,
            agent_id: turn.agent_id,
            preview: event
                .text
                .as_ref()
                .filter(|_| event.kind == Kind::Message)
                .map(|text| text.chars().take(PREVIEW_CHARACTERS).collect()),
        })
        .await
    }

    /// Whether it changes one of the lists that this agent has.
    fn lists(&self, told: &Told) -> bool {
        let mine = Some(self.session.agent_id);
        self.session.role >= Role::Supervisor
            || told.turn.agent_id == mine
            || told.was.agent_id == mine
            || self.queues.contains(&told.turn.chat_queue_id)
            || told.was.chat_queue_id.is_some_and(|queue| self.queues.contains(&queue))
    }

    async fn send(
        &self,
        line: &mut Line,
        conversation: Uuid,
        events: impl Iterator<Item = &log::Stored>,
    ) -> Result<(), Close> {
        frame::send(&self.app, line, Audience::Agent, conversation, events).await
    }

    async fn pass(&mut self, line: &mut Line, passing: &Passing) -> Result<(), Close> {
        match passing {
            Passing::Typing { conversation, by, is_typing, text } => {
                let (by, agent_id) = match by {
                    By::Visitor => ("client", None),
                    By::Agent(id) => ("agent", Some(*id)),
                    By::Bot(_) => ("bot", None),
                };
                let (conversation, is_typing, text) = (*conversation, *is_typing, text.as_deref());
                line.send(&Out::Typing { conversation, by, agent_id, is_typing, text }).await
            }
            Passing::Read { conversation, by, seq } => {
                let by = if *by == By::Visitor { "client" } else { "agent" };
                line.send(&Out::Read { conversation: *conversation, by, seq: *seq }).await
            }
            Passing::Page { conversation, url, title, is_open } => {
                let (url, title) = (url.as_deref(), title.as_deref());
                let (conversation, is_open) = (*conversation, *is_open);
                line.send(&Out::Page { conversation, is_open, url, title }).await
            }
            Passing::Looking { conversation, agent_id, is_looking } => {
                let (conversation, agent_id) = (*conversation, *agent_id);
                line.send(&Out::Looking { conversation, agent_id, is_looking: *is_looking }).await
            }
            Passing::Position { .. } => Ok(()),
            Passing::Recheck => {
                self.is_doubted = true;
                Ok(())
            }
            Passing::AgentStatus { agent_id, status } => {
                line.send(&Out::AgentStatus { agent_id: *agent_id, status }).await
            }
            Passing::Settings { what } => line.send(&Out::Settings { what }).await,
            Passing::Alarm { chat_queue_id, conversation } => {
                let (chat_queue_id, conversation) = (*chat_queue_id, *conversation);
                line.send(&Out::Alarm { chat_queue_id, conversation }).await
            }
        }
    }

    async fn hear(&mut self, line: &mut Line, frame: &Utf8Bytes) -> Result<(), Close> {
        match frame::parse(frame)? {
            FromAgent::Hello { .. } => Err(Close::BadFrame),
            FromAgent::Ping => line.send(&Out::Pong).await,
            FromAgent::Unknown => Ok(()),
            FromAgent::Watch { conversation, after } => self.watch(line, conversation, after).await,
            FromAgent::Unwatch { conversation } => {
                self.unwatch(line, conversation);
                Ok(())
            }
            FromAgent::Message { conversation, id, text, file_ids } => {
                let new = NewMessage { text, client_key: Some(id), files: file_ids };
                self.message(line, conversation, id, new).await
            }
            FromAgent::Read { conversation, seq } => self.has_read(conversation, seq).await,
            FromAgent::Typing { conversation, is_typing } => {
                if self.watched.contains_key(&conversation) {
                    let by = By::Agent(self.session.agent_id);
                    let typing = Passing::Typing { conversation, by, is_typing, text: None };
                    self.pass_on(conversation, typing);
                }
                Ok(())
            }
        }
    }

    async fn message(
        &self,
        line: &mut Line,
        conversation: Uuid,
        id: Uuid,
        new: NewMessage,
    ) -> Result<(), Close> {
        let sent = match super::checked(&new) {
            Ok(()) => {
                let session = Arc::clone(&self.session);
                write_as(&self.app, Arc::clone(&session), self.from, None, move |tx, act| {
                    access::see(tx, &session, &conversation)?;
                    conversation::reply(tx, act, &conversation, &session.login, &new)
                })
                .await
            }
            Err(fault) => Err(fault.into()),
        };
        super::answer(line, conversation, id, sent, self.language).await
    }

    async fn has_read(&self, conversation: Uuid, seq: i64) -> Result<(), Close> {
        if !self.watched.contains_key(&conversation) {
            return Ok(());
        }
        let (session, agent_id) = (Arc::clone(&self.session), self.session.agent_id);
        let marked = write_as(&self.app, session, self.from, None, move |tx, _| {
            read::by_agent(tx, &conversation, agent_id, seq)
        });
        marked.await.map_err(|error| Close::from(&error))
    }

    fn pass_on(&self, conversation: Uuid, passing: Passing) {
        self.app.hub.pass(Topic::Conversation(conversation), passing, Some(self.inbox_id));
    }

    fn looking(&self, conversation: Uuid, is_looking: bool) {
        let agent_id = self.session.agent_id;
        self.pass_on(conversation, Passing::Looking { conversation, agent_id, is_looking });
    }

    fn leave(&self) {
        for conversation in self.watched.keys() {
            self.looking(*conversation, false);
        }
    }
}
