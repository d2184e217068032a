//! What administrators set for a queue, as both of their doors read it.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use rozmowa_db::Tx;
use serde::Serialize;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::hours::MINUTES_OF_DAY;
use super::settings::{Hours, IdleFrom, Settings, Span, SpecialDay, Strategy, Texts, WelcomeWhen};
use super::widget::Widget;
use super::{Queue, change_by, known};
use crate::agent::capacity;
use crate::bot;
use crate::clause;
use crate::http::call::Caller;
use crate::http::params::{
    Line, Listed, Members, Named, Node, OneOf, OrEmpty, Param, Within, YesNo, integer, path_number,
};
use crate::http::{Call, Code, Error, Fault, Reply};
use crate::routing;
use crate::visitor::identity;

impl Named for Strategy {
    const ALL: &[Self] = &Self::ALL;

    fn name(self) -> &'static str {
        match self {
            Self::AccountManager => "account_manager",
            Self::Priority => "priority",
            Self::LastAgent => "last_agent",
            Self::FewestOpen => "fewest_open",
            Self::LeastRecentlyAssigned => "least_recently_assigned",
        }
    }
}

impl Named for WelcomeWhen {
    const ALL: &[Self] = &[Self::Never, Self::Creation, Self::Assignment];

    fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Creation => "creation",
            Self::Assignment => "assignment",
        }
    }
}

impl Named for IdleFrom {
    const ALL: &[Self] = &[Self::PageClose, Self::LastClientMessage];

    fn name(self) -> &'static str {
        match self {
            Self::PageClose => "page_close",
            Self::LastClientMessage => "last_client_message",
        }
    }
}

type Strategies = Listed<OneOf<Strategy>, 5>;

crate::params! { body
    ChangeChatQueue {
        name: Option<Line<255>> = "Reklamacje",
        /// A disabled one takes no new conversations.
        enabled: Option<YesNo> = true,
        /// How agents are chosen: asked in this order until one decides. Empty: as for all queues.
        strategies: Option<Strategies> = ["account_manager", "priority", "last_agent", "fewest_open", "least_recently_assigned"],
        /// Conversations of this queue that are given to one agent at once; the agent's own capacity counts too. Empty: no such cap.
        agent_capacity: Option<OrEmpty<Within<{ capacity::LEAST }, { capacity::MOST }>>> = 3,
        /// Without a first answer for so long: on to another agent. 0: never.
        no_answer_seconds: Option<Within<0, 86_400>> = 60,
        /// Whether the silent agent goes on a pause.
        no_answer_pauses: Option<YesNo> = true,
        /// Idle for so long: closed. 0: never.
        idle_close_seconds: Option<Within<0, 2_592_000>> = 3600,
        idle_from: Option<OneOf<IdleFrom>> = "page_close",
        /// Who has waited for so long is not assigned by itself any more. 0: always.
        stop_assigning_hours: Option<Within<0, 8_760>> = 24,
        /// When the welcome message is said.
        welcome_when: Option<OneOf<WelcomeWhen>> = "assignment",
        /// By language; the client's, else Polish.
        welcome: Option<Texts>,
        /// Outside of them nothing is assigned by itself. Empty: always open.
        hours: Option<OrEmpty<Hours>>,
        /// Origins of pages on which visitors may open conversations.
        origins: Option<Listed<Origin, 100>> = ["https://shop.example.org"],
        /// Visitors without a signed identity may open conversations.
        takes_unverified: Option<YesNo> = true,
        /// The agent sees what the visitor types.
        has_text_preview: Option<YesNo> = false,
        takes_files: Option<YesNo> = true,
        /// A visitor gone for so long gets unread answers by e-mail. 0: never.
        mail_after_seconds: Option<Within<0, 86_400>> = 300,
        /// Conversations that one address may open in an hour.
        opens_per_hour: Option<Within<1, 1_000_000>> = 30,
        /// Within which somebody who waits is to get a first answer of a person. It colors waiting times at the console, and the
        /// service level counts it.
        answer_goal_seconds: Option<Within<5, 86_400>> = 60,
        /// Clauses and consents, by name, that visitors are shown.
        clauses: Option<Listed<Line<255>, 50>> = ["rodo"],
        /// The bot that gets new conversations first. Empty: none.
        external_chatbot_id: Option<OrEmpty<Uuid>>,
        /// How the chat looks on pages, and what it asks for: given as a whole, and what is not in it is as shipped.
        widget: Option<Widget>,
    }
}

/// A chat queue and what is set for it.
#[derive(Serialize, ToSchema)]
pub struct QueueShown {
    #[schema(example = 3)]
    id: i64,
    #[schema(example = "Sklep")]
    name: String,
    /// Whether it takes new conversations.
    enabled: bool,
    /// Whether the company has a secret to sign with who its visitors are.
    has_identity_secret: bool,
    #[serde(flatten)]
    settings: Settings,
}

impl QueueShown {
    fn of(tx: &mut Tx<'_>, queue: Queue) -> Result<Self, Error> {
        let Queue { id, name, is_enabled, settings } = queue;
        let has_identity_secret = identity::has_secret(tx, id)?;
        Ok(Self { id, name, enabled: is_enabled, has_identity_secret, settings })
    }
}

impl ChangeChatQueue {
    fn apply(&self, queue: &mut Queue) {
        fn set<T, U>(place: &mut T, given: Option<&U>, as_stored: impl Fn(&U) -> T) {
            if let Some(given) = given {
                *place = as_stored(given);
            }
        }
        let texts =
            |lines: &Listed<Line<255>, 50>| lines.0.iter().map(|line| line.to_string()).collect();
        set(&mut queue.name, self.name.as_ref(), |name| name.to_string());
        set(&mut queue.is_enabled, self.enabled.as_ref(), |yes| yes.0);
        let s = &mut queue.settings;
        set(&mut s.strategies, self.strategies.as_ref(), |given| {
            let strategies = ordered(given);
            (!strategies.is_empty()).then_some(strategies)
        });
        set(&mut s.agent_capacity, self.agent_capacity.as_ref(), |cap| {
            cap.0.map(|within| within.0)
        });
        set(&mut s.no_answer_seconds, self.no_answer_seconds.as_ref(), |within| within.0);
        set(&mut s.no_answer_pauses, self.no_answer_pauses.as_ref(), |yes| yes.0);
        set(&mut s.idle_close_seconds, self.idle_close_seconds.as_ref(), |within| within.0);
        set(&mut s.idle_from, self.idle_from.as_ref(), |one| one.0);
        set(&mut s.stop_assigning_hours, self.stop_assigning_hours.as_ref(), |within| within.0);
        set(&mut s.welcome_when, self.welcome_when.as_ref(), |one| one.0);
        set(&mut s.welcome, self.welcome.as_ref(), Clone::clone);
        set(&mut s.hours, self.hours.as_ref(), |hours| hours.0.clone());
        set(&mut s.origins, self.origins.as_ref(), |origins| {
            origins.0.iter().map(|origin| origin.0.clone()).collect()
        });
        set(&mut s.takes_unverified, self.takes_unverified.as_ref(), |yes| yes.0);
        set(&mut s.has_text_preview, self.has_text_preview.as_ref(), |yes| yes.0);
        set(&mut s.takes_files, self.takes_files.as_ref(), |yes| yes.0);
        set(&mut s.mail_after_seconds, self.mail_after_seconds.as_ref(), |within| within.0);
        set(&mut s.opens_per_hour, self.opens_per_hour.as_ref(), |within| within.0);
        set(&mut s.answer_goal_seconds, self.answer_goal_seconds.as_ref(), |within| within.0);
        set(&mut s.clauses, self.clauses.as_ref(), texts);
        set(&mut s.bot_id, self.external_chatbot_id.as_ref(), |bot| bot.0);
        set(&mut s.widget, self.widget.as_ref(), Clone::clone);
    }
}

/// Answers with a queue, whoever asks.
pub async fn show<C: Caller>(call: Call<C>, id: &str) -> Result<Reply, Error> {
    let id = number(id)?;
    call.read(move |tx, _| {
        let queue = known(tx, id)?;
        Reply::json(&QueueShown::of(tx, queue)?)
    })
    .await
}

/// Changes a queue, whoever asks, and answers with what it is then, or with nothing.
pub async fn change<C: Caller>(
    mut call: Call<C>,
    id: &str,
    is_shown: bool,
) -> Result<Reply, Error> {
    let given: ChangeChatQueue = call.params()?;
    let id = number(id)?;
    call.write(move |tx, act| {
        let was = known(tx, id)?;
        if let Some(OrEmpty(Some(bot))) = &given.external_chatbot_id
            && was.settings.bot_id != Some(*bot)
        {
            bot::ready(tx, bot)?;
        }
        if let Some(Listed(names)) = &given.clauses {
            clause::check_names(tx, "clauses", names)?;
        }
        let queue = change_by(tx, act, id, |queue| given.apply(queue))?;
        if is_shown { Reply::json(&QueueShown::of(tx, queue)?) } else { Ok(Reply::default()) }
    })
    .await
}

crate::params! { body
    SetStrategies {
        /// All that count, in the order in which they are asked. Empty: all there are, as at first.
        strategies: Strategies = ["account_manager", "priority", "last_agent", "fewest_open", "least_recently_assigned"],
    }
}

/// How agents are chosen where a queue does not say.
#[derive(Serialize, ToSchema)]
pub struct StrategiesShown {
    /// Asked in this order until one decides.
    strategies: Vec<Strategy>,
}

pub async fn show_strategies<C: Caller>(call: Call<C>) -> Result<Reply, Error> {
    call.read(|tx, _| Reply::json(&StrategiesShown { strategies: routing::strategies(tx)? })).await
}

pub async fn set_strategies<C: Caller>(mut call: Call<C>) -> Result<Reply, Error> {
    let given: SetStrategies = call.params()?;
    let strategies = ordered(&given.strategies);
    call.write(move |tx, act| {
        routing::set_strategies(tx, act, &strategies)?;
        Ok(Reply::default())
    })
    .await
}

/// One that is named twice counts where it is named first.
fn ordered(given: &Strategies) -> Vec<Strategy> {
    let mut strategies = Vec::new();
    for OneOf(strategy) in &given.0 {
        if !strategies.contains(strategy) {
            strategies.push(*strategy);
        }
    }
    strategies
}

/// A path's `:id`.
pub fn number(id: &str) -> Result<i64, Error> {
    path_number(id).ok_or_else(|| Fault::new(Code::UnknownQueue).with("id", id).into())
}

/// Where a page comes from: `https://shop.example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// For other doors than this one.
    pub fn parse(given: &str) -> Option<String> {
        let is_bare = |url: &url::Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.path() == "/"
                && (url.query(), url.fragment()) == (None, None)
                && (url.username(), url.password()) == ("", None)
        };
        let url = url::Url::parse(given).ok().filter(is_bare);
        url.map(|url| url.origin().ascii_serialization())
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

impl Param for Origin {
    fn describe(_: bool) -> ObjectBuilder {
        ObjectBuilder::new().schema_type(Type::String).max_length(Some(300)).pattern(Some(
            "^https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:([1-9][0-9]{0,3}|[1-5][0-9]{4}))?$",
        ))
    }

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        let given = Line::<300>::read(name, node, zone)?;
        Self::parse(&given).map(Self).ok_or_else(|| Fault::of(Code::NotOrigin, name))
    }
}

impl Param for Texts {
    fn describe(_: bool) -> ObjectBuilder {
        Self::described(WELCOME_MAX)
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        texts(name, node, WELCOME_MAX)
    }
}

impl Texts {
    pub(super) fn described(max: usize) -> ObjectBuilder {
        let text = || described_text().max_length(Some(max));
        closed().property("pl", text()).property("en", text())
    }
}

/// Both empty when they are not there.
pub(super) fn texts_of(map: &mut Members, name: &str, max: usize) -> Result<Texts, Fault> {
    let (path, node) = (map.path(name), map.members.remove(name));
    node.map_or_else(|| Ok(Texts::default()), |node| texts(&path, Some(node), max))
}

fn texts(path: &str, node: Option<Node>, max: usize) -> Result<Texts, Fault> {
    let mut map = Members::of(path, node, &["pl", "en"])?;
    Ok(Texts { pl: map.text("pl", max)?, en: map.text("en", max)? })
}

const WELCOME_MAX: usize = 4_000;
const SPANS_MAX: usize = 10;
const SPECIAL_DAYS_MAX: usize = 400;

impl Param for Hours {
    fn describe(_: bool) -> ObjectBuilder {
        ObjectBuilder::new()
    }

    fn schema(_: bool, about: Option<&str>, example: Option<serde_json::Value>) -> Schema {
        let minute = |most: u16| {
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(0))
                .maximum(Some(i64::from(most)))
        };
        let span = || {
            closed()
                .property("from_minute", minute(MINUTES_OF_DAY - 1))
                .required("from_minute")
                .property("until_minute", minute(MINUTES_OF_DAY))
                .required("until_minute")
        };
        let spans = || ArrayBuilder::new().items(span()).max_items(Some(SPANS_MAX));
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let day = closed()
            .property("date", text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))))
            .required("date")
            .property("name", described_text().max_length(Some(255)))
            .property("spans", spans());
        closed()
            .description(about)
            .examples(example)
            .property(
                "week",
                ArrayBuilder::new().items(spans()).min_items(Some(7)).max_items(Some(7)),
            )
            .required("week")
            .property(
                "time_zone",
                text().format(Some(SchemaFormat::Custom("time-zone".to_owned()))),
            )
            .property(
                "special_days",
                ArrayBuilder::new().items(day).max_items(Some(SPECIAL_DAYS_MAX)),
            )
            .property("has_polish_holidays", bool::schema())
            .into()
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        let known = ["week", "time_zone", "special_days", "has_polish_holidays"];
        let mut map = Members::of(name, node, &known)?;
        let week = map.list("week")?;
        let week = week.into_iter().map(|(path, node)| spans(&path, Some(node)));
        let week: Vec<_> = week.collect::<Result<_, _>>()?;
        let time_zone = Some(map.text("time_zone", 64)?).filter(|name| !name.is_empty());
        if time_zone.as_deref().is_some_and(|name| TimeZone::get(name).is_err()) {
            return Err(Fault::of(Code::NotTimeZone, &map.path("time_zone")));
        }
        let days = map.list("special_days")?;
        if days.len() > SPECIAL_DAYS_MAX {
            let fault = Fault::of(Code::TooManyValues, &map.path("special_days"));
            return Err(fault.with("limit", SPECIAL_DAYS_MAX));
        }
        let days = days.into_iter().map(|(path, node)| special_day(&path, node));
        Ok(Self {
            week: week.try_into().map_err(|_| Fault::of(Code::NotWeek, &map.path("week")))?,
            time_zone,
            special_days: days.collect::<Result<_, _>>()?,
            has_polish_holidays: map.flag("has_polish_holidays")?,
        })
    }
}

fn special_day(path: &str, node: Node) -> Result<SpecialDay, Fault> {
    let mut map = Members::of(path, Some(node), &["date", "name", "spans"])?;
    let date = map.text("date", 10)?;
    if date.parse::<Date>().map(|known| known.to_string()).ok().as_ref() != Some(&date) {
        return Err(Fault::of(Code::NotDate, &map.path("date")));
    }
    let name = map.text("name", 255)?;
    let (path, node) = (map.path("spans"), map.members.remove("spans"));
    Ok(SpecialDay { date, name, spans: spans(&path, node)? })
}

/// In the order of the day. Those that overlap are open together.
fn spans(path: &str, node: Option<Node>) -> Result<Vec<Span>, Fault> {
    let wrong = || Fault::of(Code::NotSpans, path).with("most", MINUTES_OF_DAY);
    let nodes = match node {
        None => return Ok(Vec::new()),
        Some(Node::List(nodes)) if nodes.len() <= SPANS_MAX => nodes,
        Some(Node::Scalar(text)) if text.trim().is_empty() => return Ok(Vec::new()),
        _ => return Err(wrong()),
    };
    let mut spans: Vec<Span> = Vec::new();
    for node in nodes {
        let mut map = Members::of(path, Some(node), &["from_minute", "until_minute"])?;
        let mut minute = |name: &str, most: u16| {
            let minute = integer(&map.text(name, 8)?).and_then(|it| u16::try_from(it).ok());
            minute.filter(|it| *it <= most).ok_or_else(wrong)
        };
        let from_minute = minute("from_minute", MINUTES_OF_DAY - 1)?;
        spans.push(Span { from_minute, until_minute: minute("until_minute", MINUTES_OF_DAY)? });
    }
    spans.sort_by_key(|span| (span.from_minute, span.end()));
    Ok(spans)
}

/// A text that both engines can keep.
fn described_text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^[^\u0000]*$"))
}

/// An object with no members but those it names.
pub(super) fn closed() -> ObjectBuilder {
    ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)))
}
