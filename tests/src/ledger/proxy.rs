//! Stands between a ledger and its server, and misbehaves when told to.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

/// What it does with what the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Manner {
    /// Hands it on.
    Honest,
    /// Keeps it, and the connection open.
    Silent,
    /// Hands on something else.
    Garbage,
    /// Closes the connection instead, in the middle of an answer.
    Cut,
    /// Hands it on byte by byte, with time in between.
    Drip,
}

impl Manner {
    const ALL: [Self; 5] = [
        Self::Honest,
        Self::Silent,
        Self::Garbage,
        Self::Cut,
        Self::Drip,
    ];
}

/// The proxy; its threads end with the process.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    manner: Arc<AtomicU8>,
}

impl Proxy {
    /// In front of this server, honest.
    pub(super) fn of(server: (String, u16)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            manner: Arc::default(),
        };
        let manner = Arc::clone(&proxy.manner);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let server = TcpStream::connect(&server).unwrap();
                join(client, server, &manner);
            }
        });
        proxy
    }

    /// From now on, for connections old and new.
    pub(super) fn be(&self, manner: Manner) {
        self.manner.store(manner as u8, Ordering::Relaxed);
    }
}

fn join(client: TcpStream, server: TcpStream, manner: &Arc<AtomicU8>) {
    let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let manner = Arc::clone(manner);
    thread::spawn(move || hand_on(client_too, server_too, &AtomicU8::new(0)));
    thread::spawn(move || hand_on(server, client, &manner));
}

fn hand_on(mut from: TcpStream, mut to: TcpStream, manner: &AtomicU8) {
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        let bytes = &bytes[..length];
        let manner = Manner::ALL[usize::from(manner.load(Ordering::Relaxed))];
        let handed = match manner {
            Manner::Honest => to.write_all(bytes),
            Manner::Silent => Ok(()),
            Manner::Garbage => to.write_all(&[0xff; 64]),
            Manner::Drip => drip(bytes, &mut to),
            Manner::Cut => {
                let _ = to.write_all(&bytes[..length / 2]);
                break;
            }
        };
        if handed.is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn drip(bytes: &[u8], to: &mut TcpStream) -> std::io::Result<()> {
    for byte in bytes {
        thread::sleep(Duration::from_millis(300));
        to.write_all(&[*byte])?;
    }
    Ok(())
}
