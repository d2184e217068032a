//! E-mail to those who are not there.

pub mod letter;
pub mod unread;
