//! Reports, from the command line.

use clap::Subcommand;

use super::{storage, write};
use crate::config::Config;
use crate::{report, server};
use rozmowa_db::{Address, Db};

#[derive(Subcommand)]
pub enum ReportCommand {
    /// Make anew what reports count, from the logs; beside a running server, too. Once begun, a running server finishes it
    Rebuild,
}

impl ReportCommand {
    pub fn run(self, config: &Config) -> Result<(), String> {
        let Self::Rebuild = self;
        if let Address::Sqlite(path) = &config.database {
            storage::existing(path)?;
        }
        let db = server::open_store(config, server::nobody_listens())?;
        let done = rebuild(&db);
        db.close();
        done
    }
}

/// In steps, so that the server's calls come in between.
fn rebuild(db: &Db) -> Result<(), String> {
    write(db, |tx, _| report::build::begin(tx))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        while report::build::step(db)
            .await
            .map_err(|error| error.cause().unwrap_or("no cause was told").to_owned())?
        {}
        Ok(())
    })
}
