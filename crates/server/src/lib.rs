//! Rozmowa: a self-hosted live-chat server that speaks the Thulium chat API.
//!
//! Doors (`http`, and `api.rs` in each room) lead to rooms, rooms to the store; see `docs/ARCHITECTURE.md`.

pub mod account;
pub mod act;
pub mod agent;
pub mod app;
pub mod audit;
pub mod block;
pub mod bot;
pub mod canned;
pub mod clause;
pub mod cli;
pub mod clock;
pub mod config;
pub mod conversation;
pub mod counter;
pub mod customer;
pub mod demo;
pub mod directory;
pub mod file;
pub mod http;
pub mod installation;
pub mod label;
pub mod live;
pub mod locale;
pub mod lookup;
pub mod mail;
pub mod page;
pub mod pause;
pub mod person;
pub mod queue;
pub mod report;
pub mod router;
pub mod routing;
pub mod schema;
pub mod search;
pub mod secret;
pub mod server;
pub mod setting;
pub mod time;
pub mod timer;
pub mod visitor;
pub mod wall;
pub mod webhook;
