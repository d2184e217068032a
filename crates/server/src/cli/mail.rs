//! E-mail from the command line: whether it works, and what waits.

use clap::Subcommand;

use super::{printable, runtime, transact};
use crate::clock::{Clock, Ids};
use crate::config::Config;
use crate::locale::Language;
use crate::mail::smtp::Mailer;
use crate::mail::{Kind, compose, outbox};
use crate::time;

#[derive(Subcommand)]
pub enum MailCommand {
    /// Send a test e-mail, and say what the mail server says
    Test { address: String },
    /// List what waits, the first first, and what was given up in the last 30 days
    List {
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
}

impl MailCommand {
    pub fn run(self, config: &Config) -> Result<(), String> {
        match self {
            Self::Test { address } => test(config, &address),
            Self::List { limit } => list(config, limit),
        }
    }
}

fn test(config: &Config, address: &str) -> Result<(), String> {
    let smtp = config.smtp.clone().ok_or("smtp.host is not set: no e-mail goes out")?;
    let place = format!("{}:{}", smtp.host, smtp.port);
    let mailer = Mailer::new(smtp, &config.public_url);
    let letter = compose::test(Language::Pl);
    let now = Clock::System.now();
    let id = Ids::from_system().v7(now).to_string();
    let sent = runtime()?.block_on(mailer.send(&letter, address, &id, now));
    sent.map_err(|refusal| format!("{place}: {}", printable(&refusal.error)))?;
    println!("{place} has taken it.");
    Ok(())
}

fn list(config: &Config, limit: i64) -> Result<(), String> {
    for mail in transact(config, move |tx, _| outbox::list(tx, limit))? {
        let (state, at) = match mail.given_up_at {
            Some(at) => ("given up", at),
            None => ("due", mail.due_at),
        };
        println!(
            "{}\t{state} {}\t{}\t{}\t{} attempts\t{}",
            mail.id,
            time::with_seconds(at, &config.time_zone),
            mail.kind.map_or("unknown", Kind::name),
            printable(&mail.address),
            mail.attempts,
            printable(mail.error.as_deref().unwrap_or_default()),
        );
    }
    Ok(())
}
