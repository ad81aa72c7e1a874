//! Names and ports that two processes hardly choose alike.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Below the range from which Linux (32768) and others (49152) give out ports unasked: so nobody is
/// given a port while its server is down for a moment.
const PORTS: Range<u16> = 10_000..32_000;
/// How many ports are tried before giving up.
const TRIES: usize = 1000;

/// Returns a number that is different each time.
pub(crate) fn number() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// Binds a listener to a free port of 127.0.0.1.
pub(crate) fn listener() -> io::Result<TcpListener> {
    for _ in 0..TRIES {
        let span = u64::from(PORTS.end - PORTS.start);
        let port = PORTS.start + (number() % span) as u16;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            bound => return bound,
        }
    }
    Err(io::Error::other(format!("none of {TRIES} ports tried between {} and {} is free", PORTS.start, PORTS.end)))
}

/// Returns a port of 127.0.0.1 that was free a moment ago, and that nobody is given who asks for any.
pub fn free_port() -> io::Result<u16> {
    Ok(listener()?.local_addr()?.port())
}
