//! What makes and changes a webhook, as both doors of administrators read it.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::guard;
use super::{Action, Change, Format, NewWebhook};
use crate::http::call::Caller;
use crate::http::params::{
    Flag, Line, Many, Named, Node, OneOf, OrEmpty, Param, Within, YesNo, path_number,
};
use crate::http::{Call, Code, Error, Fault, Reply};

const OVERLAP_HOURS: i64 = 24;
const OVERLAP_HOURS_MAX: i64 = 24 * 90;

type Actions = Many<OneOf<Action>, 50>;

crate::params! { body
    AddWebhook {
        /// What the receiver wants to hear of.
        actions: Actions = ["CHAT_CONVERSATION_CREATED", "CHAT_CONVERSATION_CLOSED"],
        /// Where deliveries are sent, by POST: `https` or `http`, a public address or one that the server's configuration
        /// allows.
        subscription_url: Address = "https://example.org/hook",
        /// For HTTP Basic; without user and password no credentials are sent.
        http_auth_user: Option<BasicUser>,
        http_auth_password: Option<Line<255>>,
        /// Our addition: `form`, as the vendor sends it (the default), or `json`.
        format: Option<OneOf<Format>>,
        /// Our addition: sign deliveries by Standard Webhooks. The answer then has the `signing_secret`, this once.
        signing: Flag,
    }
}

/// Reads what makes a subscription.
pub async fn new<C: Caller>(call: &mut Call<C>) -> Result<NewWebhook, Error> {
    let subscription_url = check(call).await;
    let given: AddWebhook = call.params()?;
    // What was not judged is not called.
    let not_judged = || Error::from(Fault::of(Code::NotUrl, "subscription_url"));
    Ok(NewWebhook {
        subscription_url: subscription_url.ok_or_else(not_judged)?,
        actions: distinct(&given.actions.0),
        http_auth_user: given.http_auth_user.map(|user| user.0).unwrap_or_default(),
        http_auth_password: given.http_auth_password.map(Into::into),
        format: given.format.map_or(Format::Form, |format| format.0),
        is_signed: given.signing.0,
    })
}

crate::params! { body
    ChangeWebhook {
        actions: Option<Actions>,
        subscription_url: Option<Address>,
        /// Empty, and no password beside it: no credentials are sent any more.
        http_auth_user: Option<OrEmpty<BasicUser>>,
        /// Left out or empty, the password stays.
        http_auth_password: Option<Line<255>>,
        /// `form` or `json`.
        format: Option<OneOf<Format>>,
        /// Turned on, the answer has the `signing_secret`, this once.
        signing: Option<YesNo>,
        /// Turned on again, the subscription gets what has been waiting, and its five days of patience begin anew.
        enabled: Option<YesNo>,
    }
}

/// Reads what changes a subscription.
pub async fn change<C: Caller>(call: &mut Call<C>) -> Result<Change, Error> {
    let subscription_url = check(call).await;
    let given: ChangeWebhook = call.params()?;
    Ok(Change {
        subscription_url,
        actions: given.actions.map(|actions| distinct(&actions.0)),
        http_auth_user: given
            .http_auth_user
            .map(|user| user.0.map(|user| user.0).unwrap_or_default()),
        http_auth_password: given.http_auth_password.map(Into::into),
        format: given.format.map(|format| format.0),
        is_signed: given.signing.map(|yes| yes.0),
        is_enabled: given.enabled.map(|yes| yes.0),
    })
}

crate::params! { body
    RotateSecret {
        /// Hours for which the secret before signs too: 0 to 2160.
        overlap_hours: Option<Within<0, OVERLAP_HOURS_MAX>> = 24,
    }
}

/// A new signing secret.
#[derive(Serialize, ToSchema)]
pub struct NewSecret {
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    signing_secret: String,
}

/// Makes a new signing secret, whoever asks.
pub async fn rotate_secret<C: Caller>(mut call: Call<C>, id: &str) -> Result<Reply, Error> {
    let given: RotateSecret = call.params()?;
    let id = known(id)?;
    let hours = given.overlap_hours.map_or(OVERLAP_HOURS, |hours| hours.0);
    let app = call.app().clone();
    call.write(move |tx, act| {
        let overlap = hours * 3_600_000;
        let signing_secret = super::rotate_secret(tx, act, &app.secret, id, overlap)?;
        Ok(Reply::json(&NewSecret { signing_secret })?.secret())
    })
    .await
}

/// Removes a subscription, whoever asks.
pub async fn remove<C: Caller>(call: Call<C>, id: &str) -> Result<Reply, Error> {
    let id = known(id)?;
    call.write(move |tx, act| {
        super::remove(tx, act, id)?;
        Ok(Reply::default())
    })
    .await
}

/// The path's `:id`. What is no number is the number of nothing.
pub fn known(id: &str) -> Result<i64, Error> {
    path_number(id).ok_or_else(|| Fault::new(Code::UnknownWebhook).with("id", id).into())
}

pub fn distinct(actions: &[OneOf<Action>]) -> Vec<Action> {
    Action::ALL.iter().copied().filter(|action| actions.contains(&OneOf(*action))).collect()
}

/// Judges what takes more than its text: the address, as it is stored if it may be called.
pub async fn check<C: Caller>(call: &mut Call<C>) -> Option<String> {
    let judge = call.app().sender.guard().clone();
    let given = call.given();
    let name = "subscription_url";
    // What is missing or too long is told by the parameter itself.
    let is_judged = |text: &&str| (1..=guard::URL_MAX).contains(&text.chars().count());
    let url = given.peek(name).filter(is_judged)?.to_owned();
    let fault = match judge.judge(name, &url).await {
        Ok(url) => return Some(url.to_string()),
        Err(fault) => fault,
    };
    call.given().add_fault(fault);
    None
}

/// That an address was given: [`check`] judges it and has what is stored.
#[derive(Debug, Clone)]
pub struct Address;

impl Param for Address {
    fn describe(_: bool) -> ObjectBuilder {
        // Safe ground for generated calls: others are taken too.
        const PATTERN: &str = "^https?://[a-z]{1,40}(\\.[a-z]{2,20}){1,3}(:[1-9][0-9]{0,3})?(/[A-Za-z0-9_.~/-]{0,200})?$";
        let url = ObjectBuilder::new().schema_type(Type::String).max_length(Some(guard::URL_MAX));
        url.pattern(Some(PATTERN))
    }

    fn read(
        name: &'static str,
        node: Option<Node>,
        zone: &jiff::tz::TimeZone,
    ) -> Result<Self, Fault> {
        Line::<{ guard::URL_MAX }>::read(name, node, zone).map(|_| Self)
    }
}

/// A user as HTTP Basic can carry it.
#[derive(Debug, Clone)]
pub struct BasicUser(pub String);

impl Param for BasicUser {
    fn describe(is_required: bool) -> ObjectBuilder {
        Line::<255>::describe(is_required).pattern(Some(r"^[^:\u0000-\u001F\u007F-\u009F]*$"))
    }

    fn read(
        name: &'static str,
        node: Option<Node>,
        zone: &jiff::tz::TimeZone,
    ) -> Result<Self, Fault> {
        let user = String::from(Line::<255>::read(name, node, zone)?);
        if user.contains(':') {
            return Err(Fault::of(Code::ColonInUser, name));
        }
        Ok(Self(user))
    }
}

/// Described once for all methods of one subscription.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct WebhookId {
    /// The subscription's number.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    #[param(minimum = 1)]
    id: i64,
}
