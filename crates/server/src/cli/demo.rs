//! `rozmowa demo`: sample data on loopback, and how to try them out.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rozmowa_db::Address;

use super::{Place, runtime, start_log, storage, until_told_to_stop, write};
use crate::account::{self, password};
use crate::act::{Act, Actor};
use crate::app::{App, Surroundings};
use crate::config::Config;
use crate::demo::samples;
use crate::queue;
use crate::secret::write_private;
use crate::server::{self, Running};

/// Known to everybody who reads this: the demo listens on loopback only.
const API_PASSWORD: &str = "api_pass";
const AGENT_PASSWORD: &str = "agent_pass";
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];
const DATA_DIR: &str = "demo-data";

#[derive(Args)]
pub struct Demo {
    /// Where HTTP is served, on loopback
    #[arg(long, default_value = "127.0.0.1:8080", value_parser = loopback)]
    listen: SocketAddr,
    /// Where HTTPS is served, on loopback, with a certificate of its own making
    #[arg(long, default_value = "127.0.0.1:8443", value_parser = loopback)]
    tls_listen: SocketAddr,
    /// Where metrics are served, on loopback; without it nowhere
    #[arg(long, value_parser = loopback)]
    metrics_listen: Option<SocketAddr>,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "it must be an address and a port".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("the demo is served on loopback only".into())
    }
}

impl Demo {
    pub fn run(self, place: &Place, mut config: Config) -> Result<(), String> {
        // Not where an installation keeps its data, unless that is asked for.
        if place.data_dir.is_none() {
            config.data_dir = DATA_DIR.into();
            if place.database.is_none() {
                config.database = Address::Sqlite(config.data_dir.join(storage::SQLITE_FILE));
            }
        }
        config.listen = Some(self.listen);
        config.tls_listen = Some(self.tls_listen);
        config.metrics_listen = self.metrics_listen;
        // Receivers to try things out with are on this machine.
        config.webhooks.allowed_networks =
            LOOPBACK.iter().filter_map(|text| text.parse().ok()).collect();
        config.is_demo = true;
        config.public_url = format!("http://{}", self.listen);
        start_log(&config);
        let certificate = Certificate::make(&config.data_dir.join("tls"))?;
        config.tls_certificate.clone_from(&certificate.server);
        config.tls_key.clone_from(&certificate.key);
        let lock = server::lock(&config.database)?;
        let app = server::open_app(config, Surroundings::real())?;
        let has_samples = fill(&app)?;
        runtime()?.block_on(async {
            let running = Running::start(app, lock)?;
            self.greet(&running, &certificate.authority, place.database.as_ref(), has_samples);
            until_told_to_stop(running).await
        })
    }

    fn greet(
        &self,
        running: &Running,
        authority: &Path,
        database: Option<&Address>,
        has_samples: bool,
    ) {
        let plain = running.listen.unwrap_or(self.listen);
        let tls = running.tls_listen.unwrap_or(self.tls_listen);
        if !has_samples {
            println!(
                "Rozmowa runs on data of its own: its accounts count, there are no sample ones.\n\n  HTTP   http://{plain}\n  HTTPS  https://{tls}"
            );
            return;
        }
        let call = "/api/chat_conversations/start?chat_queue_id=3&client_id=1234";
        println!(
            "Rozmowa runs, with sample data. Stop it with Ctrl+C; the data stays.

Chat as a visitor: http://{plain}/demo/shop
Answer as an agent: http://{plain}/console/

  login       password
  jkowalski   {AGENT_PASSWORD}   an agent
  anowak      {AGENT_PASSWORD}   another one
  ezielinska  {AGENT_PASSWORD}   a supervisor, who sees all conversations and the wall
  admin       {AGENT_PASSWORD}   an administrator, who sets everything

  HTTP   http://{plain}
  HTTPS  https://{tls}   (CA certificate: {})
{}
Start a conversation:

  curl -u api_user:{API_PASSWORD} -k -X POST -H \"Content-type: application/json\" -d '' \"https://{tls}{call}\"

  php -r '$r = curl_init(\"http://{plain}{call}\"); curl_setopt_array($r, [CURLOPT_USERPWD => \"api_user:{API_PASSWORD}\", CURLOPT_CUSTOMREQUEST => \"POST\", CURLOPT_RETURNTRANSFER => true]); print_r(json_decode(curl_exec($r)));'

See it:

  curl -u api_reader:{API_PASSWORD} \"http://{plain}/api/chats\"

The reference of the API: http://{plain}/reference. While no agent is on duty, a script answers visitors.
Administer it beside: {} queue list --data {}{}",
            authority.display(),
            running.metrics_listen.map(|at| format!("  Metrics  http://{at}/metrics\n")).unwrap_or_default(),
            std::env::args().next().as_deref().unwrap_or("rozmowa"),
            running.app.config.data_dir.display(),
            database.map(|url| format!(" --database {url}")).unwrap_or_default(),
        );
    }
}

/// Puts the sample data in, once, and never beside anybody's own. Whether they are there.
fn fill(app: &App) -> Result<bool, String> {
    let state = write(&app.db, |tx, _| {
        let is_ours = samples::are_in(tx)?;
        Ok((is_ours, is_ours || !account::list(tx)?.is_empty() || !queue::list(tx)?.is_empty()))
    })?;
    if let (is_ours, true) = state {
        return Ok(is_ours);
    }
    let hash = |text: &str| {
        password::hash(text, app.ids.bytes()).map_err(|e| e.cause().unwrap_or_default().to_owned())
    };
    let (api, agents) = (hash(API_PASSWORD)?, hash(AGENT_PASSWORD)?);
    let actor = Actor::system();
    write(&app.db, move |tx, act| {
        // Nobody typed these.
        let wanted = Arc::clone(&act.wanted);
        let act = Act { actor: &actor, ids: act.ids, now: act.now, wanted, app: None };
        samples::put(tx, &act, &api, &agents)
    })?;
    Ok(true)
}

/// A certificate for loopback, and the authority that signed it and whose key nobody has any more.
struct Certificate {
    authority: PathBuf,
    server: PathBuf,
    key: PathBuf,
}

impl Certificate {
    /// Makes them once; a restart keeps what clients may have learnt to trust.
    fn make(folder: &Path) -> Result<Self, String> {
        let made = Self {
            authority: folder.join("ca.pem"),
            server: folder.join("server.pem"),
            key: folder.join("server.key"),
        };
        if [&made.authority, &made.server, &made.key].iter().all(|path| path.is_file()) {
            return Ok(made);
        }
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let (authority, server, key) = sign().map_err(|error| error.to_string())?;
        for (path, text) in [(&made.authority, authority), (&made.server, server), (&made.key, key)]
        {
            write_private(path, text.as_bytes())
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        // This one is for handing on.
        let readable = std::fs::Permissions::from_mode(0o644);
        let _ = std::fs::set_permissions(&made.authority, readable);
        Ok(made)
    }
}

fn sign() -> Result<(String, String, String), rcgen::Error> {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "Rozmowa demo authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut server = CertificateParams::new(names)?;
    server.distinguished_name.push(DnType::CommonName, "Rozmowa demo");
    let key = KeyPair::generate()?;
    let issuer = Issuer::from_params(&authority, &authority_key);
    let certificate = server.signed_by(&key, &issuer)?;
    Ok((authority_certificate.pem(), certificate.pem(), key.serialize_pem()))
}
