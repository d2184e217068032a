//! Actions: what a subscription can want to hear of.

use crate::http::params::Named;

/// An action. The numbers are stored, and are places in lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    ConversationCreated = 0,
    AgentAssigned = 1,
    ConversationClosed = 2,
    CustomerCreated = 3,
    CustomerUpdated = 4,
    /// Our addition.
    MessageCreated = 5,
    /// Nobody subscribes to it: sent on demand.
    Test = 6,
    // The rest are our additions, too.
    AgentUnassigned = 7,
    ConversationTransferred = 8,
    ConversationReopened = 9,
    ConversationRated = 10,
    /// By a bot, to people.
    ConversationHandedOver = 11,
    BotAssigned = 12,
    NoteCreated = 13,
    ContentErased = 14,
    ConversationDeleted = 15,
}

impl Action {
    /// Places in a list of all.
    pub const COUNT: usize = Self::ALL.len() + 1;

    pub fn from_number(number: i64) -> Option<Self> {
        let known = Self::ALL.iter().copied().chain([Self::Test]);
        known.into_iter().find(|action| *action as i64 == number)
    }
}

impl Named for Action {
    /// Those that a subscription can name.
    const ALL: &[Self] = &[
        Self::ConversationCreated,
        Self::AgentAssigned,
        Self::ConversationClosed,
        Self::CustomerCreated,
        Self::CustomerUpdated,
        Self::MessageCreated,
        Self::AgentUnassigned,
        Self::ConversationTransferred,
        Self::ConversationReopened,
        Self::ConversationRated,
        Self::ConversationHandedOver,
        Self::BotAssigned,
        Self::NoteCreated,
        Self::ContentErased,
        Self::ConversationDeleted,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::ConversationCreated => "CHAT_CONVERSATION_CREATED",
            Self::AgentAssigned => "CHAT_AGENT_ASSIGNED",
            Self::ConversationClosed => "CHAT_CONVERSATION_CLOSED",
            Self::CustomerCreated => "CUSTOMER_CREATED",
            Self::CustomerUpdated => "CUSTOMER_UPDATED",
            Self::MessageCreated => "CHAT_MESSAGE_CREATED",
            Self::Test => "WEBHOOK_TEST",
            Self::AgentUnassigned => "CHAT_AGENT_UNASSIGNED",
            Self::ConversationTransferred => "CHAT_CONVERSATION_TRANSFERRED",
            Self::ConversationReopened => "CHAT_CONVERSATION_REOPENED",
            Self::ConversationRated => "CHAT_CONVERSATION_RATED",
            Self::ConversationHandedOver => "CHAT_CONVERSATION_HANDED_OVER",
            Self::BotAssigned => "CHAT_BOT_ASSIGNED",
            Self::NoteCreated => "CHAT_NOTE_CREATED",
            Self::ContentErased => "CHAT_CONTENT_ERASED",
            Self::ConversationDeleted => "CHAT_CONVERSATION_DELETED",
        }
    }
}

/// As they are stored. One that a later version wrote is passed over.
pub fn from_lines(lines: &str) -> Vec<Action> {
    lines.lines().filter_map(Action::from_name).collect()
}

pub fn to_lines(actions: &[Action]) -> String {
    actions.iter().map(|action| action.name()).collect::<Vec<_>>().join("\n")
}
