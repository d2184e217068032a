//! The hub: who in this process wants to hear of what.
//!
//! Every listener has an inbox with a bound. One that is full is closed: its owner is told to start over from the log, and
//! is never skipped silently.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

use super::{Passing, Told};
use crate::conversation::log::Kind;

/// Signals that a listener may be behind.
const INBOX_MAX: usize = 256;
/// A listener who is so far behind gets no passing things.
const PASSING_MAX: usize = 64;
/// So that listeners of different conversations don't wait for each other.
const SHARDS: usize = 32;

/// What can be listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    Conversation(Uuid),
    /// All conversations of a queue, with all that is said.
    Queue(i64),
    /// What changes lists of a queue's conversations: not what is said to those who are spoken for.
    List(i64),
    /// The same for all queues.
    AllLists,
    /// The conversations of an agent, and what concerns the agent.
    Agent(i64),
    /// What concerns all agents.
    Agents,
    /// Nothing but the server's end: for those who have not said what they want.
    End,
}

/// What a listener hears. An event comes once for each topic that it belongs to and that is listened to.
#[derive(Debug, Clone)]
pub enum Signal {
    Told(Arc<Told>),
    Passing(Arc<Passing>),
}

/// Why nothing more will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The inbox was full.
    Behind,
    /// The server stops.
    Stopping,
}

type Shard = HashMap<Topic, Vec<Listener>>;

#[derive(Default)]
pub struct Hub {
    shards: [Mutex<Shard>; SHARDS],
    last_id: AtomicU64,
    is_stopping: AtomicBool,
}

struct Listener {
    id: u64,
    inbox: Arc<Shared>,
}

impl Hub {
    /// Listens to nothing yet.
    pub fn inbox(self: &Arc<Self>) -> Inbox {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        Inbox { hub: Arc::clone(self), id, shared: Arc::default(), topics: Vec::new() }
    }

    /// Tells all who listen to one of an event's topics.
    pub fn tell(&self, told: Told) {
        let turn = told.turn;
        let agents = [turn.agent_id, told.was.agent_id].into_iter().flatten();
        let queues = [Some(turn.chat_queue_id), told.was.chat_queue_id].into_iter().flatten();
        let is_for_lists = told.event.kind != Kind::Message || turn.agent_id.is_none();
        let topics = [Topic::Conversation(told.conversation)].into_iter();
        let topics = topics.chain(queues.clone().map(Topic::Queue)).chain(agents.map(Topic::Agent));
        let signal = Signal::Told(Arc::new(told));
        for topic in topics {
            self.send(topic, &signal, None);
        }
        if is_for_lists {
            for topic in queues.map(Topic::List).chain([Topic::AllLists]) {
                self.send(topic, &signal, None);
            }
        }
    }

    /// Tells all who listen to a topic, but for the one it comes from.
    pub fn pass(&self, topic: Topic, passing: Passing, from: Option<u64>) {
        self.send(topic, &Signal::Passing(Arc::new(passing)), from);
    }

    /// Whether somebody listens.
    pub fn has_listeners(&self, topic: Topic) -> bool {
        self.shard(topic).contains_key(&topic)
    }

    /// Whether nobody listens to anything.
    pub fn is_silent(&self) -> bool {
        self.shards.iter().all(|shard| lock(shard).is_empty())
    }

    /// Ends all listening, for good.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        for shard in &self.shards {
            for listener in lock(shard).drain().flat_map(|(_, listeners)| listeners) {
                listener.inbox.end(End::Stopping);
            }
        }
    }

    fn send(&self, topic: Topic, signal: &Signal, from: Option<u64>) {
        let mut shard = self.shard(topic);
        let Some(listeners) = shard.get_mut(&topic) else { return };
        listeners.retain(|listener| Some(listener.id) == from || listener.inbox.put(signal));
        if listeners.is_empty() {
            shard.remove(&topic);
        }
    }

    fn shard(&self, topic: Topic) -> MutexGuard<'_, Shard> {
        let mut hasher = DefaultHasher::new();
        topic.hash(&mut hasher);
        let place = hasher.finish() % SHARDS as u64;
        lock(&self.shards[usize::try_from(place).unwrap_or_default()])
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The two ends of an inbox. An idle one takes next to nothing: there are many.
#[derive(Default)]
struct Shared {
    contents: Mutex<Contents>,
    wake: Notify,
}

#[derive(Default)]
struct Contents {
    signals: VecDeque<Signal>,
    end: Option<End>,
}

impl Shared {
    /// False when it takes no more.
    fn put(&self, signal: &Signal) -> bool {
        let mut contents = lock(&self.contents);
        if contents.end.is_some() {
            return false;
        }
        // What is best effort leaves room for what is not.
        if matches!(signal, Signal::Passing(_)) && contents.signals.len() >= PASSING_MAX {
            return true;
        }
        if contents.signals.len() == INBOX_MAX {
            drop(contents);
            self.end(End::Behind);
            return false;
        }
        contents.signals.push_back(signal.clone());
        drop(contents);
        self.wake.notify_one();
        true
    }

    fn end(&self, why: End) {
        let mut contents = lock(&self.contents);
        contents.signals = VecDeque::new();
        contents.end.get_or_insert(why);
        drop(contents);
        self.wake.notify_one();
    }

    fn take(&self) -> Option<Result<Signal, End>> {
        let mut contents = lock(&self.contents);
        if let Some(end) = contents.end {
            return Some(Err(end));
        }
        let signal = contents.signals.pop_front();
        if contents.signals.is_empty() {
            contents.signals = VecDeque::new();
        }
        signal.map(Ok)
    }
}

/// What somebody listens with. Dropping it ends the listening.
pub struct Inbox {
    hub: Arc<Hub>,
    id: u64,
    shared: Arc<Shared>,
    topics: Vec<Topic>,
}

impl Inbox {
    /// What passing things that come from here are marked with.
    pub fn id(&self) -> u64 {
        self.id
    }

    pub fn listens_to(&self, topic: Topic) -> bool {
        self.topics.contains(&topic)
    }

    /// Everything that is committed from now on comes; what was committed before is read from the log afterwards.
    pub fn listen(&mut self, topic: Topic) {
        if self.listens_to(topic) {
            return;
        }
        self.topics.push(topic);
        let listener = Listener { id: self.id, inbox: Arc::clone(&self.shared) };
        self.hub.shard(topic).entry(topic).or_default().push(listener);
        if self.hub.is_stopping.load(Ordering::SeqCst) {
            self.shared.end(End::Stopping);
        }
    }

    pub fn unlisten(&mut self, topic: Topic) {
        self.topics.retain(|known| *known != topic);
        self.forget(topic);
    }

    fn forget(&self, topic: Topic) {
        let mut shard = self.hub.shard(topic);
        if let Some(listeners) = shard.get_mut(&topic) {
            listeners.retain(|listener| listener.id != self.id);
            if listeners.is_empty() {
                shard.remove(&topic);
            }
        }
    }

    /// The next signal, or why there is none any more. Loses nothing when it is dropped half-way.
    pub async fn next(&self) -> Result<Signal, End> {
        loop {
            if let Some(next) = self.shared.take() {
                return next;
            }
            self.shared.wake.notified().await;
        }
    }

    /// The next signal, if there is one already.
    pub fn try_next(&self) -> Option<Result<Signal, End>> {
        self.shared.take()
    }

    /// Resolves when nothing more will come, while nobody takes what has come: for whoever is busy sending.
    pub async fn ended(&self) -> End {
        loop {
            if let Some(end) = lock(&self.shared.contents).end {
                return end;
            }
            self.shared.wake.notified().await;
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        for topic in std::mem::take(&mut self.topics) {
            self.forget(topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Was;
    use super::*;
    use crate::conversation::Status;
    use crate::conversation::log::{Speaker, Stored, Turn};

    fn told() -> Told {
        let turn =
            Turn { seq: 1, at: 0, chat_queue_id: 3, agent_id: None, status: Status::Created };
        let event = Stored {
            seq: 1,
            at: 0,
            kind: Kind::Started,
            sent_by: Speaker::Client,
            agent_id: None,
            bot_id: None,
            text: None,
            data: None,
            client_key: None,
        };
        Told { conversation: Uuid::nil(), turn, event, was: Was::default() }
    }

    fn looking(agent_id: i64) -> Passing {
        Passing::Looking { conversation: Uuid::nil(), agent_id, is_looking: true }
    }

    #[tokio::test]
    async fn who_listens_hears_in_order_and_nobody_hears_themselves() {
        let hub = Arc::new(Hub::default());
        let (mut first, mut second) = (hub.inbox(), hub.inbox());
        first.listen(Topic::Queue(3));
        second.listen(Topic::Queue(3));
        for number in 0..10 {
            hub.pass(Topic::Queue(3), looking(number), Some(first.id()));
        }
        hub.pass(Topic::Queue(4), looking(99), None);
        for expected in 0..10 {
            let Ok(Signal::Passing(heard)) = second.next().await else { panic!("it ended") };
            assert!(matches!(*heard, Passing::Looking { agent_id, .. } if agent_id == expected));
        }
        assert!(first.shared.take().is_none() && second.shared.take().is_none());
    }

    #[tokio::test]
    async fn an_inbox_that_is_full_is_ended_and_others_are_not() {
        let hub = Arc::new(Hub::default());
        let (mut slow, mut quick) = (hub.inbox(), hub.inbox());
        slow.listen(Topic::AllLists);
        quick.listen(Topic::AllLists);
        for number in 0..=INBOX_MAX {
            hub.pass(Topic::AllLists, looking(1), None);
            assert!(quick.next().await.is_ok(), "{number}");
        }
        assert!(slow.next().await.is_ok(), "what passes ends nobody's listening");
        for number in 0..=INBOX_MAX {
            hub.tell(told());
            assert!(quick.next().await.is_ok(), "{number}");
        }
        assert_eq!(slow.ended().await, End::Behind);
        assert!(matches!(slow.next().await, Err(End::Behind)));
        hub.stop();
        assert!(matches!(quick.next().await, Err(End::Stopping)));
    }

    #[tokio::test]
    async fn nothing_is_left_of_those_who_are_gone() {
        let hub = Arc::new(Hub::default());
        let mut inbox = hub.inbox();
        let id = Topic::Conversation(Uuid::nil());
        inbox.listen(id);
        inbox.listen(Topic::Agent(1));
        inbox.unlisten(id);
        assert!(!hub.has_listeners(id) && hub.has_listeners(Topic::Agent(1)));
        drop(inbox);
        assert!(!hub.has_listeners(Topic::Agent(1)));
        hub.stop();
        let mut late = hub.inbox();
        late.listen(Topic::AllLists);
        assert_eq!(late.ended().await, End::Stopping);
    }
}
