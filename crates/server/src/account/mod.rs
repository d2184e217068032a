//! API users: the programs that may call the API, apart from agents.

pub mod console;
pub mod password;

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;

use self::password::Secret;
use crate::act::Act;
use crate::audit;
use crate::clock::Millis;
use crate::http::{Code, Error, Fault};
use crate::time;

rozmowa_db::statements! {
    FIND = "SELECT id, name, password_hash, methods, is_enabled, credential_version, expires_at, last_used_at,
            old_password_hash, old_expires_at, old_last_used_at, created_at
        FROM api_user WHERE name = $1";
    FIND_BY_ID = "SELECT id, name, password_hash, methods, is_enabled, credential_version, expires_at, last_used_at,
            old_password_hash, old_expires_at, old_last_used_at, created_at
        FROM api_user WHERE id = $1";
    /// Runs first in every call's transaction, and brings along what the rest of it may need to know.
    RECHECK = "SELECT credential_version, (SELECT value FROM setting WHERE name = 'webhooks.revision')
        FROM api_user WHERE id = $1 AND is_enabled = 1";
    LIST = "SELECT id, name, password_hash, methods, is_enabled, credential_version, expires_at, last_used_at,
            old_password_hash, old_expires_at, old_last_used_at, created_at
        FROM api_user ORDER BY id LIMIT 1000";
    ADD = "INSERT INTO api_user (id, name, password_hash, methods, is_enabled, credential_version, created_at, expires_at)
        VALUES ($1, $2, $3, $4, 1, 1, $5, $6) ON CONFLICT (name) DO NOTHING";
    /// All that can be changed, unless somebody else was first.
    CHANGE = "UPDATE api_user SET password_hash = $3, methods = $4, is_enabled = $5, expires_at = $6, last_used_at = $7,
            old_password_hash = $8, old_expires_at = $9, old_last_used_at = $10,
            credential_version = credential_version + 1
        WHERE id = $1 AND credential_version = $2";
    REMOVE = "DELETE FROM api_user WHERE id = $1 AND credential_version = $2";
    /// No change: what is remembered of the user goes on being right.
    USED = "UPDATE api_user SET last_used_at = $3 WHERE id = $1 AND credential_version = $2";
    OLD_USED = "UPDATE api_user SET old_last_used_at = $3 WHERE id = $1 AND credential_version = $2";
    CLEAR_OLD = "UPDATE api_user SET old_password_hash = NULL, old_expires_at = NULL, old_last_used_at = NULL
        WHERE id IN (SELECT id FROM api_user WHERE old_expires_at <= $1 ORDER BY id LIMIT 500)";
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUser {
    pub id: i64,
    pub name: String,
    pub password_hash: String,
    pub methods: Methods,
    pub is_enabled: bool,
    pub credential_version: i64,
    /// The first moment at which the user is refused.
    pub expires_at: Option<Millis>,
    /// When the password was last checked and right, for a user who may call: at most five minutes before the last call.
    pub last_used_at: Option<Millis>,
    pub old: Option<OldPassword>,
    pub created_at: Millis,
}

/// The password before the last rotation, which goes on being good for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldPassword {
    pub hash: String,
    /// The first moment at which it is refused.
    pub expires_at: Millis,
    pub last_used_at: Option<Millis>,
}

impl ApiUser {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        let old = match (row.get(8)?, row.get(9)?) {
            (Some(hash), Some(expires_at)) => {
                Some(OldPassword { hash, expires_at, last_used_at: row.get(10)? })
            }
            _ => None,
        };
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            password_hash: row.get(2)?,
            methods: Methods::parse(&row.get::<String>(3)?),
            is_enabled: row.get(4)?,
            credential_version: row.get(5)?,
            expires_at: row.get(6)?,
            last_used_at: row.get(7)?,
            old,
            created_at: row.get(11)?,
        })
    }

    /// The old password, while it is good.
    pub fn old_at(&self, now: Millis) -> Option<&OldPassword> {
        self.old.as_ref().filter(|old| now < old.expires_at)
    }

    /// In a word.
    pub fn state_at(&self, now: Millis) -> &'static str {
        match self.expires_at {
            _ if !self.is_enabled => "disabled",
            Some(at) if at <= now => "expired",
            _ => "enabled",
        }
    }
}

/// What the audit log shows of a user: no hash. Times are in UTC, so that they stay right whatever the zone becomes.
#[derive(Serialize)]
struct View {
    id: i64,
    name: String,
    methods: Vec<String>,
    is_enabled: bool,
    expires_at: Option<String>,
    old_password_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'static str>,
}

impl View {
    fn of(user: &ApiUser) -> Self {
        Self {
            id: user.id,
            name: user.name.clone(),
            methods: user.methods.0.clone(),
            is_enabled: user.is_enabled,
            expires_at: user.expires_at.map(time::in_utc),
            old_password_until: user.old.as_ref().map(|old| time::in_utc(old.expires_at)),
            password: None,
        }
    }
}

fn subject(name: &str) -> String {
    format!("api_user {name}")
}

/// The methods that an API user may call: `*`, or names such as `GET chats` and `POST chat_conversations/:id/message`;
/// a `*` at the end of a name stands for any rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Methods(Vec<String>);

impl Methods {
    pub fn parse(lines: &str) -> Self {
        Self(
            lines
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    /// Of patterns that each allow something: one that allows nothing is a slip of the pen. `names` are those of all methods
    /// there are.
    pub fn known(patterns: &[impl AsRef<str>], names: &[String]) -> Result<Self, Slip> {
        let mut methods = Vec::new();
        for pattern in patterns {
            let pattern = pattern.as_ref().trim();
            let alone = Self(vec![pattern.to_owned()]);
            if pattern.contains('\n') || !names.iter().any(|name| alone.allow(name)) {
                let near =
                    names.iter().min_by_key(|name| strsim::damerau_levenshtein(name, pattern));
                let near = near.cloned().unwrap_or_default();
                return Err(Slip { pattern: pattern.to_owned(), near });
            }
            methods.push(pattern.to_owned());
        }
        Ok(Self(methods))
    }

    pub fn patterns(&self) -> &[String] {
        &self.0
    }

    pub fn allow_all(&self) -> bool {
        self.0.iter().any(|pattern| pattern == "*")
    }

    pub fn allow(&self, method: &str) -> bool {
        self.0.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => method.starts_with(start),
            None => method == pattern,
        })
    }
}

/// A pattern that no method has, and the name that is nearest to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    pub pattern: String,
    pub near: String,
}

impl std::fmt::Display for Methods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

pub fn find(tx: &mut Tx<'_>, name: &str) -> Result<Option<ApiUser>, Error> {
    Ok(tx.query_opt(&FIND, params![name], ApiUser::read)?)
}

/// Finds it, or says that there is none.
pub fn get(tx: &mut Tx<'_>, id: i64) -> Result<ApiUser, Error> {
    let found = tx.query_opt(&FIND_BY_ID, params![id], ApiUser::read)?;
    found.ok_or_else(|| unknown(id))
}

fn unknown(id: impl ToString) -> Error {
    Fault::new(Code::UnknownApiUser).with("id", id).into()
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<ApiUser>, Error> {
    Ok(tx.query(&LIST, params![], ApiUser::read)?)
}

/// Fails when the user was changed or disabled since its credentials were checked. Gives the revision of the webhook
/// subscriptions.
pub fn recheck(tx: &mut Tx<'_>, id: i64, credential_version: i64) -> Result<Option<String>, Error> {
    let current = tx
        .query_opt(&RECHECK, params![id], |row| Ok((row.get::<i64>(0)?, row.get(1)?)))?
        .filter(|(version, _)| *version == credential_version);
    current.map(|(_, revision)| revision).ok_or_else(Error::stale_credential)
}

/// False when the name is taken.
pub fn add(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    name: &str,
    password_hash: &str,
    methods: &Methods,
) -> Result<bool, Error> {
    add_until(tx, act, name, password_hash, methods, None)
}

/// For a time. False when the name is taken.
pub fn add_until(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    name: &str,
    password_hash: &str,
    methods: &Methods,
    expires_at: Option<Millis>,
) -> Result<bool, Error> {
    let user = ApiUser {
        id: crate::counter::next(tx, "api_user")?,
        name: name.to_owned(),
        password_hash: password_hash.to_owned(),
        methods: methods.clone(),
        is_enabled: true,
        credential_version: 1,
        expires_at,
        last_used_at: None,
        old: None,
        created_at: act.now,
    };
    let methods = methods.to_string();
    let row = params![user.id, name, password_hash, &methods, act.now, expires_at];
    if tx.execute(&ADD, row)? == 0 {
        return Ok(false);
    }
    audit::record(tx, act, "api_user.add", &subject(name), None::<&View>, Some(&View::of(&user)))?;
    Ok(true)
}

/// From now on this password alone is good. False when there is no such user.
pub fn set_password(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    name: &str,
    password_hash: &str,
) -> Result<bool, Error> {
    change(tx, act, name, "api_user.password", |user| {
        password_hash.clone_into(&mut user.password_hash);
        user.last_used_at = None;
        user.old = None;
        Ok(())
    })
}

/// A new password, beside which the current one stays good for a while; one that was left from the rotation before is
/// over at once. False when there is no such user.
pub fn rotate(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    name: &str,
    rotation: &Rotation,
) -> Result<bool, Error> {
    change(tx, act, name, "api_user.rotate", |user| {
        if user.password_hash != rotation.current_hash {
            return Err(Code::PasswordChanged.into());
        }
        let hash = std::mem::replace(&mut user.password_hash, rotation.new_hash.clone());
        let last_used_at = user.last_used_at.take();
        let expires_at = act.now.saturating_add(rotation.overlap);
        user.old = (rotation.overlap > 0).then_some(OldPassword { hash, expires_at, last_used_at });
        Ok(())
    })
}

/// A new password that was found to be another one than the current.
#[derive(Debug, Clone)]
pub struct Rotation {
    pub current_hash: String,
    /// Made [beside](password::beside) the current one.
    pub new_hash: String,
    /// How long both are good.
    pub overlap: Millis,
}

/// What is to be changed; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub methods: Option<Methods>,
    /// None within: never.
    pub expires_at: Option<Option<Millis>>,
    pub is_enabled: Option<bool>,
}

/// False when there is no such user.
pub fn alter(tx: &mut Tx<'_>, act: &Act<'_>, name: &str, changes: &Changes) -> Result<bool, Error> {
    change(tx, act, name, "api_user.change", |user| {
        user.methods = changes.methods.clone().unwrap_or_else(|| user.methods.clone());
        user.expires_at = changes.expires_at.unwrap_or(user.expires_at);
        user.is_enabled = changes.is_enabled.unwrap_or(user.is_enabled);
        Ok(())
    })
}

/// False when there is no such user.
pub fn set_enabled(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    name: &str,
    is_enabled: bool,
) -> Result<bool, Error> {
    alter(tx, act, name, &Changes { is_enabled: Some(is_enabled), ..Changes::default() })
}

/// False when there is no such user.
pub fn set_methods(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    name: &str,
    methods: &Methods,
) -> Result<bool, Error> {
    alter(tx, act, name, &Changes { methods: Some(methods.clone()), ..Changes::default() })
}

/// False when there is no such user.
pub fn set_expiry(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    name: &str,
    expires_at: Option<Millis>,
) -> Result<bool, Error> {
    alter(tx, act, name, &Changes { expires_at: Some(expires_at), ..Changes::default() })
}

/// False when there is no such user.
pub fn remove(tx: &mut Tx<'_>, act: &Act<'_>, name: &str) -> Result<bool, Error> {
    let Some(user) = find(tx, name)? else { return Ok(false) };
    if tx.execute(&REMOVE, params![user.id, user.credential_version])? == 0 {
        return Err(tx.run_again("the API user was changed meanwhile").into());
    }
    let was = View::of(&user);
    audit::record(tx, act, "api_user.remove", &subject(name), Some(&was), None::<&View>)?;
    Ok(true)
}

/// A change with its line in the audit log; what stays as it is leaves none, and goes on being remembered. False when
/// there is no such user.
fn change(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    name: &str,
    what: &str,
    alter: impl FnOnce(&mut ApiUser) -> Result<(), Error>,
) -> Result<bool, Error> {
    let Some(was) = find(tx, name)? else { return Ok(false) };
    let mut user = was.clone();
    alter(&mut user)?;
    if user == was {
        return Ok(true);
    }
    if user.old_at(act.now).is_none() {
        user.old = None;
    }
    let methods = user.methods.to_string();
    let old = user.old.as_ref();
    let row = params![
        user.id,
        was.credential_version,
        &user.password_hash,
        &methods,
        user.is_enabled,
        user.expires_at,
        user.last_used_at,
        old.map(|old| old.hash.as_str()),
        old.map(|old| old.expires_at),
        old.and_then(|old| old.last_used_at),
    ];
    if tx.execute(&CHANGE, row)? == 0 {
        return Err(tx.run_again("the API user was changed meanwhile").into());
    }
    let is_new_password = user.password_hash != was.password_hash;
    let becomes = View { password: is_new_password.then_some("changed"), ..View::of(&user) };
    audit::record(tx, act, what, &subject(name), Some(&View::of(&was)), Some(&becomes))?;
    Ok(true)
}

/// Notes that a password was used, unless the user was changed since it was checked.
pub fn used(
    tx: &mut Tx<'_>,
    id: i64,
    credential_version: i64,
    secret: Secret,
    now: Millis,
) -> Result<(), Error> {
    let statement = match secret {
        Secret::Newest => &USED,
        Secret::Old => &OLD_USED,
    };
    tx.execute(statement, params![id, credential_version, now])?;
    Ok(())
}

/// Forgets some old passwords whose time is over, and says whether there may be more. They are refused without it.
pub fn clear_old(tx: &mut Tx<'_>, now: Millis) -> Result<bool, Error> {
    Ok(tx.execute(&CLEAR_OLD, params![now])? == 500)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_matched_whole_or_by_their_start() {
        let methods = Methods::parse("GET chats\nPOST chat_conversations/*\n");
        assert!(methods.allow("GET chats") && !methods.allow("GET chats/queues"));
        assert!(methods.allow("POST chat_conversations/:id/message"));
        assert!(!methods.allow("DELETE chat_conversations/:id") && !methods.allow_all());
        assert!(Methods::parse("*").allow_all() && Methods::parse("*").allow("GET chats"));
        assert!(!Methods::parse("").allow("GET chats"));
    }
}
