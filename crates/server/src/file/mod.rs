//! Files of conversations: a row each, and the bytes under their hash in a folder.
//!
//! The bytes come first and are durable before the row is; a row goes before its bytes. So after a crash there may be bytes
//! without a row, which are swept, and never a row without bytes.

pub mod api;
pub mod console;
pub mod folder;
pub mod name;
pub mod serve;
pub mod sniff;
pub mod sweep;
pub mod upload;
pub mod visitor;

use std::collections::HashMap;

use rozmowa_db::{Row, Tx, Value, params};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::act::Act;
use crate::clock::Millis;
use crate::conversation::log::{Kind, Speaker, Stored};
use crate::http::{Code, Error, Fault};
pub use folder::{Content, Folder};
use sweep::Removed;

rozmowa_db::statements! {
    ADD = "INSERT INTO file (id, conversation_id, seq, sent_by, name, size, content_type, sha256, created_at)
        VALUES ($1, $2, NULL, $3, $4, $5, $6, $7, $8)";
    UNSENT = "SELECT count(*) FROM file WHERE conversation_id = $1 AND seq IS NULL";
    /// To the message that takes it. What a program uploaded may be anybody's.
    SEND = "UPDATE file SET seq = $3, sent_by = $4 WHERE id = $1 AND conversation_id = $2 AND seq IS NULL AND sent_by IN ($4, 3)";
    FIND = "SELECT f.id, f.seq, f.sent_by, f.name, f.size, f.content_type, f.sha256, f.created_at, e.kind
        FROM file f LEFT JOIN event e ON e.conversation_id = f.conversation_id AND e.seq = f.seq
        WHERE f.id = $1 AND f.conversation_id = $2";
    /// Those that were sent, of up to 100 conversations.
    OF = "SELECT conversation_id, id, seq, sent_by, name, size, content_type, sha256, created_at, NULL FROM file
        WHERE conversation_id IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,
            $26,$27,$28,$29,$30,$31,$32,$33,$34,$35,$36,$37,$38,$39,$40,$41,$42,$43,$44,$45,$46,$47,$48,$49,$50,
            $51,$52,$53,$54,$55,$56,$57,$58,$59,$60,$61,$62,$63,$64,$65,$66,$67,$68,$69,$70,$71,$72,$73,$74,$75,
            $76,$77,$78,$79,$80,$81,$82,$83,$84,$85,$86,$87,$88,$89,$90,$91,$92,$93,$94,$95,$96,$97,$98,$99,$100)
          AND seq IS NOT NULL ORDER BY conversation_id, seq, id LIMIT 10000";
    /// The oldest first.
    OF_CONVERSATION = "SELECT id, sha256, sent_by FROM file
        WHERE conversation_id = $1 AND (seq IS NULL OR seq <= $3) ORDER BY id LIMIT $2";
    /// What was not sent yet goes, too.
    OF_CLIENT = "SELECT id, sha256, sent_by FROM file
        WHERE conversation_id = $1 AND sent_by = 0 AND (seq IS NULL OR seq <= $3) ORDER BY id LIMIT $2";
    OF_OTHERS = "SELECT id, sha256, sent_by FROM file
        WHERE conversation_id = $1 AND sent_by <> 0 AND (seq IS NULL OR seq <= $3) ORDER BY id LIMIT $2";
    REMOVE = "DELETE FROM file WHERE id = $1";
    REMOVE_UNSENT = "DELETE FROM file WHERE id = $1 AND seq IS NULL";
}

/// Files of a conversation that were not sent yet.
pub const UNSENT_MAX: i64 = 20;
/// Files of one message.
pub const SENT_AT_ONCE_MAX: usize = 10;
/// Files that one step of [`erase`] takes.
const ERASE_STEP: i64 = 200;

/// A file that is about to be one of a conversation.
#[derive(Debug, Clone)]
pub struct NewFile {
    pub name: String,
    pub size: i64,
    pub content_type: &'static str,
    pub content: Content,
}

/// A file of a conversation.
#[derive(Debug, Clone)]
pub struct File {
    pub id: Uuid,
    /// Without one it was not sent yet.
    pub seq: Option<i64>,
    pub sent_by: Speaker,
    pub name: String,
    pub size: i64,
    pub content_type: String,
    pub content: Content,
    pub created_at: Millis,
    /// Of the event that it came with.
    kind: Option<i64>,
}

fn read(row: &Row<'_>, from: usize) -> Result<File, rozmowa_db::Error> {
    Ok(File {
        id: row.get(from)?,
        seq: row.get(from + 1)?,
        sent_by: Speaker::from_number(row.get(from + 2)?),
        name: row.get(from + 3)?,
        size: row.get(from + 4)?,
        content_type: row.get(from + 5)?,
        content: Content(row.get(from + 6)?),
        created_at: row.get(from + 7)?,
        kind: row.get(from + 8)?,
    })
}

/// As people's pages see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FileOfMessage)]
pub struct Shown {
    pub file_id: Uuid,
    pub name: String,
    /// In bytes.
    pub size: i64,
    /// Found out by looking at it; `application/octet-stream` for all but well-known kinds.
    pub content_type: String,
}

impl From<File> for Shown {
    fn from(file: File) -> Self {
        let File { id, name, size, content_type, .. } = file;
        Self { file_id: id, name, size, content_type }
    }
}

/// Fails when a conversation has as many unsent files as it can have.
pub fn check_room(tx: &mut Tx<'_>, conversation: &Uuid) -> Result<(), Error> {
    let unsent: i64 = tx.query_one(&UNSENT, params![conversation], |row| row.get(0))?;
    if unsent < UNSENT_MAX {
        return Ok(());
    }
    Err(Fault::new(Code::TooManyFiles).with("limit", UNSENT_MAX).into())
}

/// Adds a file whose bytes are in their place. The conversation is held, so that there are never too many.
pub fn add(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    conversation: &Uuid,
    by: Speaker,
    new: &NewFile,
) -> Result<Shown, Error> {
    crate::conversation::log::hold(tx, conversation)?.ok_or(Code::UnknownConversation)?;
    check_room(tx, conversation)?;
    let id = act.ids.v7(act.now);
    let NewFile { name, size, content_type, content } = new;
    let row =
        params![&id, conversation, by as i64, name, *size, *content_type, &content.0, act.now];
    tx.put(&ADD, row)?;
    let content_type = (*content_type).to_owned();
    Ok(Shown { file_id: id, name: name.clone(), size: *size, content_type })
}

/// Sends files with the event at a place of the log, and gives what the event says of them. None when there are none.
pub fn send(
    tx: &mut Tx<'_>,
    conversation: &Uuid,
    seq: i64,
    by: Speaker,
    files: &[Uuid],
) -> Result<Option<serde_json::Value>, Error> {
    if files.is_empty() {
        return Ok(None);
    }
    for id in files {
        if tx.execute(&SEND, params![id, conversation, seq, by as i64])? == 0 {
            return Err(Fault::new(Code::FileNotToSend).with("id", id).into());
        }
    }
    Ok(Some(json!({ "files": files })))
}

/// The files that an event's data names.
pub fn of_data(data: Option<&str>) -> Vec<Uuid> {
    #[derive(serde::Deserialize)]
    struct Data {
        #[serde(default)]
        files: Vec<Uuid>,
    }
    let data = data.and_then(|data| serde_json::from_str::<Data>(data).ok());
    data.map(|data| data.files).unwrap_or_default()
}

/// The files that came with a message and are not erased.
pub fn of_message(
    tx: &mut Tx<'_>,
    conversation: &Uuid,
    event: &Stored,
) -> Result<Vec<Shown>, Error> {
    let mut files = Vec::new();
    if has_files(event) {
        for id in of_data(event.data.as_deref()) {
            files.extend(find(tx, conversation, &id)?.map(Shown::from));
        }
    }
    Ok(files)
}

/// Whether it takes a look at the store to show an event.
pub fn has_files(event: &Stored) -> bool {
    matches!(event.kind, Kind::Message | Kind::Note | Kind::Whisper) && event.data.is_some()
}

pub fn find(tx: &mut Tx<'_>, conversation: &Uuid, id: &Uuid) -> Result<Option<File>, Error> {
    Ok(tx.query_opt(&FIND, params![id, conversation], |row| read(row, 0))?)
}

impl File {
    /// The visitor sees what they uploaded, and what was said to them: not what came with a note.
    pub fn is_for_visitor(&self) -> bool {
        self.sent_by == Speaker::Client || self.kind == Some(Kind::Message as i64)
    }

    /// What the visitor has not sent yet is nobody else's business.
    pub fn is_for_agents(&self) -> bool {
        self.seq.is_some() || self.sent_by != Speaker::Client
    }
}

/// What was sent in the conversations whose ids fill the 100 places.
pub fn of(tx: &mut Tx<'_>, ids: &[Value<'_>]) -> Result<HashMap<Uuid, Vec<File>>, Error> {
    let mut found: HashMap<Uuid, Vec<File>> = HashMap::new();
    tx.query(&OF, ids, |row| {
        found.entry(row.get(0)?).or_default().push(read(row, 1)?);
        Ok(())
    })?;
    Ok(found)
}

/// Whose files are erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    /// Agents, bots, programs.
    Others,
    Both,
}

/// Erases a step's worth of one side's files up to a place in the log, and says whether there may be more. The bytes go as soon as this is committed,
/// unless another conversation has the same.
pub fn erase(
    tx: &mut Tx<'_>,
    conversation: &Uuid,
    side: Side,
    until_seq: i64,
) -> Result<bool, Error> {
    let of = match side {
        Side::Client => &OF_CLIENT,
        Side::Others => &OF_OTHERS,
        Side::Both => &OF_CONVERSATION,
    };
    let files = tx.query(of, params![conversation, ERASE_STEP, until_seq], |row| {
        Ok((row.get::<Uuid>(0)?, Content(row.get(1)?)))
    })?;
    for (id, content) in &files {
        tx.put(&REMOVE, params![id])?;
        tx.publish(Removed(*content));
    }
    Ok(files.len() as u64 == ERASE_STEP.unsigned_abs())
}
