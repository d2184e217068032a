//! Actions: what a subscription can want to hear of.

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
}

impl Action {
    pub const ALL: &[Self] = &[
        Self::ConversationCreated,
        Self::AgentAssigned,
        Self::ConversationClosed,
        Self::CustomerCreated,
        Self::CustomerUpdated,
        Self::MessageCreated,
        Self::Test,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::ConversationCreated => "CHAT_CONVERSATION_CREATED",
            Self::AgentAssigned => "CHAT_AGENT_ASSIGNED",
            Self::ConversationClosed => "CHAT_CONVERSATION_CLOSED",
            Self::CustomerCreated => "CUSTOMER_CREATED",
            Self::CustomerUpdated => "CUSTOMER_UPDATED",
            Self::MessageCreated => "CHAT_MESSAGE_CREATED",
            Self::Test => "WEBHOOK_TEST",
        }
    }

    /// Those that a subscription can name.
    pub fn offered() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|action| *action != Self::Test)
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::offered().find(|action| action.name() == name)
    }

    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| *action as i64 == number)
    }
}

/// As they are stored. One that a later version wrote is passed over.
pub fn from_lines(lines: &str) -> Vec<Action> {
    lines.lines().filter_map(Action::from_name).collect()
}

pub fn to_lines(actions: &[Action]) -> String {
    actions.iter().map(|action| action.name()).collect::<Vec<_>>().join("\n")
}
