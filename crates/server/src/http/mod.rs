//! What every door shares: errors, parameters, callers, calls, and the way a request comes in and goes out.

pub mod address;
pub mod auth;
pub mod call;
pub mod error;
pub mod health;
pub mod html;
pub mod idempotency;
pub mod json;
pub mod listen;
pub mod metrics;
pub mod origin;
pub mod page;
pub mod params;
pub mod service;
pub mod tag;
pub mod tls;

pub use call::{Call, Reply};
pub use error::{Code, Error, Fault};
