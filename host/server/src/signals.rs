//! What the system tells a process to do.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals of a process that serves, caught from now on.
#[derive(Debug)]
pub struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

/// What a signal tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGTERM or SIGINT: stop.
    Stop,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// What was begun is finished, or took longer than it may.
    Drained,
    /// It was told to stop a second time, and waited for nothing more.
    AtOnce,
}

impl Signals {
    /// Catches signals from now on, inside a runtime of tokio's. What comes
    /// before it is asked for is kept.
    ///
    /// # Errors
    /// Where the system gives no signals.
    pub fn catch() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next of them.
    pub async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hangup.recv() => Told::Reload,
        }
    }

    /// Waits until it is told to stop.
    pub async fn stop(&mut self) {
        while self.next().await != Told::Stop {}
    }
}
