//! What is no file of any conversation any more: rows that were never sent, and bytes without a row.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, PoisonError};

use rozmowa_db::{Tx, params};
use tokio::fs;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::{Content, REMOVE_UNSENT};
use crate::act::Act;
use crate::app::App;
use crate::clock::Millis;
use crate::http::Error;

rozmowa_db::statements! {
    NEVER_SENT = "SELECT id, sha256 FROM file WHERE seq IS NULL AND created_at <= $1 ORDER BY created_at, id LIMIT 200";
    IS_USED = "SELECT 1 FROM file WHERE sha256 = $1 LIMIT 1";
}

/// What was uploaded and not sent for so long is swept.
pub const UNSENT_FOR: Millis = 24 * 60 * 60 * 1_000;
/// How often the whole folder is looked through.
const EVERY: Millis = 24 * 60 * 60 * 1_000;
/// Contents that are remembered; when there are more, the whole folder is looked through.
const REMEMBERED_MAX: usize = 10_000;

/// Published after commit: a row of this content is gone.
#[derive(Debug, Clone, Copy)]
pub struct Removed(pub Content);

/// Contents that may have no row any more.
#[derive(Default)]
pub struct Gone {
    contents: Mutex<BTreeSet<Content>>,
    bell: Notify,
}

impl Gone {
    pub fn add(&self, content: Content) {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        if contents.len() < REMEMBERED_MAX {
            contents.insert(content);
        }
        drop(contents);
        self.bell.notify_one();
    }

    fn take(&self) -> BTreeSet<Content> {
        std::mem::take(&mut self.contents.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Removes some files that nobody has sent, and says whether there may be more.
pub fn unsent(tx: &mut Tx<'_>, act: &Act<'_>) -> Result<bool, Error> {
    let over = tx.query(&NEVER_SENT, params![act.now - UNSENT_FOR], |row| {
        Ok((row.get::<Uuid>(0)?, Content(row.get(1)?)))
    })?;
    for (id, content) in &over {
        tx.put(&REMOVE_UNSENT, params![id])?;
        tx.publish(Removed(*content));
    }
    Ok(over.len() == 200)
}

/// Until it is told to stop. Starts with what a crash may have left.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    loop {
        let look = async {
            if let Err(error) = all(&app).await {
                tracing::warn!(%error, "the folder of files could not be looked through");
            }
        };
        tokio::select! {
            () = look => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let next = app.clock.now() + EVERY;
        loop {
            tokio::select! {
                () = app.clock.sleep_until(next) => break,
                () = app.gone.bell.notified() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let contents = app.gone.take();
            let is_too_much = contents.len() == REMEMBERED_MAX;
            for content in contents {
                clear(&app, content).await;
            }
            if is_too_much {
                break;
            }
        }
    }
}

/// Looks at every content that there is, one after the other.
async fn all(app: &App) -> io::Result<()> {
    let mut folders = match fs::read_dir(app.files.root()).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        folders => folders?,
    };
    while let Some(folder) = folders.next_entry().await? {
        let name = folder.file_name();
        let Some(name) = name.to_str().filter(|name| name.len() == 2) else { continue };
        let mut files = fs::read_dir(folder.path()).await?;
        while let Some(file) = files.next_entry().await? {
            let content =
                file.file_name().to_str().and_then(|rest| Content::from_names(name, rest));
            if let Some(content) = content {
                clear(app, content).await;
            }
        }
    }
    Ok(())
}

/// Takes the bytes away that no row has; false when that has to be tried again. Who is about to add one holds the lock.
pub async fn clear(app: &App, content: Content) -> bool {
    let _held = app.files.lock(&content).await;
    let used = app.db.read(move |tx| {
        Ok::<_, Error>(tx.query_opt(&IS_USED, params![&content.0], |_| Ok(()))?.is_some())
    });
    match used.await {
        Ok(true) => true,
        Ok(false) => match fs::remove_file(app.files.path(&content)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "a file that is erased could not be removed; it will be tried again");
                false
            }
            _ => true,
        },
        Err(error) => {
            tracing::warn!(cause = error.cause(), "a file will be looked at again");
            false
        }
    }
}
