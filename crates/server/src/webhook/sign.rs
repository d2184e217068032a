//! Signatures by Standard Webhooks: <https://www.standardwebhooks.com>.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::clock::Ids;

const PREFIX: &str = "whsec_";
const LENGTH: usize = 32;

/// A secret as receivers configure it: `whsec_` and its bytes in base64.
pub fn new_secret(ids: &Ids) -> String {
    format!("{PREFIX}{}", STANDARD.encode(ids.bytes::<LENGTH>()))
}

/// The `webhook-signature` header: one signature for each secret that is good now.
pub fn header(secrets: &[String], id: &str, timestamp_seconds: i64, body: &[u8]) -> String {
    let signatures = secrets.iter().filter_map(|secret| {
        let key = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length of key is good");
        mac.update(format!("{id}.{timestamp_seconds}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_comes_out() {
        let secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()];
        let body = br#"{"test": 2432232314}"#;
        let signature = header(&secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
