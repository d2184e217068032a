//! What one connection asked for and what it was answered: the truth that the server is held to.
//!
//! Keys, client ids and texts follow from numbers, so that a hundred thousand conversations of fifty
//! rounds fit in memory.

use std::collections::BTreeSet;

use crate::{
    random::Random,
    request::{self, DEMO_QUEUE},
};

/// A call that changes something. Sent again, it is the same bytes with the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Start { conversation: usize },
    Message { conversation: usize, number: u32 },
    Stop { conversation: usize },
}

#[derive(Debug)]
struct Conversation {
    /// `None` until its start is answered.
    id: Option<String>,
    /// How many messages are answered. At most one more is on its way.
    messages: u32,
    closed: bool,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    name: String,
    conversations: Vec<Conversation>,
    /// Started and not being stopped.
    open: Vec<usize>,
    /// The call on its way or lost: it must be settled before anything else is asked, because the order
    /// of messages is checked.
    unsettled: Option<Deed>,
    /// Conversations that something was done to since the last check.
    touched: BTreeSet<usize>,
    /// Conversations before this one were asked for by `take_new`.
    taken: usize,
}

/// What must be stored of a conversation.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) id: String,
    pub(crate) client_id: String,
    pub(crate) texts: Vec<String>,
    pub(crate) closed: bool,
}

/// Few, so that conversations get several messages each.
const OPEN_AT_MOST: usize = 12;

impl Ledger {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            conversations: Vec::new(),
            open: Vec::new(),
            unsettled: None,
            touched: BTreeSet::new(),
            taken: 0,
        }
    }

    pub(crate) fn unsettled(&self) -> Option<Deed> {
        self.unsettled
    }

    /// Conversations whose start was asked for, answered or not.
    pub(crate) fn started(&self) -> usize {
        self.conversations.len()
    }

    /// Decides on the next call and writes it down as unsettled.
    pub(crate) fn next_deed(&mut self, random: &mut Random) -> Deed {
        let start = self.open.is_empty() || random.below(100) < 40;
        if start && self.open.len() < OPEN_AT_MOST {
            return self.next_start();
        }
        let place = random.index(self.open.len());
        let conversation = self.open[place];
        let deed = if random.below(100) < 35 {
            self.open.swap_remove(place);
            Deed::Stop { conversation }
        } else {
            let number = self.conversations[conversation].messages;
            Deed::Message { conversation, number }
        };
        self.unsettled = Some(deed);
        deed
    }

    /// A new conversation, written down as unsettled.
    pub(crate) fn next_start(&mut self) -> Deed {
        self.conversations.push(Conversation { id: None, messages: 0, closed: false });
        let deed = Deed::Start { conversation: self.conversations.len() - 1 };
        self.unsettled = Some(deed);
        deed
    }

    /// An earlier, answered call, to be asked once more.
    pub(crate) fn earlier_deed(&self, random: &mut Random) -> Option<Deed> {
        // Mostly recent ones: those that a crash is near to.
        let recent = self.conversations.len().min(50);
        if recent == 0 {
            return None;
        }
        let conversation = self.conversations.len() - 1 - random.index(recent);
        let found = &self.conversations[conversation];
        found.id.as_ref()?;
        if found.closed && random.below(3) == 0 {
            return Some(Deed::Stop { conversation });
        }
        if found.messages > 0 && random.below(2) == 0 {
            let bound = u64::from(found.messages);
            let number = u32::try_from(random.below(bound)).expect("below a u32");
            return Some(Deed::Message { conversation, number });
        }
        Some(Deed::Start { conversation })
    }

    pub(crate) fn request(&self, deed: Deed) -> Vec<u8> {
        match deed {
            Deed::Start { conversation } => {
                let client_id = self.client_id(conversation);
                let path = format!(
                    "/api/chat_conversations/start?chat_queue_id={DEMO_QUEUE}&client_id={client_id}"
                );
                request::post(&path, Some(&client_id), "")
            }
            Deed::Message { conversation, number } => {
                let text = self.text(conversation, number);
                request::message(self.id(conversation), Some(&text), &text)
            }
            Deed::Stop { conversation } => {
                let key = format!("{}-stop", self.client_id(conversation));
                request::stop(self.id(conversation), Some(&key))
            }
        }
    }

    /// Writes down the answer (the id for a start, else nothing) of a deed, new or asked once more. The
    /// error says how it contradicts what was answered before.
    pub(crate) fn settle(&mut self, deed: Deed, id: Option<String>) -> Result<(), String> {
        if self.unsettled != Some(deed) {
            return self.same_as_before(deed, id.as_deref());
        }
        self.unsettled = None;
        match deed {
            Deed::Start { conversation } => {
                self.conversations[conversation].id = id;
                self.open.push(conversation);
                self.touched.insert(conversation);
            }
            Deed::Message { conversation, .. } => {
                self.conversations[conversation].messages += 1;
                self.touched.insert(conversation);
            }
            Deed::Stop { conversation } => {
                self.conversations[conversation].closed = true;
                self.touched.insert(conversation);
            }
        }
        Ok(())
    }

    fn same_as_before(&mut self, deed: Deed, id: Option<&str>) -> Result<(), String> {
        let Deed::Start { conversation } = deed else {
            return Ok(());
        };
        self.touched.insert(conversation);
        let before = self.conversations[conversation].id.as_deref();
        if before == id {
            return Ok(());
        }
        Err(format!(
            "the key {} was answered with {before:?}, and now with {id:?}",
            self.client_id(conversation)
        ))
    }

    /// What must be stored of the conversations touched since the last call, and of `old_ones` others
    /// or of `all`.
    pub(crate) fn expected(
        &mut self,
        all: bool,
        old_ones: usize,
        random: &mut Random,
    ) -> Vec<Expected> {
        let mut chosen = std::mem::take(&mut self.touched);
        if all {
            chosen.extend(0..self.conversations.len());
        } else if !self.conversations.is_empty() {
            chosen.extend((0..old_ones).map(|_| random.index(self.conversations.len())));
        }
        chosen.into_iter().filter_map(|index| self.expectation(index)).collect()
    }

    /// The ids of the conversations since the last call. To be asked when nothing is unsettled.
    pub(crate) fn take_new(&mut self) -> Vec<String> {
        let from = std::mem::replace(&mut self.taken, self.conversations.len());
        self.conversations[from..].iter().filter_map(|new| new.id.clone()).collect()
    }

    /// What must be stored of all conversations as of now.
    pub(crate) fn answered(&self) -> Vec<Expected> {
        (0..self.conversations.len()).filter_map(|index| self.expectation(index)).collect()
    }

    pub(crate) fn expectation(&self, index: usize) -> Option<Expected> {
        let conversation = &self.conversations[index];
        Some(Expected {
            id: conversation.id.clone()?,
            client_id: self.client_id(index),
            texts: (0..conversation.messages).map(|number| self.text(index, number)).collect(),
            closed: conversation.closed,
        })
    }

    /// Known to no customer, and the key of its start.
    pub(crate) fn client_id(&self, conversation: usize) -> String {
        format!("{}-{conversation}", self.name)
    }

    /// Unique, and the key of its message.
    pub(crate) fn text(&self, conversation: usize, number: u32) -> String {
        format!("{}-m{number}", self.client_id(conversation))
    }

    fn id(&self, conversation: usize) -> &str {
        self.conversations[conversation]
            .id
            .as_deref()
            .expect("nothing is done to a conversation before its start is answered")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(ledger: &mut Ledger, random: &mut Random) -> Deed {
        let deed = ledger.next_deed(random);
        assert!(matches!(deed, Deed::Start { .. }));
        ledger.settle(deed, Some("one".to_owned())).unwrap();
        deed
    }

    #[test]
    fn a_repeated_start_must_answer_the_same() {
        let (mut ledger, mut random) = (Ledger::new("w".to_owned()), Random::new(1));
        let deed = started(&mut ledger, &mut random);
        assert_eq!(ledger.settle(deed, Some("one".to_owned())), Ok(()));
        let error = ledger.settle(deed, Some("two".to_owned())).unwrap_err();
        assert!(error.contains("w-0"), "{error}");
        assert_eq!(ledger.started(), 1);
    }

    #[test]
    fn only_answered_messages_are_expected_and_only_once() {
        let (mut ledger, mut random) = (Ledger::new("w".to_owned()), Random::new(2));
        started(&mut ledger, &mut random);
        let message = Deed::Message { conversation: 0, number: 0 };
        ledger.unsettled = Some(message);
        ledger.settle(message, None).unwrap();
        // Asked once more.
        ledger.settle(message, None).unwrap();
        ledger.unsettled = Some(Deed::Message { conversation: 0, number: 1 });
        let expected = ledger.expected(false, 0, &mut random);
        assert_eq!(expected.len(), 1);
        assert_eq!(expected[0].texts, ["w-0-m0"]);
        assert!(!expected[0].closed);
        assert!(ledger.expected(false, 0, &mut random).is_empty());
        assert_eq!(ledger.expected(true, 0, &mut random).len(), 1);
    }

    #[test]
    fn a_conversation_is_new_once() {
        let (mut ledger, mut random) = (Ledger::new("w".to_owned()), Random::new(2));
        started(&mut ledger, &mut random);
        assert_eq!(ledger.take_new(), ["one"]);
        assert!(ledger.take_new().is_empty());
        let deed = ledger.next_start();
        ledger.settle(deed, Some("two".to_owned())).unwrap();
        assert_eq!(ledger.take_new(), ["two"]);
    }

    #[test]
    fn a_request_asked_again_is_the_same_bytes() {
        let (mut ledger, mut random) = (Ledger::new("w".to_owned()), Random::new(3));
        for round in 0..200 {
            let deed = ledger.next_deed(&mut random);
            assert_eq!(ledger.request(deed), ledger.request(deed));
            assert_eq!(ledger.unsettled(), Some(deed));
            let id = matches!(deed, Deed::Start { .. }).then(|| format!("id{round}"));
            ledger.settle(deed, id).unwrap();
            if let Some(earlier) = ledger.earlier_deed(&mut random) {
                ledger.request(earlier);
            }
        }
        assert!(ledger.open.len() <= OPEN_AT_MOST);
    }
}
