//! Errors as callers see them: the envelope of the contract, all faults of a request at once, in their language.

use std::fmt::Write;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::locale::Language;

/// Declares the codes: number, status and text in the catalogue. Numbers are stable; a retired one is never reused.
macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal $status:ident $key:literal;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($(#[doc = $doc])* $name,)* }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            pub const fn number(self) -> u32 {
                match self { $(Self::$name => $number),* }
            }
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),* }
            }
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => concat!("errors.", $key)),* }
            }
            /// What the reference says about it.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*)),* }
            }
        }
    };
}

codes! {
    /// The body is not the JSON that its `Content-Type` says, or it was cut off. The connection is closed.
    MalformedJson = 100_101 BAD_REQUEST "malformed_json";
    /// A JSON body must be an object.
    JsonNotObject = 100_102 BAD_REQUEST "json_not_object";
    /// The query or the form is not percent-encoded UTF-8.
    MalformedForm = 100_103 BAD_REQUEST "malformed_form";
    /// The body did not arrive in time, or the connection broke. The connection is closed.
    BodyIncomplete = 100_104 REQUEST_TIMEOUT "body_incomplete";
    /// The body is larger than the server takes.
    BodyTooLarge = 100_105 PAYLOAD_TOO_LARGE "body_too_large";
    /// The body is neither JSON nor a form, or not in UTF-8.
    UnsupportedMediaType = 100_106 UNSUPPORTED_MEDIA_TYPE "unsupported_media_type";
    /// More parameters, or more deeply nested ones, than the server takes.
    TooManyParameters = 100_107 BAD_REQUEST "too_many_parameters";
    /// Only a WebSocket can be opened here.
    UpgradeNeeded = 100_108 UPGRADE_REQUIRED "upgrade_needed";
    /// The same parameter was given in two places with different values.
    Contradiction = 100_201 BAD_REQUEST "contradiction";
    /// A required parameter is missing or empty.
    Missing = 100_202 BAD_REQUEST "missing";
    /// Not an integer between 1 and 9007199254740991.
    NotInteger = 100_203 BAD_REQUEST "not_integer";
    /// Not one of `true`, `false`, `1`, `0`.
    NotBoolean = 100_204 BAD_REQUEST "not_boolean";
    /// A list or an object where one value is expected.
    NotText = 100_205 BAD_REQUEST "not_text";
    /// Longer than allowed, in characters.
    TooLong = 100_206 BAD_REQUEST "too_long";
    /// Control characters where they have no place.
    ControlCharacter = 100_207 BAD_REQUEST "control_character";
    /// Not an e-mail address.
    NotEmail = 100_208 BAD_REQUEST "not_email";
    /// Not a UUID.
    NotUuid = 100_209 BAD_REQUEST "not_uuid";
    /// Not a date or a date and time in one of the documented forms.
    NotTime = 100_210 BAD_REQUEST "not_time";
    /// Not one of the values listed for the parameter.
    NotOneOf = 100_211 BAD_REQUEST "not_one_of";
    /// Not a cursor that this server gave out.
    NotCursor = 100_212 BAD_REQUEST "not_cursor";
    /// The text has nothing but white space.
    BlankText = 100_213 BAD_REQUEST "blank_text";
    /// Not an integer of 0 or more.
    NotCount = 100_214 BAD_REQUEST "not_count";
    /// The messages of these conversations come to more than 16 MiB. Ask for fewer conversations at once.
    AnswerTooLarge = 100_215 BAD_REQUEST "answer_too_large";
    /// Texts and files that are held on a person come to more than an answer takes. The command line has no such limit.
    PersonTooLarge = 100_293 BAD_REQUEST "person_too_large";
    /// Not an integer within the parameter's bounds.
    NotWithin = 100_220 BAD_REQUEST "not_within";
    /// More values than the parameter takes.
    TooManyValues = 100_221 BAD_REQUEST "too_many_values";
    /// An object where a list is expected.
    NotList = 100_222 BAD_REQUEST "not_list";
    /// Not a login: a letter or digit, then letters, digits and `.`, `_`, `@`, `+`, `-`, at most 255 characters.
    NotLogin = 100_223 BAD_REQUEST "not_login";
    /// Not a telephone number: it has no digit.
    NotPhone = 100_230 BAD_REQUEST "not_phone";
    /// A custom field that there is not, or that this kind of customer does not have.
    UnknownCustomFieldName = 100_231 BAD_REQUEST "unknown_custom_field_name";
    /// The custom field is read only, and `fill_read_only_custom_fields` was not given.
    ReadOnlyCustomField = 100_232 BAD_REQUEST "read_only_custom_field";
    /// Not one of the options of the custom field.
    NotAnOption = 100_233 BAD_REQUEST "not_an_option";
    /// Not a number: digits with at most one point or comma.
    NotNumber = 100_234 BAD_REQUEST "not_number";
    /// Not JSON, where a text that is JSON is asked for.
    NotJson = 100_235 BAD_REQUEST "not_json";
    /// Options where the custom field is no list, or a list without any.
    OptionsOfList = 100_236 BAD_REQUEST "options_of_list";
    /// A field that the group does not have.
    UnknownFieldOfGroup = 100_237 BAD_REQUEST "unknown_field_of_group";
    /// Not an object, or one with other members than the parameter has.
    NotObject = 100_240 BAD_REQUEST "not_object";
    /// Working hours of a day that are not spans of minutes from 0 to 1440, at most ten.
    NotSpans = 100_241 BAD_REQUEST "not_spans";
    /// Working hours that have not seven days.
    NotWeek = 100_242 BAD_REQUEST "not_week";
    /// Not a date like `2026-12-24`.
    NotDate = 100_243 BAD_REQUEST "not_date";
    /// Not the name of a time zone.
    NotTimeZone = 100_244 BAD_REQUEST "not_time_zone";
    /// Not an origin: scheme and host, and nothing behind them.
    NotOrigin = 100_245 BAD_REQUEST "not_origin";
    /// Not a color like `#1f5fd6`.
    NotColor = 100_247 BAD_REQUEST "not_color";
    /// An object with a member that it does not have.
    UnknownMember = 100_246 BAD_REQUEST "unknown_member";
    /// Not an `http` or `https` address, or one with credentials or a fragment, or too long.
    NotUrl = 100_260 BAD_REQUEST "not_url";
    /// The address is not public, or its name resolves to one that is not. `webhooks.allowed_networks` allows some.
    AddressNotAllowed = 100_261 BAD_REQUEST "address_not_allowed";
    /// A user name with a colon, which HTTP Basic can't carry.
    ColonInUser = 100_262 BAD_REQUEST "colon_in_user";
    /// An object whose JSON is longer than the parameter takes.
    ObjectTooLarge = 100_291 BAD_REQUEST "object_too_large";
    /// `Last-Event-ID` or `after` is none of this stream's ids.
    NotEventId = 100_292 BAD_REQUEST "not_event_id";
    /// Not a code of the second factor that is good now.
    WrongCode = 100_250 BAD_REQUEST "wrong_code";
    /// An agent's password of fewer than 8 characters, set at the console.
    PasswordTooShort = 100_251 BAD_REQUEST "password_too_short";
    /// Nothing to search for: no word of a letter or digit.
    NothingToSearch = 100_252 BAD_REQUEST "nothing_to_search";
    /// The search took too long. More or longer words, or a shorter time, find less and faster.
    SearchTooBroad = 100_253 BAD_REQUEST "search_too_broad";
    /// The report took too long. Ask for a shorter time at once.
    ReportTooBroad = 100_254 BAD_REQUEST "report_too_broad";
    /// A canned answer has something in braces that nothing is filled in for.
    UnknownPlaceholder = 100_270 BAD_REQUEST "unknown_placeholder";
    /// Not an IP address.
    NotAddress = 100_271 BAD_REQUEST "not_address";
    /// Of two parameters exactly one has to be given.
    NotExactlyOne = 100_272 BAD_REQUEST "not_exactly_one";
    /// A method that the API does not have.
    UnknownMethod = 100_273 BAD_REQUEST "unknown_method";
    /// An address without encryption that is not on loopback.
    HttpsNeeded = 100_275 BAD_REQUEST "https_needed";
    /// A moment that is over, where one to come is asked for.
    MomentOver = 100_274 BAD_REQUEST "moment_over";
    /// The `Idempotency-Key` is not 1 to 255 visible ASCII characters.
    BadIdempotencyKey = 100_301 BAD_REQUEST "bad_idempotency_key";
    /// The `Idempotency-Key` was used for another request to this path within 24 hours.
    IdempotencyKeyReused = 100_302 UNPROCESSABLE_ENTITY "idempotency_key_reused";
    /// The file is larger than the server takes. The connection is closed.
    FileTooLarge = 100_280 PAYLOAD_TOO_LARGE "file_too_large";
    /// The file is empty.
    EmptyFile = 100_281 BAD_REQUEST "empty_file";
    /// The picture says of itself that it is larger than 16,384 pixels on a side, or than 100 million in all.
    PictureTooLarge = 100_282 BAD_REQUEST "picture_too_large";
    /// A consent that the queue asks for was not given.
    ConsentNeeded = 100_283 BAD_REQUEST "consent_needed";
    /// No credentials, or wrong ones.
    Unauthorized = 200_101 UNAUTHORIZED "unauthorized";
    /// The API user may not call this method.
    Forbidden = 200_102 FORBIDDEN "forbidden";
    /// Too many wrong credentials from this address. `Retry-After` says when to come back.
    TooManyFailures = 200_103 TOO_MANY_REQUESTS "too_many_failures";
    /// The name and the password are right, and the API user's time is over.
    Expired = 200_110 UNAUTHORIZED "expired";
    /// No session, or one that is over.
    NotSignedIn = 200_120 UNAUTHORIZED "not_signed_in";
    /// A change without the session's CSRF token.
    CsrfTokenNeeded = 200_121 FORBIDDEN "csrf_token_needed";
    /// The page that calls is of another origin.
    ForeignOrigin = 200_122 FORBIDDEN "foreign_origin";
    /// The agent's role does not reach this.
    RoleNeeded = 200_123 FORBIDDEN "role_needed";
    /// No visitor's token, or one that is wrong, over or revoked.
    BadVisitorToken = 200_130 UNAUTHORIZED "bad_visitor_token";
    /// This visitor may not write.
    VisitorBlocked = 200_131 FORBIDDEN "visitor_blocked";
    /// The signed identity is not one that the queue's secret has signed, or is over, too long, used or for another queue.
    IdentityRefused = 200_132 FORBIDDEN "identity_refused";
    /// The queue takes conversations of visitors with a signed identity alone.
    IdentityNeeded = 200_133 FORBIDDEN "identity_needed";
    /// Too many calls, messages or new conversations. `Retry-After` says when to come back.
    TooManyCalls = 200_134 TOO_MANY_REQUESTS "too_many_calls";
    /// The login, the password or the code is wrong: which of them is not told.
    WrongSignIn = 200_150 UNAUTHORIZED "wrong_sign_in";
    /// Login and password are right, and a code of the second factor is needed.
    CodeNeeded = 200_151 UNAUTHORIZED "code_needed";
    /// Too many failures to sign in, one after the other. Whether the last password was right is not told; `Retry-After`
    /// says when to try again.
    AccountLocked = 200_152 TOO_MANY_REQUESTS "account_locked";
    /// There is no such path.
    UnknownPath = 300_101 NOT_FOUND "unknown_path";
    /// The path exists, the HTTP method does not; `Allow` lists those that do.
    MethodNotAllowed = 300_102 METHOD_NOT_ALLOWED "method_not_allowed";
    /// There is no such conversation.
    UnknownConversation = 300_103 NOT_FOUND "unknown_conversation";
    /// There is no such chat queue.
    UnknownQueue = 300_104 NOT_FOUND "unknown_queue";
    /// There is no such chatbot.
    UnknownBot = 300_105 NOT_FOUND "unknown_bot";
    /// There is no such agent.
    UnknownAgent = 300_106 NOT_FOUND "unknown_agent";
    /// There is no such API user.
    UnknownApiUser = 300_107 NOT_FOUND "unknown_api_user";
    /// There is no such reason to pause.
    UnknownPause = 300_110 NOT_FOUND "unknown_pause";
    /// There is no such webhook.
    UnknownWebhook = 300_120 NOT_FOUND "unknown_webhook";
    /// The log of this webhook knows no such delivery.
    UnknownDelivery = 300_121 NOT_FOUND "unknown_delivery";
    /// The conversation has no such file.
    UnknownFile = 300_170 NOT_FOUND "unknown_file";
    /// There is no such clause.
    UnknownClause = 300_171 NOT_FOUND "unknown_clause";
    /// A queue can't show a clause that was never written.
    UnknownClauseName = 300_172 NOT_FOUND "unknown_clause_name";
    /// A link that is wrong, was used, or is over.
    UnknownLink = 300_150 NOT_FOUND "unknown_link";
    /// There is no such session.
    UnknownSession = 300_151 NOT_FOUND "unknown_session";
    /// There is no such topic.
    UnknownTopic = 300_160 NOT_FOUND "unknown_topic";
    /// There is no such tag.
    UnknownTag = 300_161 NOT_FOUND "unknown_tag";
    /// There is no such canned answer.
    UnknownCannedAnswer = 300_162 NOT_FOUND "unknown_canned_answer";
    /// There is no such customer.
    UnknownCustomer = 300_164 NOT_FOUND "unknown_customer";
    /// There is no such company.
    UnknownCompany = 300_180 NOT_FOUND "unknown_company";
    /// There is no agent of the login that `account_manager` names.
    UnknownAccountManager = 300_184 NOT_FOUND "unknown_account_manager";
    /// There is no such custom field.
    UnknownCustomField = 300_181 NOT_FOUND "unknown_custom_field";
    /// There is no such field group.
    UnknownFieldGroup = 300_182 NOT_FOUND "unknown_field_group";
    /// There is no such item of a field group.
    UnknownFieldItem = 300_183 NOT_FOUND "unknown_field_item";
    /// There is no such block.
    UnknownBlock = 300_163 NOT_FOUND "unknown_block";
    /// The chat queue is disabled.
    QueueDisabled = 400_101 CONFLICT "queue_disabled";
    /// The conversation is closed.
    ConversationClosed = 400_102 CONFLICT "conversation_closed";
    /// The agent's account is not active.
    AgentInactive = 400_103 CONFLICT "agent_inactive";
    /// The agent has as many conversations open as the capacity allows.
    AgentAtCapacity = 400_110 CONFLICT "agent_at_capacity";
    /// There is an agent of this login already.
    LoginTaken = 400_111 CONFLICT "login_taken";
    /// There is a chat queue of this name or number already.
    QueueTaken = 400_112 CONFLICT "queue_taken";
    /// The agent is not on duty.
    AgentOffDuty = 400_113 CONFLICT "agent_off_duty";
    /// The reason to pause is disabled.
    PauseDisabled = 400_114 CONFLICT "pause_disabled";
    /// There is a reason to pause of this name already.
    PauseNameTaken = 400_115 CONFLICT "pause_name_taken";
    /// The colleague is off duty or paused, or leaving.
    AgentNotFree = 400_140 CONFLICT "agent_not_free";
    /// There are as many webhooks as there can be.
    TooManyWebhooks = 400_120 CONFLICT "too_many_webhooks";
    /// The webhook's address leads to another host: its stored password has to be given again, or taken away.
    PasswordNeeded = 400_121 CONFLICT "password_needed";
    /// There is an API user of this name already.
    ApiUserTaken = 400_122 CONFLICT "api_user_taken";
    /// The API user's password was changed meanwhile: nothing is rotated.
    PasswordChanged = 400_123 CONFLICT "password_changed";
    /// The bot is disabled.
    BotDisabled = 400_181 CONFLICT "bot_disabled";
    /// The conversation is not the bot's: it was never given it, or it is people's by now.
    NotTheBots = 400_182 CONFLICT "not_the_bots";
    /// There are as many bots as there can be.
    TooManyBots = 400_183 CONFLICT "too_many_bots";
    /// There is a bot of this UUID already.
    BotTaken = 400_184 CONFLICT "bot_taken";
    /// The webhook is a bot's, and goes with it.
    WebhookOfBot = 400_185 CONFLICT "webhook_of_bot";
    /// The API user, or the server, has as many streams open as there can be.
    TooManyStreams = 400_186 TOO_MANY_REQUESTS "too_many_streams";
    /// The conversation has as many files that were not sent yet as it can have.
    TooManyFiles = 400_170 CONFLICT "too_many_files";
    /// The file is not one of the conversation's, or was sent already, or by the other side.
    FileNotToSend = 400_171 CONFLICT "file_not_to_send";
    /// The chat queue takes no files of visitors.
    FilesNotTaken = 400_172 CONFLICT "files_not_taken";
    /// A clause has changed since it was shown: its text is to be shown again.
    ClauseChanged = 400_173 CONFLICT "clause_changed";
    /// More messages in a short time than a visitor may send.
    TooManyMessages = 400_130 TOO_MANY_REQUESTS "too_many_messages";
    /// More conversations than one socket can look at.
    TooManyWatched = 400_131 CONFLICT "too_many_watched";
    /// The conversation has no e-mail address that could be written to.
    NoMailAddress = 400_190 CONFLICT "no_mail_address";
    /// This server sends no e-mail: `smtp.host` is not set.
    MailOff = 400_191 CONFLICT "mail_off";
    /// The agent's account has no e-mail address.
    NoOwnAddress = 400_195 CONFLICT "no_own_address";
    /// The mail server does not take it, and says why.
    MailRefused = 400_193 CONFLICT "mail_refused";
    /// The configuration says this, and nobody changes it here.
    SetByConfiguration = 400_194 CONFLICT "set_by_configuration";
    /// The address got as many e-mails as an hour has. `Retry-After` says when to try again.
    TooManyMails = 400_192 TOO_MANY_REQUESTS "too_many_mails";
    /// The server was built without its pages.
    PagesMissing = 500_120 SERVICE_UNAVAILABLE "pages_missing";
    /// This address, or all together, hold as many sockets as the server takes. `Retry-After` says when to come back.
    TooManySockets = 500_110 SERVICE_UNAVAILABLE "too_many_sockets";
    /// There is an administrator already, who can invite others.
    HasAdministrator = 400_150 CONFLICT "has_administrator";
    /// Nobody else could administer the installation.
    LastAdministrator = 400_196 CONFLICT "last_administrator";
    /// The second factor is on already.
    SecondFactorOn = 400_151 CONFLICT "second_factor_on";
    /// No second factor waits to be confirmed.
    SecondFactorNotPending = 400_152 CONFLICT "second_factor_not_pending";
    /// The second factor is not on.
    SecondFactorOff = 400_153 CONFLICT "second_factor_off";
    /// One's own second factor is removed with the password and a code alone.
    OwnSecondFactor = 400_154 CONFLICT "own_second_factor";
    /// The conversation is this agent's already, or waits in that queue already.
    TransferredAlready = 400_160 CONFLICT "transferred_already";
    /// It was rated more than 24 hours ago.
    RatingFinal = 400_161 CONFLICT "rating_final";
    /// The conversation does not wait: somebody has it, or it is closed.
    NotWaiting = 400_162 CONFLICT "not_waiting";
    /// There is a topic or a tag of this name already.
    LabelTaken = 400_163 CONFLICT "label_taken";
    /// The topic or the tag is disabled.
    LabelDisabled = 400_164 CONFLICT "label_disabled";
    /// There is a canned answer of this shortcut already.
    ShortcutTaken = 400_165 CONFLICT "shortcut_taken";
    /// There is a customer of this identifier already.
    IdentifierTaken = 400_167 CONFLICT "identifier_taken";
    /// There is a custom field of this name already.
    CustomFieldTaken = 400_168 CONFLICT "custom_field_taken";
    /// There is a field group of this name already.
    FieldGroupTaken = 400_169 CONFLICT "field_group_taken";
    /// There are as many custom fields as there can be.
    TooManyCustomFields = 400_174 CONFLICT "too_many_custom_fields";
    /// There are as many field groups as there can be.
    TooManyFieldGroups = 400_175 CONFLICT "too_many_field_groups";
    /// The customer has as many items of field groups as there can be.
    TooManyFieldItems = 400_176 CONFLICT "too_many_field_items";
    /// The address leads to another host: its stored secret has to be given again, or taken away.
    SecretNeeded = 400_166 CONFLICT "secret_needed";
    /// An error of the server; its log says more under the request's id.
    Internal = 500_101 INTERNAL_SERVER_ERROR "internal";
    /// The store is unavailable, or the disk is full. Nothing was changed; `Retry-After` says when to try again.
    StoreUnavailable = 500_102 SERVICE_UNAVAILABLE "store_unavailable";
    /// Too many calls are waiting. Nothing was changed; `Retry-After` says when to try again.
    Overloaded = 500_103 SERVICE_UNAVAILABLE "overloaded";
    /// The connection to the store was lost while it committed, and whether it did is not known. Try again with the
    /// same `Idempotency-Key`.
    InDoubt = 500_104 SERVICE_UNAVAILABLE "in_doubt";
}

/// The codes as a table, for the reference.
pub fn table() -> String {
    Code::ALL.iter().fold(
        "| code | status | meaning |\n|---|---|---|\n".to_owned(),
        |mut text, code| {
            let _ = writeln!(
                text,
                "| {} | {} | {} |",
                code.number(),
                code.status().as_u16(),
                code.about().trim()
            );
            text
        },
    )
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: Code,
    /// What it is about, if that is one.
    parameter: Option<String>,
    arguments: Vec<(&'static str, String)>,
}

impl Fault {
    pub fn new(code: Code) -> Self {
        Self { code, parameter: None, arguments: Vec::new() }
    }

    /// About a parameter: its name is in the message.
    pub fn of(code: Code, parameter: &str) -> Self {
        Self::new(code).about(parameter).with("name", parameter)
    }

    /// About a parameter that the message does not name.
    #[must_use]
    pub fn about(mut self, parameter: &str) -> Self {
        self.parameter = Some(parameter.to_owned());
        self
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.arguments.push((name, value.to_string()));
        self
    }

    pub fn message(&self, language: Language) -> String {
        language.text(self.code.key(), &self.arguments)
    }

    /// What it is about, if that is one.
    pub fn parameter(&self) -> Option<&str> {
        self.parameter.as_deref()
    }
}

/// An error answer: at least one fault. The status is the first one's.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    faults: Vec<Fault>,
    /// For the log alone.
    cause: Option<String>,
    retry_after_seconds: Option<u64>,
    allow: Option<HeaderValue>,
    close: bool,
    is_stale_credential: bool,
}

impl Error {
    pub fn new(faults: Vec<Fault>) -> Self {
        Self(Box::new(Inner {
            faults,
            cause: None,
            retry_after_seconds: None,
            allow: None,
            close: false,
            is_stale_credential: false,
        }))
    }

    pub fn internal(cause: impl ToString) -> Self {
        Self::from(Code::Internal).because(cause)
    }

    /// The remembered credentials were changed since: they have to be checked anew.
    pub fn stale_credential() -> Self {
        let mut error = Self::from(Code::Unauthorized);
        error.0.is_stale_credential = true;
        error
    }

    pub fn is_stale_credential(&self) -> bool {
        self.0.is_stale_credential
    }

    #[must_use]
    pub fn because(mut self, cause: impl ToString) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    #[must_use]
    pub fn allow(mut self, methods: Option<HeaderValue>) -> Self {
        self.0.allow = methods;
        self
    }

    /// What is left of the request can't be told from the next one: the connection ends with this answer.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.0.close = true;
        self
    }

    pub fn status(&self) -> StatusCode {
        self.0.faults.first().map_or(StatusCode::INTERNAL_SERVER_ERROR, |fault| fault.code.status())
    }

    /// Whether this is what is wrong, and nothing else.
    pub fn is(&self, code: Code) -> bool {
        matches!(self.faults(), [fault] if fault.code == code)
    }

    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.0.retry_after_seconds
    }

    pub fn faults(&self) -> &[Fault] {
        &self.0.faults
    }

    /// The envelope. Our own pages are told which parameter a fault is about; the API's has what the vendor's has.
    pub fn render(&self, request_id: &str, language: Language, is_for_pages: bool) -> Response {
        let envelope = Envelope {
            request_id: request_id.to_owned(),
            errors: self
                .0
                .faults
                .iter()
                .map(|fault| EnvelopeError {
                    message: fault.message(language),
                    code: fault.code.number(),
                    parameter: fault.parameter.clone().filter(|_| is_for_pages),
                })
                .collect(),
        };
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        let is_basic = |fault: &Fault| matches!(fault.code, Code::Unauthorized | Code::Expired);
        if self.0.faults.iter().any(is_basic) {
            let challenge =
                HeaderValue::from_static("Basic realm=\"Rozmowa API\", charset=\"UTF-8\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.0.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = &self.0.allow {
            headers.insert(header::ALLOW, allow.clone());
        }
        if self.0.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Every error answer has this shape.
#[derive(Serialize, ToSchema)]
#[schema(as = Errors)]
pub struct Envelope {
    /// 13 hexadecimal digits, also in the `X-Request-Id` header and in the server's log.
    #[schema(example = "53678450401cf", pattern = "^[0-9a-f]{13}$")]
    request_id: String,
    /// All faults of the request.
    #[schema(inline, min_items = 1)]
    errors: Vec<EnvelopeError>,
}

#[derive(Serialize, ToSchema)]
struct EnvelopeError {
    /// English, or Polish when `Accept-Language` prefers it.
    message: String,
    /// Six digits, stable.
    #[schema(example = 100_202, minimum = 100_000, maximum = 999_999)]
    code: u32,
    /// At the doors for people: the parameter that it is about, as in a form. Members of objects have the object's name and a
    /// dot before theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "name")]
    parameter: Option<String>,
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::new(vec![Fault::new(code)])
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::new(vec![fault])
    }
}

impl From<rozmowa_db::Error> for Error {
    fn from(error: rozmowa_db::Error) -> Self {
        use rozmowa_db::Error as Store;
        let (code, seconds) = match &error {
            Store::Overloaded => (Code::Overloaded, 1),
            Store::InDoubt(_) => (Code::InDoubt, 2),
            Store::Full(_) | Store::ReadOnly(_) => (Code::StoreUnavailable, 30),
            error if error.is_temporary() => (Code::StoreUnavailable, 2),
            _ => return Self::internal(error),
        };
        Self::from(code).because(error).retry_after(seconds)
    }
}

/// The service around the router knows the request's id and language, and renders.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_has_six_digits_and_both_texts() {
        let mut numbers: Vec<_> = Code::ALL.iter().map(|code| code.number()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!((100_000..1_000_000).contains(&code.number()));
            for language in [Language::En, Language::Pl] {
                assert_ne!(language.text(code.key(), &[]), code.key(), "{code:?} has no text");
            }
        }
    }
}
