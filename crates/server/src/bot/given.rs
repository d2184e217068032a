//! What makes and changes a bot, as both doors of administrators read it.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ACTIONS, Added, Bot, Changes, NewBot, work};
use crate::act::{Act, Actor};
use crate::http::call::Caller;
use crate::http::params::{Flag, Line, Many, OneOf, YesNo};
use crate::http::{Call, Code, Error, Reply};
use crate::webhook::given::{Address, BasicUser, check, distinct};
use crate::webhook::{Action, Format, NewWebhook};

/// A bot.
#[derive(Serialize, ToSchema)]
#[schema(as = Bot)]
pub struct Shown {
    /// The UUID that it speaks with.
    external_chatbot_id: Uuid,
    #[schema(example = "Paczkobot")]
    name: String,
    enabled: bool,
    /// Whether its `stop` hands over to people; else it closes.
    hands_over: bool,
    /// The subscription that hears of its conversations: `GET webhooks/:id` and what else there is for webhooks.
    #[schema(example = 5)]
    webhook_id: Option<i64>,
    /// Shown once, by the call that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    signing_secret: Option<String>,
}

impl Shown {
    fn new(bot: Bot, signing_secret: Option<String>) -> Self {
        Self {
            external_chatbot_id: bot.id,
            name: bot.name,
            enabled: bot.is_enabled,
            hands_over: bot.is_handing_over,
            webhook_id: bot.webhook_id,
            signing_secret,
        }
    }
}

/// Lists all bots, whoever asks.
pub async fn list<C: Caller>(call: Call<C>) -> Result<Reply, Error> {
    call.read(|tx, _| {
        let bots = super::list(tx)?.into_iter().map(|bot| Shown::new(bot, None));
        Reply::json(&bots.collect::<Vec<_>>())
    })
    .await
}

crate::params! { body
    AddBot {
        name: Line<255> = "Paczkobot",
        /// The UUID that it is known by already; without it one is made.
        external_chatbot_id: Option<Uuid>,
        /// Whether its `stop` hands over to people; else it closes.
        hands_over: Flag,
        /// Where it hears of its conversations, by POST; see `POST webhooks`. Without it the bot reads the streams.
        subscription_url: Option<Address> = "https://example.org/bot",
        http_auth_user: Option<BasicUser>,
        http_auth_password: Option<Line<255>>,
        /// `form` (the default) or `json`.
        format: Option<OneOf<Format>>,
        /// Sign deliveries by Standard Webhooks. The answer then has the `signing_secret`, this once.
        signing: Flag,
        /// What it wants to hear of; by default what it needs.
        actions: Option<Many<OneOf<Action>, 50>> = ["CHAT_CONVERSATION_CREATED", "CHAT_MESSAGE_CREATED"],
    }
}

/// Adds a bot, whoever asks.
pub async fn add<C: Caller>(mut call: Call<C>) -> Result<Reply, Error> {
    let subscription_url = check(&mut call).await;
    let given: AddBot = call.params()?;
    let app = call.app().clone();
    let actions = given.actions.map_or_else(|| ACTIONS.to_vec(), |given| distinct(&given.0));
    let webhook = subscription_url.map(|subscription_url| NewWebhook {
        subscription_url,
        actions: actions.clone(),
        http_auth_user: given.http_auth_user.clone().map(|user| user.0).unwrap_or_default(),
        http_auth_password: given.http_auth_password.clone().map(Into::into),
        format: given.format.map_or(Format::Form, |format| format.0),
        is_signed: given.signing.0,
    });
    let new = NewBot {
        id: given.external_chatbot_id,
        name: given.name.into(),
        is_handing_over: given.hands_over.0,
        webhook,
    };
    call.write(move |tx, act| {
        let Added { bot, signing_secret } = super::add(tx, act, &app.secret, &new)?;
        let has_secret = signing_secret.is_some();
        let reply = Reply::json(&Shown::new(bot, signing_secret))?;
        Ok(if has_secret { reply.secret() } else { reply })
    })
    .await
}

crate::params! { body
    ChangeBot {
        name: Option<Line<255>> = "Paczkobot",
        /// The conversations of a disabled one go to people, and it may not speak.
        enabled: Option<YesNo> = true,
        hands_over: Option<YesNo> = true,
    }
}

/// Changes a bot, whoever asks.
pub async fn change<C: Caller>(mut call: Call<C>, id: &str) -> Result<Reply, Error> {
    let given: ChangeBot = call.params()?;
    let id = known(id)?;
    let changes = Changes {
        name: given.name.map(Into::into),
        is_enabled: given.enabled.map(|yes| yes.0),
        is_handing_over: given.hands_over.map(|yes| yes.0),
    };
    call.write(move |tx, act| {
        let bot = super::change(tx, act, &id, &changes)?;
        if !bot.is_enabled {
            // What is left goes within seconds.
            work::let_go(tx, act, &id)?;
        }
        Reply::json(&Shown::new(bot, None))
    })
    .await
}

/// Removes a bot, whoever asks.
pub async fn remove<C: Caller>(call: Call<C>, id: &str) -> Result<Reply, Error> {
    let id = known(id)?;
    let app = call.app().clone();
    // In steps, so that nobody waits; whoever is cut off in between finds it disabled.
    let actor = Actor::system();
    let disable = Changes { is_enabled: Some(false), ..Changes::default() };
    call.look(move |tx| super::known(tx, &id).map(|_| ())).await?;
    let of_step = app.clone();
    let step = app.db.write(move |tx| {
        let act = Act::of(tx, &of_step, &actor)?;
        super::change(tx, &act, &id, &disable)?;
        work::let_go(tx, &act, &id)
    });
    let mut has_more = step.await?;
    while has_more {
        let (of_step, actor) = (app.clone(), Actor::system());
        let step = app.db.write(move |tx| {
            let act = Act::of(tx, &of_step, &actor)?;
            work::let_go(tx, &act, &id)
        });
        has_more = step.await?;
    }
    call.write(move |tx, act| {
        super::remove(tx, act, &id)?;
        Ok(Reply::default())
    })
    .await
}

/// The path's `:id`. What is no UUID is the id of nothing.
fn known(id: &str) -> Result<Uuid, Error> {
    Uuid::try_parse(id).map_err(|_| Code::UnknownBot.into())
}

/// Described once for all methods of one bot.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct BotId {
    /// The bot's `external_chatbot_id`.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    id: Uuid,
}
