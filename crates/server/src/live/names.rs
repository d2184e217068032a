//! Names of agents, for frames: remembered for a minute.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use rozmowa_db::{Db, Row, params};
use serde::Serialize;

use crate::http::Error;

rozmowa_db::statements! {
    NAME = "SELECT login, name, surname FROM agent WHERE id = $1";
}

const REMEMBERED_FOR: Duration = Duration::from_mins(1);
const REMEMBERED_MAX: u64 = 10_000;

#[derive(Debug, Clone, Default, Serialize)]
pub struct Name {
    pub login: String,
    pub name: String,
    pub surname: String,
}

pub struct Names(Cache<i64, Arc<Name>>);

impl Default for Names {
    fn default() -> Self {
        let names = Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(REMEMBERED_FOR);
        Self(names.build())
    }
}

impl Names {
    /// An agent's, empty when there is none.
    pub async fn of(&self, db: &Db, agent_id: i64) -> Result<Arc<Name>, Error> {
        if let Some(name) = self.0.get(&agent_id).await {
            return Ok(name);
        }
        let found = db.read(move |tx| {
            let row = |row: &Row<'_>| {
                Ok(Name { login: row.get(0)?, name: row.get(1)?, surname: row.get(2)? })
            };
            Ok::<_, Error>(tx.query_opt(&NAME, params![agent_id], row)?)
        });
        let name = Arc::new(found.await?.unwrap_or_default());
        self.0.insert(agent_id, Arc::clone(&name)).await;
        Ok(name)
    }
}
