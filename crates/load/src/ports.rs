//! Free loopback ports for the processes that are measured.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
};

use crate::random::Random;

/// Below the range that Linux hands to outgoing connections (32768 and up): a load generator opens
/// hundreds of those, and one of them could take the port of a server that is just being restarted.
const FIRST: u16 = 18_000;
const COUNT: u64 = 14_000;

pub(crate) fn free_port() -> io::Result<u16> {
    let mut random = Random::from_system();
    for _ in 0..200 {
        let offset = u16::try_from(random.below(COUNT)).expect("the count fits a port number");
        let port = FIRST + offset;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
