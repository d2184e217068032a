//! Visitors: what opens one conversation, and nothing else, to the person it is about.

pub mod api;
pub mod browser;
pub mod console;
pub mod data;
pub mod door;
pub mod gate;
pub mod identity;
pub mod limit;
pub mod open;
pub mod show;
pub mod token;
pub mod transcript;
pub mod view;
