//! API users from the command line.

use clap::Subcommand;
use jiff::tz::TimeZone;

use super::admin::{NewPassword, found};
use super::{create, printable, transact};
use crate::account::{self, ApiUser, Methods, Rotation, Slip, password};
use crate::clock::{Clock, Millis};
use crate::config::Config;
use crate::time::{self, Bound};

const DAY: Millis = 24 * 60 * 60 * 1000;
const OVERLAP_MAX: Millis = 90 * DAY;
/// HTTP Basic carries more, but nobody types it.
const NAME_MAX: usize = 255;

#[derive(Subcommand)]
pub enum ApiUserCommand {
    /// Add an API user; its password is read from standard input, or made up and printed on a terminal
    Add {
        name: String,
        /// A method it may call, as in 'GET chats' or 'POST chat_conversations/*'; may be repeated; '*' is all
        #[arg(long = "methods", required = true, value_name = "METHOD")]
        methods: Vec<String>,
        /// When it ends, in local time: '2027-01-01' is the first moment of that day
        #[arg(long, value_name = "DATE")]
        expires: Option<String>,
    },
    /// List API users: state, methods, when they end, when their passwords were last used
    List,
    /// Change the methods that an API user may call
    Methods {
        name: String,
        /// As with 'add'; these are all, in place of those before
        #[arg(long = "methods", required = true, value_name = "METHOD")]
        methods: Vec<String>,
    },
    /// Change when an API user ends
    Expires {
        name: String,
        /// In local time, as in '2027-01-01' or '2027-01-01 12:00', or 'never'
        #[arg(value_name = "DATE|never")]
        at: String,
    },
    /// Disable an API user: its next call is refused
    Disable { name: String },
    /// Enable a disabled API user
    Enable { name: String },
    /// Change an API user's password at once: every other one is refused from now on
    Passwd { name: String },
    /// Give an API user a new password beside the current one, which stays good for a while
    Rotate {
        name: String,
        /// How long both are good: 30m, 24h, 7d, at most 90d; 0 is not at all
        #[arg(long, default_value = "24h", value_parser = overlap, value_name = "TIME")]
        overlap: Millis,
    },
    /// Remove an API user for good
    Remove { name: String },
}

impl ApiUserCommand {
    pub fn run(self, config: &Config) -> Result<(), String> {
        match self {
            Self::Add { name, methods, expires } => {
                check_name(&name)?;
                let methods = known_methods(&methods)?;
                let expires =
                    expires.map(|text| moment_to_come(&text, &config.time_zone)).transpose()?;
                let password = NewPassword::take()?;
                let hash = password.hash()?;
                let user = name.clone();
                let added = create(config, move |tx, act| {
                    account::add_until(tx, act, &user, &hash, &methods, expires)
                })?;
                if !added {
                    return Err(format!("there is an API user {name} already"));
                }
                password.tell();
                Ok(())
            }
            Self::List => {
                let now = Clock::System.now();
                for user in transact(config, |tx, _| account::list(tx))? {
                    println!("{}", line(&user, now, &config.time_zone));
                }
                Ok(())
            }
            Self::Methods { name, methods } => {
                let methods = known_methods(&methods)?;
                let user = name.clone();
                let done =
                    transact(config, move |tx, act| account::set_methods(tx, act, &user, &methods));
                found(done?, &name)
            }
            Self::Expires { name, at } => {
                let at = match at.as_str() {
                    "never" => None,
                    text => Some(moment_to_come(text, &config.time_zone)?),
                };
                let user = name.clone();
                let done = transact(config, move |tx, act| account::set_expiry(tx, act, &user, at));
                found(done?, &name)
            }
            Self::Disable { name } => enable(config, name, false),
            Self::Enable { name } => enable(config, name, true),
            Self::Passwd { name } => {
                let password = NewPassword::take()?;
                let hash = password.hash()?;
                let user = name.clone();
                let done =
                    transact(config, move |tx, act| account::set_password(tx, act, &user, &hash));
                found(done?, &name)?;
                password.tell();
                Ok(())
            }
            Self::Rotate { name, overlap } => rotate(config, name, overlap),
            Self::Remove { name } => {
                let user = name.clone();
                found(transact(config, move |tx, act| account::remove(tx, act, &user))?, &name)
            }
        }
    }
}

fn enable(config: &Config, name: String, is_enabled: bool) -> Result<(), String> {
    let user = name.clone();
    found(transact(config, move |tx, act| account::set_enabled(tx, act, &user, is_enabled))?, &name)
}

fn rotate(config: &Config, name: String, overlap: Millis) -> Result<(), String> {
    let user = name.clone();
    let Some(user) = transact(config, move |tx, _| account::find(tx, &user))? else {
        return found(false, &name);
    };
    let password = NewPassword::take()?;
    // A hash takes too long for the store to wait for it.
    let new_hash = password::beside(&password.text, &user.password_hash)
        .map_err(|error| error.cause().unwrap_or_default().to_owned())?
        .ok_or("this is the current password: that would be no rotation")?;
    let rotation = Rotation { current_hash: user.password_hash, new_hash, overlap };
    let user = name.clone();
    found(transact(config, move |tx, act| account::rotate(tx, act, &user, &rotation))?, &name)?;
    password.tell();
    Ok(())
}

fn check_name(name: &str) -> Result<(), String> {
    if name.contains(':') || name.chars().any(char::is_control) || name.is_empty() {
        return Err(
            "a name has no colon and no control characters: HTTP Basic can't carry them".into()
        );
    }
    if name.chars().count() > NAME_MAX {
        return Err(format!("a name has at most {NAME_MAX} characters"));
    }
    Ok(())
}

fn known_methods(patterns: &[String]) -> Result<Methods, String> {
    Methods::known(patterns, &crate::router::method_names()).map_err(|Slip { pattern, near }| {
        format!("no method is called '{pattern}'; did you mean '{near}'?")
    })
}

/// A moment that lies ahead: whoever means now wants `disable`.
fn moment_to_come(text: &str, zone: &TimeZone) -> Result<Millis, String> {
    let at = time::parse(text, Bound::From, zone).ok_or_else(|| {
        format!("'{text}' is no time such as '2027-01-01' or '2027-01-01 12:00:00'")
    })?;
    if at <= Clock::System.now() {
        return Err(format!("'{text}' is over; `disable` ends it at once"));
    }
    Ok(at)
}

/// `0`, `30m`, `24h`, `7d`.
fn overlap(text: &str) -> Result<Millis, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'm')) => (&text[..at], DAY / 24 / 60),
        Some((at, 'h')) => (&text[..at], DAY / 24),
        Some((at, 'd')) => (&text[..at], DAY),
        _ if text == "0" => ("0", DAY),
        _ => ("", DAY),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count = digits.parse::<Millis>().ok().filter(|_| is_number);
    let time = count.and_then(|count| count.checked_mul(unit));
    let time = time.ok_or("it must be a time such as 30m, 24h or 7d, or 0")?;
    if time > OVERLAP_MAX { Err("at most 90d".into()) } else { Ok(time) }
}

fn line(user: &ApiUser, now: Millis, zone: &TimeZone) -> String {
    let moment = |at: Option<Millis>| {
        at.map_or_else(|| "never".to_owned(), |at| time::with_seconds(at, zone))
    };
    let old = user.old_at(now).map_or_else(
        || "none".to_owned(),
        |old| {
            let until = time::with_seconds(old.expires_at, zone);
            format!("until {until}, last used: {}", moment(old.last_used_at))
        },
    );
    format!(
        "{}\t{}\t{}\texpires: {}\tlast used: {}\told password: {old}",
        printable(&user.name),
        user.state_at(now),
        printable(&user.methods.to_string().replace('\n', ", ")),
        moment(user.expires_at),
        moment(user.last_used_at),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_read() {
        for (text, time) in [
            ("0", 0),
            ("0h", 0),
            ("30m", 30 * 60_000),
            ("24h", DAY),
            ("7d", 7 * DAY),
            ("90d", OVERLAP_MAX),
        ] {
            assert_eq!(overlap(text), Ok(time), "{text}");
        }
        for wrong in
            ["", "h", "1", "-1h", "+1h", "1.5h", "24 h", "1w", "24ż", "91d", "99999999999999999d"]
        {
            assert!(overlap(wrong).is_err(), "{wrong}");
        }
    }
}
