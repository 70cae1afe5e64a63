//! Ports on loopback for daemons that are started more than once.

use std::{
    net::{Ipv4Addr, TcpListener, UdpSocket},
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the ports that systems give to outgoing connections, any of which may come between two starts of a daemon.
const FIRST: u16 = 10_240;
const COUNT: u16 = 20_000;

/// A port that no other test takes while this lives, in whatever process: its number is held for UDP, which nobody uses here.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    _held: UdpSocket,
}

impl Port {
    pub(crate) fn reserve() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let begin = std::process::id().wrapping_mul(97);
        let try_next = || {
            let offset = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed).into()) % u32::from(COUNT);
            let number = FIRST + u16::try_from(offset).unwrap();
            let held = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
            let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok();
            is_free.then_some(Self { number, _held: held })
        };
        (0..COUNT).find_map(|_| try_next()).expect("one port is free")
    }
}
