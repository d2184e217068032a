//! `rozmowa demo`: sample data on loopback, so that the vendor's own sample call works as printed.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rozmowa_db::{Address, Tx};

use super::{Place, runtime, start_log, storage, until_told_to_stop, write};
use crate::account::{self, Methods, password};
use crate::act::{Act, Actor};
use crate::agent::{self, NewAgent};
use crate::app::{App, Surroundings};
use crate::config::Config;
use crate::customer::{self, NewCustomer};
use crate::http::Error;
use crate::queue;
use crate::secret::write_private;
use crate::server::{self, Running};
use crate::setting;

/// Known to everybody who reads this: the demo listens on loopback only.
const API_PASSWORD: &str = "api_pass";
const AGENT_PASSWORD: &str = "agent_pass";
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];
const DATA_DIR: &str = "demo-data";
/// Set where the sample data were put in.
const MARK: &str = "demo.filled";

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

  HTTP   http://{plain}
  HTTPS  https://{tls}   (CA certificate: {})
{}
Start a conversation:

  curl -u api_user:{API_PASSWORD} -k -X POST -H \"Content-type: application/json\" -d '' \"https://{tls}{call}\"

  php -r '$r = curl_init(\"http://{plain}{call}\"); curl_setopt_array($r, [CURLOPT_USERPWD => \"api_user:{API_PASSWORD}\", CURLOPT_CUSTOMREQUEST => \"POST\", CURLOPT_RETURNTRANSFER => true]); print_r(json_decode(curl_exec($r)));'

See it:

  curl -u api_reader:{API_PASSWORD} \"http://{plain}/api/chats\"

The reference of the API: http://{plain}/api/openapi.json. Agents: jkowalski, anowak (password {AGENT_PASSWORD}).
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
        let is_ours = setting::text(tx, MARK)?.is_some();
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
        samples(tx, &act, &api, &agents)
    })?;
    Ok(true)
}

fn samples(tx: &mut Tx<'_>, act: &Act<'_>, api_hash: &str, agent_hash: &str) -> Result<(), Error> {
    setting::set_text(tx, MARK, "true")?;
    account::add(tx, act, "api_user", api_hash, &Methods::parse("*"))?;
    account::add(tx, act, "api_reader", api_hash, &Methods::parse("GET chats"))?;
    queue::add(tx, act, Some(3), "Sklep")?;
    for (identifier, name, surname, email) in [
        (Some("1234"), "Jan", "Kowalski", "jan.kowalski@example.org"),
        (None, "Andrzej", "Nowak", "andrzej.nowak@company.bar"),
    ] {
        let customer = NewCustomer {
            identifier: identifier.map(str::to_owned),
            name: name.to_owned(),
            surname: surname.to_owned(),
            emails: vec![email.to_owned()],
        };
        customer::add(tx, act, &customer)?;
    }
    for (login, name, surname) in [("jkowalski", "Jan", "Kowalski"), ("anowak", "Anna", "Nowak")] {
        let agent = NewAgent {
            login: login.to_owned(),
            name: name.to_owned(),
            surname: surname.to_owned(),
            email: format!("{login}@example.org"),
            password_hash: agent_hash.to_owned(),
            ..NewAgent::default()
        };
        agent::add(tx, act, &agent)?;
        queue::agents::set(tx, act, 3, login, queue::agents::PRIORITY_DEFAULT)?;
    }
    Ok(())
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
