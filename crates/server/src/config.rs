//! The configuration: one file whose shipped default is the manual, and the environment over it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use jiff::tz::TimeZone;
use lettre::message::Mailbox;
use rozmowa_db::Address;
use url::Host;

use crate::customer::phone::Region;
use crate::mail;

/// The shipped file: defaults and manual in one.
pub const MANUAL: &str = include_str!("../rozmowa.toml");

#[derive(Debug, Clone)]
pub struct Config {
    pub listen: Option<SocketAddr>,
    pub public_url: String,
    pub trusted_proxies: Vec<Network>,
    pub database: Address,
    pub data_dir: PathBuf,
    pub time_zone: TimeZone,
    /// Whose telephone numbers are written without a prefix.
    pub phone_region: Region,
    pub tls_listen: Option<SocketAddr>,
    pub tls_certificate: PathBuf,
    pub tls_key: PathBuf,
    pub metrics_listen: Option<SocketAddr>,
    pub log_level: tracing::Level,
    pub limits: Limits,
    pub storage: Storage,
    pub webhooks: Webhooks,
    pub visitors: Visitors,
    pub files: Files,
    /// How e-mail goes out; without it none does.
    pub smtp: Option<Smtp>,
    /// Sample data, and things to try out. No key: `rozmowa demo` alone is one.
    pub is_demo: bool,
    /// Every key with its value as text and where it comes from, secrets masked: what `rozmowa config` prints.
    pub sources: Vec<(String, String, String)>,
}

#[derive(Debug, Clone)]
pub struct Limits {
    pub connections: usize,
    pub sockets: usize,
    pub sockets_per_address: usize,
    pub body_bytes: usize,
    pub head_seconds: u64,
    pub body_seconds: u64,
    pub failures_per_minute: u32,
    pub shutdown_seconds: u64,
}

#[derive(Debug, Clone)]
pub struct Storage {
    pub connections: usize,
    pub queue_length: usize,
}

#[derive(Debug, Clone)]
pub struct Webhooks {
    /// Networks that may be called although they are not public.
    pub allowed_networks: Vec<Network>,
    pub timeout_seconds: u64,
    /// Between an attempt and the next one.
    pub schedule_seconds: Vec<u64>,
}

#[derive(Debug, Clone)]
pub struct Visitors {
    /// Of one address.
    pub calls_per_minute: u32,
    /// In one conversation.
    pub messages_per_minute: u32,
}

#[derive(Debug, Clone)]
pub struct Files {
    pub max_bytes: u64,
}

/// The server that takes our e-mail.
#[derive(Debug, Clone)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub encryption: Encryption,
    /// Name and password.
    pub credentials: Option<(String, Secret)>,
    pub from: Mailbox,
    pub timeout: Duration,
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    None,
    /// Begun in the clear, and never gone on with so.
    StartTls,
    Tls,
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Everything that is wrong with a configuration, a line each.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid(pub Vec<String>);

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Invalid {}

impl Config {
    /// Reads the file, if there is one, and the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, Invalid> {
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let Some(path) = file else {
            return Self::read(None, environment);
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| Invalid(vec![format!("{}: {error}", path.display())]))?;
        Self::read(Some((&path.display().to_string(), &text)), environment)
    }

    /// From a file's name and text and an environment; a test gives its own.
    pub fn read(
        file: Option<(&str, &str)>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Invalid> {
        let mut keys = Keys { values: BTreeMap::new(), faults: Vec::new(), sources: Vec::new() };
        keys.set_all("default", MANUAL);
        if let Some((name, text)) = file {
            keys.set_all(name, text);
        }
        for (name, value) in environment {
            keys.set_from_environment(&name, value);
        }
        let config = Self::from_keys(&mut keys);
        match config {
            Some(config) if keys.faults.is_empty() => Ok(Self { sources: keys.sources, ..config }),
            _ => Err(Invalid(keys.faults)),
        }
    }

    fn from_keys(keys: &mut Keys) -> Option<Self> {
        let data_dir = keys.parsed("data_dir", |text| match text {
            "" => Err("it must name a folder".into()),
            text => Ok(PathBuf::from(text)),
        });
        let database = keys.parsed("database", |text| match text {
            "" => Ok(Address::Sqlite(data_dir.clone().unwrap_or_default().join("rozmowa.sqlite"))),
            text => text.parse().map_err(|error: rozmowa_db::Error| error.to_string()),
        });
        let time_zone = keys.parsed("time_zone", |text| {
            TimeZone::get(text)
                .map_err(|_| "it must be a zone's name, such as Europe/Warsaw".into())
        });
        let phone_region = keys.parsed("phone_region", |text| {
            text.parse().map_err(|_| "it must be a country's two letters, such as PL".into())
        });
        let [trusted_proxies, allowed_networks] =
            ["trusted_proxies", "webhooks.allowed_networks"].map(|key| keys.list(key, str::parse));
        let schedule_seconds = keys.list("webhooks.schedule_seconds", |part| {
            part.parse().map_err(|_| "it must hold whole numbers".to_owned())
        });
        let timeout_seconds = keys.number("webhooks.timeout_seconds");
        let public_url = keys.take("public_url");
        let [listen, tls_listen, metrics_listen] =
            ["listen", "tls.listen", "metrics.listen"].map(|key| keys.address(key));
        let (tls_certificate, tls_key) = (keys.take("tls.certificate"), keys.take("tls.key"));
        let log_level = keys.parsed("log.level", |text| match text {
            "error" | "warn" | "info" | "debug" => text.parse().map_err(|error| format!("{error}")),
            _ => Err("it must be error, warn, info or debug".into()),
        });
        let [
            connections,
            sockets,
            sockets_per_address,
            body_bytes,
            head_seconds,
            body_seconds,
            failures,
            shutdown_seconds,
        ] = [
            "limits.connections",
            "limits.sockets",
            "limits.sockets_per_address",
            "limits.body_bytes",
            "limits.head_seconds",
            "limits.body_seconds",
            "limits.failures_per_minute",
            "limits.shutdown_seconds",
        ]
        .map(|key| keys.number(key));
        let [storage_connections, queue_length] =
            ["storage.connections", "storage.queue_length"].map(|key| keys.number(key));
        let [calls_per_minute, messages_per_minute, max_bytes] =
            ["visitors.calls_per_minute", "visitors.messages_per_minute", "files.max_bytes"]
                .map(|key| keys.number(key));
        let smtp = Self::smtp(keys);
        // Only now, so that all faults are told.
        let config = Self {
            listen: listen?,
            public_url: public_url?,
            trusted_proxies: trusted_proxies?,
            database: database?,
            data_dir: data_dir?,
            time_zone: time_zone?,
            phone_region: phone_region?,
            tls_listen: tls_listen?,
            tls_certificate: tls_certificate?,
            tls_key: tls_key?,
            metrics_listen: metrics_listen?,
            log_level: log_level?,
            limits: Limits {
                connections: connections? as usize,
                sockets: sockets? as usize,
                sockets_per_address: sockets_per_address? as usize,
                body_bytes: body_bytes? as usize,
                head_seconds: head_seconds?.into(),
                body_seconds: body_seconds?.into(),
                failures_per_minute: failures?,
                shutdown_seconds: shutdown_seconds?.into(),
            },
            storage: Storage {
                connections: storage_connections? as usize,
                queue_length: queue_length? as usize,
            },
            webhooks: Webhooks {
                allowed_networks: allowed_networks?,
                timeout_seconds: timeout_seconds?.into(),
                schedule_seconds: schedule_seconds?,
            },
            visitors: Visitors {
                calls_per_minute: calls_per_minute?,
                messages_per_minute: messages_per_minute?,
            },
            files: Files { max_bytes: max_bytes?.into() },
            smtp: smtp?,
            is_demo: false,
            sources: Vec::new(),
        };
        config.check(&mut keys.faults);
        Some(config)
    }

    /// What links to pages of ours start with: the public address, which may be a setting, or that of a listener on loopback.
    pub fn base_url(&self, set: &str) -> String {
        let public = if self.public_url.is_empty() { set } else { &self.public_url };
        match (public.trim_end_matches('/'), self.listen, self.tls_listen) {
            ("", Some(address), _) => format!("http://{address}"),
            ("", None, Some(address)) => format!("https://{address}"),
            (public, ..) => public.to_owned(),
        }
    }

    #[expect(clippy::option_option, reason = "faults, or a mail server or none")]
    fn smtp(keys: &mut Keys) -> Option<Option<Smtp>> {
        let host: Option<String> = keys.parsed("smtp.host", |text| match Host::parse(text) {
            _ if text.is_empty() || text.parse::<IpAddr>().is_ok() => Ok(text.to_owned()),
            Ok(Host::Domain(_)) => Ok(text.to_owned()),
            Ok(address) => Ok(address.to_string().trim_matches(['[', ']']).to_owned()),
            Err(_) => Err("it must be a name or an address, without a port".into()),
        });
        let port = keys.parsed("smtp.port", |text| match text.parse() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err("it must be a port such as 587, 465 or 25".into()),
        });
        let encryption = keys.parsed("smtp.encryption", |text| match text {
            "none" => Ok(Encryption::None),
            "starttls" => Ok(Encryption::StartTls),
            "tls" => Ok(Encryption::Tls),
            _ => Err("it must be none, starttls or tls".into()),
        });
        let user: Option<String> = keys.take("smtp.user");
        let password: Option<String> = keys.take("smtp.password");
        let address = keys.parsed("smtp.from", |text| match text {
            "" => Ok(None),
            text => mail::address(text)
                .map(Some)
                .ok_or_else(|| "it must be an e-mail address, as in chat@example.org".to_owned()),
        });
        let name: Option<String> = keys.take("smtp.from_name");
        let seconds = keys.number("smtp.timeout_seconds");
        let (host, port, encryption, user) = (host?, port?, encryption?, user?);
        let (password, address, name, seconds) = (password?, address?, name?, seconds?);
        if host.is_empty() {
            return Some(None);
        }
        let faults = &mut keys.faults;
        if user.is_empty() != password.is_empty() {
            faults.push("smtp.user: it and smtp.password are needed together".to_owned());
        }
        if encryption == Encryption::None && !user.is_empty() && !is_this_machine(&host) {
            faults.push(format!(
                "smtp.encryption: the password would travel to {host} in the clear; it must be starttls or tls"
            ));
        }
        let Some(address) = address else {
            faults.push("smtp.from: it is required when smtp.host is set".to_owned());
            return None;
        };
        let name = mail::body::line(&name);
        Some(Some(Smtp {
            host,
            port,
            encryption,
            credentials: (!user.is_empty()).then_some((user, Secret(password))),
            from: Mailbox::new((!name.is_empty()).then_some(name), address),
            timeout: Duration::from_secs(seconds.into()),
        }))
    }

    /// Where a value came from that was put in the place of a configured one.
    pub fn tell_source(&mut self, key: &str, value: &str, source: &str) {
        for (known, shown, from) in &mut self.sources {
            if known == key {
                *shown = masked(key, value);
                source.clone_into(from);
            }
        }
    }

    /// Serves at another address than what is configured.
    pub fn listen_at(&mut self, address: SocketAddr) -> Result<(), String> {
        self.listen = Some(address);
        self.tell_source("listen", &address.to_string(), "command line");
        let mut faults = Vec::new();
        self.check(&mut faults);
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
    }

    /// What keys ask of each other.
    fn check(&self, faults: &mut Vec<String>) {
        let beyond_loopback = [self.listen, self.tls_listen]
            .into_iter()
            .flatten()
            .any(|address| !address.ip().is_loopback());
        if beyond_loopback && self.public_url.is_empty() {
            faults.push(
                "public_url: it is required when a listener is not on loopback, as in \
                 \"https://chat.example.org\""
                    .into(),
            );
        }
        if self.smtp.is_some() && self.public_url.is_empty() {
            faults.push(
                "public_url: it is required when smtp.host is set: e-mails hold links".into(),
            );
        }
        let url = &self.public_url;
        if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
            faults.push("public_url: it must start with https:// or http://".into());
        }
        if self.tls_listen.is_some() {
            for (name, path) in
                [("tls.certificate", &self.tls_certificate), ("tls.key", &self.tls_key)]
            {
                if path.as_os_str().is_empty() {
                    faults.push(format!("{name}: it is required when tls.listen is set"));
                }
            }
        }
        if self.listen.is_none() && self.tls_listen.is_none() {
            faults.push("listen: at least one of listen and tls.listen must be set".into());
        }
    }
}

struct Keys {
    values: BTreeMap<String, (String, String)>,
    faults: Vec<String>,
    sources: Vec<(String, String, String)>,
}

impl Keys {
    fn set_all(&mut self, source: &str, text: &str) {
        let table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => return self.faults.push(format!("{source}: {error}")),
        };
        let mut flat = Vec::new();
        flatten("", &table, &mut flat);
        for (key, value) in flat {
            if source != "default" && !self.values.contains_key(&key) {
                let near = self.nearest(&key, str::to_owned);
                self.faults.push(format!("{source}: unknown key {key}; did you mean {near}?"));
                continue;
            }
            self.values.insert(key, (value, source.to_owned()));
        }
    }

    fn set_from_environment(&mut self, name: &str, value: String) {
        let variable = |key: &str| format!("ROZMOWA_{}", key.to_uppercase().replace('.', "_"));
        // Where the file is, and what the tests start, are no keys of the configuration.
        if !name.starts_with("ROZMOWA_")
            || name == "ROZMOWA_CONFIG"
            || name.starts_with("ROZMOWA_TEST_")
        {
            return;
        }
        let Some(key) = self.values.keys().find(|key| variable(key) == name).cloned() else {
            let near = self.nearest(name, variable);
            self.faults.push(format!("environment: unknown variable {name}; did you mean {near}?"));
            return;
        };
        self.values.insert(key, (value, format!("environment {name}")));
    }

    fn nearest(&self, given: &str, spelled: impl Fn(&str) -> String) -> String {
        self.values
            .keys()
            .map(|key| spelled(key))
            .min_by_key(|known| strsim::damerau_levenshtein(known, given))
            .unwrap_or_default()
    }

    fn parsed<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let (value, source) = self.values.get(key).cloned().unwrap_or_default();
        let parsed = parse(&value);
        self.sources.push((key.to_owned(), masked(key, &value), source.clone()));
        parsed
            .map_err(|error| {
                let value = masked(key, &value);
                self.faults.push(format!("{source}: {key}: {error} (it is \"{value}\")"));
            })
            .ok()
    }

    fn take<T: FromStr<Err: std::fmt::Display>>(&mut self, key: &str) -> Option<T> {
        self.parsed(key, |text| text.parse().map_err(|error| format!("{error}")))
    }

    fn list<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        self.parsed(key, |text| {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(&parse).collect()
        })
    }

    fn number(&mut self, key: &str) -> Option<u32> {
        self.parsed(key, |text| match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err("it must be a whole number of 1 or more".into()),
        })
    }

    #[expect(clippy::option_option, reason = "a fault, or an address or none")]
    fn address(&mut self, key: &str) -> Option<Option<SocketAddr>> {
        self.parsed(key, |text| match text {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                "it must be an address and a port, as in 127.0.0.1:8080 or [::1]:8080".into()
            }),
        })
    }
}

fn flatten(prefix: &str, table: &toml::Table, out: &mut Vec<(String, String)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, out),
            toml::Value::Array(items) => {
                let items: Vec<_> = items.iter().map(plain).collect();
                out.push((key, items.join(",")));
            }
            other => out.push((key, plain(other))),
        }
    }
}

fn plain(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Passwords as stars, also in an address: `postgres://user:password@host/` and `…?password=…`.
fn masked(key: &str, value: &str) -> String {
    if key == "smtp.password" && !value.is_empty() {
        return "***".to_owned();
    }
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let rest = match rest.rsplit_once('@') {
        Some((credentials, host)) => {
            let user = credentials.split(':').next().unwrap_or_default();
            format!("{user}:***@{host}")
        }
        None => rest.to_owned(),
    };
    let rest = match rest.split_once("password=") {
        Some((before, after)) => {
            let others =
                after.split_once('&').map_or(String::new(), |(_, others)| format!("&{others}"));
            format!("{before}password=***{others}")
        }
        None => rest,
    };
    format!("{scheme}://{rest}")
}

fn is_this_machine(host: &str) -> bool {
    let address: Result<IpAddr, _> = host.parse();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

/// Prints a configuration as a file that could be read back, each key with its source.
pub fn explain(config: &Config) -> String {
    config.sources.iter().fold(String::new(), |mut text, (key, value, source)| {
        let _ = writeln!(text, "{key} = {value:?}  # {source}");
        text
    })
}

/// An address range: `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "it must hold networks such as 10.0.0.0/8 or fd00::/8".to_owned();
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), |p| p.parse().map_err(|_| wrong()))?;
        if prefix > longest { Err(wrong()) } else { Ok(Self { address, prefix }) }
    }
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits() ^ address.to_bits()).checked_shr(32 - self.prefix).unwrap_or(0)
                    == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits()).checked_shr(128 - self.prefix).unwrap_or(0)
                    == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, Invalid> {
        Config::read(Some(("rozmowa.toml", text)), [])
    }

    #[test]
    fn the_shipped_file_and_no_file_mean_the_same() {
        let (none, shipped) = (Config::read(None, []).unwrap(), read(MANUAL).unwrap());
        let values = |config: Config| -> Vec<_> {
            config.sources.into_iter().map(|(key, value, _)| (key, value)).collect()
        };
        let (none, shipped) = (values(none), values(shipped));
        assert_eq!(none, shipped);
        // Every key of the file is read, or a reader of the manual would be told of one that does nothing.
        let mut flat = Vec::new();
        flatten("", &MANUAL.parse().unwrap(), &mut flat);
        assert_eq!(flat.len(), none.len());
    }

    #[test]
    fn all_faults_are_told_at_once_and_unknown_keys_name_the_nearest() {
        let Err(Invalid(faults)) = read("lisen = \"x\"\ntime_zone = \"Mars\"\n[tls]\nkeys = \"\"")
        else {
            panic!("it was taken");
        };
        let all = faults.join("\n");
        assert!(all.contains("unknown key lisen; did you mean listen?"), "{all}");
        assert!(all.contains("unknown key tls.keys; did you mean tls.key?"), "{all}");
        assert!(all.contains("time_zone: it must be a zone's name"), "{all}");
    }

    #[test]
    fn the_environment_wins_and_unknown_variables_are_told() {
        let set = |name: &str, value: &str| {
            Config::read(Some(("f", "time_zone = \"UTC\"")), [(name.to_owned(), value.to_owned())])
        };
        let config = set("ROZMOWA_TLS_CERTIFICATE", "/etc/cert.pem").unwrap();
        assert_eq!(config.tls_certificate, PathBuf::from("/etc/cert.pem"));
        let told = set("ROZMOWA_LISTENN", "").unwrap_err().to_string();
        assert!(told.contains("did you mean ROZMOWA_LISTEN?"), "{told}");
    }

    #[test]
    fn passwords_are_masked() {
        let config = read("database = \"postgres://rozmowa:s3cr@t@db/chat\"").unwrap();
        let text = explain(&config);
        assert!(
            text.contains("postgres://rozmowa:***@db/chat") && !text.contains("s3cr"),
            "{text}"
        );
    }

    #[test]
    fn beyond_loopback_the_public_address_is_required() {
        assert!(read("listen = \"0.0.0.0:80\"").unwrap_err().to_string().contains("public_url"));
        assert!(read("listen = \"0.0.0.0:80\"\npublic_url = \"https://chat.example.org\"").is_ok());
    }

    #[test]
    fn e_mail_is_off_until_there_is_a_host_and_then_all_of_it_is_looked_at() {
        assert!(read("").unwrap().smtp.is_none());
        assert!(read("smtp.user = \"chat\"").unwrap().smtp.is_none());
        let url =
            "public_url = \"https://chat.example.org\"\n[smtp]\nhost = \"mail.example.org\"\n";
        let good = format!(
            "{url}user = \"chat\"\npassword = \"hunter2\"\nfrom = \"chat@example.org\"\nfrom_name = \"Sklep\\r\\nBcc: x\""
        );
        let config = read(&good).unwrap();
        let smtp = config.smtp.as_ref().unwrap();
        assert_eq!((smtp.port, smtp.encryption), (587, Encryption::StartTls));
        assert_eq!(smtp.from.name.as_deref(), Some("Sklep Bcc: x"));
        let told = format!("{config:?}{}", explain(&config));
        assert!(!told.contains("hunter2") && told.contains("smtp.password = \"***\""), "{told}");
        for (lines, fault) in [
            ("", "smtp.from: it is required"),
            ("from = \"chat\"", "smtp.from: it must be an e-mail address"),
            ("from = \"a@b.pl\"\nuser = \"x\"", "smtp.user: it and smtp.password"),
            ("from = \"a@b.pl\"\nencryption = \"ssl\"", "none, starttls or tls"),
            ("from = \"a@b.pl\"\nport = 0", "smtp.port: it must be a port"),
            ("from = \"a@b.pl\"\nport = 70000", "smtp.port: it must be a port"),
            ("from = \"a@b.pl\"\ntimeout_seconds = 0", "smtp.timeout_seconds: it must be"),
            (
                "from = \"a@b.pl\"\nencryption = \"none\"\nuser = \"x\"\npassword = \"hunter2\"",
                "smtp.encryption: the password would travel",
            ),
            ("from = \"a@b.pl\"\npasword = \"hunter2\"", "did you mean smtp.password?"),
        ] {
            let told = read(&format!("{url}{lines}")).unwrap_err().to_string();
            assert!(told.contains(fault) && !told.contains("hunter2"), "{lines}: {told}");
        }
        let told = read("[smtp]\nhost = \"mail:25\"\nfrom = \"a@b.pl\"").unwrap_err().to_string();
        assert!(told.contains("smtp.host: it must be a name"), "{told}");
        let told = read("[smtp]\nhost = \"mail\"\nfrom = \"a@b.pl\"").unwrap_err().to_string();
        assert!(told.contains("public_url: it is required when smtp.host"), "{told}");
    }

    #[test]
    fn networks_contain_their_addresses() {
        let network: Network = "10.1.0.0/16".parse().unwrap();
        assert!(network.contains("10.1.255.1".parse().unwrap()));
        assert!(network.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!network.contains("10.2.0.1".parse().unwrap()));
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("8.8.8.8".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Network>().is_err());
    }
}
