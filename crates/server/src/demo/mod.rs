//! What `rozmowa demo` has and no other server: sample data, and an agent that is a script.

pub mod samples;
pub mod script;
mod words;
