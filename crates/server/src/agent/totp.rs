//! The second factor: codes of six digits that change every half a minute (RFC 6238).
//!
//! The secret is sealed under the key file, and counts once a code of it was given. A code is good once: the step it is of
//! is kept by a conditional update, and neither it nor one before it is taken again.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use rozmowa_db::{Row, Tx, params};
use subtle::ConstantTimeEq;

use super::Agent;
use crate::act::Act;
use crate::audit;
use crate::clock::{Ids, Millis};
use crate::http::{Code, Error, Fault};
use crate::secret::Key;

rozmowa_db::statements! {
    FIND = "SELECT totp_secret FROM agent WHERE id = $1";
    PENDING = "SELECT totp_pending FROM agent WHERE id = $1 AND totp_secret IS NULL";
    SET_UP = "UPDATE agent SET totp_pending = $2 WHERE id = $1 AND totp_secret IS NULL";
    CONFIRM = "UPDATE agent SET totp_secret = totp_pending, totp_pending = NULL, totp_used_step = $3
        WHERE id = $1 AND totp_pending = $2 AND totp_secret IS NULL";
    REMOVE = "UPDATE agent SET totp_secret = NULL, totp_pending = NULL, totp_used_step = 0
        WHERE id = $1 AND totp_secret IS NOT NULL";
    /// To the first who brings a code of this step.
    USE_STEP = "UPDATE agent SET totp_used_step = $2 WHERE id = $1 AND totp_used_step < $2 AND totp_secret IS NOT NULL";
}

const STEP: Millis = 30_000;
const DIGITS: usize = 6;
/// As the RFC recommends for SHA-1.
const SECRET_LENGTH: usize = 20;

/// The code of a step, before it is cut to its digits.
fn truncated(secret: &[u8], step: i64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[tag.len() - 1] & 0xf);
    u32::from_be_bytes([tag[at], tag[at + 1], tag[at + 2], tag[at + 3]]) & 0x7fff_ffff
}

/// The step that a code is of: now, or the one before or after, as clocks differ.
pub fn step_of(secret: &[u8], code: &str, now: Millis) -> Option<i64> {
    let given: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let current = now / STEP;
    [current, current - 1, current + 1].into_iter().find(|step| {
        let code = format!("{:06}", truncated(secret, *step) % 1_000_000);
        given.len() == DIGITS && bool::from(code.as_bytes().ct_eq(given.as_bytes()))
    })
}

/// The code at a moment: what the agent's telephone shows.
pub fn code_at(secret: &[u8], now: Millis) -> String {
    format!("{:06}", truncated(secret, now / STEP) % 1_000_000)
}

/// RFC 4648, without padding.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
    let letters = (0..bytes.len() * 8).step_by(5).map(|from| {
        let number = (from..from + 5).fold(0, |number, at| number << 1 | bit(at));
        char::from(LETTERS[number])
    });
    letters.collect()
}

/// What an authenticator reads from a QR code.
pub fn uri(login: &str, secret: &[u8]) -> String {
    let login = utf8_percent_encode(login, NON_ALPHANUMERIC);
    let secret = base32(secret);
    format!(
        "otpauth://totp/Rozmowa:{login}?secret={secret}&issuer=Rozmowa&algorithm=SHA1&digits=6&period=30"
    )
}

fn purpose(agent_id: i64) -> String {
    format!("totp of agent {agent_id}")
}

pub fn open(key: &Key, agent_id: i64, sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let opened = key.open_sealed(&purpose(agent_id), sealed);
    opened.ok_or_else(|| Error::internal("a second factor was sealed under another key"))
}

pub fn is_on(tx: &mut Tx<'_>, agent_id: i64) -> Result<bool, Error> {
    let secret = tx.query_opt(&FIND, params![agent_id], |row| row.get::<Option<Vec<u8>>>(0))?;
    Ok(secret.flatten().is_some())
}

pub fn new_secret(ids: &Ids) -> [u8; SECRET_LENGTH] {
    ids.bytes()
}

/// Keeps a secret until it is confirmed; in place of one that was not.
pub fn set_up(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    key: &Key,
    agent_id: i64,
    secret: &[u8],
) -> Result<(), Error> {
    let sealed = key.seal(act.ids, &purpose(agent_id), secret);
    if tx.execute(&SET_UP, params![agent_id, &sealed[..]])? == 1 {
        return Ok(());
    }
    Err(Code::SecondFactorOn.into())
}

/// From now on a code is needed to sign in.
pub fn confirm(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    key: &Key,
    agent: &Agent,
    code: &str,
) -> Result<(), Error> {
    let pending =
        tx.query_opt(&PENDING, params![agent.id], |row: &Row<'_>| row.get::<Option<Vec<u8>>>(0))?;
    let pending = pending.flatten().ok_or(Code::SecondFactorNotPending)?;
    let secret = open(key, agent.id, &pending)?;
    let step = step_of(&secret, code, act.now);
    let step = step.ok_or_else(|| Fault::of(Code::WrongCode, "code"))?;
    if tx.execute(&CONFIRM, params![agent.id, &pending[..], step])? == 0 {
        return Err(Code::SecondFactorNotPending.into());
    }
    record(tx, act, agent, false, true)
}

/// False when a code of this step or of a later one was used.
pub fn use_step(tx: &mut Tx<'_>, agent_id: i64, step: i64) -> Result<bool, Error> {
    Ok(tx.execute(&USE_STEP, params![agent_id, step])? == 1)
}

/// No code is needed any more; false when none was.
pub fn remove(tx: &mut Tx<'_>, act: &Act<'_>, agent: &Agent) -> Result<bool, Error> {
    let is_removed = tx.execute(&REMOVE, params![agent.id])? == 1;
    if is_removed {
        record(tx, act, agent, true, false)?;
    }
    Ok(is_removed)
}

fn record(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    agent: &Agent,
    was: bool,
    becomes: bool,
) -> Result<(), Error> {
    let subject = super::subject(&agent.login);
    audit::record(tx, act, "agent.second_factor", &subject, Some(&was), Some(&becomes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix B of the RFC, the rows of SHA-1.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = b"12345678901234567890";
        for (seconds, code) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            let now: Millis = seconds * 1_000;
            assert_eq!(truncated(secret, now / STEP) % 100_000_000, code);
            assert_eq!(code_at(secret, now), format!("{:06}", code % 1_000_000));
        }
    }

    #[test]
    fn a_code_is_good_one_step_before_and_after_its_own() {
        let secret = b"12345678901234567890";
        let now = 1_111_111_111_000;
        for (late, is_good) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let code = code_at(secret, now + late * STEP);
            let step = step_of(secret, &code, now);
            assert_eq!(step, is_good.then_some(now / STEP + late), "{late}");
        }
        let code = code_at(secret, now);
        assert!(step_of(secret, &format!(" {} {} ", &code[..3], &code[3..]), now).is_some());
        for wrong in ["", "0", &code[1..], &format!("{code}0"), "żółwik", "050472"] {
            assert_eq!(step_of(secret, wrong, now), None, "{wrong}");
        }
    }

    /// RFC 4648, section 10.
    #[test]
    fn secrets_are_written_in_base32() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(plain.as_bytes()), encoded);
        }
        let uri = uri("j@sklep", b"foobar");
        assert!(uri.starts_with("otpauth://totp/Rozmowa:j%40sklep?secret=MZXW6YTBOI&"), "{uri}");
    }
}
