//! Visitors: what opens one conversation, and nothing else, to the person it is about.

pub mod token;
