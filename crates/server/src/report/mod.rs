//! Reports: what became of conversations, counted by period and agent.
//!
//! A report counts narrow rows, one a conversation ([`fact`]). They are made from the log by who follows it for the search, so a start
//! pays nothing for them; what has happened since is read from the log itself, so an answer reflects all that was acknowledged before
//! it. They hold nothing that the log does not say, and can be made anew at any time ([`build`]).

pub mod api;
pub mod build;
pub mod console;
pub mod fact;
pub mod period;
pub mod summary;
pub mod tally;
pub mod whole;
