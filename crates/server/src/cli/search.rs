//! The search, from the command line.

use clap::Subcommand;
use uuid::Uuid;

use super::{storage, write};
use crate::config::Config;
use crate::{search, server};
use rozmowa_db::Address;

#[derive(Subcommand)]
pub enum SearchCommand {
    /// Make anew what is searched in, from the conversations; beside a running server, too
    Rebuild,
}

impl SearchCommand {
    pub fn run(self, config: &Config) -> Result<(), String> {
        let Self::Rebuild = self;
        if let Address::Sqlite(path) = &config.database {
            storage::existing(path)?;
        }
        let db = server::open_store(config, server::nobody_listens())?;
        let rebuild = || {
            // In steps, so that the server's calls come in between.
            let mut after = Some(Uuid::nil());
            while let Some(from) = after {
                after = write(&db, move |tx, _| search::index::clear(tx, &from))?;
            }
            while write(&db, |tx, _| search::index::step(tx))? {}
            Ok(())
        };
        let done = rebuild();
        db.close();
        done
    }
}
