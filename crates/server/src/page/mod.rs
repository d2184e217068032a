//! What browsers get: the script for the company's pages, the chat, and what they load.
//!
//! The files are built from `web/` and are part of the binary. Without Node there are none; the server is the same without
//! them, and says what is missing.

pub mod asset;
pub mod chat;
pub mod console;
mod dist;
mod notice;
pub mod reference;
pub mod script;
pub mod shop;
mod wanted;

pub use dist::{is_built, is_console_built};
