//! The mail server, and what it says to a letter.

use std::sync::OnceLock;
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Category;
use tokio::time::timeout;
use url::Url;

use super::body::{Envelope, Letter, line};
use crate::clock::Millis;
use crate::config::{Encryption, Smtp};

/// For a mail server to say goodbye; nobody waits for it longer.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why a letter was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In a few words.
    pub error: String,
    /// It will not be taken later either.
    pub is_final: bool,
}

/// Where a dialogue has failed.
enum Failure {
    /// Before anything was said of this letter.
    Connection(smtp::Error),
    Letter(smtp::Error),
}

pub struct Mailer {
    smtp: Smtp,
    /// What this server calls itself.
    host: String,
    /// Made for the first letter: most of its cost is reading the system's authorities.
    tls: OnceLock<TlsParameters>,
}

impl Mailer {
    pub fn new(smtp: Smtp, public_url: &str) -> Self {
        let url = Url::parse(public_url).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or("localhost").to_owned();
        Self { smtp, host, tls: OnceLock::new() }
    }

    /// Returns when the mail server has taken it. The id tells it from all other letters of this server.
    pub async fn send(
        &self,
        letter: &Letter,
        to: &str,
        id: &str,
        at: Millis,
    ) -> Result<(), Refusal> {
        let never = |error: String| Refusal { error, is_final: true };
        let to = super::address(to).ok_or_else(|| never("this is not an address".to_owned()))?;
        let id = format!("{id}@{}", self.host.trim_matches(['[', ']']));
        let message = letter
            .put_into(Envelope { from: &self.smtp.from, to, id, at })
            .map_err(|error| never(error.to_string()))?;
        match timeout(self.smtp.timeout, self.talk(&message)).await {
            Ok(Ok(mut connection)) => {
                // It has the letter, whatever comes now.
                let _ = timeout(GOODBYE, connection.quit()).await;
                Ok(())
            }
            Ok(Err(failure)) => Err(failure.into()),
            Err(_) => Err(Refusal {
                error: format!("no answer in {} s", self.smtp.timeout.as_secs()),
                is_final: false,
            }),
        }
    }

    async fn talk(&self, message: &Message) -> Result<AsyncSmtpConnection, Failure> {
        let mut connection = self.connect().await.map_err(Failure::Connection)?;
        let sent = connection.send(message.envelope(), &message.formatted()).await;
        sent.map_err(Failure::Letter)?;
        Ok(connection)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, smtp::Error> {
        let Smtp { host, port, encryption, .. } = &self.smtp;
        let hello = ClientId::Domain(self.host.clone());
        let wrapper = match encryption {
            Encryption::Tls => Some(self.tls()?),
            Encryption::None | Encryption::StartTls => None,
        };
        let place = (host.as_str(), *port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            place,
            Some(self.smtp.timeout),
            &hello,
            wrapper,
            None,
        )
        .await?;
        if *encryption == Encryption::StartTls {
            connection.starttls(self.tls()?, &hello).await?;
        }
        if let Some((user, password)) = &self.smtp.credentials {
            let credentials = Credentials::new(user.clone(), password.0.clone());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }

    fn tls(&self) -> Result<TlsParameters, smtp::Error> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let tls = TlsParameters::new(self.smtp.host.clone())?;
        Ok(self.tls.get_or_init(|| tls).clone())
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let (error, is_final) = match failure {
            Failure::Connection(error) => (error, false),
            Failure::Letter(error) => {
                // That somebody has to sign in first says nothing of the letter.
                let is_ours =
                    error.status().is_some_and(|code| code.category == Category::Unspecified3);
                let is_final = (error.is_permanent() && !is_ours) || error.is_client();
                (error, is_final)
            }
        };
        Self { error: line(&error.to_string()), is_final }
    }
}
