//! API users: the programs that may call the API, apart from agents.

pub mod password;

use rozmowa_db::{Row, Tx, params};

use crate::act::Act;
use crate::http::Error;

rozmowa_db::statements! {
    FIND = "SELECT id, name, password_hash, methods, is_enabled, credential_version
        FROM api_user WHERE name = $1";
    /// Runs first in every call's transaction, and brings along what the rest of it may need to know.
    RECHECK = "SELECT credential_version, (SELECT value FROM setting WHERE name = 'webhooks.revision')
        FROM api_user WHERE id = $1 AND is_enabled = 1";
    LIST = "SELECT id, name, password_hash, methods, is_enabled, credential_version
        FROM api_user ORDER BY id LIMIT 1000";
    ADD = "INSERT INTO api_user (id, name, password_hash, methods, is_enabled, credential_version, created_at)
        VALUES ($1, $2, $3, $4, 1, 1, $5) ON CONFLICT (name) DO NOTHING";
    SET_PASSWORD = "UPDATE api_user SET password_hash = $2, credential_version = credential_version + 1
        WHERE name = $1";
    SET_ENABLED = "UPDATE api_user SET is_enabled = $2, credential_version = credential_version + 1
        WHERE name = $1";
}

#[derive(Debug, Clone)]
pub struct ApiUser {
    pub id: i64,
    pub name: String,
    pub password_hash: String,
    pub methods: Methods,
    pub is_enabled: bool,
    pub credential_version: i64,
}

impl ApiUser {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            password_hash: row.get(2)?,
            methods: Methods::parse(&row.get::<String>(3)?),
            is_enabled: row.get(4)?,
            credential_version: row.get(5)?,
        })
    }
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

impl std::fmt::Display for Methods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

pub fn find(tx: &mut Tx<'_>, name: &str) -> Result<Option<ApiUser>, Error> {
    Ok(tx.query_opt(&FIND, params![name], ApiUser::read)?)
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
    let id = crate::counter::next(tx, "api_user")?;
    let added =
        tx.execute(&ADD, params![id, name, password_hash, &methods.to_string(), act.now])?;
    Ok(added == 1)
}

/// False when there is no such user.
pub fn set_password(
    tx: &mut Tx<'_>,
    _act: &Act<'_>,
    name: &str,
    password_hash: &str,
) -> Result<bool, Error> {
    Ok(tx.execute(&SET_PASSWORD, params![name, password_hash])? == 1)
}

/// False when there is no such user.
pub fn set_enabled(
    tx: &mut Tx<'_>,
    _act: &Act<'_>,
    name: &str,
    is_enabled: bool,
) -> Result<bool, Error> {
    Ok(tx.execute(&SET_ENABLED, params![name, is_enabled])? == 1)
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
