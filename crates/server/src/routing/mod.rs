//! Routing: which agent gets which conversation.

pub mod no_answer;
pub mod worker;
