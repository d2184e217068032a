//! Load, crash and soak tools that speak the real protocols.
//!
//! Everything here fails towards a person at a terminal, so errors are `io::Error`s with a text that
//! says what to do.

pub mod bench;
pub mod client;
pub mod closed_loop;
pub mod crash;
pub mod faults;
mod guardian;
mod pause;
mod ports;
pub mod postgres;
pub mod random;
pub mod receiver;
pub mod request;
pub mod server;
mod signal;
pub mod socket;
pub mod stats;
pub mod with_postgres;
