//! The socket of a visitor: one conversation.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Utf8Bytes, WebSocketUpgrade};
use axum::response::Response;
use rozmowa_db::{Row, Tx, params};
use tokio::time::Instant;
use uuid::Uuid;

use super::bucket::Bucket;
use super::close::Close;
use super::frame::{self, Audience, FromVisitor, Opened, Out};
use super::hub::{Signal, Topic};
use super::line::{self, Line, Next, PING_EVERY};
use super::{By, Passing, Told};
use crate::app::App;
use crate::clock::Millis;
use crate::conversation::{NewMessage, Status, log, read};
use crate::http::call::{Caller, Head, write_as};
use crate::http::{Code, Error, origin};
use crate::locale::Language;
use crate::mail;
use crate::queue::Settings;
use crate::visitor::data::{self, Browser, PAGE_LEASE};
use crate::visitor::token::Visitor;
use crate::visitor::{gate, show};

rozmowa_db::statements! {
    OPENED = "SELECT c.status, c.seq, c.client_read_seq, c.agent_read_seq, q.name, q.settings, c.chat_queue_id,
            c.client_email
        FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id WHERE c.id = $1";
    PREVIEW = "SELECT q.settings FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id WHERE c.id = $1";
}

const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked whether the token is still good, and what the queue shows.
const RECHECK_EVERY: Duration = Duration::from_mins(1);
const MESSAGES_PER_SECOND: f32 = 3.0;
const MESSAGES_BURST: f32 = 20.0;
/// Text that is being typed, as agents see it.
const PREVIEW_CHARACTERS_MAX: usize = 1_000;

/// The open pages of each conversation, on this node.
#[derive(Default)]
pub struct Pages(Mutex<HashMap<Uuid, usize>>);

impl Pages {
    fn open(&self, conversation: Uuid) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(conversation).or_default() +=
            1;
    }

    /// True when it was the last.
    fn close(&self, conversation: Uuid) -> bool {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = pages.get_mut(&conversation) else { return true };
        *count -= 1;
        let is_last = *count == 0;
        if is_last {
            pages.remove(&conversation);
        }
        is_last
    }
}

/// `GET /visitor/socket`
pub async fn open(
    State(app): State<App>,
    head: Head,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Error> {
    let upgrade = upgrade.map_err(|_| Code::UpgradeNeeded)?;
    // Nobody is known by a cookie here, but a page that has no business here gets no socket either.
    if let Some(origin) = origin::given(&head.headers)
        && !origin::is_own(&head, &app, origin)
    {
        gate::take_turn(&app, head.from)?;
        let asked = origin.to_owned();
        if !app.db.read(move |tx| gate::is_of_some_queue(tx, &asked)).await? {
            return Err(Code::ForeignOrigin.into());
        }
    }
    let place = app.sockets.enter(head.from)?;
    let language = Language::of(&head.headers);
    let inbox = app.hub.inbox();
    Ok(line::configured(upgrade).on_upgrade(move |socket| async move {
        // Boxed is what runs for a moment: an idle socket should hold what it needs when idle.
        let mut line = Line::new(socket, inbox, place);
        let why = match Box::pin(greet(app, &mut line, head.from, language)).await {
            Ok(mut party) => {
                let Err(why) = party.run(&mut line).await;
                Box::pin(party.leave()).await;
                why
            }
            Err(why) => why,
        };
        Box::pin(line.close(why)).await;
    }))
}

enum Never {}

async fn greet(
    app: App,
    line: &mut Line,
    from: IpAddr,
    language: Language,
) -> Result<Party, Close> {
    let hello = line.hello(HELLO_WITHIN).await?;
    let FromVisitor::Hello { v, token, after, language: wanted } = frame::parse(&hello)? else {
        return Err(Close::BadFrame);
    };
    if v != frame::VERSION {
        return Err(Close::Version);
    }
    let visitor = Visitor::of_token(&token, &app).await.map_err(|error| Close::from(&error))?;
    let language = wanted.map_or(language, |wanted| Language::accepted(&wanted));
    Ok(Party {
        app,
        inbox_id: line.inbox.id(),
        conversation: visitor.conversation,
        visitor: Arc::new(visitor),
        from,
        language,
        cursor: after.max(0),
        messages: Bucket::new(MESSAGES_PER_SECOND, MESSAGES_BURST),
        rechecked_at: Instant::now(),
        page_noted_at: 0,
        has_preview: false,
        is_typing: false,
    })
}

struct Party {
    app: App,
    inbox_id: u64,
    visitor: Arc<Visitor>,
    conversation: Uuid,
    from: IpAddr,
    language: Language,
    /// Up to where the client has the log.
    cursor: i64,
    messages: Bucket,
    rechecked_at: Instant,
    page_noted_at: Millis,
    has_preview: bool,
    is_typing: bool,
}

impl Party {
    async fn run(&mut self, line: &mut Line) -> Result<Never, Close> {
        Box::pin(self.enter(line)).await?;
        loop {
            let next = line.next().await?;
            Box::pin(self.take(line, next)).await?;
        }
    }

    async fn enter(&mut self, line: &mut Line) -> Result<(), Close> {
        // First listen, then read: whatever is committed in between comes by the hub, and is known by its number.
        line.inbox.listen(Topic::Conversation(self.conversation));
        let opened = self.opened().await.map_err(|error| Close::from(&error))?;
        self.has_preview = opened.has_text_preview;
        let chat_queue_id = opened.chat_queue_id;
        self.cursor = self.cursor.min(opened.seq);
        self.app.pages.open(self.conversation);
        self.note_page().await?;
        line.send(&Out::Welcome {
            v: frame::VERSION,
            server_time: self.app.clock.now(),
            ping_seconds: PING_EVERY.as_secs(),
            agent_id: None,
            conversation: Some(opened),
        })
        .await?;
        self.catch_up(line).await?;
        self.app.moved.came(chat_queue_id, self.conversation);
        Ok(())
    }

    async fn take(&mut self, line: &mut Line, next: Next) -> Result<(), Close> {
        match next {
            Next::Signal(Signal::Told(told)) => self.tell(line, &told).await?,
            Next::Signal(Signal::Passing(passing)) => self.pass(line, &passing).await?,
            Next::Frame(frame) => self.hear(line, &frame).await?,
            Next::Alive => self.note_page().await?,
        }
        if self.rechecked_at.elapsed() > RECHECK_EVERY {
            self.recheck().await?;
        }
        Ok(())
    }

    async fn opened(&self) -> Result<Opened, Error> {
        let id = self.conversation;
        let app = self.app.clone();
        let opened = self.app.db.read(move |tx| opened(tx, &app, &id)).await?;
        opened.ok_or_else(|| Code::BadVisitorToken.into())
    }

    async fn recheck(&mut self) -> Result<(), Close> {
        self.rechecked_at = Instant::now();
        let (visitor, now) = (Arc::clone(&self.visitor), self.app.clock.now());
        let id = self.conversation;
        let checked = self.app.db.read(move |tx| {
            visitor.recheck(tx, now)?;
            Ok::<_, Error>(tx.query_opt(&PREVIEW, params![&id], |row| row.get::<String>(0))?)
        });
        let settings = checked.await.map_err(|error| Close::from(&error))?;
        // Another queue, or what is set for it now, may not show what is being typed.
        self.has_preview = settings.is_some_and(|it| Settings::from_stored(&it).has_text_preview);
        Ok(())
    }

    /// Sends what the log has and the client has not.
    async fn catch_up(&mut self, line: &mut Line) -> Result<(), Close> {
        loop {
            let (id, after) = (self.conversation, self.cursor);
            let events = self.app.db.read(move |tx| log::page(tx, &id, after)).await;
            let events = events.map_err(|error| Close::from(&error))?;
            let Some(last) = events.last() else { return Ok(()) };
            self.cursor = last.seq;
            self.send(line, events.iter()).await?;
            if events.len() < log::PAGE {
                return Ok(());
            }
        }
    }

    async fn tell(&mut self, line: &mut Line, told: &Told) -> Result<(), Close> {
        if told.event.kind == log::Kind::Deleted {
            return Err(Close::Deleted);
        }
        if matches!(told.event.kind, log::Kind::Transferred | log::Kind::HandedOver) {
            self.recheck().await?;
        }
        match told.event.seq - self.cursor {
            ..=0 => Ok(()),
            1 => {
                self.cursor = told.event.seq;
                self.send(line, std::iter::once(&told.event)).await
            }
            // Told out of order: the log has the rest.
            _ => self.catch_up(line).await,
        }
    }

    async fn send(
        &self,
        line: &mut Line,
        events: impl Iterator<Item = &log::Stored>,
    ) -> Result<(), Close> {
        frame::send(&self.app, line, Audience::Visitor, self.conversation, events).await
    }

    async fn pass(&mut self, line: &mut Line, passing: &Passing) -> Result<(), Close> {
        let conversation = self.conversation;
        match *passing {
            Passing::Typing { by: By::Agent(_) | By::Bot(_), is_typing, .. } => {
                line.send(&Out::Typing {
                    conversation,
                    by: "agent",
                    agent_id: None,
                    is_typing,
                    text: None,
                })
                .await
            }
            Passing::Read { by: By::Agent(_) | By::Bot(_), seq, .. } => {
                line.send(&Out::Read { conversation, by: "agent", seq }).await
            }
            Passing::Read { by: By::Visitor, seq, .. } => {
                line.send(&Out::Read { conversation, by: "client", seq }).await
            }
            Passing::Recheck => self.recheck().await,
            Passing::Position { place, wait_seconds, .. } => {
                line.send(&Out::Position { conversation, place, wait_seconds }).await
            }
            _ => Ok(()),
        }
    }

    async fn hear(&mut self, line: &mut Line, frame: &Utf8Bytes) -> Result<(), Close> {
        match frame::parse(frame)? {
            FromVisitor::Hello { .. } => Err(Close::BadFrame),
            FromVisitor::Ping => line.send(&Out::Pong).await,
            FromVisitor::Unknown => Ok(()),
            FromVisitor::Message { id, text, file_ids } => {
                let new = NewMessage { text, client_key: Some(id), files: file_ids };
                self.message(line, id, new).await
            }
            FromVisitor::Read { seq } => self.has_read(seq).await,
            FromVisitor::Typing { is_typing, text } => {
                let text = text.filter(|_| self.has_preview && is_typing);
                let text = text.map(|text| text.chars().take(PREVIEW_CHARACTERS_MAX).collect());
                self.is_typing = is_typing;
                self.pass_on(Passing::Typing {
                    conversation: self.conversation,
                    by: By::Visitor,
                    is_typing,
                    text,
                });
                Ok(())
            }
            FromVisitor::Page { url, title } => {
                let (conversation, from) = (self.conversation, self.from);
                let ip = Some(from.to_string());
                let browser = Browser { ip, ..Browser::default() }.at(Some(url), title);
                let (url, title) = (browser.page_url.clone(), browser.page_title.clone());
                // Nobody turns pages as quickly as that.
                if self.messages.take().is_err() {
                    return Ok(());
                }
                let visitor = Arc::clone(&self.visitor);
                let noted = write_as(&self.app, visitor, from, None, move |tx, act| {
                    show::check_not_blocked(tx, &conversation, from, act.now)?;
                    data::note(tx, &conversation, &browser)
                });
                match noted.await {
                    Ok(()) => {
                        self.pass_on(Passing::Page { conversation, url, title, is_open: true });
                        Ok(())
                    }
                    Err(error) if error.is(Code::VisitorBlocked) => Ok(()),
                    Err(error) => Err(Close::from(&error)),
                }
            }
        }
    }

    async fn message(&mut self, line: &mut Line, id: Uuid, new: NewMessage) -> Result<(), Close> {
        let conversation = self.conversation;
        if let Err(wait) = self.messages.take() {
            let error = Error::from(Code::TooManyMessages);
            return line
                .send(&Out::Refused {
                    id: Some(id),
                    conversation: Some(conversation),
                    errors: frame::refusals(&error, self.language),
                    retry_after_seconds: Some(wait.as_secs() + 1),
                })
                .await;
        }
        let sent = match super::checked(&new) {
            Ok(()) => {
                let (visitor, from) = (Arc::clone(&self.visitor), self.from);
                write_as(&self.app, visitor, from, None, move |tx, act| {
                    show::say(tx, act, &conversation, from, &new)
                })
                .await
            }
            Err(fault) => Err(fault.into()),
        };
        self.is_typing = false;
        super::answer(line, conversation, id, sent, self.language).await
    }

    async fn has_read(&self, seq: i64) -> Result<(), Close> {
        let (visitor, id) = (Arc::clone(&self.visitor), self.conversation);
        let marked = write_as(&self.app, visitor, self.from, None, move |tx, _| {
            read::by_client(tx, &id, seq)
        });
        marked.await.map_err(|error| Close::from(&error))
    }

    fn pass_on(&self, passing: Passing) {
        self.app.hub.pass(Topic::Conversation(self.conversation), passing, Some(self.inbox_id));
    }

    /// Now and then, for idle close and e-mail.
    async fn note_page(&mut self) -> Result<(), Close> {
        let (id, now) = (self.conversation, self.app.clock.now());
        if now - self.page_noted_at < PAGE_LEASE / 2 {
            return Ok(());
        }
        if self.page_noted_at == 0 {
            self.pass_on(Passing::Page { conversation: id, url: None, title: None, is_open: true });
        }
        self.page_noted_at = now;
        let noted = self.app.db.write(move |tx| data::page_open(tx, &id, now));
        noted.await.map_err(|error| Close::from(&error))
    }

    /// The page is closed, or its line is cut: who comes back says so.
    async fn leave(&self) {
        if self.is_typing {
            self.pass_on(Passing::Typing {
                conversation: self.conversation,
                by: By::Visitor,
                is_typing: false,
                text: None,
            });
        }
        // A server that stops closes nobody's page.
        if self.page_noted_at == 0
            || !self.app.pages.close(self.conversation)
            || self.app.is_stopping()
        {
            return;
        }
        let (id, now) = (self.conversation, self.app.clock.now());
        self.pass_on(Passing::Page { conversation: id, url: None, title: None, is_open: false });
        let noted = self.app.db.write(move |tx| data::page_closed(tx, &id, now));
        if let Err(error) = noted.await {
            tracing::debug!(cause = error.cause(), "a closed page could not be noted");
        }
    }
}

fn opened(tx: &mut Tx<'_>, app: &App, id: &Uuid) -> Result<Option<Opened>, Error> {
    let opened = tx.query_opt(&OPENED, params![id], |row: &Row<'_>| {
        let settings = Settings::from_stored(&row.get::<String>(5)?);
        Ok(Opened {
            conversation: *id,
            status: Status::from_number(row.get(0)?).unwrap_or(Status::Closed).name(),
            seq: row.get(1)?,
            visitor_read: row.get(2)?,
            agent_read: row.get(3)?,
            queue: row.get(4)?,
            chat_queue_id: row.get(6)?,
            has_text_preview: settings.has_text_preview,
            takes_files: settings.takes_files,
            is_mailed: mail::answers_to(app, &settings, &row.get::<String>(7)?),
        })
    })?;
    Ok(opened)
}
