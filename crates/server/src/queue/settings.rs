//! What administrators set for a queue. What is not set is as the vendor's chat has it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::hours::MINUTES_OF_DAY;
use super::widget::Widget;
use crate::clock::Millis;

/// How a strategy of assigning prefers one agent over another; they are asked in order until one decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The customer's account manager.
    AccountManager,
    /// The agent's priority in the queue, the smaller number first.
    Priority,
    /// Who talked to this customer last.
    LastAgent,
    /// Fewest open conversations.
    FewestOpen,
    LeastRecentlyAssigned,
}

impl Strategy {
    pub const ALL: [Self; 5] = [
        Self::AccountManager,
        Self::Priority,
        Self::LastAgent,
        Self::FewestOpen,
        Self::LeastRecentlyAssigned,
    ];
}

/// When the welcome message is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WelcomeWhen {
    #[default]
    Never,
    Creation,
    Assignment,
}

/// What idle time is counted from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdleFrom {
    #[default]
    PageClose,
    LastClientMessage,
}

/// The same text in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Texts {
    pub pl: String,
    pub en: String,
}

impl Texts {
    /// As the client speaks, else Polish, else whatever there is.
    pub fn in_language(&self, language: Option<&str>) -> &str {
        let is_english = language.is_some_and(|tag| tag.split('-').next() == Some("en"));
        let (first, second) = if is_english { (&self.en, &self.pl) } else { (&self.pl, &self.en) };
        if first.is_empty() { second } else { first }
    }
}

/// From one minute of the day to another, `540` is 9:00; `1440` the end of the day. What does not end after it begins ends on
/// the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Span {
    pub from_minute: u16,
    pub until_minute: u16,
}

impl Span {
    /// Counted from the beginning of the day that it begins on.
    pub fn end(self) -> u16 {
        if self.until_minute > self.from_minute {
            self.until_minute
        } else {
            self.until_minute + MINUTES_OF_DAY
        }
    }
}

/// A day that is not as its weekday: closed without spans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpecialDay {
    /// `2026-12-24`
    pub date: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub spans: Vec<Span>,
}

/// Working hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hours {
    /// Monday to Sunday.
    pub week: [Vec<Span>; 7],
    /// Without it the installation's.
    #[serde(default)]
    pub time_zone: Option<String>,
    #[serde(default)]
    pub special_days: Vec<SpecialDay>,
    /// Closed on Poland's public holidays.
    #[serde(default)]
    pub has_polish_holidays: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "switches are what an administrator sets")]
pub struct Settings {
    /// Without it the installation's.
    pub strategies: Option<Vec<Strategy>>,
    /// Conversations of this queue that one agent can have open at once; the agent's capacity counts too.
    pub agent_capacity: Option<i64>,
    /// Without an answer for so long: on to another agent. 0: never.
    pub no_answer_seconds: i64,
    /// Whether the silent agent goes on a pause.
    pub no_answer_pauses: bool,
    /// Idle for so long: closed. 0: never.
    pub idle_close_seconds: i64,
    pub idle_from: IdleFrom,
    /// Conversations that have waited for so long are not assigned by themselves any more. 0: always.
    pub stop_assigning_hours: i64,
    pub welcome_when: WelcomeWhen,
    pub welcome: Texts,
    /// Without them always open.
    pub hours: Option<Hours>,
    /// Origins of pages on which visitors may open conversations of this queue: `https://shop.example.org`.
    pub origins: Vec<String>,
    /// Visitors without a signed identity may open conversations.
    pub takes_unverified: bool,
    /// The agent sees what the visitor types.
    pub has_text_preview: bool,
    pub takes_files: bool,
    /// A visitor gone for so long gets unread answers by e-mail. 0: never.
    pub mail_after_seconds: i64,
    /// Conversations that one address may open in an hour.
    pub opens_per_hour: i64,
    /// Within which somebody who waits is to get a first answer of a person: what the console's colors and the service
    /// level go by.
    pub answer_goal_seconds: i64,
    /// Clauses and consents, by name, that visitors are shown.
    pub clauses: Vec<String>,
    /// The bot that gets new conversations first.
    #[serde(rename = "external_chatbot_id")]
    pub bot_id: Option<Uuid>,
    /// How the chat looks on pages, and what it asks for.
    pub widget: Widget,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            strategies: None,
            agent_capacity: None,
            no_answer_seconds: 60,
            no_answer_pauses: true,
            idle_close_seconds: 3_600,
            idle_from: IdleFrom::PageClose,
            stop_assigning_hours: 0,
            welcome_when: WelcomeWhen::Never,
            welcome: Texts::default(),
            hours: None,
            origins: Vec::new(),
            takes_unverified: true,
            has_text_preview: false,
            takes_files: true,
            mail_after_seconds: 300,
            opens_per_hour: 30,
            answer_goal_seconds: 60,
            clauses: Vec::new(),
            bot_id: None,
            widget: Widget::default(),
        }
    }
}

impl Settings {
    /// One that a later version wrote is read as far as this one knows it.
    pub fn from_stored(text: &str) -> Self {
        if text == "{}" { Self::default() } else { serde_json::from_str(text).unwrap_or_default() }
    }

    pub fn to_stored(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// After which no answer counts as none.
    pub fn no_answer(&self) -> Option<Millis> {
        (self.no_answer_seconds > 0).then_some(self.no_answer_seconds * 1_000)
    }

    /// After which unread answers are sent by e-mail.
    pub fn mail_after(&self) -> Option<Millis> {
        (self.mail_after_seconds > 0).then_some(self.mail_after_seconds * 1_000)
    }

    /// After which nothing is assigned by itself any more.
    pub fn stop_assigning(&self) -> Option<Millis> {
        (self.stop_assigning_hours > 0).then_some(self.stop_assigning_hours * 3_600_000)
    }

    pub fn idle_close(&self) -> Option<Millis> {
        (self.idle_close_seconds > 0).then_some(self.idle_close_seconds * 1_000)
    }
}
