//! Signed identities: the company's own page says who its customer is, by a JWT under the queue's secret.
//!
//! HS256 and nothing else: what the token says of its own algorithm is compared, never obeyed. Each is good once, and for
//! an hour at most.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use rozmowa_db::{Tx, params};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::act::Act;
use crate::audit;
use crate::clock::Millis;
use crate::http::params::{Email, Line};
use crate::http::{Code, Error, Fault};
use crate::queue;
use crate::secret::Key;

rozmowa_db::statements! {
    SECRET = "SELECT identity_secret FROM chat_queue WHERE id = $1";
    HAS_SECRET = "SELECT identity_secret IS NOT NULL FROM chat_queue WHERE id = $1";
    SET_SECRET = "UPDATE chat_queue SET identity_secret = $2 WHERE id = $1";
    /// To the first who brings it.
    USE = "INSERT INTO used_identity (chat_queue_id, jti_hash, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    SWEEP_BATCH = "SELECT chat_queue_id, jti_hash FROM used_identity WHERE expires_at <= $1 ORDER BY expires_at LIMIT 200";
    FORGET = "DELETE FROM used_identity WHERE chat_queue_id = $1 AND jti_hash = $2";
}

/// The longest token that is looked at.
pub const TOKEN_MAX: usize = 4_096;
const LIFETIME_MAX: Millis = 60 * 60 * 1_000;
/// By so much the clocks of two machines may differ.
const SKEW: Millis = 60 * 1_000;

/// Who the visitor is, as the company says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    pub identifier: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    /// Extensions that must be understood: none is.
    #[serde(default)]
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    iat: Option<f64>,
    jti: Option<String>,
    #[serde(default)]
    aud: Option<Value>,
    #[serde(default)]
    queue: Option<Value>,
    #[serde(default)]
    identifier: Option<Value>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

/// A token that is what it should be, before it is used up.
#[derive(Debug, PartialEq, Eq)]
struct Verified {
    identity: Identity,
    jti: String,
    expires_at: Millis,
}

/// Reads a token and uses it up.
pub fn take(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    key: &Key,
    queue_id: i64,
    token: &str,
) -> Result<Identity, Error> {
    let sealed = tx.query_opt(&SECRET, params![queue_id], |row| row.get::<Option<Vec<u8>>>(0))?;
    let secret = sealed.flatten().and_then(|sealed| key.open_sealed(&purpose(queue_id), &sealed));
    let secret = secret.ok_or_else(|| refused("the queue has no secret"))?;
    let verified = verify(token, &secret, queue_id, act.now).map_err(refused)?;
    let jti_hash: [u8; 32] = Sha256::digest(verified.jti.as_bytes()).into();
    if tx.execute(&USE, params![queue_id, &jti_hash, verified.expires_at])? == 0 {
        return Err(refused("jti was used before"));
    }
    Ok(verified.identity)
}

fn refused(reason: &'static str) -> Error {
    Fault::new(Code::IdentityRefused).with("reason", reason).into()
}

fn verify(
    token: &str,
    secret: &[u8],
    queue_id: i64,
    now: Millis,
) -> Result<Verified, &'static str> {
    if token.len() > TOKEN_MAX {
        return Err("it is too long");
    }
    let mut parts = token.split('.');
    let (Some(head), Some(body), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("it is no JWT");
    };
    let header: Header = part(head)?;
    if header.alg != "HS256" {
        return Err("alg is not HS256");
    }
    let is_typed = header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    if !is_typed || header.crit.is_some() {
        return Err("it is no plain JWT");
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "it is no JWT")?;
    let signed = &token[..head.len() + 1 + body.len()];
    // Compares in constant time.
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::verify(&key, signed.as_bytes(), &signature).map_err(|_| "the signature is wrong")?;
    judge(part(body)?, queue_id, now)
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, &'static str> {
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| "it is no JWT")?;
    serde_json::from_slice(&json).map_err(|_| "its claims are not readable")
}

fn judge(claims: Claims, queue_id: i64, now: Millis) -> Result<Verified, &'static str> {
    let expires_at = claims.exp.and_then(millis).ok_or("exp is missing")?;
    if expires_at <= now {
        return Err("it has expired");
    }
    if expires_at > now + LIFETIME_MAX {
        return Err("exp is more than an hour ahead");
    }
    for at in [claims.nbf, claims.iat].into_iter().flatten() {
        if millis(at).is_none_or(|at| at > now + SKEW) {
            return Err("it is not valid yet");
        }
    }
    let jti = claims.jti.filter(|jti| (1..=255).contains(&jti.len())).ok_or("jti is missing")?;
    let is_here = |value: &Value| plain(value).is_some_and(|text| text == queue_id.to_string());
    let is_for_us = claims.queue.as_ref().is_none_or(is_here)
        && claims.aud.as_ref().is_none_or(|aud| match aud {
            Value::Array(all) => all.iter().any(is_here),
            one => is_here(one),
        });
    if !is_for_us {
        return Err("it is for another queue");
    }
    let identity = Identity {
        identifier: claims
            .identifier
            .map(|value| plain(&value).and_then(|text| line(&text)).ok_or("identifier is odd"))
            .transpose()?,
        name: claims.name.map(|name| line(&name).ok_or("name is odd")).transpose()?,
        email: claims
            .email
            .map(|email| Email::parse(&email).map(String::from).ok_or("email is none"))
            .transpose()?,
    };
    if identity == Identity::default() {
        return Err("it names nobody");
    }
    Ok(Verified { identity, jti, expires_at })
}

/// Seconds, possibly with a fraction.
fn millis(seconds: f64) -> Option<Millis> {
    #[expect(clippy::cast_possible_truncation, reason = "it is within bounds")]
    (0.0..1e12).contains(&seconds).then_some((seconds * 1_000.0) as Millis)
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn line(text: &str) -> Option<String> {
    Line::<255>::parse(text).map(String::from).filter(|line| !line.is_empty())
}

fn purpose(queue_id: i64) -> String {
    format!("identity of queue {queue_id}")
}

/// Gives a queue a new secret in place of the one it may have, and shows it this once.
pub fn rotate(tx: &mut Tx<'_>, act: &Act<'_>, key: &Key, queue_id: i64) -> Result<String, Error> {
    let secret = URL_SAFE_NO_PAD.encode(act.ids.bytes::<32>());
    let sealed = key.seal(act.ids, &purpose(queue_id), secret.as_bytes());
    set(tx, act, queue_id, Some(&sealed))?;
    Ok(secret)
}

pub fn has_secret(tx: &mut Tx<'_>, queue_id: i64) -> Result<bool, Error> {
    Ok(tx.query_one(&HAS_SECRET, params![queue_id], |row| row.get(0))?)
}

/// From now on nobody signs for this queue.
pub fn remove(tx: &mut Tx<'_>, act: &Act<'_>, queue_id: i64) -> Result<(), Error> {
    set(tx, act, queue_id, None)
}

fn set(tx: &mut Tx<'_>, act: &Act<'_>, queue_id: i64, sealed: Option<&[u8]>) -> Result<(), Error> {
    let queue = queue::find(tx, queue_id)?;
    queue.ok_or_else(|| queue::fault(Code::UnknownQueue, queue_id))?;
    let was = tx.query_one(&SECRET, params![queue_id], |row| row.get::<Option<Vec<u8>>>(0))?;
    if was.is_none() && sealed.is_none() {
        return Ok(());
    }
    tx.execute(&SET_SECRET, params![queue_id, sealed])?;
    let (change, subject) = ("queue.identity_secret", format!("queue {queue_id}"));
    // That there is one, never which.
    audit::record(tx, act, change, &subject, Some(&was.is_some()), Some(&sealed.is_some()))
}

/// Forgets some tokens that are over by themselves, and says whether there may be more.
pub fn sweep(tx: &mut Tx<'_>, now: Millis) -> Result<bool, Error> {
    let over = tx.query(&SWEEP_BATCH, params![now], |row| {
        Ok((row.get::<i64>(0)?, row.get::<[u8; 32]>(1)?))
    })?;
    for (queue_id, jti_hash) in &over {
        tx.put(&FORGET, params![*queue_id, jti_hash])?;
    }
    Ok(over.len() == 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_780_308_000_000;
    const SECRET: &[u8] = b"the secret of the queue, which is long";

    fn signed(header: &Value, claims: &Value, secret: &[u8]) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(header), encode(claims));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    fn claims(more: Value) -> Value {
        let mut all = serde_json::json!({
            "exp": NOW / 1_000 + 300, "jti": "1", "identifier": "1234", "name": "Jan", "email": "jan@example.org",
        });
        for (name, value) in more.as_object().expect("an object") {
            all[name] = value.clone();
        }
        all
    }

    #[test]
    fn a_good_token_says_who_it_is() {
        let hs256 = serde_json::json!({"alg": "HS256", "typ": "JWT"});
        for more in [
            serde_json::json!({}),
            serde_json::json!({"queue": 3}),
            serde_json::json!({"aud": "3", "nbf": NOW / 1_000, "iat": NOW / 1_000 + 30}),
            serde_json::json!({"aud": ["x", 3], "identifier": 1234}),
        ] {
            let verified = verify(&signed(&hs256, &claims(more), SECRET), SECRET, 3, NOW).unwrap();
            assert_eq!(verified.identity.identifier.as_deref(), Some("1234"));
            assert_eq!(verified.identity.email.as_deref(), Some("jan@example.org"));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        use serde_json::json;
        let hs256 = json!({"alg": "HS256", "typ": "JWT"});
        let seconds = NOW / 1_000;
        for (header, more, secret, reason) in [
            (json!({"alg": "none"}), json!({}), SECRET, "alg is not HS256"),
            (json!({"alg": "None"}), json!({}), SECRET, "alg is not HS256"),
            (json!({"alg": "hs256"}), json!({}), SECRET, "alg is not HS256"),
            (json!({"alg": "HS512"}), json!({}), SECRET, "alg is not HS256"),
            (json!({"alg": "RS256"}), json!({}), SECRET, "alg is not HS256"),
            (json!({}), json!({}), SECRET, "its claims are not readable"),
            (json!({"alg": "HS256", "crit": ["b64"]}), json!({}), SECRET, "it is no plain JWT"),
            (hs256.clone(), json!({}), b"a foreign key", "the signature is wrong"),
            (hs256.clone(), json!({}), b"", "the signature is wrong"),
            (hs256.clone(), json!({"exp": seconds}), SECRET, "it has expired"),
            (hs256.clone(), json!({"exp": -5}), SECRET, "exp is missing"),
            (hs256.clone(), json!({"exp": null}), SECRET, "exp is missing"),
            (
                hs256.clone(),
                json!({"exp": seconds + 3_601}),
                SECRET,
                "exp is more than an hour ahead",
            ),
            (hs256.clone(), json!({"exp": 1e300}), SECRET, "exp is missing"),
            (hs256.clone(), json!({"nbf": seconds + 120}), SECRET, "it is not valid yet"),
            (hs256.clone(), json!({"iat": seconds + 120}), SECRET, "it is not valid yet"),
            (hs256.clone(), json!({"jti": null}), SECRET, "jti is missing"),
            (hs256.clone(), json!({"jti": ""}), SECRET, "jti is missing"),
            (hs256.clone(), json!({"queue": 4}), SECRET, "it is for another queue"),
            (hs256.clone(), json!({"aud": ["4", "5"]}), SECRET, "it is for another queue"),
            (hs256.clone(), json!({"aud": []}), SECRET, "it is for another queue"),
            (hs256.clone(), json!({"email": "nobody"}), SECRET, "email is none"),
            (hs256.clone(), json!({"name": "a\nb"}), SECRET, "name is odd"),
            (
                hs256,
                json!({"identifier": null, "name": null, "email": null}),
                SECRET,
                "it names nobody",
            ),
        ] {
            let token = signed(&header, &claims(more.clone()), secret);
            assert_eq!(verify(&token, SECRET, 3, NOW), Err(reason), "{header} {more}");
        }
    }

    #[test]
    fn nothing_of_a_token_can_be_changed() {
        let hs256 = serde_json::json!({"alg": "HS256"});
        let token = signed(&hs256, &claims(serde_json::json!({})), SECRET);
        verify(&token, SECRET, 3, NOW).unwrap();
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("it is ASCII");
            // The last letter's low bits are padding, which has to be zero.
            assert!(verify(&changed, SECRET, 3, NOW).is_err(), "{at}: {changed}");
        }
        for odd in [
            "",
            ".",
            "..",
            "a.b",
            "a.b.c.d",
            &format!("{token}."),
            &token[..=token.rfind('.').unwrap_or(0)],
        ] {
            assert!(verify(odd, SECRET, 3, NOW).is_err(), "{odd}");
        }
    }
}
