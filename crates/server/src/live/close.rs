//! Why a socket is closed, and what its client does then.

use super::hub::End;
use crate::http::{Code, Error};

/// The numbers are part of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The client said so.
    Done = 1000,
    /// The server stops or starts anew.
    Restart = 4001,
    /// The client took too long to read: what follows is in the log.
    Resync = 4002,
    /// No hello, or no answer to a ping, in time.
    Silent = 4003,
    /// The store is not available.
    Unavailable = 4004,
    /// Many frames in a short time.
    Flooding = 4005,
    /// Not a frame of this protocol.
    BadFrame = 4010,
    /// The token or the session is wrong, over or revoked.
    Refused = 4011,
    /// The conversation was deleted.
    Deleted = 4012,
    /// A version of the protocol that this server does not speak.
    Version = 4013,
}

impl Close {
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// For people who read logs.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Restart => "the server restarts: reconnect",
            Self::Resync => "too slow: reconnect and resume",
            Self::Silent => "no answer: reconnect",
            Self::Unavailable => "not available: reconnect later",
            Self::Flooding => "too many frames: reconnect later",
            Self::BadFrame => "not a frame of this protocol",
            Self::Refused => "not permitted",
            Self::Deleted => "the conversation was deleted",
            Self::Version => "not a version that is spoken here",
        }
    }
}

impl From<End> for Close {
    fn from(end: End) -> Self {
        match end {
            End::Behind => Self::Resync,
            End::Stopping => Self::Restart,
        }
    }
}

/// What a failure means for the socket as such.
impl From<&Error> for Close {
    fn from(error: &Error) -> Self {
        let is = |code: Code| error.faults().iter().any(|fault| fault.code == code);
        if error.is_stale_credential() || is(Code::NotSignedIn) || is(Code::BadVisitorToken) {
            Self::Refused
        } else {
            Self::Unavailable
        }
    }
}
